// What cannot be enumerated is simulated, and says how sure it is.
import { describe, expect, it } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import type { BanditSpec } from "../../src/audit/bandit-spec.ts";
import { formatAudit } from "../../src/audit/format.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { defineEstimator, type Estimator } from "../../src/estimators/estimator.ts";
import { prepareSinglePass } from "../../src/estimators/single-pass.ts";
import { InputError } from "../../src/formats/errors.ts";
import type { Law } from "../../src/network/laws.ts";
import { flat, largestDifference } from "./compare.ts";
import { goldenElbo, goldenSpec } from "./golden.ts";

const backend = createReferenceBackend();

describe("an estimator that can be enumerated says the same when it is simulated", () => {
  it.each([
    ["a bandit", goldenSpec("mixed-softmax-hidden"), ["reinforce", "hnca"]],
    ["an auto-encoder", goldenElbo("elbo-2-layer"), ["reinforce", "f-hnca", "reinforce-loo", "disarm"]],
  ])("%s", (_, spec, estimators) => {
    const exact = audit(spec, { estimators, backend });
    const samples = 8000;
    const simulated = audit(spec, { estimators, backend, simulate: { samples, seed: 7 } });
    for (const name of estimators) {
      const [one, other] = [exact.estimators[name], simulated.estimators[name]];
      expect(other).toMatchObject({ method: "simulation", samples });
      expect(other.largestZ).toBeLessThan(5);
      // The standard errors are what the exact variances say.
      const error = Math.sqrt(Math.max(...flat(one.variance)) / samples);
      expect(other.standardError).toBeGreaterThan(0.8 * error);
      expect(other.standardError).toBeLessThan(1.25 * error);
      expect(Math.abs(other.meanVariance - one.meanVariance)).toBeLessThan(5 * other.meanVarianceError!);
      expect(other.meanVarianceError).toBeLessThan(0.2 * one.meanVariance);
      expect(largestDifference(other.mean, one.mean)).toBeGreaterThan(0);
    }
  });

  it("finds one that is biased, on either backend", async () => {
    const spec = goldenSpec("zero-one-2-hidden");
    const exact = audit(spec, { estimators: ["weight-max"] }).estimators["weight-max"];
    for (const where of [backend, await createWasmBackend()]) {
      const simulate = { samples: 20_000, seed: 1 };
      const found = audit(spec, { estimators: ["weight-max", "hnca"], backend: where, simulate }).estimators;
      expect(found["weight-max"].largestZ).toBeGreaterThan(6);
      expect(Math.abs(found["weight-max"].bias - exact.bias)).toBeLessThan(
        5 * found["weight-max"].standardError!,
      );
      expect(found.hnca.largestZ).toBeLessThan(5);
    }
  });

  it("the same seed gives the same numbers, another one others", () => {
    const spec = goldenSpec("plus-minus-baseline");
    const of = (seed: number) => audit(spec, { estimators: ["hnca"], simulate: { samples: 500, seed } });
    expect(of(3)).toEqual(of(3));
    expect(of(3).estimators.hnca.mean).not.toEqual(of(4).estimators.hnca.mean);
  });

  it("ends when it is precise enough", () => {
    const spec = goldenSpec("plus-minus-baseline");
    const simulate = { samples: 2 ** 20, precision: 0.004 };
    const { samples, standardError } = audit(spec, { estimators: ["hnca"], simulate }).estimators.hnca;
    expect(standardError).toBeLessThan(0.004);
    expect(samples).toBeLessThan(2 ** 16);
  });
});

describe("a network too large for an exact gradient is held against an unbiased estimator's mean", () => {
  it.each([
    ["a bandit", goldenSpec("mixed-softmax-hidden"), ["hnca", "reinforce"], "reinforce"],
    ["an auto-encoder", goldenElbo("elbo-2-layer"), ["f-hnca", "disarm"], "reinforce-loo:samples=4"],
  ])("%s: which, were it enumerated, would say the same", (_, spec, estimators, reference) => {
    const exact = audit(spec, { estimators, backend });
    const samples = 8000;
    const simulate = { samples, seed: 3 };
    const report = audit(spec, { estimators, backend, simulate, maximumStates: 1 });
    if (!("reference" in report)) throw new Error("there is no reference");
    if ("reference" in exact) throw new Error("there is no exact gradient");
    const truth = "exact" in exact ? exact.exact : exact.exactEncoder;
    expect(report.reference).toMatchObject({ estimator: reference, samples });
    // The largest of some tens of normal errors is below 5 of the largest of them.
    const error = report.reference.standardError;
    expect(largestDifference(report.reference.mean, truth)).toBeLessThan(5 * error);
    expect(largestDifference(report.reference.mean, truth)).toBeGreaterThan(0);
    for (const name of estimators) {
      const [known, found] = [exact.estimators[name], report.estimators[name]];
      // What a distance is compared to has the errors of both, drawn independently.
      const own = Math.sqrt(Math.max(...flat(known.variance)) / samples);
      expect(found.standardError).toBeLessThan(1.25 * (own + error));
      expect(found.standardError).toBeGreaterThan(0.8 * Math.max(own, error));
      expect(Math.abs(found.bias - known.bias)).toBeLessThan(5 * found.standardError!);
      if (known.bias < 1e-9) expect(found.largestZ).toBeLessThan(5);
      expect(Math.abs(found.meanVariance - known.meanVariance)).toBeLessThan(5 * found.meanVarianceError!);
    }
    expect(formatAudit(report)).toContain(`samples of\n${reference}, which is unbiased`);
    expect(formatAudit(report)).toMatch(/^estimator +distance/m);
  });

  it("finds one that is biased", () => {
    const estimators = [throughNoise(), throughNoise(1.2)].map((one, i) => ({ ...one, name: `noise-${i}` }));
    const simulate = { samples: 20_000, seed: 1 };
    const found = audit(coin, { estimators, simulate, maximumStates: 1 }).estimators;
    expect(found["noise-0"].largestZ).toBeLessThan(5);
    expect(found["noise-1"].largestZ).toBeGreaterThan(8);
    expect(Math.abs(found["noise-1"].bias - 0.2 * 0.24026)).toBeLessThan(5 * found["noise-1"].standardError!);
  });

  it("is refused where nothing is simulated", () => {
    expect(() => audit(goldenSpec("zero-one-2-hidden"), { maximumStates: 1 })).toThrow(
      /^the network has \d+ states to enumerate; expected at most 1, or to simulate$/,
    );
  });
});

