/**
 * The operations that everything in flipnet is written in. There are two implementations: `reference.ts` (float64,
 * plain loops: the specification) and `wasm.ts` (float32, SIMD kernels).
 *
 * Letters: `B` examples, `I` inputs (parents), `J` units (columns of a layer), `U` softmax units of `N` choices
 * (`J = U N`). Matrices are row-major. Weights are `[I, J]`: one row an input. Logarithms are natural.
 *
 * Bits are stored as 0 and 1 whatever the coding of the units; operations that multiply by them take the coding.
 * Nothing here allocates except the functions under "memory". Shapes that do not fit throw a `RangeError`.
 */
import { InputError } from "../formats/errors.ts";
import type { Key } from "../random/threefry.ts";

/** A matrix of floats that a backend owns. A row vector has one row, a value per example one column. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  /** Whether `write` takes bits alone: set by `Backend.expectBits`. */
  readonly holdsBits: boolean;
}

/** Bytes that a backend owns: images, labels. */
export interface Bytes {
  readonly length: number;
}

/** Row numbers that a backend owns: the order of an epoch. */
export interface Indices {
  readonly length: number;
}

/** Float64 accumulators for metrics: written by operations, read now and then. */
export interface Sums {
  readonly length: number;
}

/** How stored values are read in a product: bits as {0,1}, bits as {-1,+1}, or any real number. */
export type Coding = "zero-one" | "plus-minus" | "real";

/** `e^{kW}` and `e^{-kW}` of a weight matrix, `k` = 1 for {0,1} parents and 2 for {-1,+1}. */
export interface FlipTables {
  readonly weights: Matrix;
  readonly coding: "zero-one" | "plus-minus";
}

/**
 * A window that slides over images, one pixel a step and never beyond their edge, so that it stands in
 * `height - kernel + 1` times `width - kernel + 1` places. An image is `height * width * channels` numbers, the channels
 * of a pixel side by side.
 */
export interface Window {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Rows and columns of the window; all of its numbers are `kernel^2 * channels`, in the same order as an image's. */
  readonly kernel: number;
}

/** What a layer of children did: its law and its outcome on every example. */
export interface Outcome {
  readonly kind: "bernoulli" | "softmax";
  /** Choices a softmax unit has; 1 for Bernoulli units. */
  readonly choices: number;
  /** [B, J] */
  readonly logits: Matrix;
  /** [B, J] probability of a one (Bernoulli) or of each choice (softmax). */
  readonly p: Matrix;
  /** [B, J] `1 - p` without cancellation; Bernoulli only (softmax: the same matrix as `p`, unused). */
  readonly q: Matrix;
  /** [B, J] bits; one-hot for softmax. */
  readonly bits: Matrix;
}

/** What a backend can do besides the operations, and how it computes. */
export interface Features {
  /** How it rounds, by name: `float64`, `portable`, `relaxed`, or what an addon calls its own. Part of a run's identity. */
  readonly arithmetic: string;
  /** What its numbers are: float32 or float64. */
  readonly dtype: "F32" | "F64";
  /** The backend itself, where a read need not wait: see `immediate`. */
  readonly immediate?: ImmediateBackend;
  /** Its memory, where that is known to the byte. */
  readonly memory?: MemoryPlanner;
}

/** What blocks of memory are for. */
export type Use = "matrices" | "tables" | "data" | "scratch";

/** A memory that can be planned. */
export interface MemoryPlanner {
  /** Bytes that are allocated now, by what they are for. */
  readonly used: Readonly<Record<Use, number>>;
  /** Takes `bytes` of memory in all at once, in place of growing bit by bit; false where that is not to be had. */
  reach(bytes: number): boolean;
  /**
   * The same backend on a memory that is only counted: it holds no numbers and does no work, and takes what this one
   * would take, whatever its size. Reads give zeros.
   */
  dry(): Backend & { readonly features: { readonly memory: MemoryPlanner } };
}

/** Memory with an owner, which is given back in one go: see `Backend.scope`. */
export interface Scope {
  /** Everything that is allocated while `work` runs belongs to this scope, but for what a scope within it takes. */
  run<T>(work: () => T): T;
  /** Gives it back. What was allocated may not be used any more: the operations refuse it. */
  release(): void;
}

