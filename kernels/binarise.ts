import { storeLanes } from "./lanes";
import { threefry8 } from "./threefry";

/**
 * `out[b, i] = 255 u < 65536 pixel`, `u = halfWordAt(key, order[b], i)`, pixel = `images[order[b], i]`.
 * In 16 bits that is `u <= 257 pixel` and `pixel > 0`: 65536 p / 255 = 257 p + p / 255, and 257 p is the byte twice.
 * `images` [any, I] bytes, `order` [B], `out` [B, I].
 */
export function binarise(images: usize, order: usize, k0: i32, k1: i32, out: usize, B: i32, I: i32): void {
  const one = f32x4.splat(1);
  const none = i16x8.splat(0);
  for (let b = 0; b < B; b++) {
    const row = load<u32>(order + ((<usize>b) << 2));
    const pixels = images + <usize>row * I;
    for (let i = 0; i < I; i += 32) {
      // 16 words are 32 half words, the low half of a word first.
      const words = threefry8(k0, k1, i >>> 2, row);
      for (let j = i; j < min(i + 32, I); j += 8) {
        const pixel = v128.load64_zero(pixels + j);
        const twice = v128.shuffle<u8>(pixel, pixel, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
        const u = v128.load(words + ((j - i) << 1));
        const on = v128.and(i16x8.le_u(u, twice), i16x8.ne(twice, none));
        const low = v128.and(v128.shuffle<i16>(on, on, 0, 0, 1, 1, 2, 2, 3, 3), one);
        const high = v128.and(v128.shuffle<i16>(on, on, 4, 4, 5, 5, 6, 6, 7, 7), one);
        storeLanes(out + ((<usize>j) << 2), low, I - j);
        if (I - j > 4) storeLanes(out + ((<usize>j + 4) << 2), high, I - j - 4);
      }
    }
    out += (<usize>I) << 2;
  }
}
