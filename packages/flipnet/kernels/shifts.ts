// Log-likelihoods under moved logits, the plain way: an exponential and a logarithm for every child. What remains for
// weights beyond the tables and for softmax parents. Columns move by d[j] = k (plus[j] - minus[j]); a null `minus`
// is 0.
import { entropy4 } from "./entropy";
import { exp4, log1, max4, softplus4, sum4 } from "./math";
import { firstLanes } from "./lanes";

const NEVER: f32 = -1e30;

// @ts-ignore: decorator
@inline
function shift(plus: usize, minus: usize, at: usize, k: v128): v128 {
  const w = v128.load(plus + at);
  return f32x4.mul(k, minus ? f32x4.sub(w, v128.load(minus + at)) : w);
}

/** `sum_j softplus(logits[j] + d[j]) - softplus(logits[j])` over J Bernoulli children. */
export function bernoulliShift(logits: usize, plus: usize, minus: usize, k: f32, J: i32): f32 {
  const factor = f32x4.splat(k);
  let sum = f32x4.splat(0);
  for (let j = 0; j < J; j += 4) {
    const at = (<usize>j) << 2;
    const l = v128.load(logits + at);
    const d = shift(plus, minus, at, factor);
    const change = f32x4.sub(softplus4(f32x4.add(l, d)), softplus4(l));
    sum = f32x4.add(sum, j + 4 > J ? v128.and(change, firstLanes(J - j)) : change);
  }
  return sum4(sum);
}

/** `sum_j H(logits[j] + d[j]) - H(logits[j])` over J Bernoulli children. */
export function entropyShift(logits: usize, plus: usize, minus: usize, k: f32, J: i32): f32 {
  const factor = f32x4.splat(k);
  let sum = f32x4.splat(0);
  for (let j = 0; j < J; j += 4) {
    const at = (<usize>j) << 2;
    const l = v128.load(logits + at);
    const change = f32x4.sub(entropy4(f32x4.add(l, shift(plus, minus, at, factor))), entropy4(l));
    sum = f32x4.add(sum, j + 4 > J ? v128.and(change, firstLanes(J - j)) : change);
  }
  return sum4(sum);
}

/** The sum over units of `log sum_n e^(logits + d) - log sum_n e^logits`, for softmax children of N choices. */
export function softmaxShift(logits: usize, plus: usize, minus: usize, k: f32, J: i32, N: i32): f32 {
  const factor = f32x4.splat(k);
  const unitBytes = (<usize>N) << 2;
  const never = f32x4.splat(NEVER);
  let sum: f32 = 0;
  for (let u = 0; u < J; u += N, logits += unitBytes, plus += unitBytes, minus += minus ? unitBytes : 0) {
    let before = never, after = never;
    for (let n = 0; n < N; n += 4) {
      const at = (<usize>n) << 2;
      const mask = firstLanes(N - n);
      const l = v128.load(logits + at);
      const d = shift(plus, minus, at, factor);
      before = f32x4.pmax(before, v128.bitselect(l, never, mask));
      after = f32x4.pmax(after, v128.bitselect(f32x4.add(l, d), never, mask));
    }
    const most0 = max4(before), most1 = max4(after);
    let sum0 = f32x4.splat(0), sum1 = f32x4.splat(0);
    for (let n = 0; n < N; n += 4) {
      const at = (<usize>n) << 2;
      const mask = firstLanes(N - n);
      const l = v128.load(logits + at);
      const d = shift(plus, minus, at, factor);
      sum0 = f32x4.add(sum0, v128.and(exp4(f32x4.sub(l, f32x4.splat(most0))), mask));
      sum1 = f32x4.add(sum1, v128.and(exp4(f32x4.sub(f32x4.add(l, d), f32x4.splat(most1))), mask));
    }
    sum += most1 - most0 + log1(sum4(sum1) / sum4(sum0));
  }
  return sum;
}

/** `sum_j bits[j] d[j]`. */
export function bitsShift(bits: usize, plus: usize, minus: usize, k: f32, J: i32): f32 {
  const factor = f32x4.splat(k);
  let sum = f32x4.splat(0);
  for (let j = 0; j < J; j += 4) {
    const at = (<usize>j) << 2;
    const on = v128.and(f32x4.gt(v128.load(bits + at), f32x4.splat(0)), firstLanes(J - j));
    sum = f32x4.add(sum, v128.and(shift(plus, minus, at, factor), on));
  }
  return sum4(sum);
}
