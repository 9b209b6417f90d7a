/** `flipnet measure`: variance, distance from the true gradient and time of any estimators, at the parameters of a run. */
import type { Command } from "commander";
import { InputError } from "flipnet/internal/formats/errors";
import type { Estimated, Labelled, Measured, MeasureOptions } from "flipnet/internal/training/measure";
import type { MeasuredAt } from "../report/measure-figure.ts";
import { wholeNumber } from "./numbers.ts";
import { counted, formatBar, StatusLine } from "./terminal.ts";

interface Flags {
  estimators?: string;
  batches: string;
  warmUp: string;
  every?: string;
  epochs?: string;
  seed: string;
  baseline?: string;
  reference?: string;
  figure?: string;
  force?: boolean;
  json?: boolean;
}

export function defineMeasure(program: Command): void {
  program
    .command("measure")
    .description(
      "variance, distance from the true gradient, cosine and time of estimators at the parameters of a run, sorted by what an hour of computing buys",
    )
    .argument("<run>", "folder of a run")
    .option(
      "--estimators <names>",
      "which, separated by commas, with options as in disarm:samples=4, or from a file as in ./mine.mjs; default all that can serve but local-expectation, which takes long",
    )
    .option("--batches <n>", "batches behind each number, at least 20", "100")
    .option("--warm-up <n>", "batches before these, on which baselines settle", "500")
    .option("--every <n>", "train the run anew, in memory, and measure before it and after every n epochs")
    .option("--epochs <n>", "with --every: how long; default as the run")
    .option("--seed <n>", "of the draws", "0")
    .option("--baseline <name>", "none or running-average, of estimators that take one; default the run's")
    .option("--reference <name>", "the unbiased estimator that says what the true gradient is")
    .option("--figure <file>", "draw variance against time into an SVG")
    .option("--force", "replace a figure that is there, whoever made it")
    .option("--json", "print everything as JSON instead of tables")
    .action(measure);
}

async function measure(folder: string, flags: Flags): Promise<void> {
  const batches = wholeNumber("--batches", flags.batches, 20);
  const warmUp = wholeNumber("--warm-up", flags.warmUp, 0);
  const seed = wholeNumber("--seed", flags.seed, 0);
  const every = flags.every === undefined ? undefined : wholeNumber("--every", flags.every, 1);
  if (flags.epochs !== undefined && every === undefined) {
    throw new InputError(`--epochs is ${flags.epochs} without --every; expected both`);
  }
  if (flags.baseline !== undefined && !["none", "running-average"].includes(flags.baseline)) {
    throw new InputError(`--baseline is ${flags.baseline}; expected none or running-average`);
  }
  const { readRun } = await import("../running/run-folder.ts");
  const { checkpointOf } = await import("../export/exporter.ts");
  const { createBackend, loadWorkload } = await import("../running/workload.ts");
  const { taskOf } = await import("../settings/config.ts");
  const { checkPlace, writeOutputs } = await import("../running/places.ts");
  const { prepareMeasure } = await import("flipnet/internal/training/measure");
  if (flags.figure !== undefined) await checkPlace({ path: flags.figure }, flags.force);

  const run = await readRun(folder);
  const { config } = run;
  const epochs = wholeNumber("--epochs", flags.epochs ?? String(config.epochs), 1);
  const checkpoint = every === undefined ? await checkpointOf(run) : undefined;
  const { offers } = taskOf(config);
  const backend = await createBackend(config);
  const { training } = await (await loadWorkload(config)).prepare(backend);
  const { task, learner } = training;
  const on = { task, network: learner.network, offers };
  const estimators = await chosen(on, flags.estimators);
  const status = new StatusLine(process.stderr);
  const options: MeasureOptions = {
    batches,
    warmUp,
    seed,
    baseline: (flags.baseline ?? config.baseline) as "none" | "running-average",
    ...(config.baselineDecay !== undefined && { baselineDecay: config.baselineDecay }),
    ...(flags.reference !== undefined && { reference: (await estimatorNamed(flags.reference)).estimator }),
    clock: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
    onProgress(done, total) {
      const text = `batch ${done} of ${total}`;
      status.update({ drawn: () => `${formatBar(done / total, 24)} ${text}`, plain: () => text });
    },
  };
  const measureAt = prepareMeasure(on, estimators, options);
  const found: MeasuredAt[] = [];
  const look = async (epoch: number) => {
    found.push({ epoch, measurement: await measureAt(epoch) });
    status.clear();
    if (!flags.json) process.stdout.write(tableOf(found[found.length - 1]));
  };
  try {
    if (checkpoint !== undefined) {
      training.restore({ ...checkpoint.tensors });
      await look(training.epoch);
    } else {
      training.initialise();
      await look(0);
      for await (const { epoch } of training.run(epochs)) {
        if (epoch % every! === 0) await look(epoch);
      }
    }
  } finally {
    status.clear();
    backend.close();
  }
  if (flags.json) process.stdout.write(`${JSON.stringify(found)}\n`);
  if (flags.figure !== undefined) {
    const { varianceAgainstTime } = await import("../report/measure-figure.ts");
    const content = await varianceAgainstTime(found, "Variance against time");
    await writeOutputs([{ path: flags.figure, content }]);
    if (!flags.json) process.stdout.write(`figure  ${flags.figure}\n`);
  }
}

