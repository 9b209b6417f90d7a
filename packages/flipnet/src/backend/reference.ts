/**
 * The operations of `backend.ts` in float64 and plain loops. This is the specification: every faster backend is
 * tested against it, and the audit runs on it.
 */
import { bitAt, halfWordAt, type Key, uniformAt } from "../random/threefry.ts";
import type {
  AdamStep,
  Bytes,
  Coding,
  Features,
  FlipTables,
  ImmediateBackend,
  Indices,
  Matrix,
  Outcome,
  Scope,
  Sums,
  Window,
} from "./backend.ts";

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

/** What a stored value stands for in a product. */
const coded = (x: number, coding: Coding): number => (coding === "plus-minus" ? 2 * x - 1 : x);

/** log(1 + e^x) without overflow or cancellation. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** 1 / (1 + e^-x) to full relative accuracy on both sides. */
const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

/** Entropy in nats of a Bernoulli unit with logit `l`: -p log p - q log q. */
const entropy = (l: number): number => sigmoid(l) * softplus(-l) + sigmoid(-l) * softplus(l);

/** log sum_k e^(x[k]) over `count` values from `start` on, `shift(k)` added to each. */
function logSumExp(x: Float64Array, start: number, count: number, shift: (k: number) => number): number {
  let largest = -Infinity;
  for (let k = 0; k < count; k++) largest = Math.max(largest, x[start + k] + shift(k));
  let sum = 0;
  for (let k = 0; k < count; k++) sum += Math.exp(x[start + k] + shift(k) - largest);
  return largest + Math.log(sum);
}

