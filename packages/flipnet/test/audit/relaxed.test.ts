// Estimators that backpropagate: through relaxed units, exactly or as a control variate, and through bits. Their bias is measured.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { audit, type FunctionReport } from "../../src/audit/audit.ts";
import { type BanditSpec, parseBanditSpec } from "../../src/audit/bandit-spec.ts";
import { banditSubject } from "../../src/audit/bandit-subject.ts";
import { type ElboSpec, parseElboSpec } from "../../src/audit/elbo-spec.ts";
import { elboSubject } from "../../src/audit/elbo-subject.ts";
import type { FunctionSpec } from "../../src/audit/function-spec.ts";
import type { ProcessSpec } from "../../src/audit/process-spec.ts";
import type { Subject } from "../../src/audit/subject.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import type { Estimator } from "../../src/estimators/estimator.ts";
import { keepingGumbels } from "../../src/estimators/gumbel-noise.ts";
import { parseEstimatorText } from "../../src/estimators/options.ts";
import { createEstimator } from "../../src/estimators/registry.ts";
import { reinmax } from "../../src/estimators/reinmax.ts";
import { relax } from "../../src/estimators/relax.ts";
import { prepareRelaxedUnits } from "../../src/estimators/relaxed-units.ts";
import { GeneratedDraws, type Site } from "../../src/network/draws.ts";
import type { Law } from "../../src/network/laws.ts";
import { initialiseWeights } from "../../src/network/network.ts";
import { createPass, samplePass } from "../../src/network/pass.ts";
import { blackBoxObjective } from "../../src/objectives/black-box.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { matrixOf, numbers, randomProblem } from "../helpers.ts";
import { smallElbo, smallFunction } from "./small.ts";

const codings = ["zero-one", "plus-minus"] as const;
const numbersIn = (value: unknown): number[] => [value].flat(3) as number[];

/** RELAX whose network and coefficients are wherever they may be. */
const learned: Estimator = {
  ...relax({ hidden: 3 }),
  prepare(problem) {
    const prepared = relax({ hidden: 3 }).prepare(problem);
    prepared.parameters!.forEach(({ block }, i) => {
      problem.network.backend.write(block, numbers(i, block.columns));
    });
    return prepared;
  },
};

/** Three hidden units, and a softmax over two actions. */
const bandit: BanditSpec = {
  units: "zero-one",
  layers: [
    { weights: [1, 2, 3].map((seed) => numbers(seed, 3)), bias: numbers(4, 3) },
    { weights: [5, 6].map((seed) => numbers(seed, 3, -2, 2)), bias: numbers(7, 2) },
  ],
  contexts: [
    [1, 0, 1],
    [0, 1, 1],
  ],
  reward: [
    [3, 1],
    [0, 2],
  ],
};

