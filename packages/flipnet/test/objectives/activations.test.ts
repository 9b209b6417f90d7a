// Functions of a logit and a target, as they stand: their slopes are their derivatives, far out as well.

import { expect, test } from "vitest";
import { softplus } from "../../src/backend/softplus.ts";
import { type Activation, entropy, logLikelihood, surprisal } from "../../src/objectives/activations.ts";

const sigmoid = (l: number) => 1 / (1 + Math.exp(-l));
const log = (p: number) => (p === 0 ? 0 : Math.log(p));

const functions: [string, Activation, (l: number, t: number) => number][] = [
  ["log likelihood", logLikelihood, (l, t) => t * Math.log(sigmoid(l)) + (1 - t) * Math.log(sigmoid(-l))],
  ["surprisal", surprisal, (l, t) => -t * Math.log(sigmoid(l)) - (1 - t) * Math.log(sigmoid(-l))],
  ["entropy", entropy, (l) => -sigmoid(l) * log(sigmoid(l)) - sigmoid(-l) * log(sigmoid(-l))],
];

test.each(functions)(
  "%s: its value, and its slopes as derivatives",
  (_, { value, slope, targetSlope }, exact) => {
    for (const l of [-30, -2, -0.5, 0, 0.3, 2, 30]) {
      for (const t of [0, 0.25, 1]) {
        expect(value(l, t)).toBeCloseTo(exact(l, t), 9);
        const h = 1e-5;
        expect(slope!(l, t)).toBeCloseTo((value(l + h, t) - value(l - h, t)) / (2 * h), 8);
        if (targetSlope === undefined) continue;
        expect(targetSlope(l, t)).toBeCloseTo((value(l, t + h) - value(l, t - h)) / (2 * h), 8);
      }
    }
  },
);

test.each(functions)("%s stays finite at any logit", (_, { value, slope }) => {
  for (const l of [-1e4, -800, 800, 1e4]) {
    for (const t of [0, 1]) {
      expect(Number.isFinite(value(l, t))).toBe(true);
      expect(Math.abs(slope!(l, t))).toBeLessThanOrEqual(1);
    }
  }
  expect(softplus(1e4)).toBe(1e4);
  expect(softplus(-1e4)).toBe(0);
});
