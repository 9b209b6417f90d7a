// out[b, i] (+)= sum_j g[b, j] W[i, j].
//   transposedProduct(g: [B, J], W: [I, J], out: [B, I], B, I, J, accumulate)
// Both are read along their rows: tiles of two examples and four inputs, whose four-lane sums are transposed and added
// at the end.
import { madd } from "./math";
import { firstLanes, storeLanes } from "./lanes";

export function transposedProduct(
  g: usize, weights: usize, out: usize, B: i32, I: i32, J: i32, accumulate: bool,
): void {
  if (J == 1) return singleColumn(g, weights, out, B, I, accumulate);
  const rowBytes = (<usize>J) << 2;
  const outBytes = (<usize>I) << 2;
  let b = 0;
  for (; b + 2 <= B; b += 2, g += 2 * rowBytes, out += 2 * outBytes) {
    for (let i = 0; i < I; i += 4) {
      tile(2, g, weights + <usize>i * rowBytes, out + ((<usize>i) << 2), outBytes, I - i, J, accumulate);
    }
  }
  if (b < B) {
    for (let i = 0; i < I; i += 4) {
      tile(1, g, weights + <usize>i * rowBytes, out + ((<usize>i) << 2), outBytes, I - i, J, accumulate);
    }
  }
}

/** `out[b, i] (+)= g[b] W[i]`. */
function singleColumn(g: usize, weights: usize, out: usize, B: i32, I: i32, accumulate: bool): void {
  for (let b = 0; b < B; b++, g += 4) {
    const scale = v128.load32_splat(g);
    for (let i = 0; i < I; i += 4) {
      const at = out + ((<usize>i) << 2);
      const init = accumulate ? v128.load(at) : f32x4.splat(0);
      storeLanes(at, madd(scale, v128.load(weights + ((<usize>i) << 2)), init), I - i);
    }
    out += (<usize>I) << 2;
  }
}

/** `examples` is a constant; inputs beyond the first `inputs` repeat the first and are not stored. */
// @ts-ignore: decorator
@inline
function tile(
  examples: i32, g: usize, w: usize, out: usize, outBytes: usize, inputs: i32, J: i32, accumulate: bool,
): void {
  const rowBytes = (<usize>J) << 2;
  let w1 = w + (inputs > 1 ? rowBytes : 0);
  let w2 = w + (inputs > 2 ? 2 * rowBytes : 0);
  let w3 = w + (inputs > 3 ? 3 * rowBytes : 0);
  let g1 = g + rowBytes;
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  let t0 = f32x4.splat(0), t1 = f32x4.splat(0), t2 = f32x4.splat(0), t3 = f32x4.splat(0);
  for (const end = g + (rowBytes & ~15); g < end; ) {
    const x = v128.load(g);
    const y = examples > 1 ? v128.load(g1) : x;
    const v0 = v128.load(w);
    s0 = madd(x, v0, s0);
    if (examples > 1) t0 = madd(y, v0, t0);
    const v1 = v128.load(w1);
    s1 = madd(x, v1, s1);
    if (examples > 1) t1 = madd(y, v1, t1);
    const v2 = v128.load(w2);
    s2 = madd(x, v2, s2);
    if (examples > 1) t2 = madd(y, v2, t2);
    const v3 = v128.load(w3);
    s3 = madd(x, v3, s3);
    if (examples > 1) t3 = madd(y, v3, t3);
    g += 16;
    if (examples > 1) g1 += 16;
    w += 16;
    w1 += 16;
    w2 += 16;
    w3 += 16;
  }
  if (J & 3) {
    // Lanes beyond the row are masked on both sides: what is read there may be anything.
    const mask = firstLanes(J & 3);
    const x = v128.and(v128.load(g), mask);
    const y = examples > 1 ? v128.and(v128.load(g1), mask) : x;
    const v0 = v128.and(v128.load(w), mask);
    const v1 = v128.and(v128.load(w1), mask);
    const v2 = v128.and(v128.load(w2), mask);
    const v3 = v128.and(v128.load(w3), mask);
    s0 = madd(x, v0, s0);
    s1 = madd(x, v1, s1);
    s2 = madd(x, v2, s2);
    s3 = madd(x, v3, s3);
    if (examples > 1) {
      t0 = madd(y, v0, t0);
      t1 = madd(y, v1, t1);
      t2 = madd(y, v2, t2);
      t3 = madd(y, v3, t3);
    }
  }
  finish(out, s0, s1, s2, s3, inputs, accumulate);
  if (examples > 1) finish(out + outBytes, t0, t1, t2, t3, inputs, accumulate);
}

// @ts-ignore: decorator
@inline
function finish(out: usize, a: v128, b: v128, c: v128, d: v128, inputs: i32, accumulate: bool): void {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  const sums = f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
  storeLanes(out, accumulate ? f32x4.add(v128.load(out), sums) : sums, inputs);
}
