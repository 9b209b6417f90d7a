// What a record's numbers mean, each against the same number computed another way.
import { describe, expect, test, vi } from "vitest";
import type { ImmediateBackend, Matrix } from "../../src/backend/backend.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { fHnca } from "../../src/estimators/f-hnca.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import { reinforce } from "../../src/estimators/reinforce.ts";
import type { LabelledImages } from "../../src/formats/labelled-images.ts";
import { denseFrontEnd } from "../../src/front-ends/dense.ts";
import type { Edge } from "../../src/network/network.ts";
import { createNetwork } from "../../src/network/network.ts";
import { shown } from "../../src/network/pass.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import type { BanditData } from "../../src/tasks/bandit.ts";
import { ContextualBandit } from "../../src/tasks/bandit.ts";
import type { VariationalAutoEncoder } from "../../src/tasks/vae.ts";
import { createBanditTraining } from "../../src/training/bandit.ts";
import { createTraining } from "../../src/training/create.ts";
import type { EpochRecord, Training } from "../../src/training/training.ts";
import { createVaeTraining } from "../../src/training/vae.ts";
import { easyImages, numbers } from "../helpers.ts";

const optimizer = sgd({ learningRate: 0.5 });

/** Images of 0 and 255, which every binarisation leaves as they are, and their labels. */
function plainImages(rows: readonly (readonly number[])[], labels = rows.map(() => 0)): LabelledImages {
  const images = Uint8Array.from(rows.flat().map((bit) => 255 * bit));
  return { count: rows.length, pixels: rows[0].length, classes: 2, images, labels: Uint8Array.from(labels) };
}

/** Images that are grey all over: every pixel is a fair coin. */
const grey = (count: number, pixels = 12): LabelledImages => ({
  count,
  pixels,
  classes: 2,
  images: new Uint8Array(count * pixels).fill(128),
  labels: new Uint8Array(count),
});

const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
const mean = (list: readonly number[]) => sum(list) / list.length;
/** Over the population, not a sample of it. */
const variance = (list: readonly number[]) => mean(list.map((x) => (x - mean(list)) ** 2));

async function recordOf(training: Training): Promise<EpochRecord> {
  for await (const record of training.run(training.epoch + 1)) return record;
  throw new Error("there is no epoch left");
}

describe("the gradient variance", () => {
  const data: BanditData = { train: easyImages(23), test: easyImages(5) };
  const batchSize = 5;

  /** Of each layer, each step's variance summed over its parameters: from the gradients of all examples, one by one. */
  function watch(training: Training, backend: ImmediateBackend): number[][] {
    const { learner, task } = training;
    const { layers } = learner.network;
    const seen: number[][] = layers.map(() => []);
    const read = (m: Matrix) => [...backend.readNow(m)];
    const addMetrics = task.addMetrics.bind(task);
    vi.spyOn(task, "addMetrics").mockImplementation((...given) => {
      for (const [l, layer] of layers.entries()) {
        const [{ g, pass }] = learner.estimator.credits.filter(({ linear }) => linear === layer);
        const credit = read(g);
        const parents = layer.parents.map(({ from, coding }: Edge) =>
          read(shown(pass, from)).map((bit) => (coding === "plus-minus" ? 2 * bit - 1 : bit)),
        );
        let total = 0;
        for (let j = 0; j < layer.width; j++) {
          const own = Array.from({ length: batchSize }, (_, b) => credit[b * layer.width + j]);
          total += variance(own);
          for (const x of parents) {
            const width = x.length / batchSize;
            for (let i = 0; i < width; i++) total += variance(own.map((c, b) => c * x[b * width + i]));
          }
        }
        seen[l].push(total);
      }
      addMetrics(...given);
    });
    return seen;
  }

  test("is the mean over an epoch's steps and all parameters of the variance over a batch's examples", async () => {
    const backend = createReferenceBackend();
    const training = createBanditTraining(backend, data, {
      estimator: hnca,
      optimizer,
      hidden: [4, 3],
      batchSize,
    });
    const seen = watch(training, backend);
    for (const epoch of [1, 2]) {
      for (const steps of seen) steps.length = 0;
      const record = await recordOf(training);
      const { layers } = training.learner.network;
      expect(seen.map(({ length }) => length)).toEqual([4, 4, 4]);
      const size = sum(layers.map(({ block }) => block.columns));
      const expected = sum(seen.map(mean)) / size;
      expect(record.epoch).toBe(epoch);
      expect(record.gradientVariance! / expected).toBeCloseTo(1, 10);
      expect(record.logGradientVariance).toBeCloseTo(Math.log(expected), 10);
      layers.forEach(({ name, block }, l) => {
        const ofLayer = record[`gradientVariance.${name}`] as number;
        expect(ofLayer / (mean(seen[l]) / block.columns)).toBeCloseTo(1, 10);
      });
    }
  });

  test("is divided by another number of parameters where that is asked for", async () => {
    const [one, other] = await Promise.all(
      [undefined, 7].map((varianceCount) => {
        const options = { estimator: hnca, optimizer, hidden: [4], batchSize, varianceCount };
        return recordOf(createBanditTraining(createReferenceBackend(), data, options));
      }),
    );
    const size = 12 * 4 + 4 + 4 * 3 + 3;
    expect((other.gradientVariance! * 7) / (one.gradientVariance! * size)).toBeCloseTo(1, 12);
    expect(other["gradientVariance.layers.0"]).toBe(one["gradientVariance.layers.0"]);
  });

  test("of a front end is that of the steps at which it is measured, the epoch's first", async () => {
    const make = (count: number) => {
      const backend = createReferenceBackend();
      const front = denseFrontEnd(backend, { inputs: 12, hidden: [], outputs: 3 });
      const layers = [{ kind: "softmax", units: 1, choices: 3 }] as const;
      const network = createNetwork(
        backend,
        { inputs: 3, inputKind: "real", units: "plus-minus", layers },
        front,
      );
      const images = { train: { ...easyImages(20) }, test: easyImages(5) };
      // The same batch first, whatever the number of steps: the images are one and the same.
      const same = Uint8Array.from({ length: 240 }, (_, e) => 255 * (e % 2));
      images.train.images.set(same);
      images.train.labels.fill(1);
      const task = new ContextualBandit(backend, images, { batchSize, seed: 0, limit: count });
      return createTraining(task, network, { estimator: reinforce, optimizer, baseline: 0.5 });
    };
    const [short, long] = [await recordOf(make(5)), await recordOf(make(20))];
    const fronts = Object.keys(long).filter((key) => /^gradientVariance\.(?!layers)/.test(key));
    expect(fronts.length).toBeGreaterThan(0);
    for (const key of fronts) {
      expect(short[key]).toBeGreaterThan(0);
      expect(long[key]).toBe(short[key]);
    }
    expect(long["gradientVariance.layers.0"]).not.toBe(short["gradientVariance.layers.0"]);
  });
});

