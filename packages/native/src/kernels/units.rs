//! Laws of units and draws from them.
use crate::lanes::Lanes;
use crate::math::{TINY, exp};

/// `p = sigmoid(l)`, `q = sigmoid(-l)`, both to full relative accuracy; below TINY they are 0.
#[inline(always)]
pub unsafe fn sigmoid<V: Lanes>(logits: *const f32, p: *mut f32, q: *mut f32, n: usize) {
    unsafe {
        let whole = n / V::COUNT * V::COUNT;
        for at in (0..whole).step_by(V::COUNT) {
            let (on, off) = laws::<V>(V::load(logits.add(at)));
            on.store(p.add(at));
            off.store(q.add(at));
        }
        if whole < n {
            let (on, off) = laws::<V>(V::load(logits.add(whole)));
            on.store_first(p.add(whole), n - whole);
            off.store_first(q.add(whole), n - whole);
        }
    }
}

#[inline(always)]
unsafe fn laws<V: Lanes>(l: V) -> (V, V) {
    unsafe {
        let one = V::splat(1.0);
        let e = exp(l.abs().neg());
        let larger = one.div(one.add(e));
        let product = e.mul(larger);
        let smaller = product.drop(product.lt(V::splat(TINY)));
        let negative = l.lt(V::zero());
        // l - l is 0, or no number where l is none; where l is infinite the laws are numbers.
        let none = l.keep(l.is_nan());
        (V::select(negative, smaller, larger).int_or(none), V::select(negative, larger, smaller).int_or(none))
    }
}

/// `p[u, k] = e^(l[u, k] - max) / sum_k e^(l[u, k] - max)`; below TINY it is 0. `p` may be `logits`.
#[inline(always)]
pub unsafe fn softmax<V: Lanes>(logits: *const f32, p: *mut f32, units: usize, choices: usize) {
    unsafe {
        for unit in 0..units {
            let (l, p) = (logits.add(unit * choices), p.add(unit * choices));
            let lowest = V::splat(f32::MIN);
            let (mut most, mut none) = (lowest, V::zero());
            for at in (0..choices).step_by(V::COUNT) {
                let x = V::select(V::first(choices - at), V::load(l.add(at)), lowest);
                most = most.most(x);
                none = V::select(x.is_nan(), x, none);
            }
            let largest = V::splat(most.max());
            let mut sum = none; // one choice that is not a number makes all of the unit so
            for at in (0..choices).step_by(V::COUNT) {
                let e = exp(V::load(l.add(at)).sub(largest));
                sum = sum.add(e.keep(V::first(choices - at)));
                e.store_first(p.add(at), (choices - at).min(V::COUNT));
            }
            let scale = V::splat(1.0 / sum.sum());
            each!(V, choices, p, |at| {
                let y = V::load(p.add(at)).mul(scale);
                y.drop(y.lt(V::splat(TINY)))
            });
        }
    }
}

/// `bits = u < p`.
#[inline(always)]
pub unsafe fn sample_bernoulli<V: Lanes>(p: *const f32, uniforms: *const f32, bits: *mut f32, n: usize) {
    unsafe { each!(V, n, bits, |at| V::splat(1.0).keep(V::load(uniforms.add(at)).lt(V::load(p.add(at))))) }
}

/// `first = 1 - u <= p`, `second = u < p`.
#[inline(always)]
pub unsafe fn sample_antithetic<V: Lanes>(
    p: *const f32, uniforms: *const f32, first: *mut f32, second: *mut f32, n: usize,
) {
    unsafe {
        let one = V::splat(1.0);
        each!(V, n, first, |at| one.keep(one.sub(V::load(uniforms.add(at))).le(V::load(p.add(at)))));
        each!(V, n, second, |at| one.keep(V::load(uniforms.add(at)).lt(V::load(p.add(at)))));
    }
}

/// `out` = `q` where the bit is on, else `-p`.
#[inline(always)]
pub unsafe fn score<V: Lanes>(bits: *const f32, p: *const f32, q: *const f32, out: *mut f32, n: usize) {
    unsafe {
        each!(V, n, out, |at| {
            let on = V::load(bits.add(at)).gt(V::zero());
            V::select(on, V::load(q.add(at)), V::load(p.add(at)).neg())
        })
    }
}
