/**
 * The report of some runs: learning curves, a table, what the runs are and what made them, on one page that needs no
 * network, with the numbers beside it.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type Cell, encodeCsv } from "../formats/csv.ts";
import { InputError } from "../formats/errors.ts";
import { generator } from "../random/threefry.ts";
import { type Block, toHtml, toMarkdown } from "./document.ts";
import { type Figure, learningCurves, MOST_GROUPS, MOST_METHODS } from "./figure.ts";
import {
  differing,
  formatSetting,
  type RunNames,
  type Settings,
  settingsOf,
  valuesOf,
  words,
} from "./methods.ts";
import { formatSeconds, metrics, trainingSeconds } from "./metrics.ts";
import { runFiles, type StoredRun, textOf } from "./run-folder.ts";
import { type Average, average, type Bands } from "./statistics.ts";
import { makeFolder, replaceFile, writing } from "./storage.ts";
import { trainCommand } from "./train-command.ts";

/** A run as a report shows it: runs of one method and panel are its seeds, and are averaged. */
export interface ReportedRun extends StoredRun, RunNames {}

/** What a report says beside what is in the runs. */
export interface ReportOptions {
  title: string;
  subtitle?: string;
  /** What the paper says about it; a list, each stands on the page. */
  statements?: readonly string[];
  /** The commands that made it. */
  commands?: readonly string[];
  /** Said on the figure and on the page: "20 of the paper's 100 epochs, 3 of 5 seeds". */
  scaledDown?: string;
  /** What is around the means; default `"interval"`. */
  bands?: Bands;
  /** The order of the panels; default: by their names and the numbers in these. */
  panels?: readonly string[];
}

/** A run as it was after its first epochs: what a run that is longer than others is compared by. */
export function untilEpoch<R extends StoredRun>(run: R, epochs: number): R {
  if (run.config.epochs <= epochs) return run;
  const records = run.records.slice(0, epochs);
  const { config } = run;
  const steps = "steps" in config ? { steps: epochs * config.recordEvery } : {};
  return { ...run, config: { ...config, epochs, ...steps }, records, summary: undefined };
}

/** The same after so many steps. */
const untilStep = (run: ReportedRun, step: number): ReportedRun => {
  const records = run.records.filter((record) => record.step <= step);
  return records.length === run.records.length ? run : { ...run, records, summary: undefined };
};

/**
 * Writes a report: `index.html`; `README.md` with the same content; the figures as SVG, their Vega-Lite specs beside
 * them; `records.csv`, every record of every run; and `results.json`, the numbers in full.
 *
 * @returns the path of `index.html`
 * @throws InputError where there is nothing to show, or the folder cannot be written
 */
export async function writeReport(
  folder: string,
  runs: readonly ReportedRun[],
  options: ReportOptions,
): Promise<{ page: string }> {
  if (!runs.some(({ records }) => records.length > 0)) {
    throw new InputError("there is nothing to report yet: no run has finished an epoch");
  }
  runs.forEach(checkRecords);
  const { bands = "interval" } = options;
  const sections = sectionsOf(runs, options);
  const figures = await drawAll(sections, options);
  const made = await provenance(runs);
  const blocks = pageOf(sections, figures, made, options);

  const files: Record<string, string> = {
    "README.md": `<!-- ${MARK} -->\n\n${toMarkdown(blocks)}`,
    "records.csv": recordsCsv(sections),
    "results.json": resultsJson(sections, made, { ...options, bands }),
  };
  for (const { file, figure } of [...figures.values()].flat()) {
    files[file] = figure.svg;
    files[specOf(file)] = `${JSON.stringify(figure.spec, sixDigits)}\n`;
  }
  // The page last: where it is, the rest is.
  const page = "index.html";
  files[page] = toHtml(options.title, blocks).replace("<head>", `<head>\n<!-- ${MARK} -->`);
  await writing(folder, makeFolder(folder));
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await writing(path, replaceFile(path, content));
  }
  return { page: join(folder, page) };
}

