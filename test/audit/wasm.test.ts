import { describe, expect, it } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { compare } from "./compare.ts";
import { golden, goldenElbos } from "./golden.ts";

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
    // ARM has most of the states.
    const estimators = ["reinforce", "f-hnca", "f-hnca-no-child-pruning", "f-hnca-full-reward"];
    estimators.push("reinforce-loo", "reinforce-loo-fresh", "reinforce-loo-independent", "disarm", "vargrad");
    if (name !== "elbo-3-layer") estimators.push("arm");
    const report = audit(spec, { backend, estimators });
    expect(compare(report, expected)).toBeLessThan(elboTolerance.variance);
    for (const { bias, decoderBias } of Object.values(report.estimators)) {
      expect(bias).toBeLessThan(elboTolerance.bias);
      expect(decoderBias).toBeLessThan(elboTolerance.bias);
    }
  });
});
