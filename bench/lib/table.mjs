// Figures as text.

/** Three digits. */
export const number = (value) =>
  Math.abs(value) < 100 ? value.toPrecision(3) : `${Number(value.toPrecision(3))}`;

export const range = ({ median, lower, upper }) => `${number(median)} (${number(lower)} to ${number(upper)})`;

/** Prints rows of cells, the first column to the left, the others to the right. */
export function printTable([title, rows]) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ");
  console.log(`\n${title}\n\n${rows.map((row) => `  ${line(row).trimEnd()}`).join("\n")}`);
}
