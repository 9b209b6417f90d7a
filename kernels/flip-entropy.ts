// out[b, i] (+)= H(children | parent i on) - H(children | parent i off), Bernoulli parents and children.
//   flipEntropy(bits: [B, I], W: [I, J], logits: [B, J], out: [B, I], B, I, J, k, accumulate)
import { entropy4 } from "./entropy";
import { firstLanes } from "./lanes";
import { madd, sum4 } from "./math";

export function flipEntropy(
  bits: usize, weights: usize, logits: usize, out: usize, B: i32, I: i32, J: i32, k: f32, accumulate: bool,
): void {
  const size = (<usize>J) << 2;
  for (let b = 0; b < B; b++, logits += size) {
    let w = weights;
    for (let i = 0; i < I; i++, w += size, bits += 4, out += 4) {
      const on = load<f32>(bits) > 0;
      const factor = f32x4.splat(on ? -k : k);
      let sum = f32x4.splat(0);
      for (let j = 0; j < J; j += 4) {
        const at = (<usize>j) << 2;
        const l = v128.load(logits + at);
        const change = f32x4.sub(entropy4(madd(factor, v128.load(w + at), l)), entropy4(l));
        sum = f32x4.add(sum, j + 4 > J ? v128.and(change, firstLanes(J - j)) : change);
      }
      const change = on ? -sum4(sum) : sum4(sum);
      store<f32>(out, accumulate ? load<f32>(out) + change : change);
    }
  }
}
