/**
 * Which shapes an operation takes, for every backend alike: each function throws a `RangeError` that names the
 * operation and what it was given. The letters are those of `backend.ts`.
 */
import { isWhole } from "../formats/whole.ts";
import type { FlipTables, Indices, Matrix, Outcome, Window } from "./backend.ts";

type Operands = Record<string, Matrix | number>;

export function misfit(operation: string, operands: Operands): never {
  const given = Object.entries(operands).map(([name, value]) =>
    typeof value === "number" ? `${name} ${value}` : `${name} [${value.rows}, ${value.columns}]`,
  );
  throw new RangeError(`${operation}: ${given.join(", ")} do not fit`);
}

const same = (a: Matrix, b: Matrix): boolean => a.rows === b.rows && a.columns === b.columns;

/** One number an example of `m`. */
const perRow = (values: Matrix, m: Matrix): boolean => values.rows === m.rows && values.columns === 1;

/** Whole groups of `choices` columns. */
const grouped = (m: Matrix, choices: number): boolean => choices >= 1 && m.columns % choices === 0;

const fitsOutcome = (child: Outcome, rows: number, columns: number): boolean =>
  child.bits.rows === rows &&
  child.bits.columns === columns &&
  same(child.bits, child.logits) &&
  same(child.bits, child.p) &&
  same(child.bits, child.q) &&
  grouped(child.bits, child.choices);

/** `count` elements from `first` on, of something that has `length`. */
function range(operation: string, first: number, count: number, length: number): void {
  if (!isWhole(first, 0, length - count)) misfit(operation, { first, count, length });
}

