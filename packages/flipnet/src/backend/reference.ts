/**
 * The operations of `backend.ts` in float64, each as it is written there. This is the specification: every faster backend
 * is tested against it, and the audit runs on it. Operands are checked before an operation is entered (`checked.ts`).
 *
 * Elements are numbered row by row: `e` is any, `b` an example, `i` a parent, `j` a unit, `start` the first choice of a
 * softmax unit.
 */
import { bitAt, halfWordAt, uniformAt } from "../random/threefry.ts";
import type {
  Bytes,
  Coding,
  FlipTables,
  ImmediateBackend,
  Indices,
  Matrix,
  Outcome,
  Sums,
  Window,
} from "./backend.ts";
import { checked } from "./checked.ts";
import { shapes } from "./shapes.ts";
import { softplus } from "./softplus.ts";

interface Values extends Matrix {
  readonly data: Float64Array;
}
interface ByteValues extends Bytes {
  readonly data: Uint8Array;
}
interface IndexValues extends Indices {
  readonly data: Uint32Array;
}
interface SumValues extends Sums {
  readonly data: Float64Array;
}

const values = (m: Matrix): Float64Array => (m as Values).data;

/** Writes every element of a matrix. */
function each(out: Matrix, of: (e: number) => number): void {
  const o = values(out);
  for (let e = 0; e < o.length; e++) o[e] = of(e);
}

/** Writes every element by its row and column; or adds to it. */
function eachOf(out: Matrix, of: (row: number, column: number) => number, adds = false): void {
  const o = values(out);
  for (let r = 0, e = 0; r < out.rows; r++) {
    for (let c = 0; c < out.columns; c++, e++) o[e] = of(r, c) + (adds ? o[e] : 0);
  }
}

/** Calls `of` with the first element of every softmax unit, and of the next. */
function eachUnit(
  { rows, columns }: Matrix,
  choices: number,
  of: (start: number, end: number) => void,
): void {
  for (let start = 0; start < rows * columns; start += choices) of(start, start + choices);
}

/** `before + of(from) + ... + of(to - 1)`, in this order. */
function sum(from: number, to: number, of: (e: number) => number, before = 0): number {
  let result = before;
  for (let e = from; e < to; e++) result += of(e);
  return result;
}

const mean = (m: Matrix): number => sum(0, values(m).length, (e) => values(m)[e]) / values(m).length;

/** What a stored value stands for in a product. */
const coded = (x: number, coding: Coding): number => (coding === "plus-minus" ? 2 * x - 1 : x);

/** 1 / (1 + e^-x) to full relative accuracy on both sides. */
const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

/** Entropy in nats of a Bernoulli unit with logit `l`: -p log p - q log q. */
const entropy = (l: number): number => sigmoid(l) * softplus(-l) + sigmoid(-l) * softplus(l);

/** log sum_k e^(x[k]) over `count` values from `start` on, `shift(k)` added to each. */
function logSumExp(x: Float64Array, start: number, count: number, shift: (k: number) => number): number {
  let largest = -Infinity;
  for (let k = 0; k < count; k++) largest = Math.max(largest, x[start + k] + shift(k));
  return largest + Math.log(sum(0, count, (k) => Math.exp(x[start + k] + shift(k) - largest)));
}

/** The choice that a unit made, as an element. */
function chosen(bits: Float64Array, start: number, choices: number): number {
  let found = start;
  for (let e = start; e < start + choices; e++) if (bits[e] > 0) found = e;
  return found;
}

const unmoved = (): number => 0;

/** log P(outcome of example b) of all of a layer's units when column j's logit is moved by `shift(j)`. */
function logLikelihood(
  { kind, choices, ...child }: Outcome,
  b: number,
  shift = unmoved as (j: number) => number,
): number {
  const [l, bits] = [values(child.logits), values(child.bits)];
  const { columns } = child.logits;
  const row = b * columns;
  let result = 0;
  if (kind === "bernoulli") {
    for (let j = 0; j < columns; j++) {
      const moved = l[row + j] + shift(j);
      result -= softplus(bits[row + j] > 0 ? -moved : moved);
    }
    return result;
  }
  for (let u = 0; u < columns; u += choices) {
    const made = chosen(bits, row + u, choices);
    result += l[made] + shift(made - row);
    result -= logSumExp(l, row + u, choices, (k) => shift(u + k));
  }
  return result;
}

