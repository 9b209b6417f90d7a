/** `flipnet train`: one run in its folder. */
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { InputError } from "flipnet/internal/formats/errors";
import { isWhole } from "flipnet/internal/formats/whole";
import type { TaskDefinition } from "flipnet/internal/tasks/definition";
import { tasks } from "flipnet/internal/tasks/registry";
import type { EpochRecord, Progress } from "flipnet/internal/training/training";
import { describeMemory } from "../running/memory.ts";
import type { RunCheckpoint, RunProgress } from "../running/pool.ts";
import type { RunResult, RunStart } from "../running/runs.ts";
import type { Config } from "../settings/config.ts";
import { isTakenBack, optionsWithOwnName, settingsOf, tables } from "../settings/described.ts";
import { namedIn } from "../settings/estimator.ts";
import { flagOf } from "../settings/flag.ts";
import { isFile } from "../settings/module.ts";
import { presetNamed, presets, withPreset } from "../settings/presets.ts";
import { interrupted, outputClosed, stopSignal } from "./exit.ts";
import { wholeNumber } from "./numbers.ts";
import {
  canRedraw,
  colorsFor,
  counted,
  formatBar,
  formatSeconds,
  formatTable,
  StatusLine,
} from "./terminal.ts";

/** What commander makes of the flags: text, but for switches. */
interface Flags {
  layers?: string;
  hidden?: string;
  resume?: boolean;
  json?: boolean;
  quiet?: boolean;
  checkpointEvery?: string;
  [setting: string]: string | boolean | undefined;
}

export function defineTrain(program: Command): void {
  const command = program
    .command("train")
    .description("train a network in a run folder; what is there already is not trained again")
    .argument("[config]", "settings: a JSON or YAML file, - for JSON on stdin, or the folder of a run")
    .optionsGroup("Task and network:")
    .option("--preset <name>", `settings of a paper: ${Object.keys(presets).join(" or ")}`)
    .option("--task <name>", `${orOf(tasks.map(({ name }) => name))} (default "bandit")`);
  const add = (group: string, names: readonly string[]) => {
    command.optionsGroup(group);
    for (const name of names) addFlag(command, name);
  };
  add("Task and network:", [
    "data",
    "limit",
    ...Object.keys(tables).filter((name) => name !== "data"),
    "objective",
    "hidden",
  ]);
  command.option("--layers <n>", "n hidden layers of 200");
  add("Task and network:", ["units", ...ofTasks()]);
  command
    .optionsGroup("Learning:")
    .option(
      "--estimator <name>",
      `see "flipnet estimators", or a file as in ./mine.mjs; options behind it, as in reinforce-loo:samples=4 (default ${usualOf(({ usual }) => usual.estimator)})`,
    );
  add("Learning:", [
    ...Object.keys(optionsWithOwnName),
    ...["paperScale", "baseline", "epochs", "batchSize", "optimizer", "frozenAdam", "varianceCount"],
    ...["learningRate", "learningRateEnd", "learningRateSteps", "l2", "seed"],
  ]);
  add("Where and how:", ["out"]);
  command.option("--resume", "go on with a run that was stopped, or with more epochs");
  add("Where and how:", ["backend", "kernels", "scores", "threads"]);
  command
    .option("--checkpoint-every <seconds>", "seconds between checkpoints within long epochs (default 60)")
    .option("--tensorboard", "write TensorBoard's events into the run's folder as it goes")
    .option("--json", "print JSON: a record an epoch, then a summary")
    .option("--quiet", "show no progress")
    .optionsGroup("Options:")
    .action(async (path: string | undefined, flags: Flags) => {
      process.exitCode = await train(path, flags);
    });
}

