/** A table as tasks take it: rows of numbers, each of a class. */

/** Some rows. */
export interface TableRows {
  readonly count: number;
  /** [count, width] */
  readonly inputs: Float32Array;
  /** [count] classes, 0 to `classes - 1` */
  readonly labels: Uint32Array;
  /** [count] what each row counts; absent: 1 */
  readonly weights?: Float32Array;
}

/** Rows to learn from and rows to measure on. */
export interface TableData {
  readonly train: TableRows;
  readonly test: TableRows;
  /** Numbers of a row. */
  readonly width: number;
  readonly classes: number;
}

/** Rows without classes. */
export type PlainRows = Pick<TableRows, "count" | "inputs" | "weights">;

/** Columns of a row's numbers that belong together, counted from 0. */
export type ColumnGroup =
  /** Each 0 or 1. */
  | { readonly kind: "bits"; readonly columns: readonly number[] }
  /** One of them is 1, the others are 0. */
  | { readonly kind: "choice"; readonly columns: readonly number[] }
  /** Standardised; for each the column that is 1 where it has no value, or -1 where it always has one. */
  | { readonly kind: "numbers"; readonly columns: readonly number[]; readonly missing: readonly number[] };

/** Rows to learn from and to measure on, every column of which belongs to a group. */
export interface RowData {
  readonly train: PlainRows;
  readonly test: PlainRows;
  /** Numbers of a row. */
  readonly width: number;
  readonly groups: readonly ColumnGroup[];
}
