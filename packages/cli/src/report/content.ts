/** What a report shows: runs by task, panel and method, and which of them its means are of. */
import { generator } from "flipnet/internal/random/threefry";
import { median } from "../running/median.ts";
import type { StoredRun } from "../running/run-folder.ts";
import { alongOf, hasEnded, lengthOf, ofLength } from "../settings/config.ts";
import { distinct, groupBy } from "./lists.ts";
import type { RunNames } from "./methods.ts";
import { type Metric, trainingSeconds } from "./metrics.ts";
import { type Average, average, type Bands, pairedDifferences } from "./statistics.ts";

/** A run as a report shows it: runs of one method and panel are its seeds, and are averaged. */
export interface ReportedRun extends StoredRun, RunNames {}

/** What a report says beside what is in the runs. */
export interface ReportOptions {
  title: string;
  subtitle?: string;
  /** What the paper says about it; a list, each stands on the page. */
  statements?: readonly string[];
  /** In which the runs differ from the paper's; numbered on the page. */
  differences?: readonly string[];
  /** The commands that made it. */
  commands?: readonly string[];
  /** Behind the title, of the page and of each figure: "20 of the paper's 100 epochs, 3 of 5 seeds". */
  scaledDown?: string;
  /** What is around the means; default `"interval"`. */
  bands?: Bands;
  /** After how many seconds the page is to be read again, while runs go on. */
  refresh?: number;
  /** The order of the panels; default: by their names and the numbers in these. */
  panels?: readonly string[];
}

/** All runs of one task. */
export interface Section {
  task: string;
  /** What the runs go along. */
  along: "epoch" | "step";
  /** Undefined where they all share one. */
  panels: readonly (string | undefined)[];
  methods: readonly string[];
  groups: readonly Group[];
}

/** The seeds of one method in one panel. */
export interface Group {
  panel: string | undefined;
  method: string;
  /** One a seed. */
  runs: readonly ReportedRun[];
  /** Other runs of a seed that is there already. */
  again: readonly ReportedRun[];
  /** Those of `runs` that are not as long as they were asked to be. */
  unfinished: readonly ReportedRun[];
  /**
   * What is averaged: the finished runs or, while there is none, all that have a record, as far as each of them has
   * come.
   */
  shown: readonly ReportedRun[];
  /** Epochs or steps that were asked for, and those that `shown` have; the mean where they ended by themselves. */
  asked: number;
  reached: number;
}

/** What a page or a figure is called: what is shorter than it is meant to be says so there. */
export const titled = (title: string, ...short: readonly (string | undefined)[]): string => {
  const said = short.filter((text) => text !== undefined);
  return said.length === 0 ? title : `${title}: ${said.join("; ")}`;
};

/** The runs in the order in which the report has them. */
export function sectionsOf(runs: readonly ReportedRun[], order: readonly string[] = []): Section[] {
  const named = runs.map((run) =>
    // Other random numbers are another experiment, whatever it is called.
    run.environment.generator === generator
      ? run
      : { ...run, method: `${run.method}, generator ${run.environment.generator}` },
  );
  const place = (panel = "") => order.indexOf(panel) + 1 || Infinity;
  return [...groupBy(named, ({ config }) => config.task)].map(([task, own]) => {
    const along = alongOf(own[0].config);
    const panels = distinct(own.map(({ panel }) => panel)).sort((a, b) =>
      place(a) === place(b) ? (a ?? "").localeCompare(b ?? "", "en", { numeric: true }) : place(a) - place(b),
    );
    const methods = distinct(own.map(({ method }) => method));
    const groups = panels.flatMap((panel) =>
      methods.flatMap((method) => {
        const some = own.filter((run) => run.panel === panel && run.method === method);
        return some.length === 0 ? [] : [groupOf(some)];
      }),
    );
    return { task, along, panels, methods, groups };
  });
}

