// The rules of the Weight Maximization paper against its equations written out, its lemmas and its second theorem.
import { describe, expect, test } from "vitest";
import type { ImmediateBackend } from "../../src/backend/backend.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { classification } from "../../src/estimators/classification.ts";
import type { Estimator, PreparedEstimator, Problem } from "../../src/estimators/estimator.ts";
import { fHnca } from "../../src/estimators/f-hnca.ts";
import { reinforce } from "../../src/estimators/reinforce.ts";
import { rewardPenalty } from "../../src/estimators/reward-penalty.ts";
import { straightThrough } from "../../src/estimators/straight-through.ts";
import { weightMax, weightMaxScales } from "../../src/estimators/weight-max.ts";
import { GivenDraws } from "../../src/network/draws.ts";
import type { LayerSpec, NetworkSpec } from "../../src/network/network.ts";
import { knownRewardObjective } from "../../src/objectives/reward.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { withL2 } from "../../src/optimizers/l2.ts";
import { Learner } from "../../src/training/learner.ts";
import { bits, matrixOf, numbers, randomProblem } from "../helpers.ts";
import { type Example, paperUpdate, potentials, sigma } from "./weight-max-paper.ts";

const backend = createReferenceBackend();
const rows = 6;

const chain = (widths: number[], output: LayerSpec = { kind: "bernoulli", units: 1 }): NetworkSpec => ({
  inputs: widths[0],
  inputKind: "signs",
  units: "plus-minus",
  layers: [...widths.slice(1).map((units): LayerSpec => ({ kind: "bernoulli", units })), output],
});

/** A network with a skip connection beside the chain. */
const skipping: NetworkSpec = {
  inputs: 3,
  units: "plus-minus",
  layers: [
    { kind: "bernoulli", units: 4 },
    { kind: "bernoulli", units: 3 },
    { kind: "bernoulli", units: 2, parents: [0, 1] },
    { kind: "bernoulli", units: 1, parents: ["input", 2] },
  ],
};

/** Uniforms for every site of a problem. */
const drawsFor = (on: ImmediateBackend, B: number, seed: number) =>
  new GivenDraws(({ layer }) => matrixOf(on, B, numbers(seed + 31 * layer.index, B * layer.units, 0, 1)));

/** Runs an estimator on a problem, on given uniforms. */
function run(estimator: Estimator, problem: Problem): PreparedEstimator {
  const prepared = estimator.prepare(problem);
  prepared.sample(drawsFor(backend, problem.input.rows, 5));
  prepared.credit();
  return prepared;
}

const creditsOf = (prepared: PreparedEstimator): number[][] =>
  prepared.credits.map(({ g }) => Array.from(backend.readNow(g)));

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-13): void {
  expect(found.length).toBe(expected.length);
  for (let e = 0; e < expected.length; e++) {
    expect(Math.abs(found[e] - expected[e])).toBeLessThanOrEqual(
      tolerance * Math.max(1, Math.abs(expected[e])),
    );
  }
}

/** Parameters and examples of a {-1,+1} chain, as the paper's pseudocode has them. */
function asInPaper({ network, objective }: Problem, { pass }: PreparedEstimator) {
  const weights = network.layers.map(({ parents: [{ weights }] }) => {
    const values = Array.from(backend.readNow(weights));
    return Array.from({ length: weights.rows }, (_, i) =>
      values.slice(i * weights.columns, (i + 1) * weights.columns),
    );
  });
  const bias = network.layers.map((layer) => Array.from(backend.readNow(layer.bias)));
  const reward = backend.readNow(objective.prepare(pass).components[0].value);
  const shown = [pass.input, ...pass.layers.map((activity) => activity.bits)].map((m) => ({
    columns: m.columns,
    values: Array.from(backend.readNow(m), (bit) => 2 * bit - 1),
  }));
  const examples = Array.from(reward, (r, b): Example => {
    const h = shown.map(({ columns, values }) => values.slice(b * columns, (b + 1) * columns));
    return { h, reward: r };
  });
  return { weights, bias, examples };
}

