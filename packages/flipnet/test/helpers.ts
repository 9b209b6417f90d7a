/** Small things that several tests need. */
import type { ImmediateBackend, Matrix } from "../src/backend/backend.ts";
import type { Problem } from "../src/estimators/estimator.ts";
import type { LabelledImages } from "../src/formats/labelled-images.ts";
import { createNetwork, initialiseWeights, type NetworkSpec } from "../src/network/network.ts";
import { rewardObjective } from "../src/objectives/reward.ts";
import { deriveKey, newKey, uniformAt } from "../src/random/threefry.ts";

/** `count` numbers in [low, high), a function of the seed. */
export function numbers(seed: number, count: number, low = -1, high = 1): number[] {
  const key = deriveKey(seed, "test", 0, newKey());
  return Array.from({ length: count }, (_, i) => low + (high - low) * uniformAt(key, i));
}

/** `count` fair bits. */
export const bits = (seed: number, count: number): number[] =>
  numbers(seed, count, 0, 1).map((u) => (u < 0.5 ? 1 : 0));

export function matrixOf(backend: ImmediateBackend, rows: number, values: ArrayLike<number>): Matrix {
  const matrix = backend.matrix(rows, values.length / rows);
  backend.write(matrix, values);
  return matrix;
}

/** A network with random weights and biases, and a problem on it with random inputs and rewards. */
export function randomProblem(
  backend: ImmediateBackend,
  spec: NetworkSpec,
  batchSize: number,
  seed: number,
  baseline: Problem["baseline"] = "none",
): Problem {
  const network = createNetwork(backend, spec);
  initialiseWeights(backend, network.layers, seed);
  for (const { bias, index } of network.layers) backend.write(bias, numbers(seed + index, bias.columns));
  const count = batchSize * spec.inputs;
  const input = spec.inputKind === "real" ? numbers(seed, count) : bits(seed, count);
  return {
    network,
    input: matrixOf(backend, batchSize, input),
    objective: rewardObjective(matrixOf(backend, batchSize, numbers(seed + 99, batchSize))),
    baseline,
    baselineDecay: 0.99,
  };
}

/** Images that are easy to learn: each class lights its own pixels. */
export function easyImages(count: number, classes = 3, pixels = 12): LabelledImages {
  const labels = Uint8Array.from({ length: count }, (_, i) => (i * 7) % classes);
  const images = new Uint8Array(count * pixels);
  labels.forEach((label, i) => {
    for (let p = 0; p < pixels; p++) images[i * pixels + p] = p % classes === label ? 230 : 25;
  });
  return { count, pixels, classes, images, labels };
}

/** One of everything a layer can be, with skip connections and the input as a second parent. */
export const mixedNetwork: NetworkSpec = {
  inputs: 5,
  units: "plus-minus",
  layers: [
    { kind: "bernoulli", units: 7 },
    { kind: "softmax", units: 2, choices: 3, parents: [0, "input"] },
    { kind: "bernoulli", units: 3, parents: [0, 1] },
    { kind: "softmax", units: 1, choices: 4, parents: ["input", 2, 0] },
  ],
};
