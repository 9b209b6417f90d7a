/** `flipnet compare`: estimators side by side on one task; a table and a figure. `npm start` runs it. */
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { hiddenName } from "flipnet/internal/network/hidden";
import type { TaskMetric, UsualForData } from "flipnet/internal/tasks/definition";
import { findTask } from "flipnet/internal/tasks/registry";
import type { EpochRecord } from "flipnet/internal/training/training";
import { estimateMean, formatEstimate, pairedDifferences } from "../report/statistics.ts";
import type { Job } from "../running/pool.ts";
import type { RunSummary } from "../running/run-folder.ts";
import { type Config, decided, drawnOver, taskOf } from "../settings/config.ts";
import { interrupted } from "./exit.ts";
import { wholeNumber } from "./numbers.ts";
import { colorsFor, counted, formatTable } from "./terminal.ts";
import { addOtherSettings } from "./train.ts";

/** `settings` are those of `train`. */
interface Flags {
  estimators: string;
  seeds: string;
  workers?: string;
  figure?: string;
  report?: string;
  force?: boolean;
  [setting: string]: string | boolean | undefined;
}

export function defineCompare(program: Command): void {
  const command = program
    .command("compare")
    .description(
      "train with several estimators side by side; prints a table, draws a figure, writes a report",
    )
    .option("--estimators <names>", "which, separated by commas", "hnca,reinforce")
    .option("--seeds <n>", "runs of each, with seeds from --seed on", "1")
    .option("--workers <n>", "runs at a time (default: one a core)")
    .option("--figure <file>", "where to write the figure (default: compare.svg in --out)")
    .option("--report <folder>", "where to write the report (default: report in --out)")
    .option("--force", "replace a figure and a report that are there, whoever made them")
    .optionsGroup('As in "flipnet train":')
    .option("--preset <name>", "settings of a paper, see train")
    .option("--task <name>", 'what is learned (default "bandit")')
    .option("--epochs <n>", "length of each run (default 20)")
    .option("--steps <n>", "length of each run, where that is counted in steps")
    .option("--record-every <n>", "steps between two records, there")
    .option("--seed <n>", "the first seed", "0")
    .option("--out <folder>", "folder of the run folders", "runs")
    .option(
      "--hidden <layers>",
      "hidden layers, as in 200,200 (the default), softmax:20x10 or 200,100@input+0",
    )
    .option("--layers <n>", "n hidden layers of 200")
    .option("--data <folder>", "the four IDX files of images and labels (default: MNIST)")
    .option("--limit <n>", "use the first n training and test images only")
    .option("--units <coding>", 'plus-minus or zero-one (default "plus-minus")')
    .option("--baseline <name>", 'none or running-average (default "none")')
    .option("--batch-size <n>", "examples in a step (default 50)")
    .option("--optimizer <name>", 'adam or sgd (default "adam")')
    .option("--learning-rate <rate>", "one, or one a layer (default 1e-4)");
  addOtherSettings(command);
  command.optionsGroup("Options:").action(async (flags: Flags) => {
    process.exitCode = await compare(flags);
  });
}

/** Short, unless somebody says how long, or the data do. */
function lengthFor({ task, target }: Record<string, string | boolean | undefined>) {
  const { length, usualFor } =
    findTask(String(task ?? (target === undefined ? "bandit" : "table-labels"))) ?? {};
  return length === "steps" || usualFor !== undefined ? {} : { epochs: "20" };
}