/** Adds the flags of settings that a command has not described itself: all that `train` takes of a task and of learning. */
export function addOtherSettings(command: Command): void {
  const known = new Set(command.options.map((option) => option.attributeName()));
  const learning = [
    "baseline",
    "batchSize",
    "optimizer",
    "frozenAdam",
    "varianceCount",
    "learningRate",
    "learningRateEnd",
    "learningRateSteps",
    "l2",
  ];
  for (const name of [...ofTasks(), ...Object.keys(optionsWithOwnName), "paperScale", ...learning]) {
    if (!known.has(name)) addFlag(command, name);
  }
}

/** Settings of single tasks, in the order of these. */
const ofTasks = (): string[] => [
  ...new Set(tasks.flatMap(({ settings }) => Object.keys(settings)).filter((name) => name !== "limit")),
];

const orOf = (names: readonly string[]) => `${names.slice(0, -1).join(", ")} or ${names[names.length - 1]}`;

/** The flag of a setting, with what it says, whose it is and what holds otherwise. */
function addFlag(command: Command, name: string): void {
  const having = tasks.filter((task) => Object.hasOwn(settingsOf(task), name));
  const option = settingsOf(having[0])[name];
  const takers = optionsWithOwnName[name];
  const whose =
    takers !== undefined
      ? `${takers.map(({ estimator }) => estimator).join(", ")}: `
      : having.length < tasks.length
        ? `${having.map((task) => task.name).join(", ")}: `
        : "";
  const words = option.words === undefined || takers === undefined ? "" : ` (${option.words.join(", ")})`;
  const usual =
    takers !== undefined
      ? takers[0].option.default
      : usualOf((task) => settingsOf(task)[name]?.default, having);
  const otherwise =
    usual === undefined || usual === "" || typeof usual === "boolean" ? "" : ` (default ${usual})`;
  const says = `${whose}${option.says}${words}${otherwise}`;
  const off = isTakenBack(name);
  const value =
    option.kind === "switch" ? "" : ` <${{ word: "name", number: "n", numbers: "n,..." }[option.kind]}>`;
  command.option(`${flagOf(name, off)}${value}`, off ? `not: ${says}` : says);
}

/** `200,200; multiplexer: 64,32`: what holds for the first task, and where others differ. Empty where nothing does. */
function usualOf(of: (task: TaskDefinition) => unknown, having: readonly TaskDefinition[] = tasks): string {
  const [first, ...others] = having.map((task) => ({ name: task.name, value: String(of(task) ?? "") }));
  const different = others.filter(({ value }) => value !== first.value);
  return [
    first.value,
    ...different.filter(({ value }) => value !== "").map(({ name, value }) => `${name}: ${value}`),
  ].join("; ");
}

/** Returns the exit code. */
async function train(path: string | undefined, flags: Flags): Promise<number> {
  const signal = stopSignal();
  const { trainRun } = await import("../running/runs.ts");
  const { config, folder } = await wantedFrom(path, flags);
  const checkpointEvery =
    flags.checkpointEvery === undefined
      ? undefined
      : wholeNumber("--checkpoint-every", flags.checkpointEvery, 1);
  const { liveEvents } = await import("../export/live-events.ts");
  const report = new Report(flags);
  let tell: ReturnType<typeof liveEvents> | undefined;
  try {
    const result = await trainRun(config, {
      resume: flags.resume === true,
      ...(folder !== undefined && { folder }),
      signal,
      ...(checkpointEvery !== undefined && { checkpointEvery }),
      onStart(run) {
        report.start(run);
        if (flags.tensorboard && !run.complete) tell = liveEvents(run);
      },
      onEpoch(record) {
        report.epoch(record);
        tell?.(record);
      },
      onProgress: (progress) => report.progress(progress),
      onCheckpoint: (step) => report.checkpoint(step),
    });
    report.end(result);
    return result.status === "stopped" ? interrupted : 0;
  } finally {
    report.clear();
  }
}

