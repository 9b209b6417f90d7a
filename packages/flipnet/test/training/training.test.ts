import { expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import { estimatorsFor, findEstimator } from "../../src/estimators/registry.ts";
import { reinforce } from "../../src/estimators/reinforce.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { withL2 } from "../../src/optimizers/l2.ts";
import { type BanditTrainingOptions, createBanditTraining } from "../../src/training/bandit.ts";
import type { EpochRecord } from "../../src/training/training.ts";
import { easyImages } from "../helpers.ts";

const data = { train: easyImages(330), test: easyImages(620) };
const options: BanditTrainingOptions = {
  estimator: hnca,
  optimizer: adam({ learningRate: 0.01 }),
  hidden: [8, 6],
  batchSize: 10,
  seed: 4,
  baseline: "running-average",
};

/** A record without its wall time. */
const timeless = ({ msPerStep, ...rest }: EpochRecord) => rest;

const forBandits = estimatorsFor(["reward"]).filter(({ needs }) => needs.bernoulli !== "all");
/** Networks of their own are no larger than need be. */
const small = { hidden: 10 };
/** Rules for one unit with two actions. */
const singleUnit = ["classification", "reward-penalty"];
const twoClasses = { train: easyImages(330, 2), test: easyImages(620, 2) };

test.each(forBandits.map(({ name }) => name))("%s learns an easy data set on both backends", async (name) => {
  const kind = findEstimator(name)!;
  const told: Record<string, object> = { "reward-penalty": { lambda: 0.1 }, nvil: small, relax: small };
  const estimator = kind(told[name] ?? {});
  const single = singleUnit.includes(name);
  const setting: BanditTrainingOptions = single
    ? { ...options, hidden: [], output: "bernoulli", baseline: "none" }
    : { ...options, hidden: [8], ...(!kind.baseline && { baseline: "none" }) };
  for (const backend of [createReferenceBackend(), await createWasmBackend()]) {
    const training = createBanditTraining(backend, single ? twoClasses : data, { ...setting, estimator });
    const records: EpochRecord[] = [];
    for await (const record of training.run(20)) records.push(record);
    expect(records.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    // It starts near chance, and one unit is quick to learn.
    expect(records[0].onlineAccuracy).toBeLessThan(0.7);
    expect(records[19].testAccuracy).toBeGreaterThan(single ? 0.9 : 0.8);
    expect(records[19].gradientVariance).toBeLessThan(records[0].gradientVariance!);
  }
});

test("a training that stops anywhere and is restored elsewhere goes on bit for bit", async () => {
  for (const make of [
    async () => createReferenceBackend(),
    () => createWasmBackend({ kernels: "portable" }),
  ]) {
    const whole = createBanditTraining(await make(), data, options);
    const expected: EpochRecord[] = [];
    for await (const record of whole.run(3)) expected.push(record);

    const records: EpochRecord[] = [];
    let training = createBanditTraining(await make(), data, options);
    let stops = 0;
    // No time between pauses: stops after every single step.
    while (training.epoch < 3) {
      const hooks = { pauseMilliseconds: 0, pause: () => false };
      for await (const record of training.run(3, hooks)) records.push(record);
      const tensors = await training.tensors();
      training = createBanditTraining(await make(), data, options);
      training.restore(tensors);
      stops++;
    }
    expect(stops).toBeGreaterThan(60);
    expect(records.map(timeless)).toEqual(expected.map(timeless));
    const [{ "training.progress": _, ...a }, { "training.progress": __, ...b }] = [
      await training.tensors(),
      await whole.tensors(),
    ];
    expect(a).toEqual(b);
  }
});

test("a Bernoulli output is an action of two", async () => {
  const two = { train: easyImages(300, 2), test: easyImages(100, 2) };
  const training = createBanditTraining(createReferenceBackend(), two, { ...options, output: "bernoulli" });
  let last: EpochRecord | undefined;
  for await (const record of training.run(8)) last = record;
  expect(last?.testAccuracy).toBeGreaterThan(0.9);
  expect(() =>
    createBanditTraining(createReferenceBackend(), data, { ...options, output: "bernoulli" }),
  ).toThrow(/3 classes; expected 2/);
});

test("a batch of one has no variance, and a batch larger than the data is refused", async () => {
  const small = { train: easyImages(20), test: easyImages(7) };
  const training = createBanditTraining(createReferenceBackend(), small, { ...options, batchSize: 1 });
  for await (const record of training.run(1)) {
    expect(record.gradientVariance).toBeNull();
    expect(record.logGradientVariance).toBeNull();
  }
  expect(() => createBanditTraining(createReferenceBackend(), small, { ...options, batchSize: 21 })).toThrow(
    /the batch size is 21; expected a whole number from 1 to 20/,
  );
});

test("a gradient that is not finite stops the training with layer and step", async () => {
  const backend = createReferenceBackend();
  const training = createBanditTraining(backend, data, { ...options, estimator: reinforce });
  const run = async () => {
    for await (const { step } of training.run(5)) {
      expect(step).toBe(33);
      backend.write(training.learner.network.layers[2].bias, [Number.NaN]);
    }
  };
  await expect(run()).rejects.toThrow(
    "the gradient of layers.2 is not finite at step 34: try a lower learning rate",
  );
});

test("whoever diverges with a penalty hears of that, too", async () => {
  const optimizer = withL2(adam({ learningRate: 0.01 }), 1e300);
  const training = createBanditTraining(createReferenceBackend(), data, { ...options, optimizer });
  training.learner.network.backend.write(training.learner.network.layers[2].bias, [Number.NaN]);
  await expect(training.tensors()).rejects.toThrow(
    "not finite at step 0: try a lower learning rate or less L2",
  );
});

test("a parameter that is not finite is not saved", async () => {
  const backend = createReferenceBackend();
  const training = createBanditTraining(backend, data, options);
  backend.write(training.learner.network.layers[0].bias, [Number.POSITIVE_INFINITY]);
  await expect(training.tensors()).rejects.toThrow("layers.0.bias is not finite at step 0");
});
