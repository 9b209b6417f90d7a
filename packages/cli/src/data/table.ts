/** A table in memory, from its files. */
import { InputError } from "flipnet/internal/formats/errors";
import { ColumnReader } from "flipnet/internal/tables/column";
import type { Table } from "flipnet/internal/tables/table";
import { openTable } from "./open.ts";

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
