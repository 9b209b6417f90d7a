/** The page of a report, from top to bottom. */

import { findTask } from "flipnet/internal/tasks/registry";
import { titleOf } from "../settings/estimator.ts";
import {
  averageOf,
  differenceOf,
  type Group,
  type ReportOptions,
  reachOf,
  type Section,
  timesOf,
  titled,
  unfinishedIn,
} from "./content.ts";
import type { Block } from "./document.ts";
import type { ReportFigure } from "./figures.ts";
import { groupBy } from "./lists.ts";
import {
  differing,
  isUsual,
  type Settings,
  settingsOf,
  showSetting,
  taskTitle,
  valuesOf,
  words,
} from "./methods.ts";
import { formatSeconds, type Metric, metricsOf, trainingSeconds } from "./metrics.ts";
import { cpusOf, describeProvenance, type Provenance } from "./provenance.ts";
import type { Average, Bands } from "./statistics.ts";
import { trainCommand } from "./train-command.ts";

/** The whole page. */
export function pageOf(
  sections: readonly Section[],
  figures: ReadonlyMap<Section, readonly ReportFigure[]>,
  made: Provenance,
  {
    title,
    subtitle,
    statements = [],
    differences = [],
    commands = [],
    scaledDown,
    bands = "interval",
  }: ReportOptions,
): Block[] {
  const several = sections.length > 1;
  return [
    heading(1, titled(title, scaledDown)),
    ...texts(subtitle),
    ...sections.flatMap((section) => [
      ...(several ? [heading(2, taskTitle(section.task))] : []),
      ...notices(sentence(unfinishedIn(section.groups))),
      ...(figures.get(section) ?? []).map(figureBlock),
      ...tablesOf(section, bands),
    ]),
    ...(statements.length === 0 ? [] : [heading(2, "What the paper says"), list(statements)]),
    ...(differences.length === 0
      ? []
      : [heading(2, "Differences from the paper's settings"), numbered(differences)]),
    ...sections.flatMap((section) => [
      heading(2, several ? `Settings: ${taskTitle(section.task).toLowerCase()}` : "Settings"),
      ...settingsOfSection(section),
    ]),
    heading(2, "How it was made"),
    ...(commands.length === 0 ? [] : [code(commands)]),
    list(describeProvenance(made)),
    ...texts("The same runs, method by method:"),
    code(sections.flatMap(trainCommands)),
    heading(2, "Numbers"),
    ...texts(
      "[records.csv](records.csv) has every record of every run, [results.json](results.json) the tables, the runs and their commands in full; the figures’ Vega-Lite specs have what is drawn.",
    ),
    folded("Every run", sections.map(runsTable)),
  ];
}

const heading = (level: 1 | 2 | 3, text: string): Block => ({ kind: "heading", level, text });
const texts = (text?: string): Block[] => (text ? [{ kind: "text", text }] : []);
const sentence = (text?: string) => text && `${text}.`;
const notices = (text?: string): Block[] => (text ? [{ kind: "text", text, style: "notice" }] : []);
const quiet = (text: string): Block => ({ kind: "text", text, style: "quiet" });
const list = (items: readonly string[]): Block => ({ kind: "list", items });
const numbered = (items: readonly string[]): Block => ({ kind: "list", items, numbered: true });
const code = (lines: readonly string[]): Block => ({ kind: "code", lines });
const folded = (summary: string, blocks: readonly Block[]): Block => ({ kind: "folded", summary, blocks });

const figureBlock = ({ file, specFile, figure, alt }: ReportFigure): Block => ({
  kind: "figure",
  ...{ file, svg: figure.svg, alt, links: [specFile] },
});

