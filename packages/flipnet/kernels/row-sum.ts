// out[b] += sum of the rows W[i] whose bit x[b, i] is set; for {-1,+1} units twice that, less the sum of all rows.
//   productBits(x: [B, I] bits, W: [I, J], out: [B, J], B, I, J, plusMinus, scratch: (I + J + 8) floats)
//   rowSum(the same): a column's sum has the same bits whatever other columns there are
import { columnSums } from "./column-means";
import { append, bitsSet, fourRows } from "./list";
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
  const first = fourRows(weights, rowBytes);
  const step = i32x4.splat(<i32>(4 * rowBytes));
  if (plusMinus) columnSums(weights, scratch, I, J, 1, false);
  for (let b = 0; b < B; b++, out += rowBytes) {
    let end = list;
    let rows = first;
    for (let i = I; i > 0; i -= 4, x += 16, rows = i32x4.add(rows, step)) end = append(end, rows, bitsSet(x, i));
    x -= (<usize>(-I & 3)) << 2;
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
