import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { type BanditSpec, parseBanditSpec } from "../../src/audit/bandit-spec.ts";
import { EnumeratedDraws } from "../../src/audit/enumeration.ts";
import { formatAudit } from "../../src/audit/format.ts";
import { toBlock } from "../../src/audit/layout.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import type { Estimator } from "../../src/estimators/estimator.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import { estimatorsFor } from "../../src/estimators/registry.ts";
import { reinforce } from "../../src/estimators/reinforce.ts";
import { InputError } from "../../src/formats/errors.ts";
import { createNetwork } from "../../src/network/network.ts";
import { createPass, samplePass } from "../../src/network/pass.ts";
import { rewardObjective } from "../../src/objectives/reward.ts";
import { compare, flat } from "./compare.ts";
import { golden, goldenSpec } from "./golden.ts";
import { banditSpecs } from "./random-spec.ts";

describe("known networks", () => {
  it("are six", () => expect(golden).toHaveLength(6));

  it.each(golden)("%s", (_, { spec, expected }) => {
    const report = audit(spec);
    expect(Object.keys(report.estimators)).toEqual(expect.arrayContaining(["reinforce", "hnca"]));
    expect(compare(report, expected)).toBeLessThan(1e-12);
    for (const name of ["reinforce", "hnca"]) {
      expect(report.estimators[name].bias).toBeLessThan(1e-14);
      expect(report.estimators[name].method).toBe("enumeration");
    }
  });
});

describe("random small networks", () => {
  const options = { seed: 20260801, numRuns: 150 };

  it("REINFORCE and HNCA are unbiased, and HNCA has no more variance in any parameter (theorem 1)", () => {
    fc.assert(
      fc.property(banditSpecs, (spec) => {
        const { estimators } = audit(spec, { estimators: ["reinforce", "hnca"] });
        expect(estimators.reinforce.bias).toBeLessThan(1e-9);
        expect(estimators.hnca.bias).toBeLessThan(1e-9);
        const [above, below] = [flat(estimators.reinforce.variance), flat(estimators.hnca.variance)];
        for (let e = 0; e < above.length; e++) expect(below[e]).toBeLessThanOrEqual(above[e] + 1e-12);
      }),
      options,
    );
  });

  it("the exact gradient is the slope of the expected reward", () => {
    fc.assert(
      fc.property(banditSpecs, fc.nat(), (spec, pick) => {
        const { exact } = audit(spec, { estimators: [] });
        const l = pick % spec.layers.length;
        const row = pick % spec.layers[l].bias.length;
        const column = pick % spec.layers[l].weights[0].length;
        const step = 1e-5;
        const moved = (by: number) => {
          const copy = structuredClone(spec) as { layers: { weights: number[][] }[] } & BanditSpec;
          copy.layers[l].weights[row][column] += by;
          return expectedReward(copy);
        };
        const slope = (moved(step) - moved(-step)) / (2 * step);
        expect((exact[2 * l] as number[][])[row][column]).toBeCloseTo(slope, 7);
      }),
      options,
    );
  });

  it("HNCA's posterior is P(unit | all other units and the context) (equation 2)", () => {
    fc.assert(
      fc.property(banditSpecs, (spec) => {
        const { states, network } = posteriors(spec);
        // States that differ in one unit only are what this unit's conditional is about.
        for (const layer of network.layers.filter(({ children }) => children.length > 0)) {
          for (let unit = 0; unit < layer.units; unit++) {
            const columns = [...Array(layer.choices).keys()].map((k) => unit * layer.choices + k);
            const groups = new Map<string, typeof states>();
            for (const state of states) {
              const others = state.bits.map((row, l) =>
                row.filter((_, j) => l !== layer.index || !columns.includes(j)),
              );
              const name = JSON.stringify([state.context, others]);
              groups.set(name, [...(groups.get(name) ?? []), state]);
            }
            for (const group of groups.values()) {
              const total = group.reduce((sum, { weight }) => sum + weight, 0);
              for (const j of columns) {
                const on = group.filter(({ bits }) => bits[layer.index][j] === 1);
                const conditional = on.reduce((sum, { weight }) => sum + weight, 0) / total;
                for (const state of group)
                  expect(state.posterior[layer.index][j]).toBeCloseTo(conditional, 10);
              }
            }
          }
        }
      }),
      { ...options, numRuns: 100 },
    );
  });
});

