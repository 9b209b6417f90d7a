/** What runs are compared by: names of metrics, and how their numbers are written. */
import type { TaskMetric } from "flipnet/internal/tasks/definition";
import { findTask } from "flipnet/internal/tasks/registry";
import { median } from "../running/median.ts";
import type { StoredRun } from "../running/run-folder.ts";
import { type Average, average, type Bands, formatAverage } from "./statistics.ts";

/** What a run has come to. */
type Outcome = Pick<StoredRun, "records" | "summary">;

/** One number that a run ends with. */
export interface Metric {
  name: string;
  title: string;
  /** Undefined where the run has none. */
  of: (run: Outcome) => number | undefined;
  /** What it is over seeds. */
  over: (values: readonly number[], bands: Bands) => Average;
  format: (value: Average, bands: Bands) => string;
}

/** The summary's number, or the last record's. */
const last = (name: string) => (run: Outcome) => {
  const value = run.summary?.[name] ?? run.records.at(-1)?.[name];
  return typeof value === "number" ? value : undefined;
};

const written = (style: { scale?: number; digits: number }, unit = "") => ({
  over: average,
  format: (value: Average, bands: Bands) => formatAverage(value, bands, style) + unit,
});
/** The median, which runs that never got there do not spoil. */
const typical: Metric["over"] = (values) => {
  const middle = median(values);
  return { mean: middle, low: middle, high: middle, count: values.length };
};

/** A task's metric as a column. */
function columnOf({ name, title, digits, percent, of }: TaskMetric): Metric {
  const value =
    of === undefined ? last(name) : ({ records }: Outcome) => (records.length > 0 ? of(records) : undefined);
  const style =
    digits === undefined
      ? {
          over: typical,
          format: ({ mean }: Average) => (Number.isFinite(mean) ? mean.toLocaleString("en") : "not reached"),
        }
      : written({ digits, ...(percent && { scale: 100 }) }, percent ? " %" : "");
  return { name, title, of: value, ...style };
}

/** The metrics that reports know of a task's runs, in the order of their columns; a run has some of them. */
export const metricsOf = (task: string): Metric[] => [
  ...(findTask(task)?.metrics ?? []).map(columnOf),
  {
    name: "logGradientVariance",
    title: "ln gradient variance",
    of: last("logGradientVariance"),
    ...written({ digits: 2 }),
  },
];

/** Seconds that a run's steps took; going through held-out data is not in it. */
export const trainingSeconds = ({ records }: Pick<Outcome, "records">): number =>
  records.reduce(
    (sum, { msPerStep, step }, i) => sum + (msPerStep * (step - (records[i - 1]?.step ?? 0))) / 1000,
    0,
  );

/** Seconds as people say them: `7 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}
