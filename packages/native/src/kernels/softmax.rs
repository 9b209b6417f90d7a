//! Counterfactuals where parents or children, or both, are softmax units. What each computes, and why so, is said in
//! `kernels/flip-softmax.ts`, `switches.ts`, `switch-softmax.ts` and `entropy-differences.ts`.
use super::bits::product_bits;
use super::flips::{entropy_shift, has_nan, logs, multiply_rows};
use super::tables::{LIMIT, Tables, exponentials, pitch, tables_of};
use crate::lanes::Lanes;
use crate::math::{exp, exp_both, exponent, log_of, log_one, mantissa};
use crate::scratch::{Level, scratch};

/// Beyond this a choice whose probability is stored as 0 (below 1e-30) could matter: 1e-30 e^52 = 4e-8.
const SOFTMAX_LIMIT: f32 = 26.0;
const NEVER: f32 = -1e30;
/// How far |log| of a product may go.
const ROOM: f32 = 86.0;

/// How far |d| may go between two choices of a parent.
#[inline(always)]
unsafe fn reach_of(tables: Tables, unit: usize, choices: usize) -> f32 {
    unsafe {
        let mut most: f32 = 0.0;
        for n in unit..unit + choices {
            most = most.max(*tables.largest.add(n));
        }
        2.0 * most
    }
}

/// The choice that a parent made.
#[inline(always)]
unsafe fn chosen_of(bits: *const f32, unit: usize, choices: usize) -> usize {
    unsafe { (unit..unit + choices).rev().find(|n| *bits.add(*n) > 0.0).unwrap_or(unit) }
}

#[inline(always)]
unsafe fn fill_nan<V: Lanes>(p: *const f32, out: *mut f32, b: usize, i: usize, j: usize) {
    unsafe {
        for example in 0..b {
            if has_nan::<V>(p.add(example * j), j) {
                each!(V, i, out.add(example * i), |_at| V::splat(f32::NAN));
            }
        }
    }
}

/// Rows of parents, filled up to whole vectors.
fn padded(i: usize) -> usize {
    i.div_ceil(16) * 16
}

/// `e^d` and `e^-d` of the turned table, rows `padded(i)` apart.
#[inline(always)]
unsafe fn powers<V: Lanes>(tables: Tables, up: *mut f32, down: *mut f32, i: usize, j: usize) {
    unsafe {
        for row in 0..j {
            let (from, to) = (tables.turned.add(row * i), row * padded(i));
            for at in (0..i).step_by(V::COUNT) {
                let (e, f) = exp_both(V::load(from.add(at)));
                e.store(up.add(to + at));
                f.store(down.add(to + at));
            }
        }
    }
}

/// Flips of Bernoulli parents before softmax children of `choices` each.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn flip_softmax<V: Lanes>(
    bits: *const f32, weights: *const f32, logits: *const f32, p: *const f32, child_bits: *const f32,
    out: *mut f32, b: usize, i: usize, j: usize, choices: usize, k: f32, accumulate: bool, room: *mut f32,
) {
    unsafe {
        let tables = tables_of::<V>(weights, i, j, k, room);
        if !accumulate {
            core::ptr::write_bytes(out, 0, b * i);
        }
        product_bits::<V>(child_bits, tables.turned, out, b, j, i, false);
        let row = padded(i);
        let mut own = scratch(Level::Kernel, 2 * j * row, 2);
        let (up, down) = (own.take(j * row), own.take(j * row));
        powers::<V>(tables, up, down, i, j);
        for example in 0..b {
            let (bits, out) = (bits.add(example * i), out.add(example * i));
            let (p, l) = (p.add(example * j), logits.add(example * j));
            for at in (0..i).step_by(V::COUNT) {
                let on = V::load(bits.add(at)).gt(V::zero());
                let (mut product, mut power) = (V::splat(1.0), V::zero());
                for unit in (0..j).step_by(choices) {
                    let mut sum = V::zero();
                    for n in unit..unit + choices {
                        let e = V::select(on, V::load(down.add(n * row + at)), V::load(up.add(n * row + at)));
                        sum = e.madd(V::splat(*p.add(n)), sum);
                    }
                    product = product.mul(sum);
                    power = power.int_add(exponent(product));
                    product = mantissa(product);
                }
                let log = log_of(product, power);
                let narrow = V::load(tables.largest.add(at)).le(V::splat(SOFTMAX_LIMIT));
                let change = V::select(on, log, log.neg()).keep(narrow);
                V::load(out.add(at)).add(change).store_first(out.add(at), (i - at).min(V::COUNT));
            }
            for n in 0..i {
                if *tables.largest.add(n) > SOFTMAX_LIMIT {
                    let w = weights.add(n * j);
                    let sign = if *bits.add(n) > 0.0 { 1.0 } else { -1.0 };
                    *out.add(n) += sign * softmax_shift::<V>(l, w, core::ptr::null(), -sign * k, j, choices);
                }
            }
        }
        fill_nan::<V>(p, out, b, i, j);
    }
}

