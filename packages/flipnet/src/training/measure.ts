/**
 * Estimators side by side at the same parameters, on networks of any size: how their gradients of batches scatter, how far
 * they are from the true one in the mean, what a step costs. Where a network can be enumerated the audit says the same
 * exactly; here everything is estimated from `N` batches, with standard errors.
 *
 * The true gradient is that of the data which batches are drawn from, over all that the network can do. It is known by an
 * unbiased estimator, the reference, on the same batches with draws of its own. With `G_n` and `R_n` the two gradients of
 * batch `n`, all that is quadratic in means is formed over pairs of different batches, so that no noise is taken for a distance:
 *
 *     |E G - E R|^2 = sum_{n != m} (G_n - R_n) . (G_m - R_m) / (N (N - 1)),
 *
 * which may come out below 0 where there is none. Standard errors are the jackknife's, over ten groups of batches.
 */
import { immediate } from "../backend/backend.ts";
import type { Baseline } from "../estimators/baseline.ts";
import type { Estimator, PreparedEstimator } from "../estimators/estimator.ts";
import { prepareGradient } from "../estimators/gradient.ts";
import { type Knowledge, misfit } from "../estimators/needs.ts";
import { createEstimator } from "../estimators/registry.ts";
import { InputError } from "../formats/errors.ts";
import { GeneratedDraws } from "../network/draws.ts";
import type { Network } from "../network/network.ts";
import type { Task } from "../tasks/task.ts";

/** A number with its standard error. */
export interface Estimated {
  readonly value: number;
  readonly error: number;
}

/** What was found of one estimator, of the gradient of the network's layers. */
export interface Measured {
  readonly label: string;
  readonly unbiased: boolean;
  /**
   * The HNCA paper's variance: of the gradients of the examples of a batch, about the batch's mean, averaged over parameters and
   * batches (D-11).
   */
  readonly exampleVariance: Estimated;
  /**
   * That of DisARM's line of papers: of the gradients of batches, averaged over parameters. Theirs is a running average along a
   * training, and so has its drift too; here parameters stay.
   */
  readonly batchVariance: Estimated;
  /** `|E G - true|^2 / |true|^2`; may be below 0. */
  readonly squaredDistance: Estimated;
  /** Of a batch's gradient with the true one: `E G . true / sqrt(E |G|^2 |true|^2)`. */
  readonly cosine: Estimated;
  /** Median time of a step, of forward passes, credits and gradients, by the clock that was given. */
  readonly msPerStep: number;
  /**
   * `|mean of an hour's gradients - true| / |true|`: what is left of the noise, and of a biased estimator's distance, after one
   * hour of steps at these parameters.
   */
  readonly hour: number;
}

/** What was found at some parameters. */
export interface Measurement {
  readonly batches: number;
  /** The estimator that the true gradient was known by. */
  readonly reference: string;
  /** `|true|^2`, per parameter. */
  readonly squaredGradient: Estimated;
  /** Best use of an hour first. */
  readonly estimators: readonly Measured[];
}

