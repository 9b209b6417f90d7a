/**
 * A discrete hierarchical variational auto-encoder (HNCA paper, section 2.2) as a task, whatever it learns to draw:
 * maximise the evidence lower bound of the examples.
 */
import type { Backend, Matrix, Sums } from "../backend/backend.ts";
import type { Examples } from "../estimators/gradient.ts";
import { checkValues, count, oneOf } from "../estimators/options.ts";
import { GeneratedDraws } from "../network/draws.ts";
import type { Network } from "../network/network.ts";
import { createPass, type Pass, samplePass } from "../network/pass.ts";
import type { Evaluation, Objective } from "../objectives/objective.ts";
import type { Weight } from "../objectives/weighted.ts";
import type { TaskCurve, TaskMetric } from "./definition.ts";
import { checkBatchSize, testBatches } from "./images.ts";
import type { Moment, Task } from "./task.ts";

/** How the data is gone through and measured. */
export interface AutoEncoderOptions {
  /** Examples a batch. */
  batchSize: number;
  /** Samples of the latents an example; a batch has `batchSize * samples` rows. Default 1. */
  samples?: number | undefined;
  /** `"analytic"` (default) or `"sampled"` entropies in the objective (D-14). */
  entropy?: "analytic" | "sampled" | undefined;
  /** Importance samples an example of the bound on the test set; default 100. */
  boundSamples?: number | undefined;
  /** Epochs between two measurements on the test set; default 10. */
  evaluateEvery?: number | undefined;
  /** Epochs over which the KL divergence comes to count whole, step by step; default: it does so from the first. */
  klWarmUp?: number | undefined;
  seed: number;
}

/** What the task is told, as data. */
export const autoEncoderOptions = {
  entropy: oneOf(["analytic", "sampled"], {
    default: "analytic",
    says: "analytic or sampled entropies in the objective",
  }),
  samples: count({ least: 1, default: 1, says: "samples an example in a step" }),
  boundSamples: count({
    least: 1,
    default: 100,
    says: "samples an example of the bound on the test set",
  }),
  evaluateEvery: count({ least: 1, default: 10, says: "epochs between measures on the test set" }),
  klWarmUp: count({
    least: 1,
    default: undefined,
    says: "epochs over which the KL divergence comes to count whole",
  }),
};

/** Examples in an order, on a backend. */
export interface Batches {
  readonly count: number;
  /** Their order in an epoch and what else is random about them, a function of seed and epoch. */
  startEpoch(seed: number, epoch: number): void;
  /** Examples from row `first` of the order on, into `input` [B, inputs]. */
  load(first: number, input: Matrix): void;
}

/** What an auto-encoder learns from and maximises. */
export interface AutoEncoderGoal {
  /** Each example `samples` times in a row. */
  readonly train: Batches;
  readonly test: Batches;
  /** [B, 1] what each row of a training batch counts; absent: 1. `train` fills it in. */
  readonly weights?: Matrix | undefined;
  /** What they are, for messages. */
  readonly what: string;
  /** The bound, with entropies in that form, its KL divergence counting by a weight. */
  boundOf(entropy: "analytic" | "sampled", klWeight?: Weight): Objective;
}

/** A unit is used where its mean activity varies over the test images with more than this standard deviation. */
const usedDeviation = 0.05;

/** An encoder, and what it is told. */
export class AutoEncoder implements Task {
  readonly backend: Backend;
  readonly batchSize: number;
  readonly examples: Examples;
  readonly input: Matrix;
  readonly weights?: Matrix;
  readonly objective: Objective;
  readonly encoder: Network;
  readonly stepsPerEpoch: number;
  readonly evaluateEvery: number;
  readonly metrics = ["elbo"];
  readonly #train: Batches;
  readonly #test: Batches;
  readonly #boundOf: AutoEncoderGoal["boundOf"];
  readonly #options: { readonly seed: number; readonly boundSamples: number };
  /** Of the KL divergence in the objective, while it warms up over so many steps. */
  readonly #warmUp: { readonly steps: number; readonly weight: Weight } | undefined;
  #epoch = 0;
  #testPasses: TestPass[] | undefined;