/// Other choices of softmax parents before Bernoulli children.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn switches<V: Lanes>(
    bits: *const f32, weights: *const f32, logits: *const f32, p: *const f32, q: *const f32,
    child_bits: *const f32, out: *mut f32, b: usize, i: usize, choices: usize, j: usize, accumulate: bool,
    room: *mut f32,
) {
    unsafe {
        const G: usize = 4;
        let tables = tables_of::<V>(weights, i, j, 1.0, room);
        let pitch = pitch(j);
        let states = (choices + 16) * V::COUNT;
        let mut own = scratch(Level::Kernel, i + 3 * pitch + 2 * states + 2 * i * pitch, 8);
        let sums = own.take(i);
        let (on, off, r) = (own.take(pitch), own.take(pitch), own.take(pitch));
        let (up, down) = (own.take(i * pitch), own.take(i * pitch));
        for n in 0..i {
            let (w, at) = (weights.add(n * j), n * pitch);
            exponentials::<V>(w, j, pitch, 1.0, up.add(at), down.add(at), core::ptr::null_mut());
        }
        let (products, exponents): (*mut V, *mut V) = (own.take(states).cast(), own.take(states).cast());
        for example in 0..b {
            let (bits, out) = (bits.add(example * i), out.add(example * i));
            let (l, c) = (logits.add(example * j), child_bits.add(example * j));
            for at in (0..pitch).step_by(V::COUNT) {
                let (there, from) = (V::first(j.saturating_sub(at)), example * j + at.min(j));
                V::load(p.add(from)).keep(there).store(on.add(at));
                V::select(there, V::load(q.add(from)), V::splat(1.0)).store(off.add(at));
            }
            core::ptr::write_bytes(sums, 0, i);
            product_bits::<V>(c, tables.turned, sums, 1, j, i, false);
            for unit in (0..i).step_by(choices) {
                let chosen = chosen_of(bits, unit, choices);
                let reach = reach_of(tables, unit, choices);
                let before = if accumulate { *out.add(chosen) } else { 0.0 };
                if reach > LIMIT {
                    let minus = weights.add(chosen * j);
                    for n in unit..unit + choices {
                        let plus = weights.add(n * j);
                        let change =
                            bits_shift::<V>(c, plus, minus, j) - bernoulli_shift::<V>(l, plus, minus, j);
                        *out.add(n) = if accumulate { *out.add(n) + change } else { change };
                    }
                } else {
                    // q + p e^(W[n] - W[chosen]) = q + r e^W[n]
                    for at in (0..pitch).step_by(V::COUNT) {
                        let moved = V::load(down.add(chosen * pitch + at));
                        V::load(on.add(at)).mul(moved).store(r.add(at));
                    }
                    let stride = (ROOM / reach.max(0.01)) as usize;
                    let splits = stride < pitch / V::COUNT;
                    for n in (0..choices).step_by(G) {
                        let row = |g: usize| up.cast_const().add((unit + (n + g).min(choices - 1)) * pitch);
                        multiply_rows::<V, G>(
                            [row(0), row(1), row(2), row(3)],
                            r,
                            off,
                            pitch,
                            stride,
                            splits,
                            true,
                            products.add(n),
                            exponents.add(n),
                        );
                    }
                    let base = V::splat(*sums.add(chosen));
                    for n in (0..choices).step_by(V::COUNT) {
                        let log = logs::<V>(products.add(n), exponents.add(n), splits);
                        let change = V::load(sums.add(unit + n)).sub(log).sub(base);
                        let to = out.add(unit + n);
                        let change = if accumulate { V::load(to).add(change) } else { change };
                        change.store_first(to, (choices - n).min(V::COUNT));
                    }
                }
                *out.add(chosen) = before;
            }
        }
        fill_nan::<V>(p, out, b, i, j);
    }
}

