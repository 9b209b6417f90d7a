// What the audit finds about the rules of the Weight Maximization paper.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import type { BanditSpec } from "../../src/audit/bandit-spec.ts";
import type { ParameterArrays } from "../../src/audit/layout.ts";
import { classification } from "../../src/estimators/classification.ts";
import type { Estimator } from "../../src/estimators/estimator.ts";
import { rewardPenalty } from "../../src/estimators/reward-penalty.ts";
import { straightThrough } from "../../src/estimators/straight-through.ts";
import { weightMax } from "../../src/estimators/weight-max.ts";
import { weightMaxUnbiased } from "../../src/estimators/weight-max-unbiased.ts";
import { numbers } from "../helpers.ts";
import { flat } from "./compare.ts";
import { banditSpecs } from "./random-spec.ts";

/** An estimator with its options settled, under a name of its own. */
const having = (estimator: Estimator, name = "rule"): Estimator => ({
  ...estimator,
  name,
  takes: {},
  options: {},
});

/** A chain with random parameters: weights times `weights`, biases times `biases`; inputs -1 and +1. */
function network(
  units: BanditSpec["units"],
  kind: "bernoulli" | "softmax",
  { weights = 1, biases = 1, widths = [2, 3, 3], seed = 3 },
): BanditSpec {
  const actions = kind === "softmax" ? 3 : 1;
  const shapes = [...widths.slice(1), actions];
  return {
    units,
    layers: shapes.map((rows, l) => ({
      kind: l === shapes.length - 1 ? kind : "bernoulli",
      weights: Array.from({ length: rows }, (_, j) =>
        numbers(seed + 10 * l + j, [...widths, actions][l], -weights, weights),
      ),
      bias: numbers(seed + 7 * l, rows, 0.3 * biases, biases),
    })),
    contexts: [
      [-1, 1],
      [1, 1],
      [1, -1],
    ],
    reward: [1, 2, 3].map((c) => numbers(seed + 90 + c, Math.max(2, actions))),
  };
}

const hiddenRules = {
  reinforce: { hiddenRule: "reinforce" },
  "direct-gradient": { hiddenRule: "direct-gradient" },
} as const;

/** Size of the error of a layer's mean over the size of its exact gradient. */
function relativeBias(spec: BanditSpec, estimator: Estimator, layer: number): number {
  const { exact, estimators } = audit(spec, { estimators: [estimator] });
  const part = (arrays: ParameterArrays) => flat(arrays.slice(2 * layer, 2 * layer + 2));
  const [mean, truth] = [part(estimators[estimator.name].mean), part(exact)];
  return Math.hypot(...mean.map((value, e) => value - truth[e])) / Math.hypot(...truth);
}

describe("theorem 1: the bias goes with the weights", () => {
  const cases = (["reinforce", "direct-gradient"] as const).flatMap((rule) =>
    (["plus-minus", "zero-one"] as const).flatMap((units) =>
      (["bernoulli", "softmax"] as const).map((kind) => ({ rule, units, kind })),
    ),
  );

  // What a unit's flip changes, f(w) - f(w'), is estimated from slopes of f. REINFORCE on {-1,+1} units takes the mean
  // of both ends' slopes, which is right to second order. Straight-through weighs them with p and q, which agree where
  // the biases shrink. {0,1} units with REINFORCE know one end only: a first-order error, unless f has no curvature,
  // as a Bernoulli output at p = 1/2 has none; a softmax of three has.
  const shrunkSlope = ({ rule, units, kind }: (typeof cases)[number]) =>
    rule === "reinforce" && units === "zero-one" && kind === "softmax" ? 1 : 2;
  const fixedSlope = ({ rule, units }: (typeof cases)[number]) =>
    rule === "reinforce" && units === "plus-minus" ? 2 : 1;

  it.each(cases)("$rule, $units units, $kind output: the slope as the weights are halved", (one) => {
    const { rule, units, kind } = one;
    const estimator = having(weightMax(hiddenRules[rule]));
    const slope = (shrinkBiases: boolean, layer: number) => {
      const at = (weights: number) =>
        relativeBias(network(units, kind, { weights, biases: shrinkBiases ? weights : 1 }), estimator, layer);
      return Math.log2(at(2 ** -7) / at(2 ** -8));
    };
    for (const layer of [0, 1]) {
      expect(slope(true, layer)).toBeCloseTo(shrunkSlope(one), 1);
      expect(slope(false, layer)).toBeCloseTo(fixedSlope(one), 1);
    }
  });

  it("classification does not follow the gradient, however small the weights", () => {
    const estimator = having(weightMax({ hiddenRule: "classification" }));
    for (const kind of ["bernoulli", "softmax"] as const) {
      expect(relativeBias(network("plus-minus", kind, { weights: 2 ** -8 }), estimator, 0)).toBeGreaterThan(
        0.1,
      );
    }
  });

  it("the exact change of the norm is the approximate one at a small learning rate", () => {
    const spec = network("plus-minus", "bernoulli", {});
    const { estimators } = audit(spec, {
      estimators: [
        having(weightMax({}), "approximate"),
        having(weightMax({ normChange: "exact", normRate: 1e-7 }), "small"),
        having(weightMax({ normChange: "exact", normRate: 0.5 }), "large"),
      ],
    });
    const [near, small, large] = ["approximate", "small", "large"].map((name) => flat(estimators[name].mean));
    const apart = (other: number[]) => Math.max(...near.map((value, e) => Math.abs(value - other[e])));
    expect(apart(small)).toBeLessThan(1e-6);
    expect(apart(large)).toBeGreaterThan(1e-3);
  });
});