/** log P(outcome of example b) of all of a layer's units when column j's logit is moved by `shift(j)`. */
function logLikelihood(child: Outcome, b: number, shift: (j: number) => number): number {
  const logits = values(child.logits);
  const bits = values(child.bits);
  const { columns } = child.logits;
  let sum = 0;
  if (child.kind === "bernoulli") {
    for (let j = 0; j < columns; j++) {
      const l = logits[b * columns + j] + shift(j);
      sum -= softplus(bits[b * columns + j] > 0 ? -l : l);
    }
    return sum;
  }
  for (let u = 0; u < columns; u += child.choices) {
    const start = b * columns + u;
    let chosen = 0;
    for (let k = 1; k < child.choices; k++) if (bits[start + k] > 0) chosen = k;
    sum += logits[start + chosen] + shift(u + chosen);
    sum -= logSumExp(logits, start, child.choices, (k) => shift(u + k));
  }
  return sum;
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

/** The entropies of all of a layer's units on example b when column j's logit is moved by `shift(j)`. */
function entropies({ kind, choices, logits }: Outcome, b: number, shift: (j: number) => number): number {
  const l = values(logits);
  const start = b * logits.columns;
  let sum = 0;
  if (kind === "bernoulli") {
    for (let j = 0; j < logits.columns; j++) sum += entropy(l[start + j] + shift(j));
    return sum;
  }
  for (let u = 0; u < logits.columns; u += choices) {
    const total = logSumExp(l, start + u, choices, (k) => shift(u + k));
    for (let k = 0; k < choices; k++) {
      const log = l[start + u + k] + shift(u + k) - total;
      sum -= Math.exp(log) * log;
    }
  }
  return sum;
}

class Reference implements ImmediateBackend {
  readonly name = "reference";
  readonly features: Features = { arithmetic: "float64", dtype: "F64", immediate: this };

  close(): void {}

  /** The engine gives back what nobody holds. */
  scope(): Scope {
    return { run: (work) => work(), release() {} };
  }

  matrix(rows: number, columns: number): Matrix {
    return { rows, columns, data: new Float64Array(rows * columns) } as Values;
  }

  view(m: Matrix, offset: number, rows: number, columns: number): Matrix {
    return { rows, columns, data: values(m).subarray(offset, offset + rows * columns) } as Values;
  }

  bytes(data: Uint8Array): Bytes {
    return { length: data.length, data } as ByteValues;
  }

  indices(length: number): Indices {
    return { length, data: new Uint32Array(length) } as IndexValues;
  }

  sums(length: number): Sums {
    return { length, data: new Float64Array(length) } as SumValues;
  }

  write(m: Matrix, source: ArrayLike<number>, offset = 0): void {
    values(m).set(source, offset);
  }

  writeIndices(indices: Indices, source: ArrayLike<number>): void {
    (indices as IndexValues).data.set(source);
  }

  writeSums(sums: Sums, source: ArrayLike<number>): void {
    (sums as SumValues).data.set(source);
  }

  readNow(m: Matrix, into = new Float64Array(m.rows * m.columns)): Float64Array {
    into.set(values(m));
    return into;
  }

  async read(m: Matrix): Promise<Float64Array> {
    return this.readNow(m);
  }

  async readSums(sums: Sums): Promise<Float64Array> {
    return (sums as SumValues).data.slice();
  }

  binarise(images: Bytes, order: Indices, first: number, key: Key, out: Matrix): void {
    const pixels = (images as ByteValues).data;
    const rows = (order as IndexValues).data;
    const o = values(out);
    const I = out.columns;
    for (let b = 0; b < out.rows; b++) {
      const row = rows[first + b];
      for (let i = 0; i < I; i++) {
        o[b * I + i] = halfWordAt(key, row, i) * 255 < pixels[row * I + i] * 65536 ? 1 : 0;
      }
    }
  }

  gatherRows(source: Matrix, order: Indices, first: number, out: Matrix): void {
    const rows = (order as IndexValues).data;
    const I = out.columns;
    for (let b = 0; b < out.rows; b++) {
      const row = rows[first + b];
      values(out).set(values(source).subarray(row * I, row * I + I), b * I);
    }
  }

  gatherLabels(labels: Bytes, order: Indices, first: number, out: Matrix): void {
    const rows = (order as IndexValues).data;
    for (let b = 0; b < out.rows; b++) values(out)[b] = (labels as ByteValues).data[rows[first + b]];
  }

  uniforms(key: Key, out: Matrix): void {
    const o = values(out);
    for (let e = 0; e < o.length; e++) o[e] = uniformAt(key, e);
  }

  fairBits(key: Key, out: Matrix): void {
    const o = values(out);
    for (let e = 0; e < o.length; e++) o[e] = bitAt(key, e);
  }

  addressedBit(bits: Matrix, k: number, out: Matrix): void {
    const x = values(bits);
    const I = bits.columns;
    for (let b = 0; b < bits.rows; b++) {
      let address = 0;
      for (let i = 0; i < k; i++) address = 2 * address + x[b * I + i];
      values(out)[b] = x[b * I + k + address];
    }
  }

  broadcast(bias: Matrix, out: Matrix): void {
    for (let b = 0; b < out.rows; b++) values(out).set(values(bias), b * out.columns);
  }

  product(x: Matrix, coding: Coding, weights: Matrix, out: Matrix): void {
    const [X, W, o] = [values(x), values(weights), values(out)];
    const I = x.columns;
    const J = out.columns;
    for (let b = 0; b < x.rows; b++) {
      for (let i = 0; i < I; i++) {
        const value = coded(X[b * I + i], coding);
        if (value === 0) continue;
        for (let j = 0; j < J; j++) o[b * J + j] += value * W[i * J + j];
      }
    }
  }

  transposedProduct(g: Matrix, weights: Matrix, out: Matrix, accumulate: boolean): void {
    const [G, W, o] = [values(g), values(weights), values(out)];
    const I = out.columns;
    const J = g.columns;
    for (let b = 0; b < g.rows; b++) {
      for (let i = 0; i < I; i++) {
        let sum = accumulate ? o[b * I + i] : 0;
        for (let j = 0; j < J; j++) sum += G[b * J + j] * W[i * J + j];
        o[b * I + i] = sum;
      }
    }
  }

  outerProduct(x: Matrix, coding: Coding, g: Matrix, out: Matrix, accumulate: boolean): void {
    const [X, G, o] = [values(x), values(g), values(out)];
    const I = x.columns;
    const J = g.columns;
    if (!accumulate) o.fill(0);
    for (let b = 0; b < x.rows; b++) {
      for (let i = 0; i < I; i++) {
        const value = coded(X[b * I + i], coding) / x.rows;
        if (value === 0) continue;
        for (let j = 0; j < J; j++) o[i * J + j] += value * G[b * J + j];
      }
    }
  }

  columnMeans(g: Matrix, out: Matrix, accumulate: boolean): void {
    const [G, o] = [values(g), values(out)];
    if (!accumulate) o.fill(0);
    for (let b = 0; b < g.rows; b++) {
      for (let j = 0; j < g.columns; j++) o[j] += G[b * g.columns + j] / g.rows;
    }
  }

  rowDots(a: Matrix, b: Matrix, coding: Coding, out: Matrix, accumulate: boolean): void {
    const [A, B, o] = [values(a), values(b), values(out)];
    const I = a.columns;
    for (let row = 0; row < a.rows; row++) {
      let sum = accumulate ? o[row] : 0;
      for (let e = row * I; e < row * I + I; e++) sum += coded(A[e], coding) * coded(B[e], coding);
      o[row] = sum;
    }
  }

  convolve(x: Matrix, window: Window, weights: Matrix, bias: Matrix, out: Matrix): void {
    const [images, w, c, o] = [x, weights, bias, out].map(values);
    o.forEach((_, e) => {
      o[e] = c[e % weights.columns];
    });
    eachConnection(window, weights.columns, x.rows, (i, k, e) => {
      o[e] += images[i] * w[k];
    });
    o.forEach((l, e) => {
      o[e] = Math.max(0, l);
    });
  }

  convolveBack(g: Matrix, window: Window, weights: Matrix, out: Matrix): void {
    const [credit, w, o] = [g, weights, out].map(values);
    o.fill(0);
    eachConnection(window, weights.columns, g.rows, (i, k, e) => {
      o[i] += credit[e] * w[k];
    });
  }

  convolutionGradient(x: Matrix, window: Window, g: Matrix, out: Matrix): void {
    const [images, credit, o] = [x, g, out].map(values);
    o.fill(0);
    eachConnection(window, out.columns, x.rows, (i, k, e) => {
      o[k] += (images[i] * credit[e]) / x.rows;
    });
  }

  rectifierGradient(y: Matrix, g: Matrix): void {
    const [rectified, credit] = [values(y), values(g)];
    credit.forEach((_, e) => {
      if (!(rectified[e] > 0)) credit[e] = 0;
    });
  }

  sigmoid(logits: Matrix, p: Matrix, q: Matrix): void {
    const l = values(logits);
    for (let e = 0; e < l.length; e++) {
      values(p)[e] = sigmoid(l[e]);
      values(q)[e] = sigmoid(-l[e]);
    }
  }

  softmax(logits: Matrix, choices: number, p: Matrix): void {
    const l = values(logits);
    for (let start = 0; start < l.length; start += choices) {
      const total = logSumExp(l, start, choices, () => 0);
      for (let k = 0; k < choices; k++) values(p)[start + k] = Math.exp(l[start + k] - total);
    }
  }

  sampleBernoulli(p: Matrix, uniforms: Matrix, bits: Matrix): void {
    for (let e = 0; e < values(p).length; e++) values(bits)[e] = values(uniforms)[e] < values(p)[e] ? 1 : 0;
  }

  sampleAntithetic(p: Matrix, uniforms: Matrix, first: Matrix, second: Matrix): void {
    for (let e = 0; e < values(p).length; e++) {
      values(first)[e] = 1 - values(uniforms)[e] <= values(p)[e] ? 1 : 0;
      values(second)[e] = values(uniforms)[e] < values(p)[e] ? 1 : 0;
    }
  }

  sampleCategorical(p: Matrix, choices: number, uniforms: Matrix, bits: Matrix): void {
    const [P, o] = [values(p), values(bits)];
    o.fill(0);
    for (let start = 0; start < P.length; start += choices) {
      const u = values(uniforms)[start / choices];
      let cumulative = 0;
      let chosen = 0;
      for (let k = 0; k < choices; k++) {
        if (P[start + k] > 0) chosen = k;
        cumulative += P[start + k];
        if (u < cumulative) break;
      }
      o[start + chosen] = 1;
    }
  }

  flipTables(weights: Matrix, coding: "zero-one" | "plus-minus"): FlipTables {
    return { weights, coding };
  }

  refreshFlipTables(): void {
    // The reference works from the weights themselves.
  }

  flipLogLikelihood(
    bits: Matrix,
    tables: FlipTables,
    child: Outcome,
    out: Matrix,
    accumulate: boolean,
  ): void {
    const W = values(tables.weights);
    const k = tables.coding === "plus-minus" ? 2 : 1;
    const I = bits.columns;
    const J = child.bits.columns;
    const o = values(out);
    for (let b = 0; b < bits.rows; b++) {
      const asItWas = logLikelihood(child, b, () => 0);
      for (let i = 0; i < I; i++) {
        const on = values(bits)[b * I + i] > 0;
        const flipped = logLikelihood(child, b, (j) => (on ? -k : k) * W[i * J + j]);
        const delta = on ? asItWas - flipped : flipped - asItWas;
        o[b * I + i] = delta + (accumulate ? o[b * I + i] : 0);
      }
    }
  }

  switchLogLikelihood(
    bits: Matrix,
    choices: number,
    tables: FlipTables,
    child: Outcome,
    out: Matrix,
    accumulate: boolean,
  ): void {
    const [x, W, o] = [values(bits), values(tables.weights), values(out)];
    const I = bits.columns;
    const J = child.bits.columns;
    for (let b = 0; b < bits.rows; b++) {
      const asItWas = logLikelihood(child, b, () => 0);
      for (let unit = 0; unit < I; unit += choices) {
        let chosen = unit;
        for (let k = 0; k < choices; k++) if (x[b * I + unit + k] > 0) chosen = unit + k;
        for (let i = unit; i < unit + choices; i++) {
          const switched = logLikelihood(child, b, (j) => W[i * J + j] - W[chosen * J + j]);
          o[b * I + i] = switched - asItWas + (accumulate ? o[b * I + i] : 0);
        }
      }
    }
  }

  posteriorMinusPrior(p: Matrix, q: Matrix, delta: Matrix, out: Matrix): void {
    const [P, Q, D, o] = [values(p), values(q), values(delta), values(out)];
    for (let e = 0; e < P.length; e++) {
      const d = D[e];
      // Both branches are bounded: the exponential is never above 1.
      o[e] =
        d <= 0
          ? (P[e] * Q[e] * Math.expm1(d)) / (Q[e] + P[e] * Math.exp(d))
          : (-P[e] * Q[e] * Math.expm1(-d)) / (Q[e] * Math.exp(-d) + P[e]);
    }
  }

  unstoppedGradient(s: Matrix, q: Matrix, out: Matrix): void {
    const [S, Q, o] = [values(s), values(q), values(out)];
    for (let e = 0; e < S.length; e++) o[e] = Q[e] > 0 ? (S[e] * (Q[e] - S[e])) / Q[e] : 0;
  }

  choicePosteriorMinusPrior(p: Matrix, choices: number, delta: Matrix, out: Matrix): void {
    const [P, D, o] = [values(p), values(delta), values(out)];
    for (let start = 0; start < P.length; start += choices) {
      const total = logSumExp(D, start, choices, (k) => Math.log(P[start + k]));
      for (let e = start; e < start + choices; e++) o[e] = P[e] > 0 ? P[e] * Math.expm1(D[e] - total) : 0;
    }
  }

  score(bits: Matrix, p: Matrix, q: Matrix, out: Matrix): void {
    for (let e = 0; e < values(p).length; e++) {
      values(out)[e] = values(bits)[e] > 0 ? values(q)[e] : -values(p)[e];
    }
  }

  choiceScore(bits: Matrix, choices: number, p: Matrix, out: Matrix): void {
    const [x, P, o] = [values(bits), values(p), values(out)];
    for (let start = 0; start < P.length; start += choices) {
      let others = 0;
      for (let e = start; e < start + choices; e++) if (!(x[e] > 0)) others += P[e];
      for (let e = start; e < start + choices; e++) o[e] = x[e] > 0 ? others : -P[e];
    }
  }

  rewardedScore(
    a: Matrix,
    coding: "zero-one" | "plus-minus",
    p: Matrix,
    q: Matrix,
    bits: Matrix,
    out: Matrix,
  ): void {
    const off = coding === "plus-minus" ? -1 : 0;
    for (let e = 0; e < values(a).length; e++) {
      values(out)[e] = values(a)[e] * (values(bits)[e] > 0 ? values(q)[e] : off * -values(p)[e]);
    }
  }

  betterOutcome(
    a: Matrix,
    p: Matrix,
    q: Matrix,
    bits: Matrix,
    rewarded: number,
    punished: number,
    out: Matrix,
  ): void {
    for (let e = 0; e < values(a).length; e++) {
      const earned = values(a)[e];
      const weight = earned > 0 === values(bits)[e] > 0 ? rewarded : punished;
      values(out)[e] = weight * earned * (earned > 0 ? values(q)[e] : values(p)[e]);
    }
  }

  meanSlope(a: Matrix, p: Matrix, q: Matrix, factor: number, out: Matrix): void {
    for (let e = 0; e < values(a).length; e++) {
      values(out)[e] = factor * values(p)[e] * values(q)[e] * values(a)[e];
    }
  }

  softmaxSlope(p: Matrix, choices: number, a: Matrix, out: Matrix): void {
    const [P, A, o] = [values(p), values(a), values(out)];
    for (let start = 0; start < P.length; start += choices) {
      let mean = 0;
      for (let e = start; e < start + choices; e++) mean += P[e] * A[e];
      for (let e = start; e < start + choices; e++) o[e] = P[e] * (A[e] - mean);
    }
  }

  productFormScore(bits: Matrix, q: Matrix, delta: Matrix, out: Matrix): void {
    for (let e = 0; e < values(q).length; e++) {
      values(out)[e] = values(bits)[e] > 0 ? -values(q)[e] * Math.expm1(-values(delta)[e]) : 0;
    }
  }

  signedPower(a: Matrix, exponent: number, factor: number, out: Matrix): void {
    for (let e = 0; e < values(a).length; e++) {
      const x = values(a)[e];
      values(out)[e] = x === 0 ? 0 : factor * Math.sign(x) * Math.abs(x) ** exponent;
    }
  }

  normChange(
    bits: Matrix,
    coding: "zero-one" | "plus-minus",
    g: Matrix,
    weights: Matrix,
    norm: number,
    rate: number,
    out: Matrix,
    accumulate: boolean,
  ): void {
    const [G, W, o] = [values(g), values(weights), values(out)];
    const { rows: I, columns: J } = weights;
    for (let b = 0; b < g.rows; b++) {
      for (let i = 0; i < I; i++) {
        const x = coding === "zero-one" ? 1 : coded(values(bits)[b * I + i], coding);
        let sum = 0;
        for (let j = 0; j < J; j++) {
          const w = W[i * J + j];
          sum += Math.abs(w + rate * x * G[b * J + j]) ** norm - Math.abs(w) ** norm;
        }
        o[b * I + i] = (x * sum) / (2 * rate) + (accumulate ? o[b * I + i] : 0);
      }
    }
  }

  rewardPenalty(
    bits: Matrix,
    p: Matrix,
    reward: Matrix,
    rewarded: number,
    punished: number,
    out: Matrix,
  ): void {
    for (let e = 0; e < values(p).length; e++) {
      const bit = values(bits)[e];
      values(out)[e] =
        values(reward)[Math.floor(e / p.columns)] > 0
          ? rewarded * (bit - values(p)[e])
          : punished * (1 - bit - values(p)[e]);
    }
  }

  logLikelihood(layer: Outcome, out: Matrix): void {
    for (let b = 0; b < out.rows; b++) values(out)[b] = logLikelihood(layer, b, () => 0);
  }

  entropy(layer: Outcome, out: Matrix): void {
    for (let b = 0; b < out.rows; b++) values(out)[b] = entropies(layer, b, () => 0);
  }

  addEntropyGradient(logits: Matrix, p: Matrix, q: Matrix, g: Matrix): void {
    const [L, P, Q, G] = [values(logits), values(p), values(q), values(g)];
    for (let e = 0; e < L.length; e++) G[e] -= L[e] * P[e] * Q[e];
  }

  flipEntropy(
    bits: Matrix,
    tables: FlipTables,
    child: Outcome,
    out: Matrix,
    accumulate: boolean,
    logLikelihood?: Matrix,
  ): void {
    if (logLikelihood !== undefined) this.flipLogLikelihood(bits, tables, child, logLikelihood, false);
    const W = values(tables.weights);
    const L = values(child.logits);
    const k = tables.coding === "plus-minus" ? 2 : 1;
    const I = bits.columns;
    const J = child.logits.columns;
    for (let b = 0; b < bits.rows; b++) {
      for (let i = 0; i < I; i++) {
        const on = values(bits)[b * I + i] > 0;
        let flipped = 0;
        for (let j = 0; j < J; j++) {
          const l = L[b * J + j];
          flipped += entropy(l + (on ? -k : k) * W[i * J + j]) - entropy(l);
        }
        values(out)[b * I + i] = (on ? -flipped : flipped) + (accumulate ? values(out)[b * I + i] : 0);
      }
    }
  }

  entropyDifferences(
    bits: Matrix,
    choices: number,
    tables: FlipTables,
    child: Outcome,
    out: Matrix,
    accumulate: boolean,
  ): void {
    const [x, W, o] = [values(bits), values(tables.weights), values(out)];
    const step = tables.coding === "plus-minus" ? 2 : 1;
    const I = bits.columns;
    const J = child.bits.columns;
    for (let b = 0; b < bits.rows; b++) {
      const asItWas = entropies(child, b, () => 0);
      for (let i = 0; i < I; i++) {
        const e = b * I + i;
        let difference: number;
        if (choices === 1) {
          const sign = x[e] > 0 ? -1 : 1;
          difference = sign * (entropies(child, b, (j) => sign * step * W[i * J + j]) - asItWas);
        } else {
          const unit = i - (i % choices);
          let chosen = unit;
          for (let k = 0; k < choices; k++) if (x[b * I + unit + k] > 0) chosen = unit + k;
          difference = entropies(child, b, (j) => W[i * J + j] - W[chosen * J + j]) - asItWas;
        }
        o[e] = difference + (accumulate ? o[e] : 0);
      }
    }
  }

  addChoiceDifferences(a: Matrix, choices: number, bits: Matrix, out: Matrix): void {
    const [A, x, o] = [values(a), values(bits), values(out)];
    for (let start = 0; start < A.length; start += choices) {
      let chosen = start;
      for (let e = start; e < start + choices; e++) if (x[e] > 0) chosen = e;
      const own = A[chosen];
      for (let e = start; e < start + choices; e++) o[e] += A[e] - own;
    }
  }

  localExpectation(p: Matrix, q: Matrix, difference: Matrix, out: Matrix): void {
    for (let e = 0; e < values(p).length; e++) {
      values(out)[e] = values(p)[e] * values(q)[e] * values(difference)[e];
    }
  }

  addHindsight(
    s: Matrix,
    f: Matrix,
    q: Matrix,
    bits: Matrix,
    difference: Matrix | undefined,
    out: Matrix,
  ): void {
    for (let e = 0; e < values(s).length; e++) {
      const own = difference === undefined ? 0 : (values(q)[e] - values(bits)[e]) * values(difference)[e];
      values(out)[e] += values(s)[e] * (values(f)[Math.floor(e / s.columns)] + own);
    }
  }

  addChoiceHindsight(
    s: Matrix,
    f: Matrix,
    p: Matrix,
    choices: number,
    difference: Matrix | undefined,
    out: Matrix,
  ): void {
    const [S, F, P, o] = [values(s), values(f), values(p), values(out)];
    const d = difference === undefined ? undefined : values(difference);
    for (let start = 0; start < S.length; start += choices) {
      const worth = F[Math.floor(start / s.columns)];
      let shift = 0;
      for (let e = start; e < start + choices; e++) shift += S[e] * (d?.[e] ?? 0);
      for (let e = start; e < start + choices; e++) o[e] += S[e] * (worth + (d?.[e] ?? 0)) - P[e] * shift;
    }
  }

  fill(m: Matrix, value: number): void {
    values(m).fill(value);
  }

  copy(a: Matrix, out: Matrix): void {
    values(out).set(values(a));
  }

  maximum(a: Matrix, b: Matrix, out: Matrix): void {
    for (let e = 0; e < values(a).length; e++) values(out)[e] = Math.max(values(a)[e], values(b)[e]);
  }

  multiply(a: Matrix, b: Matrix, out: Matrix): void {
    for (let e = 0; e < values(a).length; e++) values(out)[e] = values(a)[e] * values(b)[e];
  }

  subtract(a: Matrix, b: Matrix, out: Matrix): void {
    for (let e = 0; e < values(a).length; e++) values(out)[e] = values(a)[e] - values(b)[e];
  }

  scaleRows(a: Matrix, s: Matrix, out: Matrix): void {
    for (let e = 0; e < values(a).length; e++) {
      values(out)[e] = values(a)[e] * values(s)[Math.floor(e / a.columns)];
    }
  }

  multiplyAdd(a: Matrix, b: Matrix, out: Matrix): void {
    for (let e = 0; e < values(a).length; e++) values(out)[e] += values(a)[e] * values(b)[e];
  }

  addScaled(a: Matrix, factor: number, out: Matrix): void {
    for (let e = 0; e < values(a).length; e++) values(out)[e] += factor * values(a)[e];
  }

  rewardByLabel(actions: Matrix, labels: Matrix, out: Matrix, wrong = 0): void {
    const A = actions.columns;
    for (let b = 0; b < actions.rows; b++) {
      const label = values(labels)[b];
      const right = A === 1 ? values(actions)[b] === label : values(actions)[b * A + label] === 1;
      values(out)[b] = right ? 1 : wrong;
    }
  }

  subtractBaseline(v: Matrix, baseline: Matrix, out: Matrix): void {
    for (let b = 0; b < v.rows; b++) values(out)[b] = values(v)[b] - values(baseline)[0];
  }

  trackMean(v: Matrix, decay: number, baseline: Matrix): void {
    let sum = 0;
    for (const value of values(v)) sum += value;
    values(baseline)[0] = decay * values(baseline)[0] + (1 - decay) * (sum / values(v).length);
  }

  addMean(m: Matrix, sums: Sums, index: number): void {
    let sum = 0;
    for (const value of values(m)) sum += value;
    (sums as SumValues).data[index] += sum / values(m).length;
  }

  addVariance(moments: Matrix, gradient: Matrix, sums: Sums, index: number, step: number): void {
    let mean = 0;
    for (const value of values(moments)) mean += value / moments.rows;
    let square = 0;
    for (const value of values(gradient)) square += value * value;
    const variance = mean - square;
    const s = (sums as SumValues).data;
    s[index] += Math.max(0, variance);
    if (!Number.isFinite(variance) && s[index + 1] === 0) s[index + 1] = step;
  }

  checkFinite(m: Matrix, sums: Sums, index: number, step: number): void {
    const s = (sums as SumValues).data;
    if (s[index] === 0 && !values(m).every(Number.isFinite)) s[index] = step;
  }

  adam(parameters: Matrix, gradient: Matrix, m: Matrix, v: Matrix, options: AdamStep): void {
    const { rate, beta1, beta2, epsilon, correction1, correction2 } = options;
    const [w, g, first, second] = [values(parameters), values(gradient), values(m), values(v)];
    for (let e = 0; e < w.length; e++) {
      const m1 = beta1 * first[e] + (1 - beta1) * g[e];
      const v1 = beta2 * second[e] + (1 - beta2) * g[e] * g[e];
      first[e] = Math.abs(m1) < 1e-30 ? 0 : m1;
      second[e] = v1 < 1e-36 ? 0 : v1;
      w[e] += (rate * (first[e] / correction1)) / (Math.sqrt(second[e] / correction2) + epsilon);
    }
  }
}

/** A new float64 backend. */
export const createReferenceBackend = (): ImmediateBackend => new Reference();
