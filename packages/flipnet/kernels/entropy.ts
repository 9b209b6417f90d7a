import { storeLanes } from "./lanes";
import { exp4, flush4, log4, madd } from "./math";

/** The entropy of Bernoulli units with logit l, in nats: log(1 + e) + |l| e / (1 + e), e = e^-|l|. Nothing cancels. */
// @ts-ignore: decorator
@inline
export function entropy4(l: v128): v128 {
  const size = f32x4.abs(l);
  const e = exp4(f32x4.neg(size));
  const total = f32x4.add(f32x4.splat(1), e);
  return f32x4.add(log4(total), f32x4.div(f32x4.mul(size, e), total));
}

/** `g -= l p q`, the derivative of the entropy by the logit. All [n]. */
export function addEntropyGradient(logits: usize, p: usize, q: usize, g: usize, n: i32): void {
  for (let e = 0; e < n; e += 4) {
    const at = (<usize>e) << 2;
    const slope = flush4(f32x4.mul(v128.load(p + at), v128.load(q + at)));
    storeLanes(g + at, madd(f32x4.neg(v128.load(logits + at)), slope, v128.load(g + at)), n - e);
  }
}
