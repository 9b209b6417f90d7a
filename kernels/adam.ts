import { madd } from "./math";
import { storeLanes } from "./lanes";

/** Half of the exponent of what v is multiplied by, so that c2 v is a normal number for any v that is kept. */
const SCALE: f32 = 1024;

/** The largest gradient whose square is finite after that; a larger one counts as this. */
const LARGEST: f32 = 1e16;

/** The lanes of `x` whose magnitude is above that of `bound`; compared as integers, which denormals do not slow. */
// @ts-ignore: decorator
@inline
function above(x: v128, bound: f32): v128 {
  const magnitude = v128.and(x, i32x4.splat(0x7fffffff));
  return v128.and(x, i32x4.gt_s(magnitude, i32x4.splat(reinterpret<i32>(bound))));
}

/**
 * One ascending Adam step:
 *
 *     m += c1 (g - m)    v += c2 (g^2 - v)    w += rate m / (sqrt(v) + epsilon)
 *
 * with `c1 = 1 - beta1`, `c2 = 1 - beta2`, and the bias corrections moved into `rate` and `epsilon` by the caller.
 * Written with c rather than with beta: float32 rounds beta2 = 0.999 to an error of 1e-5 in 1 - beta2. All [n].
 *
 * No operation may meet a denormal, which costs a hundred times a normal number. Small m and v become 0, and c2 v
 * would be denormal for v near its bound, so the arithmetic is on 2^20 v. A gradient counts from 1e-36 on in m and
 * from 1e-20 on in v, where it is too small to matter beside what is kept: 1e-30 and 1e-36.
 */
export function adam(w: usize, g: usize, m: usize, v: usize, n: i32, c1: f32, c2: f32, rate: f32, epsilon: f32): void {
  const c1s = f32x4.splat(c1);
  const c2s = f32x4.splat(c2);
  const rates = f32x4.splat(rate * SCALE);
  const epsilons = f32x4.splat(epsilon * SCALE);
  const largest = f32x4.splat(LARGEST);
  for (let e = 0; e < n; e += 4) {
    const at = (<usize>e) << 2;
    const given = v128.load(g + at);
    const clipped = f32x4.pmax(f32x4.pmin(given, largest), f32x4.neg(largest));
    const gradient = f32x4.add(clipped, f32x4.sub(given, given)); // infinity is an error, and must stay one

    const m0 = v128.load(m + at);
    const m1 = above(madd(c1s, f32x4.sub(above(gradient, 1e-36), m0), m0), 1e-30);

    const scaled = f32x4.mul(above(gradient, 1e-20), f32x4.splat(SCALE));
    const v0 = f32x4.mul(v128.load(v + at), f32x4.splat(SCALE * SCALE));
    const v1 = above(madd(c2s, f32x4.sub(f32x4.mul(scaled, scaled), v0), v0), 1e-36 * SCALE * SCALE);

    const step = f32x4.div(f32x4.mul(rates, m1), f32x4.add(f32x4.sqrt(v1), epsilons));
    storeLanes(m + at, m1, n - e);
    storeLanes(v + at, f32x4.mul(v1, f32x4.splat(1 / (SCALE * SCALE))), n - e);
    storeLanes(w + at, f32x4.add(v128.load(w + at), step), n - e);
  }
}