/** The entropies of all of a layer's units on example b when column j's logit is moved by `shift(j)`. */
function entropies(
  { kind, choices, logits }: Outcome,
  b: number,
  shift = unmoved as (j: number) => number,
): number {
  const l = values(logits);
  const { columns } = logits;
  const row = b * columns;
  if (kind === "bernoulli") return sum(0, columns, (j) => entropy(l[row + j] + shift(j)));
  let result = 0;
  for (let u = 0; u < columns; u += choices) {
    const total = logSumExp(l, row + u, choices, (k) => shift(u + k));
    for (let k = 0; k < choices; k++) {
      const log = l[row + u + k] + shift(u + k) - total;
      result -= Math.exp(log) * log;
    }
  }
  return result;
}

/** Something about the children of an example, with column j's logit moved by `shift(j)`. */
type Children = (b: number, shift?: (j: number) => number) => number;

/** Its value with Bernoulli parent i on, less that with it off. */
function flipped(
  bits: Matrix,
  { weights, coding }: FlipTables,
  out: Matrix,
  accumulate: boolean,
  of: Children,
): void {
  const [x, W, I, J] = [values(bits), values(weights), weights.rows, weights.columns];
  const asItWas = Float64Array.from({ length: bits.rows }, (_, b) => of(b));
  const k = coding === "plus-minus" ? 2 : 1;
  const change = (b: number, i: number) => {
    const sign = x[b * I + i] > 0 ? -1 : 1;
    return sign * (of(b, (j) => sign * k * W[i * J + j]) - asItWas[b]);
  };
  eachOf(out, change, accumulate);
}

/** Its value with another choice of a softmax parent, less that with the choice made. */
function switched(
  bits: Matrix,
  choices: number,
  { weights }: FlipTables,
  out: Matrix,
  accumulate: boolean,
  of: Children,
): void {
  const [x, W, I, J] = [values(bits), values(weights), weights.rows, weights.columns];
  const asItWas = Float64Array.from({ length: bits.rows }, (_, b) => of(b));
  const change = (b: number, i: number) => {
    const made = chosen(x, b * I + i - (i % choices), choices) - b * I;
    return of(b, (j) => W[i * J + j] - W[made * J + j]) - asItWas[b];
  };
  eachOf(out, change, accumulate);
}

/** Calls `each` for everything that a convolution multiplies: an input, a weight, and the sum that it belongs to. */
function eachConnection(
  { height, width, channels, kernel }: Window,
  units: number,
  images: number,
  each: (input: number, weight: number, sum: number) => void,
): void {
  let place = 0;
  for (let b = 0; b < images; b++) {
    for (let y = 0; y <= height - kernel; y++) {
      for (let x = 0; x <= width - kernel; x++, place++) {
        for (let v = 0; v < kernel; v++) {
          for (let u = 0; u < kernel * channels; u++) {
            const input = ((b * height + y + v) * width + x) * channels + u;
            const weight = v * kernel * channels + u;
            for (let j = 0; j < units; j++) each(input, weight * units + j, place * units + j);
          }
        }
      }
    }
  }
}

/** The rows that `order` names from `first` on, of `count` that there are. */
function rowsOf(
  operation: string,
  order: Indices,
  first: number,
  { rows }: Matrix,
  count: number,
): Uint32Array {
  const named = (order as IndexValues).data.subarray(first, first + rows);
  const wrong = named.find((row) => row >= count);
  if (wrong !== undefined) throw new RangeError(`${operation}: order names row ${wrong} of ${count}`);
  return named;
}