describe("random small networks", () => {
  it("the product form is unbiased, and HNCA has no more variance in any parameter", () => {
    let served = 0;
    fc.assert(
      fc.property(banditSpecs, (spec) => {
        const softmaxHidden = spec.layers.slice(0, -1).some(({ kind }) => kind === "softmax");
        if (softmaxHidden) return;
        served++;
        const { estimators } = audit(spec, { estimators: [weightMaxUnbiased, "hnca"] });
        const { bias, variance } = estimators["weight-max-unbiased"];
        const size = Math.max(1, ...flat(variance).map(Math.sqrt));
        expect(bias / size).toBeLessThan(1e-9);
        const [above, below] = [flat(variance), flat(estimators.hnca.variance)];
        for (let e = 0; e < above.length; e++) {
          expect(below[e]).toBeLessThanOrEqual(above[e] * (1 + 1e-9) + 1e-12);
        }
      }),
      { seed: 20260802, numRuns: 120 },
    );
    expect(served).toBeGreaterThan(40);
  });

  it("weight-max learns its output as REINFORCE does, and direct gradient is straight-through", () => {
    fc.assert(
      fc.property(banditSpecs, (spec) => {
        if (spec.layers.slice(0, -1).some(({ kind }) => kind === "softmax")) return;
        const rules = [
          having(weightMax({ hiddenRule: "direct-gradient" }), "direct"),
          having(weightMax({}), "score"),
        ];
        const { estimators } = audit(spec, { estimators: ["reinforce", straightThrough, ...rules] });
        const last = (name: string) => flat(estimators[name].mean.slice(-2));
        for (const name of ["straight-through", "direct", "score"]) {
          last(name).forEach((value, e) => {
            expect(value).toBeCloseTo(last("reinforce")[e], 12);
          });
        }
        const [one, other] = [flat(estimators.direct.mean), flat(estimators["straight-through"].mean)];
        one.forEach((value, e) => {
          expect(value).toBeCloseTo(other[e], 12);
        });
      }),
      { seed: 20260803, numRuns: 60 },
    );
  });

  it("straight-through is unbiased under a function that is linear in each unit, softmax units too", () => {
    // One hidden layer, and an output so close to linear that its curvature is beyond float64.
    const spec: BanditSpec = {
      units: "plus-minus",
      layers: [
        { kind: "softmax", choices: 3, weights: [[0.4], [-0.7], [1.1]], bias: [0.2, -0.3, 0.5] },
        { kind: "bernoulli", weights: [[1e-6, -2e-6, 3e-6]], bias: [0.4] },
      ],
      contexts: [[1], [-1]],
      reward: [
        [0.3, 1],
        [1, -0.2],
      ],
    };
    const { estimators, exact } = audit(spec, { estimators: [straightThrough] });
    const [mean, truth] = [estimators["straight-through"].mean, exact].map((arrays) =>
      flat(arrays.slice(0, 2)),
    );
    const size = Math.max(...truth.map(Math.abs));
    for (const [e, value] of mean.entries()) expect(Math.abs(value - truth[e]) / size).toBeLessThan(1e-5);
  });
});

describe("rules for one unit", () => {
  /** One unit; `random` of the rewards flips a fair coin. */
  const unit = (kind: "bernoulli" | "softmax", random = false): BanditSpec => ({
    units: "plus-minus",
    layers: [
      {
        kind,
        weights:
          kind === "softmax"
            ? [
                [0.4, -0.2],
                [-0.5, 0.9],
              ]
            : [[0.4, -0.7]],
        bias: kind === "softmax" ? [0.1, -0.3] : [0.25],
      },
    ],
    contexts: [
      [1, -1],
      [-1, -1],
    ],
    reward: [
      [-1, random ? { values: [-1, 1], probabilities: [0.3, 0.7] } : 1],
      [1, -1],
    ],
  });

  it.each(["bernoulli", "softmax"] as const)(
    "A_R-P is unbiased where lambda is 0, biased elsewhere: %s",
    (kind) => {
      for (const random of [false, true]) {
        const rules = [0, 0.1, 1].map((lambda) => having(rewardPenalty({ lambda }), `lambda ${lambda}`));
        const { estimators } = audit(unit(kind, random), { estimators: rules });
        expect(estimators["lambda 0"].bias).toBeLessThan(1e-15);
        expect(estimators["lambda 0.1"].bias).toBeGreaterThan(1e-3);
        expect(estimators["lambda 1"].bias).toBeGreaterThan(estimators["lambda 0.1"].bias);
      }
    },
  );

  it("classification climbs the log-likelihood of the better action (4)", () => {
    const spec = unit("bernoulli");
    const { estimators } = audit(spec, { estimators: [classification] });
    // Action 1 is right in the first context, action 0 in the second.
    const expected = [0, 0, 0];
    spec.contexts.forEach(([x, y], c) => {
      const p = 1 / (1 + Math.exp(-(0.4 * x - 0.7 * y + 0.25)));
      [x, y, 1].forEach((value, e) => {
        expected[e] += ((c === 0 ? 1 : 0) - p) * value * 0.5;
      });
    });
    flat(estimators.classification.mean).forEach((value, e) => {
      expect(value).toBeCloseTo(expected[e], 14);
    });
  });
});
