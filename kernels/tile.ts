// Dense products by register tiles of three rows and three vectors of columns: nine sums, and a third of a load for
// each multiply-add on either side. What `product` and `outerProduct` of real numbers share.
import { madd } from "./math";
import { storeLanes } from "./lanes";

/**
 * `out[m, n] = init + scale sum_k a[m, k] b[k, n]`, `init` being `out` itself or 0. `b` [K, N], `out` [M, N];
 * `a` is read through two strides in bytes, so that it may be transposed. Each sum runs over k in order.
 */
export function multiply(
  a: usize, aRow: usize, aStep: usize, b: usize, out: usize, M: i32, K: i32, N: i32, scale: f32, accumulate: bool,
): void {
  const width = (<usize>N) << 2;
  for (let m = 0; m < M; m += 3, a += 3 * aRow, out += 3 * width) {
    // Rows that are not there repeat one that is.
    const second: usize = m + 1 < M ? 1 : 0;
    const third: usize = m + 2 < M ? 2 : second;
    const a1 = a + second * aRow, a2 = a + third * aRow;
    const o1 = second * width, o2 = third * width;
    let n = 0;
    if (second) {
      for (; n + 12 <= N; n += 12) tile(3, 3, a, a1, a2, aStep, b, out, o1, o2, n, 4, K, N, scale, accumulate);
      for (; n + 8 <= N; n += 8) tile(3, 2, a, a1, a2, aStep, b, out, o1, o2, n, 4, K, N, scale, accumulate);
      for (; n < N; n += 4) tile(3, 1, a, a1, a2, aStep, b, out, o1, o2, n, N - n, K, N, scale, accumulate);
    } else {
      for (; n + 12 <= N; n += 12) tile(1, 3, a, a1, a2, aStep, b, out, o1, o2, n, 4, K, N, scale, accumulate);
      for (; n < N; n += 4) tile(1, 1, a, a1, a2, aStep, b, out, o1, o2, n, N - n, K, N, scale, accumulate);
    }
  }
}

/** `rows` and `vectors` are constants; only the first `lanes` columns of a single vector are stored. */
// @ts-ignore: decorator
@inline
function tile(
  rows: i32, vectors: i32, a0: usize, a1: usize, a2: usize, aStep: usize, b: usize, out: usize, o1: usize, o2: usize,
  n: i32, lanes: i32, K: i32, N: i32, scale: f32, accumulate: bool,
): void {
  let s00 = f32x4.splat(0), s01 = f32x4.splat(0), s02 = f32x4.splat(0);
  let s10 = f32x4.splat(0), s11 = f32x4.splat(0), s12 = f32x4.splat(0);
  let s20 = f32x4.splat(0), s21 = f32x4.splat(0), s22 = f32x4.splat(0);
  const column = (<usize>n) << 2;
  const width = (<usize>N) << 2;
  let row = b + column;
  for (const end = row + <usize>K * width; row < end; row += width) {
    const x0 = v128.load32_splat(a0);
    const x1 = rows > 1 ? v128.load32_splat(a1) : x0;
    const x2 = rows > 1 ? v128.load32_splat(a2) : x0;
    a0 += aStep;
    if (rows > 1) {
      a1 += aStep;
      a2 += aStep;
    }
    const y0 = v128.load(row);
    s00 = madd(x0, y0, s00);
    if (rows > 1) {
      s10 = madd(x1, y0, s10);
      s20 = madd(x2, y0, s20);
    }
    if (vectors > 1) {
      const y1 = v128.load(row, 16);
      s01 = madd(x0, y1, s01);
      if (rows > 1) {
        s11 = madd(x1, y1, s11);
        s21 = madd(x2, y1, s21);
      }
    }
    if (vectors > 2) {
      const y2 = v128.load(row, 32);
      s02 = madd(x0, y2, s02);
      if (rows > 1) {
        s12 = madd(x1, y2, s12);
        s22 = madd(x2, y2, s22);
      }
    }
  }
  const at = out + column;
  if (rows > 1) {
    if (o2 != o1) finishRow(vectors, at + o2, s20, s21, s22, lanes, scale, accumulate);
    finishRow(vectors, at + o1, s10, s11, s12, lanes, scale, accumulate);
  }
  finishRow(vectors, at, s00, s01, s02, lanes, scale, accumulate);
}

// @ts-ignore: decorator
@inline
function finishRow(
  vectors: i32, at: usize, s0: v128, s1: v128, s2: v128, lanes: i32, scale: f32, accumulate: bool,
): void {
  const factor = f32x4.splat(scale);
  const zero = f32x4.splat(0);
  storeLanes(at, madd(s0, factor, accumulate ? v128.load(at) : zero), lanes);
  if (vectors > 1) v128.store(at, madd(s1, factor, accumulate ? v128.load(at, 16) : zero), 16);
  if (vectors > 2) v128.store(at, madd(s2, factor, accumulate ? v128.load(at, 32) : zero), 32);
}
