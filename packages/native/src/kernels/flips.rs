//! What flipping a Bernoulli parent does to Bernoulli children, everything else as it was: how their log-likelihood and
//! their entropy change from the parent off to the parent on.
//!
//! A parent that is flipped moves child j's logit by D, d = k W[i] where it is off and -d where it is on, and with
//! t = q + p e^D its log-likelihood by c D - log t. So
//!
//!     likelihood = c . d - log prod_j t    parent off
//!     likelihood = c . d + log prod_j t    parent on
//!
//! where c . d is a sum of rows of the turned table over the children that are on. Its entropy changes by
//! log t - D + q (l + D) / t - q l, and with w = p q l the fractions come to n / t, n = q D + w - w e^D, which is small
//! where D is. Their sum is carried beside the product, times it: S' = S t + n P, P' = P t. No division an edge.
//!
//! e^d and e^-d of some parents and columns are made in the first cache, and all examples go over them before the next. Exponents are split off before they can overflow: exact, so that a result
//! depends neither on when nor on the other parents.
use super::bits::{pack, product_bits};
use super::tables::{LIMIT, TILE, Tables, exponentials, pitch, tables_of};
use super::tile::part;
use crate::lanes::Lanes;
use crate::math::{entropy, exponent, log_of, mantissa, softplus};
use crate::scratch::{Level, scratch};

/// How far |log| of a product may go: a mantissa up to 2 times e^86 is still a float, and so is e^-86. A sum of
/// fractions times it may be larger by some ten thousand.
const ROOM: f32 = 86.0;
const ROOM_WITH_SUMS: f32 = 70.0;

/// Parents that are gone through together.
const PARENTS: usize = 16;
/// Examples that are.
const EXAMPLES: usize = 64;
/// Columns of a tile: two or three rows of each of sixteen parents in 32 KiB.
const COLUMNS: usize = 256;
const COLUMNS_WITH_SUMS: usize = 208;

/// Lanes of a product between 2^-6 and 2^6 may be multiplied as they are.
const NEAR: f32 = 64.0;

#[derive(Clone, Copy)]
pub struct Sizes {
    pub b: usize,
    pub i: usize,
    pub j: usize,
}

/// What the products of a block of parents have come to, for each example.
struct State<V> {
    products: *mut V,
    powers: *mut V,
    sums: *mut V,
}

impl<V> State<V> {
    unsafe fn at(&self, example: usize, parent: usize) -> State<V> {
        unsafe {
            let place = example * PARENTS + parent;
            State {
                products: self.products.add(place),
                powers: self.powers.add(place),
                sums: self.sums.add(place),
            }
        }
    }
}

/// Some children's laws, their columns filled up: one with p = 0, q = 1 counts for nothing.
#[derive(Clone, Copy)]
struct Laws {
    p: *const f32,
    q: *const f32,
    /// p q l, and the opposite.
    w: *const f32,
    minus_w: *const f32,
}

