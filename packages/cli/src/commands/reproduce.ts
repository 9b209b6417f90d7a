/**
 * `flipnet reproduce`: a figure of a paper, from a file that says which runs it is made of; `flipnet experiment`: the same of
 * one's own file.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { InputError } from "flipnet/internal/formats/errors";
import type { TaskDefinition } from "flipnet/internal/tasks/definition";
import type { Experiment, ExperimentRun, Wanted } from "../planning/experiments.ts";
import type { PlannedRun, Settings } from "../planning/sweep.ts";
import { shellWord } from "../report/train-command.ts";
import { interrupted } from "./exit.ts";
import { wholeNumber } from "./numbers.ts";
import { redisOption } from "./redis.ts";
import { placeOf, tellEnd, trainMissing } from "./sweep.ts";
import { colorsFor, formatSeconds, formatTable, StatusLine } from "./terminal.ts";

interface Flags {
  epochs?: string;
  steps?: string;
  seeds?: string;
  only?: string;
  limit?: string;
  kernels?: string;
  draw?: boolean;
  data?: string;
  out: string;
  report?: string;
  workers?: string;
  redis?: string | true;
  force?: boolean;
  /** Of `reproduce` alone. */
  cost?: boolean;
  json?: boolean;
}

export function defineReproduce(program: Command): void {
  const command = program
    .command("reproduce")
    .description("a figure of a paper: train what is missing, draw what is there; without a name, list them")
    .argument("[experiment]", "its name, or a JSON or YAML file of your own");
  withFlags(command)
    .option("--no-cost", "list the experiments without measuring what they cost on this machine")
    .action(async (name: string | undefined, flags: Flags) => {
      process.exitCode = await (name === undefined ? list(flags) : reproduce("reproduce", name, flags));
    });
}

export function defineExperiment(program: Command): void {
  const command = program
    .command("experiment")
    .description("an experiment of your own: train what is missing, draw what is there")
    .argument("<file>", "a JSON or YAML file: flipnet init experiment writes one");
  withFlags(command).action(async (file: string, flags: Flags) => {
    process.exitCode = await reproduce("experiment", file, flags);
  });
}

const withFlags = (command: Command): Command =>
  command
    .optionsGroup("How much of it:")
    .option("--epochs <n>", "length of each run, where that is counted in epochs")
    .option("--steps <n>", "length of each run, where that is counted in steps")
    .option("--seeds <n>", "runs of each method in each panel")
    .option("--only <text>", "a method, a panel or an estimator, or a part of its name")
    .option("--limit <n>", "use the first n training and test images only")
    .option("--draw", "train nothing, draw what is there")
    .optionsGroup("Where and how:")
    .option("--kernels <kind>", "others than the experiment names: other bits, and so other runs")
    .option("--data <folder>", "the four IDX files of images and labels (default: MNIST)")
    .option("--out <folder>", "folder of the run folders", "runs")
    .option("-o, --report <folder>", "where to write the report (default: EXPERIMENT in --out)")
    .option("--force", "replace files where the report goes, whoever made them")
    .option("--workers <n>", "runs at a time (default: one a core)")
    .addOption(redisOption("let the workers of a queue train them: "))
    .option("--json", "print JSON: a line an experiment, or a line a run")
    .optionsGroup("Options:");

/** Returns the exit code. */
async function reproduce(command: "reproduce" | "experiment", name: string, flags: Flags): Promise<number> {
  if (flags.cost === false) throw new InputError(`--no-cost is of the list; leave out ${name} to see it`);
  const place = await placeOf(flags);
  const { readExperiment, reportedRuns, scaleOf } = await import("../planning/experiments.ts");
  const { checkReportFolder, writeReport } = await import("../report/report.ts");
  const experiment = await readExperiment(name);
  const wanted = await wantedOf(experiment, flags);
  refuseIdle(flags, experiment, wanted);
  const folder = flags.report ?? join(flags.out, experiment.name);
  await checkReportFolder(folder, flags.force);

  let code = 0;
  if (!flags.draw) {
    const runs = once(await planned(experiment, wanted));
    if (flags.redis === undefined) await refuseKernels(experiment, runs);
    const results = await trainMissing(experiment.name, runs, place, flags);
    code = tellEnd(runs, results, flags);
    if (code === interrupted) {
      process.stderr.write("with --draw it draws what is there\n");
      return code;
    }
  }
  const runs = reportedRuns(experiment, await planned(experiment, wanted));
  if (code !== 0 && runs.every(({ records }) => records.length === 0)) return code;
  const { title, paper, about, says, differences, bands, panels = {} } = experiment;
  const scaledDown = scaleOf(experiment, wanted);
  const subtitle = [paper === undefined ? [] : `${paper}.`, about ?? []].flat().join(" ");
  const { page } = await writeReport(folder, runs, {
    title,
    statements: says,
    differences,
    commands: [commandOf(command, name, flags)],
    bands,
    panels: Object.keys(panels),
    ...(subtitle !== "" && { subtitle }),
    ...(scaledDown !== undefined && { scaledDown }),
  });
  process.stdout.write(flags.json ? `${JSON.stringify({ page })}\n` : `${page}\n`);
  return code;
}