describe("weight-max", () => {
  const rules = ["reinforce", "direct-gradient", "classification"] as const;

  test.each(rules)(
    "%s is the paper's update, equations 13 to 21, with paperScale times the credit",
    (rule) => {
      const problem = randomProblem(backend, chain([4, 5, 3]), rows, 11);
      const prepared = run(weightMax({ hiddenRule: rule }), problem);
      expect(prepared.credits.map(({ paperScale }) => paperScale)).toEqual([32, 8, 2]);
      const { weights, bias, examples } = asInPaper(problem, prepared);
      examples.forEach((example, b) => {
        paperUpdate(weights, bias, example, rule).forEach((update, l) => {
          const { g, paperScale } = prepared.credits[l];
          const own = backend.readNow(g).slice(b * g.columns, (b + 1) * g.columns);
          expectClose(
            own.map((value) => paperScale! * value),
            update.bias,
          );
        });
      });
    },
  );

  test("reward-penalty is the mixture of REINFORCE and classification, or the analogue for one unit", () => {
    const problem = randomProblem(backend, chain([4, 5, 3]), rows, 12);
    const lambda = 0.3;
    const of = (hiddenRule: (typeof rules)[number]) => creditsOf(run(weightMax({ hiddenRule }), problem))[1];
    const [score, match] = [of("reinforce"), of("classification")];
    const mixture = run(weightMax({ hiddenRule: "reward-penalty", lambda }), problem);
    expectClose(
      creditsOf(mixture)[1],
      score.map((s, e) => (1 - lambda) * s + lambda * match[e]),
    );

    // D-59: (1 - lambda) (R + |R|) / 2 (h - E) + lambda |R| (sgn(R) h - E).
    const analogue = run(weightMax({ hiddenRule: "reward-penalty", lambda, penalty: "analogue" }), problem);
    expect(analogue.credits.map(({ paperScale }) => paperScale)).toEqual([8, 4, 2]);
    const { weights, bias, examples } = asInPaper(problem, analogue);
    examples.forEach(({ h, reward }, b) => {
      const [out] = potentials(weights[2], bias[2], h[2]).map((s) => 2 * sigma(s) - 1);
      const expected = potentials(weights[1], bias[1], h[1]).map((s, i) => {
        const R = 2 * h[2][i] * weights[2][i][0] * reward * (h[3][0] - out);
        const mean = 2 * sigma(s) - 1;
        const score = ((R + Math.abs(R)) / 2) * (h[2][i] - mean);
        return (1 - lambda) * score + lambda * Math.abs(R) * (Math.sign(R) * h[2][i] - mean);
      });
      const own = creditsOf(analogue)[1].slice(3 * b, 3 * b + 3);
      expectClose(
        own.map((g) => 4 * g),
        expected,
      );
    });
  });

  test("the change of the norm, approximate for any norm and exact, as equation 12 has it", () => {
    for (const norm of [1, 1.5, 2, 3]) {
      const problem = randomProblem(backend, chain([4, 3]), rows, 13);
      const rates = [0.3, 0.2];
      const exact = run(weightMax({ norm, normChange: "exact", normRate: rates }), problem);
      const approximate = run(weightMax({ norm }), problem);
      const { weights, bias, examples } = asInPaper(problem, exact);
      examples.forEach(({ h, reward }, b) => {
        const [mean] = potentials(weights[1], bias[1], h[1]).map((s) => 2 * sigma(s) - 1);
        const d = reward * (h[2][0] - mean);
        const means = potentials(weights[0], bias[0], h[0]).map((s) => 2 * sigma(s) - 1);
        const expected = (change: (w: number, dw: number) => number) =>
          means.map((m, i) => change(weights[1][i][0], h[1][i] * d) * (h[1][i] - m));
        const own = (prepared: PreparedEstimator) =>
          creditsOf(prepared)[0]
            .slice(3 * b, 3 * b + 3)
            .map((g) => 8 * g);
        expectClose(
          own(exact),
          expected((w, dw) => (Math.abs(w + rates[1] * dw) ** norm - Math.abs(w) ** norm) / rates[1]),
          1e-12,
        );
        expectClose(
          own(approximate),
          expected((w, dw) => norm * Math.sign(w) * Math.abs(w) ** (norm - 1) * dw),
          1e-12,
        );
      });
    }
  });

  test("{0,1} units: the same with bits in place of signs", () => {
    const problem = randomProblem(backend, { ...chain([4, 3]), units: "zero-one" }, rows, 14);
    const prepared = run(weightMax, problem);
    expect(prepared.credits.map(({ paperScale }) => paperScale)).toEqual([2, 1]);
    const { layers } = prepared.pass;
    const [p, b] = [backend.readNow(layers[0].p), backend.readNow(layers[0].bits)];
    const W = backend.readNow(problem.network.layers[1].parents[0].weights);
    const d = creditsOf(prepared)[1];
    const R = Array.from(p, (_, e) => 2 * b[e] * W[e % 3] * d[Math.floor(e / 3)]);
    expectClose(
      creditsOf(prepared)[0].map((g) => 2 * g),
      R.map((r, e) => r * (b[e] - p[e])),
    );
    // Rules that ask for the other outcome know what being on would have earned.
    const on = Array.from(p, (_, e) => 2 * W[e % 3] * d[Math.floor(e / 3)]);
    const classified = creditsOf(run(weightMax({ hiddenRule: "classification" }), problem))[0];
    expectClose(
      classified.map((g) => 2 * g),
      on.map((r, e) => Math.abs(r) * ((r > 0 ? 1 : 0) - p[e])),
    );
    const rate = 0.4;
    const exact = creditsOf(run(weightMax({ normChange: "exact", normRate: rate }), problem))[0];
    const grown = Array.from(p, (_, e) => {
      const w = W[e % 3];
      return (Math.abs(w + rate * b[e] * d[Math.floor(e / 3)]) ** 2 - w * w) / rate;
    });
    expectClose(
      exact.map((g) => 2 * g),
      grown.map((r, e) => r * (b[e] - p[e])),
    );
  });

  test("scales: 2 and times 4 or 2 a layer; none where children lie at different depths", () => {
    const scales = (spec: NetworkSpec) => weightMaxScales(randomProblem(backend, spec, 1, 1).network);
    expect(scales(chain([2, 2, 2], { kind: "softmax", units: 1, choices: 3 }))).toEqual([16, 4, 1]);
    expect(scales({ ...chain([2, 2, 2]), units: "zero-one" })).toEqual([4, 2, 1]);
    expect(scales(skipping)).toEqual([null, 32, 8, 2]);
  });

  test("lemma 1: Delta W^l is R A H^(l-1) (sigma(-H S) M^(l+1) ... M^L), with minus signs (D-49)", () => {
    lemma(
      15,
      { hiddenRule: "reinforce" },
      (h, s) => sigma(-h * s),
      (h, s) => sigma(-h * s),
    );
  });

  test("lemma 2: with direct gradient, sigma' in place of sigma, and M^L = W^L", () => {
    lemma(
      16,
      { hiddenRule: "direct-gradient" },
      (_, s) => sigma(s) * sigma(-s),
      (h, s) => sigma(-h * s),
    );
  });

  test("theorem 2: direct gradient is straight-through, with or without a baseline", () => {
    const specs: NetworkSpec[] = [
      chain([4, 5, 3]),
      chain([4, 5, 3], { kind: "softmax", units: 1, choices: 4 }),
      { ...chain([4, 5, 3]), units: "zero-one" },
      skipping,
    ];
    for (const spec of specs) {
      for (const baseline of ["none", 0.4] as const) {
        const problem = randomProblem(backend, spec, rows, 17, baseline);
        const one = creditsOf(run(weightMax({ hiddenRule: "direct-gradient" }), problem));
        const other = creditsOf(run(straightThrough, problem));
        one.forEach((g, l) => {
          expectClose(g, other[l], 1e-15);
        });
        expect(one[0].some((g) => Math.abs(g) > 1e-4)).toBe(true);
      }
    }
  });

  test("refuses what it cannot serve", () => {
    const problem = randomProblem(backend, chain([4, 3]), rows, 18);
    const refusal = (options: Parameters<typeof weightMax>[0], spec?: NetworkSpec) => {
      const on = spec === undefined ? problem : randomProblem(backend, spec, rows, 18);
      return () => weightMax(options).prepare(on);
    };
    expect(refusal({ hiddenRule: "reward-penalty" })).toThrow(/needs lambda/);
    expect(refusal({ hiddenRule: "reward-penalty", lambda: 1.5 })).toThrow(
      "lambda of weight-max is 1.5; expected a number from 0",
    );
    expect(refusal({ lambda: 0.5 })).toThrow(
      /counts only where hiddenRule is reward-penalty; it is "reinforce"/,
    );
    expect(refusal({ norm: 0.5 })).toThrow("norm of weight-max is 0.5; expected a number from 1 on");
    expect(refusal({ normChange: "exact" })).toThrow(/needs the rate/);
    expect(refusal({ normChange: "exact", normRate: [0.1] })).toThrow(
      /1 rates of the norm's change for 2 layers/,
    );
    expect(refusal({ normChange: "exact", normRate: 0.1 }, skipping)).toThrow(/no one scale/);
    const softmax: LayerSpec = { kind: "softmax", units: 2, choices: 2 };
    expect(refusal({}, { ...chain([4]), layers: [softmax, { kind: "bernoulli", units: 1 }] })).toThrow(
      "weight-max needs Bernoulli hidden units, and layers.0 is softmax",
    );
  });
});

