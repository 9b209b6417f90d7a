// What tasks on images are given is looked at before anything is made of it.
import { describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { fHnca } from "../../src/estimators/f-hnca.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import type { LabelledImages } from "../../src/formats/labelled-images.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { deriveKey, newKey, permutation } from "../../src/random/threefry.ts";
import { type Binarisation, firstImages, ImageBatches } from "../../src/tasks/images.ts";
import { createBanditTraining } from "../../src/training/bandit.ts";
import { createVaeTraining } from "../../src/training/vae.ts";
import { easyImages } from "../helpers.ts";

const optimizer = adam({ learningRate: 0.01 });
const images = easyImages(30);

describe.each([
  [
    "a bandit",
    (train: LabelledImages, test: LabelledImages, limit?: number) =>
      createBanditTraining(
        createReferenceBackend(),
        { train, test },
        { estimator: hnca, optimizer, hidden: [4], batchSize: 5, limit },
      ),
  ],
  [
    "an auto-encoder",
    (train: LabelledImages, test: LabelledImages, limit?: number) =>
      createVaeTraining(
        createReferenceBackend(),
        { train, test },
        { estimator: fHnca, optimizer, hidden: [4], batchSize: 5, limit },
      ),
  ],
])("%s", (_, make) => {
  test("takes images that fit, and the first of them", () => {
    expect(() => make(images, easyImages(7))).not.toThrow();
    expect(() => make(images, images, 10)).not.toThrow();
  });

  test("refuses test images of another size", () => {
    expect(() => make(images, easyImages(10, 3, 24))).toThrow(
      "the test images have 24 pixels; expected 12, as the training images",
    );
  });

  test("refuses test images of classes that nothing can learn", () => {
    expect(() => make(images, easyImages(10, images.classes + 2))).toThrow(
      `the test images have ${images.classes + 2} classes; expected ${images.classes} at most, as the training images`,
    );
  });

  test.each([10.5, 0, Number.NaN])("refuses a limit of %s", (limit) => {
    expect(() => make(images, images, limit)).toThrow(`the limit is ${limit} images; expected at least 1`);
  });

  test.each<[Partial<LabelledImages>, string]>([
    [
      { images: images.images.subarray(1) },
      "the training images are 359 bytes; expected 360: 30 of 12 pixels",
    ],
    [{ labels: images.labels.subarray(1) }, "the training images have 29 labels; expected 30, one each"],
    [{ count: 29.5 }, "the count of the training images is 29.5; expected a whole number from 1 on"],
    [{ classes: 2 }, "the training images have the label 2; expected labels below 2, the number of classes"],
    [{ shape: [3, 5] }, "the training images have the shape [3,5]; expected one of 12 pixels"],
  ])("refuses %o", (change, message) => {
    expect(() => make({ ...images, ...change }, images)).toThrow(message);
  });

  test("refuses a set without an image", () => {
    expect(() => make(images, easyImages(0))).toThrow(
      "the count of the test images is 0; expected a whole number from 1 on",
    );
  });
});

describe("the library checks what the command line checks", () => {
  const bandit = (change: object) => () =>
    createBanditTraining(
      createReferenceBackend(),
      { train: images, test: images },
      { estimator: hnca, optimizer, hidden: [4], batchSize: 5, ...change },
    );
  test.each([
    [{ baseline: "running_average" }, 'the baseline is "running_average"; expected none, running-average'],
    [{ baselineDecay: 99 }, "baselineDecay is 99; expected a number from 0 on, below 1"],
    [{ seed: 1.5 }, "seed is 1.5; expected a whole number from 0 to 2^53 - 1"],
    [{ seed: -1 }, "seed is -1"],
    [{ varianceCount: 0 }, "varianceCount is 0; expected a whole number from 1 on"],
    [{ output: "sofmax" }, 'output is "sofmax"; expected one of softmax, bernoulli'],
    [{ units: "plus_minus" }, 'units is "plus_minus"; expected one of plus-minus, zero-one'],
  ])("%o", (change, message) => expect(bandit(change)).toThrow(message));
  test("of an auto-encoder, too", () => {
    const make = (change: object) => () =>
      createVaeTraining(
        createReferenceBackend(),
        { train: images, test: images },
        { estimator: fHnca, optimizer, hidden: [4], batchSize: 5, ...change },
      );
    expect(make({ samples: 1.5 })).toThrow("samples is 1.5; expected a whole number from 1 on");
    expect(make({ entropy: "exact" })).toThrow('entropy is "exact"; expected one of analytic, sampled');
  });
});

describe("pixels become bits", () => {
  const backend = createReferenceBackend();
  /** The bits of each image, by its number, in an epoch. */
  const bitsOf = (
    binarise: Binarisation | undefined,
    part: "train" | "test",
    seed: number,
    epoch: number,
  ) => {
    const batches = new ImageBatches(backend, images, { part, binarise });
    const labels = backend.matrix(images.count, 1);
    const input = backend.matrix(images.count, images.pixels);
    batches.startEpoch(seed, epoch);
    batches.load(0, input);
    batches.loadLabels(0, labels);
    const found = backend.readNow(input);
    const order = permutation(deriveKey(seed, "shuffle", epoch, newKey()), new Uint32Array(images.count));
    const rows: number[][] = [];
    for (let b = 0; b < images.count; b++) {
      const image = part === "train" ? order[b] : b;
      rows[image] = [...found.subarray(b * images.pixels, (b + 1) * images.pixels)];
      expect(backend.readNow(labels)[b]).toBe(images.labels[image]);
    }
    return rows;
  };
  const parts = ["train", "test"] as const;

  test.each(parts)("anew each epoch and with each seed, of %s images", (part) => {
    const first = bitsOf(undefined, part, 1, 0);
    expect(bitsOf(undefined, part, 1, 0)).toEqual(first);
    expect(bitsOf(undefined, part, 1, 1)).not.toEqual(first);
    expect(bitsOf(undefined, part, 2, 0)).not.toEqual(first);
  });

  test.each(parts)("once, the same in every epoch and with every seed, of %s images", (part) => {
    const first = bitsOf("fixed", part, 1, 0);
    expect(bitsOf("fixed", part, 1, 3)).toEqual(first);
    expect(bitsOf("fixed", part, 2, 0)).toEqual(first);
    // Lit pixels are at 230 of 255, the others at 25.
    const lit = first.flat().filter((_, e) => images.images[e] === 230);
    const share = lit.reduce((sum, bit) => sum + bit, 0) / lit.length;
    expect(Math.abs(share - 230 / 255)).toBeLessThan(5 * Math.sqrt(0.09 / lit.length));
  });

  test("once for training images and once for test images", () => {
    expect(bitsOf("fixed", "train", 1, 0)).not.toEqual(bitsOf("fixed", "test", 1, 0));
  });

  test.each(parts)("by a threshold, of %s images", (part) => {
    expect(bitsOf("threshold", part, 1, 2)).toEqual(firstImages(images, images.count));
  });

  test("in a training, as it is told", () => {
    const options = { estimator: fHnca, optimizer, hidden: [4], batchSize: 5 };
    const data = { train: images, test: images };
    const { task } = createVaeTraining(backend, data, { ...options, binarise: "threshold" });
    task.startEpoch(0);
    task.load!(0);
    const order = permutation(deriveKey(0, "shuffle", 0, newKey()), new Uint32Array(images.count));
    const expected = firstImages(images, images.count)[order[0]];
    expect([...backend.readNow(task.input)].slice(0, images.pixels)).toEqual(expected);
    const wrong = { ...options, binarise: "once" as never };
    expect(() => createVaeTraining(backend, data, wrong)).toThrow(
      /binarise is "once"; expected one of fixed, threshold/,
    );
    const bandit = { estimator: hnca, optimizer, hidden: [4], binarise: "once" as never };
    expect(() => createBanditTraining(backend, data, bandit)).toThrow(
      /binarise is "once"; expected one of fixed, threshold/,
    );
  });
});