/** Method by metric, a table for each panel. */
function tablesOf({ task, along, panels, groups }: Section, bands: Bands): Block[] {
  const known = metricsOf(task).filter((metric) => groups.some((group) => averageOf(group, metric, bands)));
  const head = [
    ...["method", "seeds", `${along}s`],
    ...known.map(({ title }) => title),
    ...["ms per step", "time a run"],
  ];
  const rowOf = (group: Group) => {
    const { method, shown, runs } = group;
    const times = timesOf(group);
    return [
      method,
      part(shown.length, runs.length),
      part(group.reached, group.asked),
      ...known.map((metric) => cell(group, metric, bands)),
      ...(times ? [times.msPerStep.toPrecision(3), formatSeconds(times.seconds)] : ["", ""]),
    ];
  };
  const tables = panels.flatMap((panel) => {
    const own = groups.filter((group) => group.panel === panel);
    return [
      ...(panel === undefined ? [] : [heading(3, panel)]),
      { kind: "table", head, rows: own.map(rowOf), words: 1 } as const,
      ...notesOn(own, along).map(quiet),
      ...differenceTable(own, known, bands),
    ];
  });
  const most = Math.max(...groups.map(({ shown }) => shown.length));
  const around = {
    interval: "±: 95 % confidence intervals of the means over seeds (Student’s t).",
    deviation: "Means over seeds, in brackets their standard deviation.",
    range: "Means over seeds, in brackets the lowest and the highest.",
  };
  const meaning = [
    most > 1 ? around[bands] : "One seed each: nothing says how far another would be from it.",
    ...[findTask(task)?.note ?? []].flat(),
    ...idleBaselines(groups),
    "Times are of training steps alone, without going through held-out data.",
    ...unlikeTimes(groups),
  ];
  return [...tables, quiet(meaning.join(" "))];
}

/** How every other method differs from the first, seed by seed; nothing where no seeds are shared. */
function differenceTable(
  [first, ...others]: readonly Group[],
  metrics: readonly Metric[],
  bands: Bands,
): Block[] {
  const cells = others.map((group) => ({
    method: group.method,
    values: metrics.map((metric) => differenceOf(group, first, metric, bands)),
  }));
  const has = metrics.map((_, m) => cells.some(({ values }) => values[m] !== undefined));
  if (!has.includes(true)) return [];
  const chosen = <T>(list: readonly T[]) => list.filter((_, m) => has[m]);
  const said = (value: Average | undefined, metric: Metric) =>
    value === undefined ? "" : `${value.mean > 0 ? "+" : ""}${metric.format(value, bands)}`;
  return [
    {
      kind: "table",
      head: [`less ${first.method}`, "pairs", ...chosen(metrics).map(({ title }) => title)],
      rows: cells.map(({ method, values }) => [
        method,
        count(Math.max(0, ...values.map((value) => value?.count ?? 0))),
        ...chosen(values.map((value, m) => said(value, metrics[m]))),
      ]),
      words: 1,
    },
    quiet(
      "Differences seed by seed: what the seeds have in common cancels, so they are known better than the two means.",
    ),
  ];
}

/** Of runs that were asked for a baseline which their estimator has no use for, as once was possible. */
function idleBaselines(groups: readonly Group[]): string[] {
  const runs = groups.flatMap(({ runs, again }) => [...runs, ...again]);
  const idle = runs.filter(
    ({ config }) => config.baseline !== "none" && !titleOf(config.estimator).takesBaseline,
  );
  if (idle.length === 0) return [];
  return [
    `${idle.length} of ${runs.length} runs were asked for a baseline that their estimator has no use for; they are what they are without.`,
  ];
}

/** Times on unlike processors stand in one table, and say nothing about each other. */
function unlikeTimes(groups: readonly Group[]): string[] {
  const cpus = cpusOf(groups.flatMap(({ runs }) => runs));
  if (cpus.length < 2) return [];
  return [
    `They were measured on different processors, ${cpus.join(" and ")}: [results.json](results.json) has each run's.`,
  ];
}

const count = (n: number) => n.toLocaleString("en");
const part = (some: number, all: number) => (some < all ? `${count(some)} of ${count(all)}` : count(all));

function cell(group: Group, metric: Metric, bands: Bands): string {
  const value = averageOf(group, metric, bands);
  if (value === undefined) return "";
  const few = value.count < group.shown.length ? ` (${value.count} of ${group.shown.length} runs)` : "";
  return metric.format(value, bands) + few;
}

/** What a reader must know of the rows; said once where it is the same for several. */
function notesOn(groups: readonly Group[], along: "epoch" | "step"): string[] {
  const notes = groups.flatMap((group) =>
    [unfinishedNote(group, along), repeatedNote(group)].map((text) => ({ method: group.method, text })),
  );
  return [...groupBy(notes, ({ text }) => text)].flatMap(([text, same]) =>
    text === undefined ? [] : `${same.map(({ method }) => method).join("; ")}: ${text}`,
  );
}