async function estimatorNamed(text: string): Promise<Labelled> {
  const { chooseEstimator } = await import("../settings/estimator.ts");
  const { parseEstimatorText } = await import("flipnet/internal/estimators/options");
  return { label: text, estimator: chooseEstimator(parseEstimatorText(text)).estimator };
}

/** What was asked for; or all that serve. */
async function chosen(
  { task, network, offers }: Parameters<typeof import("flipnet/internal/training/measure").prepareMeasure>[0],
  wanted: string | undefined,
): Promise<Labelled[]> {
  if (wanted !== undefined) return Promise.all(wanted.split(",").map(estimatorNamed));
  const { estimatorsFor } = await import("flipnet/internal/estimators/registry");
  const all = estimatorsFor(offers).filter(({ name }) => name !== "local-expectation");
  return all.flatMap((estimator) => {
    const scope = network.backend.scope();
    try {
      const { input, objective } = task;
      scope.run(() =>
        estimator.prepare({ network, input, objective, baseline: "none", baselineDecay: 0.99 }),
      );
      return [{ label: estimator.name, estimator }];
    } catch (error) {
      if (error instanceof InputError) return [];
      throw error;
    } finally {
      scope.release();
    }
  });
}

/** Best use of an hour first. */
function tableOf({ epoch, measurement }: MeasuredAt): string {
  const { batches, reference, squaredGradient, estimators } = measurement;
  const head = ["", "ln example var", "ln batch var", "distance", "cosine", "ms", "an hour leaves"];
  const rows = estimators.map(rowOf);
  const lines = [head, ...rows];
  const widths = head.map((_, c) => Math.max(...lines.map((line) => line[c].length)));
  const text = lines
    .map((line) =>
      line.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join("  "),
    )
    .join("\n");
  const known = squaredGradient.value > 2 * squaredGradient.error;
  return (
    `after ${counted(epoch, "epoch")}: ${batches} batches, held against ${reference}; ` +
    `${known ? `ln mean squared gradient ${Math.log(squaredGradient.value).toFixed(2)}` : "the true gradient is lost in the noise: more --batches"}\n` +
    `${text}\n\n`
  );
}

function rowOf(one: Measured): string[] {
  const { label, unbiased, exampleVariance, batchVariance, squaredDistance, cosine, msPerStep, hour } = one;
  return [
    unbiased ? label : `${label} (biased)`,
    logOf(exampleVariance),
    logOf(batchVariance),
    distanceOf(squaredDistance),
    cosine.value.toFixed(3),
    msPerStep.toFixed(2),
    percent(hour),
  ];
}

/** The logarithm, and the error of that. */
const logOf = ({ value, error }: Estimated): string =>
  value > 0 ? `${Math.log(value).toFixed(2)} ± ${(error / value).toFixed(2)}` : "-inf";

const percent = (share: number): string =>
  share < 1 ? `${(100 * share).toPrecision(2)} %` : `${(100 * share).toFixed(0)} %`;

/** In per cent of the true gradient's length; what cannot be told from 0 has a bound. */
function distanceOf({ value, error }: Estimated): string {
  if (value > 2 * error) return percent(Math.sqrt(value));
  return `< ${percent(Math.sqrt(Math.max(0, value) + 2 * error))}`;
}