/** Settings from the file, overridden by flags. */
export async function configFrom(path: string | undefined, flags: Flags): Promise<Config> {
  const { readConfigFile } = await import("../settings/config.ts");
  const preset = flags.preset === undefined ? undefined : presetNamed(flags.preset, "--preset");
  if (path !== undefined && preset !== undefined) {
    throw new InputError(`${path} and --preset ${flags.preset} are both given; expected one`);
  }
  const settings =
    path === undefined ? { ...preset } : withPreset(await readConfigFile(path), `preset in ${path}`);
  const folder = path === undefined || path === "-" ? "." : dirname(path);
  return overridden(settings, settingsFrom(flags), path ?? `the preset ${flags.preset}`, folder);
}

/** Settings that stand somewhere, with those of the flags in their place. */
async function overridden(
  settings: Record<string, unknown>,
  given: Record<string, unknown>,
  where: string,
  folder = ".",
): Promise<Config> {
  const { parseConfig } = await import("../settings/config.ts");
  const { estimatorDigest, environmentDigest, epochs, ...others } = settings;
  // Another estimator or environment has another file, and other steps make other epochs.
  const begun = {
    ...(!("estimator" in given) && { estimatorDigest }),
    ...(!("environment" in given) && { environmentDigest }),
    ...(!("steps" in given || "recordEvery" in given) && { epochs }),
  };
  return parseConfig(
    { ...others, ...begun, ...given },
    (key) => (Object.hasOwn(given, key) ? flagOf(key, given[key] === false) : `${key} in ${where}`),
    folder,
  );
}

/** What is to be trained, and in which folder where that is one that is there. */
async function wantedFrom(
  path: string | undefined,
  flags: Flags,
): Promise<{ config: Config; folder?: string }> {
  const { realpath, stat } = await import("node:fs/promises");
  const isFolder = path !== undefined && (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (!isFolder) return { config: await configFrom(path, flags) };

  const { environmentOf, runFiles, runIdOf } = await import("../running/run-folder.ts");
  const { generator } = await import("flipnet/internal/random/threefry");
  const { readConfigFile, withScores } = await import("../settings/config.ts");
  // A run goes on where it is, whatever its folder is called by now.
  const folder = await realpath(path);
  const made = await environmentOf(folder);
  if (made !== undefined && made.generator !== generator) {
    throw new InputError(
      `${path} was made with the random generator ${made.generator}; this version has ${generator} and cannot go on with it`,
    );
  }
  const { config: file } = runFiles(path);
  const settings = { ...withScores(await readConfigFile(file)), out: dirname(folder) };
  const given = settingsFrom(flags);
  const config = await overridden(settings, given, file);
  if (made === undefined) return { config };
  const before = await overridden(settings, {}, file);
  const idOf = (some: Config) => runIdOf(some, made.dataDigest);
  if (idOf(config) === idOf(before) && flags.out === undefined) return { config, folder };
  const changed = Object.keys(given).filter((key) => differs(before, config, key));
  const flag = changed.map((key) => flagOf(key, given[key] === false)).join(" and ");
  const why =
    flag === "" ? "this is not the run that is there" : `${flag} asks for another run or place than that`;
  process.stderr.write(`${why} in ${path}: it begins anew\n`);
  return { config };
}

const differs = (a: Config, b: Config, key: string) =>
  JSON.stringify((a as Record<string, unknown>)[key]) !== JSON.stringify((b as Record<string, unknown>)[key]);

/** Flags as settings. What is no number stays text: `parseConfig` then says so. */
function settingsFrom({
  preset,
  layers,
  resume,
  json,
  quiet,
  checkpointEvery,
  tensorboard,
  ...flags
}: Flags): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) {
    // What can only be taken back is true where it was not.
    if (flag === undefined || (flag === true && isTakenBack(name))) continue;
    settings[name] = typeof flag === "string" ? valueIn(name, flag) : flag;
  }
  if (layers !== undefined) {
    if (flags.hidden !== undefined)
      throw new InputError("--layers and --hidden are both given; expected one");
    const count = numberIn(layers);
    if (!isWhole(count, 0, 1000)) {
      throw new InputError(`--layers is ${layers}; expected a whole number from 0 to 1000`);
    }
    settings.hidden = new Array(count).fill(200);
  }
  return settings;
}