/** The runs with what there is of them. @param onMissing hears why that cannot be told, in place of an error */
async function planned(
  experiment: Experiment,
  wanted: Wanted,
  onMissing?: (why: string) => void,
): Promise<(ExperimentRun & PlannedRun)[]> {
  const { expandExperiment } = await import("../planning/experiments.ts");
  const { planRuns } = await import("../planning/sweep.ts");
  const runs = expandExperiment(experiment, wanted);
  try {
    return await planRuns(runs);
  } catch (error) {
    if (onMissing === undefined || !(error instanceof InputError)) throw error;
    onMissing(error.message);
    // As if nothing of them were there; each is itself.
    return runs.map((run, i) => ({
      ...run,
      ...{
        runId: `${experiment.name} ${i}`,
        folder: "",
        digest: "",
        log: "",
        stored: undefined,
        done: false,
      },
    }));
  }
}

/** Every run once, though it may stand in two panels. */
const once = <R extends PlannedRun>(runs: readonly R[]): R[] => [
  ...new Map(runs.map((run) => [run.runId, run])).values(),
];

/** Flags that are settings of some tasks and not of others. */
const ofTasks = ["epochs", "limit", "data", "steps"] as const;

/** Those that a task has; one whose length is counted in steps has no epochs to be asked for. */
async function flagsOf(task: TaskDefinition): Promise<(typeof ofTasks)[number][]> {
  const { settingsOf } = await import("../settings/described.ts");
  const settings = settingsOf(task);
  return ofTasks.filter((flag) => flag in settings && !(flag === "epochs" && task.length === "steps"));
}

/** What the flags ask of an experiment: those that its task knows. */
async function wantedOf(experiment: Experiment, flags: Flags): Promise<Wanted & { overrides: Settings }> {
  const { expandExperiment } = await import("../planning/experiments.ts");
  const { taskOf } = await import("../settings/config.ts");
  const [{ config }] = expandExperiment(experiment);
  const known = await flagsOf(taskOf(config));
  const asked = Object.fromEntries(
    known.flatMap((flag) => {
      const text = flags[flag];
      if (text === undefined) return [];
      return [[flag, flag === "data" ? text : wholeNumber(`--${flag}`, text, 1)]];
    }),
  );
  return {
    seeds: flags.seeds === undefined ? undefined : wholeNumber("--seeds", flags.seeds, 1),
    only: flags.only,
    overrides: { ...asked, ...(flags.kernels !== undefined && { kernels: flags.kernels }), out: flags.out },
  };
}

/** @throws InputError for kernels that this host does not have */
async function refuseKernels({ name }: Experiment, runs: readonly PlannedRun[]): Promise<void> {
  const { bestKernels, kernelsHere } = await import("flipnet/internal/backend/kinds");
  const here: readonly string[] = ["float64", ...kernelsHere()];
  const lacking = runs.find(({ config }) => !here.includes(config.kernels!))?.config.kernels;
  if (lacking === undefined) return;
  throw new InputError(
    `${name} is made with ${lacking} kernels, which this host does not have: in a clone, "npm run build:native" makes them ` +
      `with Rust's cargo; --kernels ${bestKernels()} trains with others, which gives other bits`,
  );
}

/** @throws InputError for a flag that the experiment's task does not know */
function refuseIdle(flags: Flags, { name }: Experiment, { overrides }: { overrides: Settings }): void {
  for (const flag of ofTasks) {
    if (flags[flag] === undefined || flag in overrides) continue;
    throw new InputError(`--${flag} is ${flags[flag]}, and the task of ${name} has no such setting`);
  }
}

/** What made the report: the flags that decide which runs it shows. */
function commandOf(command: string, name: string, flags: Flags): string {
  const deciding = [...ofTasks, "seeds", "only", "kernels"] as const;
  const given = deciding.flatMap((flag) => {
    const text = flags[flag];
    return text === undefined ? [] : [`--${flag}`, text];
  });
  return ["flipnet", command, name, ...given].map(shellWord).join(" ");
}