impl Laws {
    unsafe fn from(&self, column: usize) -> Laws {
        unsafe {
            Laws {
                p: self.p.add(column),
                q: self.q.add(column),
                w: self.w.add(column),
                minus_w: self.minus_w.add(column),
            }
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn flips<V: Lanes>(
    bits: *const f32, weights: *const f32, logits: *const f32, p: *const f32, q: *const f32,
    child_bits: *const f32, likelihoods: *mut f32, entropies: *mut f32, b: usize, i: usize, j: usize, k: f32,
    add_likelihoods: bool, add_entropies: bool, room: *mut f32,
) {
    unsafe {
        let tables = tables_of::<V>(weights, i, j, k, room);
        if !likelihoods.is_null() {
            if !add_likelihoods {
                core::ptr::write_bytes(likelihoods, 0, b * i);
            }
            product_bits::<V>(child_bits, tables.turned, likelihoods, b, j, i, false);
        }
        if !entropies.is_null() && !add_entropies {
            core::ptr::write_bytes(entropies, 0, b * i);
        }
        let sizes = Sizes { b, i, j };
        if entropies.is_null() {
            changes::<V, false>(bits, tables, weights, logits, p, q, likelihoods, entropies, sizes, k);
        } else {
            changes::<V, true>(bits, tables, weights, logits, p, q, likelihoods, entropies, sizes, k);
        }
        for parent in 0..i {
            if *tables.largest.add(parent) <= LIMIT {
                continue;
            }
            let w = weights.add(parent * j);
            for example in 0..b {
                let (l, place) = (logits.add(example * j), example * i + parent);
                let sign = if *bits.add(place) > 0.0 { 1.0 } else { -1.0 };
                if !likelihoods.is_null() {
                    *likelihoods.add(place) += sign * softplus_shift::<V>(l, w, -sign * k, j);
                }
                if !entropies.is_null() {
                    *entropies.add(place) -= sign * entropy_shift::<V>(l, w, -sign * k, j);
                }
            }
        }
        for example in 0..b {
            if !has_nan::<V>(p.add(example * j), j) {
                continue;
            }
            for out in [likelihoods, entropies] {
                if !out.is_null() {
                    each!(V, i, out.add(example * i), |_at| V::splat(f32::NAN));
                }
            }
        }
    }
}

/// Whether one of `n` numbers is none.
#[inline(always)]
pub unsafe fn has_nan<V: Lanes>(x: *const f32, n: usize) -> bool {
    unsafe {
        let mut sum = V::zero();
        for at in (0..n).step_by(V::COUNT) {
            let x = V::load(x.add(at));
            sum = V::select(V::and(x.is_nan(), V::first(n - at)), x, sum);
        }
        V::any(sum.is_nan())
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn changes<V: Lanes, const SUMS: bool>(
    bits: *const f32, tables: Tables, weights: *const f32, logits: *const f32, p: *const f32, q: *const f32,
    likelihoods: *mut f32, entropies: *mut f32, sizes: Sizes, k: f32,
) {
    unsafe {
        let Sizes { b, i, j } = sizes;
        let (pitch, together) = (pitch(j), EXAMPLES.min(b));
        let laws = if SUMS { 4 } else { 2 };
        let states = together * PARENTS * V::COUNT;
        let columns = if SUMS { COLUMNS_WITH_SUMS } else { COLUMNS };
        let tile = PARENTS * columns;
        let mut room = scratch(Level::Kernel, laws * together * pitch + 3 * states + 3 * tile, laws + 6);
        let mut take =
            |there: bool, floats: usize| if there { room.take(floats) } else { core::ptr::null_mut() };
        let rows: [*mut f32; 4] = core::array::from_fn(|n| take(n < laws, together * pitch));
        let (up, down, steps) = (take(true, tile), take(true, tile), take(SUMS, tile));
        let all = Laws {
            p: rows[0],
            q: rows[1],
            w: rows[if SUMS { 2 } else { 0 }],
            minus_w: rows[if SUMS { 3 } else { 0 }],
        };
        let state = State {
            products: take(true, states).cast(),
            powers: take(true, states).cast(),
            sums: take(true, states).cast(),
        };
        for first in (0..b).step_by(EXAMPLES) {
            let examples = EXAMPLES.min(b - first);
            for example in 0..examples {
                let from = (first + example) * j;
                fill_up::<V, SUMS>(
                    logits.add(from),
                    p.add(from),
                    q.add(from),
                    rows,
                    example * pitch,
                    j,
                    pitch,
                );
            }
            for parent in (0..i).step_by(PARENTS) {
                let count = PARENTS.min(i - parent);
                let mut most: f32 = 0.01;
                for n in 0..count {
                    let size = *tables.largest.add(parent + n);
                    if size <= LIMIT {
                        most = most.max(size);
                    }
                }
                let stride = ((if SUMS { ROOM_WITH_SUMS } else { ROOM }) / most) as usize;
                let splits = stride < pitch / V::COUNT;
                // What no lane can leave, however its factors fall.
                let near = most * ((pitch / V::COUNT) as f32) < NEAR.ln();
                let mut column = 0;
                while column < pitch {
                    let width = TILE * part((pitch - column) / TILE, columns / TILE);
                    for n in 0..count {
                        let (w, at) = (weights.add((parent + n) * j + column), n * width);
                        let steps = if SUMS { steps.add(at) } else { steps };
                        exponentials::<V>(w, j - column, width, k, up.add(at), down.add(at), steps);
                    }
                    // What is not there repeats the last.
                    let rows = core::array::from_fn(|n| {
                        let at = n.min(count - 1) * width;
                        [up.add(at).cast_const(), down.add(at).cast_const()]
                    });
                    let block = Block { rows, steps, count, fresh: column == 0, width, stride, splits };
                    column += width;
                    for example in 0..examples {
                        let place = (first + example) * i + parent;
                        let on = pack::<V>(bits.add(place), count) as u32;
                        let laws = all.from(example * pitch + column - width);
                        // Where one tile is all, what it comes to is used up before the next example.
                        let kept = if width == pitch { 0 } else { example };
                        if SUMS {
                            for g in (0..count).step_by(4) {
                                block.with_sums::<V, 4>(g, on, laws, state.at(kept, g));
                            }
                        } else {
                            for g in (0..count).step_by(8) {
                                block.without::<V, 8>(g, on, laws, state.at(kept, g));
                            }
                        }
                        if column < pitch {
                            continue;
                        }
                        for g in (0..count).step_by(V::COUNT) {
                            finish::<V, SUMS>(
                                &state.at(kept, g),
                                splits,
                                near,
                                bits.add(place + g),
                                tables,
                                parent + g,
                                likelihoods,
                                entropies,
                                place + g,
                                (count - g).min(V::COUNT),
                            );
                        }
                    }
                }
            }
        }
    }
}

/// Copies an example's laws and fills the last tile up.
#[inline(always)]
unsafe fn fill_up<V: Lanes, const SUMS: bool>(
    logits: *const f32, p: *const f32, q: *const f32, rows: [*mut f32; 4], start: usize, j: usize,
    pitch: usize,
) {
    unsafe {
        for at in (0..pitch).step_by(V::COUNT) {
            let there = V::first(j.saturating_sub(at));
            let from = at.min(j);
            let on = V::load(p.add(from)).keep(there);
            let off = V::select(there, V::load(q.add(from)), V::splat(1.0));
            on.store(rows[0].add(start + at));
            off.store(rows[1].add(start + at));
            if SUMS {
                let w = on.mul(off).mul(V::load(logits.add(from)).keep(there));
                w.store(rows[2].add(start + at));
                w.neg().store(rows[3].add(start + at));
            }
        }
    }
}

/// Some columns of some parents' exponentials, a row a parent.
#[derive(Clone, Copy)]
struct Block {
    /// Of each parent: e^d, for one that is off, and e^-d.
    rows: [[*const f32; 2]; PARENTS],
    /// d, for sums.
    steps: *const f32,
    count: usize,
    width: usize,
    /// Whether these are the first columns.
    fresh: bool,
    /// Vectors after which exponents have to be split off.
    stride: usize,
    splits: bool,
}

impl Block {
    /// The row of a parent, by whether it is on.
    #[inline(always)]
    unsafe fn row(&self, n: usize, on: u32) -> *const f32 {
        unsafe { *self.rows.get_unchecked(n).get_unchecked((on >> n & 1) as usize) }
    }

    /// Multiplies the products of `G` parents from the g-th on.
    #[inline(always)]
    unsafe fn without<V: Lanes, const G: usize>(&self, g: usize, on: u32, laws: Laws, state: State<V>) {
        unsafe {
            let factors: [*const f32; G] = core::array::from_fn(|n| self.row(g + n, on));
            multiply_rows::<V, G>(
                factors,
                laws.p,
                laws.q,
                self.width,
                self.stride,
                self.splits,
                self.fresh,
                state.products,
                state.powers,
            );
        }
    }

    /// The same, and adds their fractions.
    #[inline(always)]
    unsafe fn with_sums<V: Lanes, const G: usize>(&self, g: usize, on: u32, laws: Laws, state: State<V>) {
        unsafe {
            let factors: [*const f32; G] = core::array::from_fn(|n| self.row(g + n, on));
            let steps: [*const f32; G] =
                core::array::from_fn(|n| self.steps.add((g + n).min(self.count - 1) * self.width));
            let signed: [*const f32; G] =
                core::array::from_fn(|n| [laws.w, laws.minus_w][(on >> (g + n) & 1) as usize]);
            let mut products = [V::splat(1.0); G];
            let mut sums = [V::zero(); G];
            if !self.fresh {
                for n in 0..G {
                    products[n] = *state.products.add(n);
                    sums[n] = *state.sums.add(n);
                }
            } else if self.splits {
                for n in 0..G {
                    *state.powers.add(n) = V::zero();
                }
            }
            let mut at = 0;
            while at < self.width {
                let end = self.width.min(at + self.stride * V::COUNT);
                while at < end {
                    let (p, q) = (V::load(laws.p.add(at)), V::load(laws.q.add(at)));
                    for n in 0..G {
                        let (e, w) = (V::load(factors[n].add(at)), V::load(signed[n].add(at)));
                        let t = e.madd(p, q);
                        // Of a parent that is on, the opposite: the sum is then that from off to on as well.
                        let numerator = e.nmadd(w, V::load(steps[n].add(at)).madd(q, w));
                        sums[n] = sums[n].madd(t, numerator.mul(products[n]));
                        products[n] = products[n].mul(t);
                    }
                    at += V::COUNT;
                }
                if self.splits {
                    for n in 0..G {
                        let power = exponent(products[n]);
                        let powers = state.powers.add(n);
                        *powers = (*powers).int_add(power);
                        sums[n] = sums[n].mul(V::int_splat(127).int_sub(power).shift_left::<23>());
                        products[n] = mantissa(products[n]);
                    }
                }
            }
            for n in 0..G {
                *state.products.add(n) = products[n];
                *state.sums.add(n) = sums[n];
            }
        }
    }
}

/// Multiplies `G` products by `q + p e` over `width` columns, `e` of each product's own row. They begin at 1 where
/// `fresh`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn multiply_rows<V: Lanes, const G: usize>(
    factors: [*const f32; G], p: *const f32, q: *const f32, width: usize, stride: usize, splits: bool,
    fresh: bool, to: *mut V, powers: *mut V,
) {
    unsafe {
        let mut products = [V::splat(1.0); G];
        if !fresh {
            for (n, product) in products.iter_mut().enumerate() {
                *product = *to.add(n);
            }
        } else if splits {
            for n in 0..G {
                *powers.add(n) = V::zero();
            }
        }
        let mut at = 0;
        while at < width {
            let end = width.min(at + stride * V::COUNT);
            while at < end {
                let (p, q) = (V::load(p.add(at)), V::load(q.add(at)));
                for n in 0..G {
                    products[n] = products[n].mul(V::load(factors[n].add(at)).madd(p, q));
                }
                at += V::COUNT;
            }
            if splits {
                for (n, product) in products.iter_mut().enumerate() {
                    let powers = powers.add(n);
                    *powers = (*powers).int_add(exponent(*product));
                    *product = mantissa(*product);
                }
            }
        }
        for (n, product) in products.into_iter().enumerate() {
            *to.add(n) = product;
        }
    }
}

/// The logarithms of the products of `COUNT` parents, their lanes put together.
#[inline(always)]
pub unsafe fn logs<V: Lanes>(products: *const V, powers: *const V, splits: bool) -> V {
    unsafe { log_and_sum::<V, false>(products, powers, products, splits, false).0 }
}

/// The same, and the sums of fractions.
#[inline(always)]
unsafe fn log_and_sum<V: Lanes, const SUMS: bool>(
    products: *const V, powers: *const V, sums: *const V, splits: bool, near: bool,
) -> (V, V) {
    unsafe {
        let near = near || (!splits && all_near(products));
        let (product, sum, power) = if near {
            let (product, sum) = if SUMS {
                V::fractions_across(products, sums)
            } else {
                (V::products_across(products), V::zero())
            };
            (product, sum, V::zero())
        } else {
            let (mut mantissas, mut scaled, mut counts) = ([V::zero(); 16], [V::zero(); 16], [V::zero(); 16]);
            for n in 0..V::COUNT {
                let product = *products.add(n);
                let power = exponent(product);
                mantissas[n] = mantissa(product);
                counts[n] = if splits { power.int_add(*powers.add(n)) } else { power };
                if SUMS {
                    scaled[n] = (*sums.add(n)).mul(V::int_splat(127).int_sub(power).shift_left::<23>());
                }
            }
            let (product, sum) = if SUMS {
                V::fractions_across(mantissas.as_ptr(), scaled.as_ptr())
            } else {
                (V::products_across(mantissas.as_ptr()), V::zero())
            };
            (product, sum, V::counts_across(counts.as_ptr()))
        };
        let log = log_of(mantissa(product), power.int_add(exponent(product)));
        (log, if SUMS { sum.div(product) } else { sum })
    }
}

/// Whether lanes of `COUNT` products may be multiplied as they are.
#[inline(always)]
unsafe fn all_near<V: Lanes>(products: *const V) -> bool {
    unsafe {
        // Both differences of a positive number are positive: signs are put together, in chains that are short.
        let (low, high) = (V::splat(1.0 / NEAR), V::splat(NEAR));
        let mut outside = V::zero();
        for n in 0..V::COUNT {
            let product = *products.add(n);
            outside = outside.int_or(product.int_sub(low).int_or(high.int_sub(product)));
        }
        !V::any(V::zero().int_gt(outside))
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn finish<V: Lanes, const SUMS: bool>(
    state: &State<V>, splits: bool, near: bool, bits: *const f32, tables: Tables, parent: usize,
    likelihoods: *mut f32, entropies: *mut f32, place: usize, count: usize,
) {
    unsafe {
        let (log, sum) = log_and_sum::<V, SUMS>(state.products, state.powers, state.sums, splits, near);
        let on = V::load(bits).gt(V::zero());
        let narrow = V::load(tables.largest.add(parent)).le(V::splat(LIMIT));
        let signed = V::select(on, log, log.neg());
        if !likelihoods.is_null() {
            let to = likelihoods.add(place);
            V::load(to).add(signed.keep(narrow)).store_first(to, count);
        }
        if SUMS {
            let to = entropies.add(place);
            let change = sum.sub(V::load(tables.totals.add(parent))).sub(signed);
            V::load(to).add(change.keep(narrow)).store_first(to, count);
        }
    }
}

/// `sum_j softplus(l + k w) - softplus(l)`: the plain way, for weights beyond the tables.
#[inline(always)]
unsafe fn softplus_shift<V: Lanes>(logits: *const f32, w: *const f32, k: f32, j: usize) -> f32 {
    unsafe {
        let mut sum = V::zero();
        for at in (0..j).step_by(V::COUNT) {
            let l = V::load(logits.add(at));
            let change = softplus(l.add(V::load(w.add(at)).mul(V::splat(k)))).sub(softplus(l));
            sum = sum.add(change.keep(V::first(j - at)));
        }
        sum.sum()
    }
}

/// `sum_j H(l + k w) - H(l)`.
#[inline(always)]
pub unsafe fn entropy_shift<V: Lanes>(logits: *const f32, w: *const f32, k: f32, j: usize) -> f32 {
    unsafe {
        let mut sum = V::zero();
        for at in (0..j).step_by(V::COUNT) {
            let l = V::load(logits.add(at));
            let change = entropy(l.add(V::load(w.add(at)).mul(V::splat(k)))).sub(entropy(l));
            sum = sum.add(change.keep(V::first(j - at)));
        }
        sum.sum()
    }
}
