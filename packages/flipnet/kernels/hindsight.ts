import { firstLanes, storeLanes } from "./lanes";
import { flush4, madd, sum4 } from "./math";

/** `out = p q d`. All [n]. */
export function localExpectation(p: usize, q: usize, difference: usize, out: usize, n: i32): void {
  for (let e = 0; e < n; e += 4) {
    const at = (<usize>e) << 2;
    const slope = f32x4.mul(v128.load(p + at), v128.load(q + at));
    storeLanes(out + at, flush4(f32x4.mul(slope, v128.load(difference + at))), n - e);
  }
}

/** `out += s (f + (q - bit) d)`; a null `difference` is 0. `f` [B], the rest [B, J]. */
export function addHindsight(
  s: usize, f: usize, q: usize, bits: usize, difference: usize, out: usize, B: i32, J: i32,
): void {
  const size = (<usize>J) << 2;
  for (let b = 0; b < B; b++, f += 4, s += size, q += size, bits += size, out += size) {
    const value = v128.load32_splat(f);
    for (let j = 0; j < J; j += 4) {
      const at = (<usize>j) << 2;
      let worth = value;
      if (difference) {
        const other = f32x4.sub(v128.load(q + at), v128.load(bits + at));
        worth = madd(other, v128.load(difference + at), value);
      }
      storeLanes(out + at, madd(v128.load(s + at), worth, v128.load(out + at)), J - j);
    }
    if (difference) difference += size;
  }
}

/**
 * `out[u, k] += s[u, k] (f + d[u, k]) - p[u, k] sum_m s[u, m] d[u, m]`; a null `difference` is 0. `f` [B], the rest
 * [B, units, N].
 */
export function addChoiceHindsight(
  s: usize, f: usize, p: usize, difference: usize, out: usize, B: i32, units: i32, N: i32,
): void {
  const size = (<usize>N) << 2;
  for (let b = 0; b < B; b++, f += 4) {
    const value = v128.load32_splat(f);
    for (let unit = 0; unit < units; unit++, s += size, p += size, out += size) {
      let sum = f32x4.splat(0);
      if (difference) {
        for (let k = 0; k < N; k += 4) {
          const at = (<usize>k) << 2;
          const mask = firstLanes(N - k);
          sum = madd(v128.and(v128.load(s + at), mask), v128.and(v128.load(difference + at), mask), sum);
        }
      }
      const shift = f32x4.splat(-sum4(sum));
      for (let k = 0; k < N; k += 4) {
        const at = (<usize>k) << 2;
        const worth = difference ? f32x4.add(value, v128.load(difference + at)) : value;
        const credit = madd(v128.load(p + at), shift, v128.load(out + at));
        storeLanes(out + at, madd(v128.load(s + at), worth, credit), N - k);
      }
      if (difference) difference += size;
    }
  }
}
