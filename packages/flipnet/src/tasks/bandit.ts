/**
 * Contextual bandit on labelled images (HNCA paper, section 1.3): the context is an image, the action a guess of its
 * label, the reward 1 for a right guess and 0 for a wrong one. Every epoch the training images are shuffled and all
 * images binarised anew, a pixel being 1 with probability intensity / 255 (D-9).
 */
import type { Backend, Matrix, Sums } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { LabelledImages } from "../formats/labelled-images.ts";
import { GeneratedDraws } from "../network/draws.ts";
import type { Network } from "../network/network.ts";
import { createPass, type Pass, samplePass } from "../network/pass.ts";
import type { Evaluation, Objective } from "../objectives/objective.ts";
import { rewardObjective } from "../objectives/reward.ts";
import { deriveKey, newKey } from "../random/threefry.ts";
import { ImageBatches, testBatches } from "./images.ts";
import type { Task } from "./task.ts";

/** Images to learn from and images to measure on. */
export interface BanditData {
  train: LabelledImages;
  test: LabelledImages;
}

/** How the data is gone through. */
export interface BanditOptions {
  batchSize: number;
  seed: number;
  /** Use only the first so many training and test images. */
  limit?: number | undefined;
}

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
  readonly #pixels = newKey();
  #testPasses: { network: Network; passes: TestPass[] } | undefined;

  /**
   * A last batch that would not be full is left out of the epoch; the next epoch's shuffle brings its images back.
   * @throws InputError for a batch that is no whole number from 1 to the number of images, or a limit below 1
   */
  constructor(backend: Backend, data: BanditData, { batchSize, seed, limit = Infinity }: BanditOptions) {
    if (!(limit >= 1)) throw new InputError(`the limit is ${limit} images; expected at least 1`);
    this.backend = backend;
    this.#train = new ImageBatches(backend, data.train, limit);
    this.#test = new ImageBatches(backend, data.test, limit);
    if (!(Number.isInteger(batchSize) && batchSize >= 1 && batchSize <= this.#train.count)) {
      throw new InputError(
        `the batch size is ${batchSize}; expected a whole number from 1 to ${this.#train.count}, the number of images`,
      );
    }
    this.batchSize = batchSize;
    this.#seed = seed;
    this.stepsPerEpoch = Math.floor(this.#train.count / batchSize);
    this.input = backend.matrix(batchSize, data.train.pixels);
    this.#reward = backend.matrix(batchSize, 1);
    this.objective = rewardObjective(this.#reward);
    this.#labels = backend.matrix(batchSize, 1);
  }

  startEpoch(epoch: number): void {
    this.#train.shuffle(this.#seed, epoch);
    deriveKey(this.#seed, "binarise", 2 * epoch, this.#pixels);
  }

  load(step: number): void {
    const first = step * this.batchSize;
    this.#train.load(first, this.#pixels, this.input);
    this.#train.loadLabels(first, this.#labels);
  }

  score(pass: Pass): void {
    this.backend.rewardByLabel(pass.layers[pass.layers.length - 1].bits, this.#labels, this.#reward);
  }

  addMetrics(_evaluation: Evaluation, sums: Sums, first: number): void {
    this.backend.addMean(this.#reward, sums, first);
  }

  /** Accuracy on the test images, every bit and action sampled once (D-10). */
  async evaluate(network: Network, epoch: number): Promise<Record<string, number>> {
    const { backend } = this;
    if (this.#testPasses?.network !== network) {
      this.#testPasses = { network, passes: testPasses(network, this.#test.count, this.#seed) };
    }
    const key = deriveKey(this.#seed, "binarise", 2 * epoch + 1, newKey());
    let right = 0;
    for (const { pass, labels, reward, sums, starts, draws } of this.#testPasses.passes) {
      backend.writeSums(sums, [0]);
      for (const first of starts) {
        this.#test.load(first, key, pass.input);
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