/** The expected reward, by enumerating the network on the backend: not how the audit gets its gradient. */
function expectedReward(spec: BanditSpec): number {
  const { states, rewards } = posteriors(spec);
  return states.reduce((sum, { weight, context, bits }) => {
    const output = bits[bits.length - 1];
    const { values, probabilities } = rewards[context][output.length === 1 ? output[0] : output.indexOf(1)];
    return sum + weight * values.reduce((mean, value, k) => mean + value * probabilities[k], 0);
  }, 0);
}

/** All states of a network: their probability, every unit's bits, and its prior plus HNCA's credit at reward 1. */
function posteriors(spec: BanditSpec) {
  const { network: shape, parameters, contexts, rewards } = parseBanditSpec(spec);
  const backend = createReferenceBackend();
  const network = createNetwork(backend, shape);
  for (const layer of network.layers) backend.write(layer.block, toBlock(parameters[layer.index]));
  const states = contexts.flatMap((context, c) => {
    const draws = new EnumeratedDraws();
    samplePass(createPass(network, backend.matrix(1, shape.inputs)), draws);
    const rows = draws.states;
    const input = backend.matrix(rows, shape.inputs);
    const reward = backend.matrix(rows, 1);
    backend.write(input, Array(rows).fill(context).flat());
    backend.fill(reward, 1);
    const prepared = hnca.prepare({
      network,
      input,
      objective: rewardObjective(reward),
      baseline: "none",
      baselineDecay: 0.99,
    });
    draws.start(0, rows);
    prepared.sample(draws);
    prepared.credit();
    const layers = prepared.credits.map(({ g }, index) => {
      const { bits, p } = prepared.pass.layers[index];
      const prior = backend.readNow(p);
      const posterior = backend.readNow(g).map((credit, e) => credit + prior[e]);
      return { bits: backend.readNow(bits), posterior, J: g.columns };
    });
    return Array.from(draws.weights, (weight, row) => ({
      context: c,
      weight: weight / contexts.length,
      bits: layers.map(({ bits, J }) => [...bits.subarray(row * J, (row + 1) * J)]),
      posterior: layers.map(({ posterior, J }) => [...posterior.subarray(row * J, (row + 1) * J)]),
    }));
  });
  return { states, network, rewards };
}

describe("a single unit, by hand", () => {
  // One Bernoulli unit, p = 1/2, reward 1 for on: J = p, dJ/dl = p q = 1/4. REINFORCE gives 1/2 or 0.
  const coin: BanditSpec = {
    units: "zero-one",
    layers: [{ kind: "bernoulli", weights: [[0]], bias: [0] }],
    contexts: [[2]],
    reward: [[0, 1]],
  };

  it("has the gradient 1/4 and the variance 1/16", () => {
    const { exact, estimators } = audit(coin);
    expect(exact).toEqual([[[0.5]], [0.25]]);
    expect(estimators.reinforce).toEqual({
      mean: [[[0.5]], [0.25]],
      variance: [[[0.25]], [0.0625]],
      meanVariance: 0.15625,
      bias: 0,
      method: "enumeration",
    });
  });

  it("has more variance when the reward is drawn, and the same gradient", () => {
    // On earns 0 or 2: credits 0, 1 and twice 0, mean 1/4, second moment 1/4.
    const drawn: BanditSpec = { ...coin, reward: [[0, { values: [0, 2], probabilities: [0.5, 0.5] }]] };
    const { exact, estimators } = audit(drawn);
    expect(exact).toEqual([[[0.5]], [0.25]]);
    expect(estimators.reinforce.mean).toEqual(exact);
    expect(estimators.reinforce.variance[1]).toEqual([0.25 - 0.0625]);
  });

  it("has the variance of the contexts in it", () => {
    // A sure unit: with p = 1 the credit is 0. The other context is the coin.
    const two: BanditSpec = {
      ...coin,
      layers: [{ kind: "bernoulli", weights: [[800]], bias: [0] }],
      contexts: [[0], [1]],
      reward: [
        [0, 1],
        [0, 1],
      ],
    };
    const { exact, estimators } = audit(two);
    expect(exact[1]).toEqual([0.125]);
    expect(estimators.reinforce.variance[1]).toEqual([0.0625 - 0.125 ** 2]);
  });
});