  /**
   * A last batch that would not be full is left out of the epoch.
   * @throws InputError for a batch or a number of samples that cannot be
   */
  constructor(
    encoder: Network,
    options: AutoEncoderOptions,
    { train, test, what, weights, boundOf }: AutoEncoderGoal,
  ) {
    const { backend } = encoder;
    const { batchSize, seed, ...given } = options;
    checkValues(autoEncoderOptions, given);
    const {
      samples = autoEncoderOptions.samples.default,
      boundSamples = autoEncoderOptions.boundSamples.default,
      evaluateEvery = autoEncoderOptions.evaluateEvery.default,
      entropy = autoEncoderOptions.entropy.default,
      klWarmUp,
    } = given;
    checkBatchSize(batchSize, train.count, what);
    this.#train = train;
    this.#test = test;
    this.#boundOf = boundOf;
    this.backend = backend;
    this.encoder = encoder;
    this.evaluateEvery = evaluateEvery;
    this.#options = { seed, boundSamples };
    this.batchSize = batchSize * samples;
    this.examples = { rows: samples };
    if (weights !== undefined) this.weights = weights;
    this.stepsPerEpoch = Math.floor(train.count / batchSize);
    if (klWarmUp !== undefined) {
      this.#warmUp = { steps: klWarmUp * this.stepsPerEpoch, weight: { value: 1 } };
    }
    this.objective = boundOf(entropy, this.#warmUp?.weight);
    this.input = backend.matrix(this.batchSize, encoder.inputs);
  }

  startEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#train.startEpoch(this.#options.seed, epoch);
  }

