/** CSV and TSV, in a stream: RFC 4180's quotes, CRLF and a byte-order mark, by csv-parse. */
import { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { InputError } from "flipnet/internal/formats/errors";
import type { Chunk, Input, Source } from "./source.ts";

/** Rows of one chunk. */
const rowsAtOnce = 4096;
/** Letters of a line: one that has no end would fill the memory before anything is found wrong with it. */
const longest = 2 ** 22;

/** What separates cells: what stands most often in the first line, of those that are usual. */
export function delimiterOf(beginning: string): string {
  const [line] = beginning.replace(/"[^"]*"/g, "").split(/\r?\n/, 1);
  const count = (delimiter: string) => line.split(delimiter).length;
  return [",", "\t", ";", "|"].reduce((best, one) => (count(one) > count(best) ? one : best));
}

/** A table whose first line names its columns. */
export function csvSource(input: Input, delimiter: string): Source {
  const { path } = input;
  return {
    path,
    format: delimiter === "\t" ? "TSV" : "CSV",
    async *chunks(wanted): AsyncGenerator<Chunk> {
      // Of the first line, which may still be on its way when a later one is found to be wrong.
      let width: number | undefined;
      const parser = parse({
        ...{ delimiter, bom: true, skip_empty_lines: true, trim: true, max_record_size: longest },
        on_record(row: string[]) {
          width ??= row.length;
          return row;
        },
      });
      const rows = Readable.from(input.stream())
        .on("error", (error) => parser.destroy(error))
        .pipe(parser);
      let names: string[] | undefined;
      let kept: number[] = [];
      let first = 0;
      let columns: string[][] = [];
      const flush = function* (): Generator<Chunk> {
        for (const [k, place] of kept.entries()) yield { column: names![place], first, cells: columns[k] };
        first += columns[0]?.length ?? 0;
        columns = kept.map(() => []);
      };
      try {
        for await (const row of rows as AsyncIterable<string[]>) {
          if (names === undefined) {
            names = namesOf(row, path);
            kept = [...names.keys()].filter((place) => wanted(names![place]));
            columns = kept.map(() => []);
            yield* flush();
            continue;
          }
          kept.forEach((place, k) => {
            columns[k].push(row[place]);
          });
          if (columns[0]?.length === rowsAtOnce) yield* flush();
        }
      } catch (cause) {
        if (!(cause instanceof CsvError)) throw cause;
        throw new InputError(`${path}: ${sentenceOf(cause, names, width)}`, { cause });
      }
      yield* flush();
    },
  };
}

function namesOf(row: readonly string[], path: string): string[] {
  const twice = row.find((name, i) => row.indexOf(name) < i);
  if (twice !== undefined)
    throw new InputError(`${path} has two columns called "${twice}" in its first line`);
  const nameless = row.indexOf("");
  if (nameless < 0) return [...row];
  throw new InputError(
    `${path}: column ${nameless + 1} has no name in the first line; expected one for each`,
  );
}

/** What the parser found, with line and column. */
function sentenceOf(
  { code, lines, column, record }: CsvError & Record<string, unknown>,
  names?: string[],
  width?: number,
) {
  if (code === "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH") {
    return `line ${lines} has ${(record as unknown[]).length} cells; expected ${width}, as the first line`;
  }
  if (code === "CSV_MAX_RECORD_SIZE")
    return `line ${lines} has more than ${longest} letters; expected a table`;
  if (code === "CSV_QUOTE_NOT_CLOSED") return `the quotes opened in line ${lines} are never closed`;
  const where = typeof column === "number" ? ` in column "${names?.[column] ?? column + 1}"` : "";
  return `line ${lines} cannot be read${where} (${code}); expected cells with quotes around all of a cell or nothing`;
}
