import { storeLanes } from "./lanes";
import { pinned } from "./math";

/** `bits = u < p`. All [n]. */
export function sampleBernoulli(p: usize, uniforms: usize, bits: usize, n: i32): void {
  const one = pinned(1);
  for (; n >= 4; n -= 4, p += 16, uniforms += 16, bits += 16) {
    v128.store(bits, v128.and(f32x4.lt(v128.load(uniforms), v128.load(p)), one));
  }
  if (n > 0) storeLanes(bits, v128.and(f32x4.lt(v128.load(uniforms), v128.load(p)), one), n);
}

/** `bits1 = 1 - u <= p`, `bits2 = u < p`. All [n]. */
export function sampleAntithetic(p: usize, uniforms: usize, bits1: usize, bits2: usize, n: i32): void {
  const one = f32x4.splat(1);
  for (let e = 0; e < n; e += 4) {
    const at = (<usize>e) << 2;
    const u = v128.load(uniforms + at);
    const threshold = v128.load(p + at);
    storeLanes(bits1 + at, v128.and(f32x4.le(f32x4.sub(one, u), threshold), one), n - e);
    storeLanes(bits2 + at, v128.and(f32x4.lt(u, threshold), one), n - e);
  }
}
