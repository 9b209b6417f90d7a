import { storeLanes } from "./lanes";
import { exp4, select, TINY } from "./math";

/**
 * `p = sigmoid(l)`, `q = sigmoid(-l)`, both to full relative accuracy; below 1e-30 they are 0. All [n].
 * With `e = e^-|l|` they are `1 / (1 + e)` and `e / (1 + e)`, whichever is the larger: one exponential, one division.
 */
export function sigmoid(logits: usize, p: usize, q: usize, n: i32): void {
  const one = f32x4.splat(1);
  for (; n > 0; n -= 4, logits += 16, p += 16, q += 16) {
    const l = v128.load(logits);
    const e = exp4(f32x4.neg(f32x4.abs(l)));
    const larger = f32x4.div(one, f32x4.add(one, e));
    const product = f32x4.mul(e, larger);
    const smaller = v128.and(product, f32x4.ge(product, f32x4.splat(TINY)));
    const negative = f32x4.lt(l, f32x4.splat(0));
    const notANumber = f32x4.ne(l, l); // all ones, itself not a number
    const on = v128.or(select(smaller, larger, negative), notANumber);
    const off = v128.or(select(larger, smaller, negative), notANumber);
    if (n >= 4) {
      v128.store(p, on);
      v128.store(q, off);
    } else {
      storeLanes(p, on, n);
      storeLanes(q, off, n);
    }
  }
}
