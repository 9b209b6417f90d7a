import { firstLanes } from "./lanes";
import { softplus4, sum4 } from "./math";

/**
 * `out[b] = sum_j log P(target[b, j] | logits[b, j])`: minus softplus of the logit, its sign turned where the bit is on.
 * `logits`, `target` [B, J], `out` [B].
 */
export function logLikelihood(logits: usize, target: usize, out: usize, B: i32, J: i32): void {
  const size = (<usize>J) << 2;
  for (let b = 0; b < B; b++, logits += size, target += size, out += 4) {
    let sum = f32x4.splat(0);
    for (let j = 0; j < J; j += 4) {
      const at = (<usize>j) << 2;
      const on = f32x4.gt(v128.load(target + at), f32x4.splat(0));
      const turned = v128.xor(v128.load(logits + at), v128.and(on, i32x4.splat(0x80000000)));
      const term = softplus4(turned);
      sum = f32x4.sub(sum, j + 4 > J ? v128.and(term, firstLanes(J - j)) : term);
    }
    store<f32>(out, sum4(sum));
  }
}
