/** Parquet, one column of one group of rows after the other, by hyparquet; every codec of its compressors. */
import { totalmem } from "node:os";
import { InputError } from "flipnet/internal/formats/errors";
import type { Cell } from "flipnet/internal/tables/column";
import type { AsyncBuffer, ColumnData, ColumnMetaData, FileMetaData, SchemaElement } from "hyparquet";
import type { Chunk, Input, Source } from "./source.ts";

/** Rows of a group that can be read: writers make groups of a million at most, and a few bytes can state any number. */
const mostRows = 2 ** 27;

/** A table as pandas, polars, DuckDB or Spark write it. Columns of lists and structures are refused where they are wanted. */
export function parquetSource(input: Input): Source {
  const { path } = input;
  return {
    path,
    format: "Parquet",
    async *chunks(wanted): AsyncGenerator<Chunk> {
      const { parquetMetadata, parquetRead } = await import("hyparquet");
      const { checkDescription, checkPages } = await import("./parquet-pages.ts");
      const file = await bufferOf(input);
      const guard = async <T>(work: () => Promise<T>): Promise<T> => {
        try {
          return await work();
        } catch (cause) {
          if (cause instanceof InputError) throw cause;
          throw new InputError(`${path} cannot be read as Parquet (${(cause as Error).message})`, { cause });
        }
      };
      const metadata = await guard(async () => {
        const footer = await footerOf(file);
        checkDescription(footer);
        return parquetMetadata(footer);
      });
      const columns = await guard(async () => columnsOf(metadata, path, wanted));
      checkRows(path, metadata, columns.length);
      for (const { name } of columns) yield { column: name, first: 0, cells: [] };
      let first = 0;
      for (const group of metadata.row_groups) {
        const rows = Number(group.num_rows);
        const rowEnd = first + rows;
        for (const element of columns) {
          const column = element.name;
          const found: ColumnData[] = [];
          await guard(async () => {
            const [chunk, ...more] = group.columns.filter(
              ({ meta_data }) => meta_data?.path_in_schema[0] === column,
            );
            if (chunk?.meta_data === undefined || more.length > 0) {
              throw new Error(`column "${column}" is not once in every group of rows`);
            }
            const bytes = await bytesOf(file, chunk.meta_data);
            const compressors = checkPages(bytes, { element, metadata: chunk.meta_data, rows });
            await parquetRead({
              // It asks for these bytes only, and decodes what was checked.
              file: { byteLength: file.byteLength, slice: () => bytes },
              metadata,
              compressors,
              columns: [column],
              rowStart: first,
              rowEnd,
              useOffsetIndex: false,
              onChunk: (part) => void found.push(part),
            });
          });
          for (const { columnData, rowStart } of found) {
            yield { column, first: rowStart, cells: columnData as ArrayLike<Cell> };
          }
        }
        first = rowEnd;
      }
    },
  };
}

/** @throws InputError for more rows than can be held, before any is read */
function checkRows(path: string, { row_groups }: FileMetaData, columns: number): void {
  const groups = row_groups.map(({ num_rows }) => Number(num_rows));
  const [largest, all] = [Math.max(0, ...groups), groups.reduce((sum, rows) => sum + rows, 0)];
  if (largest > mostRows) {
    throw new InputError(`${path} states a group of ${largest} rows; expected at most ${mostRows}`);
  }
  const [needed, machine] = [
    4 * all * columns,
    Math.min(totalmem(), process.constrainedMemory() || Infinity),
  ];
  if (needed > machine) {
    const [need, have] = [needed, machine].map((bytes) => (bytes / 2 ** 30).toFixed(1));
    throw new InputError(
      `${path} states ${all} rows, which with ${columns} columns take ${need} GiB; this machine has ${have}`,
    );
  }
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

/** All pages of a column in a group of rows. */
function bytesOf(file: AsyncBuffer, metadata: ColumnMetaData) {
  const start = Number(metadata.dictionary_page_offset || metadata.data_page_offset);
  const end = start + Number(metadata.total_compressed_size);
  if (!(start >= 0 && start <= end && end <= file.byteLength)) {
    throw new Error(`a column from byte ${start} to ${end} of ${file.byteLength}`);
  }
  return file.slice(start, end);
}

/** The end of the file, from its description on: that, its length in four bytes, and the format's mark. */
async function footerOf(file: AsyncBuffer): Promise<ArrayBuffer> {
  const { byteLength } = file;
  if (byteLength < 12) throw new Error("it is too short");
  const length = new DataView(await file.slice(byteLength - 8, byteLength)).getUint32(0, true);
  if (length > byteLength - 12) throw new Error(`its description has ${length} of ${byteLength} bytes`);
  return file.slice(byteLength - 8 - length, byteLength);
}

/** Wanted columns; only those of plain values can be used. */
function columnsOf(
  { schema }: FileMetaData,
  path: string,
  wanted: (column: string) => boolean,
): SchemaElement[] {
  const columns: SchemaElement[] = [];
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
      columns.push(schema[at]);
    }
    at = behind(schema, at);
  }
  return columns;
}

/** The place behind a tree of a schema. */
function behind(schema: FileMetaData["schema"], at: number): number {
  let next = at + 1;
  for (let child = 0; child < (schema[at].num_children ?? 0); child++) next = behind(schema, next);
  return next;
}
