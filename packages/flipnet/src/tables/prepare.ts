/**
 * What is made of a table's columns: numbers standardised, or cut at quantiles into bits; one bit for each category; one
 * where a value is missing. All of it comes from the training rows alone, is saved with a run, and serves new rows.
 */
import { InputError } from "../formats/errors.ts";
import type { ColumnGroup, TableRows } from "../formats/table-data.ts";
import type { CategoryColumn, Column, NumberColumn } from "./column.ts";
import { columnOf, type Table } from "./table.ts";

/** What one column becomes. */
export type PreparedColumn = {
  readonly name: string;
  /** Whether training rows lacked values: then one more number says where. */
  readonly missing: boolean;
} & (
  | { readonly kind: "number"; readonly mean: number; readonly deviation: number }
  /** A bit for each edge, on from there upwards. */
  | { readonly kind: "bits"; readonly edges: readonly number[] }
  | { readonly kind: "category"; readonly levels: readonly string[] }
);

/** What is told apart. */
export interface PreparedTarget {
  readonly name: string;
  readonly classes: readonly string[];
  /** Of a number that was cut into bins: where each but the first begins. */
  readonly edges?: readonly number[];
}

/** How rows become numbers, and classes where there is a target. */
export interface Preparation {
  readonly columns: readonly PreparedColumn[];
  readonly target?: PreparedTarget;
}

/** Of a table with a target. */
export type PreparedWithTarget = Preparation & { readonly target: PreparedTarget };

/** What is asked for. */
export interface PrepareOptions {
  /** Absent: the rows themselves are learned, and every category has room for a word that is new. */
  readonly target?: string | undefined;
  readonly features?: readonly string[] | undefined;
  readonly ignore?: readonly string[] | undefined;
  /** Column of what each row counts. */
  readonly weight?: string | undefined;
  /** Bits of a number; absent: it is standardised. */
  readonly quantileBits?: number | undefined;
  /** Classes of a target that is a number. */
  readonly bins?: number | undefined;
}

/** A preparation, and what it left out. */
export interface Prepared {
  readonly preparation: Preparation;
  readonly notes: readonly string[];
}

/** Whole numbers that are so few are classes. */
const mostWholeClasses = 20;

/** So many classes can be told apart. */
const mostClasses = 1000;

/**
 * Finds out how to prepare a table.
 *
 * @param rows the training rows
 * @throws InputError for columns that are not there, or cannot be learned from
 */
export function prepare(table: Table, rows: Uint32Array, options: PrepareOptions): Prepared {
  const notes: string[] = [];
  const target =
    options.target === undefined
      ? undefined
      : targetOf(columnOf(table, options.target), table, rows, { ...options, target: options.target });
  const columns: PreparedColumn[] = [];
  for (const column of featuresOf(table, options)) {
    const one = prepareColumn(column, table, rows, options);
    if (one === undefined) notes.push(`${column.name} is left out: it never changes in the training rows`);
    else columns.push(one);
  }
  if (columns.length === 0) {
    const beside = target === undefined ? "" : ` beside "${target.name}"`;
    throw new InputError(`${table.path} has no columns to learn from${beside}`);
  }
  return { preparation: { columns, ...(target && { target }) }, notes };
}

function featuresOf(table: Table, { target, features, ignore = [], weight }: PrepareOptions): Column[] {
  if (target !== undefined && features?.includes(target)) {
    throw new InputError(`the features have "${target}", which is the target; expected other columns`);
  }
  if (features !== undefined) return features.map((name) => columnOf(table, name));
  return table.columns.filter(({ name }) => name !== target && name !== weight && !ignore.includes(name));
}

