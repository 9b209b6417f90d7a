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
  for (; j + 24 <= J; j += 24) block(6, list, end, out, j, 4, scale, accumulate, correction);
  for (; j + 8 <= J; j += 8) block(2, list, end, out, j, 4, scale, accumulate, correction);
  for (; j < J; j += 4) block(1, list, end, out, j, J - j, scale, accumulate, correction);
}

/** Columns [j, j + 4 vectors) at once, their sums in registers; `vectors` is a constant, `lanes` is for one vector. */
// @ts-ignore: decorator
@inline
function block(
  vectors: i32, list: usize, end: usize, out: usize, j: i32, lanes: i32, scale: f32, accumulate: bool,
  correction: usize,
): void {
  const offset = (<usize>j) << 2;
  let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
  let e = f32x4.splat(0), f = f32x4.splat(0);
  for (let entry = list; entry < end; entry += 4) {
    const row = load<usize>(entry) + offset;
    a = f32x4.add(a, v128.load(row));
    if (vectors > 1) b = f32x4.add(b, v128.load(row, 16));
    if (vectors > 2) {
      c = f32x4.add(c, v128.load(row, 32));
      d = f32x4.add(d, v128.load(row, 48));
      e = f32x4.add(e, v128.load(row, 64));
      f = f32x4.add(f, v128.load(row, 80));
    }
  }
  const at = out + offset;
  const minus = correction ? correction + offset : 0;
  finish(at, a, lanes, scale, accumulate, minus);
  if (vectors > 1) finish(at + 16, b, 4, scale, accumulate, minus ? minus + 16 : 0);
  if (vectors > 2) {
    finish(at + 32, c, 4, scale, accumulate, minus ? minus + 32 : 0);
    finish(at + 48, d, 4, scale, accumulate, minus ? minus + 48 : 0);
    finish(at + 64, e, 4, scale, accumulate, minus ? minus + 64 : 0);
    finish(at + 80, f, 4, scale, accumulate, minus ? minus + 80 : 0);
  }
}

// @ts-ignore: decorator
@inline
function finish(at: usize, sum: v128, lanes: i32, scale: f32, accumulate: bool, correction: usize): void {
  let init = accumulate ? v128.load(at) : f32x4.splat(0);
  if (correction) init = f32x4.sub(init, v128.load(correction));
  storeLanes(at, madd(sum, f32x4.splat(scale), init), lanes);
}
