// How hidden units learn from what being on earns, `a`: rules of the Weight Maximization paper. All [n].
import { storeLanes } from "./lanes";
import { expm14, flush4, select } from "./math";

/** `out = a x (bit - p)`, `x` = 2 bit - 1 where `plusMinus`, else the bit. */
export function rewardedScore(
  a: usize, p: usize, q: usize, bits: usize, out: usize, n: i32, plusMinus: bool,
): void {
  const zero = f32x4.splat(0);
  for (; n > 0; n -= 4, a += 16, p += 16, q += 16, bits += 16, out += 16) {
    const on = f32x4.gt(v128.load(bits), zero);
    const other = select(v128.load(q), plusMinus ? v128.load(p) : zero, on);
    storeLanes(out, flush4(f32x4.mul(v128.load(a), other)), n);
  }
}

/** `out = |a| w (1[a > 0] - p)`, `w` = `rewarded` where that is the bit, else `punished`. */
export function betterOutcome(
  a: usize, p: usize, q: usize, bits: usize, out: usize, n: i32, rewarded: f32, punished: f32,
): void {
  const zero = f32x4.splat(0);
  const well = f32x4.splat(rewarded), badly = f32x4.splat(punished);
  for (; n > 0; n -= 4, a += 16, p += 16, q += 16, bits += 16, out += 16) {
    const earned = v128.load(a);
    const better = f32x4.gt(earned, zero);
    const missed = v128.xor(better, f32x4.gt(v128.load(bits), zero));
    const weight = f32x4.mul(select(badly, well, missed), select(v128.load(q), v128.load(p), better));
    storeLanes(out, flush4(f32x4.mul(earned, weight)), n);
  }
}

/** `out = factor p q a`. */
export function meanSlope(a: usize, p: usize, q: usize, out: usize, n: i32, factor: f32): void {
  const scale = f32x4.splat(factor);
  for (; n > 0; n -= 4, a += 16, p += 16, q += 16, out += 16) {
    const slope = f32x4.mul(f32x4.mul(v128.load(p), scale), v128.load(q));
    storeLanes(out, flush4(f32x4.mul(slope, v128.load(a))), n);
  }
}

/** `out = bit q (1 - e^-delta)`. */
export function productFormScore(bits: usize, q: usize, delta: usize, out: usize, n: i32): void {
  const zero = f32x4.splat(0);
  for (; n > 0; n -= 4, bits += 16, q += 16, delta += 16, out += 16) {
    const missing = expm14(f32x4.neg(v128.load(delta)));
    const score = flush4(f32x4.neg(f32x4.mul(v128.load(q), missing)));
    storeLanes(out, v128.and(score, f32x4.gt(v128.load(bits), zero)), n);
  }
}
