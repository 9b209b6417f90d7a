// Trainings that go back, and what is seen of them.

import { describe, expect, it } from "vitest";
import { audit } from "../../flipnet/src/audit/audit.ts";
import { exactBandit } from "../../flipnet/src/audit/bandit-exact.ts";
import { parseBanditSpec } from "../../flipnet/src/audit/bandit-spec.ts";
import { packedDigits } from "../build/digits.mjs";
import { Lane } from "../src/network/lane.ts";
import { cloudOf, layersOf, lookAtOwn, seenBy, specOf, unitOf, walkOf } from "../src/network/look.ts";
import { batchSize, board, type Setting, type TaskName, words } from "../src/network/spec.ts";
import { unpacked } from "../src/shared/digits.ts";

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
    const layers = layersOf(lane, seenBy(lane, 2));
    const before = await stateOf(lane);
    await lane.goTo(107);
    expect(await stateOf(lane)).not.toBe(before);
    await lane.goTo(7);
    expect(await stateOf(lane)).toBe(before);
    expect(layersOf(lane, seenBy(lane, 2))).toEqual(layers);
    // And one that was never further has the same.
    const fresh = await Lane.open(small, name);
    await fresh.goTo(7);
    expect(await stateOf(fresh)).toBe(before);
  });

  it("has the posterior of a coin by hand, from which the library's credit follows", async () => {
    const lane = await Lane.open({ ...small, baseline: "none" }, "hnca");
    await lane.goTo(40);
    for (let row = 0; row < batchSize; row++) {
      const seen = seenBy(lane, row);
      const layers = layersOf(lane, seen);
      const reward = lane.backend.readNow(lane.learner.estimator.evaluation.components[0].value)[row];
      for (const [l, j] of [
        [0, 0],
        [0, 3],
        [1, 2],
        [2, 0],
      ] as const) {
        const { prior, posterior, credit } = unitOf(lane, layers, seen, [l, j], words.xor)!;
        expect(credit).toBeCloseTo(reward * (posterior - prior), 4);
      }
    }
  });

  it.each<{ task: TaskName; hidden: number[] }>([
    { task: "digits", hidden: [4] },
    { task: "digits", hidden: [3, 4] },
    { task: "walk", hidden: [4, 3] },
  ])(
    "of $task through $hidden goes back, and its posteriors by hand give the library's credit",
    async (one) => {
      const digits = unpacked(await packedDigits());
      const setting: Setting = { ...small, ...one, baseline: "none" };
      const lane = await Lane.open(setting, "hnca", digits);
      await lane.goTo(4);
      const before = await stateOf(lane);
      await lane.goTo(29);
      await lane.goTo(4);
      expect(await stateOf(lane)).toBe(before);
      const look = (seen: Parameters<typeof layersOf>[1]) => {
        const layers = layersOf(lane, seen);
        const reward = seen.prepared.evaluation.components.map(
          ({ value }) => lane.backend.readNow(value)[seen.row],
        )[0];
        for (const l of setting.hidden.keys()) {
          const { prior, posterior, credit } = unitOf(lane, layers, seen, [l, 1], words[one.task])!;
          expect(credit).toBeCloseTo(reward * (posterior - prior), 4);
        }
      };
      for (const row of [0, 9, 31]) look(seenBy(lane, row));
      if (one.task === "digits") {
        const pixels = [...digits.images.subarray(196 * 750, 196 * 751)].map((byte) => byte / 255);
        for (const means of words.digits.keys()) lookAtOwn(lane, { pixels, means }, 1, look);
      } else {
        // Every moment of an episode is in one walk, from cell to neighbouring cell.
        const { cells } = walkOf(lane, 3);
        expect(cells.length).toBeGreaterThan(1);
        for (let t = 1; t < cells.length; t++) {
          const [a, b] = [cells[t - 1], cells[t]];
          const moved =
            Math.abs(Math.floor(a / board.size) - Math.floor(b / board.size)) +
            Math.abs((a % board.size) - (b % board.size));
          expect(moved).toBeLessThanOrEqual(1);
        }
        expect(walkOf(lane, 3 + 8 * 15).at).toBeLessThan(cells.length);
      }
    },
  );

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
