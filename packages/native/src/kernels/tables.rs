//! What the flip kernels make of the weights before they begin. The WebAssembly kernels keep tables of it in memory, which
//! are made once a step; these make them at each call, in room that stays in the cache: to store them and read them again
//! costs more.
use crate::lanes::Lanes;
use crate::math::exp_both;

/// Up to here what is lost when a probability below 1e-30 is stored as 0 is lost: 1e-30 e^43 is 5e-12.
pub const LIMIT: f32 = 43.0;

/// Rows of exponentials end at multiples of this, whatever the width.
pub const TILE: usize = 16;

pub fn pitch(j: usize) -> usize {
    j.div_ceil(TILE) * TILE
}

/// Of d = k W, k = 1 for {0,1} parents and 2 for {-1,+1}.
#[derive(Clone, Copy)]
pub struct Tables {
    /// d, transposed: [J, I].
    pub turned: *const f32,
    /// max_j |d|: [I].
    pub largest: *const f32,
    /// sum_j d: [I].
    pub totals: *const f32,
}

/// Floats of them, of numbers that come from outside.
pub fn floats(i: f64, j: f64) -> f64 {
    i * (j + 2.0)
}

/// `weights` [I, J], `room` so many floats.
#[inline(always)]
pub unsafe fn tables_of<V: Lanes>(weights: *const f32, i: usize, j: usize, k: f32, room: *mut f32) -> Tables {
    unsafe {
        let (turned, largest) = (room, room.add(i * j));
        let totals = largest.add(i);
        let factor = V::splat(k);
        for row in 0..i {
            let w = weights.add(row * j);
            let (mut most, mut total) = (V::zero(), V::zero());
            for at in (0..j).step_by(V::COUNT) {
                let mut d = V::load(w.add(at)).mul(factor);
                if at + V::COUNT > j {
                    d = d.keep(V::first(j - at));
                }
                most = most.most(d.abs());
                total = total.add(d);
            }
            *largest.add(row) = most.max();
            *totals.add(row) = total.sum();
        }
        turn::<V>(weights, i, j, turned, i, k);
        Tables { turned, largest, totals }
    }
}

/// `e^d`, `e^-d` and d itself of some columns of one row of weights; columns that are not there have d = 0. Null
/// addresses are left out.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn exponentials<V: Lanes>(
    weights: *const f32, columns: usize, width: usize, k: f32, up: *mut f32, down: *mut f32, steps: *mut f32,
) {
    unsafe {
        let factor = V::splat(k);
        for at in (0..width).step_by(V::COUNT) {
            let mut d = V::load(weights.add(at.min(columns))).mul(factor);
            if at + V::COUNT > columns {
                d = d.keep(V::first(columns.saturating_sub(at)));
            }
            let (e, f) = exp_both(d);
            e.store(up.add(at));
            if !down.is_null() {
                f.store(down.add(at));
            }
            if !steps.is_null() {
                d.store(steps.add(at));
            }
        }
    }
}

/// `out[j, n] = k weights[n, j]` for `rows` rows of `weights` [rows, J]; rows of `out` are `out_row` apart.
#[inline(always)]
pub unsafe fn turn<V: Lanes>(
    weights: *const f32, rows: usize, j: usize, out: *mut f32, out_row: usize, k: f32,
) {
    unsafe {
        let factor = V::splat(k);
        for row in (0..rows).step_by(V::COUNT) {
            let count = V::COUNT.min(rows - row);
            for column in (0..j).step_by(V::COUNT) {
                let mut square = [V::zero(); 16];
                for (n, vector) in square.iter_mut().enumerate().take(V::COUNT) {
                    *vector = V::load(weights.add((row + n.min(count - 1)) * j + column)).mul(factor);
                }
                V::turn(&mut square);
                for (n, vector) in square.into_iter().enumerate().take(V::COUNT.min(j - column)) {
                    vector.store_first(out.add((column + n) * out_row + row), count);
                }
            }
        }
    }
}
