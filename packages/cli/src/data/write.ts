/** Tables that commands write: CSV, Parquet, or JSON, a line a row. */
import { type Cell, encodeCsv } from "../formats/csv.ts";

/** Formats of tables. */
export const tableFormats = ["csv", "jsonl", "parquet"] as const;
export type TableFormat = (typeof tableFormats)[number];

/** A column that is written. */
export interface OutColumn {
  readonly name: string;
  readonly cells: readonly Cell[];
}

/** A table's file. Columns of whole numbers only are INT64 in Parquet, other numbers DOUBLE. */
export async function encodeTable(
  columns: readonly OutColumn[],
  format: TableFormat,
): Promise<string | Uint8Array> {
  const rows = columns[0]?.cells.map((_, row) => columns.map(({ cells }) => cells[row])) ?? [];
  const names = columns.map(({ name }) => name);
  switch (format) {
    case "csv":
      return encodeCsv([names, ...rows]);
    case "jsonl":
      return rows
        .map((row) => `${JSON.stringify(Object.fromEntries(names.map((name, c) => [name, row[c]])))}\n`)
        .join("");
    case "parquet": {
      const { parquetWriteBuffer } = await import("hyparquet-writer");
      return new Uint8Array(parquetWriteBuffer({ columnData: columns.map(parquetColumn) }));
    }
  }
}

function parquetColumn({ name, cells }: OutColumn) {
  const present = cells.filter((cell) => cell !== null);
  if (!present.every((cell) => typeof cell === "number")) {
    return {
      name,
      type: "STRING" as const,
      data: cells.map((cell) => (cell === null ? null : String(cell))),
    };
  }
  if (!present.every(Number.isInteger)) return { name, type: "DOUBLE" as const, data: [...cells] };
  return { name, type: "INT64" as const, data: cells.map((cell) => (cell === null ? null : BigInt(cell))) };
}