/** @throws InputError for records that are not those of a run from its beginning, one an epoch */
function checkRecords({ folder, records }: ReportedRun): void {
  records.forEach(({ epoch, step, msPerStep }, i) => {
    if (epoch !== i + 1 || typeof step !== "number" || typeof msPerStep !== "number") {
      throw new InputError(`${runFiles(folder).metrics} is corrupt: line ${i + 1} is not epoch ${i + 1}`);
    }
  });
}

/** By this a report is known, so that nothing else is written over. */
const MARK = "a flipnet report";

/** @throws InputError for a folder with a page that is no report's */
export async function checkReportFolder(folder: string): Promise<void> {
  for (const name of ["index.html", "README.md"]) {
    const text = await textOf(join(folder, name));
    if (text !== undefined && !text.slice(0, 500).includes(MARK)) {
      throw new InputError(
        `${join(folder, name)} is there and is no report's; expected an empty folder, or one with an earlier report`,
      );
    }
  }
}

/** All runs of one task. */
interface Section {
  task: string;
  /** What the runs go along. */
  along: "epoch" | "step";
  panels: readonly (string | undefined)[];
  groups: readonly Group[];
}

/** The seeds of one method in one panel. */
interface Group {
  panel: string | undefined;
  method: string;
  /** One a seed. */
  runs: readonly ReportedRun[];
  /** What is averaged: the runs that are as long as they were asked to be or, while there is none, all as far as each has come. */
  shown: readonly ReportedRun[];
  /** Epochs or steps that were asked for, and those that `shown` have. */
  asked: number;
  reached: number;
  /** Other runs of a seed that is there already. */
  again: readonly ReportedRun[];
}

function sectionsOf(runs: readonly ReportedRun[], { panels: order = [] }: ReportOptions): Section[] {
  const named = runs.map((run) =>
    // Other random numbers are another experiment, whatever it is called.
    run.environment.generator === generator
      ? run
      : { ...run, method: `${run.method}, generator ${run.environment.generator}` },
  );
  return distinct(named.map(({ config }) => config.task)).map((task) => {
    const own = named.filter(({ config }) => config.task === task);
    const along = "steps" in own[0].config ? "step" : "epoch";
    const place = (panel = "") => order.indexOf(panel) + 1 || Infinity;
    const panels = distinct(own.map(({ panel }) => panel)).sort(
      (a, b) => place(a) - place(b) || (a ?? "").localeCompare(b ?? "", "en", { numeric: true }),
    );
    const methods = distinct(own.map(({ method }) => method));
    const groups = panels.flatMap((panel) =>
      methods.flatMap((method) => {
        const some = own.filter((run) => run.panel === panel && run.method === method);
        return some.length === 0 ? [] : [groupOf(some, along)];
      }),
    );
    return { task, along, panels, groups };
  });
}

function groupOf(all: readonly ReportedRun[], along: "epoch" | "step"): Group {
  const [{ panel, method }] = all;
  // A seed counts once: the longest of its runs.
  const bySeed = groupBy(all, ({ config }) => config.seed);
  const longest = [...bySeed.values()].map((some) =>
    some.reduce((a, b) => (reachOf(b, along) > reachOf(a, along) ? b : a)),
  );
  const runs = longest.sort((a, b) => a.config.seed - b.config.seed);
  const asked = Math.max(...runs.map(({ config }) => ("steps" in config ? config.steps : config.epochs)));
  const whole = runs.filter((run) => reachOf(run, along) >= asked);
  const begun = runs.filter(({ records }) => records.length > 0);
  const step = Math.min(...begun.map(({ records }) => records[records.length - 1].step));
  const shown = whole.length > 0 ? whole : begun.map((run) => untilStep(run, step));
  const reached = shown.length === 0 ? 0 : reachOf(shown[0], along);
  const again = all.filter((run) => !runs.includes(run));
  return { panel, method, runs, shown, asked, reached, again };
}

/** How far a run has come. */
const reachOf = ({ records }: ReportedRun, along: "epoch" | "step") => records.at(-1)?.[along] ?? 0;

