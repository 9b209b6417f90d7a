import { storeLanes } from "./lanes";

/** `bits = u < p`. All [n]. */
export function sampleBernoulli(p: usize, uniforms: usize, bits: usize, n: i32): void {
  const one = f32x4.splat(1);
  for (let e = 0; e < n; e += 4) {
    const at = (<usize>e) << 2;
    const on = f32x4.lt(v128.load(uniforms + at), v128.load(p + at));
    storeLanes(bits + at, v128.and(on, one), n - e);
  }
}
