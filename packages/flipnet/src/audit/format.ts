/** A report for people. */
import type { AuditReport } from "./audit.ts";
import type { ParameterArrays } from "./layout.ts";

const exponential = (x: number): string => (x === 0 ? "0" : x.toExponential(1));
const compact = (x: number): string => (x === 0 ? "0" : x.toPrecision(4));

/** Two digits that say something, however small. */
const percent = (x: number): string => {
  if (x === 0) return "0 %";
  return `${x >= 1 ? x.toFixed(1) : x < 1e-4 ? x.toExponential(1) : x.toPrecision(2)} %`;
};

const largest = (arrays: ParameterArrays): string =>
  compact(arrays.flat(2).reduce((most, value) => Math.max(most, Math.abs(value)), 0));

/**
 * A report as a table, one estimator a line, variances also relative to REINFORCE's where it is there. Of an ELBO
 * or a known function, its value comes first, with the size of the exact gradient that a bias compares to; where there is
 * no exact gradient, what stands for it.
 */
export function formatAudit(report: AuditReport): string {
  const hasOwn = Object.values(report.estimators).some(({ decoderBias }) => decoderBias !== undefined);
  const own = "elbo" in report ? "decoder" : "reference" in report ? "objective's" : "component";
  const reinforce = report.estimators.reinforce?.meanVariance ?? 0;
  // Without an exact gradient there is no bias, only a distance from another estimator's mean.
  const bias = "reference" in report ? "distance" : "bias";
  const heads = ["estimator", bias, ...(hasOwn ? [`${own} ${bias}`] : []), "mean variance", "of reinforce"];
  const hasNext = Object.values(report.estimators).some(({ nextBias }) => nextBias !== undefined);
  const rows = [[...heads, ...(hasNext ? ["bias of step 2"] : []), "method"]];
  for (const [name, found] of Object.entries(report.estimators)) {
    const { bias, decoderBias = 0, meanVariance, nextBias = 0, method } = found;
    const { samples, standardError, largestZ = 0, meanVarianceError } = found;
    const withError = (text: string, error = 0) => (error === 0 ? text : `${text} +- ${exponential(error)}`);
    rows.push([
      name,
      withError(exponential(bias), standardError),
      ...(hasOwn ? [exponential(decoderBias)] : []),
      withError(compact(meanVariance), meanVarianceError),
      reinforce === 0 ? "" : percent((100 * meanVariance) / reinforce),
      ...(hasNext ? [exponential(nextBias)] : []),
      samples === undefined
        ? method
        : `${method} of ${samples.toLocaleString("en")}, largest |z| ${largestZ.toFixed(1)}`,
    ]);
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const pad = (cell: string, column: number) =>
    column === 0 || column === rows[0].length - 1
      ? cell.padEnd(widths[column])
      : cell.padStart(widths[column]);
  const lines = rows.map((row) => row.map(pad).join("  ").trimEnd());
  if ("reference" in report) {
    const { estimator, samples, mean, standardError } = report.reference;
    lines.unshift(
      `too many states for an exact gradient: distances are from the mean of ${samples.toLocaleString("en")} samples of`,
      `${estimator}, which is unbiased; its largest entry is ${largest(mean)}, its largest error ${exponential(standardError)}`,
      "",
    );
  }
  if ("elbo" in report) {
    const sizes = `encoder ${largest(report.exactEncoder)}, decoder ${largest(report.exactDecoder)}`;
    lines.unshift(`ELBO ${report.elbo.toFixed(6)}; largest entry of the exact gradient: ${sizes}`, "");
  }
  if ("expectedReturn" in report) {
    const size = `largest entry of the exact gradient: ${largest(report.exact)}`;
    lines.unshift(`expected return ${report.expectedReturn.toFixed(6)}; ${size}`, "");
  }
  if ("value" in report) {
    const sizes = [`network ${largest(report.exact)}`];
    if (hasOwn) sizes.push(`components ${largest(report.exactComponents)}`);
    lines.unshift(
      `expected value ${report.value.toFixed(6)}; largest entry of the exact gradient: ${sizes.join(", ")}`,
      "",
    );
  }
  const reasons = new Map<string, string[]>();
  for (const [name, why] of Object.entries(report.leftOut)) {
    reasons.set(why, [...(reasons.get(why) ?? []), name]);
  }
  if (reasons.size > 0) lines.push("");
  for (const [why, names] of reasons) lines.push(`left out: ${names.join(", ")} (${why})`);
  return `${lines.join("\n")}\n`;
}