/** Compares credits with RA H^(l-1) (factor(H^l) M^(l+1) ... M^L)^T, M^k = W^k times `inner`, the last one `last`. */
function lemma(
  seed: number,
  options: Parameters<typeof weightMax>[0],
  inner: (h: number, s: number) => number,
  last: (h: number, s: number) => number,
): void {
  const problem = randomProblem(backend, chain([3, 4, 3, 2]), rows, seed);
  const prepared = run(weightMax(options), problem);
  const { weights, bias, examples } = asInPaper(problem, prepared);
  const L = weights.length;
  examples.forEach(({ h, reward }, b) => {
    const s = weights.map((W, l) => potentials(W, bias[l], h[l]));
    let product = [last(h[L][0], s[L - 1][0])];
    for (let l = L - 2; l >= 0; l--) {
      const above = product;
      const own = weights[l + 1].map((row, i) => {
        const sum = row.reduce((total, w, j) => total + w * above[j], 0);
        return inner(h[l + 1][i], s[l][i]) * sum;
      });
      product = own;
      const expected = own.map((value) => reward * h[L][0] * value);
      const { g } = prepared.credits[l];
      const found = backend.readNow(g).slice(b * g.columns, (b + 1) * g.columns);
      // Proportional: the constant of the layer is that of its first unit on the first example.
      const constant = options?.hiddenRule === "direct-gradient" ? 2 ** (L - 1 - l) : 1;
      expectClose(
        found,
        expected.map((value) => constant * value),
      );
    }
  });
}

