/** `flipnet train`: one run in its folder. */
import type { Command } from "commander";
import { InputError } from "flipnet/internal/formats/errors";
import type { EpochRecord, Progress } from "flipnet/internal/training/training";
import { describeMemory } from "../running/memory.ts";
import type { RunCheckpoint, RunProgress } from "../running/pool.ts";
import type { RunResult, RunStart } from "../running/runs.ts";
import type { Config } from "../settings/config.ts";
import { flagOf } from "../settings/flag.ts";
import { presetNamed, presets } from "../settings/presets.ts";
import { interrupted, outputClosed, stopSignal } from "./exit.ts";
import { wholeNumber } from "./numbers.ts";
import { canRedraw, colorsFor, formatBar, formatSeconds, formatTable, StatusLine } from "./terminal.ts";

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
  program
    .command("train")
    .description("train a network in a run folder; what is there already is not trained again")
    .argument("[config]", "settings: a JSON or YAML file, - for JSON on stdin, or the folder of a run")
    .optionsGroup("Task and network:")
    .option("--preset <name>", `settings of a paper: ${Object.keys(presets).join(" or ")}`)
    .option("--task <name>", 'bandit, multiplexer or vae (default "bandit")')
    .option("--data <folder>", "the four IDX files of images and labels (default: MNIST)")
    .option("--limit <n>", "use the first n training and test images only")
    .option(
      "--hidden <layers>",
      "hidden layers: widths, or softmax:UxN for U units of N choices, as in 200,softmax:20x10; 100@input+0 reads the input and layer 0 (default 200,200; multiplexer: 64,32; vae: 200)",
    )
    .option("--layers <n>", "n hidden layers of 200")
    .option("--units <coding>", 'plus-minus or zero-one (default "plus-minus"; vae: "zero-one")')
    .option("--convolutions <channels>", "bandit: convolutions before the first layer, as in 16,16")
    .option("--kernel-size <n>", "rows and columns of the convolutions' windows (default 3)")
    .option("--output <kind>", 'bandit: softmax or bernoulli (default "softmax")')
    .option("--k <bits>", "multiplexer: bits of the address (default 5)")
    .option("--steps <n>", "multiplexer: length of the run (default 312500)")
    .option("--record-every <n>", "multiplexer: steps between two records (default 2500)")
    .option("--entropy <kind>", 'vae: analytic or sampled entropies (default "analytic")')
    .option("--samples <n>", "vae: samples an image in a step (default 1)")
    .option("--bound-samples <n>", "vae: samples an image of the bound on the test set (default 100)")
    .option("--evaluate-every <epochs>", "vae: epochs between measures on the test set (default 10)")
    .optionsGroup("Learning:")
    .option(
      "--estimator <name>",
      'see "flipnet estimators" (default "hnca"; multiplexer: "weight-max"; vae: "f-hnca")',
    )
    .option(
      "--hidden-rule <name>",
      "weight-max: reinforce (default), direct-gradient, classification, reward-penalty",
    )
    .option("--lambda <share>", "reward-penalty: share of the penalty, 0 to 1")
    .option("--penalty <form>", "weight-max with reward-penalty: mixture (default) or analogue")
    .option("--norm <p>", "weight-max: the p of the p-norm (default 2)")
    .option("--norm-change <kind>", "weight-max: approximate (default) or exact")
    .option(
      "--norm-rate <rate>",
      "weight-max: rate of the exact change, one or one a layer (default: learning rate)",
    )
    .option(
      "--paper-scale",
      "weight-max: learn by the paper's updates, larger than the gradient, as for its L2",
    )
    .option("--no-stop-gradient", "hnca: as the released code for convolutions has it, which is biased")
    .option("--no-child-pruning", "f-hnca: credit all components through the children")
    .option("--full-reward", "f-hnca: credit components upstream of a unit too")
    .option("--resample <how>", "reinforce-loo, disarm, arm: partial, fresh or independent second samples")
    .option("--baseline <name>", 'none or running-average (default "none")')
    .option("--epochs <n>", "length of the run (default 100)")
    .option("--batch-size <n>", "examples in a step (default 50; multiplexer: 128)")
    .option("--optimizer <name>", 'adam or sgd (default "adam")')
    .option("--frozen-adam", "bandit: Adam that never counts its steps, as that code has it")
    .option("--variance-count <n>", "bandit: divide the gradient variance by n in place of all parameters")
    .option(
      "--learning-rate <rate>",
      "one, or one a layer, as in 1e-3,1e-4 (default 1e-4; multiplexer: 0.01)",
    )
    .option("--l2 <weight>", "L2 penalty on the weights, one or one a layer, as in 0,1e-5,1e-3 (default 0)")
    .option("--seed <n>", "decides weights, order and every coin (default 0)")
    .optionsGroup("Where and how:")
    .option("--out <folder>", 'folder of the run folders (default "runs")')
    .option("--resume", "go on with a run that was stopped, or with more epochs")
    .option("--backend <name>", 'wasm or reference (default "wasm")')
    .option(
      "--kernels <kind>",
      "portable, relaxed or native-128, -256, -512 (default: the fastest that the host has)",
    )
    .option("--threads <n>", "threads that share the work of a step; the same bits (default 1)")
    .option("--checkpoint-every <seconds>", "seconds between checkpoints within long epochs (default 60)")
    .option("--json", "print JSON: a record an epoch, then a summary")
    .option("--quiet", "show no progress")
    .optionsGroup("Options:")
    .action(async (path: string | undefined, flags: Flags) => {
      process.exitCode = await train(path, flags);
    });
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
  const report = new Report(flags);
  try {
    const result = await trainRun(config, {
      resume: flags.resume === true,
      ...(folder !== undefined && { folder }),
      signal,
      ...(checkpointEvery !== undefined && { checkpointEvery }),
      onStart: (run) => report.start(run),
      onEpoch: (record) => report.epoch(record),
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
  const settings = path === undefined ? { ...preset } : await readConfigFile(path);
  return overridden(settings, settingsFrom(flags), path ?? `the preset ${flags.preset}`);
}

/** Settings that stand somewhere, with those of the flags in their place. */
async function overridden(
  settings: Record<string, unknown>,
  given: Record<string, unknown>,
  where: string,
): Promise<Config> {
  const { parseConfig } = await import("../settings/config.ts");
  return parseConfig({ ...settings, ...given }, (key) =>
    Object.hasOwn(given, key) ? flagOf(key, given[key] === false) : `${key} in ${where}`,
  );
}

/** What is to be trained, and in which folder where that is one that is there. */
async function wantedFrom(
  path: string | undefined,
  flags: Flags,
): Promise<{ config: Config; folder?: string }> {
  const { realpath, stat } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  const isFolder = path !== undefined && (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (!isFolder) return { config: await configFrom(path, flags) };

  const { environmentOf, runFiles, runIdOf } = await import("../running/run-folder.ts");
  const { generator } = await import("flipnet/internal/random/threefry");
  const { readConfigFile } = await import("../settings/config.ts");
  // A run goes on where it is, whatever its folder is called by now.
  const folder = await realpath(path);
  const made = await environmentOf(folder);
  if (made !== undefined && made.generator !== generator) {
    throw new InputError(
      `${path} was made with the random generator ${made.generator}; this version has ${generator} and cannot go on with it`,
    );
  }
  const { config: file } = runFiles(path);
  const settings = { ...(await readConfigFile(file)), out: dirname(folder) };
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

/** Settings that are numbers. */
const counts =
  "limit epochs batchSize seed samples boundSamples evaluateEvery threads k steps recordEvery lambda norm kernelSize varianceCount".split(
    " ",
  );

/** Flags as settings. What is no number stays text: `parseConfig` then says so. */
function settingsFrom({
  preset,
  layers,
  resume,
  json,
  quiet,
  checkpointEvery,
  ...flags
}: Flags): Record<string, unknown> {
  const settings: Record<string, unknown> = { ...flags };
  // What can only be taken back is true where it was not.
  for (const name of ["childPruning", "stopGradient"]) if (flags[name] === true) delete settings[name];
  for (const name of counts) {
    if (name in flags) settings[name] = numberIn(flags[name] as string);
  }
  if (flags.hidden !== undefined) settings.hidden = numbersIn(flags.hidden);
  if (typeof flags.convolutions === "string") settings.convolutions = numbersIn(flags.convolutions);
  if (layers !== undefined) {
    if (flags.hidden !== undefined)
      throw new InputError("--layers and --hidden are both given; expected one");
    const count = numberIn(layers);
    if (typeof count === "string" || !Number.isInteger(count) || count < 0 || count > 1000) {
      throw new InputError(`--layers is ${layers}; expected a whole number from 0 to 1000`);
    }
    settings.hidden = new Array(count).fill(200);
  }
  for (const name of ["learningRate", "l2", "normRate"]) {
    const flag = flags[name];
    if (typeof flag !== "string") continue;
    const values = numbersIn(flag);
    settings[name] = values.length === 1 ? values[0] : values;
  }
  return settings;
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

  start({ folder, config, records, step, memory, withoutNative }: RunStart): void {
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
    if (records.length < config.epochs) this.#status.print(`${bold(folder)}: ${config.epochs} epochs${from}`);
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
      const done = `${records.length} of ${this.#epochs} epochs`;
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
