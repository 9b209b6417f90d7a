/** A table in memory, column by column. */
import { InputError } from "../formats/errors.ts";
import { suggestion } from "../formats/nearest.ts";
import { isWhole } from "../formats/whole.ts";
import { type Cell, type Column, ColumnReader } from "./column.ts";

/** Columns of the same rows, in the order of the file. */
export interface Table {
  /** The file, or the first of several, or what it is: for messages. */
  readonly path: string;
  readonly format: string;
  readonly rows: number;
  readonly columns: readonly Column[];
}

/** The column of that name. @throws InputError where there is none, with the nearest one */
export function columnOf({ path, columns }: Table, name: string): Column {
  const found = columns.find((column) => column.name === name);
  if (found !== undefined) return found;
  const names = columns.map((column) => column.name);
  throw new InputError(`${path} has no column "${name}"; ${suggestion(name, names)}`);
}

/** A table as a program has it: each column's cells, or each row's by the names of columns. */
export type Cells = Readonly<Record<string, ArrayLike<Cell>>> | readonly Readonly<Record<string, Cell>>[];

/** The same as a table. @throws InputError for columns of different lengths, or without rows */
export function tableOf(cells: Cells): Table {
  const path = "the table";
  checkCells(cells, path);
  const names = Array.isArray(cells) ? Object.keys(cells[0] ?? {}) : Object.keys(cells);
  const columns = names.map((name) => {
    const reader = new ColumnReader(name, path);
    reader.add(
      Array.isArray(cells)
        ? cells.map((row) => row[name])
        : (cells as Readonly<Record<string, ArrayLike<Cell>>>)[name],
    );
    return reader.column();
  });
  const rows = columns[0]?.rows ?? 0;
  if (rows === 0) throw new InputError(`${path} has no rows; expected at least 1`);
  const uneven = columns.find((column) => column.rows !== rows);
  if (uneven !== undefined) {
    throw new InputError(
      `${path}: "${uneven.name}" has ${uneven.rows} rows and "${columns[0].name}" ${rows}; expected as many`,
    );
  }
  return { path, format: "values", rows, columns };
}

/** @throws InputError for what are no cells at all */
function checkCells(cells: unknown, path: string): void {
  const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
  if (!isObject(cells)) {
    throw new InputError(`${path} is ${String(cells)}; expected a list of rows, or lists of cells by column`);
  }
  if (Array.isArray(cells)) {
    const none = cells.findIndex((row) => !isObject(row));
    if (none < 0) return;
    throw new InputError(`${path}: row ${none + 1} is ${String(cells[none])}; expected cells by column`);
  }
  for (const [name, column] of Object.entries(cells)) {
    if (isObject(column) && isWhole((column as { length?: unknown }).length, 0)) continue;
    throw new InputError(`${path}: "${name}" is no list; expected the cells of a column`);
  }
}
