// out[b, i] (+)= log P(children | parent i on) - log P(children | parent i off), Bernoulli parents, softmax children.
//   flipSoftmax(bits: [B, I], tables (flip-tables.ts), W: [I, J], logits, p, childBits: [B, J], out: [B, I],
//               B, I, J, K choices, k, accumulate, scratch: flipSoftmaxScratchFloats(I, J) floats)
// With d = k W[i], a unit that chose c changes by d[c] - log sum_n p[n] e^d[n] where the parent was off, and by
// d[c] + log sum_n p[n] e^-d[n] where it was on. Four parents at a time, each lane with the table of its bit.
import { largestTable, turnedTable } from "./flip-tables";
import { exp4, logOf, madd, select } from "./math";
import { handNaNOn } from "./products";
import { rowSum } from "./row-sum";
import { storeLanes } from "./lanes";
import { softmaxShift } from "./shifts";

/** Beyond this a choice whose probability is stored as 0 (below 1e-30) could matter: 1e-30 e^52 = 4e-8. */
const SOFTMAX_LIMIT: f32 = 26;

export function flipSoftmaxScratchFloats(I: i32, J: i32): f64 {
  return max<f64>(<f64>I + J + 8, 2.0 * J * ((I + 3) & ~3));
}

export function flipSoftmax(
  bits: usize, tables: usize, weights: usize, logits: usize, p: usize, childBits: usize, out: usize, B: i32, I: i32,
  J: i32, K: i32, k: f32, accumulate: bool, scratch: usize,
): void {
  const inputBytes = (<usize>I) << 2;
  const rowBytes = (<usize>J) << 2;
  const turned = turnedTable(tables, I, J);
  const largest = largestTable(tables, I, J);
  if (!accumulate) memory.fill(out, 0, <usize>B * inputBytes);
  rowSum(childBits, turned, out, B, J, I, false, scratch);

  exponentials(turned, scratch, I, J);
  const one = f32x4.splat(1);
  const limit = f32x4.splat(SOFTMAX_LIMIT);
  for (let b = 0; b < B; b++) {
    let pair = scratch;
    for (let i = 0; i < I; i += 4) {
      const at = (<usize>i) << 2;
      const on = f32x4.gt(v128.load(bits + at), f32x4.splat(0));
      let mantissa = one;
      let power = i32x4.splat(0);
      for (let x = p, end = p + rowBytes; x < end; ) {
        let sum = f32x4.splat(0);
        for (const unitEnd = x + ((<usize>K) << 2); x < unitEnd; x += 4, pair += 32) {
          sum = madd(select(v128.load(pair, 16), v128.load(pair), on), v128.load32_splat(x), sum);
        }
        mantissa = f32x4.mul(mantissa, sum);
        power = i32x4.add(power, i32x4.sub(i32x4.shr_u(mantissa, 23), i32x4.splat(127)));
        mantissa = v128.or(v128.and(mantissa, i32x4.splat(0x7fffff)), one);
      }
      const log = logOf(mantissa, power);
      const change = v128.and(select(log, f32x4.neg(log), on), f32x4.le(v128.load(largest + at), limit));
      storeLanes(out + at, f32x4.add(v128.load(out + at), change), I - i);
    }
    for (let i = 0; i < I; i++) {
      const at = (<usize>i) << 2;
      if (load<f32>(largest + at) <= SOFTMAX_LIMIT) continue;
      const w = weights + <usize>i * rowBytes;
      const change = load<f32>(bits + at) > 0
        ? softmaxShift(logits, w, 0, -k, J, K)
        : -softmaxShift(logits, w, 0, k, J, K);
      store<f32>(out + at, load<f32>(out + at) + change);
    }
    handNaNOn(p, J, out, I);
    bits += inputBytes;
    out += inputBytes;
    logits += rowBytes;
    p += rowBytes;
  }
}

/** For four parents at a time, and for each child: the four `e^d`, then the four `e^-d`. */
function exponentials(turned: usize, pairs: usize, I: i32, J: i32): void {
  const inputBytes = (<usize>I) << 2;
  for (let i = 0; i < I; i += 4, turned += 16) {
    let row = turned;
    for (let j = 0; j < J; j++, row += inputBytes, pairs += 32) {
      const e = exp4(v128.load(row));
      v128.store(pairs, e);
      v128.store(pairs, f32x4.div(f32x4.splat(1), e), 16);
    }
  }
}
