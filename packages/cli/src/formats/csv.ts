/** CSV as RFC 4180 has it: lines end with CR LF, what needs quotes has them, and a quote within them stands twice. */

/** A value in a table; null leaves its field empty. */
export type Cell = string | number | boolean | null;

/**
 * The text of a table. Numbers have all the digits that they need to be read back as they are. Before a
 * text that a spreadsheet would take for a formula stands an apostrophe.
 *
 * @param rows the names of the columns first
 */
export const encodeCsv = (rows: readonly (readonly Cell[])[]): string =>
  rows.map((row) => `${row.map(field).join(",")}\r\n`).join("");

/** How texts begin that spreadsheets take for formulas. */
const formula = /^[=+\-@\t\r]/;

function field(cell: Cell): string {
  const plain = String(cell ?? "");
  const text = typeof cell === "string" && formula.test(plain) ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