const reference: ImmediateBackend = {
  name: "reference",
  features: { arithmetic: "float64", dtype: "F64" },

  close() {},

  // ---- memory -------------------------------------------------------------------------------------------------

  /** The engine gives back what nobody holds. */
  scope() {
    return { run: (work) => work(), release() {} };
  },

  matrix(rows, columns) {
    shapes.sizes("matrix", rows, columns);
    return { rows, columns, holdsBits: false, data: new Float64Array(rows * columns) } as Values;
  },

  view(m, offset, rows, columns) {
    shapes.view(m, offset, rows, columns);
    const data = values(m).subarray(offset, offset + rows * columns);
    return { rows, columns, holdsBits: m.holdsBits, data } as Values;
  },

  bytes(data) {
    return { length: data.length, data } as ByteValues;
  },

  indices(length) {
    shapes.sizes("indices", length);
    return { length, data: new Uint32Array(length) } as IndexValues;
  },

  sums(length) {
    shapes.sizes("sums", length);
    return { length, data: new Float64Array(length) } as SumValues;
  },

  expectBits(m) {
    if (m.holdsBits) return;
    shapes.bits("expectBits", values(m));
    (m as { holdsBits: boolean }).holdsBits = true;
  },

  write(m, source, offset = 0) {
    shapes.range("write", offset, source.length, m.rows * m.columns);
    if (m.holdsBits) shapes.bits("write", source);
    values(m).set(source, offset);
  },

  writeIndices(indices, source) {
    shapes.range("writeIndices", 0, source.length, indices.length);
    (indices as IndexValues).data.set(source);
  },

  writeSums(sums, source) {
    shapes.range("writeSums", 0, source.length, sums.length);
    (sums as SumValues).data.set(source);
  },

  readNow(m, into = new Float64Array(m.rows * m.columns)) {
    into.set(values(m));
    return into;
  },

  async read(m) {
    return this.readNow(m);
  },

  async readSums(sums) {
    return (sums as SumValues).data.slice();
  },

  // ---- data ---------------------------------------------------------------------------------------------------

  binarise(images, order, first, key, out) {
    const pixels = (images as ByteValues).data;
    const I = out.columns;
    const rows = rowsOf("binarise", order, first, out, Math.floor(images.length / I));
    eachOf(out, (b, i) => (halfWordAt(key, rows[b], i) * 255 < pixels[rows[b] * I + i] * 65536 ? 1 : 0));
  },

  gatherRows(source, order, first, out) {
    const rows = rowsOf("gatherRows", order, first, out, source.rows);
    eachOf(out, (b, i) => values(source)[rows[b] * out.columns + i]);
  },

  gatherLabels(labels, order, first, out) {
    const rows = rowsOf("gatherLabels", order, first, out, labels.length);
    each(out, (b) => (labels as ByteValues).data[rows[b]]);
  },

  uniforms(key, out) {
    each(out, (e) => uniformAt(key, e));
  },

  fairBits(key, out) {
    each(out, (e) => bitAt(key, e));
  },

  addressedBit(bits, k, out) {
    const [x, I] = [values(bits), bits.columns];
    each(out, (b) => {
      let address = 0;
      for (let i = 0; i < k; i++) address = 2 * address + x[b * I + i];
      return x[b * I + k + address];
    });
  },

  // ---- products -----------------------------------------------------------------------------------------------

  broadcast(bias, out) {
    eachOf(out, (_, j) => values(bias)[j]);
  },

  product(x, coding, weights, out) {
    const [X, W, I, J] = [values(x), values(weights), weights.rows, weights.columns];
    const o = values(out);
    for (let b = 0; b < x.rows; b++) {
      for (let i = 0; i < I; i++) {
        const value = coded(X[b * I + i], coding);
        if (value === 0) continue;
        for (let j = 0; j < J; j++) o[b * J + j] += value * W[i * J + j];
      }
    }
  },

  transposedProduct(g, weights, out, accumulate) {
    const [G, W, I, J] = [values(g), values(weights), weights.rows, weights.columns];
    const o = values(out);
    eachOf(out, (b, i) => sum(0, J, (j) => G[b * J + j] * W[i * J + j], accumulate ? o[b * I + i] : 0));
  },

  outerProduct(x, coding, g, out, accumulate) {
    const [X, G, B, I, J] = [values(x), values(g), x.rows, x.columns, g.columns];
    const o = values(out);
    eachOf(out, (i, j) =>
      sum(0, B, (b) => (coded(X[b * I + i], coding) / B) * G[b * J + j], accumulate ? o[i * J + j] : 0),
    );
  },

  columnMeans(g, out, accumulate) {
    const [G, B, J] = [values(g), g.rows, g.columns];
    each(out, (j) => sum(0, B, (b) => G[b * J + j] / B, accumulate ? values(out)[j] : 0));
  },

  rowDots(a, b, coding, out, accumulate) {
    const [A, B, I] = [values(a), values(b), a.columns];
    each(out, (row) => {
      const term = (e: number) => coded(A[e], coding) * coded(B[e], coding);
      return sum(row * I, row * I + I, term, accumulate ? values(out)[row] : 0);
    });
  },

  // ---- convolutions -------------------------------------------------------------------------------------------

  convolve(x, window, weights, bias, out) {
    const [images, W, c, o] = [x, weights, bias, out].map(values);
    each(out, (e) => c[e % weights.columns]);
    eachConnection(window, weights.columns, x.rows, (i, k, e) => {
      o[e] += images[i] * W[k];
    });
    each(out, (e) => Math.max(0, o[e]));
  },

  convolveBack(g, window, weights, out) {
    const [G, W, o] = [g, weights, out].map(values);
    o.fill(0);
    eachConnection(window, weights.columns, g.rows, (i, k, e) => {
      o[i] += G[e] * W[k];
    });
  },

  convolutionGradient(x, window, g, out) {
    const [images, G, o] = [x, g, out].map(values);
    o.fill(0);
    eachConnection(window, out.columns, x.rows, (i, k, e) => {
      o[k] += (images[i] * G[e]) / x.rows;
    });
  },

  rectifierGradient(y, g) {
    const [Y, G] = [y, g].map(values);
    each(g, (e) => (Y[e] > 0 ? G[e] : 0));
  },

  // ---- units --------------------------------------------------------------------------------------------------

  sigmoid(logits, p, q) {
    const l = values(logits);
    each(p, (e) => sigmoid(l[e]));
    each(q, (e) => sigmoid(-l[e]));
  },

  softmax(logits, choices, p) {
    const [l, P] = [logits, p].map(values);
    eachUnit(p, choices, (start, end) => {
      const total = logSumExp(l, start, choices, unmoved);
      for (let e = start; e < end; e++) P[e] = Math.exp(l[e] - total);
    });
  },

  choiceOdds(logits, choices, out) {
    const [l, o] = [Float64Array.from(values(logits)), values(out)];
    eachUnit(out, choices, (start, end) => {
      for (let e = start; e < end; e++) {
        const others = logSumExp(l, start, choices, (k) => (start + k === e ? -Infinity : 0));
        o[e] = choices === 1 ? 1e30 : l[e] - others;
      }
    });
  },

  sampleBernoulli(p, uniforms, bits) {
    const [P, u] = [p, uniforms].map(values);
    each(bits, (e) => (u[e] < P[e] ? 1 : 0));
  },

  sampleAntithetic(p, uniforms, first, second) {
    const [P, u] = [p, uniforms].map(values);
    each(first, (e) => (1 - u[e] <= P[e] ? 1 : 0));
    each(second, (e) => (u[e] < P[e] ? 1 : 0));
  },

  sampleCategorical(p, choices, uniforms, bits) {
    const [P, u, o] = [p, uniforms, bits].map(values);
    o.fill(0);
    eachUnit(p, choices, (start, end) => {
      let cumulative = 0;
      let made = start;
      for (let e = start; e < end && cumulative <= u[start / choices]; e++) {
        if (P[e] > 0) made = e;
        cumulative += P[e];
      }
      o[made] = 1;
    });
  },

  // ---- counterfactuals ----------------------------------------------------------------------------------------

  flipTables(weights, coding) {
    return { weights, coding };
  },

  refreshFlipTables() {
    // The reference works from the weights themselves.
  },

  flipLogLikelihood(bits, tables, child, out, accumulate) {
    flipped(bits, tables, out, accumulate, (b, shift) => logLikelihood(child, b, shift));
  },

  switchLogLikelihood(bits, choices, tables, child, out, accumulate) {
    switched(bits, choices, tables, out, accumulate, (b, shift) => logLikelihood(child, b, shift));
  },

  mixtureLikelihood(delta, odds, bits, out) {
    const [D, O] = [delta, odds].map(values);
    each(out, (e) => {
      const odd = O[Math.floor(e / delta.columns)];
      const s = bits !== undefined && values(bits)[e] > 0 ? -1 : 1;
      const x = s * D[e];
      const near = Math.abs(x) <= 1;
      return s * (near ? Math.log1p(sigmoid(odd) * Math.expm1(x)) : softplus(odd + x) - softplus(odd));
    });
  },

  posteriorMinusPrior(p, q, delta, out) {
    const [P, Q, D] = [p, q, delta].map(values);
    // Both forms are bounded: the exponential is never above 1.
    each(out, (e) =>
      D[e] <= 0
        ? (P[e] * Q[e] * Math.expm1(D[e])) / (Q[e] + P[e] * Math.exp(D[e]))
        : (-P[e] * Q[e] * Math.expm1(-D[e])) / (Q[e] * Math.exp(-D[e]) + P[e]),
    );
  },

  unstoppedGradient(s, q, out) {
    const [S, Q] = [s, q].map(values);
    each(out, (e) => (Q[e] > 0 ? (S[e] * (Q[e] - S[e])) / Q[e] : 0));
  },

  choicePosteriorMinusPrior(p, choices, delta, out) {
    const [P, D, o] = [p, delta, out].map(values);
    eachUnit(p, choices, (start, end) => {
      const total = logSumExp(D, start, choices, (k) => Math.log(P[start + k]));
      for (let e = start; e < end; e++) o[e] = P[e] > 0 ? P[e] * Math.expm1(D[e] - total) : 0;
    });
  },

  score(bits, p, q, out) {
    const [x, P, Q] = [bits, p, q].map(values);
    each(out, (e) => (x[e] > 0 ? Q[e] : -P[e]));
  },

  choiceScore(bits, choices, p, out) {
    const [x, P, o] = [bits, p, out].map(values);
    eachUnit(p, choices, (start, end) => {
      const others = sum(start, end, (e) => (x[e] > 0 ? 0 : P[e]));
      for (let e = start; e < end; e++) o[e] = x[e] > 0 ? others : -P[e];
    });
  },

  // ---- rules of the Weight Maximization paper -----------------------------------------------------------------

  rewardedScore(a, coding, p, q, bits, out) {
    const [A, P, Q, x] = [a, p, q, bits].map(values);
    const off = coding === "plus-minus" ? -1 : 0;
    each(out, (e) => A[e] * (x[e] > 0 ? Q[e] : off * -P[e]));
  },

  betterOutcome(a, p, q, bits, rewarded, punished, out) {
    const [A, P, Q, x] = [a, p, q, bits].map(values);
    each(out, (e) => {
      const better = A[e] > 0;
      return (better === x[e] > 0 ? rewarded : punished) * A[e] * (better ? Q[e] : P[e]);
    });
  },

  meanSlope(a, p, q, factor, out) {
    const [A, P, Q] = [a, p, q].map(values);
    each(out, (e) => factor * P[e] * Q[e] * A[e]);
  },

  softmaxSlope(p, choices, a, out) {
    const [P, A, o] = [p, a, out].map(values);
    eachUnit(p, choices, (start, end) => {
      const expected = sum(start, end, (e) => P[e] * A[e]);
      for (let e = start; e < end; e++) o[e] = P[e] * (A[e] - expected);
    });
  },

  productFormScore(bits, q, delta, out) {
    const [x, Q, D] = [bits, q, delta].map(values);
    each(out, (e) => (x[e] > 0 ? -Q[e] * Math.expm1(-D[e]) : 0));
  },

  signedPower(a, exponent, factor, out) {
    const A = values(a);
    each(out, (e) => (A[e] === 0 ? 0 : factor * Math.sign(A[e]) * Math.abs(A[e]) ** exponent));
  },

  normChange(bits, coding, g, weights, norm, rate, out, accumulate) {
    const [G, W, I, J] = [values(g), values(weights), weights.rows, weights.columns];
    const change = (b: number, i: number): number => {
      const x = coding === "zero-one" ? 1 : coded(values(bits)[b * I + i], coding);
      const more = (j: number) => {
        const w = W[i * J + j];
        return Math.abs(w + rate * x * G[b * J + j]) ** norm - Math.abs(w) ** norm;
      };
      return (x * sum(0, J, more)) / (2 * rate);
    };
    eachOf(out, change, accumulate);
  },

  betterAction(bits, reward, rewarded, punished, better, weight) {
    const [x, r] = [bits, reward].map(values);
    each(better, (e) => (r[Math.floor(e / bits.columns)] > 0 ? x[e] : 1 - x[e]));
    each(weight, (b) => (r[b] > 0 ? rewarded : punished));
  },

  // ---- known functions ----------------------------------------------------------------------------------------

  logLikelihood(layer, out) {
    each(out, (b) => logLikelihood(layer, b));
  },

  entropy(layer, out) {
    each(out, (b) => entropies(layer, b));
  },

  addEntropyGradient(logits, p, q, g) {
    const [l, P, Q, G] = [logits, p, q, g].map(values);
    each(g, (e) => G[e] - l[e] * P[e] * Q[e]);
  },

  flipEntropy(bits, tables, child, out, accumulate, logLikelihood) {
    if (logLikelihood !== undefined) this.flipLogLikelihood(bits, tables, child, logLikelihood, false);
    this.entropyDifferences(bits, 1, tables, child, out, accumulate);
  },

  entropyDifferences(bits, choices, tables, child, out, accumulate) {
    const of: Children = (b, shift) => entropies(child, b, shift);
    if (choices === 1) flipped(bits, tables, out, accumulate, of);
    else switched(bits, choices, tables, out, accumulate, of);
  },

  flipMeans(bits, { weights, coding }, child, value, changes, factor, out, accumulate) {
    const [x, W, l, V, C] = [bits, weights, child.logits, value, changes].map(values);
    const { rows: I, columns: J } = weights;
    const k = coding === "plus-minus" ? 2 : 1;
    const mean = (b: number, i: number, sign: number) =>
      sum(0, J, (j) => {
        const logit = l[b * J + j] + sign * k * W[i * J + j];
        return sigmoid(logit) * (V[b * J + j] + sign * factor * C[j * I + i]);
      });
    const change = (b: number, i: number) => {
      const sign = x[b * I + i] > 0 ? -1 : 1;
      return sign * (mean(b, i, sign) - mean(b, i, 0));
    };
    eachOf(out, change, accumulate);
  },

  addChoiceDifferences(a, choices, bits, out) {
    const [A, x, o] = [a, bits, out].map(values);
    eachUnit(a, choices, (start, end) => {
      const own = A[chosen(x, start, choices)];
      for (let e = start; e < end; e++) o[e] += A[e] - own;
    });
  },

  localExpectation(p, q, difference, out) {
    const [P, Q, D] = [p, q, difference].map(values);
    each(out, (e) => P[e] * Q[e] * D[e]);
  },

  addHindsight(s, f, q, bits, difference, out) {
    const [S, F, Q, x, o] = [s, f, q, bits, out].map(values);
    const D = difference && values(difference);
    each(out, (e) => o[e] + S[e] * (F[Math.floor(e / s.columns)] + (D ? (Q[e] - x[e]) * D[e] : 0)));
  },

  addChoiceHindsight(s, f, p, choices, difference, out) {
    const [S, F, P, o] = [s, f, p, out].map(values);
    const D = (e: number) => (difference ? values(difference)[e] : 0);
    eachUnit(s, choices, (start, end) => {
      const worth = F[Math.floor(start / s.columns)];
      const shift = sum(start, end, (e) => S[e] * D(e));
      for (let e = start; e < end; e++) o[e] += S[e] * (worth + D(e)) - P[e] * shift;
    });
  },

  // ---- elementwise --------------------------------------------------------------------------------------------

  fill(m, value) {
    values(m).fill(value);
  },

  copy(a, out) {
    values(out).set(values(a));
  },

  maximum(a, b, out) {
    each(out, (e) => Math.max(values(a)[e], values(b)[e]));
  },

  multiply(a, b, out) {
    each(out, (e) => values(a)[e] * values(b)[e]);
  },

  subtract(a, b, out) {
    each(out, (e) => values(a)[e] - values(b)[e]);
  },

  scaleRows(a, s, out) {
    each(out, (e) => values(a)[e] * values(s)[Math.floor(e / a.columns)]);
  },

  multiplyAdd(a, b, out) {
    each(out, (e) => values(out)[e] + values(a)[e] * values(b)[e]);
  },

  addScaled(a, factor, out) {
    each(out, (e) => values(out)[e] + factor * values(a)[e]);
  },

  // ---- reward and baseline ------------------------------------------------------------------------------------

  rewardByLabel(actions, labels, out, wrong = 0) {
    const [x, y, A] = [values(actions), values(labels), actions.columns];
    // A label that is no action is never right.
    const right = (b: number) => (A === 1 ? x[b] === y[b] : y[b] >= 0 && y[b] < A && x[b * A + y[b]] === 1);
    each(out, (b) => (right(b) ? 1 : wrong));
  },

  subtractBaseline(v, baseline, out) {
    each(out, (b) => values(v)[b] - values(baseline)[0]);
  },

  trackMean(v, decay, baseline) {
    each(baseline, (e) => decay * values(baseline)[e] + (1 - decay) * mean(v));
  },

  // ---- metrics ------------------------------------------------------------------------------------------------

  addMean(m, sums, index) {
    (sums as SumValues).data[index] += mean(m);
  },

  addVariance(moments, gradient, sums, index, step) {
    const [M, G, s] = [values(moments), values(gradient), (sums as SumValues).data];
    const variance = sum(0, M.length, (b) => M[b] / M.length) - sum(0, G.length, (e) => G[e] * G[e]);
    s[index] += Math.max(0, variance);
    if (!Number.isFinite(variance) && s[index + 1] === 0) s[index + 1] = step;
  },

  checkFinite(m, sums, index, step) {
    const s = (sums as SumValues).data;
    if (s[index] === 0 && !values(m).every(Number.isFinite)) s[index] = step;
  },

  // ---- optimizers ---------------------------------------------------------------------------------------------

  adam(parameters, gradient, m, v, options) {
    const { rate, beta1, beta2, epsilon, correction1, correction2 } = options;
    const [w, g, first, second] = [parameters, gradient, m, v].map(values);
    const from = (least: number, x: number) => (x < least && x > -least ? 0 : x);
    each(m, (e) => from(1e-30, beta1 * first[e] + (1 - beta1) * g[e]));
    each(v, (e) => from(1e-36, beta2 * second[e] + (1 - beta2) * g[e] * g[e]));
    each(
      parameters,
      (e) => w[e] + (rate * (first[e] / correction1)) / (Math.sqrt(second[e] / correction2) + epsilon),
    );
  },
};

/** A new float64 backend. Its operations throw `RangeError` for shapes that do not fit and for bits that are none. */
export const createReferenceBackend = (): ImmediateBackend => checked(reference, values);
