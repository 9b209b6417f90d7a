// Sums over the Bernoulli units of each example. Both laws of a unit with logit l have the factor
// max(p, q) = 1 / (1 + e^-|l|), between 1/2 and 1: all that needs a logarithm is one product of these.
//   logLikelihood(logits, p, q, bits: [B, J], out: [B], B, J)
//     out[b] = sum_j log P(bits[b, j]) = log prod max(p, q) + sum min(l, 0) or min(-l, 0), as the bit is on or off
//   entropy(logits, p, q: [B, J], out: [B], B, J)
//     out[b] = sum_j H(unit j) = sum |l| min(p, q) - log prod max(p, q)
import { firstLanes } from "./lanes";
import { log4, pinned, sum4 } from "./math";

/** Columns whose product, four lanes apart, is at least 2^-96. */
const COLUMNS = 4 * 96;

export function logLikelihood(logits: usize, p: usize, q: usize, bits: usize, out: usize, B: i32, J: i32): void {
  sums(false, logits, p, q, bits, out, B, J);
}

export function entropy(logits: usize, p: usize, q: usize, out: usize, B: i32, J: i32): void {
  sums(true, logits, p, q, 0, out, B, J);
}

// @ts-ignore: decorator
@inline
function sums(
  entropies: bool, logits: usize, p: usize, q: usize, bits: usize, out: usize, B: i32, J: i32,
): void {
  const zero = f32x4.splat(0), one = pinned(1), two = pinned(2);
  for (const end = out + ((<usize>B) << 2); out < end; out += 4) {
    let sum = zero;
    for (let j = 0; j < J; ) {
      let product = one;
      for (const stop = min(j + COLUMNS, J); j < stop; j += 4, logits += 16, p += 16, q += 16, bits += 16) {
        const on = v128.load(p), off = v128.load(q), l = v128.load(logits);
        let factor = f32x4.pmax(on, off);
        let term: v128;
        if (entropies) term = f32x4.mul(f32x4.abs(l), f32x4.pmin(on, off));
        else {
          const sign = f32x4.sub(f32x4.mul(two, v128.load(bits)), one);
          term = f32x4.pmin(f32x4.mul(sign, l), zero); // this order hands NaN on
        }
        if (j + 4 > J) {
          const mask = firstLanes(J - j);
          factor = v128.bitselect(factor, one, mask);
          term = v128.and(term, mask);
        }
        product = f32x4.mul(product, factor);
        sum = f32x4.add(sum, term);
      }
      const log = log4(product);
      sum = entropies ? f32x4.sub(sum, log) : f32x4.add(sum, log);
    }
    store<f32>(out, sum4(sum));
    const beyond = (<usize>(-J & 3)) << 2;
    logits -= beyond;
    p -= beyond;
    q -= beyond;
    bits -= beyond;
  }
}
