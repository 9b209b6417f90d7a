import { storeLanes } from "./lanes";
import { pinned } from "./math";
import { threefry16 } from "./threefry";

/** `out[e] = (word first + e >> 8) 2^-24`, the bits of `uniformAt(key, first + e)`. `out` [n], `first` a multiple of 32. */
export function uniforms(out: usize, first: i32, n: i32, k0: i32, k1: i32): void {
  const unit = pinned(5.9604644775390625e-8); // 2^-24
  let counter = first >> 1;
  for (; n >= 32; n -= 32, out += 128, counter += 16) {
    const words = threefry16(k0, k1, counter, 0);
    for (let i = 0; i < 128; i += 16) v128.store(out + i, uniform4(words + i, unit));
  }
  if (n > 0) {
    let words = threefry16(k0, k1, counter, 0);
    for (; n > 0; n -= 4, out += 16, words += 16) storeLanes(out, uniform4(words, unit), n);
  }
}

// @ts-ignore: decorator
@inline
function uniform4(words: usize, unit: v128): v128 {
  // 24 bits are the same number signed or not, and a signed conversion is one instruction.
  const bits = f32x4.convert_i32x4_s(i32x4.shr_u(v128.load(words), 8));
  return f32x4.mul(bits, unit);
}
