/** A report for people. */
import type { AuditReport } from "./audit.ts";

const exponential = (x: number): string => (x === 0 ? "0" : x.toExponential(1));
const compact = (x: number): string => (x === 0 ? "0" : x.toPrecision(4));

/** The estimators of a report as a table, one a line, variances also relative to REINFORCE's where it is there. */
export function formatAudit(report: AuditReport): string {
  const reinforce = report.estimators.reinforce?.meanVariance ?? 0;
  const rows = [["estimator", "bias", "mean variance", "of reinforce", "method"]];
  for (const [name, { bias, meanVariance, method, standardError }] of Object.entries(report.estimators)) {
    const error = standardError === undefined ? "" : ` +- ${exponential(standardError)}`;
    const relative = reinforce === 0 ? "" : `${((100 * meanVariance) / reinforce).toFixed(1)} %`;
    rows.push([name, exponential(bias) + error, compact(meanVariance), relative, method]);
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const pad = (cell: string, column: number) =>
    column === 0 || column === rows[0].length - 1
      ? cell.padEnd(widths[column])
      : cell.padStart(widths[column]);
  return `${rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n")}\n`;
}