describe("REBAR and RELAX", () => {
  it.each([...codings.map((units) => [units, "Bernoulli"] as const), ["plus-minus", "softmax"] as const])(
    "is unbiased, units %s, the upper ones %s: largest |z| below 5, and the sum of squares as it should be",
    (units, upper) => {
      const spec: FunctionSpec = { ...smallFunction(units, upper === "softmax"), contexts: [[1, 0, 1]] };
      for (const one of ["rebar", "rebar:temperature=0.2:start=0.6", learned]) {
        const simulate = { samples: 4000, seed: 3 };
        const { estimators, exact } = audit(spec, { estimators: [one], simulate }) as FunctionReport;
        const [name] = Object.keys(estimators);
        const { mean, variance, largestZ } = estimators[name];
        expect(largestZ, name).toBeLessThan(5);
        // Not all of these are independent of each other: of that many degrees of freedom the mean of z^2 is 1.
        const z2 = numbersIn(mean).flatMap((value, e) => {
          const error = numbersIn(variance)[e] / simulate.samples;
          return error > 0 ? [(value - numbersIn(exact)[e]) ** 2 / error] : [];
        });
        expect(z2.reduce((sum, one) => sum + one, 0) / z2.length, name).toBeLessThan(4);
      }
    },
  );

  it("RELAX's network learns to take away variance, of a known function and of a reward", () => {
    const backend = createReferenceBackend();
    const subjects: [Subject, string][] = [
      [elboSubject(backend, parseElboSpec(smallElbo())), "relax:objective=false:hidden=10"],
      [banditSubject(backend, parseBanditSpec(bandit)), "relax:hidden=10"],
    ];
    for (const [subject, text] of subjects) {
      const draws = new GeneratedDraws(backend, 3);
      const rows = 50;
      const choose = () => Int32Array.from({ length: rows }, (_, b) => b % 2);
      const trial = subject.prepare(
        createEstimator(parseEstimatorText(text)),
        { choose, draw: draws.draw.bind(draws) },
        rows,
      );
      const { parameters, gradients, adapt, credits } = trial.prepared;
      const optimizer = adam({ learningRate: 0.05 })(
        backend,
        parameters!.map(({ rate: _, ...one }) => one),
      );
      initialiseWeights(backend, parameters!, 1);
      const squares: number[] = [];
      for (let step = 0; step < 120; step++) {
        draws.startStep(step);
        trial.run();
        const { g } = credits[0];
        squares.push(backend.readNow(g).reduce((sum, one) => sum + one * one, 0));
        adapt!();
        optimizer.step(gradients!, step + 1);
      }
      const mean = (few: number[]) => few.reduce((sum, one) => sum + one, 0) / few.length;
      expect(mean(squares.slice(-20)), text).toBeLessThan(0.6 * mean(squares.slice(0, 20)));
    }
  });

  it("has less variance than REINFORCE, and that of REINFORCE where the coefficient is 0", () => {
    const simulate = { samples: 4000, seed: 5 };
    const { estimators } = audit(smallElbo(), {
      estimators: ["reinforce", "rebar", "rebar:start=0"],
      simulate,
    });
    expect(estimators.rebar.meanVariance).toBeLessThan(0.5 * estimators.reinforce.meanVariance);
    expect(estimators["rebar:start=0"].mean).toEqual(estimators.reinforce.mean);
  });
});

/** One layer under a function of second degree in its units. */
const quadratic = (units: "zero-one" | "plus-minus"): FunctionSpec => {
  const { layers, contexts } = smallFunction(units);
  return {
    units,
    layers: [layers[0]],
    contexts,
    components: [
      {
        name: "square",
        reads: [0],
        weights: [
          [1.3, -0.7],
          [0.4, 2],
        ],
        bias: [0.3, -1],
        eta: "square",
      },
    ],
  };
};

describe("ReinMax", () => {
  it.each(codings)("is exact on functions of second degree, units %s; straight-through is not", (units) => {
    const { estimators } = audit(quadratic(units), {
      estimators: ["reinmax", "straight-through", "reinmax:temperature=1.5"],
    });
    expect(estimators.reinmax.bias).toBeLessThan(1e-13);
    expect(estimators["straight-through"].bias).toBeGreaterThan(0.01);
    expect(estimators["reinmax:temperature=1.5"].bias).toBeGreaterThan(1e-3);
  });

  it("is biased on others, and less than straight-through", () => {
    const { estimators } = audit(smallElbo(), { estimators: ["reinmax", "straight-through"] });
    expect(estimators.reinmax.bias).toBeGreaterThan(1e-6);
    expect(estimators.reinmax.bias).toBeLessThan(estimators["straight-through"].bias);
  });

  it("serves softmax units", () => {
    const { estimators } = audit(smallFunction("plus-minus", true), {
      estimators: ["reinmax", "straight-through"],
    });
    for (const { bias } of Object.values(estimators)) expect(bias).toBeGreaterThan(1e-3);
  });

  it("refuses a function that does not say its slopes", () => {
    const backend = createReferenceBackend();
    const spec = {
      inputs: 3,
      units: "zero-one" as const,
      layers: [{ kind: "bernoulli" as const, units: 2 }],
    };
    const objective = blackBoxObjective((_, values) => values.fill(1), { name: "mine" });
    expect(() => reinmax.prepare({ ...randomProblem(backend, spec, 2, 1), objective })).toThrow(
      '"mine" does not say its slopes, which reinmax needs',
    );
  });
});