/** How to measure. */
export interface MeasureOptions {
  /** Batches behind each number; default 100, at least 20. */
  readonly batches?: number;
  /** Batches before these on which baselines settle; default 500, after which a running average of 0.99 has all but 1 %. */
  readonly warmUp?: number;
  /** Decides the draws; default 0. */
  readonly seed?: number;
  /** Of the estimators that take one; default none. */
  readonly baseline?: Baseline;
  readonly baselineDecay?: number;
  /** An unbiased estimator; default the first of f-hnca-linear, f-hnca, hnca and reinforce that serves. */
  readonly reference?: Estimator;
  /** Milliseconds, from any time on; default wall time. */
  readonly clock?: () => number;
  /** Called after each batch. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What is measured on. */
export interface Measurable {
  readonly task: Task;
  readonly network: Network;
  /** What is known of the objective. */
  readonly offers: readonly Knowledge[];
}

/** An estimator under the name that tables have it by. */
export interface Labelled {
  readonly label: string;
  readonly estimator: Estimator;
}

const groups = 10;
const hourInMilliseconds = 3.6e6;

/**
 * Buffers for all of the estimators, to be measured with as often as the network's parameters change.
 *
 * @returns what measures at the parameters as they are; `epoch` says whose batches, from 0
 * @throws InputError for an estimator that cannot serve, a reference that is biased, or a task of episodes
 */
export function prepareMeasure(
  on: Measurable,
  estimators: readonly Labelled[],
  options: MeasureOptions = {},
): (epoch: number) => Promise<Measurement> {
  const { task, network } = on;
  const { batches = 100, warmUp = 500, onProgress } = options;
  if (!(Number.isSafeInteger(batches) && batches >= 20)) {
    throw new InputError(`the batches are ${batches}; expected a whole number of at least 20`);
  }
  if (estimators.length === 0)
    throw new InputError("there is no estimator to measure; expected at least one");
  const reference = prepareTrial(on, referenceOf(on, options), options, batches, 0);
  const trials = estimators.map((one, i) => prepareTrial(on, one, options, batches, i + 1));

  return async (epoch) => {
    const total = warmUp + batches;
    for (const trial of [reference, ...trials]) trial.clear();
    for (let t = 0; t < total; t++) {
      const step = t % task.stepsPerEpoch;
      if (step === 0) task.startEpoch(epoch + Math.floor(t / task.stepsPerEpoch));
      task.load!(step);
      const n = t - warmUp;
      await reference.step(t, n, undefined);
      for (const trial of trials) await trial.step(t, n, reference);
      onProgress?.(t + 1, total);
    }
    const size = network.layers.reduce((sum, { block }) => sum + block.columns, 0);
    const square = jackknife((group) => squareOf(reference, group));
    const measured = trials.map((trial) => trial.found(reference, size));
    return {
      batches,
      reference: reference.label,
      squaredGradient: { value: square.value / size, error: square.error / size },
      estimators: measured.sort((a, b) => a.hour - b.hour),
    };
  };
}

/** Throws `InputError` where nothing unbiased serves. */
function referenceOf({ task, network, offers }: Measurable, options: MeasureOptions): Labelled {
  if (task.play !== undefined || task.load === undefined || task.weights !== undefined) {
    throw new InputError(
      "the task is one of episodes; expected one whose batches do not depend on what is done",
    );
  }
  const { reference } = options;
  if (reference !== undefined) {
    if (reference.unbiased) return { label: reference.name, estimator: reference };
    throw new InputError(`the reference ${reference.name} is biased; expected an unbiased estimator`);
  }
  let refusal: unknown;
  for (const label of ["f-hnca-linear", "f-hnca", "hnca", "reinforce"]) {
    const estimator = createEstimator({ name: label });
    if (misfit(estimator, offers) !== undefined) continue;
    const scope = network.backend.scope();
    try {
      scope.run(() => estimator.prepare(problemOf({ task, network, offers }, estimator, options)));
      return { label, estimator };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      refusal = error;
    } finally {
      scope.release();
    }
  }
  throw refusal;
}

const problemOf = (
  { task: { input, objective }, network }: Measurable,
  estimator: Estimator,
  { baseline = "none", baselineDecay = 0.99 }: MeasureOptions,
) => ({
  network,
  input,
  objective,
  baseline: estimator.baseline ? baseline : ("none" as const),
  baselineDecay,
});

/** The sums over a trial's batches, in groups of which one may be left out. */
interface Sums {
  readonly label: string;
  /** Of gradients; `skip` is the group that is left out, -1: none. */
  total(skip: number): Float64Array;
  /** How many batches. */
  count(skip: number): number;
  /** Of `|G|^2`, and of `G . R`. */
  squares(skip: number): number;
  products(skip: number): number;
  readonly last: Float64Array;
}

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let e = 0; e < a.length; e++) sum += a[e] * b[e];
  return sum;
};

/** `|E G|^2`, over pairs of different batches. */
function squareOf(trial: Sums, skip: number): number {
  const [S, N] = [trial.total(skip), trial.count(skip)];
  return (dot(S, S) - trial.squares(skip)) / (N * (N - 1));
}

/** A number of all batches, with the error that leaving out each group in turn shows. */
function jackknife(of: (skip: number) => number): Estimated {
  const without = Array.from({ length: groups }, (_, group) => of(group));
  const mean = without.reduce((sum, one) => sum + one, 0) / groups;
  const spread = without.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return { value: of(-1), error: Math.sqrt(((groups - 1) / groups) * spread) };
}

