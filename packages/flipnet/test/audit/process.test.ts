// A decision process: episodes credited with returns to go, against the derivative of the expected return.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sigmoid } from "../../src/audit/arithmetic.ts";
import { audit } from "../../src/audit/audit.ts";
import { formatAudit } from "../../src/audit/format.ts";
import type { ProcessSpec } from "../../src/audit/process-spec.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { InputError } from "../../src/formats/errors.ts";
import { numbers } from "../helpers.ts";
import { flat, largestDifference } from "./compare.ts";

/** The example of docs/audit.md. */
const rooms: ProcessSpec = JSON.parse(
  readFileSync(new URL("../../../../examples/three-rooms.json", import.meta.url), "utf8"),
);

/** The mean over many episodes, played by hand with `Math.random`'s stand-in: nothing of the audit's. */
function playedReturn(
  { layers, observations, start, transitions, rewards, horizon }: ProcessSpec,
  count: number,
) {
  let at = 0;
  const uniforms = numbers(99, 4 * count * horizon * 2).map((x) => (x + 1) / 2);
  const random = () => uniforms[at++ % uniforms.length];
  const pick = (law: readonly number[]) => {
    const u = random();
    let below = 0;
    for (let s = 0; s < law.length; s++) {
      below += law[s];
      if (u < below) return s;
    }
    return law.findLastIndex((p) => p > 0);
  };
  const on = (weights: readonly number[], bias: number, x: readonly number[]) =>
    random() < sigmoid(bias + weights.reduce((sum, w, i) => sum + w * x[i], 0));
  let total = 0;
  for (let episode = 0; episode < count; episode++) {
    let state = pick(start!);
    for (let t = 0; t < horizon; t++) {
      const hidden = layers[0].weights.map((row, j) =>
        on(row, layers[0].bias[j], observations[state]) ? 1 : -1,
      );
      const action = Number(on(layers[1].weights[0], layers[1].bias[0], hidden));
      total += rewards[state][action];
      state = pick(transitions[state][action]);
    }
  }
  return total / count;
}

describe("three rooms", () => {
  const estimators = ["reinforce", "hnca"];

  it("REINFORCE and HNCA are unbiased, and HNCA has far less variance", () => {
    const { estimators: found } = audit(rooms, { estimators });
    for (const name of estimators) {
      expect(found[name].method).toBe("enumeration");
      expect(found[name].bias, name).toBeLessThan(1e-14);
    }
    // The output learns by REINFORCE in both; the hidden layer is what HNCA is for.
    const hidden = estimators.map((name) =>
      flat(found[name].variance.slice(0, 2)).reduce((a, b) => a + b, 0),
    );
    expect(hidden[1]).toBeLessThan(0.1 * hidden[0]);
    flat(found.hnca.variance).forEach((variance, e) => {
      expect(variance).toBeLessThanOrEqual(flat(found.reinforce.variance)[e] + 1e-12);
    });
  });

  it("on the kernels too, with a baseline, and over two steps", async () => {
    const backend = await createWasmBackend();
    for (const { bias } of Object.values(audit(rooms, { estimators, backend }).estimators)) {
      expect(bias).toBeLessThan(1e-6);
    }
    const short = { ...rooms, horizon: 2 };
    const found = audit(short, { estimators: ["hnca"], baseline: "running-average", steps: 2 });
    expect(found.estimators.hnca.nextBias).toBeLessThan(1e-14);
    const constant = audit({ ...rooms, baseline: 0.3 }, { estimators }).estimators;
    for (const name of estimators) expect(constant[name].bias).toBeLessThan(1e-14);
  });

  it("what is biased shows it", () => {
    const { estimators } = audit(rooms, { estimators: ["weight-max"] });
    expect(estimators["weight-max"].bias).toBeGreaterThan(1e-4);
  });

  it("a simulation agrees", () => {
    const simulate = { samples: 20_000, seed: 11 };
    for (const { largestZ } of Object.values(audit(rooms, { estimators, simulate }).estimators)) {
      expect(largestZ).toBeLessThan(5);
    }
  });

  it("the expected return is what playing earns, and is printed", () => {
    const report = audit(rooms, { estimators });
    // Returns lie between -0.15 and 3, so this is some five standard errors.
    expect(Math.abs(playedReturn(rooms, 20_000) - report.expectedReturn)).toBeLessThan(0.015);
    expect(formatAudit(report)).toMatch(
      /^expected return 0\.\d{6}; largest entry of the exact gradient: 0\.\d+\n\nestimator +bias/,
    );
  });
});

describe("temporal differences in three rooms", () => {
  const estimators = ["reinforce", "hnca"];
  const critic = { gamma: 0.9, values: rooms.observations.map((_, s) => 0.7 - 0.9 * s) };
  const biases = (spec: ProcessSpec) =>
    Object.values(audit(spec, { estimators }).estimators).map(({ bias }) => bias);

  it("with lambda 1 and gamma^t they are unbiased, whatever the critic", () => {
    for (const bias of biases({ ...rooms, ...critic })) expect(bias).toBeLessThan(1e-14);
  });

  it("with lambda below 1 the bias is the critic's, and the same for both", () => {
    const { reinforce, hnca } = audit({ ...rooms, ...critic, lambda: 0.5 }, { estimators }).estimators;
    expect(reinforce.bias).toBeGreaterThan(1e-3);
    expect(largestDifference(hnca.mean, reinforce.mean)).toBeLessThan(1e-14);
    flat(hnca.variance).forEach((variance, e) => {
      expect(variance).toBeLessThanOrEqual(flat(reinforce.variance)[e] + 1e-12);
    });
  });

  it("without gamma^t they are biased, and a bootstrap at the end has the gradient of another return", () => {
    for (const bias of biases({ ...rooms, ...critic, discountStates: false }))
      expect(bias).toBeGreaterThan(1e-3);
    for (const bias of biases({ ...rooms, gamma: 1, discountStates: false }))
      expect(bias).toBeLessThan(1e-14);
    for (const bias of biases({ ...rooms, ...critic, bootstrap: true })) expect(bias).toBeGreaterThan(1e-3);
  });
});

