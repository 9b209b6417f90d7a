// Sums of listed rows: what products of bits come down to.
import { madd } from "./math";
import { padding } from "../src/backend/padding";
import { storeLanes } from "./lanes";

/**
 * `out[j] = init[j] + scale sum_n row[n][j] - correction[j]`: `list` holds the addresses of `count` rows of J floats,
 * `init` is `out` itself or 0, `correction` [J] is left out if null. Rows are added in the order of the list.
 */
export function sumRows(
  list: usize, count: i32, out: usize, J: i32, scale: f32, accumulate: bool, correction: usize,
): void {
  const end = list + ((<usize>count) << 2);
  let j = 0;
  for (; j + 40 <= J; j += 40) block(10, list, end, out, j, 40, scale, accumulate, correction);
  const rest = J - j;
  if (rest > 20) block(10, list, end, out, j, rest, scale, accumulate, correction);
  else if (rest > 8) block(5, list, end, out, j, rest, scale, accumulate, correction);
  else if (rest > 4) block(2, list, end, out, j, rest, scale, accumulate, correction);
  else if (rest > 0) block(1, list, end, out, j, rest, scale, accumulate, correction);
}

// Ten vectors where there may be no more than 21 columns: no kernel reads farther behind an operand.
if (10 * 16 - 21 * 4 > padding) ERROR("sumRows reads beyond the padding");

/**
 * `columns` columns from j on, their sums in registers: ten, and the operands of five. The engine loads all operands
 * that it finds between two branches before it adds one, so there is a branch, never taken, between the fives.
 * `vectors` is a constant.
 */
// @ts-ignore: decorator
@inline
function block(
  vectors: i32, list: usize, end: usize, out: usize, j: i32, columns: i32, scale: f32, accumulate: bool,
  correction: usize,
): void {
  const offset = (<usize>j) << 2;
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0;
  let s5 = s0, s6 = s0, s7 = s0, s8 = s0, s9 = s0;
  for (let entry = list; entry < end; entry += 4) {
    const row = load<usize>(entry) + offset;
    s0 = f32x4.add(s0, v128.load(row));
    if (vectors > 1) s1 = f32x4.add(s1, v128.load(row, 16));
    if (vectors > 2) {
      s2 = f32x4.add(s2, v128.load(row, 32));
      s3 = f32x4.add(s3, v128.load(row, 48));
      s4 = f32x4.add(s4, v128.load(row, 64));
    }
    if (vectors > 5) {
      if (row == 0) break;
      s5 = f32x4.add(s5, v128.load(row, 80));
      s6 = f32x4.add(s6, v128.load(row, 96));
      s7 = f32x4.add(s7, v128.load(row, 112));
      s8 = f32x4.add(s8, v128.load(row, 128));
      s9 = f32x4.add(s9, v128.load(row, 144));
    }
  }
  const minus = correction ? correction + offset : 0;
  out += offset;
  finish(out, 0, s0, columns, scale, accumulate, minus);
  if (vectors > 1) finish(out, 4, s1, columns, scale, accumulate, minus);
  if (vectors > 2) {
    finish(out, 8, s2, columns, scale, accumulate, minus);
    finish(out, 12, s3, columns, scale, accumulate, minus);
    finish(out, 16, s4, columns, scale, accumulate, minus);
  }
  if (vectors > 5) {
    finish(out, 20, s5, columns, scale, accumulate, minus);
    finish(out, 24, s6, columns, scale, accumulate, minus);
    finish(out, 28, s7, columns, scale, accumulate, minus);
    finish(out, 32, s8, columns, scale, accumulate, minus);
    finish(out, 36, s9, columns, scale, accumulate, minus);
  }
}

// @ts-ignore: decorator
@inline
function finish(
  out: usize, column: i32, sum: v128, columns: i32, scale: f32, accumulate: bool, correction: usize,
): void {
  if (column >= columns) return;
  const at = out + ((<usize>column) << 2);
  let init = accumulate ? v128.load(at) : f32x4.splat(0);
  if (correction) init = f32x4.sub(init, v128.load(correction + ((<usize>column) << 2)));
  storeLanes(at, madd(sum, f32x4.splat(scale), init), columns - column);
}
