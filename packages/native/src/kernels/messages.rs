//! Probabilities given the children, less those before, and credits made of them.
use crate::lanes::Lanes;
use crate::math::{exp, expm1, flush, log_one};

/// `sigmoid(l + delta) - sigmoid(l) = p q expm1(delta) / (q + p e^delta)`, accurate relative to itself.
#[inline(always)]
pub unsafe fn posterior_minus_prior<V: Lanes>(
    p: *const f32, q: *const f32, delta: *const f32, out: *mut f32, n: usize,
) {
    unsafe {
        each!(V, n, out, |at| {
            // Where delta > 0 the fraction is multiplied through by e^-delta: p and q change places, and the sign changes.
            let (p, q, d) = (V::load(p.add(at)), V::load(q.add(at)), V::load(delta.add(at)));
            let up = d.gt(V::zero());
            let (a, b) = (V::select(up, q, p), V::select(up, p, q));
            let down = d.abs().neg();
            // With both terms 0 (p was stored as 0 and e^-delta is) the numerator is 0 too.
            let mean = b.add(a.mul(exp(down))).most(V::splat(1e-37));
            let size = flush(a.div(mean).mul(flush(b.mul(expm1(down)))));
            V::select(up, size.neg(), size)
        })
    }
}

/// `s (q - s) / q`, 0 where q is.
#[inline(always)]
pub unsafe fn unstopped_gradient<V: Lanes>(s: *const f32, q: *const f32, out: *mut f32, n: usize) {
    unsafe {
        each!(V, n, out, |at| {
            let (s, q) = (V::load(s.add(at)), V::load(q.add(at)));
            flush(s.mul(q.sub(s).div(q)).keep(q.gt(V::zero())))
        })
    }
}

/// `p (e^(delta - log sum_n p e^delta) - 1)` over each unit's choices.
#[inline(always)]
pub unsafe fn choice_posterior_minus_prior<V: Lanes>(
    p: *const f32, delta: *const f32, out: *mut f32, units: usize, choices: usize,
) {
    unsafe {
        let never = V::splat(-1e30);
        for unit in 0..units {
            let start = unit * choices;
            let (p, delta) = (p.add(start), delta.add(start));
            let mut most = never;
            for at in (0..choices).step_by(V::COUNT) {
                let possible = V::and(V::load(p.add(at)).gt(V::zero()), V::first(choices - at));
                most = most.most(V::select(possible, V::load(delta.add(at)), never));
            }
            let largest = V::splat(most.max());
            let mut sum = V::zero();
            for at in (0..choices).step_by(V::COUNT) {
                let x = V::load(p.add(at));
                let possible = V::and(x.gt(V::zero()), V::first(choices - at));
                sum = sum.add(x.mul(exp(V::load(delta.add(at)).sub(largest))).keep(possible));
            }
            let total = V::splat(log_one::<V>(sum.sum()));
            each!(V, choices, out.add(start), |at| {
                let x = V::load(p.add(at));
                let change = x.mul(expm1(V::load(delta.add(at)).sub(largest).sub(total)));
                flush(change.keep(x.gt(V::zero())))
            });
        }
    }
}

/// `p q d`.
#[inline(always)]
pub unsafe fn local_expectation<V: Lanes>(
    p: *const f32, q: *const f32, difference: *const f32, out: *mut f32, n: usize,
) {
    unsafe {
        each!(V, n, out, |at| {
            flush(V::load(p.add(at)).mul(V::load(q.add(at))).mul(V::load(difference.add(at))))
        })
    }
}

/// `out += s (f + (q - bit) d)`; a null `difference` is 0.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn add_hindsight<V: Lanes>(
    s: *const f32, f: *const f32, q: *const f32, bits: *const f32, difference: *const f32, out: *mut f32,
    b: usize, j: usize,
) {
    unsafe {
        for row in 0..b {
            let start = row * j;
            let (s, q, bits, out) = (s.add(start), q.add(start), bits.add(start), out.add(start));
            let value = V::splat(*f.add(row));
            if difference.is_null() {
                each!(V, j, out, |at| V::load(s.add(at)).madd(value, V::load(out.add(at))));
            } else {
                let difference = difference.add(start);
                each!(V, j, out, |at| {
                    let other = V::load(q.add(at)).sub(V::load(bits.add(at)));
                    let worth = other.madd(V::load(difference.add(at)), value);
                    V::load(s.add(at)).madd(worth, V::load(out.add(at)))
                });
            }
        }
    }
}