test("with paperScale and L2, Adam makes the paper's updates: equations 13 to 17, 20 and 22 in float64", () => {
  const l2 = [0, 1e-2, 3e-2];
  const rate = 0.05;
  for (const rule of ["reinforce", "direct-gradient"] as const) {
    const problem = randomProblem(backend, chain([4, 5, 3]), rows, 21);
    const reward = problem.objective.prepare({ network: problem.network } as never).components[0].value;
    const learner = new Learner(
      weightMax({ hiddenRule: rule }),
      problem,
      withL2(adam({ learningRate: rate }), l2),
      { paperScale: true },
    );
    const { weights, bias } = asInPaper(problem, learner.estimator);
    const zeros = () => weights.map((W, l) => [...W.flat(), ...bias[l]].map(() => 0));
    const [m, v] = [zeros(), zeros()];
    for (let step = 1; step <= 5; step++) {
      backend.write(problem.input, bits(step, rows * 4));
      backend.write(
        reward,
        bits(step + 50, rows).map((bit) => 2 * bit - 1),
      );
      learner.sample(drawsFor(backend, rows, 100 * step));
      const { examples } = asInPaper(problem, learner.estimator);
      learner.learn(step);

      const updates = examples.map((example) => paperUpdate(weights, bias, example, rule));
      weights.forEach((W, l) => {
        const J = bias[l].length;
        const mean = (of: (update: (typeof updates)[0][0]) => number) =>
          updates.reduce((sum, update) => sum + of(update[l]), 0) / rows;
        const adamStep = (gradient: number, e: number) => {
          m[l][e] = 0.9 * m[l][e] + 0.1 * gradient;
          v[l][e] = 0.999 * v[l][e] + 0.001 * gradient ** 2;
          return (rate * (m[l][e] / (1 - 0.9 ** step))) / (Math.sqrt(v[l][e] / (1 - 0.999 ** step)) + 1e-8);
        };
        W.forEach((row, i) => {
          row.forEach((w, j) => {
            row[j] += adamStep(mean((update) => update.weights[i][j]) - 2 * l2[l] * w, i * J + j);
          });
        });
        bias[l].forEach((_, j) => {
          bias[l][j] += adamStep(
            mean((update) => update.bias[j]),
            W.length * J + j,
          );
        });
      });
    }
    const after = asInPaper(problem, learner.estimator);
    expectClose(after.weights.flat(2), weights.flat(2), 1e-9);
    expectClose(after.bias.flat(), bias.flat(), 1e-9);
  }
});

