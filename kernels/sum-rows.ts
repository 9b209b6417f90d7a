// Sums of listed rows: what products of bits come down to.
import { madd } from "./math";
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
  for (; j + 24 <= J; j += 24) block(6, list, end, out, j, 24, scale, accumulate, correction);
  const rest = J - j;
  if (rest > 12) block(6, list, end, out, j, rest, scale, accumulate, correction);
  else if (rest > 4) block(3, list, end, out, j, rest, scale, accumulate, correction);
  else if (rest > 0) block(1, list, end, out, j, rest, scale, accumulate, correction);
}

/**
 * `columns` columns from j on, their sums in registers: six, because the engine loads all operands of a step before it
 * adds. `vectors` is a constant.
 */
// @ts-ignore: decorator
@inline
function block(
  vectors: i32, list: usize, end: usize, out: usize, j: i32, columns: i32, scale: f32, accumulate: bool,
  correction: usize,
): void {
  const offset = (<usize>j) << 2;
  let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0);
  let d = f32x4.splat(0), e = f32x4.splat(0), f = f32x4.splat(0);
  for (let entry = list; entry < end; entry += 4) {
    const row = load<usize>(entry) + offset;
    a = f32x4.add(a, v128.load(row));
    if (vectors > 1) {
      b = f32x4.add(b, v128.load(row, 16));
      c = f32x4.add(c, v128.load(row, 32));
    }
    if (vectors > 3) {
      d = f32x4.add(d, v128.load(row, 48));
      e = f32x4.add(e, v128.load(row, 64));
      f = f32x4.add(f, v128.load(row, 80));
    }
  }
  const minus = correction ? correction + offset : 0;
  out += offset;
  finish(out, 0, a, columns, scale, accumulate, minus);
  if (vectors > 1) {
    finish(out, 4, b, columns, scale, accumulate, minus);
    finish(out, 8, c, columns, scale, accumulate, minus);
  }
  if (vectors > 3) {
    finish(out, 12, d, columns, scale, accumulate, minus);
    finish(out, 16, e, columns, scale, accumulate, minus);
    finish(out, 20, f, columns, scale, accumulate, minus);
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
