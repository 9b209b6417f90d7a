import { exp4, max4, sum4, TINY } from "./math";
import { firstLanes, storeLanes } from "./lanes";

/**
 * `p[u, k] = e^(l[u, k] - max) / sum_k e^(l[u, k] - max)`; below 1e-30 it is 0. `logits`, `p` [units, N].
 * `p` holds the exponentials in between; it may be `logits`.
 */
export function softmax(logits: usize, p: usize, units: i32, N: i32): void {
  const zero = f32x4.splat(0);
  const lowest = f32x4.splat(-f32.MAX_VALUE);
  const size = (<usize>N) << 2;
  for (let unit = 0; unit < units; unit++) {
    let largest4 = lowest;
    let notANumber = zero;
    for (let k = 0; k < N; k += 4) {
      const l = v128.bitselect(v128.load(logits + ((<usize>k) << 2)), lowest, firstLanes(N - k));
      largest4 = f32x4.pmax(largest4, l);
      notANumber = v128.or(notANumber, f32x4.ne(l, l));
    }
    const largest = f32x4.splat(max4(largest4));

    let sum = notANumber; // one lane that is not a number makes all of the group so
    for (let k = 0; k < N; k += 4) {
      const at = (<usize>k) << 2;
      const e = exp4(f32x4.sub(v128.load(logits + at), largest));
      sum = f32x4.add(sum, v128.and(e, firstLanes(N - k)));
      storeLanes(p + at, e, N - k);
    }

    const scale = f32x4.splat(1 / sum4(sum));
    for (let k = 0; k < N; k += 4) {
      const at = (<usize>k) << 2;
      const y = f32x4.mul(v128.load(p + at), scale);
      storeLanes(p + at, v128.andnot(y, f32x4.lt(y, f32x4.splat(TINY))), N - k);
    }
    logits += size;
    p += size;
  }
}