/** Two or three states, one to three steps; a hidden layer of either kind, an output of either. */
const processes: fc.Arbitrary<ProcessSpec> = fc
  .record({
    seed: fc.nat(1_000_000),
    states: fc.integer({ min: 2, max: 3 }),
    horizon: fc.integer({ min: 1, max: 3 }),
    softmax: fc.boolean(),
    units: fc.constantFrom("zero-one" as const, "plus-minus" as const),
  })
  .map(({ seed, states, horizon, softmax, units }) => {
    const table = (at: number, rows: number, columns: number) =>
      Array.from({ length: rows }, (_, i) => numbers(seed + 10 * at + i, columns));
    const law = (at: number) => {
      const weights = numbers(seed + at, states).map((x) => (x > -0.3 ? x + 1 : 0));
      const sum = weights.reduce((a, b) => a + b, 0);
      return sum === 0 ? weights.map((_, s) => Number(s === 0)) : weights.map((w) => w / sum);
    };
    return {
      units,
      layers: [
        {
          ...(softmax && { kind: "softmax", choices: 2 }),
          weights: table(1, 2, 2),
          bias: numbers(seed + 2, 2),
        },
        {
          kind: softmax ? "bernoulli" : "softmax",
          weights: table(3, softmax ? 1 : 2, 2),
          bias: numbers(seed + 4, softmax ? 1 : 2),
        },
      ],
      observations: table(5, states, 2),
      ...(seed % 2 === 0 && { start: law(6) }),
      transitions: Array.from({ length: states }, (_, s) => [law(100 + s), law(200 + s)]),
      rewards: table(7, states, 2),
      horizon,
    };
  });

describe("random small processes", () => {
  const options = { seed: 20261130, numRuns: 30 };

  it("are estimated without bias", () => {
    fc.assert(
      fc.property(processes, (spec) => {
        const { estimators } = audit(spec, { estimators: ["reinforce", "hnca"] });
        for (const { bias } of Object.values(estimators)) expect(bias).toBeLessThan(1e-12);
        expect(estimators.hnca.meanVariance).toBeLessThanOrEqual(estimators.reinforce.meanVariance + 1e-12);
      }),
      options,
    );
  });

  it("the exact gradient is the slope of the expected return", () => {
    fc.assert(
      fc.property(processes, fc.nat(), (spec, pick) => {
        const l = pick % 2;
        const row = pick % spec.layers[l].bias.length;
        const moved = (by: number) => {
          const copy = structuredClone(spec) as ProcessSpec & { layers: { weights: number[][] }[] };
          copy.layers[l].weights[row][1] += by;
          return audit(copy, { estimators: [] }).expectedReturn;
        };
        const slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        const { exact } = audit(spec, { estimators: [] });
        expect((exact[2 * l] as number[][])[row][1]).toBeCloseTo(slope, 7);
      }),
      options,
    );
  });

  it("of one step are bandits", () => {
    fc.assert(
      fc.property(processes, (spec) => {
        const { start, transitions, horizon, observations, rewards, ...network } = spec;
        const one = audit(
          { ...network, observations, transitions, rewards, horizon: 1 },
          { estimators: ["hnca"] },
        );
        const bandit = audit(
          { ...network, contexts: observations, reward: rewards },
          { estimators: ["hnca"] },
        );
        expect(largestDifference(one.exact, bandit.exact)).toBeLessThan(1e-15);
        expect(one.estimators.hnca.meanVariance).toBeCloseTo(bandit.estimators.hnca.meanVariance, 13);
      }),
      options,
    );
  });
});

describe("a spec that cannot be", () => {
  const broken: [string, object, string][] = [
    ["no horizon", { horizon: undefined }, "horizon is missing; expected a finite number"],
    ["half a step", { horizon: 1.5 }, "horizon is 1.5; expected a whole number of at least 1"],
    [
      "states without transitions",
      { transitions: rooms.transitions.slice(1) },
      "transitions has 2 entries; expected 3, one for each state",
    ],
    [
      "a law that sums to 2",
      { start: [1, 1, 0] },
      "start is [1,1,0]; expected numbers of at least 0 that sum to 1",
    ],
    [
      "rewards of another process",
      { rewards: [[1], [0], [2]] },
      "rewards[0] has 1 entries; expected 2, one for each action",
    ],
    [
      "uneven observations",
      { observations: [[0, 1], [1], [1, 1]] },
      "observations[1] has 1 entries; expected 2, as the first observation has",
    ],
  ];
  it.each(broken)("%s", (_, change, message) => {
    expect(() => audit({ ...rooms, ...change })).toThrow(new InputError(message));
  });

  it("too long a process is refused with its number of states", () => {
    expect(() => audit({ ...rooms, horizon: 12 }, { estimators: ["hnca"] })).toThrow(
      /^the estimator hnca has [\d,]+ states to enumerate; expected at most 16,777,216$/,
    );
  });

  it("two backends see the same", () => {
    const backend = createReferenceBackend();
    expect(audit(rooms, { backend, estimators: ["hnca"] })).toEqual(audit(rooms, { estimators: ["hnca"] }));
  });
});