interface Drawn {
  file: string;
  figure: Figure;
  alt: string;
}

/** The figures of each section, as many as it takes to keep them readable. */
async function drawAll(
  sections: readonly Section[],
  { title, subtitle, scaledDown, bands = "interval" }: ReportOptions,
): Promise<Map<Section, Drawn[]>> {
  const plans = sections.flatMap((section) => {
    const groups = section.groups.filter(({ shown }) => shown.length > 0);
    const panels = section.panels.filter((panel) => groups.some((group) => group.panel === panel));
    const parts = chunks(panels, MOST_GROUPS).flatMap((columns) => {
      const own = groups.filter(({ panel }) => columns.includes(panel));
      return chunks(distinct(own.map(({ method }) => method)), MOST_METHODS).map((methods) =>
        own.filter(({ method }) => methods.includes(method)),
      );
    });
    return parts.map((part, i) => ({
      section,
      part,
      title: [
        title,
        sections.length > 1 ? `: ${taskTitle(section.task).toLowerCase()}` : "",
        parts.length > 1 ? ` (${i + 1} of ${parts.length})` : "",
      ].join(""),
    }));
  });
  const figures = new Map(sections.map((section): [Section, Drawn[]] => [section, []]));
  for (const [i, { section, part, title }] of plans.entries()) {
    const unfinished = part.flatMap(({ runs, asked }) =>
      runs.filter((run) => reachOf(run, section.along) < asked),
    );
    const count = part.reduce((sum, { runs }) => sum + runs.length, 0);
    const said = [
      subtitle,
      scaledDown && `Scaled down: ${scaledDown}.`,
      unfinished.length > 0 && `${unfinished.length} of ${count} runs are unfinished.`,
    ];
    const curves = part.flatMap(({ panel, method, shown }) =>
      shown.map(({ records }) => ({ label: method, records, ...(panel !== undefined && { group: panel }) })),
    );
    const figure = await learningCurves(curves, {
      title,
      ...(said.some(Boolean) && { subtitle: said.filter(Boolean).join(" ") }),
      bands,
      groups: section.panels.map((panel) => panel ?? ""),
      along: section.along,
    });
    const file = plans.length === 1 ? "figure.svg" : `figure-${i + 1}.svg`;
    const methods = distinct(part.map(({ method }) => method));
    figures.get(section)!.push({ file, figure, alt: `Learning curves of ${methods.join("; ")}` });
  }
  return figures;
}

/** Of numbers in JSON: more digits than a figure shows would only make it longer. */
const sixDigits = (_: string, value: unknown) =>
  typeof value === "number" && Number.isFinite(value) ? Number(value.toPrecision(6)) : value;

const specOf = (file: string) => file.replace(/\.svg$/, ".vl.json");

/** As few chunks as there can be, of about the same size. */
function chunks<T>(values: readonly T[], most: number): T[][] {
  const count = Math.ceil(values.length / most);
  const size = Math.ceil(values.length / count);
  return Array.from({ length: count }, (_, i) => values.slice(i * size, (i + 1) * size));
}

/** The page from top to bottom. */
function pageOf(
  sections: readonly Section[],
  figures: ReadonlyMap<Section, readonly Drawn[]>,
  made: Provenance,
  { title, subtitle, statements = [], commands = [], scaledDown, bands = "interval" }: ReportOptions,
): Block[] {
  const several = sections.length > 1;
  return [
    heading(1, title),
    ...paragraphs(subtitle),
    ...(scaledDown === undefined ? [] : [notice(`Scaled down: ${scaledDown}.`)]),
    ...sections.flatMap((section) => [
      ...(several ? [heading(2, taskTitle(section.task))] : []),
      ...unfinishedNotice(section),
      ...figures.get(section)!.map(
        ({ file, figure, alt }): Block => ({
          kind: "figure",
          file,
          svg: figure.svg,
          alt,
          links: [specOf(file)],
        }),
      ),
      ...tablesOf(section, bands),
    ]),
    ...(statements.length === 0 ? [] : [heading(2, "What the paper says"), list(statements)]),
    ...sections.flatMap((section) => [
      heading(2, several ? `${taskTitle(section.task)}: settings` : "Settings"),
      ...settingsBlocks(section),
    ]),
    heading(2, "How it was made"),
    ...(commands.length === 0 ? [] : [code(commands)]),
    list(madeLines(made)),
    ...paragraphs("Each run alone:"),
    code(sections.flatMap(trainCommands)),
    heading(2, "Numbers"),
    ...paragraphs(
      "`records.csv` has every record of every run, `results.json` the tables and runs in full, and each figure’s Vega-Lite spec its data.",
    ),
    { kind: "folded", summary: "Every run", blocks: sections.map((section) => runsTable(section)) },
  ];
}

