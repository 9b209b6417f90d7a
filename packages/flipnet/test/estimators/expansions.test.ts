// f-hnca-linear and muprop-quadratic: unbiased with any number of samples, on any graph and in both codings; and with as
// little variance as their control variates promise. A wrong control variate is unbiased too, so it is the order that tells:
// with weights of size s, what is left of a layer's variance is a power of s.
import fc from "fast-check";
import { expect, test } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { goldenElbo } from "../audit/golden.ts";
import { elboSpecs } from "../audit/random-elbo.ts";
import { functionSpecs } from "../audit/random-function.ts";

const [linear, quadratic] = ["f-hnca-linear", "muprop-quadratic"];

test.each([
  ["elbo-1-layer", [linear, quadratic]],
  ["elbo-2-layer", [linear, `${linear}:samples=2`, quadratic]],
  ["elbo-3-layer", [linear, quadratic]],
])("%s: unbiased, with less variance than f-HNCA", (name, estimators) => {
  const { estimators: found } = audit(goldenElbo(name), { estimators: ["f-hnca", ...estimators] });
  for (const [one, { bias, meanVariance }] of Object.entries(found)) {
    expect(bias, one).toBeLessThan(1e-12);
    if (one !== "f-hnca") expect(meanVariance, one).toBeLessThan(found["f-hnca"].meanVariance);
  }
});

test("three layers, two and three samples", () => {
  const weights = (rows: number, columns: number, seed: number) =>
    Array.from({ length: rows }, (_, i) =>
      Array.from({ length: columns }, (_, j) => 2 * Math.sin(seed + 3 * i + 7 * j)),
    );
  const layer = (rows: number, columns: number, seed: number) => ({
    weights: weights(rows, columns, seed),
    bias: weights(1, rows, seed + 0.5)[0],
  });
  const spec = {
    encoder: [layer(2, 2, 1), layer(1, 2, 2), layer(1, 1, 3)],
    decoder: [layer(1, 1, 4), layer(2, 1, 5), layer(2, 2, 6)],
    prior: [0.7],
    images: [[1, 0]],
  };
  const { estimators } = audit(spec, { estimators: [1, 2, 3].map((K) => `${linear}:samples=${K}`) });
  const [one, two, three] = Object.values(estimators);
  for (const { bias } of [one, two, three]) expect(bias).toBeLessThan(1e-12);
  expect(two.meanVariance).toBeLessThan(one.meanVariance);
  expect(three.meanVariance).toBeLessThan(two.meanVariance);
});

test("unbiased on any graph, with sampled entropies, with a baseline", () => {
  fc.assert(
    fc.property(elboSpecs(3), elboSpecs(3, "skips"), (chain, graph) => {
      for (const spec of [chain, graph]) {
        const { estimators } = audit(spec, { estimators: [linear, quadratic] });
        for (const [name, { bias }] of Object.entries(estimators)) expect(bias, name).toBeLessThan(1e-9);
      }
    }),
    { seed: 20261130, numRuns: 8 },
  );
});

test("unbiased on functions of Bernoulli units of both codings", () => {
  const codings = new Set<string>();
  fc.assert(
    fc.property(functionSpecs(true), (spec) => {
      // A table has no slopes.
      fc.pre(spec.components.every((component) => !("values" in component)));
      codings.add(spec.units);
      const { estimators } = audit(spec, { estimators: [linear, quadratic] });
      for (const [name, { bias }] of Object.entries(estimators)) expect(bias, name).toBeLessThan(1e-9);
    }),
    { seed: 20261130, numRuns: 8 },
  );
  expect([...codings].sort()).toEqual(["plus-minus", "zero-one"]);
});

test.each([
  // The layer's other units are left to first order by f-HNCA, to second by MuProp, to third where there is a Hessian.
  [1, { "f-hnca": 4, muprop: 4, [quadratic]: 5, [linear]: 5 }],
  // The children to first order by f-HNCA, to second by the others.
  [2, { "f-hnca": 2, [quadratic]: 4, [linear]: 4 }],
  [3, { "f-hnca": 2, [quadratic]: 4, [linear]: 4 }],
])("%i layers: the first layer's variance on one image falls as a power of the weights", (layers, orders) => {
  const { baseline: _, ...spec } = goldenElbo(`elbo-${layers}-layer`);
  const scale = <T extends { weights: readonly (readonly number[])[] }>(list: readonly T[], s: number) =>
    list.map((layer) => ({ ...layer, weights: layer.weights.map((row) => row.map((w) => s * w)) }));
  const variances = (s: number) => {
    const { estimators } = audit(
      { ...spec, encoder: scale(spec.encoder, s), decoder: scale(spec.decoder, s), images: [spec.images[0]] },
      { estimators: Object.keys(orders) },
    );
    return Object.entries(estimators).map(([name, { variance }]) => ({
      name,
      variance: variance[0].flat().reduce((sum, one) => sum + one, 0),
    }));
  };
  const [half, quarter] = [0.1, 0.05].map(variances);
  half.forEach(({ name, variance }, i) => {
    const order = Math.log2(variance / quarter[i].variance);
    expect(order, name).toBeGreaterThan(orders[name as keyof typeof orders]! - 0.2);
    if (name === "f-hnca") expect(order).toBeLessThan(orders[name]! + 0.2);
  });
});