/** Everything that a backend does; see the head of this file for shapes and letters. */
export interface Backend {
  readonly name: "reference" | "wasm";
  readonly features: Features;

  /** Ends what the backend keeps going, such as threads. No operation may follow. */
  close(): void;

  // ---- memory -------------------------------------------------------------------------------------------------

  /** A new owner of memory. What no scope has belongs to the backend, and goes when that goes. */
  scope(): Scope;
  /** A new matrix of zeros. Throws `RangeError` for sizes that are no whole numbers. */
  matrix(rows: number, columns: number): Matrix;
  /** `rows * columns` elements of `m` from element `offset` on, sharing memory. */
  view(m: Matrix, offset: number, rows: number, columns: number): Matrix;
  bytes(data: Uint8Array): Bytes;
  indices(length: number): Indices;
  /** `length` accumulators, all zero. */
  sums(length: number): Sums;
  /**
   * Says that a matrix holds bits: from now on `write` throws a `RangeError` for other numbers, and this does for one that is
   * there. Operations take them on trust, so this is asked of what callers fill: a network's input.
   */
  expectBits(m: Matrix): void;
  /** Copies numbers in, from element `offset` of `m` on. */
  write(m: Matrix, values: ArrayLike<number>, offset?: number): void;
  writeIndices(indices: Indices, values: ArrayLike<number>): void;
  writeSums(sums: Sums, values: ArrayLike<number>): void;
  /** A copy of what is there once all operations issued so far are done. */
  read(m: Matrix): Promise<Float64Array>;
  readSums(sums: Sums): Promise<Float64Array>;

  // ---- data ---------------------------------------------------------------------------------------------------

  /**
   * Binarised images: `out[b, i]` is 1 with probability `images[row, i] / 255`, `row = order[first + b]`.
   * The bit is `255 u < 65536 pixel` with the 16-bit `u = halfWordAt(key, row, i)`: it belongs to the image and the
   * key, not to the batch. `images` [any, I], `out` [B, I].
   */
  binarise(images: Bytes, order: Indices, first: number, key: Key, out: Matrix): void;
  /** `out[b] = source[order[first + b]]`. `source` [any, I], `out` [B, I]. */
  gatherRows(source: Matrix, order: Indices, first: number, out: Matrix): void;
  /** `out[b] = labels[order[first + b]]`. `out` [B, 1]. */
  gatherLabels(labels: Bytes, order: Indices, first: number, out: Matrix): void;
  /** 24-bit uniforms in [0, 1): element e is `uniformAt(key, e)`. */
  uniforms(key: Key, out: Matrix): void;
  /** Fair bits: element e is `bitAt(key, e)`. */
  fairBits(key: Key, out: Matrix): void;
  /**
   * `out[b] = bits[b, k + n]`, `n` the number that the first `k` bits of the row are, most significant first.
   * `bits` [B, k + 2^k], `out` [B, 1].
   */
  addressedBit(bits: Matrix, k: number, out: Matrix): void;

  // ---- products -----------------------------------------------------------------------------------------------

  /** `out[b, j] = bias[j]`. `bias` [1, J], `out` [B, J]. */
  broadcast(bias: Matrix, out: Matrix): void;
  /** `out += x W`, `x` [B, I] read in `coding`, `W` [I, J], `out` [B, J]. Bits cost a sum of active rows. */
  product(x: Matrix, coding: Coding, weights: Matrix, out: Matrix): void;
  /** `out (+)= g W^T`. `g` [B, J], `W` [I, J], `out` [B, I]. */
  transposedProduct(g: Matrix, weights: Matrix, out: Matrix, accumulate: boolean): void;
  /** `out (+)= mean_b x[b] (x) g[b]`. `x` [B, I] read in `coding`, `g` [B, J], `out` [I, J]. */
  outerProduct(x: Matrix, coding: Coding, g: Matrix, out: Matrix, accumulate: boolean): void;
  /** `out (+)= mean_b g[b]`. `g` [B, J], `out` [1, J]. */
  columnMeans(g: Matrix, out: Matrix, accumulate: boolean): void;
  /** `out[b] (+)= a[b] . b[b]`, both read in `coding`. `a`, `b` [B, I], `out` [B, 1]. */
  rowDots(a: Matrix, b: Matrix, coding: Coding, out: Matrix, accumulate: boolean): void;