const heading = (level: 1 | 2 | 3, text: string): Block => ({ kind: "heading", level, text });
const paragraphs = (text?: string, style?: "quiet"): Block[] =>
  text === undefined ? [] : [{ kind: "text", text, ...(style && { style }) }];
const notice = (text: string): Block => ({ kind: "text", text, style: "notice" });
const list = (items: readonly string[]): Block => ({ kind: "list", items });
const code = (lines: readonly string[]): Block => ({ kind: "code", lines });
const table = (head: readonly string[], rows: readonly (readonly string[])[], words = 1): Block => ({
  kind: "table",
  head,
  rows,
  words,
});

const taskTitle = (task: string): string =>
  ({ bandit: "Contextual bandit", multiplexer: "Multiplexer", vae: "Variational auto-encoder" })[task] ??
  task;

function unfinishedNotice({ groups, along }: Section): Block[] {
  const runs = groups.flatMap(({ runs }) => runs);
  const short = groups.flatMap(({ runs, asked }) => runs.filter((run) => reachOf(run, along) < asked));
  return short.length === 0 ? [] : [notice(`${short.length} of ${runs.length} runs are unfinished.`)];
}

/** Method by metric, a table for each panel. */
function tablesOf(section: Section, bands: Bands): Block[] {
  const { panels, groups, along } = section;
  const known = metrics.filter(({ of }) =>
    groups.some(({ shown }) => shown.some((run) => of(run) !== undefined)),
  );
  const head = ["method", "seeds", along === "step" ? "steps" : "epochs", ...known.map(({ title }) => title)];
  const blocks = panels.flatMap((panel) => {
    const own = groups.filter((group) => group.panel === panel);
    const rows = own.map((group) => {
      const { method, runs, shown, asked, reached } = group;
      const seeds = shown.length < runs.length ? `${shown.length} of ${runs.length}` : String(runs.length);
      const length = reached < asked ? `${count(reached)} of ${count(asked)}` : count(asked);
      const { msPerStep, seconds } = timesOf(group);
      return [
        method,
        seeds,
        length,
        ...known.map((metric) => cell(group, metric, bands)),
        msPerStep === undefined ? "" : msPerStep.toPrecision(3),
        shown.length === 0 ? "" : formatSeconds(seconds),
      ];
    });
    return [
      ...(panel === undefined ? [] : [heading(3, panel)]),
      table([...head, "ms per step", "time a run"], rows),
      ...notesOn(own, along).flatMap((note) => paragraphs(note, "quiet")),
    ];
  });
  return [...blocks, ...paragraphs(legend(section, bands), "quiet")];
}

const count = (n: number) => n.toLocaleString("en");

function cell({ shown }: Group, metric: (typeof metrics)[number], bands: Bands): string {
  const values = shown.flatMap((run) => metric.of(run) ?? []);
  if (values.length === 0) return "";
  const few = values.length < shown.length ? ` (${values.length} of ${shown.length} runs)` : "";
  return metric.format(metric.over(values, bands), bands) + few;
}

function timesOf({ shown }: Group): { msPerStep: number | undefined; seconds: number } {
  const times = shown.map(
    ({ summary, records }) => summary?.msPerStep ?? median(records.map(({ msPerStep }) => msPerStep)),
  );
  if (times.length === 0) return { msPerStep: undefined, seconds: 0 };
  return { msPerStep: mean(times), seconds: mean(shown.map(trainingSeconds)) };
}

