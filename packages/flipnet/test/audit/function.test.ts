// Known functions: tables of any function and components of every kind, alone and together.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { type BanditSpec, parseBanditSpec } from "../../src/audit/bandit-spec.ts";
import { banditSubject } from "../../src/audit/bandit-subject.ts";
import { type ElboSpec, parseElboSpec } from "../../src/audit/elbo-spec.ts";
import { elboSubject } from "../../src/audit/elbo-subject.ts";
import { EnumeratedDraws } from "../../src/audit/enumeration.ts";
import { type FunctionSpec, parseFunctionSpec } from "../../src/audit/function-spec.ts";
import { functionSubject } from "../../src/audit/function-subject.ts";
import type { Subject } from "../../src/audit/subject.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { estimatorsFor, findEstimator } from "../../src/estimators/registry.ts";
import { InputError } from "../../src/formats/errors.ts";
import { flat } from "./compare.ts";
import { elboSpecs } from "./random-elbo.ts";
import { functionSpecs } from "./random-function.ts";
import { banditSpecs } from "./random-spec.ts";

const backend = createReferenceBackend();

/** They have tests of their own: of several samples that depend on each other, and of noise that has no end of outcomes. */
const simulatedOrLarge = "arms disarm-tree disarm-sb carms arsm ugc rodeo rebar relax".split(" ");
/** Of known functions. */
const unbiased = estimatorsFor(["components", "evaluations", "slopes"])
  .filter(({ name, unbiased }) => unbiased && !simulatedOrLarge.includes(name))
  .flatMap(({ name, variants }) => [name, ...variants.map((variant) => variant.name)]);
/** What the audit finds of each that serves it with so many states. */
const auditUnbiased = (spec: FunctionSpec) =>
  unbiased.flatMap((name) => {
    try {
      return [[name, audit(spec, { estimators: [name], maximumStates: 3000 }).estimators[name]] as const];
    } catch (error) {
      if (error instanceof InputError) return [];
      throw error;
    }
  });

const options = { seed: 20261122, numRuns: 25 };

const onFunction = (spec: FunctionSpec) => functionSubject(backend, parseFunctionSpec(spec));
const onElbo = (spec: ElboSpec) => elboSubject(backend, parseElboSpec(spec));
const onBandit = (spec: BanditSpec) => banditSubject(backend, parseBanditSpec(spec));

/** The network's credits, over all that can happen, or the first 300 states of it. */
function credits(subject: Subject, name: string, settings = {}): number[] {
  const estimator = findEstimator(name)!(settings);
  const draws = new EnumeratedDraws();
  subject.prepare(estimator, draws, 1).run();
  const rows = Math.min(300, draws.states);
  const trial = subject.prepare(estimator, draws, rows);
  draws.start(0, rows);
  trial.run();
  const own = trial.credits.filter(({ linear }) => subject.network.layers.some((layer) => layer === linear));
  return own.flatMap(({ g }) => [...backend.readNow(g)]);
}

function expectClose(one: number[], other: number[]): void {
  expect(one.length).toBe(other.length);
  one.forEach((g, e) => {
    expect(Math.abs(g - other[e])).toBeLessThan(1e-10 * (1 + Math.abs(g)));
  });
}

