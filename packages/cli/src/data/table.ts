/** A table in memory, column by column. */
import { InputError } from "flipnet/internal/formats/errors";
import { suggestion } from "flipnet/internal/formats/nearest";
import { type Column, ColumnReader } from "./column.ts";
import { openTable } from "./open.ts";

/** Columns of the same rows, in the order of the file. */
export interface Table {
  /** The file, or the first of several: for messages. */
  readonly path: string;
  readonly format: string;
  readonly rows: number;
  readonly columns: readonly Column[];
}

/** The paths in a setting: several are separated by commas. */
export const pathsIn = (text: string): string[] => text.split(",").map((path) => path.trim());

/**
 * Reads the table in one or several files, whose rows are counted on.
 *
 * @param wanted which columns; default: all
 * @throws InputError for files that cannot be read, have no rows, or other columns than the first
 */
export async function readTable(
  paths: readonly string[],
  wanted: (column: string) => boolean = () => true,
): Promise<Table> {
  const readers = new Map<string, ColumnReader>();
  let format = "";
  let rows = 0;
  for (const [place, path] of paths.entries()) {
    const source = await openTable(path);
    if (place === 0) format = source.format;
    const seen = new Set<string>();
    for await (const { column, cells } of source.chunks(wanted)) {
      seen.add(column);
      let reader = readers.get(column);
      if (reader === undefined) {
        if (place > 0) {
          throw new InputError(
            `${source.path} has a column "${column}", which ${paths[0]} has not; expected the same columns`,
          );
        }
        reader = new ColumnReader(column, source.path);
        readers.set(column, reader);
      }
      reader.add(cells);
    }
    const lacking = [...readers.keys()].find((name) => !seen.has(name));
    if (lacking !== undefined) {
      throw new InputError(
        `${source.path} has no column "${lacking}", which ${paths[0]} has; expected the same columns`,
      );
    }
    const [first, ...others] = readers.values();
    const before = rows;
    rows = first?.rows ?? 0;
    const uneven = others.find((one) => one.rows !== rows);
    if (uneven !== undefined) {
      throw new InputError(
        `${source.path}: "${uneven.name}" has ${uneven.rows - before} rows and "${first.name}" ${rows - before}; expected as many`,
      );
    }
    if (rows === before)
      throw new InputError(`${source.path} has no rows${first ? "" : " of these columns"}`);
  }
  return { path: paths[0], format, rows, columns: [...readers.values()].map((reader) => reader.column()) };
}

/** The column of that name. @throws InputError where there is none, with the nearest one */
export function columnOf({ path, columns }: Table, name: string): Column {
  const found = columns.find((column) => column.name === name);
  if (found !== undefined) return found;
  const names = columns.map((column) => column.name);
  throw new InputError(`${path} has no column "${name}"; ${suggestion(name, names)}`);
}