const mean = (values: readonly number[]) => average(values).mean;
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[(values.length - 1) >> 1];

/** What a reader must know of single rows. */
function notesOn(groups: readonly Group[], along: "epoch" | "step"): string[] {
  return groups.flatMap(({ method, runs, shown, asked, reached, again }) => {
    const short = runs.filter((run) => reachOf(run, along) < asked);
    const where = short.map((run) => `${count(reachOf(run, along))} (seed ${run.config.seed})`).join(", ");
    const rest =
      reached >= asked
        ? `not in the means: ${along} ${where} of ${count(asked)}`
        : `${along} ${where} of ${count(asked)}; the row is of ${along} ${count(reached)}`;
    return [
      short.length === 0
        ? []
        : `${method}: ${short.length} of ${runs.length} runs unfinished, ${shown.length === 0 ? `none has a record yet` : rest}.`,
      again.length === 0
        ? []
        : `${method}: a seed counts once; left out are ${again.map(({ runId }) => `\`${runId}\``).join(", ")}.`,
    ].flat();
  });
}

/** What the numbers are. */
function legend({ groups, along, task }: Section, bands: Bands): string {
  const most = Math.max(...groups.map(({ shown }) => shown.length));
  const around = {
    interval: "±: 95 % confidence intervals of the means over seeds (Student’s t)",
    deviation: "Means over seeds, in brackets their standard deviation",
    range: "Means over seeds, in brackets the lowest and the highest",
  };
  return [
    most > 1 ? `${around[bands]}.` : "One seed each: nothing says how far another would be from it.",
    task === "vae" ? "Bounds are in nats an image." : "",
    `Online metrics are those of the last ${along === "step" ? "steps" : "epoch"}; ms per step and time are of training alone, without going through held-out data.`,
  ]
    .filter(Boolean)
    .join(" ");
}

/** How the configs differ, and what they share. */
function settingsBlocks({ groups, panels }: Section): Block[] {
  const runs = groups.flatMap(({ runs }) => runs.map((run) => ({ ...run, settings: settingsOf(run) })));
  const all = runs.map(({ settings }) => settings);
  const different = differing(all);
  const inPanel = (panel: string | undefined) =>
    runs.filter((run) => run.panel === panel).map(({ settings }) => settings);
  const [ofMethods, ofPanels] = [
    different.filter((name) => panels.some((panel) => valuesOf(inPanel(panel), name).length > 1)),
    different.filter((name) => panels.every((panel) => valuesOf(inPanel(panel), name).length <= 1)),
  ];
  const columns = ["estimator", ...ofMethods];
  const row = (name: string, some: readonly Settings[], columns: readonly string[]) => [
    name,
    ...columns.map((column) =>
      valuesOf(some, column)
        .map((value) => shownSetting(column, value))
        .join(" / "),
    ),
  ];
  const methods = distinct(runs.map(({ method }) => method)).map((method) =>
    row(
      method,
      runs.filter((run) => run.method === method).map(({ settings }) => settings),
      columns,
    ),
  );
  const shared = Object.keys(all[0]).filter(
    (name) =>
      !["out", "data", "dataDigest", "threads", "seed", "kernels", "task", ...columns].includes(name) &&
      all.every((settings) => name in settings) &&
      valuesOf(all, name).length === 1,
  );
  const said = shared.flatMap((name) => {
    const [value] = valuesOf(all, name);
    const nothing = Object.hasOwn(DEFAULT_NOTHING, name) && DEFAULT_NOTHING[name] === JSON.stringify(value);
    return nothing || value === Infinity || value === "none"
      ? []
      : `${words(name)} ${shownSetting(name, value)}`;
  });
  const headOf = (names: readonly string[]) => names.map(words);
  return [
    table(["method", ...headOf(columns)], methods, 1 + columns.length),
    ...(ofPanels.length === 0 || panels.length < 2
      ? []
      : [
          table(
            ["panel", ...headOf(ofPanels)],
            panels.map((panel) => row(panel ?? "", inPanel(panel), ofPanels)),
            1 + ofPanels.length,
          ),
        ]),
    ...paragraphs(`Shared by all: ${said.join(", ")}.`),
  ];
}

const DEFAULT_NOTHING: Record<string, string> = {
  l2: "0",
  paperScale: "false",
  frozenAdam: "false",
  stopGradient: "true",
  convolutions: "[]",
};

const shownSetting = (name: string, value: unknown): string =>
  name === "dataDigest" ? String(value).slice(0, 12) : formatSetting(value);

/** With what, when and for how long the runs were made. */
interface Provenance {
  madeWith: { version: string; revision?: string; node: string; platform: string; cpu: string }[];
  kernels: string[];
  threads: number[];
  generators: string[];
  data: { name: string; digest: string }[];
  begun: string;
  ended: string;
  trainingSeconds: number;
}

async function provenance(runs: readonly ReportedRun[]): Promise<Provenance> {
  const starts = runs.flatMap(({ environment }) => environment.starts ?? []);
  const madeWith = starts.map(({ version, revision, node, platform, cpu }) => ({
    version,
    ...(revision !== undefined && { revision }),
    node,
    platform,
    cpu,
  }));
  const written = await Promise.all(
    runs.map(({ folder, summary }) => {
      const files = runFiles(folder);
      return stat(summary === undefined ? files.metrics : files.summary).then(
        ({ mtime }) => mtime.toISOString(),
        () => "",
      );
    }),
  );
  const data = runs.map(({ config, environment }) => ({
    name: "data" in config && config.data !== undefined ? config.data : "MNIST",
    digest: environment.dataDigest,
  }));
  return {
    madeWith: unique(madeWith),
    kernels: distinct(runs.map(({ environment }) => environment.kernels)),
    threads: distinct(starts.map(({ threads = 1 }) => threads)),
    generators: distinct(runs.map(({ environment }) => environment.generator)),
    data: unique(data.filter(({ digest }) => digest !== "none")),
    begun: starts.map(({ time }) => time).sort()[0] ?? "",
    ended: written.sort().at(-1) ?? "",
    trainingSeconds: Math.round(runs.reduce((sum, run) => sum + trainingSeconds(run), 0)),
  };
}

function madeLines(made: Provenance): string[] {
  const { madeWith, kernels, threads, generators, data, begun, ended, trainingSeconds } = made;
  return [
    ...madeWith.map(
      ({ version, revision = "unknown", node, platform, cpu }) =>
        `flipnet ${version}, revision \`${revision}\`, Node ${node}, ${platform}, ${cpu}`,
    ),
    `${kernels.join(" and ")} kernels; ${threads.join(", ")} thread${threads.join() === "1" ? "" : "s"} a run; random generator ${generators.join(", ")}`,
    ...data.map(({ name, digest }) => `data: ${name}, SHA-256 \`${digest}\``),
    `from ${begun} to ${ended}, pauses included; ${formatSeconds(trainingSeconds)} of training over all runs`,
  ];
}

