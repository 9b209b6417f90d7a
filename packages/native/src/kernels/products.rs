//! Products of real numbers, and sums over rows and columns.
use super::tile::{multiply, Finish, Strided, Terms};
use crate::lanes::Lanes;
use crate::scratch::{scratch, Level};

/// `out += x W`. `x` [B, I], `weights` [I, J], `out` [B, J].
#[inline(always)]
pub unsafe fn dense<V: Lanes>(x: *const f32, weights: *const f32, out: *mut f32, b: usize, i: usize, j: usize) {
    unsafe {
        let x = Strided { start: x, row: i, step: 1 };
        multiply::<V>(x, Terms::plain(i), weights, j, out, j, b, j, Finish::Add(1.0));
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

/// `out[b, i] (+)= sum_j g[b, j] W[i, j]`, both read along their rows.
#[inline(always)]
pub unsafe fn transposed_product<V: Lanes>(
    g: *const f32, weights: *const f32, out: *mut f32, b: usize, i: usize, j: usize, accumulate: bool,
) {
    unsafe {
        let examples = V::COUNT / 4;
        for first in (0..i).step_by(4) {
            for example in (0..b).step_by(examples) {
                let g = g.add(example * j);
                let w = weights.add(first * j);
                let (rows, inputs) = (examples.min(b - example), 4.min(i - first));
                // Rows that are not there repeat the last.
                let g_row = |row: usize| g.add(row.min(rows - 1) * j);
                let w_row = |row: usize| w.add(row.min(inputs - 1) * j);
                let mut sums = [V::zero(); 16];
                match V::COUNT {
                    4 => dots::<V, 1>([g_row(0)], w_row, j, &mut sums),
                    8 => dots::<V, 2>([g_row(0), g_row(1)], w_row, j, &mut sums),
                    _ => dots::<V, 4>([g_row(0), g_row(1), g_row(2), g_row(3)], w_row, j, &mut sums),
                }
                let mut lanes = [0f32; 16];
                V::sums_across(sums.as_ptr()).store(lanes.as_mut_ptr());
                for row in 0..rows {
                    for input in 0..inputs {
                        let at = out.add((example + row) * i + first + input);
                        let sum = lanes[4 * row + input];
                        *at = if accumulate { *at + sum } else { sum };
                    }
                }
            }
        }
    }
}

/// `R` rows by four, the products of each pair added lane by lane.
#[inline(always)]
unsafe fn dots<V: Lanes, const R: usize>(
    g: [*const f32; R], w: impl Fn(usize) -> *const f32, length: usize, out: &mut [V; 16],
) {
    unsafe {
        let w = [w(0), w(1), w(2), w(3)];
        let mut sums = [[V::zero(); 4]; R];
        let whole = length / V::COUNT * V::COUNT;
        for at in (0..whole).step_by(V::COUNT) {
            let mut vectors = [V::zero(); 4];
            for (vector, row) in vectors.iter_mut().zip(w) {
                *vector = V::load(row.add(at));
            }
            for (row, from) in sums.iter_mut().zip(g) {
                let x = V::load(from.add(at));
                for (sum, vector) in row.iter_mut().zip(vectors) {
                    *sum = x.madd(vector, *sum);
                }
            }
        }
        if whole < length {
            // What lies beyond the rows may be anything.
            let mask = V::first(length - whole);
            for (row, from) in sums.iter_mut().zip(g) {
                let x = V::load(from.add(whole)).keep(mask);
                for (sum, other) in row.iter_mut().zip(w) {
                    *sum = x.madd(V::load(other.add(whole)).keep(mask), *sum);
                }
            }
        }
        for (n, sum) in sums.into_iter().flatten().enumerate() {
            out[n] = sum;
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
    a: *const f32, b: *const f32, out: *mut f32, rows: usize, length: usize, plus_minus: bool, accumulate: bool,
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
                    *sum = V::load(a.add(at)).madd(scale, shift).madd(V::load(b.add(at)).madd(scale, shift), *sum);
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