describe("random functions of random networks", () => {
  it("every estimator is unbiased, and the components' own gradients are right", () => {
    let audited = 0;
    fc.assert(
      fc.property(functionSpecs(), (spec) => {
        for (const [name, { bias, decoderBias = 0 }] of auditUnbiased(spec)) {
          expect(bias, name).toBeLessThan(1e-9);
          expect(decoderBias, `${name}, components`).toBeLessThan(1e-9);
          audited++;
        }
      }),
      { ...options, numRuns: 10 },
    );
    expect(audited).toBeGreaterThan(100);
  });

  it("antithetic pairs are unbiased too", () => {
    fc.assert(
      fc.property(functionSpecs(true), (spec) => {
        for (const [name, { bias }] of auditUnbiased(spec)) expect(bias, name).toBeLessThan(1e-9);
      }),
      { ...options, numRuns: 5 },
    );
  });

  it("f-HNCA has no more variance than REINFORCE, component by component (theorem 3)", () => {
    fc.assert(
      fc.property(functionSpecs(), (spec) => {
        for (const component of spec.components) {
          const { estimators } = audit(
            { ...spec, components: [component] },
            { estimators: ["f-hnca", "reinforce"] },
          );
          const above = flat(estimators.reinforce.variance);
          flat(estimators["f-hnca"].variance).forEach((variance, e) => {
            expect(variance).toBeLessThanOrEqual(above[e] * (1 + 1e-9) + 1e-12);
          });
        }
      }),
      options,
    );
  });

  it("the exact gradient is the slope of the expectation", () => {
    fc.assert(
      fc.property(functionSpecs(), fc.nat(), (spec, pick) => {
        const { exact, exactComponents } = audit(spec, { estimators: [] });
        const slopes = [...flat(exact), ...flat(exactComponents)];
        const place = pick % slopes.length;
        const step = 1e-5;
        const moved = (by: number) => {
          const copy = structuredClone(spec);
          const rows = [...copy.layers, ...copy.components].flatMap((one) =>
            "weights" in one ? [...one.weights, one.bias] : [],
          ) as number[][];
          let left = place;
          for (const row of rows) {
            if (left >= 0 && left < row.length) row[left] += by;
            left -= row.length;
          }
          return audit(copy, { estimators: [] }).value;
        };
        expect(slopes[place]).toBeCloseTo((moved(step) - moved(-step)) / (2 * step), 7);
      }),
      { ...options, numRuns: 60 },
    );
  });
});

describe("f-HNCA is the naive local expectation, state by state", () => {
  it("on functions that it may look at unit by unit", () => {
    fc.assert(
      fc.property(functionSpecs(), (spec) => {
        const components = spec.components.map((one) => ("values" in one ? { ...one, scalar: false } : one));
        const subject = onFunction({ ...spec, components });
        expectClose(credits(subject, "f-hnca"), credits(subject, "local-expectation"));
      }),
      options,
    );
  });

  it("on auto-encoders", () => {
    fc.assert(
      fc.property(elboSpecs(3), (spec) => {
        const subject = onElbo(spec);
        expectClose(credits(subject, "f-hnca"), credits(subject, "local-expectation"));
      }),
      options,
    );
  });

  it("and HNCA is, and f-HNCA is HNCA, where a reward was observed", () => {
    fc.assert(
      fc.property(banditSpecs, (spec) => {
        const subject = onBandit(spec);
        const hnca = credits(subject, "hnca");
        expectClose(hnca, credits(subject, "local-expectation"));
        expectClose(hnca, credits(subject, "f-hnca"));
      }),
      options,
    );
  });
});

describe("a bandit whose rewards are known", () => {
  const layers = [
    {
      weights: [
        [0.8, -1.2],
        [1.5, 0.3],
      ],
      bias: [0.1, -0.2],
    },
    {
      kind: "softmax" as const,
      weights: [
        [1.1, -0.7],
        [-0.4, 1.3],
        [0.2, 0.9],
      ],
      bias: [0, 0.1, -0.3],
    },
  ];
  const contexts = [
    [0, 1],
    [1, 1],
  ];
  const rewards = [
    [1, 0, 0.5],
    [0, 2, 0.3],
  ];

  it("has the gradient of one whose rewards are observed, with less variance at its output", () => {
    const components = [{ name: "reward", reads: [1], values: rewards }];
    const known = audit({ units: "plus-minus", layers, contexts, components }, { estimators: ["f-hnca"] });
    const observed = audit(
      { units: "plus-minus", layers, contexts, reward: rewards },
      { estimators: ["hnca"] },
    );
    flat(known.exact).forEach((slope, e) => {
      expect(slope).toBeCloseTo(flat(observed.exact)[e], 14);
    });
    const outputOf = ({ variance }: { variance: unknown[] }) => flat(variance.slice(2) as number[][]);
    const [exact, sampled] = [known.estimators["f-hnca"], observed.estimators.hnca].map(outputOf);
    exact.forEach((variance, e) => {
      expect(variance).toBeLessThan(sampled[e]);
    });
  });
});