/// Other choices of softmax parents before softmax children of `k` choices each.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn switch_softmax<V: Lanes>(
    bits: *const f32, weights: *const f32, logits: *const f32, p: *const f32, child_bits: *const f32,
    out: *mut f32, b: usize, i: usize, choices: usize, j: usize, k: usize, accumulate: bool, room: *mut f32,
) {
    unsafe {
        let tables = tables_of::<V>(weights, i, j, 1.0, room);
        let row = padded(i);
        let pitch = pitch(j);
        let mut own = scratch(Level::Kernel, i + 2 * pitch + 2 * j * row, 5);
        let (sums, r, back) = (own.take(i), own.take(pitch), own.take(pitch));
        let (up, down) = (own.take(j * row), own.take(j * row));
        powers::<V>(tables, up, down, i, j);
        for example in 0..b {
            let (bits, out) = (bits.add(example * i), out.add(example * i));
            let (p, l, c) = (p.add(example * j), logits.add(example * j), child_bits.add(example * j));
            core::ptr::write_bytes(sums, 0, i);
            product_bits::<V>(c, tables.turned, sums, 1, j, i, false);
            for unit in (0..i).step_by(choices) {
                let chosen = chosen_of(bits, unit, choices);
                let reach = reach_of(tables, unit, choices);
                let before = if accumulate { *out.add(chosen) } else { 0.0 };
                if reach > SOFTMAX_LIMIT {
                    let minus = weights.add(chosen * j);
                    for n in unit..unit + choices {
                        let plus = weights.add(n * j);
                        let change = bits_shift::<V>(c, plus, minus, j)
                            - softmax_shift::<V>(l, plus, minus, 1.0, j, k);
                        *out.add(n) = if accumulate { *out.add(n) + change } else { change };
                    }
                } else {
                    let own = weights.add(chosen * j);
                    exponentials::<V>(
                        own,
                        j,
                        pitch,
                        -1.0,
                        back,
                        core::ptr::null_mut(),
                        core::ptr::null_mut(),
                    );
                    each!(V, j, r, |at| V::load(p.add(at)).mul(V::load(back.add(at))));
                    // So many children's sums may be multiplied before the product's exponent has to be split off.
                    let stride = (ROOM / reach.max(0.1)) as usize * k;
                    let base = V::splat(*sums.add(chosen));
                    for n in (0..choices).step_by(V::COUNT) {
                        let (mut product, mut power) = (V::splat(1.0), V::zero());
                        for first in (0..j).step_by(stride) {
                            for child in (first..j.min(first + stride)).step_by(k) {
                                let mut sum = V::zero();
                                for x in child..child + k {
                                    sum = V::load(up.add(x * row + unit + n)).madd(V::splat(*r.add(x)), sum);
                                }
                                product = product.mul(sum);
                            }
                            power = power.int_add(exponent(product));
                            product = mantissa(product);
                        }
                        let change = V::load(sums.add(unit + n)).sub(base).sub(log_of(product, power));
                        let to = out.add(unit + n);
                        let change = if accumulate { V::load(to).add(change) } else { change };
                        change.store_first(to, (choices - n).min(V::COUNT));
                    }
                }
                *out.add(chosen) = before;
            }
        }
        fill_nan::<V>(p, out, b, i, j);
    }
}