/** Undefined where it says nothing: it is the same in all training rows. */
function prepareColumn(
  column: Column,
  { path }: Table,
  rows: Uint32Array,
  { quantileBits, target }: PrepareOptions,
): PreparedColumn | undefined {
  const { name } = column;
  if (column.kind === "text" || column.kind === "date") {
    const advice = column.kind === "date" ? "make a number of it" : "it has too many different words";
    throw new InputError(
      `${path}: column "${name}" is a ${column.kind}, as ${column.example}; ${advice}, or leave it out with --ignore ${name}`,
    );
  }
  if (column.kind === "category") {
    const seen = new Set<number>();
    for (const row of rows) seen.add(column.codes[row]);
    const missing = seen.delete(-1);
    if (seen.size < 2 && !missing) return undefined;
    const levels = column.levels.filter((_, code) => seen.has(code));
    return { name, missing: missing || target === undefined, kind: "category", levels };
  }
  if (column.kind !== "number") return undefined;
  const present = Float64Array.from(rows, (row) => column.values[row]).filter((x) => !Number.isNaN(x));
  const missing = present.length < rows.length;
  if (present.length === 0) return undefined;
  if (quantileBits !== undefined) {
    const edges = quantiles(present, quantileBits + 1);
    return edges.length === 0 && !missing ? undefined : { name, missing, kind: "bits", edges };
  }
  const mean = present.reduce((sum, x) => sum + x, 0) / present.length;
  const deviation = Math.sqrt(present.reduce((sum, x) => sum + (x - mean) ** 2, 0) / present.length);
  if (deviation === 0 && !missing) return undefined;
  return { name, missing, kind: "number", mean, deviation };
}

/** The different values above the smallest that cut numbers into `parts` of about the same size. */
function quantiles(values: Float64Array, parts: number): number[] {
  const sorted = values.toSorted();
  const edges = Array.from(
    { length: parts - 1 },
    (_, k) => sorted[Math.floor(((k + 1) * sorted.length) / parts)],
  );
  return [...new Set(edges)].filter((edge) => edge > sorted[0]);
}

function targetOf(
  column: Column,
  { path }: Table,
  rows: Uint32Array,
  { bins }: PrepareOptions,
): PreparedTarget {
  const { name, kind } = column;
  if (kind === "category") {
    if (bins !== undefined) {
      throw new InputError(`bins is ${bins}, and the target "${name}" is a category; expected none`);
    }
    return {
      name,
      classes: enough(
        column.levels.filter((_, code) => rows.some((row) => column.codes[row] === code)),
        name,
      ),
    };
  }
  if (kind !== "number") {
    throw new InputError(
      `${path}: the target "${name}" is ${kind}; expected a category, or a number with --bins N`,
    );
  }
  if (bins !== undefined) {
    const present = Float64Array.from(rows, (row) => column.values[row]).filter((x) => !Number.isNaN(x));
    const edges = quantiles(present, bins);
    const names = edges.map((edge, k) =>
      k + 1 < edges.length ? `${edge} to ${edges[k + 1]}` : `from ${edge}`,
    );
    return { name, classes: enough([`below ${edges[0]}`, ...names], name), edges };
  }
  const { distinct } = column;
  if (distinct !== undefined && distinct.length <= mostWholeClasses && distinct.every(Number.isInteger)) {
    const seen = distinct.filter((value) => rows.some((row) => column.values[row] === value));
    return { name, classes: enough(seen.map(String), name) };
  }
  throw new InputError(
    `${path}: the target "${name}" is a number with ${distinct?.length ?? "very many"} different values; expected classes, or --bins N to cut it into N of them`,
  );
}

function enough(classes: readonly string[], name: string): readonly string[] {
  if (classes.length >= 2 && classes.length <= mostClasses) return classes;
  throw new InputError(
    `the target "${name}" has ${classes.length} classes in the training rows; expected 2 to ${mostClasses}`,
  );
}

/** Numbers that a column becomes. */
const widthOf = (column: PreparedColumn): number =>
  (column.kind === "number" ? 1 : column.kind === "bits" ? column.edges.length : column.levels.length) +
  (column.missing ? 1 : 0);

/** Numbers of a row. */
export const inputsOf = ({ columns }: Preparation): number =>
  columns.reduce((sum, column) => sum + widthOf(column), 0);

/**
 * Rows as a network sees them, [rows, inputs]. A category that the training rows did not have counts as missing; what is
 * missing where it never was is 0, which of a number is the mean.
 *
 * @param rows which; default: all
 * @throws InputError for a table that lacks a column, or has another kind of one
 */