function prepareTrial(
  on: Measurable,
  { label, estimator }: Labelled,
  options: MeasureOptions,
  batches: number,
  place: number,
) {
  const { task, network } = on;
  const reason = misfit(estimator, on.offers);
  if (reason !== undefined) throw new InputError(reason);
  const { clock = () => performance.now(), seed = 0 } = options;
  const backend = immediate(network.backend);
  const { layers } = network;
  const prepared: PreparedEstimator = estimator.prepare(problemOf(on, estimator, options));
  const credits = prepared.credits.filter(({ linear }) => layers.some((layer) => layer === linear));
  const gradient = prepareGradient(backend, layers, credits, layers.length, task.examples);
  const accumulators = backend.sums(2 * layers.length);
  const draws = new GeneratedDraws(backend, seed + place, "test");
  const size = layers.reduce((sum, { block }) => sum + block.columns, 0);
  const parts = layers.map(({ block }) => new Float64Array(block.columns));
  const last = new Float64Array(size);
  const sums = Array.from({ length: groups }, () => new Float64Array(size));
  const numbers = () => new Float64Array(groups);
  const [counts, squares, products] = [0, 1, 2].map(numbers);
  const times: number[] = [];
  const inBatch: number[] = [];
  const ofGroups = (values: Float64Array) => (skip: number) =>
    values.reduce((sum, one, group) => sum + (group === skip ? 0 : one), 0);
  const [whole, others] = [0, 1].map(() => new Float64Array(size));

  const trial = {
    label,
    last,
    total(skip: number): Float64Array {
      if (skip < 0) return whole;
      for (let e = 0; e < size; e++) others[e] = whole[e] - sums[skip][e];
      return others;
    },
    count: ofGroups(counts),
    squares: ofGroups(squares),
    products: ofGroups(products),

    clear(): void {
      for (const list of [whole, ...sums, counts, squares, products]) list.fill(0);
      times.length = inBatch.length = 0;
    },

    /** One batch: the `n`-th, or where `n` is below 0 one to settle on. */
    async step(t: number, n: number, reference: Sums | undefined): Promise<void> {
      draws.startStep(t + 1);
      const begun = clock();
      prepared.sample(draws);
      task.score?.(prepared.pass);
      prepared.credit();
      gradient.compute();
      prepared.adapt?.();
      const ended = clock();
      if (n < 0) return;
      times.push(ended - begun);
      backend.writeSums(accumulators, new Float64Array(2 * layers.length));
      gradient.addVariance(accumulators, t + 1);
      const variances = await backend.readSums(accumulators);
      inBatch.push(layers.reduce((sum, _, l) => sum + variances[2 * l], 0) / size);
      let offset = 0;
      gradient.blocks.forEach((block, l) => {
        last.set(backend.readNow(block, parts[l]), offset);
        offset += block.columns;
      });
      const group = Math.floor((n * groups) / batches);
      for (let e = 0; e < size; e++) {
        sums[group][e] += last[e];
        whole[e] += last[e];
      }
      counts[group]++;
      squares[group] += dot(last, last);
      if (reference !== undefined) products[group] += dot(last, reference.last);
    },

    found(reference: Sums, size: number): Measured {
      const meanSquare = (skip: number) => trial.squares(skip) / trial.count(skip);
      const batchVariance = jackknife((skip) => {
        const [S, N] = [trial.total(skip), trial.count(skip)];
        return (trial.squares(skip) - dot(S, S) / N) / (N - 1) / size;
      });
      const squaredDistance = jackknife((skip) => {
        const [S, R, N] = [trial.total(skip), reference.total(skip), trial.count(skip)];
        let apart = 0;
        for (let e = 0; e < size; e++) apart += (S[e] - R[e]) ** 2;
        const own = trial.squares(skip) + reference.squares(skip) - 2 * trial.products(skip);
        return (apart - own) / (N * (N - 1)) / squareOf(reference, skip);
      });
      const cosine = jackknife((skip) => {
        const [S, R, N] = [trial.total(skip), reference.total(skip), trial.count(skip)];
        const along = (dot(S, R) - trial.products(skip)) / (N * (N - 1));
        return along / Math.sqrt(meanSquare(skip) * squareOf(reference, skip));
      });
      const msPerStep = times.toSorted((a, b) => a - b)[times.length >> 1];
      const mean = inBatch.reduce((sum, one) => sum + one, 0) / inBatch.length;
      const spread = inBatch.reduce((sum, one) => sum + (one - mean) ** 2, 0);
      const noise = (batchVariance.value * size * msPerStep) / hourInMilliseconds / squareOf(reference, -1);
      const bias = estimator.unbiased ? 0 : Math.max(0, squaredDistance.value);
      return {
        label,
        unbiased: estimator.unbiased,
        exampleVariance: { value: mean, error: Math.sqrt(spread) / inBatch.length },
        batchVariance,
        squaredDistance,
        cosine,
        msPerStep,
        hour: Math.sqrt(bias + noise),
      };
    },
  };
  return trial;
}
