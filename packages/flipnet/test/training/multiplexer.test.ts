import { describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { estimatorsFor, findEstimator } from "../../src/estimators/registry.ts";
import { weightMax } from "../../src/estimators/weight-max.ts";
import { GeneratedDraws } from "../../src/network/draws.ts";
import { createPass, samplePass } from "../../src/network/pass.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { withL2 } from "../../src/optimizers/l2.ts";
import { Multiplexer, multiplexerInputs } from "../../src/tasks/multiplexer.ts";
import {
  createMultiplexerTraining,
  type MultiplexerTrainingOptions,
} from "../../src/training/multiplexer.ts";
import { DivergedError, type EpochRecord, type Training } from "../../src/training/training.ts";

const options: MultiplexerTrainingOptions = {
  k: 2,
  estimator: weightMax,
  optimizer: adam({ learningRate: 0.01 }),
  hidden: [16, 8],
  steps: 1500,
  recordEvery: 400,
  batchSize: 32,
  seed: 3,
};

async function finish(training: Training, epochs = Number.POSITIVE_INFINITY): Promise<EpochRecord[]> {
  const records: EpochRecord[] = [];
  for await (const record of training.run(epochs)) records.push(record);
  return records;
}

const timeless = ({ msPerStep, ...rest }: EpochRecord) => rest;

test("inputs are fair bits, the target is the bit at the address, the reward -1 or +1", async () => {
  const backend = createReferenceBackend();
  const training = createMultiplexerTraining(backend, { ...options, batchSize: 500 });
  const { task, learner } = training;
  const draws = new GeneratedDraws(backend, 1);
  task.startEpoch(0);
  task.load!(7);
  learner.sample(draws);
  task.score!(learner.estimator.pass);
  const inputs = backend.readNow(task.input);
  const { layers } = learner.estimator.pass;
  const actions = backend.readNow(layers[layers.length - 1].bits);
  const rewards = backend.readNow(task.objective.prepare(learner.estimator.pass).components[0].value);
  for (let b = 0; b < 500; b++) {
    const row = inputs.subarray(6 * b, 6 * b + 6);
    expect(rewards[b]).toBe(actions[b] === row[2 + 2 * row[0] + row[1]] ? 1 : -1);
  }
  const mean = inputs.reduce((a, b) => a + b, 0) / inputs.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.05);
  expect(learner.network.inputCoding).toBe("plus-minus");
});

const forMultiplexers = estimatorsFor(["reward"]);
const single = ["classification", "reward-penalty"];
test.each(forMultiplexers.map(({ name }) => name).filter((name) => !single.includes(name)))(
  "%s learns a small multiplexer",
  async (name) => {
    for (const backend of [createReferenceBackend(), await createWasmBackend()]) {
      const setting = {
        ...options,
        k: 1,
        hidden: [8],
        steps: 1200,
        recordEvery: 1200,
        estimator: findEstimator(name)!,
      };
      const [last] = await finish(createMultiplexerTraining(backend, setting));
      expect(last.last100).toBeGreaterThan(0.7);
      expect(last.expectedReward).toBeGreaterThan(0.7);
    }
  },
);

test("the expected reward is what sampling finds", async () => {
  for (const hidden of [[], [3], [3, 2]]) {
    const backend = await createWasmBackend();
    const training = createMultiplexerTraining(backend, { ...options, hidden, steps: 60, recordEvery: 60 });
    const [{ expectedReward }] = await finish(training);
    const { network } = training.learner;
    const task = new Multiplexer(backend, { k: 2, batchSize: 40_000, steps: 1, recordEvery: 1, seed: 9 });
    const pass = createPass(network, task.input);
    const sums = backend.sums(1);
    task.load!(0);
    samplePass(pass, new GeneratedDraws(backend, 9));
    task.score!(pass);
    task.addMetrics(undefined as never, sums, 0);
    const [sampled] = await backend.readSums(sums);
    expect(Math.abs((expectedReward as number) - sampled)).toBeLessThan(5 / Math.sqrt(40_000));
  }
  // Too many states: no such metric.
  const training = createMultiplexerTraining(createReferenceBackend(), {
    ...options,
    steps: 2,
    recordEvery: 2,
  });
  const [record] = await finish(training);
  expect(record).not.toHaveProperty("expectedReward");
});