export function inputsIn(table: Table, preparation: Preparation, rows = allRows(table)): Float32Array {
  const width = inputsOf(preparation);
  const inputs = new Float32Array(rows.length * width);
  let offset = 0;
  for (const prepared of preparation.columns) {
    const column = columnOf(table, prepared.name);
    const write = writerOf(prepared, column, table);
    rows.forEach((row, r) => {
      if (!write(row, inputs, r * width + offset) && prepared.missing) {
        inputs[r * width + offset + widthOf(prepared) - 1] = 1;
      }
    });
    offset += widthOf(prepared);
  }
  return inputs;
}

/** Writes what a row's value becomes, from `at` on; false where it is missing. */
type Write = (row: number, out: Float32Array, at: number) => boolean;

function writerOf(prepared: PreparedColumn, column: Column, { path }: Table): Write {
  const { name } = prepared;
  if (column.kind === "empty") return () => false;
  if (prepared.kind === "category") {
    // A column of numbers may be one of few words elsewhere: 1, 2, 3, "none of these".
    const wordAt = wordsOf(column, path, prepared);
    const places = new Map(prepared.levels.map((level, place) => [level, place]));
    return (row, out, at) => {
      const place = places.get(wordAt(row) ?? "");
      if (place === undefined) return false;
      out[at + place] = 1;
      return true;
    };
  }
  if (column.kind !== "number") {
    const found = "example" in column ? column.example : (column as CategoryColumn).levels[0];
    throw new InputError(
      `${path}: column "${name}" is ${column.kind}, as ${found}; expected numbers, as the training rows had`,
    );
  }
  const { values } = column;
  if (prepared.kind === "number") {
    const { mean, deviation } = prepared;
    return (row, out, at) => {
      const value = values[row];
      if (Number.isNaN(value)) return false;
      out[at] = deviation === 0 ? 0 : (value - mean) / deviation;
      return true;
    };
  }
  const { edges } = prepared;
  return (row, out, at) => {
    const value = values[row];
    if (Number.isNaN(value)) return false;
    for (let k = 0; k < edges.length && value >= edges[k]; k++) out[at + k] = 1;
    return true;
  };
}

function wordsOf(
  column: Column,
  path: string,
  { name }: { name: string },
): (row: number) => string | undefined {
  if (column.kind === "category") return (row) => column.levels[column.codes[row]];
  if (column.kind === "number") {
    const { values } = column;
    return (row) => (Number.isNaN(values[row]) ? undefined : String(values[row]));
  }
  throw new InputError(
    `${path}: column "${name}" is ${column.kind}; expected categories, as the training rows had`,
  );
}

const allRows = ({ rows }: Table): Uint32Array => Uint32Array.from({ length: rows }, (_, row) => row);

/**
 * The class of every row.
 *
 * @throws InputError where one is missing, or was not there in the training rows
 */
export function labelsIn(table: Table, { target }: PreparedWithTarget, rows: Uint32Array): Uint32Array {
  const { name, classes, edges } = target;
  const column = columnOf(table, name);
  const fail = (row: number, value: string): never => {
    throw new InputError(
      `${table.path}: row ${row + 1}, column "${name}" is ${value}; expected ${edges === undefined ? `one of ${classes.join(", ")}` : "a number"}, the target's classes`,
    );
  };
  if (edges !== undefined) {
    const { values } = column as NumberColumn;
    return rows.map((row) => {
      if (!(column.kind === "number") || Number.isNaN(values[row])) fail(row, "missing");
      return edges.filter((edge) => values[row] >= edge).length;
    });
  }
  const wordAt = wordsOf(column, table.path, target);
  const places = new Map(classes.map((one, place) => [one, place]));
  return rows.map((row) => {
    const word = wordAt(row);
    return places.get(word ?? "") ?? fail(row, word ?? "missing");
  });
}

/** What each row counts, on average 1. @throws InputError for what is no number from 0 on */
export function weightsIn(table: Table, name: string, rows: Uint32Array): Float32Array {
  const column = columnOf(table, name);
  if (column.kind !== "number") {
    throw new InputError(
      `${table.path}: column "${name}" is ${column.kind}; expected numbers from 0 on, as weights`,
    );
  }
  let sum = 0;
  for (const row of rows) {
    const weight = column.values[row];
    if (!(weight >= 0)) {
      throw new InputError(
        `${table.path}: row ${row + 1}, column "${name}" is ${weight}; expected a number from 0 on, as a weight`,
      );
    }
    sum += weight;
  }
  if (sum === 0)
    throw new InputError(`${table.path}: the weights in "${name}" are all 0; expected some above`);
  return Float32Array.from(rows, (row) => (column.values[row] * rows.length) / sum);
}