/** An experiment and what there is of it. */
interface Listed {
  experiment: Experiment;
  runs: PlannedRun[];
}

/** @throws InputError for a flag that asks something of one experiment */
function refuseNameless(flags: Flags): void {
  const ofOne = ["only", "draw", "report", "force", "workers", "redis"] as const;
  const idle = ofOne.find((flag) => flags[flag] !== undefined);
  if (idle !== undefined)
    throw new InputError(`--${idle} needs an experiment's name; without one they are listed`);
}

/** Returns the exit code. */
async function list(flags: Flags): Promise<number> {
  refuseNameless(flags);
  const { experimentNames, readExperiment } = await import("../planning/experiments.ts");
  const listed: Listed[] = [];
  let missing: string | undefined;
  const note = (why: string) => {
    missing ??= why;
  };
  for (const name of await experimentNames()) {
    const experiment = await readExperiment(name);
    const runs = await planned(experiment, await wantedOf(experiment, flags), note);
    listed.push({ experiment, runs: once(runs) });
  }
  if (missing !== undefined) {
    process.stderr.write(`which runs there are, and what they cost, cannot be told: ${missing}\n`);
  }
  const { secondsOf, share = 1 } =
    flags.cost && missing === undefined ? await costOf(listed.flatMap(({ runs }) => runs)) : {};
  const cores = availableParallelism();
  /** On all cores. */
  const sum = (runs: readonly PlannedRun[], from: (run: PlannedRun) => number) =>
    secondsOf && runs.reduce((seconds, run) => seconds + secondsOf(run, from(run)), 0) / cores;
  const rows = [
    ...listed.map(({ experiment: { name, title }, runs }) => ({ name, title, runs })),
    { name: "all", title: undefined, runs: once(listed.flatMap(({ runs }) => runs)) },
  ].map(({ name, title, runs }) => ({
    name,
    title,
    runs: runs.length,
    done: runs.filter(({ done }) => done).length,
    begun: runs.filter(({ done, stored }) => !done && !!stored?.records.length).length,
    seconds: sum(runs, () => 0),
    secondsLeft: sum(runs, reached),
  }));
  if (flags.json) {
    for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
    return 0;
  }
  const { bold, dim } = colorsFor(process.stdout);
  const cost = (seconds?: number) => (seconds === undefined ? [] : [formatSeconds(seconds)]);
  const head = ["experiment", "runs", "done", "begun", ...(secondsOf ? ["whole", "left"] : [])];
  const table = formatTable(
    [
      head,
      ...rows.map(({ name, runs, done, begun, seconds, secondsLeft }) => [
        name,
        ...[runs, done, begun].map(String),
        ...cost(seconds),
        ...cost(secondsLeft),
      ]),
    ],
    { numbers: true },
  );
  const [titles, ...lines] = table.trimEnd().split("\n");
  process.stdout.write(`${bold(titles)}\n`);
  for (const [i, line] of lines.entries()) {
    const { title } = rows[i];
    process.stdout.write(`${line}\n${title === undefined ? "" : `${dim(`  ${title}`)}\n`}`);
  }
  if (secondsOf) {
    const busy = share < 0.8 ? ` It is busy now: this had ${Math.round(100 * share)} % of a core.` : "";
    process.stdout.write(
      `\nTimes are about what ${cores} runs at a time take on this machine (${cores} ${cores === 1 ? "core" : "cores"}) with nothing else on it, from the processor time of a moment of each.${busy}\n`,
    );
  }
  return 0;
}

/** Epochs that there are of a run. */
const reached = ({ stored, config }: PlannedRun) => Math.min(stored?.records.length ?? 0, config.epochs);

/** Measures the costs; gives how many seconds of one core a run takes from an epoch on, and what share of a core this had. */
async function costOf(runs: readonly PlannedRun[]) {
  const { costKey, measureCosts, secondsOf } = await import("../planning/cost.ts");
  const line = new StatusLine(process.stderr);
  const say = (of: string) => ({
    drawn: () => `measuring what runs cost: ${of}`,
    plain: () => `measuring: ${of}`,
  });
  line.update(say("the data"));
  const { costs, share } = await measureCosts(
    runs.map(({ config }) => config),
    100,
    (measured, of) => line.update(say(`${measured} of ${of} kinds`)),
  );
  line.clear();
  return {
    secondsOf: ({ config }: PlannedRun, from: number) =>
      secondsOf(costs.get(costKey(config))!, from, config.epochs),
    share,
  };
}
