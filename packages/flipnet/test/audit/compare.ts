/** How far two reports are apart. */
import type { AuditReport, SimulatedReport } from "../../src/audit/audit.ts";
import type { ParameterArrays } from "../../src/audit/layout.ts";

export const flat = (arrays: ParameterArrays): number[] => arrays.flat(2);

export function largestDifference(a: ParameterArrays, b: ParameterArrays): number {
  const [x, y] = [flat(a), flat(b)];
  if (x.length !== y.length) throw new Error(`${x.length} numbers against ${y.length}`);
  return x.reduce((largest, value, i) => Math.max(largest, Math.abs(value - y[i])), 0);
}

type ExactReport = Exclude<AuditReport, SimulatedReport>;

/** The exact numbers of a report, whatever it is about. */
const answers = (report: ExactReport): ParameterArrays =>
  "exact" in report ? report.exact : [[report.elbo], ...report.exactEncoder, ...report.exactDecoder];

/** The largest absolute difference between a report and all that is known of it. */
export function compare(report: ExactReport, known: ExactReport): number {
  const differences = [largestDifference(answers(report), answers(known))];
  for (const [name, { mean, variance, meanVariance }] of Object.entries(known.estimators)) {
    const found = report.estimators[name];
    differences.push(largestDifference(found.mean, mean), largestDifference(found.variance, variance));
    differences.push(Math.abs(found.meanVariance - meanVariance));
  }
  return Math.max(...differences);
}
