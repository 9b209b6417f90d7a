// out[b] += sum of the rows W[i] whose bit x[b, i] is set; for {-1,+1} units twice that, less the sum of all rows.
//   productBits(x: [B, I] bits, W: [I, J], out: [B, J], B, I, J, plusMinus, scratch: (I + J + 4) floats)
//   rowSum(the same): a column's sum has the same bits whatever other columns there are
import { columnSums } from "./column-means";
import { madd, sum4 } from "./math";
import { firstLanes } from "./lanes";
import { sumRows } from "./sum-rows";

export function productBits(
  x: usize, weights: usize, out: usize, B: i32, I: i32, J: i32, plusMinus: bool, scratch: usize,
): void {
  if (J == 1) singleColumn(x, weights, out, B, I, plusMinus);
  else rowSum(x, weights, out, B, I, J, plusMinus, scratch);
}

export function rowSum(
  x: usize, weights: usize, out: usize, B: i32, I: i32, J: i32, plusMinus: bool, scratch: usize,
): void {
  const rowBytes = (<usize>J) << 2;
  const list = scratch + rowBytes + 16;
  if (plusMinus) columnSums(weights, scratch, I, J, 1, false);
  for (let b = 0; b < B; b++, out += rowBytes) {
    // Branch-free: every address is written, the end of the list moves on only where the bit is set.
    let end = list;
    let row = weights;
    for (const last = x + ((<usize>I) << 2); x < last; x += 4, row += rowBytes) {
      store<usize>(end, row);
      end += (load<u32>(x) >>> 29) << 2; // 1.0 is 0x3f800000
    }
    sumRows(list, <i32>((end - list) >> 2), out, J, plusMinus ? 2 : 1, true, plusMinus ? scratch : 0);
  }
}

/** With one column the rows are no vectors, but the weights are one: a dot product an example. */
function singleColumn(x: usize, weights: usize, out: usize, B: i32, I: i32, plusMinus: bool): void {
  const inputBytes = (<usize>I) << 2;
  const scale: f32 = plusMinus ? 2 : 1;
  const mask = firstLanes(I & 3);
  let correction: f32 = 0;
  if (plusMinus) for (let i: usize = 0; i < inputBytes; i += 4) correction += load<f32>(weights + i);
  for (let b = 0; b < B; b++, x += inputBytes, out += 4) {
    let sum = f32x4.splat(0);
    let at: usize = 0;
    for (; at < (inputBytes & ~15); at += 16) sum = madd(v128.load(x + at), v128.load(weights + at), sum);
    if (I & 3) sum = madd(v128.and(v128.load(x + at), mask), v128.and(v128.load(weights + at), mask), sum);
    store<f32>(out, load<f32>(out) + (scale * sum4(sum) - correction));
  }
}
