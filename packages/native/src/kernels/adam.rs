//! The optimizer.
use crate::lanes::Lanes;

/// Half of the exponent of what v is multiplied by, so that c2 v is a normal number for any v that is kept.
const SCALE: f32 = 1024.0;
/// The largest gradient whose square is finite after that; a larger one counts as this.
const LARGEST: f32 = 1e16;

/// One ascending step: `m += c1 (g - m)`, `v += c2 (g^2 - v)`, `w += rate m / (sqrt(v) + epsilon)`; what is small is
/// left out as in `kernels/adam.ts`, so that nothing is denormal.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn adam<V: Lanes>(
    w: *mut f32, g: *const f32, m: *mut f32, v: *mut f32, n: usize, c1: f32, c2: f32, rate: f32, epsilon: f32,
) {
    unsafe {
        let whole = n / V::COUNT * V::COUNT;
        for at in (0..whole).step_by(V::COUNT) {
            step::<V>(w.add(at), g.add(at), m.add(at), v.add(at), V::COUNT, c1, c2, rate, epsilon);
        }
        if whole < n {
            step::<V>(
                w.add(whole),
                g.add(whole),
                m.add(whole),
                v.add(whole),
                n - whole,
                c1,
                c2,
                rate,
                epsilon,
            );
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn step<V: Lanes>(
    w: *mut f32, g: *const f32, m: *mut f32, v: *mut f32, count: usize, c1: f32, c2: f32, rate: f32,
    epsilon: f32,
) {
    unsafe {
        let given = V::load(g);
        let clipped = given.least(V::splat(LARGEST)).most(V::splat(-LARGEST));
        let gradient = clipped.add(given.sub(given)); // what was infinite is no number and stays none
        let size = gradient.abs();

        // Gradients are compared as integers, which denormals do not slow.
        let for_m = gradient.keep(size.int_gt(V::splat(1e-36)));
        let m0 = V::load(m);
        let m1 = V::splat(c1).madd(for_m.sub(m0), m0);
        let m1 = m1.drop(m1.abs().lt(V::splat(1e-30)));
        m1.store_first(m, count);

        let for_v = size.keep(size.int_gt(V::splat(1e-20))).mul(V::splat(SCALE));
        let v0 = V::load(v).mul(V::splat(SCALE * SCALE));
        let v1 = V::splat(c2).madd(for_v.mul(for_v).sub(v0), v0);
        let v1 = v1.drop(v1.lt(V::splat(1e-36 * SCALE * SCALE)));
        v1.mul(V::splat(1.0 / (SCALE * SCALE))).store_first(v, count);

        let change = V::splat(rate * SCALE).mul(m1).div(v1.sqrt().add(V::splat(epsilon * SCALE)));
        V::load(w).add(change).store_first(w, count);
    }
}
