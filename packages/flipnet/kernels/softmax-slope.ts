import { firstLanes, storeLanes } from "./lanes";
import { flush4, madd, sum4 } from "./math";

/** `out[u, k] = p[u, k] (a[u, k] - sum_m p[u, m] a[u, m])`. `p`, `a`, `out` [units, N]; `out` may be `a`. */
export function softmaxSlope(p: usize, a: usize, out: usize, units: i32, N: i32): void {
  const size = (<usize>N) << 2;
  for (let unit = 0; unit < units; unit++, p += size, a += size, out += size) {
    let sum = f32x4.splat(0);
    for (let k = 0; k < N; k += 4) {
      const at = (<usize>k) << 2;
      const mask = firstLanes(N - k);
      sum = madd(v128.and(v128.load(p + at), mask), v128.and(v128.load(a + at), mask), sum);
    }
    const mean = f32x4.splat(sum4(sum));
    for (let k = 0; k < N; k += 4) {
      const at = (<usize>k) << 2;
      const above = f32x4.sub(v128.load(a + at), mean);
      storeLanes(out + at, flush4(f32x4.mul(v128.load(p + at), above)), N - k);
    }
  }
}