describe("online metrics", () => {
  test("are means over the epoch's steps", async () => {
    const backend = createReferenceBackend();
    const data = { train: easyImages(23), test: easyImages(5) };
    const training = createBanditTraining(backend, data, {
      estimator: hnca,
      optimizer,
      hidden: [4],
      batchSize: 5,
    });
    const { task, learner } = training;
    const rewards: number[] = [];
    const addMetrics = task.addMetrics.bind(task);
    vi.spyOn(task, "addMetrics").mockImplementation((evaluation, ...rest) => {
      rewards.push(...backend.readNow(evaluation.components[0].value));
      addMetrics(evaluation, ...rest);
    });
    const { onlineAccuracy } = await recordOf(training);
    expect(rewards.length).toBe(4 * learner.estimator.pass.batchSize);
    expect(onlineAccuracy).toBeCloseTo(mean(rewards), 12);
  });
});

describe("the bounds of an auto-encoder on the test set", () => {
  const [pixels, K] = [4, 2000];
  const rows = [
    [0, 0, 0, 0],
    [1, 0, 1, 0],
    [1, 1, 1, 0],
    [0, 1, 0, 1],
    [1, 1, 1, 1],
  ];
  const data = { train: plainImages(rows), test: plainImages(rows) };
  const sigmoid = (l: number) => 1 / (1 + Math.exp(-l));

  function make(units: "zero-one" | "plus-minus", boundSamples: number, scale: number) {
    const backend = createReferenceBackend();
    const training = createVaeTraining(backend, data, {
      estimator: fHnca,
      optimizer,
      hidden: [2, 2],
      units,
      batchSize: 5,
      boundSamples,
    });
    training.learner.parameters.forEach(({ block }, i) => {
      backend.write(block, numbers(i + 1, block.columns, -scale, scale));
    });
    return { backend, training, task: training.task as VariationalAutoEncoder };
  }

  /** log p(x) and E_q[log p(x, z) - log q(z | x)] of each image, over all 16 codes. */
  function exact({ backend, task }: ReturnType<typeof make>, units: "zero-one" | "plus-minus") {
    const { encoder, decoder } = task;
    const value = (bit: number) => (units === "plus-minus" ? 2 * bit - 1 : bit);
    /** log of the probability of some bits, given what is fed. */
    const logP = (
      linear: (typeof encoder.layers)[number] | typeof decoder.prior,
      x: number[],
      bits: number[],
    ) => {
      const weights = linear.parents.length > 0 ? backend.readNow(linear.parents[0].weights) : [];
      const bias = backend.readNow(linear.bias);
      return sum(
        bits.map((bit, j) => {
          const l = bias[j] + sum(x.map((one, i) => one * weights[i * linear.width + j]));
          return Math.log(sigmoid(bit === 1 ? l : -l));
        }),
      );
    };
    const codes = Array.from({ length: 16 }, (_, n) => [0, 1, 2, 3].map((place) => (n >> place) & 1));
    return rows.map((image) => {
      const ofCodes = codes.map((code) => {
        const [low, high] = [code.slice(0, 2), code.slice(2)];
        const q = logP(encoder.layers[0], image, low) + logP(encoder.layers[1], low.map(value), high);
        const p =
          logP(decoder.layers[0], low.map(value), image) +
          logP(decoder.layers[1], high.map(value), low) +
          logP(decoder.prior, [], high);
        return { q, p };
      });
      const logLikelihood = Math.log(sum(ofCodes.map(({ p }) => Math.exp(p))));
      const elbo = sum(ofCodes.map(({ q, p }) => Math.exp(q) * (p - q)));
      const ofElbo = sum(ofCodes.map(({ q, p }) => Math.exp(q) * (p - q - elbo) ** 2));
      // Of a mean of K weights, relative to their mean, which is the likelihood.
      const ofWeight = sum(
        ofCodes.map(({ q, p }) => Math.exp(q) * (Math.exp(p - q - logLikelihood) - 1) ** 2),
      );
      return { logLikelihood, elbo, ofElbo, ofWeight };
    });
  }

  test.each(["zero-one", "plus-minus"] as const)(
    "are the ELBO and log p(x), by enumeration: %s",
    async (units) => {
      const made = make(units, K, 1);
      const measured = (await made.task.evaluate(made.task.encoder, { epoch: 0, step: 0 }))!;
      const ofImages = exact(made, units);
      // Five standard errors of the means over five images of K samples each.
      const error = (of: "ofElbo" | "ofWeight") =>
        (5 * Math.sqrt(sum(ofImages.map((one) => one[of])) / K)) / 5;
      const [elbo, logLikelihood] = [
        mean(ofImages.map((one) => one.elbo)),
        mean(ofImages.map((one) => one.logLikelihood)),
      ];
      expect(logLikelihood - elbo).toBeGreaterThan(5 * error("ofWeight"));
      expect(Math.abs(measured.testElbo - elbo)).toBeLessThan(error("ofElbo"));
      expect(Math.abs(measured.testBound - logLikelihood)).toBeLessThan(error("ofWeight"));
    },
  );

  test("are log p(x) to the last digit where the code says nothing", async () => {
    // All weights 0: the posterior is the prior, and every sample has the same weight.
    for (const boundSamples of [1, 7]) {
      const made = make("zero-one", boundSamples, 0);
      const biases = [0.5, -1, 2, 0.25];
      made.backend.write(made.task.decoder.layers[0].bias, biases);
      const measured = (await made.task.evaluate(made.task.encoder, { epoch: 0, step: 0 }))!;
      const expected = mean(
        rows.map((image) =>
          sum(image.map((bit, i) => Math.log(sigmoid(bit === 1 ? biases[i] : -biases[i])))),
        ),
      );
      expect(measured.testBound).toBeCloseTo(expected, 12);
      expect(measured.testElbo).toBeCloseTo(expected, 12);
    }
  });

  test("units are used that differ from image to image by more than 0.05 in standard deviation", async () => {
    const { backend, task } = make("zero-one", 20, 0);
    const [low, high] = task.encoder.layers;
    // The first unit tells the images apart, the second hardly, by its first pixel alone.
    const weights = new Array(2 * pixels).fill(0);
    weights[0] = 8;
    weights[1] = 0.15;
    backend.write(low.parents[0].weights, weights);
    backend.write(high.parents[0].weights, [12, 0, 0, 0]);
    backend.write(high.bias, [-6, 0]);
    const of = async () => {
      const measured = (await task.evaluate(task.encoder, { epoch: 0, step: 0 }))!;
      return [measured["usedUnits.layers.0"], measured["usedUnits.layers.1"]];
    };
    // On in three of five images: a standard deviation of 0.49 (sigmoid(0.15) - 0.5) = 0.018 for the second unit.
    expect(await of()).toEqual([1, 1]);
    weights[1] = 0.5; // 0.49 (sigmoid(0.5) - 0.5) = 0.060
    backend.write(low.parents[0].weights, weights);
    expect(await of()).toEqual([2, 1]);
  });

  test("are of all images, whatever the batches in which they are gone through", async () => {
    // 230 of them: two batches of 100 and one of 30. By 12 pixels that are as likely as not.
    const images = grey(230);
    const backend = createReferenceBackend();
    const training = createVaeTraining(
      backend,
      { train: grey(10), test: images },
      { estimator: fHnca, optimizer, hidden: [2], batchSize: 5, boundSamples: 3 },
    );
    for (const { block } of training.learner.parameters) backend.fill(block, 0);
    const measured = (await training.task.evaluate(training.learner.network, { epoch: 0, step: 0 }))!;
    expect(measured.testBound).toBeCloseTo(-12 * Math.log(2), 10);
    expect(measured.testElbo).toBeCloseTo(-12 * Math.log(2), 10);
  });
});