/** A softmax unit under functions that bend. */
const choices: FunctionSpec = {
  units: "zero-one",
  layers: [
    {
      weights: [
        [0.3, -0.5, 0.8],
        [-0.6, 0.2, 0.4],
        [0.1, 0.9, -0.7],
      ],
      bias: [0.2, -0.3, 0.5],
      kind: "softmax",
      choices: 3,
    },
  ],
  contexts: [[1, 0, 1]],
  components: [
    { name: "square", reads: [0], weights: [[1.5, -0.8, 0.4]], bias: [0.3], eta: "square" },
    { name: "bend", reads: [0], weights: [[-1.2, 0.7, 1.6]], bias: [0.5], eta: "tanh" },
  ],
};

/** Two means that were simulated are the same, but for their errors. */
function expectSameMeans(
  one: FunctionReport["estimators"][string],
  other: FunctionReport["estimators"][string],
  samples: number,
): void {
  numbersIn(one.mean).forEach((mean, e) => {
    const error = Math.sqrt((numbersIn(one.variance)[e] + numbersIn(other.variance)[e]) / samples);
    expect(Math.abs(mean - numbersIn(other.mean)[e])).toBeLessThan(5 * error + 1e-12);
  });
}

/** An auto-encoder of Bernoulli units with softmax units in their place: on is the first of two choices, off has the logit 0. */
function asChoices({ encoder, decoder, prior, images }: ElboSpec): ElboSpec {
  const pairs = (values: readonly number[]) => values.flatMap((value) => [value, 0]);
  const two = <T extends { weights: readonly (readonly number[])[]; bias: readonly number[] }>(one: T) => ({
    weights: one.weights.flatMap((row) => [row, row.map(() => 0)]),
    bias: pairs(one.bias),
  });
  const reads = <T extends { weights: readonly (readonly number[])[] }>(one: T) => ({
    ...one,
    weights: one.weights.map(pairs),
  });
  return {
    encoder: encoder.map((layer, l) => ({
      ...(l > 0 ? reads(two(layer)) : two(layer)),
      kind: "softmax",
      choices: 2,
    })),
    decoder: decoder.map((layer, d) => reads(d < decoder.length - 1 ? two(layer) : layer)),
    prior: pairs(prior),
    images,
  };
}

