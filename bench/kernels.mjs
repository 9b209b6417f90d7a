// What the heavy operations cost at the sizes of the papers' networks: 50 examples, layers of 200 units, 784 pixels.
import { performance } from "node:perf_hooks";
import { createWasmBackend } from "../dist/backend/wasm.js";
import { deriveKey, newKey, uniformAt } from "../dist/random/threefry.js";

const shapes = [
  [50, 784, 200],
  [50, 200, 784],
  [50, 200, 200],
  [50, 200, 10],
  [1, 200, 200],
];

/** Median time of one call in nanoseconds, over `rounds` rounds of half a millisecond or more. */
function median(call, rounds) {
  const time = (count) => {
    const start = performance.now();
    for (let i = 0; i < count; i++) call();
    return (performance.now() - start) * 1e6;
  };
  let count = 1;
  while (time(count) < 5e5) count *= 2;
  const times = Array.from({ length: rounds }, () => time(count) / count);
  return times.sort((a, b) => a - b)[rounds >> 1];
}

/**
 * `[{ kernels, operation, shape: [B, I, J], microseconds, perEdge, gflops }]`: `perEdge` is nanoseconds for each weight
 * and example, `gflops` what a dense product of the shape would have had to reach.
 */
export async function benchmarkHeavy(kinds = ["portable", "relaxed"], rounds = 31) {
  const results = [];
  for (const kernels of kinds) {
    const backend = await createWasmBackend({ kernels });
    const key = deriveKey(1, "test", 0, newKey());
    let drawn = 0;
    const filled = (rows, columns, value) => {
      const m = backend.matrix(rows, columns);
      backend.write(
        m,
        Array.from({ length: rows * columns }, () => value(uniformAt(key, drawn++))),
      );
      return m;
    };
    const real = (u) => 2 * u - 1;
    const small = (u) => 0.2 * u - 0.1;
    const bit = (density) => (u) => (u < density ? 1 : 0);

    for (const [B, I, J] of shapes) {
      const measure = (operation, call) => {
        const ns = median(call, rounds);
        const edges = B * I * J;
        const figures = { microseconds: ns / 1000, perEdge: ns / edges, gflops: (2 * edges) / ns };
        results.push({ kernels, operation, shape: [B, I, J], ...figures });
      };
      const [weights, gradient, totals] = [filled(I, J, small), backend.matrix(I, J), backend.matrix(1, J)];
      const [x, sparse, dense] = [filled(B, I, real), filled(B, I, bit(0.13)), filled(B, I, bit(0.5))];
      const [g, upper, lower] = [filled(B, J, real), backend.matrix(B, J), backend.matrix(B, I)];
      const [moments, both] = [backend.matrix(B, 1), backend.matrix(B, I)];
      measure("product, real", () => backend.product(x, "real", weights, upper));
      measure("product, 13% bits", () => backend.product(sparse, "zero-one", weights, upper));
      measure("product, 50% bits", () => backend.product(dense, "zero-one", weights, upper));
      measure("product, 50% bits as -1, +1", () => backend.product(dense, "plus-minus", weights, upper));
      measure("transposedProduct", () => backend.transposedProduct(g, weights, lower, false));
      measure("outerProduct, real", () => backend.outerProduct(x, "real", g, gradient, false));
      measure("outerProduct, 13% bits", () => backend.outerProduct(sparse, "zero-one", g, gradient, false));
      measure("outerProduct, 50% bits", () => backend.outerProduct(dense, "zero-one", g, gradient, false));
      measure("columnMeans", () => backend.columnMeans(g, totals, false));
      measure("rowDots", () => backend.rowDots(x, x, "real", moments, false));

      const logits = filled(B, J, (u) => 6 * u - 3);
      const [p, q, law] = [backend.matrix(B, J), backend.matrix(B, J), backend.matrix(B, J)];
      backend.sigmoid(logits, p, q);
      const child = { kind: "bernoulli", choices: 1, logits, p, q, bits: filled(B, J, bit(0.5)) };
      for (const [name, matrix] of [
        ["", weights],
        [", weights to 5", filled(I, J, (u) => 10 * u - 5)],
      ]) {
        const tables = backend.flipTables(matrix, "zero-one");
        measure(`refreshFlipTables${name}`, () => backend.refreshFlipTables(tables));
        measure(`flipLogLikelihood${name}`, () =>
          backend.flipLogLikelihood(dense, tables, child, lower, false),
        );
        measure(`flipEntropy and flipLogLikelihood${name}`, () =>
          backend.flipEntropy(dense, tables, child, lower, false, both),
        );
      }
      if (J % 10 === 0) {
        backend.softmax(logits, 10, law);
        const chosen = filled(B, J, () => (drawn % 10 === 0 ? 1 : 0));
        const softmax = { kind: "softmax", choices: 10, logits, p: law, q: law, bits: chosen };
        const tables = backend.flipTables(weights, "zero-one");
        backend.refreshFlipTables(tables);
        measure("flipLogLikelihood, softmax of 10", () =>
          backend.flipLogLikelihood(dense, tables, softmax, lower, false),
        );
      }
      measure("posteriorMinusPrior", () => backend.posteriorMinusPrior(p, q, logits, law));
    }
  }
  return results;
}
