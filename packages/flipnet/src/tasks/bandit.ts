/**
 * Contextual bandit on labelled images (HNCA paper, section 1.3): the context is an image, the action a guess of its
 * label, the reward 1 for a right guess and 0 for a wrong one. Every epoch the training images are shuffled and all
 * images binarised anew, a pixel being 1 with probability intensity / 255 (D-9), unless they are told not to be.
 */

import type { Backend, Matrix, Sums } from "../backend/backend.ts";
import { checkValues, count, counts, oneOf } from "../estimators/options.ts";
import { InputError } from "../formats/errors.ts";
import type { LabelledImages } from "../formats/labelled-images.ts";
import { type Names, pick, refuseUnknown } from "../formats/options.ts";
import { convolutions } from "../front-ends/convolutions.ts";
import type { FrontEnd } from "../front-ends/front-end.ts";
import { GeneratedDraws } from "../network/draws.ts";
import { withOutput } from "../network/hidden.ts";
import { createNetwork, type Network, type NetworkSpec, type Units } from "../network/network.ts";
import { createPass, type Pass, samplePass } from "../network/pass.ts";
import type { Evaluation, Objective } from "../objectives/objective.ts";
import { rewardObjective } from "../objectives/reward.ts";
import { accuracyCurves, accuracyMetrics } from "./accuracy.ts";
import { type CommonSettings, defineTask, type ImageData } from "./definition.ts";
import {
  type Binarisation,
  binariseOption,
  checkBatchSize,
  checkImageData,
  firstImages,
  ImageBatches,
  limitOption,
  testBatches,
} from "./images.ts";
import type { Moment, Task } from "./task.ts";

/** Images to learn from and images to measure on. */
export type BanditData = ImageData;

/** How the data is gone through. */
export interface BanditOptions {
  batchSize: number;
  seed: number;
  /** Use only the first so many training and test images. */
  limit?: number | undefined;
  /** How pixels become bits, if not drawn anew each epoch (D-9). */
  binarise?: Binarisation | undefined;
}

const optionNames: Names<BanditOptions> = { batchSize: 1, seed: 1, limit: 1, binarise: 1 };

/** Labelled images as a bandit, on a backend. */
export class ContextualBandit implements Task {
  readonly backend: Backend;
  readonly batchSize: number;
  readonly input: Matrix;
  readonly objective: Objective;
  readonly stepsPerEpoch: number;
  readonly metrics = ["onlineAccuracy"];
  readonly #train: ImageBatches;
  readonly #test: ImageBatches;
  readonly #labels: Matrix;
  readonly #reward: Matrix;
  readonly #seed: number;
  #testPasses: { network: Network; passes: TestPass[] } | undefined;

