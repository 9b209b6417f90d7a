//! What the flip kernels read in place of exponentials. With d = k W, k = 1 for {0,1} parents and 2 for {-1,+1}, one
//! block of floats:
//!
//! | name | shape | |
//! | --- | --- | --- |
//! | up | [I, pitch] | e^d; rows end at a multiple of sixteen, columns that are not there are 1 |
//! | down | [I, pitch] | e^-d |
//! | turned | [J, I] | d, transposed |
//! | largest | [I] | max_j |d| |
//! | totals | [I] | sum_j d |
//!
//! and, for entropies, the steps [I, pitch], d itself; columns that are not there are 0.
//!
//! The WebAssembly kernels have e^d alone, and so different factors for parents that are on and off, which have to be
//! told apart in lists. With both, a parent that is on reads another row, and all parents take the same path.
use crate::lanes::Lanes;
use crate::math::exp_both;

/// Up to here what is lost when a probability below 1e-30 is stored as 0 is lost: 1e-30 e^43 is 5e-12.
pub const LIMIT: f32 = 43.0;

/// Columns end at multiples of the widest vector, so that a table is the same whatever the width.
pub const TILE: usize = 16;

pub fn pitch(j: usize) -> usize {
    j.div_ceil(TILE) * TILE
}

/// Floats of a block, of numbers that come from outside.
pub fn floats(i: f64, j: f64) -> f64 {
    2.0 * step_floats(i, j) + i * (j + 2.0)
}

pub fn step_floats(i: f64, j: f64) -> f64 {
    i * TILE as f64 * (j / TILE as f64).ceil()
}

#[derive(Clone, Copy)]
pub struct Tables {
    pub up: *mut f32,
    pub down: *mut f32,
    pub turned: *mut f32,
    pub largest: *mut f32,
    pub totals: *mut f32,
    pub pitch: usize,
}

impl Tables {
    pub unsafe fn at(block: *mut f32, i: usize, j: usize) -> Self {
        unsafe {
            let pitch = pitch(j);
            let down = block.add(i * pitch);
            let turned = down.add(i * pitch);
            let largest = turned.add(i * j);
            Tables { up: block, down, turned, largest, totals: largest.add(i), pitch }
        }
    }
}

/// Fills what belongs to `rows` rows of `weights`, from row `first` on.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn flip_tables<V: Lanes>(
    weights: *const f32, block: *mut f32, steps: *mut f32, first: usize, rows: usize, i: usize, j: usize,
    k: f32,
) {
    unsafe {
        let tables = Tables::at(block, i, j);
        let (pitch, factor) = (tables.pitch, V::splat(k));
        for row in first..first + rows {
            let (w, start) = (weights.add(row * j), row * pitch);
            let (mut most, mut total) = (V::zero(), V::zero());
            for at in (0..pitch).step_by(V::COUNT) {
                let mut d = V::load(w.add(at.min(j))).mul(factor);
                if at + V::COUNT > j {
                    d = d.keep(V::first(j.saturating_sub(at)));
                }
                most = most.most(d.abs());
                total = total.add(d);
                let (up, down) = exp_both(d);
                up.store(tables.up.add(start + at));
                down.store(tables.down.add(start + at));
                if !steps.is_null() {
                    d.store(steps.add(start + at));
                }
            }
            *tables.largest.add(row) = most.max();
            *tables.totals.add(row) = total.sum();
        }
        turn::<V>(weights.add(first * j), rows, j, tables.turned.add(first), i, k);
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
