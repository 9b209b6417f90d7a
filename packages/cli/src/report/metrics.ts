/** What runs are compared by: names of metrics, and how their numbers are written. */
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
const percent = written({ scale: 100, digits: 1 }, " %");
const metric = (name: string, title: string, how: Pick<Metric, "over" | "format">): Metric => ({
  name,
  title,
  of: last(name),
  ...how,
});

/** The reward of all steps of a run, of which each record has the mean since the one before. */
function meanReward({ records }: Outcome): number | undefined {
  if (records.length === 0 || typeof records[0].onlineReward !== "number") return undefined;
  const sum = records.reduce(
    (total, { onlineReward, step }, i) => total + Number(onlineReward) * (step - (records[i - 1]?.step ?? 0)),
    0,
  );
  return sum / records[records.length - 1].step;
}

/** The steps after which the last 100 batches had half of the highest reward; infinite where they never did. */
function stepsToHalf({ records }: Outcome): number | undefined {
  if (records.length === 0 || typeof records[0].last100 !== "number") return undefined;
  return records.find(({ last100 }) => Number(last100) >= 0.5)?.step ?? Infinity;
}

/** The median, which runs that never got there do not spoil. */
const typical: Metric["over"] = (values) => {
  const middle = median(values);
  return { mean: middle, low: middle, high: middle, count: values.length };
};

/** The metrics that reports know, in the order of their columns; a run has some of them. */
export const metrics: readonly Metric[] = [
  metric("onlineAccuracy", "online accuracy", percent),
  metric("testAccuracy", "test accuracy", percent),
  metric("last100", "reward, last 100 batches", written({ digits: 3 })),
  { name: "meanReward", title: "reward, whole run", of: meanReward, ...written({ digits: 3 }) },
  {
    name: "stepsToHalf",
    title: "steps to reward 0.5 (median)",
    of: stepsToHalf,
    over: typical,
    format: ({ mean }) => (Number.isFinite(mean) ? mean.toLocaleString("en") : "not reached"),
  },
  metric("elbo", "ELBO", written({ digits: 2 })),
  metric("testElbo", "test ELBO", written({ digits: 2 })),
  metric("testBound", "test bound", written({ digits: 2 })),
  metric("logGradientVariance", "ln gradient variance", written({ digits: 2 })),
];

/** The value in the middle: the lower one of two. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[(values.length - 1) >> 1];

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
