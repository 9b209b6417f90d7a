import fc from "fast-check";
import { describe, expect, it, type TestContext } from "vitest";
import { logSigmoid, sigmoid } from "../../src/audit/arithmetic.ts";
import { audit, type ElboReport } from "../../src/audit/audit.ts";
import { type Elbo, type ElboSpec, parseElboSpec } from "../../src/audit/elbo-spec.ts";
import { elboSubject } from "../../src/audit/elbo-subject.ts";
import { EnumeratedDraws } from "../../src/audit/enumeration.ts";
import { enumerate, prepareRun } from "../../src/audit/run.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import type { Estimator, PreparedEstimator } from "../../src/estimators/estimator.ts";
import { estimatorsFor, findEstimator } from "../../src/estimators/registry.ts";
import { reinforceLoo } from "../../src/estimators/reinforce-loo.ts";
import { InputError } from "../../src/formats/errors.ts";
import type { Tosser } from "../../src/network/laws.ts";
import type { Objective } from "../../src/objectives/objective.ts";
import { compare, flat, largestDifference } from "./compare.ts";
import { goldenElbo, goldenElbos } from "./golden.ts";
import { elboSpecs } from "./random-elbo.ts";

const [fHnca, reinforce] = ["f-hnca", "reinforce"].map((name) => findEstimator(name)!);
const backend = createReferenceBackend();

/** They have tests of their own: in control-variates.test.ts, choices.test.ts, flips.test.ts and relaxed.test.ts. */
const elsewhere = "arms disarm-tree disarm-sb carms arsm ugc double-cv rodeo nvil rebar relax".split(" ");

/** Names of the other estimators that are unbiased for a known function. */
const names = estimatorsFor(["components", "evaluations", "slopes"])
  .filter(({ name, unbiased }) => unbiased && !elsewhere.includes(name))
  .flatMap(({ name, variants }) => [name, ...variants.map((variant) => variant.name)]);

/** All of them are unbiased, and the decoder's gradients too, which come from the same draws. */
function expectUnbiased({ estimators }: ElboReport, tolerance: number): void {
  for (const [name, { bias, decoderBias }] of Object.entries(estimators)) {
    expect(bias, name).toBeLessThan(tolerance);
    expect(decoderBias, `${name}, decoder`).toBeLessThan(tolerance);
  }
}

/** Every variance of `lower` is at most that of `upper`. */
function expectNoMoreVariance({ estimators }: ElboReport, lower: string, upper: string): void {
  const [below, above] = [lower, upper].map((name) => flat(estimators[name].variance));
  above.forEach((variance, e) => {
    expect(below[e], `${lower} at ${e}`).toBeLessThanOrEqual(variance * (1 + 1e-9) + 1e-12);
  });
}

describe("known auto-encoders", () => {
  it("are three, for twelve estimators or more", () => {
    expect(goldenElbos).toHaveLength(3);
    expect(names.length).toBeGreaterThanOrEqual(12);
  });

  it.each(goldenElbos)("%s", (name, { spec, expected }) => {
    // What has tens of thousands of states: ARM at two layers, at three also passes of every layer's own.
    const large = { "elbo-1-layer": /^$/, "elbo-2-layer": /^arm-/ }[name] ?? /^arm|-fresh$|-independent$/;
    const wanted = names.filter((one) => !large.test(one));
    const report = audit(spec, { estimators: wanted });
    expect(Object.keys(report.estimators)).toEqual(wanted);
    expect(compare(report, expected)).toBeLessThan(1e-12);
    expectUnbiased(report, 1e-12);
    if (wanted.includes("arm")) expectNoMoreVariance(report, "disarm", "arm");
  });

  it.each(["elbo-1-layer", "elbo-2-layer"])("%s, entropies sampled: the same gradient", (name) => {
    const spec = goldenElbo(name);
    const analytic = audit({ ...spec, entropy: "analytic" }, { estimators: ["reinforce"] });
    const sampled = audit(
      { ...spec, entropy: "sampled" },
      { estimators: names.filter((one) => !one.startsWith("arm")) },
    );
    expectUnbiased(sampled, 1e-12);
    expect(sampled.exactEncoder).toEqual(analytic.exactEncoder);
    const { variance } = sampled.estimators.reinforce;
    expect(largestDifference(variance, analytic.estimators.reinforce.variance)).toBeGreaterThan(0.01);
  });
});

