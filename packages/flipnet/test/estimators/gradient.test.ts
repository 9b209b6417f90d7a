import { expect, test } from "vitest";
import type { ImmediateBackend } from "../../src/backend/backend.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { type Estimator, labelOf } from "../../src/estimators/estimator.ts";
import { prepareGradient } from "../../src/estimators/gradient.ts";
import { estimators } from "../../src/estimators/registry.ts";
import { reinforce } from "../../src/estimators/reinforce.ts";
import { GeneratedDraws } from "../../src/network/draws.ts";
import type { LayerSpec, Units } from "../../src/network/network.ts";
import { type Credit, createPass, samplePass, shown } from "../../src/network/pass.ts";
import { createDecoder, elboObjective } from "../../src/objectives/elbo.ts";
import { mixedNetwork, numbers, randomProblem } from "../helpers.ts";

/** Per-example gradients of a layer formed one by one: [B][parameter], laid out as the block. */
function perExample(credits: Credit[], B: number, read: (m: never) => Float64Array): number[][] {
  return Array.from({ length: B }, (_, b) => {
    const { linear: layer } = credits[0];
    const gradient = new Array<number>(layer.block.columns).fill(0);
    for (const { g, pass } of credits) {
      const credit = read(g as never).subarray(b * layer.width, (b + 1) * layer.width);
      let place = 0;
      for (const { from, coding, weights } of layer.parents) {
        const x = read(shown(pass, from) as never).subarray(b * weights.rows, (b + 1) * weights.rows);
        for (const bit of x) {
          const value = coding === "plus-minus" ? 2 * bit - 1 : bit;
          for (const c of credit) gradient[place++] += value * c;
        }
      }
      for (const c of credit) gradient[place++] += c;
    }
    return gradient;
  });
}

test.each(["zero-one", "plus-minus"] as const)(
  "gradient and its variance equal those of per-example gradients, also with two terms an example (%s)",
  async (units) => {
    const backend = createReferenceBackend();
    const problem = randomProblem(backend, { ...mixedNetwork, units }, 6, 1);
    const prepared = reinforce.prepare(problem);
    const draws = new GeneratedDraws(backend, 3);
    draws.startStep(1);
    prepared.sample(draws);
    prepared.credit();
    // A second pass with its own credits makes a second term for every layer.
    const other = createPass(problem.network, problem.input, 1);
    samplePass(other, draws);
    const second = problem.network.layers.map((layer): Credit => {
      const g = backend.matrix(6, layer.width);
      backend.subtract(other.layers[layer.index].bits, other.layers[layer.index].p, g);
      return { linear: layer, g, pass: other };
    });
    for (const credits of [[...prepared.credits], [...prepared.credits, ...second]]) {
      const gradient = prepareGradient(backend, problem.network.layers, credits);
      const sums = backend.sums(2 * problem.network.layers.length);
      gradient.compute();
      gradient.addVariance(sums, 1);
      const totals = await backend.readSums(sums);
      problem.network.layers.forEach((layer) => {
        const each = perExample(
          credits.filter((credit) => credit.linear === layer),
          6,
          (m) => backend.readNow(m),
        );
        const block = backend.readNow(gradient.blocks[layer.index]);
        let variance = 0;
        block.forEach((mean, e) => {
          const exact = each.reduce((sum, g) => sum + g[e], 0) / 6;
          expect(mean).toBeCloseTo(exact, 12);
          variance += each.reduce((sum, g) => sum + (g[e] - exact) ** 2, 0) / 6;
        });
        expect(totals[2 * layer.index]).toBeCloseTo(variance, 12);
        expect(totals[2 * layer.index + 1]).toBe(0);
      });
    }
  },
);

test.each([4, 2])(
  "a gradient that is not finite is noted with its step, once (%i measured)",
  async (measured) => {
    const backend = createReferenceBackend();
    const problem = randomProblem(backend, mixedNetwork, 4, 1);
    const prepared = reinforce.prepare(problem);
    const gradient = prepareGradient(backend, problem.network.layers, prepared.credits, measured);
    const sums = backend.sums(8);
    backend.write(prepared.credits[0].g, [1]);
    backend.fill(prepared.credits[2].g, Number.NaN);
    gradient.compute();
    gradient.addVariance(sums, 17);
    gradient.addVariance(sums, 18);
    const totals = await backend.readSums(sums);
    expect([totals[1], totals[3], totals[5], totals[7]]).toEqual([0, 0, 17, 0]);
    expect(totals[0]).toBeGreaterThan(0);
    expect(Number.isNaN(totals[4])).toBe(measured > 2);
  },
);

const reference = createReferenceBackend();
const modules = [
  await createWasmBackend({ kernels: "portable" }),
  await createWasmBackend({ kernels: "relaxed" }),
];