describe("what cannot happen", () => {
  it("makes no NaN: probabilities of 0 in hidden and output units of both kinds", () => {
    const spec: BanditSpec = {
      units: "zero-one",
      layers: [
        { weights: [[900], [-900]], bias: [0, 0] },
        {
          kind: "softmax",
          choices: 2,
          weights: [
            [900, 0],
            [-900, 0],
            [-900, 0],
            [900, 0],
          ],
          bias: [0, 0, 0, 0],
        },
        {
          weights: [
            [900, -900, 0, 0],
            [-900, 900, 0, 0],
          ],
          bias: [0, 0],
        },
      ],
      contexts: [[1], [0]],
      reward: [
        [1, 0],
        [0, 1],
      ],
    };
    const { exact, estimators } = audit(spec);
    const impossible = audit({ ...spec, contexts: [[1], [1]] });
    for (const number of [exact, ...Object.values(estimators).map(({ variance }) => variance)].flatMap(
      flat,
    )) {
      expect(number).not.toBeNaN();
    }
    for (const name of ["reinforce", "hnca"]) {
      expect(estimators[name].bias).toBeLessThan(1e-14);
      expect(impossible.estimators[name].meanVariance).toBe(0);
    }
  });
});

describe("an estimator that is wrong shows it", () => {
  /** HNCA with its credits changed before they are used. */
  const broken = (name: string, damage: (prepared: ReturnType<Estimator["prepare"]>) => void): Estimator => ({
    ...hnca,
    name,
    prepare(problem) {
      const prepared = hnca.prepare(problem);
      return {
        ...prepared,
        credit() {
          prepared.credit();
          damage(prepared);
        },
      };
    },
  });
  const backend = createReferenceBackend();

  it.each([
    ["no credit below the output", 1, ({ credits: [first] }) => backend.fill(first.g, 0)],
    [
      "one layer's credit is 1 % too large",
      0.01,
      ({ credits: [first] }) => backend.addScaled(first.g, 0.01, first.g),
    ],
  ] as [string, number, Parameters<typeof broken>[1]][])("%s", (name, share, damage) => {
    const { exact, estimators } = audit(goldenSpec("zero-one-2-hidden"), {
      backend,
      estimators: [broken(name, damage), "hnca"],
    });
    const firstLayer = Math.max(...flat(exact.slice(0, 2)).map(Math.abs));
    expect(estimators[name].bias).toBeCloseTo(share * firstLayer, 12);
    expect(estimators.hnca.bias).toBeLessThan(1e-14);
  });

  it("a likelihood that forgets the children", () => {
    const forgetful = createReferenceBackend();
    forgetful.flipLogLikelihood = (_bits, _tables, _child, out) => forgetful.fill(out, 0);
    const { estimators } = audit(goldenSpec("plus-minus-2-hidden"), { backend: forgetful });
    expect(estimators.hnca.bias).toBeGreaterThan(1e-3);
    expect(estimators.reinforce.bias).toBeLessThan(1e-14);
  });

  it("a backend that reads units as {0,1} which are {-1,+1}", () => {
    const confused = createReferenceBackend();
    const { product } = confused;
    confused.product = (x, _coding, weights, out) => product.call(confused, x, "real", weights, out);
    const { estimators } = audit(goldenSpec("plus-minus-2-hidden"), { backend: confused });
    expect(estimators.reinforce.bias).toBeGreaterThan(1e-3);
  });

  it("a draw that is used twice is not enumerated in silence", () => {
    const twice: Estimator = {
      ...reinforce,
      prepare(problem) {
        const prepared = reinforce.prepare(problem);
        return {
          ...prepared,
          sample(draws) {
            prepared.sample(draws);
            prepared.sample(draws);
          },
        };
      },
    };
    expect(() => audit(goldenSpec("plus-minus-baseline"), { estimators: [twice] })).toThrow(
      "layers.0 in pass 0 is drawn twice in one step",
    );
  });
});

