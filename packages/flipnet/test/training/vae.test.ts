import { expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { estimators, estimatorsFor } from "../../src/estimators/registry.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { createVaeTraining, type VaeTrainingOptions } from "../../src/training/vae.ts";
import { easyImages } from "../helpers.ts";

const data = { train: easyImages(200), test: easyImages(60) };
const named = (name: string) => estimators.find((estimator) => estimator.name === name)!;
const options: VaeTrainingOptions = {
  estimator: named("f-hnca"),
  optimizer: adam({ learningRate: 0.02 }),
  hidden: [6],
  batchSize: 10,
  boundSamples: 20,
  evaluateEvery: 5,
  seed: 3,
};

async function train(change: Partial<VaeTrainingOptions>, epochs = 10) {
  const training = createVaeTraining(createReferenceBackend(), data, { ...options, ...change });
  const records = [];
  for await (const record of training.run(epochs)) records.push(record);
  return records;
}

const forVaes = estimatorsFor(["components", "evaluations", "slopes"]).map(({ name }) => name);

test.each(forVaes)("%s raises the bound", async (name) => {
  for (const hidden of [[6], [6, 4]]) {
    // The weights of the bound of several samples are of what was drawn.
    const entropy = ["vimco", "local-disarm"].includes(name) ? ("sampled" as const) : undefined;
    const small = ["nvil", "relax"].includes(name) ? { hidden: 10 } : {};
    const records = await train({ estimator: named(name)(small), hidden, entropy });
    // A fair coin a pixel would be -12 log 2 = -8.3.
    expect(records[0].elbo).toBeLessThan(-8);
    expect(records[9].elbo).toBeGreaterThan(-7.5);
    expect(records[9].testElbo).toBeGreaterThan(-7.5);
    expect(records[9].testBound).toBeGreaterThan(records[9].testElbo as number);
    expect(records[9]["usedUnits.layers.0"]).toBeGreaterThan(0);
  }
});

test.each(forVaes.filter((name) => !named(name).baseline))("%s refuses a baseline", (name) => {
  const entropy = ["vimco", "local-disarm"].includes(name) ? ("sampled" as const) : undefined;
  const asked = { ...options, estimator: named(name), entropy, baseline: "running-average" as const };
  expect(() => createVaeTraining(createReferenceBackend(), data, asked)).toThrow(
    `the baseline is running-average; expected none, as ${name} has no use for one`,
  );
});

test("estimators that compare samples with each other have no use for a baseline, nor have those that have learned one", () => {
  const without =
    "nvil reinforce-loo disarm arm arms disarm-tree disarm-sb carms arsm ugc double-cv rodeo vargrad";
  const others = forVaes.filter((name) => !named(name).baseline);
  for (const name of without.split(" ")) expect(others).toContain(name);
});

test("a KL divergence comes to count whole, step by step; the bound that is told always does", async () => {
  const backend = createReferenceBackend();
  const training = createVaeTraining(backend, data, { ...options, klWarmUp: 2 });
  const { task, learner } = training;
  const { pass, evaluation } = learner.estimator;
  const shares = (epoch: number, step: number) => {
    task.startEpoch(epoch);
    task.load!(step);
    for (const component of evaluation.components) component.evaluate();
    return evaluation.components.map(({ value, unweighted = value }) => {
      const [told, counted] = [unweighted, value].map((matrix) => backend.readNow(matrix)[0]);
      return counted / told;
    });
  };
  for await (const _ of training.run(1));
  expect(pass.batchSize * task.stepsPerEpoch).toBe(200);
  // What predicts the image, the prior, the entropy; of 2 epochs' 40 steps.
  for (const [epoch, step, share] of [
    [0, 0, 1 / 40],
    [1, 3, 24 / 40],
    [1, 19, 1],
    [5, 7, 1],
  ]) {
    const [image, prior, entropy] = shares(epoch, step);
    expect(image).toBe(1);
    expect(prior).toBeCloseTo(share, 12);
    expect(entropy).toBeCloseTo(share, 12);
  }
  // One epoch, nothing learned: what is told is the whole bound, as without a warm-up.
  const still = { optimizer: adam({ learningRate: 1e-30 }) };
  const [[warm], [plain]] = [await train({ ...still, klWarmUp: 2 }, 1), await train(still, 1)];
  expect(warm.elbo).toBeCloseTo(plain.elbo as number, 12);
});

test("images can be held out, the prior fixed, and the output's biases taken from the data", async () => {
  const make = (change: Partial<VaeTrainingOptions>) =>
    createVaeTraining(createReferenceBackend(), data, { ...options, ...change });
  const training = make({ heldOut: 50, priorRate: 0, outputBias: 0.3 });
  expect(training.task.stepsPerEpoch).toBe(15);
  const before = await training.tensors();
  // By hand, of the first 150 images; a mean of 230 / 255 is kept 0.3 from 1.
  const { images, pixels } = data.train;
  const mean = (p: number) =>
    Array.from({ length: 150 }, (_, i) => images[i * pixels + p] / 255).reduce((a, b) => a + b) / 150;
  const clipped = Array.from({ length: pixels }, (_, p) => Math.min(Math.max(mean(p), 0.3), 0.7));
  clipped.forEach((p, i) => {
    expect(before["decoder.0.bias"].data[i]).toBeCloseTo(Math.log(p / (1 - p)), 12);
  });
  for await (const _ of training.run(1));
  const after = await training.tensors();
  expect([...after["prior.bias"].data]).toEqual([...before["prior.bias"].data]);
  expect(after["decoder.0.bias"].data).not.toEqual(before["decoder.0.bias"].data);
  expect(() => make({ heldOut: 200 })).toThrow("heldOut is 200; expected fewer than the training images");
  expect(() => make({ priorRate: -1 })).toThrow("priorRate is -1; expected a number from 0 on");
});

test("image and units can have rectifiers between them, and the mean pixels be subtracted", async () => {
  const make = (change: Partial<VaeTrainingOptions>) =>
    createVaeTraining(createReferenceBackend(), data, {
      ...options,
      estimator: named("rodeo")({ hidden: 5 }),
      nonlinear: [9, 8],
      centred: true,
      ...change,
    });
  const training = make({ hidden: [6] });
  const before = await training.tensors();
  const shapes = Object.entries(before).map(([name, { shape }]) => [name, shape]);
  expect(Object.fromEntries(shapes)).toMatchObject({
    "encoder.centre": [12],
    "encoder.0.weights": [9, 12],
    "encoder.1.weights": [8, 9],
    "layers.0.weights": [6, 8],
    "decoder.hidden.0.weights": [8, 6],
    "decoder.hidden.1.weights": [9, 8],
    "decoder.0.weights": [12, 9],
  });
  const { images, pixels, count } = data.train;
  const first =
    Array.from({ length: count }, (_, i) => images[i * pixels] / 255).reduce((a, b) => a + b) / count;
  expect(before["encoder.centre"].data[0]).toBeCloseTo(first, 12);
  const records = [];
  for await (const record of training.run(10)) records.push(record);
  const after = await training.tensors();
  expect([...after["encoder.centre"].data]).toEqual([...before["encoder.centre"].data]);
  expect(records[9].elbo).toBeGreaterThan(-7.5);
  expect(records[9].testBound).toBeGreaterThan(records[9].testElbo as number);
  expect(() => make({ nonlinear: [0] })).toThrow(
    "nonlinear is [0]; expected a list of numbers of units, each a whole number from 1 on",
  );
  expect(() => make({ estimator: named("f-hnca-linear") })).toThrow(
    '"decoder.0" is one number, and f-hnca-linear asks what each unit is worth to it; f-hnca takes any function',
  );
});

test("measures are taken at the stated interval only", async () => {
  const records = await train({}, 6);
  expect(records.map((record) => "testBound" in record)).toEqual([false, false, false, false, true, false]);
});

test("f-HNCA's gradient varies less than leave-one-out's, and that less than REINFORCE's", async () => {
  const variances = [];
  for (const name of ["f-hnca", "reinforce-loo", "reinforce"]) {
    const [{ gradientVariance }] = await train({ estimator: named(name) }, 1);
    variances.push(gradientVariance!);
  }
  expect(variances[0]).toBeLessThan(variances[1]);
  expect(variances[1]).toBeLessThan(variances[2]);
});

test("several samples an image are rows of the batch, of the same pixels", async () => {
  const [record] = await train({ samples: 3 }, 1);
  expect(record.step).toBe(20);
  const training = createVaeTraining(createReferenceBackend(), data, { ...options, samples: 3 });
  training.task.startEpoch(0);
  training.task.load!(0);
  const pixels = await training.task.backend.read(training.task.input);
  expect(training.task.batchSize).toBe(30);
  expect(pixels.subarray(0, 12)).toEqual(pixels.subarray(24, 36));
});

test.each([
  [{ boundSamples: 0 }, "boundSamples is 0; expected a whole number from 1 on"],
  [{ samples: 0.5 }, "samples is 0.5; expected a whole number from 1 on"],
  [{ hidden: [] }, "the network has no layers; expected at least one"],
  [{ batchSize: 300 }, "the batch size is 300; expected a whole number from 1 to 200"],
])("%o is refused", async (change, message) => {
  expect(() => createVaeTraining(createReferenceBackend(), data, { ...options, ...change })).toThrow(message);
});