test.each(["zero-one", "plus-minus"] as const)(
  "straight-through goes through a layer of softmax units by the slope of their means: %s",
  (units) => {
    const layers: LayerSpec[] = [
      { kind: "softmax", units: 2, choices: 3 },
      { kind: "bernoulli", units: 2 },
      { kind: "softmax", units: 1, choices: 4 },
    ];
    const problem = randomProblem(backend, { inputs: 3, units, layers }, rows, 8);
    const prepared = run(straightThrough, problem);
    const [first, second, output] = creditsOf(prepared);
    const [reward] = prepared.evaluation.components;
    const [earned, p0, p1, q1, p2, did] = [
      reward.value,
      prepared.pass.layers[0].p,
      prepared.pass.layers[1].p,
      prepared.pass.layers[1].q,
      prepared.pass.layers[2].p,
      prepared.pass.layers[2].bits,
    ].map((m) => [...backend.readNow(m)]);
    const through = (layer: number, g: number[]) => {
      const { weights } = problem.network.layers[layer].parents[0];
      const [W, J] = [backend.readNow(weights), weights.columns];
      return Array.from({ length: rows * weights.rows }, (_, e) => {
        const [b, i] = [Math.floor(e / weights.rows), e % weights.rows];
        return Array.from({ length: J }, (_, j) => W[i * J + j] * g[b * J + j]).reduce((a, c) => a + c);
      });
    };
    expectClose(
      output,
      did.map((bit, e) => earned[Math.floor(e / 4)] * (bit - p2[e])),
    );
    const slope = units === "plus-minus" ? 2 : 1;
    expectClose(
      second,
      through(2, output).map((a, e) => slope * p1[e] * q1[e] * a),
    );
    const a = through(1, second);
    expectClose(
      first,
      a.map((one, e) => {
        const start = e - (e % 3);
        const mean = [0, 1, 2].reduce((sum, k) => sum + p0[start + k] * a[start + k], 0);
        return p0[e] * (one - mean);
      }),
    );
  },
);

