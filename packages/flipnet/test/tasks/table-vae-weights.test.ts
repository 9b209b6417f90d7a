// What each row of a table counts in an auto-encoder's gradient, also in that of its decoder.
import { expect, it } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { fHnca } from "../../src/estimators/f-hnca.ts";
import { vimco } from "../../src/estimators/vimco.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { tableVae } from "../../src/tasks/table-vae.ts";
import { createTraining } from "../../src/training/create.ts";

const common = { hidden: [3], units: "plus-minus" as const, batchSize: 2, seed: 1 };
const settings = { ...common, samples: 2, entropy: "sampled", boundSamples: 1, evaluateEvery: 1 };

/** The parameters after one epoch of two rows of a bit and a number. */
async function learned(
  rows: number[],
  weights: number[] | undefined,
  estimator: typeof fHnca | typeof vimco,
) {
  const own = weights && { weights: Float32Array.from(weights) };
  const train = { count: 2, inputs: Float32Array.from(rows), ...own };
  const groups = [
    { kind: "bits" as const, columns: [0] },
    { kind: "numbers" as const, columns: [1], missing: [-1] },
  ];
  const data = { train, test: { count: 2, inputs: train.inputs }, width: 2, groups };
  const { task, network } = tableVae.create(createReferenceBackend(), settings, data);
  const training = createTraining(task, network, {
    estimator,
    optimizer: sgd({ learningRate: 0.5 }),
    seed: 1,
  });
  for await (const _ of training.run(1));
  return training.tensors();
}

it.each([
  ["f-hnca", fHnca],
  ["vimco", vimco],
])("%s: a row of the weight 0 decides nothing, one of 2 counts twice", async (_, estimator) => {
  const plain = await learned([1, 0.3, 0, -0.8], undefined, estimator);
  expect(await learned([1, 0.3, 0, -0.8], [1, 1], estimator)).toEqual(plain);
  const first = await learned([1, 0.3, 0, -0.8], [2, 0], estimator);
  expect(await learned([1, 0.3, 1, 5], [2, 0], estimator)).toEqual(first);
  expect(first).not.toEqual(plain);
});