/// What other outcomes of a parent do to its children's entropies, where parents or children are softmax. Of a child
/// log S - A / S, S = sum_k u[k], A = sum_k u[k] (y[k] + d[k]), u = p e^d, y = l - sum_k p[k] l[k]. A Bernoulli child
/// is two choices, of which the second has l = d = 0.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn entropy_differences<V: Lanes>(
    bits: *const f32, weights: *const f32, logits: *const f32, p: *const f32, q: *const f32, out: *mut f32,
    b: usize, i: usize, choices: usize, j: usize, children: usize, k: f32, accumulate: bool, room: *mut f32,
) {
    unsafe {
        let tables = tables_of::<V>(weights, i, j, k, room);
        let row = padded(i);
        let mut own = scratch(Level::Kernel, 2 * j * row + 4 * j + 2 * j, 6);
        let (up, down) = (own.take(j * row), own.take(j * row));
        let (y, still) = (own.take(j), own.take(2 * j));
        let (moved_p, moved_y) = (own.take(j), own.take(j));
        powers::<V>(tables, up, down, i, j);
        if !accumulate {
            core::ptr::write_bytes(out, 0, b * i);
        }
        let reach_from = |unit: usize| {
            if choices == 1 { *tables.largest.add(unit) } else { reach_of(tables, unit, choices) }
        };
        let mut most: f32 = 0.1;
        for unit in (0..i).step_by(choices) {
            let reach = reach_from(unit);
            if reach <= SOFTMAX_LIMIT {
                most = most.max(reach);
            }
        }
        let sums = Moves {
            up,
            down,
            turned: tables.turned,
            row,
            i,
            still,
            j,
            children,
            stride: (ROOM / most) as usize,
        };
        for example in 0..b {
            let (bits, out) = (bits.add(example * i), out.add(example * i));
            let start = example * j;
            let (p, q, l) = (p.add(start), q.add(start), logits.add(start));
            prepare(l, p, q, y, still, j, children);
            if choices == 1 {
                for at in (0..i).step_by(V::COUNT) {
                    let on = V::load(bits.add(at)).gt(V::zero());
                    let change = sums.changes::<V, true>(on, at, p, y);
                    let narrow = V::load(tables.largest.add(at)).le(V::splat(SOFTMAX_LIMIT));
                    let change = V::select(on, change.neg(), change).keep(narrow);
                    V::load(out.add(at)).add(change).store_first(out.add(at), (i - at).min(V::COUNT));
                }
            }
            for unit in (0..i).step_by(choices) {
                if reach_from(unit) > SOFTMAX_LIMIT {
                    let chosen = chosen_of(bits, unit, choices);
                    let own = weights.add(chosen * j);
                    if choices == 1 {
                        let sign = if *bits.add(unit) > 0.0 { -1.0 } else { 1.0 };
                        *out.add(unit) +=
                            sign * shift_of_entropy::<V>(l, own, core::ptr::null(), sign * k, j, children);
                    } else {
                        for n in (unit..unit + choices).filter(|n| *n != chosen) {
                            *out.add(n) +=
                                shift_of_entropy::<V>(l, weights.add(n * j), own, 1.0, j, children);
                        }
                    }
                } else if choices > 1 {
                    let chosen = chosen_of(bits, unit, choices);
                    let before = *out.add(chosen);
                    let own = weights.add(chosen * j);
                    each!(V, j, moved_p, |at| V::load(p.add(at)).mul(exp(V::load(own.add(at)).neg())));
                    each!(V, j, moved_y, |at| V::load(y.add(at)).sub(V::load(own.add(at))));
                    for n in (0..choices).step_by(V::COUNT) {
                        let change = sums.changes::<V, false>(V::first(0), unit + n, moved_p, moved_y);
                        let to = out.add(unit + n);
                        V::load(to).add(change).store_first(to, (choices - n).min(V::COUNT));
                    }
                    *out.add(chosen) = before;
                }
            }
        }
        fill_nan::<V>(p, out, b, i, j);
    }
}

