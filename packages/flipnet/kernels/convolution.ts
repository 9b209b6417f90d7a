// Convolutions without padding, of images whose pixels are rows of channels: x [B, height, width, C], weights
// [k, k, C, J], out and g [B, outHeight, outWidth, J], outHeight = height - k + 1.
//   convolve(x, weights, bias: [J], out, B, height, width, C, outHeight, outWidth, J):  out = max(0, bias + x * W)
//   convolveBack(g, weights, out: as x, ..., scratch):                                  out = what g is through W
//   convolutionGradient(x, g, out: [rows, J], first, rows, B, ...):                     out = mean_b x[b] (x) g[b]
// A pixel's window is k strips of k C numbers that stand one behind the other in an image, so that no patch is ever
// copied: a strip is a row of a product as it lies. Register tiles are those of tile.ts: two pixels, or two rows of weights,
// by four vectors of units. More of them, or steps unrolled, spill: half as fast.
import { madd } from "./math";
import { storeLanes } from "./lanes";

export function convolve(
  x: usize, weights: usize, bias: usize, out: usize, B: i32, height: i32, width: i32, C: i32, outHeight: i32,
  outWidth: i32, J: i32,
): void {
  const image = ((<usize>height * width * C) << 2);
  const result = ((<usize>outHeight * outWidth * J) << 2);
  for (let b = 0; b < B; b++, x += image, out += result) {
    slide(x, weights, bias, out, width, C, outHeight, outWidth, J, height - outHeight + 1);
  }
}

export function convolveBackScratchFloats(
  height: i32, width: i32, C: i32, outHeight: i32, _outWidth: i32, J: i32,
): i32 {
  const k = height - outHeight + 1;
  return (height + k - 1) * (width + k - 1) * J + k * k * J * C + 16;
}

export function convolveBack(
  g: usize, weights: usize, out: usize, B: i32, height: i32, width: i32, C: i32, outHeight: i32, outWidth: i32,
  J: i32, scratch: usize,
): void {
  // A convolution of g, framed by zeros, with the weights turned round.
  const k = height - outHeight + 1;
  const turned = scratch;
  for (let at = k * k - 1, to = turned; at >= 0; at--) {
    for (let j = 0; j < J; j++) {
      for (let c = 0; c < C; c++, to += 4) {
        store<f32>(to, load<f32>(weights + ((<usize>(at * C + c) * J + j) << 2)));
      }
    }
  }
  const framed = turned + (((<usize>k * k * J * C + 7) & ~3) << 2);
  const frameWidth = width + k - 1;
  const frameRow = (<usize>frameWidth * J) << 2;
  memory.fill(framed, 0, frameRow * (height + k - 1));
  const rowBytes = (<usize>outWidth * J) << 2;
  const image = (<usize>height * width * C) << 2;
  const inner = framed + frameRow * (k - 1) + ((<usize>(k - 1) * J) << 2);
  for (let b = 0; b < B; b++, out += image) {
    for (let y = 0, to = inner; y < outHeight; y++, to += frameRow, g += rowBytes) memory.copy(to, g, rowBytes);
    slide(framed, turned, 0, out, frameWidth, J, height, width, C, k);
  }
}

/** One image. Without a bias nothing is added and nothing cut off at 0. */
function slide(
  x: usize, weights: usize, bias: usize, out: usize, width: i32, C: i32, outHeight: i32, outWidth: i32, J: i32,
  k: i32,
): void {
  const pixel = (<usize>C) << 2;
  const row = <usize>width * pixel;
  const outPixel = (<usize>J) << 2;
  for (let y = 0; y < outHeight; y++, x += row, out += <usize>outWidth * outPixel) {
    for (let j = 0; j < J; j += 16) {
      let from = x;
      let to = out + ((<usize>j) << 2);
      let left = outWidth;
      const w = weights + ((<usize>j) << 2);
      const c = bias ? bias + ((<usize>j) << 2) : 0;
      for (; left >= 2; left -= 2, from += 2 * pixel, to += 2 * outPixel) {
        window(2, from, pixel, row, w, outPixel, c, to, k, J - j);
      }
      if (left > 0) window(1, from, pixel, row, w, outPixel, c, to, k, J - j);
    }
  }
}

/** `pixels`, a constant, 1 or 2, one beside the other; at most `rest` units of sixteen. */
// @ts-ignore: decorator
@inline
function window(
  pixels: i32, x: usize, pixel: usize, row: usize, w: usize, wRow: usize, bias: usize, out: usize, k: i32, rest: i32,
): void {
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  if (bias) {
    a0 = v128.load(bias);
    a1 = v128.load(bias, 16);
    a2 = v128.load(bias, 32);
    a3 = v128.load(bias, 48);
  }
  let b0 = a0, b1 = a1, b2 = a2, b3 = a3;
  const strip = <usize>k * pixel;
  for (let y = 0; y < k; y++, x += row) {
    let b = x + pixel;
    for (let a = x; a < x + strip; a += 4, b += 4, w += wRow) {
      const p = v128.load32_splat(a);
      const q = pixels > 1 ? v128.load32_splat(b) : p;
      const w0 = v128.load(w, 0);
      a0 = madd(p, w0, a0);
      if (pixels > 1) b0 = madd(q, w0, b0);
      const w1 = v128.load(w, 16);
      a1 = madd(p, w1, a1);
      if (pixels > 1) b1 = madd(q, w1, b1);
      const w2 = v128.load(w, 32);
      a2 = madd(p, w2, a2);
      if (pixels > 1) b2 = madd(q, w2, b2);
      const w3 = v128.load(w, 48);
      a3 = madd(p, w3, a3);
      if (pixels > 1) b3 = madd(q, w3, b3);
    }
  }
  finish(out, a0, a1, a2, a3, rest, bias);
  if (pixels > 1) finish(out + wRow, b0, b1, b2, b3, rest, bias);
}

