// Dense products by register tiles of two rows and four vectors of columns: eight sums and the six operands of a step
// are what fits into registers. What `product` and `outerProduct` of real numbers share.
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
  let m = 0;
  for (; m + 2 <= M; m += 2, a += 2 * aRow, out += 2 * width) {
    for (let n = 0; n < N; n += 16) {
      const rest = N - n;
      if (rest > 8) tile(2, 4, a, a + aRow, aStep, b, out, out + width, n, rest, K, N, scale, accumulate);
      else if (rest > 4) tile(2, 2, a, a + aRow, aStep, b, out, out + width, n, rest, K, N, scale, accumulate);
      else tile(2, 1, a, a + aRow, aStep, b, out, out + width, n, rest, K, N, scale, accumulate);
    }
  }
  if (m < M) {
    for (let n = 0; n < N; n += 16) tile(1, 4, a, a, aStep, b, out, out, n, N - n, K, N, scale, accumulate);
  }
}

/** Columns from n on, at most `rest` of them. `rows` and `vectors` are constants. */
// @ts-ignore: decorator
@inline
function tile(
  rows: i32, vectors: i32, a0: usize, a1: usize, aStep: usize, b: usize, out0: usize, out1: usize, n: i32, rest: i32,
  K: i32, N: i32, scale: f32, accumulate: bool,
): void {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  let t0 = f32x4.splat(0), t1 = f32x4.splat(0), t2 = f32x4.splat(0), t3 = f32x4.splat(0);
  const column = (<usize>n) << 2;
  const width = (<usize>N) << 2;
  let row = b + column;
  for (const end = row + <usize>K * width; row < end; row += width) {
    const x0 = v128.load32_splat(a0);
    const x1 = rows > 1 ? v128.load32_splat(a1) : x0;
    a0 += aStep;
    if (rows > 1) a1 += aStep;
    const y0 = v128.load(row);
    s0 = madd(x0, y0, s0);
    if (rows > 1) t0 = madd(x1, y0, t0);
    if (vectors > 1) {
      const y1 = v128.load(row, 16);
      s1 = madd(x0, y1, s1);
      if (rows > 1) t1 = madd(x1, y1, t1);
    }
    if (vectors > 2) {
      const y2 = v128.load(row, 32);
      s2 = madd(x0, y2, s2);
      if (rows > 1) t2 = madd(x1, y2, t2);
      const y3 = v128.load(row, 48);
      s3 = madd(x0, y3, s3);
      if (rows > 1) t3 = madd(x1, y3, t3);
    }
  }
  finish(vectors, out0 + column, s0, s1, s2, s3, rest, scale, accumulate);
  if (rows > 1) finish(vectors, out1 + column, t0, t1, t2, t3, rest, scale, accumulate);
}

// @ts-ignore: decorator
@inline
function finish(
  vectors: i32, at: usize, s0: v128, s1: v128, s2: v128, s3: v128, rest: i32, scale: f32, accumulate: bool,
): void {
  finishVector(at, s0, rest, scale, accumulate);
  if (vectors > 1) finishVector(at + 16, s1, rest - 4, scale, accumulate);
  if (vectors > 2) {
    finishVector(at + 32, s2, rest - 8, scale, accumulate);
    finishVector(at + 48, s3, rest - 12, scale, accumulate);
  }
}

// @ts-ignore: decorator
@inline
function finishVector(at: usize, sum: v128, rest: i32, scale: f32, accumulate: bool): void {
  if (rest <= 0) return;
  storeLanes(at, madd(sum, f32x4.splat(scale), accumulate ? v128.load(at) : f32x4.splat(0)), rest);
}