/// Of each choice `y`, and of each child what does not move of its S and A: a Bernoulli unit's second choice.
#[inline(always)]
unsafe fn prepare(
    logits: *const f32, p: *const f32, q: *const f32, y: *mut f32, still: *mut f32, j: usize, children: usize,
) {
    unsafe {
        for (child, first) in (0..j).step_by(children).enumerate() {
            let mut mean = 0.0;
            for n in first..first + children {
                mean += *p.add(n) * *logits.add(n);
            }
            let other = if children == 1 { *q.add(first) } else { 0.0 };
            *still.add(2 * child) = other;
            *still.add(2 * child + 1) = -other * mean;
            for n in first..first + children {
                *y.add(n) = if children == 1 { other * *logits.add(n) } else { *logits.add(n) - mean };
            }
        }
    }
}

struct Moves {
    up: *const f32,
    down: *const f32,
    turned: *const f32,
    row: usize,
    i: usize,
    still: *const f32,
    j: usize,
    children: usize,
    /// Children whose S may be multiplied before the product's exponent has to be split off.
    stride: usize,
}

impl Moves {
    /// `sum over children of log S - A / S` under as many outcomes as a vector has lanes; where `FLIPS`, those of parents
    /// that are on move by -d.
    #[inline(always)]
    unsafe fn changes<V: Lanes, const FLIPS: bool>(
        &self, on: V::Mask, at: usize, p: *const f32, y: *const f32,
    ) -> V {
        unsafe {
            let (mut product, mut power, mut sum) = (V::splat(1.0), V::zero(), V::zero());
            let mut left = self.stride;
            for (child, first) in (0..self.j).step_by(self.children).enumerate() {
                let mut whole = V::splat(*self.still.add(2 * child));
                let mut weighed = V::splat(*self.still.add(2 * child + 1));
                for n in first..first + self.children {
                    let mut e = V::load(self.up.add(n * self.row + at));
                    let mut step = V::load(self.turned.add(n * self.i + at));
                    if FLIPS {
                        e = V::select(on, V::load(self.down.add(n * self.row + at)), e);
                        step = V::select(on, step.neg(), step);
                    }
                    let u = e.mul(V::splat(*p.add(n)));
                    whole = whole.add(u);
                    weighed = u.madd(step.add(V::splat(*y.add(n))), weighed);
                }
                product = product.mul(whole);
                sum = sum.add(weighed.div(whole));
                left -= 1;
                if left == 0 {
                    power = power.int_add(exponent(product));
                    product = mantissa(product);
                    left = self.stride;
                }
            }
            log_of(mantissa(product), power.int_add(exponent(product))).sub(sum)
        }
    }
}

// ---- the plain way, for weights beyond the tables: an exponential and a logarithm for every child -------------------

/// `k (plus[j] - minus[j])`; a null `minus` is 0.
#[inline(always)]
unsafe fn shift<V: Lanes>(plus: *const f32, minus: *const f32, at: usize, k: f32) -> V {
    unsafe {
        let w = V::load(plus.add(at));
        let w = if minus.is_null() { w } else { w.sub(V::load(minus.add(at))) };
        w.mul(V::splat(k))
    }
}

/// Logits moved by that; a null `plus` moves nothing.
#[inline(always)]
unsafe fn moved<V: Lanes>(logits: *const f32, plus: *const f32, minus: *const f32, at: usize, k: f32) -> V {
    unsafe {
        let l = V::load(logits.add(at));
        if plus.is_null() { l } else { l.add(shift::<V>(plus, minus, at, k)) }
    }
}

/// `sum_j bits[j] d[j]`.
#[inline(always)]
unsafe fn bits_shift<V: Lanes>(bits: *const f32, plus: *const f32, minus: *const f32, j: usize) -> f32 {
    unsafe {
        let mut sum = V::zero();
        for at in (0..j).step_by(V::COUNT) {
            let on = V::and(V::load(bits.add(at)).gt(V::zero()), V::first(j - at));
            sum = sum.add(shift::<V>(plus, minus, at, 1.0).keep(on));
        }
        sum.sum()
    }
}

