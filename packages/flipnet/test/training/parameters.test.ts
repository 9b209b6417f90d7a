// What stands in a checkpoint: parameters under their names, in the papers' order; and what is said of a tensor that does
// not fit.
import { describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import type { Tensor } from "../../src/formats/safetensors.ts";
import { createNetwork } from "../../src/network/network.ts";
import { rewardObjective } from "../../src/objectives/reward.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import type { Task } from "../../src/tasks/task.ts";
import { createTraining } from "../../src/training/create.ts";
import { readBlocks, takeTensor, tensorOf, writeBlocks } from "../../src/training/parameters.ts";

const backend = createReferenceBackend();

/** A linear map of two parents, of 2 and 1 inputs, onto 2 units, and one number that is no linear map's. */
function parts() {
  const block = backend.matrix(1, 8);
  // Inputs one after the other, each with its weights to both units; then the bias.
  backend.write(block, [11, 21, 12, 22, 13, 23, 1, 2]);
  const scale = backend.matrix(1, 2);
  backend.write(scale, [7, 8]);
  return [
    { name: "layers.1", width: 2, block },
    { name: "estimator.scale", width: 0, block: scale },
  ];
}

const blocksOf = (of: ReturnType<typeof parts>) => of.map(({ block }) => block);

test("weights are [unit, input], parents side by side, with their biases beside them; and come back", async () => {
  const saved: Record<string, Tensor> = {};
  await readBlocks(backend, parts(), "optimizer.m.", blocksOf(parts()), saved);
  expect(saved).toEqual({
    "optimizer.m.layers.1.weights": {
      dtype: "F64",
      shape: [2, 3],
      data: Float64Array.of(11, 12, 13, 21, 22, 23),
    },
    "optimizer.m.layers.1.bias": { dtype: "F64", shape: [2], data: Float64Array.of(1, 2) },
    "optimizer.m.estimator.scale": { dtype: "F64", shape: [2], data: Float64Array.of(7, 8) },
  });
  const others = parts();
  for (const block of blocksOf(others)) backend.fill(block, 0);
  writeBlocks(backend, others, "optimizer.m.", blocksOf(others), saved);
  expect(blocksOf(others).map((block) => [...backend.readNow(block)])).toEqual(
    blocksOf(parts()).map((block) => [...backend.readNow(block)]),
  );
  expect(saved).toEqual({});
});

test("numbers are in the backend's own precision", async () => {
  expect(tensorOf(backend, [1], [0.1])).toEqual({ dtype: "F64", shape: [1], data: Float64Array.of(0.1) });
  expect(tensorOf(await createWasmBackend(), [1], [0.1])).toEqual({
    dtype: "F32",
    shape: [1],
    data: Float32Array.of(0.1),
  });
});

test.each<[string, Tensor | undefined, string]>([
  ["none", undefined, "the checkpoint has no tensor bias"],
  [
    "another shape",
    { dtype: "F32", shape: [1, 2], data: Float32Array.of(1, 2) },
    "the checkpoint's bias has shape [1,2]; expected [2]",
  ],
  [
    "bytes",
    { dtype: "U8", shape: [2], data: Uint8Array.of(1, 2) },
    "the checkpoint's bias is U8; expected F32 or F64",
  ],
  [
    "no numbers",
    { dtype: "F32", shape: [2], data: Float32Array.of(Number.NaN, 2) },
    "the checkpoint's bias has NaN in it; expected numbers",
  ],
])("%s in the place of a tensor", (_, tensor, message) => {
  expect(() => takeTensor(tensor === undefined ? {} : { bias: tensor }, "bias", [2])).toThrow(message);
});

/** 250 steps of two rows, a record every 100; each step earns 1. */
function training(options: object = {}) {
  const layers = [{ kind: "bernoulli", units: 1 }] as const;
  const network = createNetwork(backend, { inputs: 2, units: "zero-one", layers });
  const reward = backend.matrix(2, 1);
  const task: Task = {
    backend,
    batchSize: 2,
    input: backend.matrix(2, 2),
    objective: rewardObjective(reward),
    stepsPerEpoch: 100,
    totalSteps: 250,
    metrics: ["earned"],
    startEpoch() {},
    load: () => backend.fill(reward, 1),
    addMetrics: (_, sums, first) => backend.addMean(reward, sums, first),
    evaluate: async () => ({}),
  };
  return createTraining(task, network, {
    estimator: hnca,
    optimizer: sgd({ learningRate: 1e-3 }),
    ...options,
  });
}

describe("checkpoints from before the number of finished epochs was in them", () => {
  test.each([
    ["within an epoch", 50, 5, 0],
    ["at the end of an epoch that has no record yet, as its time is kept", 100, 5, 0],
    ["between two epochs", 100, 0, 1],
    ["within a later epoch", 150, 5, 1],
    ["between two later ones", 200, 0, 2],
    ["at the end, within an epoch", 250, 0, 3],
  ])("%s", async (_, step, milliseconds, epoch) => {
    const one = training();
    const {
      "training.step": _step,
      "training.epoch": _epoch,
      "training.milliseconds": _milliseconds,
      "training.sums": sums,
      ...tensors
    } = await one.tensors();
    const data = Float64Array.of(step, milliseconds, ...(sums.data as Float64Array));
    one.restore({ ...tensors, "training.progress": { dtype: "F64", shape: [data.length], data } });
    expect([one.step, one.epoch]).toEqual([step, epoch]);
  });
});

test("a running baseline has the decay 0.99, the seed is 0, and updates are the gradient's, unless told otherwise", async () => {
  const baselineAfter = async (options: object) => {
    const one = training({ baseline: "running-average", ...options });
    for await (const _ of one.run(1, { pauseMilliseconds: 0, pause: () => false })) break;
    return (await one.tensors())["estimator.baseline.0"].data[0];
  };
  expect(await baselineAfter({})).toBeCloseTo(0.01, 12);
  expect(await baselineAfter({ baselineDecay: 0.75 })).toBeCloseTo(0.25, 12);
  const weights = async (options: object) => (await training(options).tensors())["layers.0.weights"].data;
  expect(await weights({})).toEqual(await weights({ seed: 0 }));
  expect(await weights({})).not.toEqual(await weights({ seed: 1 }));
});
