import { describe, expect, test } from "vitest";
import type { ImmediateBackend } from "../../src/backend/backend.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import { convolutions } from "../../src/front-ends/convolutions.ts";
import { initialiseWeights } from "../../src/network/network.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { createBanditTraining } from "../../src/training/bandit.ts";
import type { Training } from "../../src/training/training.ts";
import { easyImages, matrixOf, numbers } from "../helpers.ts";

const reference = createReferenceBackend();
const shape = [7, 6, 2];
const options = { shape, channels: [3, 5, 4] };
const [B, inputs] = [3, 84];

/** A front end with random weights and biases, and one pass through it and back. */
function pass(backend: ImmediateBackend) {
  const front = convolutions(backend, { ...options, kernel: 2 });
  for (const [i, { block }] of front.parameters.entries())
    backend.write(block, numbers(i, block.columns, -0.6, 0.6));
  const run = front.prepare(matrixOf(backend, B, numbers(8, B * inputs)));
  const credit = matrixOf(backend, B, numbers(9, B * front.outputs));
  run.forward();
  run.backward(credit);
  return { front, run, credit };
}

test("the gradient is that of finite differences", () => {
  const { front, run, credit } = pass(reference);
  const g = reference.readNow(credit);
  const objective = () => {
    run.forward();
    return reference.readNow(run.output).reduce((sum, y, e) => sum + y * g[e], 0) / B;
  };
  expect(front.outputs).toBe(4 * 3 * 4);
  const gradients = run.gradients.map((gradient) => reference.readNow(gradient));
  for (const [i, { block }] of front.parameters.entries()) {
    const values = reference.readNow(block);
    values.forEach((value, e) => {
      const at = (change: number) => {
        reference.write(block, [value + change], e);
        return objective();
      };
      const slope = (at(1e-6) - at(-1e-6)) / 2e-6;
      reference.write(block, [value], e);
      expect(gradients[i][e]).toBeCloseTo(slope, 7);
    });
  }
});

test.each(["portable", "relaxed"] as const)("%s kernels agree with the reference", async (kernels) => {
  const backend = await createWasmBackend({ kernels });
  const [exact, found] = [pass(reference).run, pass(backend).run];
  const pairs = [exact.output, ...exact.gradients].map((m, i) => [m, [found.output, ...found.gradients][i]]);
  for (const [one, other] of pairs) {
    const expected = reference.readNow(one);
    backend.readNow(other).forEach((value, e) => {
      expect(value).toBeCloseTo(expected[e], 5);
    });
  }
});

test("weights behind a front end are normal, cut off at two deviations", () => {
  const front = convolutions(reference, { shape: [28, 28], channels: [16, 64] });
  initialiseWeights(reference, front.parameters, 1, "truncated-normal");
  const all = reference.readNow(front.parameters[1].block);
  const [weights, biases] = [all.subarray(0, 144 * 64), all.subarray(144 * 64)];
  const inDeviations = weights.map((w) => w * Math.sqrt(144));
  expect(Math.max(...inDeviations.map(Math.abs))).toBeLessThanOrEqual(2);
  const share = (limit: number) => inDeviations.filter((z) => Math.abs(z) < limit).length / weights.length;
  // erf(limit / sqrt 2) / erf(sqrt 2), give or take five standard errors of 9,216 draws.
  for (const [limit, expected] of [
    [0.5, 0.4012],
    [1, 0.7152],
    [1.5, 0.9077],
  ]) {
    expect(Math.abs(share(limit) - expected)).toBeLessThan(5 * Math.sqrt((expected * (1 - expected)) / 9216));
  }
  expect(Math.abs(inDeviations.reduce((a, b) => a + b) / weights.length)).toBeLessThan(5 / Math.sqrt(9216));
  expect(biases.every((c) => c === 0)).toBe(true);
});

describe("a bandit behind convolutions", () => {
  const train = { ...easyImages(400, 3, 36), shape: [6, 6] };
  const data = { train, test: { ...easyImages(120, 3, 36), shape: [6, 6] } };
  const trainingOn = (backend: ImmediateBackend) =>
    createBanditTraining(backend, data, {
      estimator: hnca,
      optimizer: adam({ learningRate: 0.01 }),
      front: convolutions(backend, { shape: [6, 6], channels: [4, 4], kernel: 2 }),
      hidden: [8],
      batchSize: 20,
    });
  const recordsOf = async (training: Training, epochs: number) => {
    const records = [];
    for await (const record of training.run(epochs)) records.push(record);
    return records;
  };

  test("learns, on both backends, and measures all gradients", async () => {
    for (const backend of [reference, await createWasmBackend()]) {
      const records = await recordsOf(trainingOn(backend), 12);
      const last = records[records.length - 1];
      expect(last.testAccuracy).toBeGreaterThan(0.9);
      expect(last["gradientVariance.convolutions.0"]).toBeGreaterThan(0);
      const parts = trainingOn(backend).learner.parameters.map(({ name, block }) => ({
        count: block.columns,
        variance: last[`gradientVariance.${name}`] as number,
      }));
      const total = parts.reduce((sum, { count, variance }) => sum + count * variance, 0);
      const size = parts.reduce((sum, { count }) => sum + count, 0);
      expect(last.gradientVariance).toBeCloseTo(total / size, 12);
    }
  });

  test("stops anywhere and goes on bit for bit", async () => {
    const backend = await createWasmBackend();
    const whole = trainingOn(backend);
    await recordsOf(whole, 3);
    const half = trainingOn(backend);
    let pauses = 0;
    for await (const _ of half.run(3, { pauseMilliseconds: 0, pause: () => ++pauses < 31 }));
    expect(half.step).toBeLessThan(60);
    const tensors = await half.tensors();
    expect(Object.keys(tensors)).toContain("convolutions.1.weights");
    const rest = trainingOn(await createWasmBackend());
    rest.restore(tensors);
    await recordsOf(rest, 3);
    const drop = ({ "training.progress": _, ...others }: Awaited<ReturnType<Training["tensors"]>>) => others;
    expect(drop(await rest.tensors())).toEqual(drop(await whole.tensors()));
  });
});

test("what cannot be convolved is refused", () => {
  const make = (change: object) => () => convolutions(reference, { shape: [5, 4], channels: [2], ...change });
  expect(make({ kernel: 5 })).toThrow(
    "the kernel of convolutions.0 is 5 x 5; expected at most its images' 5 x 4",
  );
  expect(make({ channels: [2, 2] })).toThrow(
    "the kernel of convolutions.1 is 3 x 3; expected at most its images' 3 x 2",
  );
  expect(make({ kernel: 1.5 })).toThrow("the convolutions' kernel is 1.5; expected a whole number");
  expect(make({ channels: [0] })).toThrow("number of channels is 0; expected a whole number");
  expect(make({ channels: [] })).toThrow("there are no convolutions");
  expect(make({ shape: [20] })).toThrow("the images have shape [20]; expected [height, width]");
});