/// `sum_j softplus(l + d) - softplus(l)`.
#[inline(always)]
unsafe fn bernoulli_shift<V: Lanes>(
    logits: *const f32, plus: *const f32, minus: *const f32, j: usize,
) -> f32 {
    unsafe {
        let mut sum = V::zero();
        for at in (0..j).step_by(V::COUNT) {
            let l = V::load(logits.add(at));
            let moved = l.add(shift::<V>(plus, minus, at, 1.0));
            let change = crate::math::softplus(moved).sub(crate::math::softplus(l));
            sum = sum.add(change.keep(V::first(j - at)));
        }
        sum.sum()
    }
}

/// `log sum e^l`'s two parts, and `sum x e^x / sum e^x` with x = l - max l, of one unit under moved logits.
#[inline(always)]
unsafe fn unit<V: Lanes>(
    logits: *const f32, plus: *const f32, minus: *const f32, k: f32, choices: usize,
) -> (f32, f32, f32) {
    unsafe {
        let mut most = V::splat(NEVER);
        for at in (0..choices).step_by(V::COUNT) {
            most = most.most(V::select(
                V::first(choices - at),
                moved::<V>(logits, plus, minus, at, k),
                V::splat(NEVER),
            ));
        }
        let largest = most.max();
        let (mut total, mut weighed) = (V::zero(), V::zero());
        for at in (0..choices).step_by(V::COUNT) {
            let below = moved::<V>(logits, plus, minus, at, k).sub(V::splat(largest));
            let e = exp(below).keep(V::first(choices - at));
            total = total.add(e);
            weighed = weighed.add(below.mul(e).keep(V::first(choices - at)));
        }
        let total = total.sum();
        (largest, total, weighed.sum() / total)
    }
}

/// The sum over units of `log sum_n e^(l + d) - log sum_n e^l`.
#[inline(always)]
unsafe fn softmax_shift<V: Lanes>(
    logits: *const f32, plus: *const f32, minus: *const f32, k: f32, j: usize, choices: usize,
) -> f32 {
    unsafe {
        let mut sum = 0.0;
        for first in (0..j).step_by(choices) {
            let minus = if minus.is_null() { minus } else { minus.add(first) };
            let (most0, sum0, _) = unit::<V>(logits.add(first), core::ptr::null(), minus, 0.0, choices);
            let (most1, sum1, _) = unit::<V>(logits.add(first), plus.add(first), minus, k, choices);
            sum += most1 - most0 + log_one::<V>(sum1 / sum0);
        }
        sum
    }
}

/// By how much the children's entropy changes when their logits move by `k (plus - minus)`.
#[inline(always)]
unsafe fn shift_of_entropy<V: Lanes>(
    logits: *const f32, plus: *const f32, minus: *const f32, k: f32, j: usize, choices: usize,
) -> f32 {
    unsafe {
        if choices == 1 {
            if minus.is_null() {
                return entropy_shift::<V>(logits, plus, k, j);
            }
            let mut sum = V::zero();
            for at in (0..j).step_by(V::COUNT) {
                let l = V::load(logits.add(at));
                let moved = l.add(shift::<V>(plus, minus, at, k));
                let change = crate::math::entropy(moved).sub(crate::math::entropy(l));
                sum = sum.add(change.keep(V::first(j - at)));
            }
            return sum.sum();
        }
        let mut sum = 0.0;
        for first in (0..j).step_by(choices) {
            let minus = if minus.is_null() { minus } else { minus.add(first) };
            let (_, sum0, mean0) = unit::<V>(logits.add(first), core::ptr::null(), minus, 0.0, choices);
            let (_, sum1, mean1) = unit::<V>(logits.add(first), plus.add(first), minus, k, choices);
            sum += log_one::<V>(sum1) - mean1 - (log_one::<V>(sum0) - mean0);
        }
        sum
    }
}
