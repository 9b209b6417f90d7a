//! Known functions of units: log-likelihoods and entropies.
use crate::lanes::Lanes;
use crate::math::{flush, log};

/// Columns whose product, a lane each, is at least 2^-96.
const TOGETHER: usize = 96;

/// `out[b] = sum_j log P(bits[b, j])`. Both laws of a unit with logit l have the factor max(p, q) = 1 / (1 + e^-|l|),
/// between 1/2 and 1: all that needs a logarithm is one product of these.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn log_likelihood<V: Lanes>(
    logits: *const f32, p: *const f32, q: *const f32, bits: *const f32, out: *mut f32, b: usize, j: usize,
) {
    unsafe { sums::<V, false>(logits, p, q, bits, out, b, j) }
}

/// `out[b] = sum_j H(unit j) = sum |l| min(p, q) - log prod max(p, q)`.
#[inline(always)]
pub unsafe fn entropy<V: Lanes>(
    logits: *const f32, p: *const f32, q: *const f32, out: *mut f32, b: usize, j: usize,
) {
    unsafe { sums::<V, true>(logits, p, q, logits, out, b, j) }
}

#[inline(always)]
unsafe fn sums<V: Lanes, const ENTROPIES: bool>(
    logits: *const f32, p: *const f32, q: *const f32, bits: *const f32, out: *mut f32, b: usize, j: usize,
) {
    unsafe {
        let (zero, one) = (V::zero(), V::splat(1.0));
        for row in 0..b {
            let mut sum = zero;
            let start = row * j;
            for block in (0..j).step_by(TOGETHER * V::COUNT) {
                let mut product = one;
                for at in (block..j.min(block + TOGETHER * V::COUNT)).step_by(V::COUNT) {
                    let place = start + at;
                    let (on, off, l) =
                        (V::load(p.add(place)), V::load(q.add(place)), V::load(logits.add(place)));
                    let mut factor = on.most(off);
                    let mut term = if ENTROPIES {
                        l.abs().mul(on.least(off))
                    } else {
                        // In this order `least` hands on what is not a number.
                        V::select(V::load(bits.add(place)).gt(zero), l, l.neg()).least(zero)
                    };
                    if at + V::COUNT > j {
                        let mask = V::first(j - at);
                        factor = V::select(mask, factor, one);
                        term = term.keep(mask);
                    }
                    product = product.mul(factor);
                    sum = sum.add(term);
                }
                sum = if ENTROPIES { sum.sub(log(product)) } else { sum.add(log(product)) };
            }
            *out.add(row) = sum.sum();
        }
    }
}

/// `g -= l p q`, the derivative of the entropy by the logit.
#[inline(always)]
pub unsafe fn add_entropy_gradient<V: Lanes>(
    logits: *const f32, p: *const f32, q: *const f32, g: *mut f32, n: usize,
) {
    unsafe {
        each!(V, n, g, |at| {
            let slope = flush(V::load(p.add(at)).mul(V::load(q.add(at))));
            V::load(logits.add(at)).nmadd(slope, V::load(g.add(at)))
        })
    }
}