function unfinishedNote(group: Group, along: "epoch" | "step"): string | undefined {
  const { runs, unfinished, shown, reached, asked } = group;
  if (unfinished.length === 0) return undefined;
  const begun = unfinished.filter(({ records }) => records.length > 0);
  const waiting = unfinished.filter(({ records }) => records.length === 0).map(({ config }) => config.seed);
  const where = [
    ...begun.map((run) => `seed ${run.config.seed} at ${along} ${count(reachOf(run))} of ${count(asked)}`),
    ...(waiting.length === 0
      ? []
      : [`seed${waiting.length > 1 ? "s" : ""} ${waiting.join(", ")} without a record`]),
  ];
  const means =
    reached === asked
      ? " Means are of the others."
      : shown.length > 1
        ? ` Means are of ${along} ${count(reached)}, as far as each of them has come.`
        : "";
  return `${unfinished.length} of ${runs.length} runs unfinished: ${where.join(", ")}.${means}`;
}

function repeatedNote({ again }: Group): string | undefined {
  if (again.length === 0) return undefined;
  return `a seed counts once; not in the means: ${again.map(({ runId }) => `\`${runId}\``).join(", ")}.`;
}

/** How the configs differ, and what they share. */
function settingsOfSection({ along, groups, panels, methods }: Section): Block[] {
  const runs = groups.flatMap((group) => group.runs.map((run) => ({ ...run, settings: settingsOf(run) })));
  const settings = (some: typeof runs) => some.map((run) => run.settings);
  const inPanels = panels.map((panel) => settings(runs.filter((run) => run.panel === panel)));
  const ofMethods = (name: string) => inPanels.some((some) => valuesOf(some, name).length > 1);
  const different = differing(settings(runs));
  const tableOf = (
    title: string,
    names: readonly string[],
    rows: readonly (readonly [string, Settings[]])[],
  ): Block => ({
    kind: "table",
    head: [title, ...names.map(words)],
    rows: rows.map(([name, some]) => [
      name,
      ...names.map((setting) =>
        valuesOf(some, setting)
          .map((value) => showSetting(setting, value))
          .join(" / "),
      ),
    ]),
    words: 1 + names.length,
  });
  const byMethod = methods.map(
    (method) => [method, settings(runs.filter((run) => run.method === method))] as const,
  );
  const byPanel = panels.map((panel, i) => [panel ?? "", inPanels[i]] as const);
  const ofPanels = different.filter((name) => !ofMethods(name));
  const shared = Object.entries(runs[0].settings)
    .filter(([name, value]) => !elsewhere.includes(name) && !isUsual(name, value))
    .filter(([name]) => name !== "epochs" || along === "epoch")
    .filter(
      ([name]) => runs.every((run) => name in run.settings) && valuesOf(settings(runs), name).length === 1,
    )
    .map(([name, value]) => `${words(name)} ${showSetting(name, value)}`);
  return [
    tableOf("method", ["estimator", ...different.filter(ofMethods)], byMethod),
    ...(ofPanels.length > 0 && panels.length > 1 ? [tableOf("panel", ofPanels, byPanel)] : []),
    ...texts(`Shared by all: ${shared.join(", ")}.`),
  ];
}

/** Settings that other parts of the page say. */
const elsewhere = ["task", "estimator", "seed", "kernels", "threads", "data", "dataDigest", "out"];

/** The commands that train the runs; those of a method's seeds in one loop. */
function trainCommands({ groups }: Section): string[] {
  return groups.flatMap(({ runs }) =>
    [...groupBy(runs, ({ config }) => trainCommand(config, { seed: "$seed" }))].map(([command, some]) => {
      const seeds = some.map(({ config }) => config.seed);
      if (seeds.length === 1) return trainCommand(some[0].config);
      return `for seed in ${seeds.join(" ")}; do ${command}; done`;
    }),
  );
}

function runsTable({ groups, along }: Section): Block {
  const rows = groups.flatMap(({ method, panel = "", runs, again, asked }) =>
    [...runs, ...again].map((run) => {
      const { kernels, starts = [] } = run.environment;
      const begun = starts[0]?.time.slice(0, 16).replace("T", " ") ?? "";
      const seconds = formatSeconds(trainingSeconds(run));
      const reach = part(reachOf(run), asked);
      return [
        `\`${run.runId}\``,
        method,
        panel,
        kernels,
        `${run.config.seed}`,
        reach,
        begun,
        `${starts.length}`,
        seconds,
      ];
    }),
  );
  const head = ["run", "method", "panel", "kernels", "seed", `${along}s`, "begun (UTC)", "starts", "time"];
  return { kind: "table", head, rows, words: 4 };
}
