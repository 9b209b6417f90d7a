/**
 * A discrete hierarchical variational auto-encoder on images (HNCA paper, section 2.2): maximise the evidence lower
 * bound of the binarised images. Every epoch the training images are shuffled and all images binarised anew (D-9).
 */

import type { Backend, Matrix, Sums } from "../backend/backend.ts";
import type { Examples } from "../estimators/gradient.ts";
import { checkValues, count, number, oneOf } from "../estimators/options.ts";
import { InputError } from "../formats/errors.ts";
import { GeneratedDraws } from "../network/draws.ts";
import { type HiddenLayer, hiddenSpec } from "../network/hidden.ts";
import { createNetwork, type Network, type Units } from "../network/network.ts";
import { createPass, type Pass, samplePass } from "../network/pass.ts";
import { createDecoder, type Decoder, elboObjective } from "../objectives/elbo.ts";
import type { Evaluation, Objective } from "../objectives/objective.ts";
import { deriveKey, newKey } from "../random/threefry.ts";
import { defineTask, type ImageData } from "./definition.ts";
import {
  checkBatchSize,
  checkImageData,
  firstImages,
  ImageBatches,
  limitOption,
  testBatches,
} from "./images.ts";
import type { Moment, Task } from "./task.ts";

/** How the data is gone through and measured. */
export interface VaeOptions {
  /** Images a batch. */
  batchSize: number;
  /** Samples of the latents an image; a batch has `batchSize * samples` rows. Default 1. */
  samples?: number | undefined;
  /** `"analytic"` (default) or `"sampled"` entropies in the objective (D-14). */
  entropy?: "analytic" | "sampled" | undefined;
  /** Importance samples an image of the bound on the test set; default 100. */
  boundSamples?: number | undefined;
  /** Epochs between two measurements on the test set; default 10. */
  evaluateEvery?: number | undefined;
  seed: number;
  /** Use only the first so many training and test images. */
  limit?: number | undefined;
  /** The last so many training images are left out, as validation images are; default none. */
  heldOut?: number | undefined;
  /** A learning rate of the prior's own; 0: it stays fair coins. Default: the optimizer's. */
  priorRate?: number | undefined;
  /**
   * The output's biases start at the logits of the training images' mean pixels, kept this far from 0 and 1. Default: they
   * start at 0.
   */
  outputBias?: number | undefined;
}

/** What the task is told, as data. */
const vaeOptions = {
  entropy: oneOf(["analytic", "sampled"], {
    default: "analytic",
    says: "analytic or sampled entropies in the objective",
  }),
  samples: count({ least: 1, default: 1, says: "samples an image in a step" }),
  boundSamples: count({
    least: 1,
    default: 100,
    says: "samples an image of the bound on the test set",
  }),
  evaluateEvery: count({ least: 1, default: 10, says: "epochs between measures on the test set" }),
  limit: limitOption,
  heldOut: count({
    least: 1,
    default: undefined,
    says: "leave out the last n training images, as validation images are",
  }),
  priorRate: number({
    from: 0,
    default: undefined,
    says: "a learning rate of the prior's own; 0: it stays fair coins",
  }),
  outputBias: number({
    from: 1e-6,
    to: 0.5,
    default: undefined,
    says: "the output's biases start at the mean pixels' logits, these kept so far from 0 and 1 (0.001)",
  }),
};

/** A unit is used where its mean activity varies over the test images with more than this standard deviation. */
const usedDeviation = 0.05;

/** Images as an auto-encoder's task, on a backend. */
export class VariationalAutoEncoder implements Task {
  readonly backend: Backend;
  readonly batchSize: number;
  readonly examples: Examples;
  readonly input: Matrix;
  readonly objective: Objective;
  readonly encoder: Network;
  readonly decoder: Decoder;
  readonly stepsPerEpoch: number;
  readonly evaluateEvery: number;
  readonly metrics = ["elbo"];
  readonly #train: ImageBatches;
  readonly #test: ImageBatches;
  readonly #options: { readonly seed: number; readonly boundSamples: number };
  readonly #pixels = newKey();
  /** What the output's biases start at; undefined: 0. */
  readonly #outputBias: Float64Array | undefined;
  #testPasses: TestPass[] | undefined;