describe.each(["analytic", "sampled"] as const)("a KL divergence counting 0.3, %s entropies", (entropy) => {
  it.each(["elbo-1-layer", "elbo-2-layer"])("%s", (name) => {
    const spec = { ...goldenElbo(name), entropy };
    const most = names.filter((one) => !one.startsWith("arm"));
    const report = audit({ ...spec, klWeight: 0.3 }, { estimators: most });
    expectUnbiased(report, 1e-12);
    // The bound is linear in what it counts.
    const [none, whole] = [0, 1].map((klWeight) => audit({ ...spec, klWeight }, { estimators: ["f-hnca"] }));
    expect(report.elbo).toBeCloseTo(0.7 * none.elbo + 0.3 * whole.elbo, 12);
    expect(none.elbo).toBeGreaterThan(whole.elbo);
    expectUnbiased(none, 1e-12);
  });
});

describe("random small auto-encoders", () => {
  const options = { seed: 20261122, numRuns: 30 };
  /** Where each network is audited with every estimator. */
  const fewer = { ...options, numRuns: 10 };

  const maximumStates = 2 ** 13;
  /** Of each estimator, how many networks a test has left out because they have more states. */
  const tooLarge = new Map<string, number>();
  const sayWhatIsLeftOut = async ({ annotate }: TestContext) => {
    for (const [name, times] of tooLarge) {
      await annotate(`${name}: left out ${times} networks of more than ${maximumStates} states`);
    }
    tooLarge.clear();
  };

  /** Those of the estimators that have so many states at most are unbiased; ARM, which has the most, is another test's. */
  function expectAllUnbiased(spec: ElboSpec): void {
    for (const name of names.filter((one) => !one.startsWith("arm"))) {
      try {
        expectUnbiased(audit(spec, { estimators: [name], maximumStates }), 1e-9);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        if (error.message.includes("states to enumerate")) tooLarge.set(name, (tooLarge.get(name) ?? 0) + 1);
        else expect(error.message).toMatch(/^\S+ needs Bernoulli units/);
      }
    }
  }

  it("every estimator is unbiased", async (test) => {
    fc.assert(
      fc.property(elboSpecs(3), (spec) => {
        expectAllUnbiased(spec);
      }),
      fewer,
    );
    await sayWhatIsLeftOut(test);
  });

  it("every estimator is unbiased where layers have several parents, and children at several depths", async (test) => {
    fc.assert(
      fc.property(elboSpecs(3, "skips"), (spec) => {
        expectAllUnbiased(spec);
      }),
      fewer,
    );
    await sayWhatIsLeftOut(test);
  });

  it("every estimator that serves them is unbiased where some units are softmax", async (test) => {
    fc.assert(
      fc.property(elboSpecs(2, "chain", "mixed"), elboSpecs(2, "skips", "mixed"), (chain, graph) => {
        expectAllUnbiased(chain);
        expectUnbiased(audit(graph, { estimators: ["reinforce", "f-hnca", "reinforce-loo"] }), 1e-9);
      }),
      { ...options, numRuns: 6 },
    );
    await sayWhatIsLeftOut(test);
  });

  it("ARM is unbiased, and DisARM has no more variance", () => {
    const wanted = ["arm", "arm-fresh", "disarm", "disarm-fresh"];
    fc.assert(
      fc.property(elboSpecs(2), (spec) => {
        const report = audit(spec, { estimators: wanted });
        expectUnbiased(report, 1e-9);
        expectNoMoreVariance(report, "disarm", "arm");
        expectNoMoreVariance(report, "disarm-fresh", "arm-fresh");
      }),
      fewer,
    );
  });

  it("the exact gradient is the slope of the ELBO", () => {
    fc.assert(
      fc.property(elboSpecs(3), fc.nat(), (spec, pick) => {
        const { exactEncoder, exactDecoder } = audit(spec, { estimators: [] });
        const slopes = [...flat(exactEncoder), ...flat(exactDecoder)];
        const step = 1e-5;
        const moved = (by: number) => {
          const copy = structuredClone(spec);
          const rows = [...copy.encoder, ...copy.decoder].flatMap(({ weights, bias }) => [...weights, bias]);
          let place = pick % slopes.length;
          for (const row of [...rows, copy.prior] as number[][]) {
            if (place >= 0 && place < row.length) row[place] += by;
            place -= row.length;
          }
          return audit(copy, { estimators: [] }).elbo;
        };
        const slope = (moved(step) - moved(-step)) / (2 * step);
        expect(slopes[pick % slopes.length]).toBeCloseTo(slope, 7);
      }),
      { ...options, numRuns: 100 },
    );
  });

  it("f-HNCA has no more variance than REINFORCE, component by component (theorem 3)", () => {
    fc.assert(
      fc.property(fc.oneof(elboSpecs(3), elboSpecs(3, "skips"), elboSpecs(2, "chain", "mixed")), (spec) => {
        const L = spec.encoder.length;
        const components = [
          "prior",
          ...Array.from({ length: L }, (_, l) => [`decoder.${l}`, `entropy.${l}`]).flat(),
        ];
        for (const component of components) {
          const pair = [fHnca, reinforce].map((estimator) => onOne(estimator, component));
          expectNoMoreVariance(audit(spec, { estimators: pair }), "f-hnca", "reinforce");
        }
      }),
      options,
    );
  });

  it("VarGrad at one layer is leave-one-out with independent passes, on every example", () => {
    fc.assert(
      fc.property(elboSpecs(1), (spec) => {
        const [one, other] = [
          credits(spec, findEstimator("vargrad")!),
          credits(spec, reinforceLoo({ resample: "independent" })),
        ];
        one.forEach((credit, i) => {
          credit.forEach((g, e) => {
            expect(g).toBeCloseTo(other[i][e], 11);
          });
        });
      }),
      options,
    );
  });

  it("f-HNCA at one layer is the local expectation gradient, two evaluations a unit, on every example", () => {
    fc.assert(
      fc.property(elboSpecs(1), (spec) => {
        const vae = parseElboSpec(spec);
        let prepared: PreparedEstimator | undefined;
        const [g] = credits(spec, {
          ...fHnca,
          prepare: (problem) => {
            prepared = fHnca.prepare(problem);
            return prepared;
          },
        });
        const { pass } = prepared!;
        const [input, bits] = [pass.input, pass.layers[0].bits].map((m) => ({
          width: m.columns,
          values: [...backend.readNow(m)],
        }));
        const rowOf = ({ width, values }: typeof bits, b: number) => values.slice(b * width, (b + 1) * width);
        g.forEach((credit, e) => {
          const b = Math.floor(e / bits.width);
          expect(credit).toBeCloseTo(
            localExpectation(vae, rowOf(input, b), rowOf(bits, b), e % bits.width),
            11,
          );
        });
      }),
      options,
    );
  });
});