function groupOf(all: readonly ReportedRun[]): Group {
  const [{ panel, method }] = all;
  // A seed counts once: the longest of its runs.
  const runs = [...groupBy(all, ({ config }) => config.seed).values()]
    .map((same) => same.reduce((a, b) => (reachOf(b) > reachOf(a) ? b : a)))
    .sort((a, b) => a.config.seed - b.config.seed);
  const again = all.filter((run) => !runs.includes(run));
  const asked = Math.max(...runs.map(({ config }) => lengthOf(config)));
  const ended = runs.filter(({ config, records }) => hasEnded(config, records));
  const finished = runs.filter((run) => reachOf(run) >= asked || ended.includes(run));
  const unfinished = runs.filter((run) => !finished.includes(run));
  const begun = runs.filter(({ records }) => records.length > 0);
  const common = Math.min(...begun.map(reachOf));
  const shown = finished.length > 0 ? finished : begun.map((run) => until(run, common));
  // Runs that ended by themselves differ in how far they came.
  const reached = shown.length === 0 ? 0 : Math.round(average(shown.map(reachOf)).mean);
  // Runs that have all ended by themselves have come as far as they could.
  const far = ended.length === runs.length ? reached : asked;
  return { panel, method, runs, again, unfinished, shown, asked: far, reached };
}

/** Epochs that a run has come to or, where its length is in steps, steps. */
export const reachOf = ({ config, records }: StoredRun): number => records.at(-1)?.[alongOf(config)] ?? 0;

/** A run as it was after so many epochs or, where its length is in steps, steps. */
function until(run: ReportedRun, reach: number): ReportedRun {
  const along = alongOf(run.config);
  const records = run.records.filter((record) => record[along] <= reach);
  return records.length === run.records.length ? run : { ...run, records, summary: undefined };
}

/** A run as it was after its first epochs: for who compares runs that were asked to be longer. */
export function untilEpoch<R extends StoredRun>(run: R, epochs: number): R {
  if (run.config.epochs <= epochs) return run;
  const records = run.records.slice(0, epochs);
  return { ...run, config: ofLength(run.config, epochs), records, summary: undefined };
}

/** How many runs are unfinished, where there are such. */
export function unfinishedIn(groups: readonly Group[]): string | undefined {
  const runs = groups.flatMap((group) => group.runs).length;
  const unfinished = groups.flatMap((group) => group.unfinished).length;
  return unfinished === 0 ? undefined : `${unfinished} of ${runs} runs are unfinished`;
}

/** A metric over the seeds that are shown; undefined where none of them has it. */
export function averageOf({ shown }: Group, { of, over }: Metric, bands: Bands): Average | undefined {
  const values = shown.flatMap((run) => of(run) ?? []);
  return values.length === 0 ? undefined : over(values, bands);
}

/**
 * How a metric differs from another group's, seed by seed; undefined where fewer than two seeds have both, and of metrics
 * that have no mean.
 */
export function differenceOf(
  group: Group,
  other: Group,
  { of, over }: Metric,
  bands: Bands,
): Average | undefined {
  if (over !== average) return undefined;
  const [ours, theirs] = [group, other].map(
    ({ shown }) =>
      new Map(
        shown.flatMap((run): [number, number][] => {
          const value = of(run);
          return value === undefined ? [] : [[run.config.seed, value]];
        }),
      ),
  );
  const differences = pairedDifferences(ours, theirs);
  return differences.length < 2 ? undefined : average(differences, bands);
}

/** What the runs that are shown took: milliseconds a step, seconds a run. */
export function timesOf({ shown }: Group): { msPerStep: number; seconds: number } | undefined {
  if (shown.length === 0) return undefined;
  const steps = shown.map(
    ({ summary, records }) => summary?.msPerStep ?? median(records.map(({ msPerStep }) => msPerStep)),
  );
  return { msPerStep: average(steps).mean, seconds: average(shown.map(trainingSeconds)).mean };
}
