import { describe, expect, it } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { compare } from "./compare.ts";
import { golden } from "./golden.ts";

// Float32 has a unit roundoff of 2^-24 = 6e-8. Logits reach 20 here and carry it times their size, so an outcome's
// probability is off by some 1e-6 of itself, and so is a credit; all numbers that are compared are below 1.
const tolerance = 2e-6;

describe.each(["portable", "relaxed"] as const)("the audit on the %s kernels", (kernels) => {
  it.each(golden)("%s", async (_, { spec, expected }) => {
    const report = audit(spec, { backend: await createWasmBackend({ kernels }) });
    expect(compare(report, expected)).toBeLessThan(tolerance);
    expect(report.estimators.hnca.bias).toBeLessThan(tolerance);
  });
});
