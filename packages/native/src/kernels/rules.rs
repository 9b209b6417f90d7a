//! How hidden units learn from what being on earns, `a`: rules of the Weight Maximization paper.
use crate::lanes::Lanes;
use crate::math::{expm1, flush};

/// `out = a x (bit - p)`, `x` = 2 bit - 1 where `plus_minus`, else the bit.
#[inline(always)]
pub unsafe fn rewarded_score<V: Lanes>(
    a: *const f32, p: *const f32, q: *const f32, bits: *const f32, out: *mut f32, n: usize, plus_minus: bool,
) {
    unsafe {
        each!(V, n, out, |at| {
            let on = V::load(bits.add(at)).gt(V::zero());
            let off = if plus_minus { V::load(p.add(at)) } else { V::zero() };
            flush(V::load(a.add(at)).mul(V::select(on, V::load(q.add(at)), off)))
        })
    }
}

/// `out = |a| w (1[a > 0] - p)`, `w` = `rewarded` where that is the bit, else `punished`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn better_outcome<V: Lanes>(
    a: *const f32, p: *const f32, q: *const f32, bits: *const f32, out: *mut f32, n: usize, rewarded: f32,
    punished: f32,
) {
    unsafe {
        each!(V, n, out, |at| {
            let earned = V::load(a.add(at));
            let better = earned.gt(V::zero());
            let missed = V::xor(better, V::load(bits.add(at)).gt(V::zero()));
            let law = V::select(better, V::load(q.add(at)), V::load(p.add(at)));
            let weight = V::select(missed, V::splat(punished), V::splat(rewarded)).mul(law);
            flush(earned.mul(weight))
        })
    }
}

/// `out = factor p q a`.
#[inline(always)]
pub unsafe fn mean_slope<V: Lanes>(
    a: *const f32, p: *const f32, q: *const f32, out: *mut f32, n: usize, factor: f32,
) {
    unsafe {
        each!(V, n, out, |at| {
            let slope = V::load(p.add(at)).mul(V::splat(factor)).mul(V::load(q.add(at)));
            flush(slope.mul(V::load(a.add(at))))
        })
    }
}

/// `out = bit q (1 - e^-delta)`.
#[inline(always)]
pub unsafe fn product_form_score<V: Lanes>(
    bits: *const f32, q: *const f32, delta: *const f32, out: *mut f32, n: usize,
) {
    unsafe {
        each!(V, n, out, |at| {
            let missing = expm1(V::load(delta.add(at)).neg());
            let score = flush(V::load(q.add(at)).mul(missing).neg());
            score.keep(V::load(bits.add(at)).gt(V::zero()))
        })
    }
}
