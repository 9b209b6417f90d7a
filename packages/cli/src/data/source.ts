/**
 * The port for data of any kind: a source is a stream of chunks of columns, whatever file they come from. A format is one
 * file beside this one, and its line in `open.ts`.
 */

import type { Cell } from "flipnet/internal/tables/column";

/** Some cells of one column, one below the other. */
export interface Chunk {
  readonly column: string;
  /** The row of its first cell, from 0; rows of several files are counted on. */
  readonly first: number;
  readonly cells: ArrayLike<Cell>;
}

/** Where bytes come from: a file, or standard input. */
export interface Input {
  /** For messages. */
  readonly path: string;
  /** All of them. */
  bytes(): Promise<Uint8Array>;
  /** How many there are and any part of them, where they need not be decompressed: absent for other inputs. */
  parts?(): Promise<{ readonly length: number; read(start: number, end: number): Promise<Uint8Array> }>;
  /** One part after the other; decompressed, where that was asked for. */
  stream(): AsyncIterable<Uint8Array>;
}

/** A table in one format. */
export interface Source {
  readonly path: string;
  /** As in `"CSV"`. */
  readonly format: string;
  /**
   * Every column, in the order of the file, its first chunk perhaps empty; all have the same rows in the end.
   * @param wanted which columns: the others need not be read
   * @throws InputError for a file that is damaged
   */
  chunks(wanted: (column: string) => boolean): AsyncIterable<Chunk>;
}