/** Every estimator with its usual options, and with those of each variant. */
const all = estimators.flatMap((kind) => [
  ...(kind.variants.some(({ name }) => name === kind.name) ? [] : [kind as Estimator]),
  ...kind.variants.map(({ name: _, ...options }) => kind(options)),
]);

/** A problem of random numbers that an estimator can serve: skips and softmax units, as far as it takes them. */
function problemFor(
  { name, needs: { knows, bernoulli, singleUnit } }: Estimator,
  on: ImmediateBackend,
  units: Units,
) {
  const known = knows.some((one) => one !== "reward");
  const hidden = { kind: "softmax", units: 2, choices: 3, parents: [0, "input"] } as const;
  const layers: LayerSpec[] = singleUnit
    ? [{ kind: "bernoulli", units: 1 }]
    : [
        { kind: "bernoulli", units: 4 },
        bernoulli === undefined ? hidden : { kind: "bernoulli", units: 5, parents: [0, "input"] },
        known ? { kind: "bernoulli", units: 3 } : { kind: "softmax", units: 1, choices: 4, parents: [1, 0] },
      ];
  const problem = randomProblem(on, { inputs: 5, units, layers }, 9, 5);
  if (!known) return problem;
  const decoder = createDecoder(problem.network);
  for (const [i, { block }] of [...decoder.layers, decoder.prior].entries()) {
    on.write(block, numbers(50 + i, block.columns));
  }
  const entropy = ["vimco", "local-disarm"].includes(name) ? "sampled" : "analytic";
  return { ...problem, objective: elboObjective(problem.network, { decoder, entropy }) };
}

test.each(all.map((estimator) => [labelOf(estimator), estimator] as const))(
  "%s: wasm and reference agree on every credit",
  (_, estimator) => {
    for (const wasm of modules) {
      for (const units of ["zero-one", "plus-minus"] as const) {
        const credits = [reference, wasm].map((backend) => {
          const problem = problemFor(estimator, backend, units);
          const baseline = estimator.baseline ? 0.25 : "none";
          const prepared = estimator.prepare({ ...problem, baseline });
          const draws = new GeneratedDraws(backend, 8);
          draws.startStep(4);
          prepared.sample(draws);
          prepared.credit();
          const found = prepared.credits.map(({ g }) => backend.readNow(g));
          // The same draws, the same credits: nothing is left of the time before.
          prepared.credit();
          expect(prepared.credits.map(({ g }) => backend.readNow(g))).toEqual(found);
          return found;
        });
        credits[0].forEach((exact, term) => {
          const largest = exact.reduce((most, g) => Math.max(most, Math.abs(g)), 1);
          // Float32: a few roundings of numbers of that size.
          exact.forEach((g, e) => {
            expect(Math.abs(credits[1][term][e] - g)).toBeLessThan(4e-6 * largest);
          });
          expect(exact.some((g) => g !== 0)).toBe(true);
        });
      }
    }
  },
);

test.each([{ rows: 1 }, { rows: 3 }, { rows: 2, stride: 3 }])(
  "the variance is that of examples, whichever rows they are: %o",
  async (examples) => {
    const backend = createReferenceBackend();
    const problem = randomProblem(backend, mixedNetwork, 6, 1);
    const prepared = reinforce.prepare(problem);
    const draws = new GeneratedDraws(backend, 3);
    draws.startStep(1);
    prepared.sample(draws);
    prepared.credit();
    const { layers } = problem.network;
    const gradient = prepareGradient(backend, layers, prepared.credits, layers.length, examples);
    const sums = backend.sums(2 * layers.length);
    gradient.compute();
    gradient.addVariance(sums, 1);
    const totals = await backend.readSums(sums);
    const { rows, stride = 1 } = { stride: 1, ...examples };
    const count = 6 / rows;
    const rowsOf = (example: number) => {
      const first = stride === 1 ? example * rows : example;
      return Array.from({ length: rows }, (_, i) => first + i * stride);
    };
    for (const layer of layers) {
      const each = perExample([prepared.credits[layer.index]], 6, (m) => backend.readNow(m));
      const means = Array.from({ length: count }, (_, example) =>
        each[0].map((_, e) => rowsOf(example).reduce((sum, row) => sum + each[row][e], 0) / rows),
      );
      let variance = 0;
      each[0].forEach((_, e) => {
        const mean = means.reduce((sum, g) => sum + g[e], 0) / count;
        variance += means.reduce((sum, g) => sum + (g[e] - mean) ** 2, 0) / count;
      });
      expect(totals[2 * layer.index]).toBeCloseTo(variance, 12);
    }
    expect(() => prepareGradient(backend, layers, prepared.credits, layers.length, { rows: 4 })).toThrow(
      "6 rows make no examples of 4 rows that are 1 apart",
    );
  },
);