/** What a flag says of a setting. */
function valueIn(name: string, flag: string): unknown {
  if (name === "estimator" || name === "environment") return absolute(flag);
  if (name === "objective") return resolve(flag);
  const having = tasks.map(settingsOf).find((settings) => Object.hasOwn(settings, name));
  const option = having?.[name];
  if (option?.kind === "number") return numberIn(flag);
  if (option?.kind !== "numbers") return flag;
  const values = numbersIn(flag);
  // One number is a list where only lists can be.
  return values.length === 1 && option.accepts(1) ? values[0] : values;
}

/** The file of an estimator or an environment is where one is, whatever the file of the other settings. */
function absolute(text: string): string {
  const { name } = namedIn(text) ?? { name: "" };
  return isFile(name) ? `${resolve(name)}${text.slice(name.length)}` : text;
}

const numbersIn = (text: string) => (text.trim() === "" ? [] : text.split(",").map(numberIn));

function numberIn(text: string): number | string {
  const value = Number(text);
  return text.trim() === "" || Number.isNaN(value) ? text : value;
}

/** Columns of the progress bar. */
const [narrowBar, wideBar] = [10, 30];

/** Bytes of memory from which on a person may want to know. */
const worthTelling = 2 ** 29;

/** How fast it went lately is measured over that many milliseconds. */
const rateWindow = 20_000;

/** Results on stdout, progress on stderr and, where this is a child process with a channel, to the parent. */
class Report {
  readonly #flags: Flags;
  readonly #status = new StatusLine(process.stderr);
  readonly #colors = colorsFor(process.stderr);
  #epochs = 0;
  #last: EpochRecord | undefined;
  /** Recent times and steps. */
  #marks: { time: number; step: number }[] = [];

  constructor(flags: Flags) {
    this.#flags = flags;
  }