describe("an estimator with two passes", () => {
  /** REINFORCE plus the score of another pass: as good a gradient, with the variance of both. */
  const noisy: Estimator = {
    ...reinforce,
    name: "noisy",
    prepare(problem) {
      const { network, input } = problem;
      const prepared = reinforce.prepare(problem);
      const other = createPass(network, input, 1);
      const noise = network.layers.map((layer) => ({
        linear: layer,
        g: network.backend.matrix(input.rows, layer.width),
        pass: other,
      }));
      return {
        ...prepared,
        credits: [...prepared.credits, ...noise],
        sample(draws) {
          prepared.sample(draws);
          samplePass(other, draws);
        },
        credit() {
          prepared.credit();
          for (const { linear: layer, g } of noise) {
            network.backend.subtract(other.layers[layer.index].bits, other.layers[layer.index].p, g);
          }
        },
      };
    },
  };

  it("is enumerated over their joint draws", () => {
    const spec: BanditSpec = {
      units: "plus-minus",
      layers: [
        {
          weights: [
            [0.5, -1],
            [1, 2],
          ],
          bias: [0.1, 0.2],
        },
        {
          weights: [
            [1, -0.5],
            [0.3, 0.7],
            [0, 1],
          ],
          bias: [0, 0.5, -0.5],
        },
      ],
      contexts: [
        [1, 0],
        [1, 1],
      ],
      reward: [
        [1, 0, 0.5],
        [0, 1, -1],
      ],
    };
    const score = audit({
      ...spec,
      reward: [
        [1, 1, 1],
        [1, 1, 1],
      ],
    }).estimators.reinforce;
    const totals: number[] = [];
    const { estimators } = audit(spec, {
      estimators: ["reinforce", noisy],
      onProgress: ({ total }) => totals.push(total),
    });
    expect(totals[0]).toBe(2 * 12 + 2 * 12 + 2 * 12 * 12);
    expect(estimators.noisy.bias).toBeLessThan(1e-14);
    const [both, one, other] = [estimators.noisy, estimators.reinforce, score].map((e) => flat(e.variance));
    // The passes share nothing but the context, given which a score has mean 0: the variances add.
    both.forEach((variance, e) => {
      expect(variance).toBeCloseTo(one[e] + other[e], 12);
    });
  });

  it("is refused where one pass is not", () => {
    const spec = goldenSpec("plus-minus-2-hidden");
    expect(() => audit(spec, { estimators: [noisy], maximumStates: 1000 })).toThrow(
      new InputError("the estimator noisy has 110,592 states to enumerate; expected at most 1,000"),
    );
  });
});

