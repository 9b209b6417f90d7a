import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { compare, flat, largestDifference } from "./compare.ts";
import { golden, goldenElbos } from "./golden.ts";
import { elboSpecs } from "./random-elbo.ts";

// Float32 has a unit roundoff of 2^-24 = 6e-8. Logits reach 20 here and carry it times their size, so an outcome's
// probability is off by some 1e-6 of itself, and so is a credit; all numbers that are compared are below 1.
const tolerance = 2e-6;

// The ELBO's functions are worth -4 to -7 here, sums of a dozen logarithms: each is off by some 5e-7, and so is what
// REINFORCE credits. Means and differences of functions are smaller, but variances reach 15, off by 2e-7 of themselves.
const elboTolerance = { bias: 1e-6, variance: 1e-5 };

describe.each(["portable", "relaxed"] as const)("the audit on the %s kernels", (kernels) => {
  it.each(golden)("%s", async (_, { spec, expected }) => {
    const report = audit(spec, { backend: await createWasmBackend({ kernels }) });
    expect(compare(report, expected)).toBeLessThan(tolerance);
    expect(report.estimators.hnca.bias).toBeLessThan(tolerance);
  });

  it.each(goldenElbos)("%s", async (name, { spec, expected }) => {
    const backend = await createWasmBackend({ kernels });
    // What draws more than one pass has most of the states: two layers are enough for that.
    const estimators = ["reinforce", "f-hnca", "f-hnca-no-child-pruning", "f-hnca-full-reward", "vargrad"];
    const several = ["reinforce-loo", "reinforce-loo-fresh", "reinforce-loo-independent", "disarm", "arm"];
    if (name !== "elbo-3-layer") estimators.push(...several);
    const report = audit(spec, { backend, estimators });
    expect(compare(report, expected)).toBeLessThan(elboTolerance.variance);
    for (const { bias, decoderBias } of Object.values(report.estimators)) {
      expect(bias).toBeLessThan(elboTolerance.bias);
      expect(decoderBias).toBeLessThan(elboTolerance.bias);
    }
  });

  it("auto-encoders of softmax and Bernoulli units that skip layers, as on the reference", async () => {
    const backend = await createWasmBackend({ kernels });
    fc.assert(
      fc.property(elboSpecs(2, "skips", "mixed"), (spec) => {
        const estimators = ["reinforce", "f-hnca", "f-hnca-no-child-pruning", "reinforce-loo"];
        const [exact, found] = [undefined, backend].map((on) =>
          audit(spec, { estimators, ...(on && { backend: on }) }),
        );
        for (const name of estimators) {
          const { bias, decoderBias, variance } = found.estimators[name];
          const most = Math.max(1, ...flat(exact.estimators[name].variance));
          expect(bias, name).toBeLessThan(1e-5 * Math.sqrt(most));
          expect(decoderBias, name).toBeLessThan(1e-5);
          expect(largestDifference(variance, exact.estimators[name].variance)).toBeLessThan(1e-5 * most);
        }
      }),
      { seed: 7, numRuns: 3 },
    );
  });
});
