/** What runs cost on this machine, from a few of their steps. */

import { refusalOf } from "flipnet/internal/backend/kinds";
import type { Training } from "flipnet/internal/training/training";
import { cheapest, createBackend, loadWorkload, type Workload } from "../running/workload.ts";
import { type Config, taskOf } from "../settings/config.ts";

/** Seconds that a run takes. */
export interface Cost {
  /** Of one epoch's steps. */
  epoch: number;
  /** Of going once through what is held out. */
  evaluation: number;
  evaluateEvery: number;
}

/** Seconds that a run takes from one epoch to another. */
export const secondsOf = ({ epoch, evaluation, evaluateEvery }: Cost, from: number, to: number): number =>
  (to - from) * epoch + (Math.ceil(to / evaluateEvery) - Math.ceil(from / evaluateEvery)) * evaluation;

/** By what a run is told from others that cost the same: all but its seed and its length. */
export function costKey({ seed, epochs, out, ...config }: Config): string {
  return JSON.stringify({ ...config, steps: undefined });
}

/**
 * Trains each of the configs that cost differently for a moment.
 *
 * @param milliseconds of steps for each; it takes longer where a few steps do
 * @param onMeasured how many of how many are measured
 * @returns their costs by `costKey`
 */
export async function measureCosts(
  configs: readonly Config[],
  milliseconds: number,
  onMeasured: (measured: number, of: number) => void = () => {},
): Promise<Map<string, Cost>> {
  const distinct = new Map(configs.map((config) => [costKey(config), config]));
  const workloads = new Map<string, Promise<Workload>>();
  const costs = new Map<string, Cost>();
  for (const [key, config] of distinct) {
    const source = JSON.stringify([config.task, config.data]);
    if (!workloads.has(source)) workloads.set(source, loadWorkload(config));
    costs.set(key, await measure(config, (await workloads.get(source))!, milliseconds));
    onMeasured(costs.size, distinct.size);
  }
  return costs;
}

async function measure(config: Config, workload: Workload, milliseconds: number): Promise<Cost> {
  const { examples } = workload;
  const { short, shareOfTraining, shareOfTest } = shortened(config, examples);
  // What this host lacks is measured with the best that it has.
  const { kernels, ...others } = config;
  const lacking = kernels !== undefined && kernels !== "float64" && refusalOf(kernels) !== undefined;
  const backend = await createBackend(lacking ? others : config);
  try {
    const { training } = await workload.prepare(backend, short);
    const step = await secondsOfStep(training.initialise(), milliseconds);
    const began = performance.now();
    await training.task.evaluate(training.learner.network, { epoch: 0, step: 1 });
    const evaluation = (performance.now() - began) / 1000;
    return {
      epoch: (step * training.task.stepsPerEpoch) / shareOfTraining,
      evaluation: evaluation / shareOfTest,
      evaluateEvery: typeof config.evaluateEvery === "number" ? config.evaluateEvery : 1,
    };
  } finally {
    backend.close();
  }
}

/** Epochs of so many batches of images, or so many steps, are short. */
const [fewBatches, fewSteps] = [10, 200];

/** A run that learns by the same steps, in short epochs, and how much of an epoch and of the test those are. */
function shortened(config: Config, examples: Workload["examples"]) {
  const { config: cheap, share } = cheapest(config);
  // Measured only when asked to.
  const once = { ...cheap, ...("evaluateEvery" in cheap && { evaluateEvery: Number.MAX_SAFE_INTEGER }) };
  if (taskOf(config).length === "steps") {
    const recordEvery = Math.min(config.recordEvery!, fewSteps);
    const short = { ...once, steps: Number.MAX_SAFE_INTEGER, recordEvery };
    return { short, shareOfTraining: recordEvery / config.recordEvery!, shareOfTest: share };
  }
  // A table has no limit, and seldom long epochs.
  if (taskOf(config).data !== "images") return { short: once, shareOfTraining: 1, shareOfTest: share };
  const { limit = Infinity, batchSize } = config;
  const few = Math.min(fewBatches * batchSize, limit);
  const [train, test] = [examples!.train, examples!.test].map((count) => few / Math.min(count, limit));
  return { short: { ...once, limit: few }, shareOfTraining: train, shareOfTest: share * test };
}

/** Of the fastest epoch, which other work on the machine disturbed least; the first one warms up. */
async function secondsOfStep(training: Training, milliseconds: number): Promise<number> {
  const began = performance.now();
  let fastest = Infinity;
  for await (const { epoch, msPerStep } of training.run(Infinity)) {
    if (epoch > 1) fastest = Math.min(fastest, msPerStep);
    if (epoch > 1 && performance.now() - began > milliseconds) break;
  }
  return fastest / 1000;
}