describe("length", () => {
  test("steps need not fill the last epoch, and last100 is the mean of the last 100 batch means", async () => {
    const backend = createReferenceBackend();
    const records = await finish(
      createMultiplexerTraining(backend, { ...options, steps: 250, recordEvery: 100 }),
    );
    expect(records.map(({ epoch, step }) => [epoch, step])).toEqual([
      [1, 100],
      [2, 200],
      [3, 250],
    ]);
    // Within the first 100 steps they are the same; then 50 of the second record's 100 belong to it.
    expect(records[0].last100).toBeCloseTo(records[0].onlineReward as number, 12);
    const each = await finish(createMultiplexerTraining(backend, { ...options, steps: 250, recordEvery: 1 }));
    const means = each.map(({ onlineReward }) => onlineReward as number);
    expect(records[2].last100).toBeCloseTo(means.slice(150).reduce((a, b) => a + b, 0) / 100, 12);
    expect(records[2].onlineReward).toBeCloseTo(means.slice(200).reduce((a, b) => a + b, 0) / 50, 12);
  });

  test("a training that stops anywhere and is restored elsewhere goes on bit for bit", async () => {
    const make = async () => createWasmBackend({ kernels: "portable" });
    const setting = {
      ...options,
      optimizer: withL2(adam({ learningRate: [0.01, 0.02, 0.03] }), [0, 1e-4, 1e-2]),
      paperScale: true,
      steps: 130,
      recordEvery: 40,
    };
    const whole = createMultiplexerTraining(await make(), setting);
    const expected = await finish(whole);
    const records: EpochRecord[] = [];
    let training = createMultiplexerTraining(await make(), setting);
    while (training.step < 130) {
      const hooks = { pauseMilliseconds: 0, pause: () => training.step % 7 !== 0 };
      for await (const record of training.run(4, hooks)) records.push(record);
      const tensors = await training.tensors();
      training = createMultiplexerTraining(await make(), setting);
      training.restore(tensors);
    }
    expect(records.map(timeless)).toEqual(expected.map(timeless));
    const [{ "training.progress": _, ...a }, { "training.progress": __, ...b }] = [
      await training.tensors(),
      await whole.tensors(),
    ];
    expect(a).toEqual(b);
  });
});

test("a batch of one learns, and a number that is not finite stops it", async () => {
  const backend = await createWasmBackend();
  const setting = { ...options, k: 1, hidden: [8], batchSize: 1, steps: 20_000, recordEvery: 5000 };
  const training = createMultiplexerTraining(backend, setting);
  const records = await finish(training);
  expect(records[3].onlineReward).toBeGreaterThan(0.7);
  expect(records[3].gradientVariance).toBeNull();
  const broken = createMultiplexerTraining(backend, { ...setting, steps: 20, recordEvery: 10 });
  backend.write(broken.learner.network.layers[0].bias, [Number.NaN]);
  await expect(finish(broken)).rejects.toThrow(DivergedError);
});

test("what cannot be is refused", () => {
  const backend = createReferenceBackend();
  const refusal = (changed: Partial<MultiplexerTrainingOptions>) => () =>
    createMultiplexerTraining(backend, { ...options, ...changed });
  expect(refusal({ k: 0 })).toThrow("k is 0; expected a whole number from 1 to 24");
  expect(refusal({ k: 60 })).toThrow("k is 60; expected a whole number from 1 to 24");
  expect(refusal({ steps: 0 })).toThrow("steps is 0; expected a whole number from 1 on");
  expect(refusal({ batchSize: 0.5 })).toThrow("the batch size is 0.5; expected a whole number");
  const l2 = (weights: number | number[]) =>
    refusal({ optimizer: withL2(adam({ learningRate: 0.01 }), weights) });
  expect(l2([0, 1])).toThrow("there are 2 L2 weights for 3 layers; expected one, or one a layer");
  expect(l2([0, -1, 0])).toThrow("the L2 weight is -1; expected a number from 0 on");
  expect(multiplexerInputs(5)).toBe(37);
});