describe("rules for one unit", () => {
  const single = chain([3]);

  /** A problem of one unit with rewards of -1 and +1. */
  function oneUnit(output: LayerSpec = { kind: "bernoulli", units: 1 }): Problem {
    const problem = randomProblem(backend, { ...single, layers: [output] }, 12, 31);
    const reward = problem.objective.prepare({ network: problem.network } as never).components[0].value;
    backend.write(
      reward,
      bits(32, 12).map((bit) => 2 * bit - 1),
    );
    return problem;
  }

  test("classification (5) and A_R-P (6), and A_R-P as the mixture (7)", () => {
    const problem = oneUnit();
    const classified = run(classification, problem);
    const { examples, weights, bias } = asInPaper(problem, classified);
    const expected = examples.map(({ h, reward }) => {
      const [mean] = potentials(weights[0], bias[0], h[0]).map((s) => 2 * sigma(s) - 1);
      return { step: reward * h[1][0] - mean, reward };
    });
    expectClose(
      creditsOf(classified)[0].map((g) => 2 * g),
      expected.map(({ step }) => step),
    );
    // The papers' updates: equation 5 is twice what is climbed, equation 6 is as it stands.
    expect(classified.credits[0].paperScale).toBe(2);
    expect(run(rewardPenalty({ lambda: 0.5 }), problem).credits[0].paperScale).toBe(1);
    const score = creditsOf(run(reinforce, { ...problem, baseline: -1 }))[0].map((g) => 2 * g);
    for (const lambda of [0, 0.2, 1]) {
      const found = creditsOf(run(rewardPenalty({ lambda }), problem))[0];
      expectClose(
        found,
        expected.map(({ step, reward }) => (reward > 0 ? 1 : lambda) * step),
      );
      expectClose(
        found,
        expected.map(({ step }, b) => ((1 - lambda) / 2) * score[b] + lambda * step),
      );
    }
  });

  // Float32 has nothing between 1 - 6e-8 and 1: `1 - p` of a probability there is 0.
  test.each<LayerSpec>([
    { kind: "bernoulli", units: 1 },
    { kind: "softmax", units: 1, choices: 2 },
  ])("the step towards an action that is nearly certain is not lost in float32: %o", async (output) => {
    const [wasm, width] = [await createWasmBackend(), output.kind === "softmax" ? 2 : 1];
    for (const logit of [17, -17, 30]) {
      for (const reward of [1, -1]) {
        for (const on of [0, 1]) {
          const [exact, found] = [backend, wasm].map((each) => {
            const problem = randomProblem(each, { ...single, layers: [output] }, 1, 31);
            each.fill(problem.network.layers[0].block, 0);
            each.write(problem.network.layers[0].bias, [logit, 0].slice(0, width));
            each.write(problem.objective.prepare({ network: problem.network } as never).components[0].value, [
              reward,
            ]);
            const prepared = rewardPenalty({ lambda: 0.25 }).prepare(problem);
            prepared.sample(new GivenDraws(() => matrixOf(each, 1, [0.5])));
            each.write(prepared.pass.layers[0].bits, [on, 1 - on].slice(0, width));
            prepared.credit();
            return each.readNow(prepared.credits[0].g);
          });
          const better = reward > 0 ? on : 1 - on;
          const others = 1 / (1 + Math.exp(better === 1 ? logit : -logit));
          const score = (reward > 0 ? 2 : 0.5) * (better === 1 ? others : -others);
          expect(exact[0] / score).toBeCloseTo(1, 12);
          expect(found[0] / score).toBeCloseTo(1, 5);
        }
      }
    }
  });

  test("a softmax unit of two choices is a Bernoulli unit with the difference of the logits", () => {
    const problem = oneUnit({ kind: "softmax", units: 1, choices: 2 });
    const prepared = run(classification, problem);
    const g = creditsOf(prepared)[0];
    for (let e = 0; e < g.length; e += 2) expect(g[e]).toBeCloseTo(-g[e + 1], 14);
  });

  test("a known reward is looked up for the action that was taken", () => {
    const problem = oneUnit();
    const rewards = bits(41, 24).map((bit) => 2 * bit - 1);
    const known = { ...problem, objective: knownRewardObjective(matrixOf(backend, 12, rewards)) };
    for (const rule of [classification, rewardPenalty({ lambda: 0.5 })]) {
      const prepared = run(rule, known);
      const action = backend.readNow(prepared.pass.layers[0].bits);
      const earned = Array.from(action, (bit, b) => rewards[2 * b + bit]);
      const { value } = problem.objective.prepare(prepared.pass).components[0];
      backend.write(value, earned);
      expect(new Set(earned).size).toBe(2);
      expect(creditsOf(prepared)).toEqual(creditsOf(run(rule, problem)));
    }
  });

  test("direct gradient of a known reward (9) is f-HNCA on one unit, whatever the action", () => {
    const problem = oneUnit();
    const rewards = numbers(41, 24);
    const known = { ...problem, objective: knownRewardObjective(matrixOf(backend, 12, rewards)) };
    const prepared = run(fHnca, known);
    const [p, earned] = [prepared.pass.layers[0].p, prepared.evaluation.components[0].value].map((m) =>
      backend.readNow(m),
    );
    const [low, high] = [0, 1].map((action) => rewards.filter((_, e) => e % 2 === action));
    expectClose(
      creditsOf(prepared)[0],
      Array.from(p, (mean, b) => mean * (1 - mean) * (high[b] - low[b])),
    );
    const action = backend.readNow(prepared.pass.layers[0].bits);
    expectClose(
      earned,
      Array.from(action, (bit, b) => (bit === 1 ? high[b] : low[b])),
    );
    const softmax = { ...oneUnit({ kind: "softmax", units: 1, choices: 3 }), objective: known.objective };
    expect(() => run(fHnca, softmax)).toThrow(/the rewards are \[12, 2\]; expected \[12, 3\]/);
  });

  test("more than one unit, more than two actions, a baseline or no lambda is refused", () => {
    const deep = randomProblem(backend, chain([3, 2]), 2, 33);
    expect(() => classification.prepare(deep)).toThrow(
      /rule for one unit with two actions; the network has 2 layers/,
    );
    expect(() => rewardPenalty.prepare(oneUnit({ kind: "softmax", units: 1, choices: 3 }))).toThrow(
      /two actions/,
    );
    expect(() => classification.prepare({ ...oneUnit(), baseline: "running-average" })).toThrow(
      /expected none/,
    );
    expect(() => rewardPenalty.prepare(oneUnit())).toThrow(/needs lambda/);
  });
});