describe.each([
  [
    "a bandit",
    (backend: ImmediateBackend, data: BanditData) => {
      const training = createBanditTraining(backend, data, {
        estimator: hnca,
        optimizer,
        hidden: [3],
        batchSize: Math.min(5, data.train.count),
      });
      for (const { block } of training.learner.parameters) backend.fill(block, 0);
      return training;
    },
  ],
  [
    "an auto-encoder",
    (backend: ImmediateBackend, data: BanditData) => {
      const options = {
        estimator: fHnca,
        optimizer,
        hidden: [3],
        batchSize: Math.min(5, data.train.count),
        boundSamples: 2,
      };
      const training = createVaeTraining(backend, data, options);
      for (const { block } of training.learner.parameters) backend.fill(block, 0);
      return training;
    },
  ],
])("what %s sees", (_, make) => {
  test("is binarised anew every epoch, for learning and for measuring, each its own way", async () => {
    const backend = createReferenceBackend();
    const { task, learner } = make(backend, { train: grey(1, 60), test: grey(1, 60) });
    const seen: string[] = [];
    const look = (m: Matrix) => seen.push([...backend.readNow(m)].join(""));
    const binarise = backend.binarise.bind(backend);
    vi.spyOn(backend, "binarise").mockImplementation((images, order, first, key, out) => {
      binarise(images, order, first, key, out);
      look(out);
    });
    for (const epoch of [0, 1, 2]) {
      task.startEpoch(epoch);
      task.load!(0);
      await task.evaluate(learner.network, { epoch, step: epoch + 1 });
    }
    expect(seen.length).toBe(6);
    expect(new Set(seen).size).toBe(6);
    // A fair coin a pixel, within five standard deviations.
    const ones = sum([...seen.join("")].map(Number));
    expect(Math.abs(ones - 180)).toBeLessThan((5 * Math.sqrt(360)) / 2);
  });

  test("is in another order every epoch, each image once", async () => {
    const backend = createReferenceBackend();
    const order = Array.from({ length: 20 }, (_, n) => [0, 1, 2, 3, 4].map((place) => (n >> place) & 1));
    const { task } = make(backend, { train: plainImages(order), test: plainImages(order.slice(0, 3)) });
    const orders = [0, 1].map((epoch) => {
      task.startEpoch(epoch);
      return Array.from({ length: task.stepsPerEpoch }, (_, step) => {
        task.load!(step);
        const pixels = [...backend.readNow(task.input)];
        return Array.from({ length: 5 }, (_, b) =>
          sum(pixels.slice(5 * b, 5 * b + 5).map((bit, i) => bit << i)),
        );
      }).flat();
    });
    for (const one of orders) expect([...one].sort((a, b) => a - b)).toEqual(order.map((_, n) => n));
    expect(orders[0]).not.toEqual(orders[1]);
    expect(orders[0]).not.toEqual(order.map((_, n) => n));
  });

  test("is measured with other coins in every batch and every epoch", async () => {
    const backend = createReferenceBackend();
    const { task, learner } = make(backend, { train: grey(5), test: grey(230) });
    const drawn: string[] = [];
    const uniforms = backend.uniforms.bind(backend);
    vi.spyOn(backend, "uniforms").mockImplementation((key, out) => {
      uniforms(key, out);
      drawn.push([...backend.readNow(out).subarray(0, 3)].join());
    });
    for (const epoch of [0, 1]) await task.evaluate(learner.network, { epoch, step: 1 });
    expect(drawn.length).toBeGreaterThanOrEqual(6);
    expect(new Set(drawn).size).toBe(drawn.length);
  });
});

test("a test accuracy is the share of all test images that are named rightly", async () => {
  const backend = createReferenceBackend();
  // 230 images: two batches of 100 and one of 30. All are said to be of class 1, as 145 of them are.
  const rows = Array.from({ length: 230 }, () => [0, 1]);
  const labels = rows.map((_, i) => (i < 60 || i >= 205 ? 0 : 1));
  const data = { train: plainImages(rows.slice(0, 10)), test: plainImages(rows, labels) };
  const training = createBanditTraining(backend, data, {
    estimator: hnca,
    optimizer,
    hidden: [],
    batchSize: 5,
  });
  for (const { block } of training.learner.parameters) backend.fill(block, 0);
  backend.write(training.learner.network.layers[0].bias, [-60, 60]);
  expect(await training.task.evaluate(training.learner.network, { epoch: 0, step: 0 })).toEqual({
    testAccuracy: 145 / 230,
  });
});
