/** What was found in a table, for people: a line a column. */
import type { Column } from "flipnet/internal/tables/column";
import type { Table } from "flipnet/internal/tables/table";

const short = (value: number): string => String(Number(value.toPrecision(4)));
const cut = (text: string): string => (text.length > 40 ? `${text.slice(0, 37)}...` : text);

/** What a column holds, and what would be made of it as a feature. */
function lineOf(column: Column): [found: string, made: string] {
  switch (column.kind) {
    case "number": {
      let [least, most] = [Infinity, -Infinity];
      for (const value of column.values) {
        if (value < least) least = value;
        if (value > most) most = value;
      }
      const range = least === most ? `always ${short(least)}` : `${short(least)} to ${short(most)}`;
      return [range, least === most ? "left out: it never changes" : "1 number, standardised"];
    }
    case "category":
      return [
        cut(`${column.levels.length} different: ${column.levels.join(", ")}`),
        column.levels.length === 1 ? "left out: it never changes" : `${column.levels.length} bits, one-hot`,
      ];
    case "date":
      return [`as ${cut(column.example)}`, "refused: make a number of it (days, hour), or --ignore it"];
    case "text":
      return [`as ${cut(column.example)}`, "refused: too many different words; --ignore it"];
    case "empty":
      return ["nothing", "left out"];
  }
}

/** The table in words. */
export function describeTable({ path, format, rows, columns }: Table): string {
  const lines = [["column", "type", "missing", "values", "as a feature"]];
  for (const column of columns) {
    const share = (100 * column.missing) / rows;
    const missing = share === 0 ? "" : `${share < 1 ? share.toPrecision(1) : share.toFixed(0)} %`;
    const [found, made] = lineOf(column);
    const indicator = column.missing > 0 && (column.kind === "number" || column.kind === "category");
    lines.push([
      column.name,
      column.kind,
      missing,
      found,
      `${made}${indicator ? ", and 1 bit where missing" : ""}`,
    ]);
  }
  const widths = lines[0].map((_, c) => Math.max(...lines.map((line) => line[c].length)));
  const text = lines.map((line) =>
    line
      .map((cell, c) => cell.padEnd(widths[c]))
      .join("  ")
      .trimEnd(),
  );
  const head = `${path}: ${format}, ${rows.toLocaleString("en")} rows, ${columns.length} columns`;
  return `${[head, "", ...text].join("\n")}\n`;
}
