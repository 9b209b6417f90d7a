import { storeLanes } from "./lanes";
import { threefry16 } from "./threefry";

/**
 * `out[b, i] = 255 u < 65536 pixel`, `u = halfWordAt(key, order[b], i)`, pixel = `images[order[b], i]`.
 * In 16 bits that is `u <= 257 pixel` and `pixel > 0`: 65536 p / 255 = 257 p + p / 255, and 257 p is the byte twice.
 * `images` [any, I] bytes, `order` [B], `out` [B, I].
 */
export function binarise(images: usize, order: usize, out: usize, B: i32, I: i32, k0: i32, k1: i32): void {
  for (let b = 0; b < B; b++) {
    const row = load<u32>(order + ((<usize>b) << 2));
    let pixels = images + <usize>row * I;
    let bits = out + ((<usize>b * I) << 2);
    let n = I;
    let counter = 0;
    for (; n >= 64; n -= 64, counter += 16) {
      // 32 words are 64 half words, the low half of a word first.
      const words = threefry16(k0, k1, counter, row);
      for (let i = 0; i < 128; i += 16, pixels += 8, bits += 32) {
        const on = ones8(words + i, pixels);
        v128.store(bits, low4(on));
        v128.store(bits, high4(on), 16);
      }
    }
    if (n > 0) {
      let words = threefry16(k0, k1, counter, row);
      for (; n > 0; n -= 8, words += 16, pixels += 8, bits += 32) {
        const on = ones8(words, pixels);
        storeLanes(bits, low4(on), n);
        if (n > 4) storeLanes(bits + 16, high4(on), n - 4);
      }
    }
  }
}

/** Which of eight pixels are on: 16 ones each. */
// @ts-ignore: decorator
@inline
function ones8(words: usize, pixels: usize): v128 {
  const pixel = v128.load64_zero(pixels);
  const twice = v128.shuffle<u8>(pixel, pixel, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  return v128.and(i16x8.le_u(v128.load(words), twice), i16x8.ne(twice, i16x8.splat(0)));
}

/** The first four of them as floats. */
// @ts-ignore: decorator
@inline
function low4(on: v128): v128 {
  return v128.and(v128.shuffle<i16>(on, on, 0, 0, 1, 1, 2, 2, 3, 3), f32x4.splat(1));
}

/** The last four of them as floats. */
// @ts-ignore: decorator
@inline
function high4(on: v128): v128 {
  return v128.and(v128.shuffle<i16>(on, on, 4, 4, 5, 5, 6, 6, 7, 7), f32x4.splat(1));
}
