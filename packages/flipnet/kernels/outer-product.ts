// out (+)= mean_b x[b] (x) g[b].
//   outerProduct(x: [B, I] real, g: [B, J], out: [I, J], B, I, J, pitch, accumulate, scratch: (16 B) floats)
//   outerProductBits(x: [B, I] bits, g, out, B, I, J, pitch, plusMinus, accumulate, scratch: (B + J + 4) floats)
// Rows of x are `pitch` floats apart: it may be some columns of a wider matrix.
// For bits a row of the result is the sum of the examples' rows in which the input was on; for {-1,+1} units twice
// that, less the sum of all.
import { columnMeans } from "./column-means";
import { sumRows } from "./sum-rows";
import { multiply } from "./tile";
import { madd, select } from "./math";
import { storeLanes } from "./lanes";

export function outerProduct(
  x: usize, g: usize, out: usize, B: i32, I: i32, J: i32, pitch: i32, accumulate: bool, scratch: usize,
): void {
  const step = (<usize>pitch) << 2;
  const scale = <f32>1 / <f32>B;
  if (J <= 16) return multiply(x, 4, step, g, out, I, B, J, scale, accumulate);
  // Every 16 columns of g go through a column of x, whose numbers in a wide matrix push each other out of the cache: so
  // 16 columns of x at a time are put side by side.
  for (let i = 0; i < I; i += 16, x += 64, out += (<usize>J) << 6) {
    let to = scratch;
    let from = x;
    for (let b = 0; b < B; b++, from += step, to += 64) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      v128.store(to, v128.load(from, 32), 32);
      v128.store(to, v128.load(from, 48), 48);
    }
    multiply(scratch, 4, 64, g, out, min(16, I - i), B, J, scale, accumulate);
  }
}

export function outerProductBits(
  x: usize, g: usize, out: usize, B: i32, I: i32, J: i32, pitch: i32, plusMinus: bool, accumulate: bool, scratch: usize,
): void {
  if (B == 1 && !accumulate) return singleExample(x, g, out, I, J, plusMinus);
  if (J == 1) return singleColumn(x, pitch, g, out, B, I, accumulate, plusMinus);
  const inputBytes = (<usize>pitch) << 2;
  const rowBytes = (<usize>J) << 2;
  const list = scratch + rowBytes + 16;
  const scale = (plusMinus ? <f32>2 : <f32>1) / <f32>B;
  if (plusMinus) columnMeans(g, scratch, B, J, false);
  const end = g + <usize>B * rowBytes;
  for (let i = 0; i < I; i++, x += 4, out += rowBytes) {
    // Branch-free: every address is written, the end of the list moves on only where the bit is set.
    let last = list;
    let bit = x;
    for (let row = g; row < end; row += rowBytes, bit += inputBytes) {
      store<usize>(last, row);
      last += (load<u32>(bit) >>> 29) << 2; // 1.0 is 0x3f800000
    }
    sumRows(list, <i32>((last - list) >> 2), out, J, scale, accumulate, plusMinus ? scratch : 0);
  }
}

/** A row of the result is `g`, or where the bit is not set minus `g` or 0. */
function singleExample(x: usize, g: usize, out: usize, I: i32, J: i32, plusMinus: bool): void {
  const zero = f32x4.splat(0);
  for (let i = 0; i < I; i++, x += 4) {
    const on = f32x4.gt(v128.load32_splat(x), zero);
    let at = g;
    for (let j = J; j > 0; j -= 4, at += 16, out += 16) {
      const row = v128.load(at);
      storeLanes(out, select(row, plusMinus ? f32x4.neg(row) : zero, on), j);
    }
    out += ((<usize>J) << 2) - (((<usize>J + 3) & ~3) << 2);
  }
}

/** With one column the examples' rows are no vectors, but their inputs are. */
function singleColumn(
  x: usize, pitch: i32, g: usize, out: usize, B: i32, I: i32, accumulate: bool, plusMinus: bool,
): void {
  const inputBytes = (<usize>pitch) << 2;
  const end = g + ((<usize>B) << 2);
  const scale = f32x4.splat((plusMinus ? <f32>2 : <f32>1) / <f32>B);
  let total: f32 = 0;
  if (plusMinus) for (let at = g; at < end; at += 4) total += load<f32>(at);
  const correction = f32x4.splat(total / <f32>B);
  for (let i = 0; i < I; i += 4, x += 16, out += 16) {
    let sum = f32x4.splat(0);
    let column = x;
    for (let at = g; at < end; at += 4, column += inputBytes) {
      sum = madd(v128.load(column), v128.load32_splat(at), sum);
    }
    const init = accumulate ? v128.load(out) : f32x4.splat(0);
    storeLanes(out, madd(sum, scale, f32x4.sub(init, correction)), I - i);
  }
}
