import { storeLanes } from "./lanes";
import { threefry8 } from "./threefry";

/** `out[e] = (word e >> 8) 2^-24`, the bits of `uniformAt(key, e)`. `out` [n]. */
export function uniforms(k0: i32, k1: i32, out: usize, n: i32): void {
  const unit = f32x4.splat(1.0 / 16777216.0);
  for (let e = 0; e < n; e += 16) {
    const words = threefry8(k0, k1, e >>> 1, 0);
    for (let i = e; i < min(e + 16, n); i += 4) {
      const word = v128.load(words + ((i - e) << 2));
      // 24 bits are the same number signed or not, and a signed conversion is one instruction.
      const u = f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(word, 8)), unit);
      storeLanes(out + ((<usize>i) << 2), u, n - i);
    }
  }
}
