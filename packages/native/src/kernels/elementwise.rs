//! Element by element.
use crate::lanes::Lanes;

#[inline(always)]
pub unsafe fn fill<V: Lanes>(m: *mut f32, n: usize, value: f32) {
    unsafe { each!(V, n, m, |_at| V::splat(value)) }
}

/// `out[b, j] = bias[j]`.
#[inline(always)]
pub unsafe fn broadcast<V: Lanes>(bias: *const f32, out: *mut f32, b: usize, j: usize) {
    unsafe {
        for row in 0..b {
            each!(V, j, out.add(row * j), |at| V::load(bias.add(at)));
        }
    }
}

/// What is not a number stays so.
#[inline(always)]
pub unsafe fn maximum<V: Lanes>(a: *const f32, b: *const f32, out: *mut f32, n: usize) {
    unsafe {
        each!(V, n, out, |at| {
            let (a, b) = (V::load(a.add(at)), V::load(b.add(at)));
            V::select(a.is_nan(), a, b.most(a))
        })
    }
}

#[inline(always)]
pub unsafe fn multiply<V: Lanes>(a: *const f32, b: *const f32, out: *mut f32, n: usize) {
    unsafe { each!(V, n, out, |at| V::load(a.add(at)).mul(V::load(b.add(at)))) }
}

#[inline(always)]
pub unsafe fn subtract<V: Lanes>(a: *const f32, b: *const f32, out: *mut f32, n: usize) {
    unsafe { each!(V, n, out, |at| V::load(a.add(at)).sub(V::load(b.add(at)))) }
}

#[inline(always)]
pub unsafe fn multiply_add<V: Lanes>(a: *const f32, b: *const f32, out: *mut f32, n: usize) {
    unsafe { each!(V, n, out, |at| V::load(a.add(at)).madd(V::load(b.add(at)), V::load(out.add(at)))) }
}

#[inline(always)]
pub unsafe fn add_scaled<V: Lanes>(a: *const f32, out: *mut f32, n: usize, factor: f32) {
    unsafe { each!(V, n, out, |at| V::load(a.add(at)).madd(V::splat(factor), V::load(out.add(at)))) }
}

#[inline(always)]
pub unsafe fn scale_rows<V: Lanes>(a: *const f32, s: *const f32, out: *mut f32, b: usize, j: usize) {
    unsafe {
        for row in 0..b {
            let (a, scale) = (a.add(row * j), V::splat(*s.add(row)));
            each!(V, j, out.add(row * j), |at| V::load(a.add(at)).mul(scale));
        }
    }
}

#[inline(always)]
pub unsafe fn rectifier_gradient<V: Lanes>(y: *const f32, g: *mut f32, n: usize) {
    unsafe { each!(V, n, g, |at| V::load(g.add(at)).keep(V::load(y.add(at)).gt(V::zero()))) }
}