function finish(out: usize, a: v128, b: v128, c: v128, d: v128, rest: i32, rectify: usize): void {
  if (rectify) {
    const zero = f32x4.splat(0);
    a = f32x4.max(a, zero);
    b = f32x4.max(b, zero);
    c = f32x4.max(c, zero);
    d = f32x4.max(d, zero);
  }
  storeLanes(out, a, rest);
  if (rest > 4) storeLanes(out + 16, b, rest - 4);
  if (rest > 8) storeLanes(out + 32, c, rest - 8);
  if (rest > 12) storeLanes(out + 48, d, rest - 12);
}

/** Pixels that all rows of the weights go through before the next: what they read stays near. */
const NEAR = 96;

export function convolutionGradient(
  x: usize, g: usize, out: usize, first: i32, rows: i32, B: i32, height: i32, width: i32, C: i32, outHeight: i32,
  outWidth: i32, J: i32,
): void {
  const strip = (height - outHeight + 1) * C;
  const pixel = (<usize>C) << 2;
  const row = <usize>width * pixel;
  const gRow = (<usize>outWidth * J) << 2;
  const outRow = (<usize>J) << 2;
  const some = max(1, NEAR / outWidth);
  memory.fill(out, 0, <usize>rows * outRow);
  for (let b = 0; b < B; b++, x += <usize>height * row) {
    for (let y = 0; y < outHeight; y += some) {
      const lines = min(some, outHeight - y);
      const top = x + <usize>y * row;
      for (let r = 0; r < rows; ) {
        // Where in the window the row's input stands; as many as six of a strip stand side by side.
        const i = first + r;
        const from = top + <usize>(i / strip) * row + ((<usize>(i % strip)) << 2);
        const to = out + <usize>r * outRow;
        const side = min(rows - r, strip - (i % strip));
        if (side >= 2) {
          addLines(2, from, g, to, lines, outWidth, pixel, row, J);
          r += 2;
        } else {
          addLines(1, from, g, to, lines, outWidth, pixel, row, J);
          r += 1;
        }
      }
      g += <usize>lines * gRow;
    }
  }
  const scale = f32x4.splat(<f32>1 / <f32>B);
  for (let left = rows * J; left > 0; left -= 4, out += 16) {
    storeLanes(out, f32x4.mul(v128.load(out), scale), left);
  }
}

/** Adds to `rows`, a constant, 1 or 2, of the result what some lines of pixels have for them. */
// @ts-ignore: decorator
@inline
function addLines(
  rows: i32, x: usize, g: usize, out: usize, lines: i32, outWidth: i32, pixel: usize, row: usize, J: i32,
): void {
  const gPixel = (<usize>J) << 2;
  for (let j = 0; j < J; j += 16) {
    let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    let line = x;
    let from = g + ((<usize>j) << 2);
    for (let y = 0; y < lines; y++, line += row) {
      let at = line;
      for (const end = at + <usize>outWidth * pixel; at < end; at += pixel, from += gPixel) {
        const p = v128.load32_splat(at);
        const q = rows > 1 ? v128.load32_splat(at, 4) : p;
        const g0 = v128.load(from, 0);
        a0 = madd(p, g0, a0);
        if (rows > 1) b0 = madd(q, g0, b0);
        const g1 = v128.load(from, 16);
        a1 = madd(p, g1, a1);
        if (rows > 1) b1 = madd(q, g1, b1);
        const g2 = v128.load(from, 32);
        a2 = madd(p, g2, a2);
        if (rows > 1) b2 = madd(q, g2, b2);
        const g3 = v128.load(from, 48);
        a3 = madd(p, g3, a3);
        if (rows > 1) b3 = madd(q, g3, b3);
      }
    }
    const to = out + ((<usize>j) << 2);
    addTo(to, a0, a1, a2, a3, J - j);
    if (rows > 1) addTo(to + gPixel, b0, b1, b2, b3, J - j);
  }
}

function addTo(out: usize, a: v128, b: v128, c: v128, d: v128, rest: i32): void {
  storeLanes(out, f32x4.add(v128.load(out), a), rest);
  if (rest > 4) storeLanes(out + 16, f32x4.add(v128.load(out, 16), b), rest - 4);
  if (rest > 8) storeLanes(out + 32, f32x4.add(v128.load(out, 32), c), rest - 8);
  if (rest > 12) storeLanes(out + 48, f32x4.add(v128.load(out, 48), d), rest - 12);
}