export const shapes = {
  /** A copy of `count` numbers to or from element `first` on. */
  range,

  /** Whole numbers, none below 0. */
  sizes(operation: string, ...sizes: number[]): void {
    if (!sizes.every((size) => isWhole(size, 0))) {
      throw new RangeError(`${operation}: ${sizes.join(" x ")} is no size; expected whole numbers`);
    }
  },

  /** That numbers are bits. */
  bits(operation: string, values: ArrayLike<number>): void {
    for (let e = 0; e < values.length; e++) {
      if (values[e] === 0 || values[e] === 1) continue;
      throw new RangeError(`${operation}: the number at element ${e} is ${values[e]}; expected bits, 0 or 1`);
    }
  },

  view(m: Matrix, offset: number, rows: number, columns: number): void {
    if (!isWhole(offset, 0, m.rows * m.columns - rows * columns)) {
      misfit("view", { m, offset, rows, columns });
    }
  },

  /** Rows `order[first]` to `order[first + B - 1]`. */
  batch(operation: string, order: Indices, first: number, out: Matrix): void {
    range(operation, first, out.rows, order.length);
  },

  gatherRows(source: Matrix, out: Matrix): void {
    if (source.columns !== out.columns) misfit("gatherRows", { source, out });
  },

  gatherLabels(out: Matrix): void {
    if (out.columns !== 1) misfit("gatherLabels", { out });
  },

  broadcast(operation: string, bias: Matrix, out: Matrix): void {
    if (bias.rows !== 1 || bias.columns !== out.columns) misfit(operation, { bias, out });
  },

  product(x: Matrix, weights: Matrix, out: Matrix): void {
    if (x.rows !== out.rows || x.columns !== weights.rows || weights.columns !== out.columns) {
      misfit("product", { x, weights, out });
    }
  },

  transposedProduct(operation: string, g: Matrix, weights: Matrix, out: Matrix): void {
    if (g.rows !== out.rows || g.columns !== weights.columns || weights.rows !== out.columns) {
      misfit(operation, { g, weights, out });
    }
  },

  outerProduct(x: Matrix, g: Matrix, out: Matrix): void {
    if (x.rows !== g.rows || x.columns !== out.rows || g.columns !== out.columns) {
      misfit("outerProduct", { x, g, out });
    }
  },

  /** Images `x`, and `g` what there is in the places of the window. */
  convolution(operation: string, x: Matrix, window: Window, weights: Matrix, g: Matrix): void {
    const { height, width, channels, kernel } = window;
    const places = (height - kernel + 1) * (width - kernel + 1);
    if (
      x.rows !== g.rows ||
      !(kernel >= 1 && kernel <= height && kernel <= width) ||
      x.columns !== height * width * channels ||
      weights.rows !== kernel * kernel * channels ||
      g.columns !== places * weights.columns
    ) {
      misfit(operation, { x, height, width, channels, kernel, weights, g });
    }
  },

  columnMeans(g: Matrix, out: Matrix): void {
    if (out.rows !== 1 || g.columns !== out.columns) misfit("columnMeans", { g, out });
  },

  rowDots(a: Matrix, b: Matrix, out: Matrix): void {
    if (!same(a, b) || !perRow(out, a)) misfit("rowDots", { a, b, out });
  },

  /** Operands of one shape. */
  elementwise(operation: string, a: Matrix, b: Matrix, out: Matrix = b): void {
    if (!same(a, b) || !same(a, out)) misfit(operation, { a, b, out });
  },

  /** Any number of operands of one shape. */
  alike(operation: string, first: Matrix, ...others: Matrix[]): void {
    for (const other of others) if (!same(first, other)) misfit(operation, { first, other });
  },

  addressedBit(bits: Matrix, k: number, out: Matrix): void {
    if (bits.columns !== k + 2 ** k || !perRow(out, bits)) misfit("addressedBit", { bits, k, out });
  },

  /** Operands of one shape, in whole groups of `choices` columns. */
  groups(operation: string, choices: number, a: Matrix, b: Matrix, out: Matrix = b): void {
    if (!same(a, b) || !same(a, out) || !grouped(a, choices)) misfit(operation, { choices, a, b, out });
  },

  sampleCategorical(p: Matrix, choices: number, uniforms: Matrix, bits: Matrix): void {
    if (
      !same(p, bits) ||
      !grouped(p, choices) ||
      uniforms.rows !== p.rows ||
      uniforms.columns * choices !== p.columns
    ) {
      misfit("sampleCategorical", { p, choices, uniforms, bits });
    }
  },

  flips(operation: string, bits: Matrix, tables: FlipTables, child: Outcome, out: Matrix): void {
    const { weights } = tables;
    if (
      !same(bits, out) ||
      weights.rows !== bits.columns ||
      !fitsOutcome(child, bits.rows, weights.columns)
    ) {
      misfit(operation, { bits, weights, child: child.bits, out });
    }
  },

  flipMeans(
    operation: string,
    { weights }: FlipTables,
    { bits, kind }: Outcome,
    value: Matrix,
    changes: Matrix,
  ): void {
    if (
      kind !== "bernoulli" ||
      !same(bits, value) ||
      changes.rows !== weights.columns ||
      changes.columns !== weights.rows
    ) {
      misfit(operation, { weights, child: bits, value, changes });
    }
  },

  switches(
    operation: string,
    bits: Matrix,
    choices: number,
    { weights, coding }: FlipTables,
    child: Outcome,
    out: Matrix,
  ): void {
    if (
      coding !== "zero-one" ||
      !same(bits, out) ||
      !grouped(bits, choices) ||
      weights.rows !== bits.columns ||
      !fitsOutcome(child, bits.rows, weights.columns)
    ) {
      misfit(operation, { bits, choices, weights, child: child.bits, out });
    }
  },

  /** `s` [B, 1] beside operands of one shape [B, J]. */
  perExample(operation: string, s: Matrix, a: Matrix, ...others: Matrix[]): void {
    if (!perRow(s, a) || !others.every((other) => same(a, other))) {
      misfit(operation, { s, a, ...Object.fromEntries(others.entries()) });
    }
  },

  scaleRows(a: Matrix, s: Matrix, out: Matrix): void {
    if (!same(a, out) || !perRow(s, a)) misfit("scaleRows", { a, s, out });
  },

  rewardByLabel(actions: Matrix, labels: Matrix, out: Matrix): void {
    if (!perRow(labels, actions) || !perRow(out, actions)) misfit("rewardByLabel", { actions, labels, out });
  },

  subtractBaseline(values: Matrix, baseline: Matrix, out: Matrix): void {
    if (!perRow(values, values) || !same(values, out) || baseline.rows * baseline.columns !== 1) {
      misfit("subtractBaseline", { values, baseline, out });
    }
  },

  trackMean(values: Matrix, baseline: Matrix): void {
    if (!perRow(values, values) || baseline.rows * baseline.columns !== 1) {
      misfit("trackMean", { values, baseline });
    }
  },

  addVariance(moments: Matrix): void {
    if (!perRow(moments, moments)) misfit("addVariance", { moments });
  },

  adam(parameters: Matrix, gradient: Matrix, m: Matrix, v: Matrix): void {
    if (!same(parameters, gradient) || !same(parameters, m) || !same(parameters, v)) {
      misfit("adam", { parameters, gradient, m, v });
    }
  },
};