/** An estimator on one component of the objective alone, and without the gradients that need no estimator. */
function onOne(estimator: Estimator, component: string): Estimator {
  const restrict = (objective: Objective): Objective => ({
    ...objective,
    prepare(pass) {
      const evaluation = objective.prepare(pass);
      const components = evaluation.components.filter(({ name }) => name === component);
      expect(components).toHaveLength(1);
      return { ...evaluation, components, addDirectGradient() {} };
    },
  });
  return {
    ...estimator,
    prepare: (problem) => estimator.prepare({ ...problem, objective: restrict(problem.objective) }),
  };
}

/** An encoder's credits, over all that can happen (or the first thousand states of it). */
function credits(spec: ElboSpec, estimator: Estimator): Float64Array[] {
  const subject = elboSubject(backend, parseElboSpec(spec));
  const draws = new EnumeratedDraws();
  subject.prepare(estimator, draws, 1).run();
  const rows = Math.min(1000, draws.states);
  const trial = subject.prepare(estimator, draws, rows);
  draws.start(0, rows);
  trial.run();
  const own = trial.credits.filter(({ linear }) => subject.network.layers.some((layer) => layer === linear));
  return own.map(({ g }) => backend.readNow(g));
}

/** `p q (f(unit on) - f(unit off))`, `f = log p(image, bits) - log q(bits | image)`: Titsias and Lázaro-Gredilla 2015. */
function localExpectation(
  { encoder, decoder, prior }: Elbo,
  image: number[],
  bits: number[],
  unit: number,
): number {
  const logit = ({ weights, bias }: Elbo["prior"], j: number, x: number[]) =>
    bias[j] + weights[j].reduce((sum, w, i) => sum + w * x[i], 0);
  const logLikelihood = (linear: Elbo["prior"], x: number[], target: number[]) =>
    target.reduce((sum, bit, j) => sum + logSigmoid((2 * bit - 1) * logit(linear, j, x)), 0);
  const f = (h: number[]) =>
    logLikelihood(decoder[0], h, image) + logLikelihood(prior, [], h) - logLikelihood(encoder[0], image, h);
  const l = logit(encoder[0], unit, image);
  return sigmoid(l) * sigmoid(-l) * (f(bits.with(unit, 1)) - f(bits.with(unit, 0)));
}

