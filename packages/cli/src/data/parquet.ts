/** Parquet, one column of one group of rows after the other, by hyparquet; every codec of its compressors. */
import { InputError } from "flipnet/internal/formats/errors";
import type { Cell } from "flipnet/internal/tables/column";
import type { AsyncBuffer, ColumnData, FileMetaData } from "hyparquet";
import type { Chunk, Input, Source } from "./source.ts";

/** A table as pandas, polars, DuckDB or Spark write it. Columns of lists and structures are refused where they are wanted. */
export function parquetSource(input: Input): Source {
  const { path } = input;
  return {
    path,
    format: "Parquet",
    async *chunks(wanted): AsyncGenerator<Chunk> {
      const { parquetMetadataAsync, parquetRead } = await import("hyparquet");
      const { compressors } = await import("hyparquet-compressors");
      const file = await bufferOf(input);
      const guard = async <T>(work: () => Promise<T>): Promise<T> => {
        try {
          return await work();
        } catch (cause) {
          if (cause instanceof InputError) throw cause;
          throw new InputError(`${path} cannot be read as Parquet (${(cause as Error).message})`, { cause });
        }
      };
      const metadata = await guard(() => parquetMetadataAsync(file));
      const names = await guard(async () => columnsOf(metadata, path, wanted));
      for (const column of names) yield { column, first: 0, cells: [] };
      let first = 0;
      for (const { num_rows } of metadata.row_groups) {
        const rowEnd = first + Number(num_rows);
        for (const column of names) {
          const found: ColumnData[] = [];
          await guard(() =>
            parquetRead({
              file,
              metadata,
              compressors,
              columns: [column],
              rowStart: first,
              rowEnd,
              onChunk: (chunk) => void found.push(chunk),
            }),
          );
          for (const { columnData, rowStart } of found) {
            yield { column, first: rowStart, cells: columnData as ArrayLike<Cell> };
          }
        }
        first = rowEnd;
      }
    },
  };
}

/** A plain file is read part by part, as its columns are asked for; anything else as a whole. */
async function bufferOf(input: Input): Promise<AsyncBuffer> {
  const parts = await input.parts?.();
  // A file that is gzip begins otherwise.
  if (parts !== undefined && Buffer.from(await parts.read(0, 4)).toString("latin1") === "PAR1") {
    return {
      byteLength: parts.length,
      slice: async (start, end = parts.length) => (await parts.read(start, end)).slice().buffer,
    };
  }
  const bytes = await input.bytes();
  return {
    byteLength: bytes.byteLength,
    // A copy: of a Node buffer, `slice` itself would give a view of a larger one.
    slice: (start, end) => Uint8Array.prototype.slice.call(bytes, start, end).buffer,
  };
}

/** The names of wanted columns; only those of plain values can be used. */
function columnsOf({ schema }: FileMetaData, path: string, wanted: (column: string) => boolean): string[] {
  const names: string[] = [];
  // The schema is a tree, written from its root on; what has children is no column of plain values.
  for (let at = 1; at < schema.length; ) {
    const { name, num_children, repetition_type } = schema[at];
    const isPlain = num_children === undefined && repetition_type !== "REPEATED";
    if (wanted(name)) {
      if (!isPlain) {
        throw new InputError(
          `${path}: column "${name}" holds lists or structures; expected one value a row, or --ignore ${name}`,
        );
      }
      names.push(name);
    }
    at = behind(schema, at);
  }
  return names;
}

/** The place behind a tree of a schema. */
function behind(schema: FileMetaData["schema"], at: number): number {
  let next = at + 1;
  for (let child = 0; child < (schema[at].num_children ?? 0); child++) next = behind(schema, next);
  return next;
}
