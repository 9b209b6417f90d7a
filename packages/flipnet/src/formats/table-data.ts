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
