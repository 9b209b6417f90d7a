// The audit's exact variances are those of an enumeration that shares no code with it: test/peers/variances.py, in NumPy.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { audit, type FunctionReport } from "../../src/audit/audit.ts";
import type { FunctionSpec } from "../../src/audit/function-spec.ts";

interface Problem {
  spec: FunctionSpec;
  /** Of each unit's bias. */
  estimators: Record<string, { mean: number[]; variance: number[] }>;
}

const { problems } = JSON.parse(
  readFileSync(new URL("../../../../test/peers/variances.json", import.meta.url), "utf8"),
) as { problems: Problem[] };

describe.each(problems)("of $spec.layers.0.kind units", ({ spec, estimators }) => {
  it.each(Object.entries(estimators))("%s", (name, { mean, variance }) => {
    const report = audit(spec, { estimators: [name], maximumStates: 2 ** 20 }) as FunctionReport;
    const found = report.estimators[name];
    const [means, variances] = [found.mean, found.variance].map((all) =>
      (all as number[][]).flat(2).slice(-mean.length),
    );
    mean.forEach((value, e) => {
      expect(Math.abs(means[e] - value), `mean ${e}`).toBeLessThan(1e-10 * (1 + Math.abs(value)));
      expect(Math.abs(variances[e] - variance[e]), `variance ${e}`).toBeLessThan(1e-10 * (1 + variance[e]));
    });
  });
});
