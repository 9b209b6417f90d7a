import { describe, expect, it } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { type BanditSpec, parseBanditSpec } from "../../src/audit/bandit-spec.ts";
import { banditSubject } from "../../src/audit/bandit-subject.ts";
import { NotEnumerable } from "../../src/audit/enumeration.ts";
import { parseFunctionSpec } from "../../src/audit/function-spec.ts";
import { functionSubject } from "../../src/audit/function-subject.ts";
import { worldsOf } from "../../src/audit/worlds.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createEstimator } from "../../src/estimators/registry.ts";
import { smallFunction } from "./small.ts";

/** Two coins that a third listens to, which acts. */
const coins: BanditSpec = {
  units: "zero-one",
  layers: [
    { weights: [[0], [0]], bias: [0.4, -0.3] },
    { kind: "bernoulli", weights: [[1.5, -0.8]], bias: [0.2] },
  ],
  contexts: [[1]],
  reward: [[0.2, 1]],
};
const bandit = () => banditSubject(createReferenceBackend(), parseBanditSpec(coins));
const sigmoid = (l: number) => 1 / (1 + Math.exp(-l));

describe("the worlds of three coins", () => {
  it("are eight, each with its probability and what a credit is by hand", () => {
    const worlds = worldsOf(bandit(), createEstimator({ name: "hnca" }));
    expect(worlds.map(({ bits }) => bits.flat().join(""))).toEqual(
      Array.from({ length: 8 }, (_, k) => k.toString(2).padStart(3, "0")),
    );
    const { probability, credit } = worlds[5]; // The first on, the second off, the third on.
    const on = [sigmoid(0.4), sigmoid(-0.3), sigmoid(0.2 + 1.5)];
    expect(probability).toBeCloseTo(on[0] * (1 - on[1]) * on[2], 12);
    const posterior = (on[0] * on[2]) / (on[0] * on[2] + (1 - on[0]) * sigmoid(0.2));
    expect(credit[0][0]).toBeCloseTo(posterior - on[0], 12);
    expect(credit[1][0]).toBeCloseTo(1 - on[2], 12);
  });

  it.each(["reinforce", "hnca", "nvil"])("of %s have the audit's mean and variance", (name) => {
    const worlds = worldsOf(bandit(), createEstimator({ name }));
    const { mean, variance } = audit(coins, { estimators: [name] }).estimators[name];
    for (const [l, j] of [
      [0, 0],
      [0, 1],
      [1, 0],
    ]) {
      const sum = (f: (world: (typeof worlds)[number]) => number) =>
        worlds.reduce((total, world) => total + world.probability * f(world), 0);
      const average = sum(({ credit }) => credit[l][j]);
      expect(average).toBeCloseTo((mean[2 * l + 1] as number[])[j], 12);
      const square = sum(({ credit, spread }) => credit[l][j] ** 2 + spread[l][j]);
      expect(square - average ** 2).toBeCloseTo((variance[2 * l + 1] as number[])[j], 12);
    }
  });
});

it("an estimator that draws more than its pass has a spread within a world, and the audit's mean over all", () => {
  const spec = smallFunction("zero-one");
  const subject = functionSubject(createReferenceBackend(), parseFunctionSpec(spec));
  const worlds = worldsOf(subject, createEstimator({ name: "disarm" }));
  const { mean, variance } = audit(spec, { estimators: ["disarm"] }).estimators.disarm;
  expect(worlds.some(({ spread }) => spread[0][0] > 1e-3)).toBe(true);
  let [average, square] = [0, 0];
  for (const { probability, credit, spread } of worlds) {
    average += probability * credit[0][0];
    square += probability * (credit[0][0] ** 2 + spread[0][0]);
  }
  expect(average).toBeCloseTo((mean[1] as number[])[0], 12);
  expect(square - average ** 2).toBeCloseTo((variance[1] as number[])[0], 12);
});

it("refuses what has no end of outcomes", () => {
  const subject = functionSubject(createReferenceBackend(), parseFunctionSpec(smallFunction("zero-one")));
  expect(() => worldsOf(subject, createEstimator({ name: "concrete" }))).toThrow(NotEnumerable);
});