/** Prepared rows with their classes. */
export function rowsOf(
  table: Table,
  preparation: PreparedWithTarget,
  rows: Uint32Array,
  weight?: string,
): TableRows {
  return {
    count: rows.length,
    inputs: inputsIn(table, preparation, rows),
    labels: labelsIn(table, preparation, rows),
    ...(weight !== undefined && { weights: weightsIn(table, weight, rows) }),
  };
}

/** Which numbers of a row belong together: what an auto-encoder says by one likelihood. */
export function groupsOf({ columns }: Preparation): ColumnGroup[] {
  const groups: ColumnGroup[] = [];
  const numbers: { column: number; missing: number }[] = [];
  const bits: number[] = [];
  let offset = 0;
  for (const column of columns) {
    const own = Array.from({ length: widthOf(column) }, (_, k) => offset + k);
    offset += own.length;
    if (column.kind === "category") {
      groups.push({ kind: "choice", columns: own });
      continue;
    }
    const missing = column.missing ? own.pop()! : -1;
    if (missing >= 0) bits.push(missing);
    if (column.kind === "bits") bits.push(...own);
    else numbers.push({ column: own[0], missing });
  }
  if (numbers.length > 0) {
    groups.push({
      kind: "numbers",
      columns: numbers.map(({ column }) => column),
      missing: numbers.map(({ missing }) => missing),
    });
  }
  if (bits.length > 0) groups.push({ kind: "bits", columns: bits });
  return groups;
}

/**
 * Rows of numbers as a table has them, column by column; null where a value is missing. Of a number that was cut into
 * bits: how many of them are on.
 *
 * @param inputs [rows, inputs], each category one-hot
 */
export function cellsOf(
  { columns }: Preparation,
  inputs: ArrayLike<number>,
): { name: string; cells: (number | string | null)[] }[] {
  const width = columns.reduce((sum, column) => sum + widthOf(column), 0);
  let offset = 0;
  return columns.map((column) => {
    const first = offset;
    const own = widthOf(column);
    offset += own;
    const cells = Array.from({ length: inputs.length / width }, (_, row) => {
      const at = (k: number) => inputs[row * width + first + k];
      if (column.missing && at(own - 1) === 1) return null;
      if (column.kind === "number") return at(0) * column.deviation + column.mean;
      if (column.kind === "category") return column.levels.find((_, k) => at(k) === 1) ?? null;
      return column.edges.filter((_, k) => at(k) === 1).length;
    });
    return { name: column.name, cells };
  });
}

/**
 * A preparation from a file.
 *
 * @param where what to call it in messages
 * @throws InputError for what is none
 */
export function parsePreparation(value: unknown, where: string): Preparation {
  const damaged = (what: string) =>
    new InputError(`${where} is damaged: ${what}; expected how the run's table was prepared`);
  const isObject = (one: unknown): one is Record<string, unknown> => typeof one === "object" && one !== null;
  const isList = (one: unknown, of: "string" | "number") =>
    Array.isArray(one) && one.every((entry) => typeof entry === of);
  if (!isObject(value) || !Array.isArray(value.columns)) throw damaged("it has no columns");
  value.columns.forEach((column: unknown, k) => {
    const fine =
      isObject(column) &&
      typeof column.name === "string" &&
      typeof column.missing === "boolean" &&
      ((column.kind === "number" && isList([column.mean, column.deviation], "number")) ||
        (column.kind === "bits" && isList(column.edges, "number")) ||
        (column.kind === "category" && isList(column.levels, "string")));
    if (!fine) throw damaged(`columns[${k}] is no column`);
  });
  const { target } = value;
  if (target !== undefined) {
    const fine =
      isObject(target) &&
      typeof target.name === "string" &&
      isList(target.classes, "string") &&
      (target.edges === undefined || isList(target.edges, "number"));
    if (!fine) throw damaged("its target is none");
  }
  return value as unknown as Preparation;
}