/** The commands that train the runs of a section; those of a method's seeds in one loop. */
function trainCommands({ groups }: Section): string[] {
  return groups.flatMap(({ runs }) => {
    const byCommand = groupBy(runs, ({ config }) => trainCommand({ ...config, seed: SEED_MARK }));
    return [...byCommand].map(([command, some]) => {
      const seeds = some.map(({ config }) => config.seed);
      if (seeds.length === 1) return trainCommand(some[0].config);
      return `for seed in ${seeds.join(" ")}; do ${command.replace(String(SEED_MARK), "$seed")}; done`;
    });
  });
}
/** A seed that no one has. */
const SEED_MARK = 8_765_432_101_234_567;

function runsTable({ groups, along }: Section): Block {
  const rows = groups.flatMap(({ method, panel, runs, again, asked }) =>
    [...runs, ...again].map((run) => [
      `\`${run.runId}\``,
      method,
      panel ?? "",
      String(run.config.seed),
      `${count(reachOf(run, along))}${reachOf(run, along) < asked ? ` of ${count(asked)}` : ""}`,
      run.environment.kernels,
      run.environment.starts?.[0]?.time.slice(0, 16).replace("T", " ") ?? "",
      String(run.environment.starts?.length ?? 0),
      formatSeconds(trainingSeconds(run)),
    ]),
  );
  const head = [
    "run",
    "method",
    "panel",
    "seed",
    along === "step" ? "steps" : "epochs",
    "kernels",
    "begun (UTC)",
    "starts",
    "time",
  ];
  return table(head, rows, 3);
}