  /**
   * A last batch that would not be full is left out of the epoch; the next epoch's shuffle brings its images back.
   * @throws InputError for a batch that is no whole number from 1 to the number of images, or a limit below 1
   */
  constructor(backend: Backend, data: BanditData, options: BanditOptions) {
    refuseUnknown("ContextualBandit", optionNames, options);
    const { batchSize, seed, limit, binarise } = options;
    checkImageData(data, limit);
    this.backend = backend;
    this.#train = new ImageBatches(backend, data.train, { part: "train", limit, binarise });
    this.#test = new ImageBatches(backend, data.test, { part: "test", limit, binarise });
    checkBatchSize(batchSize, this.#train.count);
    this.batchSize = batchSize;
    this.#seed = seed;
    this.stepsPerEpoch = Math.floor(this.#train.count / batchSize);
    this.input = backend.matrix(batchSize, data.train.pixels);
    this.#reward = backend.matrix(batchSize, 1);
    this.objective = rewardObjective(this.#reward);
    this.#labels = backend.matrix(batchSize, 1);
  }

  startEpoch(epoch: number): void {
    this.#train.startEpoch(this.#seed, epoch);
  }

  load(step: number): void {
    const first = step * this.batchSize;
    this.#train.load(first, this.input);
    this.#train.loadLabels(first, this.#labels);
  }

  score(pass: Pass): void {
    this.backend.rewardByLabel(pass.layers[pass.layers.length - 1].bits, this.#labels, this.#reward);
  }

  addMetrics(_evaluation: Evaluation, sums: Sums, first: number): void {
    this.backend.addMean(this.#reward, sums, first);
  }

  /** Accuracy on the test images, every bit and action sampled once (D-10). */
  async evaluate(network: Network, { epoch }: Moment): Promise<Record<string, number>> {
    const { backend } = this;
    if (this.#testPasses?.network !== network) {
      this.#testPasses = { network, passes: testPasses(network, this.#test.count, this.#seed) };
    }
    this.#test.startEpoch(this.#seed, epoch);
    let right = 0;
    for (const { pass, labels, reward, sums, starts, draws } of this.#testPasses.passes) {
      backend.writeSums(sums, [0]);
      for (const first of starts) {
        this.#test.load(first, pass.input);
        this.#test.loadLabels(first, labels);
        draws.startStep(epoch * this.#test.count + first);
        samplePass(pass, draws);
        backend.rewardByLabel(pass.layers[pass.layers.length - 1].bits, labels, reward);
        backend.addMean(reward, sums, 0);
      }
      right += (await backend.readSums(sums))[0] * pass.batchSize;
    }
    return { testAccuracy: right / this.#test.count };
  }
}

interface TestPass {
  pass: Pass;
  labels: Matrix;
  reward: Matrix;
  sums: Sums;
  /** First rows of the batches of this size. */
  starts: number[];
  draws: GeneratedDraws;
}

/** Buffers to measure on `count` examples. */
function testPasses(network: Network, count: number, seed: number): TestPass[] {
  const { backend, inputs } = network;
  return testBatches(count).map(({ rows, starts }) => ({
    pass: createPass(network, backend.matrix(rows, inputs)),
    labels: backend.matrix(rows, 1),
    reward: backend.matrix(rows, 1),
    sums: backend.sums(1),
    starts,
    draws: new GeneratedDraws(backend, seed, "test"),
  }));
}

/** What the task is told, as data. */
const banditOptions = {
  output: oneOf(["softmax", "bernoulli"], {
    default: "softmax",
    says: "the output: one softmax unit over the classes, or one Bernoulli unit for two",
  }),
  convolutions: counts({
    expected: "a list of numbers of channels, each a whole number from 1 on",
    says: "convolutions before the first layer, as in 16,16",
  }),
  kernelSize: count({
    least: 1,
    default: undefined,
    says: "rows and columns of the convolutions' windows (default 3)",
  }),
  limit: limitOption,
  binarise: binariseOption,
};

/** What a network for images as a bandit is made of. */
export interface BanditNetworkOptions extends Pick<CommonSettings, "hidden"> {
  units?: Units | undefined;
  output?: "softmax" | "bernoulli" | undefined;
  front?: FrontEnd | undefined;
}

/** The network of a bandit with `pixels` inputs, or those of its front end, and `classes` actions. */
export function banditNetwork(
  data: { pixels: number; classes: number },
  { hidden, units = "plus-minus", output = "softmax", front }: BanditNetworkOptions,
): NetworkSpec {
  checkValues(banditOptions, { output });
  if (data.classes < 2 || (output === "bernoulli" && data.classes !== 2)) {
    const expected = output === "bernoulli" ? "2 for a Bernoulli output" : "at least 2";
    throw new InputError(`the data set has ${data.classes} classes; expected ${expected}`);
  }
  if (front !== undefined && front.inputs !== data.pixels) {
    throw new InputError(
      `the images have ${data.pixels} pixels; expected ${front.inputs}, which the front end takes`,
    );
  }
  return {
    ...(front === undefined ? { inputs: data.pixels } : { inputs: front.outputs, inputKind: "real" }),
    units,
    layers: withOutput(
      hidden,
      output === "softmax"
        ? { kind: "softmax", units: 1, choices: data.classes }
        : { kind: "bernoulli", units: 1 },
    ),
  };
}

/** The convolutions that settings ask for. */
function convolutionsFor(
  backend: Backend,
  { shape, pixels }: LabelledImages,
  {
    convolutions: channels,
    kernelSize = 3,
  }: { convolutions?: readonly number[] | undefined; kernelSize?: number | undefined },
): FrontEnd | undefined {
  if (channels === undefined) return undefined;
  if (shape === undefined || shape.length < 2) {
    throw new InputError(
      `the data has no rows and columns, only ${pixels} numbers an example; expected images for convolutions`,
    );
  }
  return convolutions(backend, { shape, channels, kernel: kernelSize });
}

/** The contextual bandit. */
export const bandit = defineTask({
  name: "bandit",
  title: "Contextual bandit",
  says: "A network of coin flips sees an image, names its class, and is told only whether it was right.",
  offers: ["reward"],
  settings: banditOptions,
  usual: { estimator: "hnca", hidden: [200, 200], units: "plus-minus", batchSize: 50, learningRate: 1e-4 },
  data: "images",
  length: "epochs",
  metrics: accuracyMetrics,
  curves: accuracyCurves,
  create(backend, settings, data) {
    checkImageData(data, settings.limit);
    const front = convolutionsFor(backend, data.train, settings);
    const network = createNetwork(backend, banditNetwork(data.train, { ...settings, front }), front);
    return { network, task: new ContextualBandit(backend, data, pick(optionNames, settings)) };
  },
  async cases({ output }, count, images) {
    const data = await images();
    const inputs = firstImages(data, count);
    const actions = output === "bernoulli" ? 2 : data.classes;
    const right = (action: number, i: number) => (action === data.labels[i] ? 1 : 0);
    return {
      inputs,
      rewards: inputs.map((_, i) => Array.from({ length: actions }, (_, action) => right(action, i))),
    };
  },
  async learned(backend, settings, shapeOf, images) {
    const { hidden, output } = settings;
    // Sizes are those of the tensors; only convolutions have to know the shape of the images.
    const front = settings.convolutions && convolutionsFor(backend, await images(), settings);
    const pixels = front?.inputs ?? shapeOf("layers.0.weights")[1];
    const classes = output === "bernoulli" ? 2 : shapeOf(`layers.${hidden.length}.bias`)[0];
    const network = createNetwork(backend, banditNetwork({ pixels, classes }, { ...settings, front }), front);
    return { network, input: "images" };
  },
});
