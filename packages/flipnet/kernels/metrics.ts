import { firstLanes } from "./lanes";

/** The mean of `n` floats, formed in float64. */
// @ts-ignore: decorator
@inline
export function meanOf(m: usize, n: i32): f64 {
  let sum: f64 = 0;
  for (let e: usize = 0; e < (<usize>n) << 2; e += 4) sum += <f64>load<f32>(m + e);
  return sum / n;
}

/** The sum of the squares of `n` floats, formed in float64. */
function squareOf(m: usize, n: i32): f64 {
  const end = m + ((<usize>n & ~3) << 2);
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (; m < end; m += 16) {
    const a = f64x2.promote_low_f32x4(v128.load64_zero(m));
    const b = f64x2.promote_low_f32x4(v128.load64_zero(m, 8));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  low = f64x2.add(low, high);
  let sum = f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1);
  for (let e = n & 3; e > 0; e--, m += 4) sum += <f64>load<f32>(m) * <f64>load<f32>(m);
  return sum;
}

/** `sum += mean(m)`. `m` [n], `sum` one float64. */
export function addMean(m: usize, sum: usize, n: i32): void {
  store<f64>(sum, load<f64>(sum) + meanOf(m, n));
}

/**
 * `sums[0] += max(0, mean(moments) - |gradient|^2)`; where the difference is not finite and `sums[1]` is still 0,
 * `sums[1] = step`. `moments` [B], `gradient` [n], `sums` two float64.
 */
export function addVariance(moments: usize, gradient: usize, sums: usize, B: i32, n: i32, step: f64): void {
  const variance = meanOf(moments, B) - squareOf(gradient, n);
  store<f64>(sums, load<f64>(sums) + max<f64>(0, variance));
  if (!isFinite(variance) && load<f64>(sums, 8) == 0) store<f64>(sums, step, 8);
}

/** Where a number is not finite and `sum` is still 0, `sum = step`. `m` [n], `sum` one float64. */
export function checkFinite(m: usize, sum: usize, n: i32, step: f64): void {
  let zero = f32x4.splat(0); // x - x is 0, or not a number
  for (; n >= 4; n -= 4, m += 16) {
    const x = v128.load(m);
    zero = f32x4.add(zero, f32x4.sub(x, x));
  }
  const rest = v128.and(v128.load(m), firstLanes(n));
  zero = f32x4.add(zero, f32x4.sub(rest, rest));
  if (v128.any_true(f32x4.ne(zero, zero)) && load<f64>(sum) == 0) store<f64>(sum, step);
}