/** Every record of every run, a line each, six digits a number. */
function recordsCsv(sections: readonly Section[]): string {
  const rows = sections.flatMap(({ task, groups }) =>
    groups.flatMap(({ panel = "", method, runs, again }) =>
      [...runs, ...again].flatMap(({ config: { seed }, runId, records }) =>
        records.map(({ type, ...record }) => ({ task, panel, method, seed, run: runId, ...record })),
      ),
    ),
  );
  const columns = distinct(rows.flatMap(Object.keys));
  const cellOf = (value: Cell = null) => (typeof value === "number" ? Number(value.toPrecision(6)) : value);
  const cells = rows.map((row: Record<string, Cell>) => columns.map((column) => cellOf(row[column])));
  return encodeCsv([columns, ...cells]);
}

/** The numbers in full: an object a line. */
function resultsJson(
  sections: readonly Section[],
  made: Provenance,
  options: ReportOptions & { bands: Bands },
): string {
  const { title, subtitle, scaledDown, statements, commands, bands } = options;
  const table = sections.flatMap(({ task, groups, along }) =>
    groups.map((group) => {
      const averages = metrics.flatMap(({ name, of, over }): [string, Average][] => {
        const values = group.shown.flatMap((run) => of(run) ?? []);
        return values.length === 0 ? [] : [[name, over(values, bands)]];
      });
      const { panel, method, runs, shown, asked, reached } = group;
      const { msPerStep, seconds } = timesOf(group);
      const length =
        along === "step" ? { steps: reached, stepsAsked: asked } : { epochs: reached, epochsAsked: asked };
      return {
        ...{ task, panel, method, seeds: shown.length, runs: runs.length, ...length },
        ...{ metrics: Object.fromEntries(averages), msPerStep, trainingSeconds: Math.round(seconds) },
      };
    }),
  );
  const runs = sections.flatMap(({ task, groups }) =>
    groups.flatMap(({ panel, method, runs, again }) =>
      [...runs, ...again].map((run) => {
        const own = metrics.flatMap(({ name, of }) => {
          const value = of(run);
          return value === undefined ? [] : [[name, value]];
        });
        return {
          ...{ task, panel, method, seed: run.config.seed, runId: run.runId, epochs: run.records.length },
          ...{ finished: run.summary !== undefined, starts: run.environment.starts?.length ?? 0 },
          ...{ trainingSeconds: Math.round(trainingSeconds(run)), ...Object.fromEntries(own) },
          command: trainCommand(run.config),
        };
      }),
    ),
  );
  const facts = { title, subtitle, scaledDown, statements, commands, bands, ...made, table, runs };
  const lines = Object.entries(facts).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const objects = Array.isArray(value) && typeof value[0] === "object";
    const text = objects
      ? `[\n    ${value.map((one) => JSON.stringify(one)).join(",\n    ")}\n  ]`
      : JSON.stringify(value);
    return `  ${JSON.stringify(name)}: ${text}`;
  });
  return `{\n${lines.join(",\n")}\n}\n`;
}

function groupBy<T, K>(values: readonly T[], keyOf: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value]);
  return groups;
}

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];
const unique = <T>(values: readonly T[]): T[] => [
  ...new Map(values.map((value) => [JSON.stringify(value), value])).values(),
];