  // ---- convolutions -------------------------------------------------------------------------------------------

  /**
   * `out = max(0, bias + x * W)`: rectified units, one for each column of `W` in every place of the window. `x` [B, an
   * image], `W` [a window, J], `bias` [1, J], `out` [B, places * J], the units of a place side by side.
   */
  convolve(x: Matrix, window: Window, weights: Matrix, bias: Matrix, out: Matrix): void;
  /** `out` = `g` through `W` back to the images: dJ/dx where `g` is dJ/d(x * W). `g` [B, places * J], `out` [B, an image]. */
  convolveBack(g: Matrix, window: Window, weights: Matrix, out: Matrix): void;
  /** `out = mean_b sum_place x[b, place] (x) g[b, place]`. `g` [B, places * J], `out` [a window, J]. */
  convolutionGradient(x: Matrix, window: Window, g: Matrix, out: Matrix): void;
  /** `g = 0` where `y` is not above 0: back through a rectifier that gave `y`. Same shapes. */
  rectifierGradient(y: Matrix, g: Matrix): void;

  // ---- units --------------------------------------------------------------------------------------------------

  /** `p = sigmoid(l)`, `q = sigmoid(-l)`. In float32 values below 1e-30 become 0: no denormal gets into a product. */
  sigmoid(logits: Matrix, p: Matrix, q: Matrix): void;
  /** `p` = softmax of `l` over each group of `choices` columns. In float32 values below 1e-30 become 0. */
  softmax(logits: Matrix, choices: number, p: Matrix): void;
  /**
   * `out[k] = l[k] - log sum_{m != k} e^(l[m])` over each group of `choices` columns: the log odds of each choice against all
   * the others, so that `sigmoid(out)` is their softmax, and what of it is near 1 keeps its distance from there; 1e30 for an
   * only choice. All [B, U N]; `out` may be `l`.
   */
  choiceOdds(logits: Matrix, choices: number, out: Matrix): void;
  /** `bits = u < p`. All [B, J]. */
  sampleBernoulli(p: Matrix, uniforms: Matrix, bits: Matrix): void;
  /** `first = 1 - u <= p`, `second = u < p`. All [B, J]. */
  sampleAntithetic(p: Matrix, uniforms: Matrix, first: Matrix, second: Matrix): void;
  /**
   * One-hot of the first choice whose cumulative probability exceeds `u`; the last choice with p > 0 if rounding
   * leaves none. `p`, `bits` [B, U N], `uniforms` [B, U].
   */
  sampleCategorical(p: Matrix, choices: number, uniforms: Matrix, bits: Matrix): void;

  // ---- counterfactuals ----------------------------------------------------------------------------------------

