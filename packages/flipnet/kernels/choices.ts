// Sums over the softmax units of each example, N choices each, J columns in all; and what choices are worth.
//   choiceLogLikelihood(logits, bits: [B, J], out: [B], B, J, N)   out[b] = sum_u log P(what unit u chose)
//   choiceEntropy(logits: [B, J], out: [B], B, J, N)               out[b] = sum_u H(unit u)
//   addChoiceDifferences(a, bits, out: [units, N], units, N)       out[u, k] += a[u, k] - a[u, what unit u chose]
import { exp4, log1, max4, sum4 } from "./math";
import { firstLanes, storeLanes } from "./lanes";

const NEVER: f32 = -1e30;

export function choiceLogLikelihood(logits: usize, bits: usize, out: usize, B: i32, J: i32, N: i32): void {
  const size = (<usize>N) << 2;
  for (const end = out + ((<usize>B) << 2); out < end; out += 4) {
    let sum: f32 = 0;
    for (let u = 0; u < J; u += N, logits += size, bits += size) {
      const most = largest(logits, N);
      let chosen = f32x4.splat(0);
      let total = f32x4.splat(0);
      for (let n = 0; n < N; n += 4) {
        const at = (<usize>n) << 2;
        const mask = firstLanes(N - n);
        const below = f32x4.sub(v128.load(logits + at), f32x4.splat(most));
        total = f32x4.add(total, v128.and(exp4(below), mask));
        const on = v128.and(f32x4.gt(v128.load(bits + at), f32x4.splat(0)), mask);
        chosen = f32x4.add(chosen, v128.and(below, on));
      }
      sum += sum4(chosen) - log1(sum4(total));
    }
    store<f32>(out, sum);
  }
}

export function choiceEntropy(logits: usize, out: usize, B: i32, J: i32, N: i32): void {
  const size = (<usize>N) << 2;
  for (const end = out + ((<usize>B) << 2); out < end; out += 4) {
    let sum: f32 = 0;
    for (let u = 0; u < J; u += N, logits += size) sum += unitEntropy(logits, 0, 0, 0, N);
    store<f32>(out, sum);
  }
}

/**
 * The entropy of a softmax unit whose logits are moved by `k (plus - minus)`; a null `plus` or `minus` is 0. With
 * x = l - max l it is log sum e^x - sum x e^x / sum e^x: no term is negative.
 */
export function unitEntropy(logits: usize, plus: usize, minus: usize, k: f32, N: i32): f32 {
  let most: f32 = NEVER;
  for (let n = 0; n < N; n += 4) {
    const l = moved(logits, plus, minus, k, (<usize>n) << 2);
    most = max(most, max4(v128.bitselect(l, f32x4.splat(NEVER), firstLanes(N - n))));
  }
  let total = f32x4.splat(0), weighed = f32x4.splat(0);
  for (let n = 0; n < N; n += 4) {
    const below = f32x4.sub(moved(logits, plus, minus, k, (<usize>n) << 2), f32x4.splat(most));
    const e = v128.and(exp4(below), firstLanes(N - n));
    total = f32x4.add(total, e);
    weighed = f32x4.add(weighed, v128.and(f32x4.mul(below, e), firstLanes(N - n)));
  }
  const sum = sum4(total);
  return log1(sum) - sum4(weighed) / sum;
}

// @ts-ignore: decorator
@inline
function moved(logits: usize, plus: usize, minus: usize, k: f32, at: usize): v128 {
  const l = v128.load(logits + at);
  if (!plus) return l;
  const w = v128.load(plus + at);
  return f32x4.add(l, f32x4.mul(f32x4.splat(k), minus ? f32x4.sub(w, v128.load(minus + at)) : w));
}

function largest(logits: usize, N: i32): f32 {
  let most = f32x4.splat(NEVER);
  for (let n = 0; n < N; n += 4) {
    const l = v128.load(logits + ((<usize>n) << 2));
    most = f32x4.pmax(most, v128.bitselect(l, f32x4.splat(NEVER), firstLanes(N - n)));
  }
  return max4(most);
}

export function addChoiceDifferences(a: usize, bits: usize, out: usize, units: i32, N: i32): void {
  const size = (<usize>N) << 2;
  for (let u = 0; u < units; u++, a += size, bits += size, out += size) {
    let own: f32 = 0;
    for (let at: usize = 0; at < size; at += 4) if (load<f32>(bits + at) > 0) own = load<f32>(a + at);
    for (let n = 0; n < N; n += 4) {
      const at = (<usize>n) << 2;
      const more = f32x4.sub(v128.load(a + at), f32x4.splat(own));
      storeLanes(out + at, f32x4.add(v128.load(out + at), more), N - n);
    }
  }
}
