import { exp4, flush4, select } from "./math";
import { storeLanes } from "./lanes";

/**
 * `p = sigmoid(l)`, `q = sigmoid(-l)`, both to full relative accuracy; below 1e-30 they are 0. All [n].
 * With `e = e^-|l|` they are `1 / (1 + e)` and `e / (1 + e)`, whichever is the larger: one exponential, one division.
 */
export function sigmoid(logits: usize, p: usize, q: usize, n: i32): void {
  const one = f32x4.splat(1);
  for (let i = 0; i < n; i += 4) {
    const at = (<usize>i) << 2;
    const l = v128.load(logits + at);
    const e = exp4(f32x4.neg(f32x4.abs(l)));
    const larger = f32x4.div(one, f32x4.add(one, e));
    const smaller = flush4(f32x4.mul(e, larger));
    const negative = f32x4.lt(l, f32x4.splat(0));
    const notANumber = f32x4.ne(l, l); // all ones, itself not a number
    storeLanes(p + at, v128.or(select(smaller, larger, negative), notANumber), n - i);
    storeLanes(q + at, v128.or(select(larger, smaller, negative), notANumber), n - i);
  }
}