  /** Tables for `weights` [I, J]; they are valid after `refreshFlipTables`. */
  flipTables(weights: Matrix, coding: "zero-one" | "plus-minus"): FlipTables;
  /** Recomputes the tables from the weights as they are now: once a step. */
  refreshFlipTables(tables: FlipTables): void;
  /**
   * `out[b, i] (+)= log P(children | parent i on) - log P(children | parent i off)`: everything else in the net as it
   * was. `bits` [B, I] what the Bernoulli parents did, `child` [B, J] Bernoulli or softmax, `out` [B, I].
   */
  flipLogLikelihood(bits: Matrix, tables: FlipTables, child: Outcome, out: Matrix, accumulate: boolean): void;
  /**
   * `out[b, (u, k)] (+)= log P(children | parent u chose k) - log P(children | parent u chose what it chose)`.
   * `bits` [B, U N] one-hot, tables of `W` [U N, J] in {0,1} coding, `child` [B, J], `out` [B, U N].
   */
  switchLogLikelihood(
    bits: Matrix,
    choices: number,
    tables: FlipTables,
    child: Outcome,
    out: Matrix,
    accumulate: boolean,
  ): void;
  /**
   * `out = s log(r e^(s delta) + 1 - r)`: a difference in log-likelihood as above, where the children's outcome came
   * from their own law with probability `r = sigmoid(odds)` and from one that no parent sways otherwise. `s` is -1 where
   * the parent is on, 1 where it is off; without `bits` (softmax parents) always 1. `delta`, `bits`, `out` [B, I],
   * `odds` [B, 1]; `out` may be `delta`.
   */
  mixtureLikelihood(delta: Matrix, odds: Matrix, bits: Matrix | undefined, out: Matrix): void;
  /** `out = sigmoid(l + delta) - sigmoid(l)`, as `p q expm1(delta) / (q + p e^delta)`. All [B, J]. */
  posteriorMinusPrior(p: Matrix, q: Matrix, delta: Matrix, out: Matrix): void;
  /**
   * `out = s (q - s) / q`, 0 where `q` is, `s` being a posterior less its prior `1 - q`: what is left of it where automatic
   * differentiation goes through the posterior too (D-31). All [B, J]; `out` may be `s`.
   */
  unstoppedGradient(s: Matrix, q: Matrix, out: Matrix): void;
  /** `out = softmax(log p + delta) - p` over each group of `choices` columns. All [B, U N]. */
  choicePosteriorMinusPrior(p: Matrix, choices: number, delta: Matrix, out: Matrix): void;

  /**
   * `out` = the derivative of what units did, its log-likelihood, by their logits, `bit - p`: `q` where a unit is on and
   * `-p` where it is off, so that nothing is lost beside 1. All [B, J].
   */
  score(bits: Matrix, p: Matrix, q: Matrix, out: Matrix): void;
  /** The same of softmax units: the sum of the others' `p` for the choice made, `-p` for them. All [B, U N]. */
  choiceScore(bits: Matrix, choices: number, p: Matrix, out: Matrix): void;

  // ---- rules of the Weight Maximization paper -----------------------------------------------------------------

  /**
   * `out = a x (bit - p)`, `x` what the unit shows: a score times a reward that is `a` for being on and, of {-1,+1}
   * units, `-a` for being off. So it is `a` times the probability of what did not happen, or 0 for a {0,1} unit that
   * is off. All [B, J]; `out` may be `a`.
   */
  rewardedScore(
    a: Matrix,
    coding: "zero-one" | "plus-minus",
    p: Matrix,
    q: Matrix,
    bits: Matrix,
    out: Matrix,
  ): void;
  /**
   * `out = |a| w (better - p)`, `better = 1[a > 0]` the better outcome, `a` being what being on earns; `w` is
   * `rewarded` where it is what the unit did, `punished` elsewhere. All [B, J]; `out` may be `a`.
   */
  betterOutcome(
    a: Matrix,
    p: Matrix,
    q: Matrix,
    bits: Matrix,
    rewarded: number,
    punished: number,
    out: Matrix,
  ): void;
  /** `out = factor p q a`: the slope of a unit's mean, by what being on earns. All [B, J]; `out` may be `a`. */
  meanSlope(a: Matrix, p: Matrix, q: Matrix, factor: number, out: Matrix): void;
  /** `out = p (a - sum_k p[k] a[k])` over each group of `choices` columns: through a softmax. All [B, U N]. */
  softmaxSlope(p: Matrix, choices: number, a: Matrix, out: Matrix): void;
  /** `out = bit q (1 - e^-delta)`. All [B, J]; `out` may be `delta`. */
  productFormScore(bits: Matrix, q: Matrix, delta: Matrix, out: Matrix): void;
  /** `out = factor sign(a) |a|^exponent`, 0 where `a` is 0. Same shapes. */
  signedPower(a: Matrix, exponent: number, factor: number, out: Matrix): void;
  /**
   * `out[b, i] (+)= x sum_j (|W[i, j] + rate x g[b, j]|^norm - |W[i, j]|^norm) / (2 rate)`, `x` what unit `i` shows;
   * for {0,1} units 1, on or off. `bits` [B, I], `g` [B, J], `W` [I, J], `out` [B, I]; `norm` at least 1.
   */
  normChange(
    bits: Matrix,
    coding: "zero-one" | "plus-minus",
    g: Matrix,
    weights: Matrix,
    norm: number,
    rate: number,
    out: Matrix,
    accumulate: boolean,
  ): void;
  /**
   * What a reward says of one of two actions: `better = bit`, `weight = rewarded` where it is positive, `better = 1 - bit`,
   * `weight = punished` elsewhere. `reward` and `weight` [B, 1], the others [B, J]; of softmax units two choices each.
   */
  betterAction(
    bits: Matrix,
    reward: Matrix,
    rewarded: number,
    punished: number,
    better: Matrix,
    weight: Matrix,
  ): void;