/** One logit, no context: J = p, dJ/dl = p q. */
const coin: BanditSpec = {
  units: "zero-one",
  layers: [{ kind: "bernoulli", weights: [[0]], bias: [0.4] }],
  contexts: [[1]],
  reward: [[0, 1]],
};

/**
 * A unit that is drawn through noise that has no end of outcomes: logistic, `l + log u - log (1 - u)`, on where that is
 * above 0. What is credited is the score given the bit, times `factor`, plus noise that has the mean 0.
 */
const throughNoise = (factor = 1): Estimator =>
  defineEstimator({
    name: "through-noise",
    title: "Through noise",
    paper: "none",
    unbiased: factor === 1,
    why: "the bit has the law that it should",
    needs: { knows: [] },
    baseline: false,
    cost: "forward pass",
    prepare(problem) {
      const { backend: on } = problem.network;
      const { pass, evaluation, credits, estimator } = prepareSinglePass(problem);
      const { logits, bits, p } = pass.layers[0];
      const noise = on.matrix(bits.rows, 1);
      const law: Law = {
        rows: bits.rows,
        columns: 1,
        fromUniforms(uniforms) {
          const u = backend.readNow(uniforms);
          const relaxed = backend.readNow(logits).map((l, e) => l + Math.log(u[e]) - Math.log1p(-u[e]));
          on.write(
            bits,
            relaxed.map((x) => (x > 0 ? 1 : 0)),
          );
          on.write(
            noise,
            u.map((x) => x - 0.5),
          );
        },
      };
      const plain = estimator(() => {
        const [{ g }] = credits;
        on.subtract(bits, p, g);
        on.scaleRows(g, evaluation.components[0].value, g);
        on.addScaled(g, factor - 1, g);
        on.addScaled(noise, 1, g);
      });
      return {
        ...plain,
        // The pass computes logits and law; what is drawn is drawn by another law.
        sample: (draws) => plain.sample({ draw: (site) => draws.draw(site, law) }),
      };
    },
  });

describe("a law without an end of outcomes", () => {
  it("is simulated unasked, and unbiased where it is", () => {
    const { exact, estimators } = audit(coin, { estimators: ["reinforce", throughNoise()] });
    const { method, largestZ, samples, meanVariance, meanVarianceError } = estimators["through-noise"];
    expect(estimators.reinforce.method).toBe("enumeration");
    expect({ method, samples }).toEqual({ method: "simulation", samples: 2 ** 17 });
    expect(largestZ).toBeLessThan(5);
    expect(exact[1]).toEqual([expect.closeTo(0.24026, 4)]);
    // The bit is on where u > q. E[g^2] = E[(r (b - p))^2] + 2 E[r (b - p) (u - 1/2)] + 1/12, r being b.
    const p = 1 / (1 + Math.exp(-0.4));
    const q = 1 - p;
    const variance = p * q ** 2 + 2 * q * ((1 - q ** 2) / 2 - p / 2) + 1 / 12 - (p * q) ** 2;
    // The mean over a weight and a bias whose input is 1.
    expect(Math.abs(meanVariance - variance)).toBeLessThan(5 * meanVarianceError!);
  });

  it("shows its bias", () => {
    const { estimators } = audit(coin, { estimators: [throughNoise(1.1)] });
    const { bias, largestZ, standardError } = estimators["through-noise"];
    expect(largestZ).toBeGreaterThan(10);
    expect(Math.abs(bias - 0.1 * 0.24026)).toBeLessThan(5 * standardError!);
  });

  it("cannot be followed over two steps", () => {
    expect(() => audit(coin, { estimators: [throughNoise()], steps: 2 })).toThrow(
      new InputError("through-noise is simulated; expected one whose draws can be enumerated, for two steps"),
    );
  });

  it("prints its errors", () => {
    const report = audit(coin, { estimators: [throughNoise()], simulate: { samples: 3000, seed: 5 } });
    expect(formatAudit(report)).toMatch(
      /^through-noise +\d\.\de-\d \+- \d\.\de-3 +0\.\d+ \+- \d\.\de-3 +simulation of 3,000, largest \|z\| \d\.\d$/m,
    );
  });
});

it.each([
  [{ samples: 1 }, "the samples to simulate are 1; expected a whole number of at least 2"],
  [{ seed: -1 }, "the simulation's seed is -1; expected a whole number of at least 0"],
  [{ precision: 0 }, "the simulation's precision is 0; expected a positive number"],
])("settings that cannot be are refused: %j", (simulate, message) => {
  expect(() => audit(coin, { simulate })).toThrow(new InputError(message));
});