describe("only the draws that a credit depends on are enumerated", () => {
  /** Small enough to enumerate in full. */
  const spec: ElboSpec = {
    encoder: [
      {
        weights: [
          [1, -0.5],
          [0.3, 2],
        ],
        bias: [0.2, -1],
      },
      {
        weights: [
          [-1.5, 0.7],
          [0.4, 0.9],
        ],
        bias: [0.1, 0.6],
      },
    ],
    decoder: [
      {
        weights: [
          [0.8, -0.3],
          [-1.1, 0.5],
        ],
        bias: [0.4, 0],
      },
      {
        weights: [
          [1.2, -0.8],
          [0.6, 1.9],
        ],
        bias: [-0.7, 0.3],
      },
    ],
    prior: [0.5, -0.4],
    images: [
      [0, 1],
      [1, 1],
    ],
  };
  const subject = elboSubject(backend, parseElboSpec(spec));
  const { gradient } = subject.exact(() => {});

  it.each([
    // Layer 1: its two outcomes and two passes on. Layer 2: the layer below, its two outcomes. Decoder: one pass.
    ["fresh" as const, 2 * 4 ** 4 + 2 * 4 ** 3 + 2 * 4 ** 2, 2 * 4 ** 2 * 4 ** 4 * 4 ** 2],
    // The main pass is one of each pair, and the decoder's.
    ["partial" as const, 2 * 4 ** 4 + 2 * 4 ** 3, 2 * 4 ** 2 * 4 ** 2 * 4],
  ])("leave-one-out, %s: %d states instead of %d, the same moments", (resample, few, many) => {
    const whole = prepareRun(subject, reinforceLoo({ resample }), Number.POSITIVE_INFINITY);
    const reduced = prepareRun(subject, reinforceLoo({ resample }), 0);
    expect([reduced.states, whole.states]).toEqual([few, many]);
    const [a, b] = [whole, reduced].map((run) => enumerate(run, gradient));
    a.forEach(({ mean, variance, bias }, i) => {
      expect(bias).toBeLessThan(1e-13);
      expect(b[i].bias).toBeLessThan(1e-13);
      for (const part of ["weights", "bias"] as const) {
        expect(largestDifference([mean[part]], [b[i].mean[part]])).toBeLessThan(1e-13);
        expect(largestDifference([variance[part]], [b[i].variance[part]])).toBeLessThan(1e-13);
      }
    });
  });

  it("a credit that seldom depends on another layer's draws is summed over those too", () => {
    /** Leave-one-out whose first layer looks at the second's own sample, but only where six bits are all on. */
    const nosy: Estimator = {
      ...reinforceLoo,
      prepare(problem) {
        const prepared = reinforceLoo({ resample: "fresh" }).prepare(problem);
        const drawn: Int32Array[] = [];
        return {
          ...prepared,
          sample(draws) {
            drawn.length = 0;
            prepared.sample({
              draw(site, law) {
                const enumerate = (toss: Tosser) =>
                  law.enumerate!((...asked) => {
                    const found = toss(...asked);
                    drawn.push(found.outcomes);
                    return found;
                  });
                draws.draw(site, { ...law, enumerate });
              },
            });
          },
          credit() {
            prepared.credit();
            const { g } = prepared.credits[0];
            const values = backend.readNow(g);
            const [one, other, last] = [drawn[0], drawn[2], drawn[drawn.length - 1]];
            values.forEach((value, e) => {
              const row = e - (e % 2);
              const all = [one, other, last].every((bits) => bits[row] === 1 && bits[row + 1] === 1);
              values[e] = all ? 2 * value : value;
            });
            backend.write(g, values);
          },
        };
      },
    };
    const plain = prepareRun(subject, reinforceLoo({ resample: "fresh" }), 0);
    const run = prepareRun(subject, nosy, 0);
    expect(run.states).toBeGreaterThan(plain.states);
    const whole = enumerate(prepareRun(subject, nosy, Number.POSITIVE_INFINITY), gradient);
    expect(enumerate(run, gradient)[0].bias).toBeCloseTo(whole[0].bias, 13);
    expect(whole[0].bias).toBeGreaterThan(1e-4);
  });

  it("a credit that changes with draws which were left out is an error", () => {
    /** As if no dependence were seen: a credit that looks at the draws only later on. */
    const late: Estimator = {
      ...reinforceLoo,
      prepare(problem) {
        const prepared = reinforceLoo({ resample: "fresh" }).prepare(problem);
        let calls = 0;
        return {
          ...prepared,
          credit() {
            prepared.credit();
            if (++calls < 12) return;
            const [first] = prepared.credits;
            const { bits } = prepared.pass.layers[1];
            backend.addScaled(bits, 1, first.g);
          },
        };
      },
    };
    expect(() => prepareRun(subject, late, 0)).toThrow(
      /layers\.0 depends on draws that were found not to matter/,
    );
  });

  it("what is too large is refused with its number of states, or left out where nobody asked for it", () => {
    const options = { maximumStates: 1000 };
    expect(() => audit(goldenElbo("elbo-1-layer"), { ...options, estimators: ["reinforce", "arm"] })).toThrow(
      /^the estimator arm has [\d,]+ states to enumerate; expected at most 1,000$/,
    );
    const { estimators, leftOut } = audit(goldenElbo("elbo-1-layer"), options);
    expect(Object.keys(estimators)).toContain("f-hnca");
    expect(leftOut.arm).toMatch(/^the estimator arm has/);
  });
});