  /**
   * `encoder` are layers over the pixels. A last batch that would not be full is left out of the
   * epoch.
   * @throws InputError for a batch, a number of samples or a limit that cannot be, or another encoder
   */
  constructor(encoder: Network, data: ImageData, { limit, ...options }: VaeOptions) {
    const { backend } = encoder;
    const { batchSize, seed, heldOut, priorRate, outputBias, ...given } = options;
    checkValues(vaeOptions, { ...given, heldOut, priorRate, outputBias });
    const {
      samples = vaeOptions.samples.default,
      boundSamples = vaeOptions.boundSamples.default,
      evaluateEvery = vaeOptions.evaluateEvery.default,
      entropy = vaeOptions.entropy.default,
    } = given;
    checkImageData(data, limit);
    if (encoder.inputs !== data.train.pixels) {
      throw new InputError(
        `the encoder has ${encoder.inputs} inputs; expected ${data.train.pixels}, one a pixel`,
      );
    }
    const train = Math.min(data.train.count, limit ?? Infinity) - (heldOut ?? 0);
    if (train < 1) {
      throw new InputError(`heldOut is ${heldOut}; expected fewer than the training images`);
    }
    this.#train = new ImageBatches(backend, data.train, train, samples);
    if (outputBias !== undefined) {
      this.#outputBias = logitsOfMeans(data.train.images, data.train.pixels, train, outputBias);
    }
    this.#test = new ImageBatches(backend, data.test, limit);
    checkBatchSize(batchSize, this.#train.count);
    this.backend = backend;
    this.encoder = encoder;
    this.evaluateEvery = evaluateEvery;
    this.#options = { seed, boundSamples };
    this.decoder = createDecoder(encoder, priorRate);
    this.objective = elboObjective(encoder, { entropy, decoder: this.decoder });
    this.batchSize = batchSize * samples;
    this.examples = { rows: samples };
    this.stepsPerEpoch = Math.floor(this.#train.count / batchSize);
    this.input = backend.matrix(this.batchSize, data.train.pixels);
  }

  initialise(): void {
    if (this.#outputBias !== undefined) this.backend.write(this.decoder.layers[0].bias, this.#outputBias);
  }

  startEpoch(epoch: number): void {
    const { seed } = this.#options;
    this.#train.shuffle(seed, epoch);
    deriveKey(seed, "binarise", 2 * epoch, this.#pixels);
  }

  load(step: number): void {
    this.#train.load(step * this.batchSize, this.#pixels, this.input);
  }

  addMetrics({ components }: Evaluation, sums: Sums, first: number): void {
    for (const { value } of components) this.backend.addMean(value, sums, first);
  }

  /**
   * On the test images, binarised anew, with `boundSamples` samples an image, in nats an image: `testElbo`, the mean of
   * log p(x, Phi_k) / q(Phi_k | x); `testBound`, the importance-weighted bound log mean_k p(x, Phi_k) / q(Phi_k | x) (Burda
   * et al. 2016), which is never below it; and for each layer `usedUnits.layers.N`, the number of units whose mean
   * activity differs from image to image by more than 0.05 in standard deviation.
   */
  async evaluate(
    _network: Network,
    { epoch }: Moment,
    goOn?: () => Promise<boolean>,
  ): Promise<Record<string, number> | undefined> {
    const { backend } = this;
    const { seed, boundSamples: K } = this.#options;
    this.#testPasses ??= this.#createTestPasses();
    const key = deriveKey(seed, "binarise", 2 * epoch + 1, newKey());
    const layers = this.encoder.layers;
    let elbo = 0;
    let bound = 0;
    for (const { activities } of this.#testPasses) {
      for (const { mean, square } of activities) for (const m of [mean, square]) backend.fill(m, 0);
    }
    for (const { pass, evaluation, total, activities, starts, draws } of this.#testPasses) {
      const B = pass.batchSize;
      for (const first of starts) {
        this.#test.load(first, key, pass.input);
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
    const objective = elboObjective(this.encoder, { entropy: "sampled", decoder: this.decoder });
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

/** Of the first images: a logit a pixel, of how bright it is in the mean, `apart` from 0 and 1. By the engine's logarithm. */
function logitsOfMeans(images: Uint8Array, pixels: number, count: number, apart: number): Float64Array {
  const means = new Float64Array(pixels);
  for (let e = 0; e < count * pixels; e++) means[e % pixels] += images[e] / 255 / count;
  return means.map((mean) => {
    const p = Math.min(Math.max(mean, apart), 1 - apart);
    return Math.log(p) - Math.log1p(-p);
  });
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

/** The encoder: layers over the pixels. */
export const createEncoder = (
  backend: Backend,
  pixels: number,
  hidden: readonly HiddenLayer[],
  units: Units,
): Network => createNetwork(backend, { inputs: pixels, units, layers: hidden.map(hiddenSpec) });

/** Where the methods end, and some of the way there: the first epochs are far below. */
function elboDomain(points: readonly { epoch: number; value: number }[]): [number, number] {
  const largest = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), -Infinity);
  const epochs = largest(points.map(({ epoch }) => epoch));
  const high = largest(points.map(({ value }) => value));
  const late = points.filter(({ epoch }) => epoch >= epochs / 2);
  const low = -largest(late.map(({ value }) => -value));
  return [5 * Math.floor((low - 0.1 * (high - low)) / 5), 5 * Math.ceil(high / 5)];
}

/** The variational auto-encoder. */
export const vae = defineTask({
  name: "vae",
  title: "Variational auto-encoder",
  says: "A network of coin flips sees an image and makes a code of it, from which another network draws it again.",
  offers: ["components", "evaluations", "slopes"],
  settings: vaeOptions,
  usual: { estimator: "f-hnca", hidden: [200], units: "zero-one", batchSize: 50, learningRate: 1e-4 },
  data: "images",
  length: "epochs",
  metrics: [
    { name: "elbo", title: "ELBO", short: "ELBO", digits: 2 },
    { name: "testElbo", title: "test ELBO", digits: 2 },
    { name: "testBound", title: "test bound", digits: 2 },
  ],
  curves: [{ title: "ELBO (nats)", solid: "elbo", domain: elboDomain, axis: "d", digits: 1 }],
  draws: true,
  note: "Bounds are in nats an image.",
  create(backend, settings, data) {
    const network = createEncoder(backend, data.train.pixels, settings.hidden, settings.units);
    return { network, task: new VariationalAutoEncoder(network, data, settings) };
  },
  cheap: (settings) => ({
    settings: { ...settings, boundSamples: 1 },
    share: 1 / settings.boundSamples,
  }),
  cases: async (_, count, images) => ({ inputs: firstImages(await images(), count) }),
  async learned(backend, { hidden, units }, shapeOf) {
    const network = createEncoder(backend, shapeOf("layers.0.weights")[1], hidden, units);
    return { network, decoder: createDecoder(network), input: "images" };
  },
});
