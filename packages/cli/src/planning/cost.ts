/** What runs cost on this machine, from a few of their steps. */

import { refusalOf } from "flipnet/internal/backend/kinds";
import type { Training } from "flipnet/internal/training/training";
import { dataKeyOf } from "../running/data.ts";
import { cheapest, createBackend, loadWorkload, type Workload } from "../running/workload.ts";
import { type Config, taskOf } from "../settings/config.ts";

/** What a run takes, in seconds of processor time: other work on the machine makes it wait, but costs it little. */
export interface Cost {
  /** Of one epoch's steps. */
  epoch: number;
  /** Of going once through what is held out. */
  evaluation: number;
  evaluateEvery: number;
}

/** Costs by `costKey`, and how much of the time in which they were measured this process had a processor. */
export interface Costs {
  costs: ReadonlyMap<string, Cost>;
  share: number;
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
 */
export async function measureCosts(
  configs: readonly Config[],
  milliseconds: number,
  onMeasured: (measured: number, of: number) => void = () => {},
): Promise<Costs> {
  const distinct = new Map(configs.map((config) => [costKey(config), config]));
  const workloads = new Map<string, Promise<Workload>>();
  const costs = new Map<string, Cost>();
  const had = timer();
  let [cpu, wall] = [0, 0];
  for (const [key, config] of distinct) {
    const source = dataKeyOf(config);
    if (!workloads.has(source)) workloads.set(source, loadWorkload(config));
    const workload = (await workloads.get(source))!;
    had();
    costs.set(key, await measure(config, workload, milliseconds));
    const taken = had();
    cpu += taken.cpu;
    wall += taken.wall;
    onMeasured(costs.size, distinct.size);
  }
  return { costs, share: wall === 0 ? 1 : Math.min(1, cpu / wall) };
}

/** Gives the seconds since it was called last: of this process's processor time, and of the clock. */
function timer(): () => { cpu: number; wall: number } {
  let [used, now] = [process.cpuUsage(), performance.now()];
  return () => {
    const { user, system } = process.cpuUsage(used);
    const wall = (performance.now() - now) / 1000;
    [used, now] = [process.cpuUsage(), performance.now()];
    return { cpu: (user + system) / 1e6, wall };
  };
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
    const taken = timer();
    await training.task.evaluate(training.learner.network, { epoch: 0, step: 1 });
    const { cpu: evaluation } = taken();
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
  const heldOut = Number(config.heldOut ?? 0);
  const few = Math.min(fewBatches * batchSize, limit);
  const [train, test] = [examples!.train, examples!.test].map((count) => Math.min(count, limit));
  const short = { ...once, limit: few, ...(heldOut > 0 && { heldOut: undefined }) };
  return { short, shareOfTraining: few / (train - heldOut), shareOfTest: (share * few) / test };
}

/** Of the fastest epoch, which other work on the machine disturbed least; the first one warms up. */
async function secondsOfStep(training: Training, milliseconds: number): Promise<number> {
  const taken = timer();
  let [fastest, spent] = [Infinity, 0];
  for await (const { epoch, msPerStep } of training.run(Infinity)) {
    const { cpu, wall } = taken();
    spent += cpu;
    // An epoch's steps had as much of a processor as the whole epoch, which measures as well.
    if (epoch > 1) fastest = Math.min(fastest, (msPerStep / 1000) * (cpu / wall));
    if (epoch > 1 && 1000 * spent > milliseconds) break;
  }
  return fastest;
}