describe("options", () => {
  const spec = goldenSpec("plus-minus-baseline");

  it("a network that is too large is refused, with its number of states", () => {
    const wide = (units: number): BanditSpec => ({
      units: "zero-one",
      layers: [
        { weights: Array(units).fill([1]), bias: Array(units).fill(0) },
        { weights: Array(4).fill(Array(units).fill(1)), bias: [0, 0, 0, 0] },
      ],
      contexts: [[1]],
      reward: [[0, 1, 2, 3]],
    });
    const message = (count: string) =>
      new InputError(
        `the network has ${count} states to enumerate; expected at most 16,777,216, or to simulate`,
      );
    expect(() => audit(wide(23))).toThrow(message("33,554,432"));
    expect(() => audit(wide(200))).toThrow(message("about 6.4e+60"));
    expect(() => audit(wide(2000))).toThrow(message("more than 1e308"));
  });

  it("estimators by name, or an error that suggests one", () => {
    expect(Object.keys(audit(spec, { estimators: ["hnca"] }).estimators)).toEqual(["hnca"]);
    expect(() => audit(spec, { estimators: ["hcna"] })).toThrow(
      new InputError('"hcna" is no estimator; did you mean "hnca"?'),
    );
  });

  it("by default all that the registry has for a bandit, variants too, but those that refuse the network", () => {
    const names = estimatorsFor(["reward"])
      .flatMap(({ name, variants }) => [name, ...variants.map((variant) => variant.name)])
      .filter((name, i, all) => all.indexOf(name) === i);
    const report = audit(goldenSpec("mixed-softmax-hidden"));
    expect([...Object.keys(report.estimators), ...Object.keys(report.leftOut)].sort()).toEqual(names.sort());
    for (const [name, why] of Object.entries(report.leftOut)) {
      const asked = () =>
        audit(goldenSpec("mixed-softmax-hidden"), { estimators: [name], simulate: { samples: 2 } });
      if (why.endsWith("asked for by name it is simulated")) {
        expect(asked().estimators[name].method).toBe("simulation");
      } else expect(asked).toThrow(new InputError(why));
    }
  });

  it("progress ends where it should and is not told too often", () => {
    const calls: { done: number; total: number }[] = [];
    audit(spec, { estimators: ["reinforce", "hnca"], onProgress: (progress) => calls.push(progress) });
    expect(calls.length).toBeLessThan(110);
    expect(calls[calls.length - 1]).toEqual({ done: 216, total: 216, estimator: "hnca", secondsLeft: 0 });
  });

  it("more states than a batch, in a number that no batch divides", () => {
    const contexts = Array.from({ length: 7 }, (_, c) => [c / 7, 1]);
    const many: BanditSpec = {
      units: "plus-minus",
      layers: [
        { weights: Array.from({ length: 7 }, (_, u) => [u / 3 - 1, 0.5]), bias: Array(7).fill(0.1) },
        { weights: [Array(7).fill(0.3), Array(7).fill(-0.2), [1, 0, 1, 0, 1, 0, -1]], bias: [0, 0.1, 0.2] },
      ],
      contexts,
      reward: contexts.map(([x]) => [x, { values: [0, 1, 5], probabilities: [0.5, 0.3, 0.2] }, 1 - x]),
    };
    const { estimators } = audit(many);
    for (const name of ["reinforce", "hnca"]) expect(estimators[name].bias).toBeLessThan(1e-14);
  });
});

it("a report prints as a table", () => {
  const report = audit(goldenSpec("plus-minus-baseline"), { estimators: ["reinforce", "hnca"] });
  report.estimators.reinforce.bias = 1.4e-17;
  report.estimators.hnca.bias = 0;
  report.leftOut.arm = "a known function is needed";
  report.leftOut.disarm = "a known function is needed";
  report.leftOut.large = "too large";
  report.estimators.simulated = {
    ...report.estimators.hnca,
    bias: 0.012,
    meanVariance: 0,
    method: "simulation",
    samples: 1000,
    standardError: 0.002,
    largestZ: 6,
    meanVarianceError: 0,
  };
  expect(formatAudit(report)).toBe(
    [
      "estimator              bias  mean variance  of reinforce  method",
      "reinforce           1.4e-17       0.009461       100.0 %  enumeration",
      "hnca                      0       0.005285        55.9 %  enumeration",
      "simulated  1.2e-2 +- 2.0e-3              0           0 %  simulation of 1,000, largest |z| 6.0",
      "",
      "left out: arm, disarm (a known function is needed)",
      "left out: large (too large)",
      "",
    ].join("\n"),
  );
});
