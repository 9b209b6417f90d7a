// All that a training has to know after a stop is in its tensors, by name; nothing is inferred, from the clock least of all.
import { afterEach, describe, expect, test, vi } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { fHnca } from "../../src/estimators/f-hnca.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import type { Tensor } from "../../src/formats/safetensors.ts";
import { createNetwork } from "../../src/network/network.ts";
import { rewardObjective } from "../../src/objectives/reward.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { withL2 } from "../../src/optimizers/l2.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import type { Task } from "../../src/tasks/task.ts";
import { createTraining } from "../../src/training/create.ts";
import { createMultiplexerTraining } from "../../src/training/multiplexer.ts";
import type { EpochRecord, Training, TrainingHooks } from "../../src/training/training.ts";
import { createVaeTraining } from "../../src/training/vae.ts";
import { easyImages } from "../helpers.ts";

afterEach(() => vi.restoreAllMocks());

const data = { train: easyImages(40), test: easyImages(30) };
const newVae = () =>
  createVaeTraining(createReferenceBackend(), data, {
    estimator: fHnca,
    optimizer: adam({ learningRate: 0.01 }),
    hidden: [4],
    batchSize: 10,
    boundSamples: 3,
    evaluateEvery: 1,
  });

/** 250 steps, a record every 100; its evaluation asks whether to go on. */
function newCounting(): Training {
  const backend = createReferenceBackend();
  const network = createNetwork(backend, {
    inputs: 2,
    inputKind: "bits",
    units: "zero-one",
    layers: [{ kind: "bernoulli", units: 1 }],
  });
  const reward = backend.matrix(3, 1);
  const task: Task = {
    backend,
    batchSize: 3,
    input: backend.matrix(3, 2),
    objective: rewardObjective(reward),
    stepsPerEpoch: 100,
    totalSteps: 250,
    metrics: ["steps"],
    startEpoch() {},
    load: () => backend.fill(reward, 1),
    addMetrics: (_, sums, first) => backend.addMean(reward, sums, first),
    evaluate: async (_network, { epoch, step }, goOn) => {
      const [told, asked] = [{ epochSeen: epoch, stepSeen: step }, await goOn?.()];
      return asked === false ? undefined : told;
    },
  };
  return createTraining(task, network, { estimator: hnca, optimizer: sgd({ learningRate: 0.01 }) });
}

/** Without wall times. */
const timeless = ({ msPerStep, ...rest }: EpochRecord) => rest;

async function recordsOf(training: Training, epochs: number, hooks: TrainingHooks = {}) {
  const records: EpochRecord[] = [];
  for await (const record of training.run(epochs, hooks)) records.push(record);
  return records.map(timeless);
}

/** Stops once in the evaluation of every epoch, and goes on elsewhere. */
async function stoppedInEvaluation(make: () => Training, epochs: number) {
  const records: ReturnType<typeof timeless>[] = [];
  let training = make();
  for (let times = 0; training.epoch < epochs; times++) {
    if (times > 3 * epochs) throw new Error("it does not come to an end");
    let met = -1;
    const pause: TrainingHooks["pause"] = ({ evaluating, epoch }) => {
      if (!evaluating || times % 2 === 1) return true;
      met = epoch;
      return false;
    };
    const some = await recordsOf(training, training.epoch + 1, { pause, pauseMilliseconds: 0 });
    expect(some.length).toBe(times % 2);
    if (times % 2 === 0) expect(met).toBe(training.epoch + 1);
    records.push(...some);
    const tensors = await training.tensors();
    training = make();
    training.restore(tensors);
  }
  return records;
}

