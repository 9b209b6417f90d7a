// What other outcomes of a parent do to its children's entropies, the plain way, an exponential or more for every child:
// where parents or children are softmax. flips.ts has the fast way for Bernoulli units.
//   entropyDifferences(bits: [B, I], W: [I, J], logits: [B, J], out: [B, I], B, I, N choices of a parent, J, K choices of
//                      a child (1: Bernoulli units), k, accumulate)
//   out[b, i] (+)= H(children | parent i on) - H(children | parent i off), N = 1
//   out[b, (u, n)] (+)= H(children | parent u chose n) - H(children | parent u chose what it chose)
import { unitEntropy } from "./choices";
import { entropyShift } from "./shifts";
import { chosenOf } from "./switches";

export function entropyDifferences(
  bits: usize, weights: usize, logits: usize, out: usize, B: i32, I: i32, N: i32, J: i32, K: i32, k: f32,
  accumulate: bool,
): void {
  const rowBytes = (<usize>J) << 2;
  for (let b = 0; b < B; b++, logits += rowBytes, bits += (<usize>I) << 2) {
    for (let unit = 0; unit < I; unit += N) {
      const chosen = chosenOf(bits, unit, N);
      const own = weights + <usize>chosen * rowBytes;
      for (let i = unit; i < unit + N; i++, out += 4) {
        let change: f32 = 0;
        if (N == 1) {
          const sign: f32 = load<f32>(bits + ((<usize>i) << 2)) > 0 ? -1 : 1;
          change = sign * shift(logits, own, 0, sign * k, J, K);
        } else if (i != chosen) {
          change = shift(logits, weights + <usize>i * rowBytes, own, 1, J, K);
        }
        store<f32>(out, accumulate ? load<f32>(out) + change : change);
      }
    }
  }
}

/** By how much the children's entropy changes when their logits move by `k (plus - minus)`. */
function shift(logits: usize, plus: usize, minus: usize, k: f32, J: i32, K: i32): f32 {
  if (K == 1) return entropyShift(logits, plus, minus, k, J);
  const unitBytes = (<usize>K) << 2;
  let sum: f32 = 0;
  for (let u = 0; u < J; u += K, logits += unitBytes, plus += unitBytes, minus += minus ? unitBytes : 0) {
    sum += unitEntropy(logits, plus, minus, k, K) - unitEntropy(logits, 0, 0, 0, K);
  }
  return sum;
}
