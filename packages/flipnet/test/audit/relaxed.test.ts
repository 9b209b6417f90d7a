// Estimators that backpropagate: through relaxed units, exactly or as a control variate, and through bits. Their bias is measured.
import { describe, expect, it } from "vitest";
import { audit, type FunctionReport } from "../../src/audit/audit.ts";
import type { FunctionSpec } from "../../src/audit/function-spec.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { reinmax } from "../../src/estimators/reinmax.ts";
import { blackBoxObjective } from "../../src/objectives/black-box.ts";
import { randomProblem } from "../helpers.ts";
import { smallElbo, smallFunction } from "./small.ts";

const codings = ["zero-one", "plus-minus"] as const;
const numbersIn = (value: unknown): number[] => [value].flat(3) as number[];

describe("REBAR", () => {
  it.each(codings)(
    "is unbiased, units %s: largest |z| below 5, and the sum of squares as it should be",
    (units) => {
      const spec: FunctionSpec = { ...smallFunction(units), contexts: [[1, 0, 1]] };
      for (const name of ["rebar", "rebar:temperature=0.2:start=0.6"]) {
        const simulate = { samples: 6000, seed: 3 };
        const { estimators, exact } = audit(spec, { estimators: [name], simulate }) as FunctionReport;
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

describe("relaxed units", () => {
  it("Gumbel-Rao has the mean of Gumbel-softmax, and less variance at one layer", () => {
    const simulate = { samples: 6000, seed: 2 };
    const { estimators } = audit(quadratic("zero-one"), {
      estimators: ["gumbel-softmax", "gumbel-rao", "gumbel-rao:noises=1"],
      simulate,
    });
    const [one, rao, single] = Object.values(estimators);
    numbersIn(one.mean).forEach((mean, e) => {
      for (const other of [rao, single]) {
        const error = Math.sqrt(
          (numbersIn(one.variance)[e] + numbersIn(other.variance)[e]) / simulate.samples,
        );
        expect(Math.abs(mean - numbersIn(other.mean)[e])).toBeLessThan(5 * error + 1e-12);
      }
    });
    expect(rao.meanVariance).toBeLessThan(one.meanVariance);
    expect(Math.abs(single.meanVariance - one.meanVariance)).toBeLessThan(0.1 * one.meanVariance);
  });

  it("their bias is more than the error, and Concrete's falls with the temperature", () => {
    const simulate = { samples: 20_000, seed: 4 };
    const asked = ["concrete:temperature=4", "concrete:temperature=0.1", "gumbel-softmax"];
    const { estimators } = audit(quadratic("zero-one"), { estimators: asked, simulate });
    const [warm, cool, hard] = asked.map((name) => estimators[name]);
    expect(warm.largestZ).toBeGreaterThan(10);
    expect(hard.largestZ).toBeGreaterThan(10);
    expect(cool.bias).toBeLessThan(0.5 * warm.bias);
  });

  it("without simulation a default audit leaves out what has no end of outcomes, and says so", () => {
    const { leftOut } = audit(quadratic("zero-one"), { maximumStates: 1000 });
    expect(leftOut.rebar).toBe("rebar draws what has no end of outcomes: asked for by name it is simulated");
  });
});