describe("relaxed units", () => {
  it.each(["concrete:temperature=0.7", "gumbel-softmax", "gumbel-rao:noises=3", "rebar:start=0.8"])(
    "%s: two choices are a Bernoulli unit, on given uniforms",
    (text) => {
      const rows = 4;
      const backend = createReferenceBackend();
      const given = new Map<number, number[]>();
      const time = (u: number) => -Math.log(u + 2 ** -25);
      const creditsOf = (spec: ElboSpec, numbersOf: (law: Law, layer: number) => number[]) => {
        const trial = elboSubject(backend, parseElboSpec(spec)).prepare(
          createEstimator(parseEstimatorText(text)),
          {
            choose: () => Int32Array.from({ length: rows }, (_, b) => b % 2),
            draw: ({ layer: { index } }: Site, law: Law) =>
              law.fromUniforms(matrixOf(backend, law.rows, numbersOf(law, index))),
          },
          rows,
        );
        trial.run();
        return trial.prepared.credits.map(({ g }) => [...backend.readNow(g)]);
      };
      const soft = creditsOf(asChoices(smallElbo()), (law, layer) => {
        given.set(layer, numbers(20 + layer, law.rows * law.columns, 0, 1));
        return given.get(layer)!;
      });
      // The share that the first choice's time has of both is the uniform of a Bernoulli unit, and so is it given the choice.
      const hard = creditsOf(smallElbo(), ({ rows, columns }, layer) =>
        Array.from({ length: rows * columns }, (_, e) => {
          const [on, off] = given
            .get(layer)!
            .slice(2 * e, 2 * e + 2)
            .map(time);
          return on / (on + off) - 2 ** -25;
        }),
      );
      hard.slice(0, 2).forEach((g, layer) => {
        g.forEach((expected, e) => {
          expect(soft[layer][2 * e]).toBeCloseTo(expected, 9);
          expect(soft[layer][2 * e + 1]).toBeCloseTo(-expected, 9);
        });
        expect(g.some((one) => Math.abs(one) > 1e-3)).toBe(true);
      });
    },
  );

  it("softmax units near what was chosen as the temperature falls, whichever way that was drawn", () => {
    const backend = createReferenceBackend();
    const layer = { kind: "softmax", units: 3, choices: 4 } as const;
    const { network, input } = randomProblem(
      backend,
      { inputs: 5, units: "zero-one", layers: [layer] },
      6,
      1,
    );
    const pass = createPass(network, input);
    const [outcome] = pass.layers;
    const kept = backend.matrix(12, 12);
    const { given, ...law } = keepingGumbels(backend, outcome, kept);
    const draws = new GeneratedDraws(backend, 3);
    draws.startStep(1);
    const rest = (temperature: number, from?: "other noise") => {
      const shown = backend.matrix(6, 12);
      const units = prepareRelaxedUnits(backend, outcome, kept, temperature, shown);
      if (from === undefined) units.relax();
      else units.relaxGivenBits(1);
      const bits = backend.readNow(outcome.bits);
      return Math.max(...backend.readNow(shown).map((s, e) => Math.abs(s - bits[e])));
    };
    const expectNearer = () => {
      for (const from of [undefined, "other noise"] as const) {
        expect(rest(1e-6, from)).toBeLessThan(1e-9);
        expect(rest(0.3, from)).toBeLessThan(rest(3, from));
        expect(rest(0.3, from)).toBeGreaterThan(1e-3);
      }
    };
    samplePass(pass, draws, () => draws.draw(pass.sites[0], law));
    expectNearer();
    // Drawn elsewhere: the noise is what would have drawn it.
    samplePass(pass, draws);
    expect(rest(1e-6)).toBeGreaterThan(0.9);
    draws.draw({ ...pass.sites[0], time: 7 }, given!);
    expectNearer();
  });

  it("Gumbel-Rao has the mean of Gumbel-softmax, and less variance at one layer", () => {
    const simulate = { samples: 6000, seed: 2 };
    for (const spec of [quadratic("zero-one"), choices]) {
      const { estimators } = audit(spec, {
        estimators: ["gumbel-softmax", "gumbel-rao", "gumbel-rao:noises=1"],
        simulate,
      }) as FunctionReport;
      const [one, rao, single] = Object.values(estimators);
      for (const other of [rao, single]) expectSameMeans(one, other, simulate.samples);
      expect(rao.meanVariance).toBeLessThan(one.meanVariance);
      expect(Math.abs(single.meanVariance - one.meanVariance)).toBeLessThan(0.1 * one.meanVariance);
    }
  });

  it("their bias is more than the error, and Concrete's falls with the temperature", () => {
    const simulate = { samples: 20_000, seed: 4 };
    const asked = ["concrete:temperature=4", "concrete:temperature=0.1", "gumbel-softmax"];
    for (const spec of [quadratic("zero-one"), choices]) {
      const { estimators } = audit(spec, { estimators: asked, simulate });
      const [warm, cool, hard] = asked.map((name) => estimators[name]);
      expect(warm.largestZ).toBeGreaterThan(10);
      expect(hard.largestZ).toBeGreaterThan(10);
      expect(cool.bias).toBeLessThan(0.5 * warm.bias);
    }
  });

  it("episodes, whose steps are drawn one by one, have noise that would have drawn them", () => {
    const rooms: ProcessSpec = JSON.parse(
      readFileSync(new URL("../../../../examples/three-rooms.json", import.meta.url), "utf8"),
    );
    const simulate = { samples: 8000, seed: 11 };
    const [hidden, output] = rooms.layers;
    const soft: ProcessSpec = {
      ...rooms,
      layers: [{ ...hidden, kind: "softmax", choices: hidden.bias.length }, output],
    };
    for (const spec of [rooms, soft]) {
      const asked = ["gumbel-softmax", "gumbel-rao"];
      const { estimators } = audit(spec, { estimators: asked, simulate });
      const [one, rao] = asked.map((name) => estimators[name]);
      expectSameMeans(one as never, rao as never, simulate.samples);
    }
    const { estimators } = audit(rooms, { estimators: [learned], simulate });
    expect(Object.values(estimators)[0].largestZ).toBeLessThan(5);
  });

  it("without simulation a default audit leaves out what has no end of outcomes, and says so", () => {
    const { leftOut } = audit(quadratic("zero-one"), { maximumStates: 1000 });
    expect(leftOut.rebar).toBe("rebar draws what has no end of outcomes: asked for by name it is simulated");
  });
});
