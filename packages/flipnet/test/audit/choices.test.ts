// Samples of softmax units that depend on each other: unbiased, drawn as the enumeration has it, and of two choices what Bernoulli units have.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { audit, type FunctionReport } from "../../src/audit/audit.ts";
import { parseElboSpec } from "../../src/audit/elbo-spec.ts";
import { elboSubject } from "../../src/audit/elbo-subject.ts";
import type { FunctionSpec } from "../../src/audit/function-spec.ts";
import type { ImmediateBackend, Matrix, Outcome } from "../../src/backend/backend.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { parseEstimatorText } from "../../src/estimators/options.ts";
import { createEstimator } from "../../src/estimators/registry.ts";
import {
  antitheticChoices,
  balancedTree,
  prepareOrders,
  repellingChoices,
  sticks,
} from "../../src/network/choice-laws.ts";
import { GeneratedDraws } from "../../src/network/draws.ts";
import type { Law, Toss } from "../../src/network/laws.ts";
import { matrixOf, numbers } from "../helpers.ts";
import { flat, largestDifference } from "./compare.ts";
import { elboSpecs } from "./random-elbo.ts";
import { smallElbo } from "./small.ts";

const backend = createReferenceBackend();
const rows = (seed: number, units: number, inputs: number, size = 1.5) =>
  Array.from({ length: units }, (_, j) => numbers(seed + j, inputs, -size, size));

/** A softmax unit of so many choices, and one Bernoulli unit below or above it. */
const chain = (choices: number, softmaxFirst: boolean, units: FunctionSpec["units"]): FunctionSpec => {
  const softmax = { kind: "softmax" as const, choices };
  const widths = softmaxFirst ? [choices, 1] : [1, choices];
  return {
    units,
    layers: widths.map((width, l) => ({
      weights: rows(20 + 10 * l, width, l === 0 ? 2 : widths[0]),
      bias: numbers(40 + l, width),
      ...(softmaxFirst === (l === 0) && softmax),
    })),
    contexts: [[1, 1]],
    components: [
      { name: "both", reads: [0, 1], weights: rows(50, 2, choices + 1), bias: [0.3, -0.2], eta: "square" },
      { name: "one", reads: [0], weights: rows(60, 1, widths[0]), bias: [0.1], eta: "tanh" },
    ],
  };
};

describe("unbiased, and with less variance the more samples there are", () => {
  const asked = {
    "disarm-tree": [2, 4],
    "disarm-sb": [2, 4],
    carms: [2, 3, 4],
  };
  it.each(Object.entries(asked))("%s", (name, counts) => {
    const networks = [
      { spec: chain(3, false, "zero-one"), most: 4 },
      { spec: chain(3, true, "plus-minus"), most: 3 },
    ];
    for (const { spec, most } of networks) {
      const estimators = counts.filter((K) => K <= most).map((K) => `${name}:samples=${K}`);
      const report = audit(spec, { estimators, maximumStates: 2 ** 20 }).estimators;
      estimators.forEach((one, i) => {
        expect(report[one].bias, one).toBeLessThan(1e-12);
        if (i > 0) expect(report[one].meanVariance).toBeLessThan(report[estimators[i - 1]].meanVariance);
      });
    }
  });

  it("on random auto-encoders too, whose samples may be fresh", () => {
    const estimators = ["disarm-tree", "disarm-sb:resample=fresh", "carms:samples=2"];
    fc.assert(
      fc.property(elboSpecs(2, "chain", "mixed"), (spec) => {
        const report = audit({ ...spec, images: spec.images.slice(0, 1) }, { estimators }).estimators;
        for (const one of estimators) {
          expect(report[one].bias, one).toBeLessThan(1e-9);
          expect(report[one].decoderBias, one).toBeLessThan(1e-9);
        }
      }),
      { seed: 20261130, numRuns: 4 },
    );
  });
});

describe("ARSM", () => {
  it.each([
    ["zero-one", true],
    ["plus-minus", false],
  ] as const)(
    "is unbiased, units %s: largest |z| below 5, and the sum of squares as it should be",
    (units, softmaxFirst) => {
      const simulate = { samples: 4000, seed: 3 };
      const spec = chain(3, softmaxFirst, units);
      const { estimators, exact } = audit(spec, { estimators: ["arsm"], simulate }) as FunctionReport;
      const { mean, variance, largestZ } = estimators.arsm;
      expect(largestZ).toBeLessThan(5);
      const truths = flat(exact);
      const z2 = flat(mean).flatMap((value, e) => {
        const error = flat(variance)[e] / simulate.samples;
        return error > 0 ? [(value - truths[e]) ** 2 / error] : [];
      });
      // Not all of these are independent of each other: of that many degrees of freedom the mean of z^2 is 1.
      expect(z2.length).toBeGreaterThan(8);
      expect(z2.reduce((sum, one) => sum + one, 0) / z2.length).toBeLessThan(4);
    },
  );
});

/** The same function of the same units: three of two choices in place of three Bernoulli ones, or these. */
const threeCoins = (softmax: boolean): FunctionSpec => {
  const [weights, bias] = [rows(70, 3, 2), numbers(71, 3)];
  const [onto, constant] = [rows(75, 2, 3), numbers(76, 2)];
  const doubled = <T>(list: T[], zero: T) => (softmax ? list.flatMap((one) => [one, zero]) : list);
  return {
    units: "zero-one",
    layers: [
      {
        weights: doubled(weights, [0, 0]),
        bias: doubled(bias, 0),
        ...(softmax && { kind: "softmax" as const, choices: 2 }),
      },
    ],
    contexts: [[1, 1]],
    components: [
      { name: "f", reads: [0], weights: onto.map((row) => doubled(row, 0)), bias: constant, eta: "square" },
    ],
  };
};

