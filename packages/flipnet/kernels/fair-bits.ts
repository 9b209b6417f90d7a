import { storeLanes } from "./lanes";
import { threefry16 } from "./threefry";

/** With `f = first + e`, `out[e]` = bit `f mod 32` of word `f / 32`: `bitAt(key, f)`. `out` [n], `first` a multiple of 64. */
export function fairBits(out: usize, first: i32, n: i32, k0: i32, k1: i32): void {
  const one = f32x4.splat(1);
  for (let counter = first >> 6; n > 0; counter += 16) {
    let words = threefry16(k0, k1, counter, 0);
    for (const end = words + 128; words < end && n > 0; words += 4) {
      let word = v128.load32_splat(words);
      for (let bit = 0; bit < 32 && n > 0; bit += 4, n -= 4, out += 16) {
        const set = i32x4.ne(v128.and(word, i32x4(1, 2, 4, 8)), i32x4.splat(0));
        storeLanes(out, v128.and(set, one), n);
        word = i32x4.shr_u(word, 4);
      }
    }
  }
}