describe.each([
  ["as it is", undefined],
  ["that stands still", () => 0],
])("with a clock %s", (_, now) => {
  test.each([
    ["an auto-encoder", newVae, 3],
    ["a task whose last epoch is shorter", newCounting, 3],
  ])("%s that stops while it measures makes the records of one that does not", async (_, make, epochs) => {
    if (now !== undefined) vi.spyOn(performance, "now").mockImplementation(now);
    const expected = await recordsOf(make(), epochs);
    expect(expected.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    expect(await stoppedInEvaluation(make, epochs)).toEqual(expected);
  });
});

test("measuring is told the epoch and the steps that are done", async () => {
  const [, , last] = await recordsOf(newCounting(), 3);
  expect(last).toMatchObject({ epoch: 3, step: 250, epochSeen: 2, stepSeen: 250, steps: 1 });
});

test("a multiplexer that was restored measures what it would have measured before", async () => {
  const make = () =>
    createMultiplexerTraining(createReferenceBackend(), {
      k: 2,
      estimator: hnca,
      optimizer: adam({ learningRate: 0.01 }),
      hidden: [4],
      batchSize: 4,
      steps: 60,
      recordEvery: 30,
    });
  const training = make();
  await recordsOf(training, 2);
  const restored = make();
  restored.restore(await training.tensors());
  const moment = { epoch: 1, step: 60 };
  const measured = await restored.task.evaluate(restored.learner.network, moment);
  expect(measured).toEqual(await training.task.evaluate(training.learner.network, moment));
  expect(measured!.last100).not.toBe(0);
});

test("tensors that nobody takes are an error", async () => {
  const tensors = await newVae().tensors();
  const more = { ...tensors, "layers.7.bias": tensors["layers.0.bias"] };
  expect(() => newVae().restore(more)).toThrow(
    "the checkpoint has the tensor layers.7.bias, which belongs to nothing that is trained here",
  );
  expect(Object.keys(more)).toContain("layers.0.bias");
});

describe("numbers that no training came to are refused", () => {
  const F64 = (...numbers: number[]): Tensor => {
    return { dtype: "F64", shape: [numbers.length], data: Float64Array.from(numbers) };
  };
  test.each<[string, Record<string, Tensor>, string]>([
    ["half a step", { "training.step": F64(0.5) }, "stands at step 0.5, with 0 epochs of 4 steps"],
    ["no step", { "training.step": F64(Number.NaN) }, "training.step has NaN in it; expected numbers"],
    ["a step before the epochs that are done", { "training.epoch": F64(1) }, "step 0, with 1 epochs"],
    ["a step after the epoch", { "training.step": F64(9) }, "step 9, with 0 epochs"],
    ["less than no time", { "training.milliseconds": F64(-1) }, "done in -1 ms"],
    ["an infinite weight", { "layers.0.bias": F64(0, Infinity, 0, 0) }, "layers.0.bias has Infinity in it"],
    [
      "bytes",
      { "layers.0.bias": { dtype: "U8", shape: [4], data: new Uint8Array(4) } },
      "layers.0.bias is U8; expected F32 or F64",
    ],
  ])("%s", async (_, wrong, sentence) => {
    const tensors = { ...(await newVae().tensors()), ...wrong };
    expect(() => newVae().restore(tensors)).toThrow(sentence);
  });
});

describe("another optimizer goes on with no checkpoint", () => {
  const make = (optimizer: ReturnType<typeof adam>) =>
    createVaeTraining(createReferenceBackend(), data, {
      estimator: fHnca,
      optimizer,
      hidden: [4],
      batchSize: 10,
    });
  test.each([
    ["of another name", sgd({ learningRate: 0.1 }), 'its name was "adam", and is "sgd" here'],
    ["of another beta2", adam({ learningRate: 0.1, beta2: 0.99 }), "its beta2 was 0.999, and is 0.99 here"],
    ["with a penalty", withL2(adam({ learningRate: 0.1 }), 0.01), "its l2 was undefined, and is [0.01"],
  ])("%s", async (_, other, message) => {
    const tensors = await make(adam({ learningRate: 0.1 })).tensors();
    expect(() => make(other).restore(tensors)).toThrow(message);
    expect(() => make(adam({ learningRate: [0.1, 0.1, 0.1] })).restore(tensors)).not.toThrow();
  });
});

test("checkpoints that do not name their optimizer tell it by what it remembers", async () => {
  const { optimizer: _, ...old } = await newVae().tensors();
  expect(() => newVae().restore(old)).not.toThrow();
  const other = createVaeTraining(createReferenceBackend(), data, {
    estimator: fHnca,
    optimizer: sgd({ learningRate: 0.1 }),
    hidden: [4],
    batchSize: 10,
  });
  expect(() => other.restore(old)).toThrow(/has optimizer\.m\.\S+, which this optimizer does not have/);
});
