// Rows of a table: labels that are told, rewards that are told, weights, and what is said of held-out rows.
import { expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import type { EstimatorKind } from "../../src/estimators/estimator.ts";
import { fHnca } from "../../src/estimators/f-hnca.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import { InputError } from "../../src/formats/errors.ts";
import type { TableData, TableRows } from "../../src/formats/table-data.ts";
import { adam } from "../../src/optimizers/adam.ts";
import type { TaskDefinition } from "../../src/tasks/definition.ts";
import { prepareProbabilities } from "../../src/tasks/table.ts";
import { tableBandit } from "../../src/tasks/table-bandit.ts";
import { tableLabels } from "../../src/tasks/table-labels.ts";
import { createTraining } from "../../src/training/create.ts";

/** Two numbers from -1 to 1; the class says which of them is larger, or that the first one is large. */
function rows(count: number, from: number): TableRows {
  const inputs = Float32Array.from({ length: 2 * count }, (_, e) => Math.sin(1 + 12.9 * (2 * from + e)));
  const labels = Uint32Array.from({ length: count }, (_, r) => {
    const [a, b] = inputs.subarray(2 * r);
    return a > 0.5 ? 2 : a > b ? 1 : 0;
  });
  return { count, inputs, labels };
}
const data: TableData = { train: rows(300, 0), test: rows(130, 300), width: 2, classes: 3 };
const settings = { hidden: [16], units: "plus-minus" as const, batchSize: 25, seed: 4 };

type Backend = Parameters<TaskDefinition["create"]>[0];
function newTraining(backend: Backend, definition: TaskDefinition, estimator: EstimatorKind, table = data) {
  const { task, network } = definition.create(backend, settings, table);
  return createTraining(task, network, { estimator, optimizer: adam({ learningRate: 0.02 }), seed: 4 });
}

async function lastOf(training: ReturnType<typeof newTraining>, epochs: number) {
  let last: Record<string, unknown> = {};
  for await (const record of training.run(epochs)) last = record;
  return last;
}

test.each([
  [tableLabels, fHnca],
  [tableBandit, hnca],
])("$name learns", async (definition, estimator) => {
  const training = newTraining(await createWasmBackend(), definition, estimator);
  const first = await lastOf(training, 1);
  const last = await lastOf(training, 25);
  expect(Number(last.testAccuracy)).toBeGreaterThan(0.85);
  expect(Number(last.testLogLoss)).toBeLessThan(0.6 * Number(first.testLogLoss));
});

test("it goes on bit for bit after a stop", async () => {
  const [whole, one, two] = [0, 1, 2].map(() => newTraining(createReferenceBackend(), tableLabels, fHnca));
  await lastOf(whole, 3);
  await lastOf(one, 1);
  two.restore(await one.tensors());
  await lastOf(two, 3);
  expect(await two.tensors()).toEqual(await whole.tensors());
});

test("a row of weight 2 counts as two rows", async () => {
  // All rows in one batch, so that their order does not matter; without hidden units nothing is left to chance.
  const gradientOf = async (train: TableRows) => {
    const backend = createReferenceBackend();
    const few = { ...settings, hidden: [], batchSize: train.count };
    const { task, network } = tableLabels.create(backend, few, { ...data, train });
    const training = createTraining(task, network, {
      ...{ estimator: fHnca, optimizer: adam({ learningRate: 0.01 }), seed: 4 },
    });
    await lastOf(training, 1);
    return (await training.tensors())["layers.0.weights"].data;
  };
  const { inputs, labels } = rows(4, 0);
  const twice = [0, 1, 2, 3, 3, 3];
  const weighted = { count: 4, inputs, labels, weights: Float32Array.of(4 / 6, 4 / 6, 4 / 6, 12 / 6) };
  const repeated = {
    count: 6,
    inputs: Float32Array.from(twice.flatMap((r) => [inputs[2 * r], inputs[2 * r + 1]])),
    labels: Uint32Array.from(twice, (r) => labels[r]),
  };
  const [a, b] = [await gradientOf(weighted), await gradientOf(repeated)];
  for (const [e, value] of Array.from(a as Float64Array).entries())
    expect(value).toBeCloseTo(Number(b[e]), 6);
});

test("probabilities are means over passes, and their errors say how far they are from the exact ones", async () => {
  const backend = createReferenceBackend();
  const { network } = tableLabels.create(backend, { ...settings, hidden: [2] }, data);
  network.layers.forEach(({ block }) => {
    const length = block.rows * block.columns;
    backend.write(
      block,
      Array.from({ length }, (_, e) => 2 * Math.sin(e + 1)),
    );
  });
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  const [one, two] = network.layers.map(({ block }) => backend.readNow(block));
  const seen = data.test.inputs.subarray(0, 6);
  const { mean, standardError } = await prepareProbabilities(network, 3, 7)(seen, 400);
  for (let r = 0; r < 3; r++) {
    const p = [0, 1].map((j) => sigmoid(seen[2 * r] * one[j] + seen[2 * r + 1] * one[2 + j] + one[4 + j]));
    const exact = [0, 0, 0];
    for (const bits of [0, 1, 2, 3].map((n) => [n & 1, n >> 1])) {
      const reach = bits.reduce((product, bit, j) => product * (bit ? p[j] : 1 - p[j]), 1);
      const odds = exact.map((_, k) =>
        Math.exp((2 * bits[0] - 1) * two[k] + (2 * bits[1] - 1) * two[3 + k] + two[6 + k]),
      );
      const sum = odds.reduce((a, b) => a + b, 0);
      for (const k of exact.keys()) exact[k] += (reach * odds[k]) / sum;
    }
    for (const k of exact.keys()) {
      const [found, error] = [mean[3 * r + k], standardError[3 * r + k]];
      expect(error).toBeGreaterThan(0);
      expect(Math.abs(found - exact[k])).toBeLessThan(4.5 * error);
    }
  }
});

test.each([
  [{ classes: 1 }, "the table has 1 classes; expected at least 2"],
  [{ classes: 2 }, "a training row has the label 2; expected labels below 2"],
  [{ test: rows(0, 0) }, "the table has no test rows; expected at least 1"],
  [{ width: 3 }, "the training rows are 600 numbers and 300 labels; expected 300 of 3, one label each"],
])("a table that cannot be used is refused: %#", (change, message) => {
  const create = () => tableLabels.create(createReferenceBackend(), settings, { ...data, ...change });
  expect(create).toThrow(new InputError(message));
});