/** Returns the exit code. */
async function compare({
  estimators,
  seeds,
  workers,
  figure,
  report,
  force,
  ...settings
}: Flags): Promise<number> {
  const seedCount = wholeNumber("--seeds", seeds, 1);
  const atOnce = workers === undefined ? undefined : wholeNumber("--workers", workers, 1);
  const { configFrom } = await import("./train.ts");
  const { factsOf } = await import("../running/workload.ts");
  const { titleOf } = await import("../settings/estimator.ts");
  const { words } = await import("../report/methods.ts");
  const { refuseTooMany } = await import("../planning/sweep.ts");
  refuseTooMany(seedCount * estimators.split(",").length, `--seeds ${seedCount}`);
  const jobs: (Job & { method: string; config: Config })[] = [];
  let usual: UsualForData | undefined;
  for (const estimator of estimators.split(",")) {
    // Checked here, so that a mistake is one sentence now and not one from each run.
    const asked = await configFrom(undefined, { ...lengthFor(settings), ...settings, estimator });
    if (asked.byRule !== undefined) usual ??= (await factsOf(asked)).usual;
    const config = decided(asked, usual);
    const { title, told } = titleOf(config.estimator);
    const options = Object.entries(told).map(([name, value]) => `${words(name)} ${value}`);
    const method = [title, ...options].join(", ");
    for (let seed = config.seed; seed < config.seed + seedCount; seed++) {
      const label = seedCount > 1 ? `${method}, seed ${seed}` : method;
      jobs.push({ method, label, config: { ...config, seed } });
    }
  }
  const [{ config }] = jobs;
  const { checkReportFolder } = await import("../report/report.ts");
  const reportFolder = report ?? join(config.out, "report");
  const figurePath = figure ?? join(config.out, "compare.svg");
  const { checkPlace } = await import("../running/places.ts");
  const { figureMark } = await import("../report/figure-style.ts");
  const { makeFolder, writing } = await import("../running/storage.ts");
  // Now, and not when all is trained.
  await checkPlace({ path: figurePath, mark: figure === undefined ? figureMark : undefined }, force);
  await checkReportFolder(reportFolder, force);
  for (const folder of [dirname(figurePath), reportFolder]) await writing(folder, makeFolder(folder));
  introduce([...new Set(jobs.map(({ method }) => method))], config, seedCount);

  const { localPool, runOnBoard } = await import("./board.ts");
  const results = await runOnBoard(jobs, localPool(atOnce));
  if (results.some(({ status }) => status === "interrupted")) {
    process.stderr.write("stopped; the same command goes on from the checkpoints\n");
    return interrupted;
  }
  const done = results.flatMap(({ summary, records }, i) =>
    summary === undefined ? [] : { label: jobs[i].method, config: jobs[i].config, records, summary },
  );
  if (done.length > 0) {
    await draw(figurePath, done, config);
    print(done, config, figurePath, await writePage(reportFolder, done, config));
  }
  const failed = results.find(({ status }) => status === "failed");
  return failed === undefined ? 0 : failed.exitCode || 1;
}

/** A finished run; `label` is the method's name. */
interface Run {
  label: string;
  config: Config;
  records: EpochRecord[];
  summary: RunSummary;
}

function introduce(methods: readonly string[], config: Config, seedCount: number): void {
  const { bold } = colorsFor(process.stderr);
  const { epochs, seed, limit } = config;
  const seeds = Array.from({ length: seedCount }, (_, i) => String(seed + i));
  const images = limit === undefined ? "" : ` of the first ${limit} images`;
  process.stderr.write(
    `${bold(`${listed(methods)} on ${problemOf(config)}, side by side`)}\n` +
      `${taskOf(config).says}\n` +
      `${capitalised(describe(config))}, ${counted(epochs, "epoch")}${images}, seed ${listed(seeds)}.\n` +
      "Each method begins with the same weights and sees the same in the same order.\n\n",
  );
}

async function draw(path: string, runs: readonly Run[], config: Config): Promise<void> {
  const { learningCurves } = await import("../report/figure.ts");
  const { writeOutputs } = await import("../running/places.ts");
  const { svg } = await learningCurves(runs, {
    title: titleOf(runs, config),
    subtitle: settingOf(runs, config),
    along: drawnOver(config),
  });
  await writeOutputs([{ path, content: svg }]);
}

/** What all runs share, in a sentence or two. */
function settingOf(runs: readonly Run[], config: Config): string {
  const setting = [
    describe(config),
    config.limit === undefined ? [] : `the first ${config.limit} images`,
    several(runs) ? [] : `seed ${config.seed}`,
  ];
  return `${taskOf(config).title}. ${capitalised(setting.flat().join(", "))}.`;
}

const titleOf = (runs: readonly Run[], config: Config) =>
  `${listed([...new Set(runs.map(({ label }) => label))])} on ${problemOf(config)}`;

/** The data, or the task where that makes its own. */
const problemOf = (config: Config) =>
  taskOf(config).data === "images" ? (config.data ?? "MNIST") : `the ${taskOf(config).title.toLowerCase()}`;

/** The report; returns the path of its page. */
async function writePage(folder: string, runs: readonly Run[], config: Config): Promise<string> {
  const { untilEpoch, writeReport } = await import("../report/report.ts");
  const { readRun } = await import("../running/run-folder.ts");
  const { shellWord } = await import("../report/train-command.ts");
  const stored = await Promise.all(
    runs.map(async ({ label, summary }) => ({
      // What was asked for now: the folder may hold more of it.
      ...untilEpoch(await readRun(summary.folder), config.epochs),
      summary,
      method: label,
    })),
  );
  const { page } = await writeReport(folder, stored, {
    title: titleOf(runs, config),
    subtitle: settingOf(runs, config),
    commands: [["flipnet", ...process.argv.slice(2).map(shellWord)].join(" ")],
  });
  return page;
}

