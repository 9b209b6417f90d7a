// The same as switches.ts for softmax children, K choices each:
//   switchSoftmax(bits: [B, I] one-hot, I = parents x N, tables (flip-tables.ts), W: [I, J], logits, p, childBits: [B, J],
//                 out: [B, I], B, I, N, J, K, accumulate, scratch: switchSoftmaxScratchFloats(I, J) floats)
// With d = W[n] - W[chosen] a child that chose c changes by d[c] - log sum_k p[k] e^d[k], and p e^d = r e^W[n],
// r = p / e^W[chosen]: a division for all choices of the parent, then a multiply-add for each. Four choices at a time.
import { largestTable, tileCount, turnedTable } from "./flip-tables";
import { exp4, logOf, madd } from "./math";
import { exponent, handNaNOn, mantissa, ROOM } from "./products";
import { rowSum } from "./row-sum";
import { storeLanes } from "./lanes";
import { bitsShift, softmaxShift } from "./shifts";
import { chosenOf, divide, reachOf } from "./switches";

/** Beyond this a choice whose probability is stored as 0 (below 1e-30) could matter: 1e-30 e^52 = 4e-8. */
const SOFTMAX_LIMIT: f32 = 26;

export function switchSoftmaxScratchFloats(I: i32, J: i32): f64 {
  return <f64>J * (I + 1) + 16.0 * tileCount(J) + 2.0 * I + 24;
}

export function switchSoftmax(
  bits: usize, tables: usize, weights: usize, logits: usize, p: usize, childBits: usize, out: usize, B: i32, I: i32,
  N: i32, J: i32, K: i32, accumulate: bool, scratch: usize,
): void {
  const inputBytes = (<usize>I) << 2;
  const rowBytes = (<usize>J) << 2;
  const unitBytes = (<usize>N) << 2;
  const tiles = tileCount(J);
  const tileBytes = (<usize>I) << 6;
  const turned = turnedTable(tables, I, J);
  const largest = largestTable(tables, I, J);
  const powers = scratch; // e^W, turned as the weights are
  const r = powers + rowBytes * I;
  const sums = r + ((<usize>tiles) << 6);
  const lists = sums + inputBytes + 16;
  for (let at: usize = 0; at < rowBytes * I; at += 16) v128.store(powers + at, exp4(v128.load(turned + at)));

  const one = f32x4.splat(1);
  for (let b = 0; b < B; b++) {
    memory.fill(sums, 0, inputBytes);
    rowSum(childBits, turned, sums, 1, J, I, false, lists);
    for (let unit = 0; unit < I; unit += N) {
      const chosen = chosenOf(bits, unit, N);
      const at = (<usize>unit) << 2;
      const ours = (<usize>chosen) << 2;
      const before = accumulate ? load<f32>(out + ours) : 0;
      const reach = reachOf(largest, unit, N);
      if (reach > SOFTMAX_LIMIT) {
        const minus = weights + <usize>chosen * rowBytes;
        for (let i = unit; i < unit + N; i++) {
          const plus = weights + <usize>i * rowBytes;
          const to = out + ((<usize>i) << 2);
          const change = bitsShift(childBits, plus, minus, 1, J) - softmaxShift(logits, plus, minus, 1, J, K);
          store<f32>(to, accumulate ? load<f32>(to) + change : change);
        }
      } else {
        divide(r, p, tables + ((<usize>chosen) << 6), tileBytes, tiles);
        // So many children's sums may be multiplied before the product's exponent has to be split off.
        const stride = <usize>(<i32>(ROOM / max<f32>(reach, 0.1))) * K << 2;
        const base = v128.load32_splat(sums + ours);
        for (let n: usize = 0, left = N; n < unitBytes; n += 16, left -= 4) {
          let product = one;
          let power = i32x4.splat(0);
          let e = powers + at + n;
          for (let x = r, end = r + rowBytes; x < end; ) {
            for (const stop = min(x + stride, end); x < stop; ) {
              let sum = f32x4.mul(v128.load(e), v128.load32_splat(x));
              e += inputBytes;
              for (const unitEnd = x + ((<usize>K - 1) << 2); x < unitEnd; e += inputBytes) {
                x += 4;
                sum = madd(v128.load(e), v128.load32_splat(x), sum);
              }
              x += 4;
              product = f32x4.mul(product, sum);
            }
            power = i32x4.add(power, exponent(product));
            product = mantissa(product);
          }
          const change = f32x4.sub(f32x4.sub(v128.load(sums + at + n), base), logOf(product, power));
          storeLanes(out + at + n, accumulate ? f32x4.add(v128.load(out + at + n), change) : change, left);
        }
      }
      store<f32>(out + ours, before);
    }

    handNaNOn(p, J, out, I);
    bits += inputBytes;
    out += inputBytes;
    childBits += rowBytes;
    logits += rowBytes;
    p += rowBytes;
  }
}