  // ---- known functions ----------------------------------------------------------------------------------------

  /** `out[b]` = the log-likelihood of what a layer did. `layer` [B, J], `out` [B, 1]. */
  logLikelihood(layer: Outcome, out: Matrix): void;
  /** `out[b]` = the entropies in nats of the units of a layer, summed. `layer` [B, J], `out` [B, 1]. */
  entropy(layer: Outcome, out: Matrix): void;
  /** `g -= l p q`: the derivative of each unit's entropy by its logit. All [B, J]. */
  addEntropyGradient(logits: Matrix, p: Matrix, q: Matrix, g: Matrix): void;
  /**
   * `out[b, i] (+)= H(children | parent i on) - H(children | parent i off)`, the entropies summed over the children.
   * `bits` [B, I] what the Bernoulli parents did, `child` [B, J] Bernoulli, `out` [B, I]. Into `logLikelihood` [B, I]
   * goes what `flipLogLikelihood` would say: most of the work is the same.
   */
  flipEntropy(
    bits: Matrix,
    tables: FlipTables,
    child: Outcome,
    out: Matrix,
    accumulate: boolean,
    logLikelihood?: Matrix,
  ): void;
  /**
   * The same where parents or children, or both, are softmax units: of a Bernoulli parent (`choices` 1) on less off; of a
   * softmax parent `out[b, (u, k)] (+)= H(children | parent u chose k) - H(children | parent u chose what it chose)`.
   */
  entropyDifferences(
    bits: Matrix,
    choices: number,
    tables: FlipTables,
    child: Outcome,
    out: Matrix,
    accumulate: boolean,
  ): void;
  /**
   * `out[b, i] (+)= E[value . h | parent i on] - E[value . h | parent i off]`, `h` what Bernoulli children do, and `value` on
   * the example as the parents are, by `factor changes[j, i]` higher where parent `i` is on. `bits` [B, I] what the Bernoulli
   * parents did, `child` and `value` [B, J], `changes` [J, I], `out` [B, I].
   */
  flipMeans(
    bits: Matrix,
    tables: FlipTables,
    child: Outcome,
    value: Matrix,
    changes: Matrix,
    factor: number,
    out: Matrix,
    accumulate: boolean,
  ): void;
  /** `out[u, k] += a[u, k] - a[u, m]`, `m` what unit `u` chose, over each group of `choices` columns. All [B, U N]. */
  addChoiceDifferences(a: Matrix, choices: number, bits: Matrix, out: Matrix): void;
  /** `out = p q d`: the expectation of a difference `d = f(on) - f(off)` over the unit alone. All [B, J]. */
  localExpectation(p: Matrix, q: Matrix, difference: Matrix, out: Matrix): void;
  /**
   * `out += s (f + (q - bit) d)`: what a posterior that differs from the prior by `s` adds for components worth `f` on
   * the example, which change by `d` (or, left out, not at all) with the unit itself. `f` [B, 1], the rest [B, J].
   */
  addHindsight(
    s: Matrix,
    f: Matrix,
    q: Matrix,
    bits: Matrix,
    difference: Matrix | undefined,
    out: Matrix,
  ): void;

  /**
   * The same for softmax units, `d[u, k]` being what choice `k` would add to what the choice made is worth:
   * `out[u, k] += s[u, k] (f + d[u, k]) - p[u, k] sum_m s[u, m] d[u, m]`. `f` [B, 1], the rest [B, U N].
   */
  addChoiceHindsight(
    s: Matrix,
    f: Matrix,
    p: Matrix,
    choices: number,
    difference: Matrix | undefined,
    out: Matrix,
  ): void;