  start({ folder, config, records, step, complete, memory, withoutNative, notes = [] }: RunStart): void {
    this.#epochs = config.epochs;
    this.#last = records.at(-1);
    this.#mark(step);
    for (const record of records) this.#printJson(record);
    if (this.#flags.quiet) return;
    const { bold } = this.#colors;
    // Whoever runs many asks for it in any case.
    if (this.#flags.resume && step === 0 && process.send === undefined) {
      this.#status.print(`there is nothing to go on with in ${folder}: the run begins`);
    }
    const from = step === 0 ? "" : `, from step ${step} on`;
    if (!complete) this.#status.print(`${bold(folder)}: ${counted(config.epochs, "epoch")}${from}`);
    for (const note of notes) this.#status.print(note);
    if (withoutNative !== undefined) {
      this.#status.print(`no native kernels, so ${config.kernels} ones: ${withoutNative}`);
    }
    if (memory !== undefined && memory.total > worthTelling) {
      this.#status.print(`takes ${describeMemory(memory)}`);
    }
  }

  progress(progress: Progress): void {
    const { epoch, epochs, step, stepsPerEpoch, evaluating } = progress;
    const done = (epoch - 1) * stepsPerEpoch + step;
    const { rate, left } = this.#pace(done, epochs * stepsPerEpoch);
    tellParent({ type: "progress", ...progress, stepsPerSecond: rate, secondsLeft: left });
    if (this.#flags.quiet) return;
    const moving = rate > 0 ? [`${rate.toFixed(0)} steps/s`, `${formatSeconds(left)} left`] : [];
    const pace = evaluating ? ["measuring on the test images"] : moving;
    const metrics = metricsOf(this.#last ?? progress.metrics);
    this.#status.update({
      drawn: (width) => {
        const bar = (room: number) => formatBar(done / (epochs * stepsPerEpoch), room);
        const parts = [`epoch ${epoch}/${epochs}`, bar(narrowBar), ...pace, ...metrics];
        while (parts.join("  ").length > width) parts.pop();
        const room = width - parts.join("  ").length;
        if (parts.length > 1) parts[1] = bar(Math.min(wideBar, narrowBar + room));
        return parts.join("  ");
      },
      plain: () =>
        [`epoch ${epoch}/${epochs}`, `step ${step}/${stepsPerEpoch}`, ...pace, ...metrics].join("  "),
    });
  }

  checkpoint(step: number): void {
    tellParent({ type: "checkpoint", step });
  }

  epoch(record: EpochRecord): void {
    this.#last = record;
    this.#printJson(record);
    if (this.#flags.quiet || canRedraw(process.stderr)) return;
    const { left } = this.#pace(record.step, (record.step / record.epoch) * this.#epochs);
    const parts = [`epoch ${record.epoch}/${this.#epochs}`, ...metricsOf(record)];
    if (record.epoch < this.#epochs) parts.push(`${formatSeconds(left)} left`);
    this.#status.print(parts.join("  "));
  }

  end({ summary, status, folder, records }: RunResult): void {
    this.#status.clear();
    if (summary === undefined) {
      if (outputClosed.aborted) return;
      const done = `${records.length} of ${counted(this.#epochs, "epoch")}`;
      process.stderr.write(`stopped after ${done}; a checkpoint is in ${folder}: add --resume to go on\n`);
    } else if (this.#flags.json) {
      this.#printJson(summary);
    } else {
      if (status === "reused" && !this.#flags.quiet) {
        process.stderr.write("this run was finished before; nothing was trained\n");
      }
      const { type, runId, folder, epochs, ...metrics } = summary;
      const rows = Object.entries(metrics).map(([name, value]) => [labelOf(name), formatMetric(value)]);
      process.stdout.write(formatTable([["epochs", String(epochs)], ...rows, ["folder", folder]]));
    }
  }

  /** Leaves the terminal clean. */
  clear(): void {
    this.#status.clear();
  }

  #printJson(line: object): void {
    if (this.#flags.json) process.stdout.write(`${JSON.stringify(line)}\n`);
  }

  #mark(step: number): { time: number; step: number } {
    const mark = { time: performance.now(), step };
    this.#marks.push(mark);
    // One that is older than the window stays, to measure from.
    while (this.#marks.length > 2 && this.#marks[1].time < mark.time - rateWindow) this.#marks.shift();
    return mark;
  }

  /** Steps a second, and seconds left. */
  #pace(done: number, total: number): { rate: number; left: number } {
    const { time, step } = this.#mark(done);
    const first = this.#marks[0];
    const rate = (1000 * (step - first.step)) / Math.max(1, time - first.time);
    return { rate, left: rate > 0 ? (total - done) / rate : 0 };
  }
}

/** Where this is a child process with a channel. */
function tellParent(message: RunProgress | RunCheckpoint): void {
  if (process.connected) process.send?.(message, () => {});
}

/** What is worth a place in one line. */
const metricsOf = (metrics: Record<string, number | string | null>) =>
  Object.entries(metrics)
    .filter(([name]) => !["type", "epoch", "step", "gradientVariance"].includes(name) && !name.includes("."))
    .map(([name, value]) => `${labelOf(name)} ${formatMetric(value)}`);

/** `logGradientVariance` as `ln gradient variance`. */
const labelOf = (name: string) =>
  name
    .replace(/^log(?=[A-Z])/, "ln")
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .replace("elbo", "ELBO");

const formatMetric = (value: number | string | null) =>
  typeof value !== "number" ? String(value ?? "none") : value === 0 ? "0" : formatNumber(value);

const formatNumber = (value: number) =>
  Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6
    ? value.toExponential(3)
    : String(Number(value.toPrecision(4)));