describe("two choices are a Bernoulli unit", () => {
  it.each([
    ["disarm-tree", "disarm"],
    ["disarm-sb", "disarm"],
    ["carms:samples=2", "disarm"],
    ["carms:samples=3", "arms:samples=3"],
    ["carms:samples=4", "arms:samples=4"],
  ])("%s has the variances of %s", (ofChoices, ofBernoulli) => {
    const run = (name: string, softmax: boolean) =>
      (audit(threeCoins(softmax), { estimators: [name], maximumStates: 2 ** 20 }) as FunctionReport)
        .estimators[name];
    const [one, other] = [run(ofChoices, true), run(ofBernoulli, false)];
    expect(one.bias).toBeLessThan(1e-12);
    // Six weights and three biases; of two choices every other column is the other choice's.
    const expected = flat(other.variance);
    const found = flat(one.variance);
    const own = [0, 1, 4, 5, 8, 9, 12, 14, 16].map((e) => found[e]);
    expect(expected).toHaveLength(9);
    expect(largestDifference([own], [expected])).toBeLessThan(1e-12);
  });

  it.each([
    ["disarm-tree", "disarm"],
    ["disarm-sb:samples=4", "disarm:samples=4"],
    ["carms:samples=3", "arms:samples=3"],
    ["arsm", "arm"],
  ])("%s on Bernoulli units is %s, credit by credit", (one, other) => {
    const credits = (text: string) => {
      const subject = elboSubject(backend, parseElboSpec(smallElbo()));
      const draws = new GeneratedDraws(backend, 3);
      draws.startStep(1);
      const choose = () => Int32Array.from({ length: 8 }, (_, b) => b % 2);
      const estimator = createEstimator(parseEstimatorText(text));
      const trial = subject.prepare(estimator, { choose, draw: draws.draw.bind(draws) }, 8);
      trial.run();
      return trial.prepared.credits.flatMap(({ g }) => [...backend.readNow(g)]);
    };
    const [a, b] = [credits(one), credits(other)];
    expect(a.some((g) => Math.abs(g) > 0.01)).toBe(true);
    expect(a).toEqual(b);
  });
});

describe("as drawn, all samples are as the enumeration has it", () => {
  const p = [0.1, 0.02, 0.5, 0.38];
  const cases: [string, number, (on: ImmediateBackend, outcome: Outcome, others: Matrix[]) => Law][] = [
    ["a tree", 2, (on, outcome, [second]) => antitheticChoices(on, outcome, second, balancedTree(4))],
    ["a stick", 2, (on, outcome, [second]) => antitheticChoices(on, outcome, second, sticks(4))],
    ...[2, 3, 4].map(
      (K) =>
        [
          `${K} that repel each other`,
          K,
          (on: ImmediateBackend, outcome: Outcome, others: Matrix[]) =>
            repellingChoices(on, outcome, others, prepareOrders(4, K)),
        ] as never,
    ),
  ];
  it.each(cases)("%s", (_, K, lawOf) => {
    /** K samples of one unit on so many rows. */
    const bind = (rows: number) => {
      const matrix = () => matrixOf(backend, rows, Array(rows).fill(p).flat());
      const own = matrix();
      const outcome = { kind: "softmax" as const, choices: 4, logits: own, p: own, q: own, bits: matrix() };
      const others = Array.from({ length: K - 1 }, matrix);
      return { law: lawOf(backend, outcome, others), samples: [outcome.bits, ...others] };
    };
    // Row by row all that can happen.
    const states = 4 ** K;
    const all = bind(states);
    let step = 1;
    const tosses: Toss[] = [];
    all.law.enumerate!((_, units, sides) => {
      expect([units, sides]).toEqual([1, 4]);
      const outcomes = Int32Array.from({ length: states }, (_, state) => Math.floor(state / step) % 4);
      step *= 4;
      tosses.push({ outcomes, probability: new Float64Array(states).fill(1 / 4) });
      return tosses[tosses.length - 1];
    });
    const exactly = Array.from({ length: states }, (_, s) =>
      tosses.reduce((product, { probability }) => product * probability[s], 1),
    );
    expect(exactly.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
    // Drawn.
    const rows = 4000;
    const drawn = bind(rows);
    const uniforms = backend.matrix(drawn.law.rows, drawn.law.columns);
    backend.write(uniforms, numbers(7 + K, drawn.law.rows * drawn.law.columns, 0, 1));
    drawn.law.fromUniforms(uniforms);
    const counts = Array(states).fill(0);
    const samples = drawn.samples.map((bits) => backend.readNow(bits));
    for (let b = 0; b < rows; b++) {
      let state = 0;
      samples.forEach((bits, k) => {
        state += 4 ** k * bits.subarray(4 * b, 4 * b + 4).indexOf(1);
      });
      counts[state]++;
    }
    let [chiSquare, cells] = [0, 0];
    counts.forEach((count, s) => {
      const expected = rows * exactly[s];
      if (expected < 1e-3) expect(count, `state ${s}`).toBe(0);
      else if (expected > 5) {
        chiSquare += (count - expected) ** 2 / expected;
        cells++;
      }
    });
    // Of n degrees of freedom: mean n, variance 2 n; five standard deviations.
    expect(chiSquare).toBeLessThan(cells + 5 * Math.sqrt(2 * cells));
  });
});
