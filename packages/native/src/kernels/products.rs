//! Products of real numbers, and sums over rows and columns.
use super::tables::turn;
use super::tile::{Finish, Strided, Terms, multiply};
use crate::lanes::Lanes;
use crate::scratch::{Level, scratch};

/// Rows of weights whose columns of one tile stay in the first cache while all examples pass.
const NEAR: usize = 128;

/// `out += x W`. `x` [B, I], `weights` [I, J], `out` [B, J].
#[inline(always)]
pub unsafe fn dense<V: Lanes>(
    x: *const f32, weights: *const f32, out: *mut f32, b: usize, i: usize, j: usize,
) {
    unsafe {
        let x = Strided { start: x, row: i, step: 1 };
        if i <= 2 * NEAR {
            multiply::<V>(x, Terms::plain(i), weights, j, out, j, b, j, Finish::Add(1.0));
            return;
        }
        let pitch = j.next_multiple_of(V::COUNT);
        let sums = scratch(Level::Kernel, b * pitch, 1).take(b * pitch);
        core::ptr::write_bytes(sums, 0, b * pitch);
        for first in (0..i).step_by(NEAR) {
            let (x, w) = (Strided { start: x.start.add(first), ..x }, weights.add(first * j));
            multiply::<V>(x, Terms::plain(NEAR.min(i - first)), w, j, sums, pitch, b, j, Finish::Continue);
        }
        for row in 0..b {
            each!(V, j, out.add(row * j), |at| V::load(sums.add(row * pitch + at))
                .add(V::load(out.add(row * j + at))));
        }
    }
}

/// `out (+)= mean_b x[b] (x) g[b]`. Rows of `x` are `pitch` floats apart: it may be some columns of a wider matrix.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn outer_product<V: Lanes>(
    x: *const f32, g: *const f32, out: *mut f32, b: usize, i: usize, j: usize, pitch: usize, accumulate: bool,
) {
    unsafe {
        let scale = 1.0 / b as f32;
        let finish = if accumulate { Finish::Add(scale) } else { Finish::Scale(scale) };
        // A column's numbers push each other out of the cache in a wide matrix: some columns are put side by side.
        const SIDE: usize = 48;
        let side = scratch(Level::Kernel, b * SIDE, 1).take(b * SIDE);
        for first in (0..i).step_by(SIDE) {
            let columns = SIDE.min(i - first);
            for row in 0..b {
                for at in (0..columns).step_by(V::COUNT) {
                    V::load(x.add(row * pitch + first + at)).store(side.add(row * SIDE + at));
                }
            }
            let x = Strided { start: side, row: 1, step: SIDE };
            multiply::<V>(x, Terms::plain(b), g, j, out.add(first * j), j, columns, j, finish);
        }
    }
}

/// `out[b, i] (+)= sum_j g[b, j] W[i, j]`: a dense product with the weights turned, some rows of them at a time.
#[inline(always)]
pub unsafe fn transposed_product<V: Lanes>(
    g: *const f32, weights: *const f32, out: *mut f32, b: usize, i: usize, j: usize, accumulate: bool,
) {
    unsafe {
        let some = V::ACROSS * V::COUNT;
        let turned = scratch(Level::Kernel, j * some, 1).take(j * some);
        let finish = if accumulate { Finish::Add(1.0) } else { Finish::Scale(1.0) };
        let g = Strided { start: g, row: j, step: 1 };
        for first in (0..i).step_by(some) {
            let rows = some.min(i - first);
            turn::<V>(weights.add(first * j), rows, j, turned, some, 1.0);
            multiply::<V>(g, Terms::plain(j), turned, some, out.add(first), i, b, rows, finish);
        }
    }
}

/// `out (+)= mean_b g[b]`, examples added in order.
#[inline(always)]
pub unsafe fn column_means<V: Lanes>(g: *const f32, out: *mut f32, b: usize, j: usize, accumulate: bool) {
    unsafe { column_sums::<V>(g, out, b, j, 1.0 / b as f32, accumulate) }
}

/// The same with `scale` in place of 1 / B.
#[inline(always)]
pub unsafe fn column_sums<V: Lanes>(
    g: *const f32, out: *mut f32, b: usize, j: usize, scale: f32, accumulate: bool,
) {
    unsafe {
        let scale = V::splat(scale);
        for at in (0..j).step_by(4 * V::COUNT) {
            let mut sums = [V::zero(); 4];
            let vectors = (j - at).div_ceil(V::COUNT).min(4);
            if vectors == 4 {
                for row in 0..b {
                    for (n, sum) in sums.iter_mut().enumerate() {
                        *sum = sum.add(V::load(g.add(row * j + at + n * V::COUNT)));
                    }
                }
            } else {
                for (n, sum) in sums.iter_mut().enumerate().take(vectors) {
                    for row in 0..b {
                        *sum = sum.add(V::load(g.add(row * j + at + n * V::COUNT)));
                    }
                }
            }
            for (n, sum) in sums.into_iter().enumerate().take(vectors) {
                let to = out.add(at + n * V::COUNT);
                let before = if accumulate { V::load(to) } else { V::zero() };
                sum.madd(scale, before).store_first(to, (j - at - n * V::COUNT).min(V::COUNT));
            }
        }
    }
}

/// `out[b] (+)= sum_i a[b, i] b[b, i]`, both read as 2 x - 1 where `plus_minus`.
#[inline(always)]
pub unsafe fn row_dots<V: Lanes>(
    a: *const f32, b: *const f32, out: *mut f32, rows: usize, length: usize, plus_minus: bool,
    accumulate: bool,
) {
    unsafe {
        let (scale, shift) = if plus_minus { (2.0, -1.0) } else { (1.0, 0.0) };
        let (scale, shift) = (V::splat(scale), V::splat(shift));
        for row in 0..rows {
            let (a, b) = (a.add(row * length), b.add(row * length));
            let mut sums = [V::zero(); 4];
            let (four, whole) = (length / (4 * V::COUNT) * 4 * V::COUNT, length / V::COUNT * V::COUNT);
            for at in (0..four).step_by(4 * V::COUNT) {
                for (n, sum) in sums.iter_mut().enumerate() {
                    let at = at + n * V::COUNT;
                    *sum = V::load(a.add(at))
                        .madd(scale, shift)
                        .madd(V::load(b.add(at)).madd(scale, shift), *sum);
                }
            }
            let mut sum = sums[0].add(sums[1]).add(sums[2].add(sums[3]));
            for at in (four..whole).step_by(V::COUNT) {
                sum = V::load(a.add(at)).madd(scale, shift).madd(V::load(b.add(at)).madd(scale, shift), sum);
            }
            if whole < length {
                let mask = V::first(length - whole);
                let x = V::load(a.add(whole)).madd(scale, shift).keep(mask);
                let y = V::load(b.add(whole)).madd(scale, shift).keep(mask);
                sum = x.madd(y, sum);
            }
            let before = if accumulate { *out.add(row) } else { 0.0 };
            *out.add(row) = sum.sum() + before;
        }
    }
}
