// By how much norms of weights change.
import { exp4, flush4, log4, madd, select, sum4 } from "./math";
import { firstLanes, storeLanes } from "./lanes";

/** `out = factor sign(a) |a|^exponent`, 0 where |a| < 1e-30, whatever the exponent. `a`, `out` [n]. */
export function signedPower(a: usize, out: usize, n: i32, exponent: f32, factor: f32): void {
  const zero = f32x4.splat(0);
  const power = f32x4.splat(exponent);
  for (; n > 0; n -= 4, a += 16, out += 16) {
    const x = flush4(v128.load(a));
    const size = f32x4.mul(exp4(f32x4.mul(power, log4(f32x4.abs(x)))), f32x4.splat(factor));
    const signed = select(f32x4.neg(size), size, f32x4.lt(x, zero));
    storeLanes(out, v128.and(signed, f32x4.ne(x, zero)), n);
  }
}

/**
 * `out[b, i] (+)= x sum_j (|W[i, j] + rate x g[b, j]|^norm - |W[i, j]|^norm) / (2 rate)`, `x` = 2 bit - 1 where
 * `plusMinus`, else 1. `bits`, `out` [B, I], `g` [B, J], `W` [I, J]. Of the 2-norm that is
 * `sum_j W[i, j] g[b, j] + x rate |g[b]|^2 / 2`; other norms are formed in float64, one power after the other.
 */
export function normChange(
  bits: usize, g: usize, weights: usize, out: usize, B: i32, I: i32, J: i32, plusMinus: bool, norm: f64, rate: f64,
  accumulate: bool,
): void {
  const rowBytes = (<usize>J) << 2;
  for (let b = 0; b < B; b++, g += rowBytes) {
    const half = <f32>(rate / 2) * dot(g, g, J);
    let row = weights;
    for (let i = 0; i < I; i++, row += rowBytes, bits += 4, out += 4) {
      const x: f32 = plusMinus && load<f32>(bits) == 0 ? -1 : 1;
      const change = norm == 2 ? dot(row, g, J) + x * half : powers(row, g, J, norm, rate * x);
      store<f32>(out, accumulate ? load<f32>(out) + change : change);
    }
  }
}

// @ts-ignore: decorator
@inline
function dot(a: usize, b: usize, n: i32): f32 {
  let sum = f32x4.splat(0);
  for (; n >= 4; n -= 4, a += 16, b += 16) sum = madd(v128.load(a), v128.load(b), sum);
  if (n > 0) {
    const mask = firstLanes(n);
    sum = madd(v128.and(v128.load(a), mask), v128.and(v128.load(b), mask), sum);
  }
  return sum4(sum);
}

/** `sum_j (|w[j] + step g[j]|^norm - |w[j]|^norm) / (2 step)`. */
function powers(w: usize, g: usize, J: i32, norm: f64, step: f64): f32 {
  let sum: f64 = 0;
  for (let at: usize = 0; at < (<usize>J) << 2; at += 4) {
    const before = <f64>load<f32>(w + at);
    const after = before + step * <f64>load<f32>(g + at);
    sum += Math.pow(Math.abs(after), norm) - Math.pow(Math.abs(before), norm);
  }
  return <f32>(sum / (2 * step));
}