/** The table, with 95 % confidence intervals where there are several seeds; then where everything is. */
function print(runs: readonly Run[], config: Config, figure: string, page: string): void {
  const { bold } = colorsFor(process.stdout);
  const known = taskOf(config).metrics.filter(({ name }) =>
    runs.some(({ summary }) => typeof summary[name] === "number"),
  );
  const rows = [...new Set(runs.map(({ label }) => label))].map((method) => {
    const seeds = runs.filter(({ label }) => label === method);
    const mean = (metric: string) => {
      const values = seeds.map(({ summary }) => summary[metric]).filter((value) => typeof value === "number");
      return values.length > 0 ? estimateMean(values) : undefined;
    };
    const cell = ({ name, digits, percent }: TaskMetric) => {
      const value = mean(name);
      if (value === undefined) return "none";
      const style = { ...(digits !== undefined && { digits }), ...(percent && { scale: 100 }) };
      return `${formatEstimate(value, style)}${percent ? " %" : ""}`;
    };
    const variance = mean("logGradientVariance");
    return [
      method,
      ...known.map(cell),
      variance ? formatEstimate(variance) : "none",
      mean("msPerStep")!.mean.toFixed(2),
    ];
  });
  const head = ["method", ...known.map(({ title }) => title), "ln gradient variance", "ms per step"];
  const [titles, ...lines] = formatTable([head, ...rows], { numbers: true }).split("\n");
  const paired = differencesOf(runs, known);
  const note = several(runs) ? "±: 95 % confidence intervals of the means over seeds (Student's t)\n" : "";
  const folders = runs.map(({ summary }) => summary.folder).join("\n        ");
  process.stdout.write(
    `${bold(titles)}\n${lines.join("\n")}${note}${paired}\nruns    ${folders}\nfigure  ${figure}\nreport  ${page}\n`,
  );
}

/** How each method differs from the first one, seed by seed; empty where there are too few seeds. */
function differencesOf(runs: readonly Run[], metrics: readonly TaskMetric[]): string {
  const [first, ...others] = [...new Set(runs.map(({ label }) => label))];
  const valuesOf = (method: string, name: string) =>
    new Map(
      runs.flatMap(({ label, summary, config }): [number, number][] =>
        label === method && typeof summary[name] === "number" ? [[config.seed, summary[name]]] : [],
      ),
    );
  // What has no digits has no mean either: steps until something is reached.
  const chosen = metrics.filter(({ digits }) => digits !== undefined);
  const cell = (method: string, { name, digits = 2, percent }: TaskMetric) => {
    const differences = pairedDifferences(valuesOf(method, name), valuesOf(first, name));
    if (differences.length < 2) return undefined;
    const estimate = estimateMean(differences);
    const text = formatEstimate(estimate, { digits, ...(percent && { scale: 100 }) });
    return `${estimate.mean > 0 ? "+" : ""}${text}${percent ? " %" : ""}`;
  };
  const rows = others.map((method) => [method, ...chosen.map((metric) => cell(method, metric) ?? "none")]);
  if (!rows.some(([, ...cells]) => cells.some((text) => text !== "none"))) return "";
  const head = [`less ${first}, seed by seed`, ...chosen.map(({ title }) => title)];
  return `\n${formatTable([head, ...rows], { numbers: true })}`;
}

/** Whether there are several seeds. */
const several = (runs: readonly Run[]) => new Set(runs.map(({ label }) => label)).size < runs.length;

/** `two hidden layers of 200 units`. */
function describe({ hidden }: Config): string {
  if (hidden.length === 0) return "no hidden layer";
  const count = ["one", "two", "three", "four", "five"][hidden.length - 1] ?? String(hidden.length);
  const layers = hidden.length === 1 ? "layer" : "layers";
  const names = hidden.map(hiddenName);
  return `${count} hidden ${layers} of ${listed(new Set(names).size === 1 ? [names[0]] : names)} units`;
}

/** `a, b and c`. */
const listed = (words: readonly string[]) =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;

const capitalised = (text: string) => text[0].toUpperCase() + text.slice(1);