  load(step: number): void {
    if (this.#warmUp !== undefined) {
      const { steps, weight } = this.#warmUp;
      weight.value = Math.min(1, (this.#epoch * this.stepsPerEpoch + step + 1) / steps);
    }
    this.#train.load(step * this.batchSize, this.input);
  }

  addMetrics({ components }: Evaluation, sums: Sums, first: number): void {
    for (const { value, unweighted = value } of components) this.backend.addMean(unweighted, sums, first);
  }

  /**
   * On the test examples, images binarised anew, with `boundSamples` samples an example, in nats an example: `testElbo`, the mean of
   * log p(x, Phi_k) / q(Phi_k | x); `testBound`, the importance-weighted bound log mean_k p(x, Phi_k) / q(Phi_k | x) (Burda
   * et al. 2016), which is never below it; and for each layer `usedUnits.layers.N`, the number of units whose mean
   * activity differs from example to example by more than 0.05 in standard deviation.
   */
  async evaluate(
    _network: Network,
    { epoch }: Moment,
    goOn?: () => Promise<boolean>,
  ): Promise<Record<string, number> | undefined> {
    const { backend } = this;
    const { seed, boundSamples: K } = this.#options;
    this.#testPasses ??= this.#createTestPasses();
    this.#test.startEpoch(seed, epoch);
    const layers = this.encoder.layers;
    let elbo = 0;
    let bound = 0;
    for (const { activities } of this.#testPasses) {
      for (const { mean, square } of activities) for (const m of [mean, square]) backend.fill(m, 0);
    }
    for (const { pass, evaluation, total, activities, starts, draws } of this.#testPasses) {
      const B = pass.batchSize;
      for (const first of starts) {
        this.#test.load(first, pass.input);
        for (const { activity } of activities) backend.fill(activity, 0);
        const logWeights = new LogMeans(B);
        for (let k = 0; k < K; k++) {
          draws.startStep((epoch * this.#test.count + first) * K + k);
          samplePass(pass, draws);
          addUp(backend, evaluation, total);
          logWeights.add(await backend.read(total));
          activities.forEach(({ activity }, l) => {
            backend.addScaled(pass.layers[l].p, 1 / K, activity);
          });
          if (goOn !== undefined && !(await goOn())) return undefined;
        }
        bound += logWeights.logMean();
        elbo += logWeights.meanLog();
        for (const { activity, scratch, mean, square } of activities) {
          backend.columnMeans(activity, scratch.row, false);
          backend.addScaled(scratch.row, B, mean);
          backend.multiply(activity, activity, scratch.matrix);
          backend.columnMeans(scratch.matrix, scratch.row, false);
          backend.addScaled(scratch.row, B, square);
        }
      }
    }
    const N = this.#test.count;
    const used: Record<string, number> = {};
    for (const [l, { name, width }] of layers.entries()) {
      const [mean, square] = [new Float64Array(width), new Float64Array(width)];
      for (const { activities } of this.#testPasses) {
        (await backend.read(activities[l].mean)).forEach((m, j) => {
          mean[j] += m / N;
        });
        (await backend.read(activities[l].square)).forEach((s, j) => {
          square[j] += s / N;
        });
      }
      used[`usedUnits.${name}`] = mean.filter((m, j) => square[j] - m * m > usedDeviation ** 2).length;
    }
    return { testElbo: elbo / N, testBound: bound / N, ...used };
  }

  #createTestPasses(): TestPass[] {
    const { backend } = this;
    const { layers, inputs } = this.encoder;
    const objective = this.#boundOf("sampled");
    return testBatches(this.#test.count).map(({ rows, starts }) => {
      const pass = createPass(this.encoder, backend.matrix(rows, inputs));
      return {
        pass,
        evaluation: objective.prepare(pass),
        total: backend.matrix(rows, 1),
        activities: layers.map(({ width }) => ({
          activity: backend.matrix(rows, width),
          mean: backend.matrix(1, width),
          square: backend.matrix(1, width),
          scratch: { matrix: backend.matrix(rows, width), row: backend.matrix(1, width) },
        })),
        starts,
        draws: new GeneratedDraws(backend, this.#options.seed, "test"),
      };
    });
  }
}

interface TestPass {
  pass: Pass;
  /** The objective with sampled entropies: log p - log q. */
  evaluation: Evaluation;
  /** [B, 1] */
  total: Matrix;
  /** A layer's mean activity on each example [B, J], and sums over examples of that and of its square [1, J]. */
  activities: {
    activity: Matrix;
    mean: Matrix;
    square: Matrix;
    scratch: { matrix: Matrix; row: Matrix };
  }[];
  starts: number[];
  draws: GeneratedDraws;
}

/** `total` = the objective on each example. */
function addUp(backend: Backend, { components }: Evaluation, total: Matrix): void {
  backend.fill(total, 0);
  for (const component of components) {
    component.evaluate();
    backend.addScaled(component.value, 1, total);
  }
}

/** Of several rows at once: mean_k x_k, and log mean_k e^(x_k). */
class LogMeans {
  readonly #largest: Float64Array;
  readonly #sums: Float64Array;
  #total = 0;
  #count = 0;

  constructor(rows: number) {
    this.#largest = new Float64Array(rows).fill(-Infinity);
    this.#sums = new Float64Array(rows);
  }

  add(values: Float64Array): void {
    this.#count++;
    values.forEach((value, b) => {
      const largest = Math.max(this.#largest[b], value);
      this.#sums[b] = this.#sums[b] * Math.exp(this.#largest[b] - largest) + Math.exp(value - largest);
      this.#largest[b] = largest;
      this.#total += value;
    });
  }

  /** mean_k x_k, summed over the rows. */
  meanLog(): number {
    return this.#total / this.#count;
  }

  /** log mean_k e^(x_k), summed over the rows. */
  logMean(): number {
    return this.#largest.reduce(
      (total, largest, b) => total + largest + Math.log(this.#sums[b] / this.#count),
      0,
    );
  }
}

/** Where the methods end, and some of the way there: the first epochs are far below. */
function elboDomain(points: readonly { epoch: number; value: number }[]): [number, number] {
  const largest = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), -Infinity);
  const epochs = largest(points.map(({ epoch }) => epoch));
  const high = largest(points.map(({ value }) => value));
  const late = points.filter(({ epoch }) => epoch >= epochs / 2);
  const low = -largest(late.map(({ value }) => -value));
  return [5 * Math.floor((low - 0.1 * (high - low)) / 5), 5 * Math.ceil(high / 5)];
}

/** Settings that bound the test set by one sample an example, and their share of the work: see `cheap` of a task. */
export const oneBoundSample = <S extends { readonly boundSamples: number }>(settings: S) => ({
  settings: { ...settings, boundSamples: 1 },
  share: 1 / settings.boundSamples,
});

/** What a run ends with. */
export const autoEncoderMetrics: readonly TaskMetric[] = [
  { name: "elbo", title: "ELBO", short: "ELBO", digits: 2 },
  { name: "testElbo", title: "test ELBO", digits: 2 },
  { name: "testBound", title: "test bound", digits: 2 },
];

/** What reports draw. */
export const autoEncoderCurves: readonly TaskCurve[] = [
  { title: "ELBO (nats)", solid: "elbo", domain: elboDomain, axis: "d", digits: 1 },
];
