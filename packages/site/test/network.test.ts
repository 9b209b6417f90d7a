// Trainings that go back, and what is seen of them.

import { describe, expect, it } from "vitest";
import { audit } from "../../flipnet/src/audit/audit.ts";
import { exactBandit } from "../../flipnet/src/audit/bandit-exact.ts";
import { parseBanditSpec } from "../../flipnet/src/audit/bandit-spec.ts";
import { Lane } from "../src/network/lane.ts";
import { cloudOf, layersOf, specOf, unitOf } from "../src/network/look.ts";
import { batchSize, type Setting } from "../src/network/spec.ts";

const small: Setting = {
  task: "xor",
  hidden: [4, 3],
  estimators: ["reinforce", "hnca"],
  rate: 0.03,
  baseline: "running-average",
  seed: 3,
};
/** A training's parameters and what it remembers, as text. */
const stateOf = async (lane: Lane) =>
  JSON.stringify(Object.entries(await lane.learner.tensors()).map(([name, { data }]) => [name, [...data]]));

describe("a training", () => {
  it.each(["hnca", "reinforce", "nvil"])("of %s goes back to the bits that it came from", async (name) => {
    const lane = await Lane.open(small, name);
    await lane.goTo(7);
    const layers = layersOf(lane, 2);
    const before = await stateOf(lane);
    await lane.goTo(107);
    expect(await stateOf(lane)).not.toBe(before);
    await lane.goTo(7);
    expect(await stateOf(lane)).toBe(before);
    expect(layersOf(lane, 2)).toEqual(layers);
    // And one that was never further has the same.
    const fresh = await Lane.open(small, name);
    await fresh.goTo(7);
    expect(await stateOf(fresh)).toBe(before);
  });

  it("has the posterior of a coin by hand, from which the library's credit follows", async () => {
    const lane = await Lane.open({ ...small, baseline: "none" }, "hnca");
    await lane.goTo(40);
    for (let row = 0; row < batchSize; row++) {
      const layers = layersOf(lane, row);
      const reward = lane.backend.readNow(lane.learner.estimator.evaluation.components[0].value)[row];
      for (const [l, j] of [
        [0, 0],
        [0, 3],
        [1, 2],
        [2, 0],
      ] as const) {
        const { prior, posterior, credit } = unitOf(lane, layers, row, [l, j])!;
        expect(credit).toBeCloseTo(reward * (posterior - prior), 4);
      }
    }
  });

  it("has a cloud about the exact gradient, which is the audit's", async () => {
    const lane = await Lane.open({ ...small, baseline: "none" }, "hnca");
    await lane.goTo(20);
    const input = [0.5, -0.3];
    const { points, truth, drawn } = cloudOf(lane, input, 0, 1);
    expect(drawn).toBeUndefined();
    const spec = specOf(lane, input, 0);
    const gradient = exactBandit(parseBanditSpec(spec)).flatMap(({ weights, bias }) => [
      ...weights.flat(),
      ...bias,
    ]);
    expect(truth).toBeCloseTo(Math.hypot(...gradient), 10);
    const report = audit(spec, { estimators: ["hnca"] });
    expect(report.estimators.hnca.bias).toBeLessThan(1e-6);
    // 200 draws: within four standard errors along the gradient, seed fixed.
    const mean = points.reduce((sum, [along]) => sum + along / 200, 0);
    const variance = points.reduce((sum, [along]) => sum + (along - mean) ** 2 / 199, 0);
    expect(Math.abs(mean - truth)).toBeLessThan(4 * Math.sqrt(variance / 200));
  });
});