  // ---- elementwise --------------------------------------------------------------------------------------------

  fill(m: Matrix, value: number): void;
  /** `out = a`. Same shapes. */
  copy(a: Matrix, out: Matrix): void;
  /** `out = max(a, b)` elementwise. Same shapes. */
  maximum(a: Matrix, b: Matrix, out: Matrix): void;
  /** `out = a b` elementwise. Same shapes; `out` may be `a` or `b`. */
  multiply(a: Matrix, b: Matrix, out: Matrix): void;
  /** `out = a - b`. Same shapes. */
  subtract(a: Matrix, b: Matrix, out: Matrix): void;
  /** `out[b, j] = a[b, j] s[b]`. `s` [B, 1]; `out` may be `a`. */
  scaleRows(a: Matrix, s: Matrix, out: Matrix): void;
  /** `out += a b` elementwise. Same shapes. */
  multiplyAdd(a: Matrix, b: Matrix, out: Matrix): void;
  /** `out += factor a`. Same shapes. */
  addScaled(a: Matrix, factor: number, out: Matrix): void;

  // ---- reward and baseline ------------------------------------------------------------------------------------

  /**
   * 1 where the action is the label, else `wrong`, default 0. `actions` [B, A] one-hot, or [B, 1] a Bernoulli output
   * whose bit is the action. `labels`, `out` [B, 1].
   */
  rewardByLabel(actions: Matrix, labels: Matrix, out: Matrix, wrong?: number): void;
  /** `out[b] = values[b] - baseline`. `values`, `out` [B, 1], `baseline` [1, 1]. */
  subtractBaseline(values: Matrix, baseline: Matrix, out: Matrix): void;
  /** `baseline = decay baseline + (1 - decay) mean(values)`. */
  trackMean(values: Matrix, decay: number, baseline: Matrix): void;

  // ---- metrics ------------------------------------------------------------------------------------------------

  /** `sums[index] += mean of all elements of m`. */
  addMean(m: Matrix, sums: Sums, index: number): void;
  /**
   * `sums[index] += max(0, mean(moments) - |gradient|^2)`, formed in float64; and, where that is not finite and
   * `sums[index + 1]` is still 0, `sums[index + 1] = step`. `moments` [B, 1]: each example's squared gradient norm.
   */
  addVariance(moments: Matrix, gradient: Matrix, sums: Sums, index: number, step: number): void;
  /** Where an element of `m` is not finite and `sums[index]` is still 0, `sums[index] = step`. */
  checkFinite(m: Matrix, sums: Sums, index: number, step: number): void;

  // ---- optimizers ---------------------------------------------------------------------------------------------

  /**
   * One ascending Adam step (Kingma and Ba 2015, algorithm 1; epsilon outside the root) on `parameters`, first and
   * second moments `m` and `v`, all of one shape. `correction1 = 1 - beta1^t`, `correction2 = 1 - beta2^t`.
   * `|m| < 1e-30` and `v < 1e-36` become 0: WebAssembly cannot flush denormals by itself.
   */
  adam(parameters: Matrix, gradient: Matrix, m: Matrix, v: Matrix, options: AdamStep): void;
}

export interface AdamStep {
  rate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  correction1: number;
  correction2: number;
}

/** A backend on this processor, where a read need not wait: what an online agent acts with. */
export interface ImmediateBackend extends Backend {
  /** The elements of `m` as they are now, copied: into a new array, unless one of that length is given. */
  readNow(m: Matrix, into?: Float64Array): Float64Array;
}

/**
 * The same backend as one that can be read within a step, at the three ports where the host may: a task's reward, a
 * function of the user's own, a front end. Throws `InputError` where it cannot.
 */
export function immediate(backend: Backend): ImmediateBackend {
  if (backend.features.immediate !== undefined) return backend.features.immediate;
  throw new InputError(`the ${backend.name} backend cannot be read within a step; use one on this processor`);
}
