//! Products of bits: sums of the rows whose bit is on. Rows are added in their order.
use super::products::column_sums;
use super::tile::part;
use crate::lanes::Lanes;
use crate::scratch::{Level, scratch};

/// Vectors of sums that stay in registers while rows pass.
const MOST: usize = 13;
/// Bytes of 64 rows that stay in the first cache while all examples pass.
const NEAR: usize = 40 * 1024;
/// Examples that pass together.
const EXAMPLES: usize = 64;
/// So often are rows added that it pays to put them side by side first.
const OFTEN: usize = 16;

/// `out[b] += sum of the rows W[i] whose bit x[b, i] is set`; for {-1,+1} units twice that, less the sum of all rows.
#[inline(always)]
pub unsafe fn product_bits<V: Lanes>(
    x: *const f32, weights: *const f32, out: *mut f32, b: usize, i: usize, j: usize, plus_minus: bool,
) {
    unsafe {
        let words = i.div_ceil(64);
        let most = MOST.min(NEAR / 64 / (4 * V::COUNT));
        let tile = 64 * most * V::COUNT;
        let mut room = scratch(Level::Product, j + EXAMPLES * (2 * words + most * V::COUNT) + tile, 4);
        let all = room.take(j);
        let sets: *mut u64 = room.take(EXAMPLES * 2 * words).cast();
        let sums: *mut V = room.take(EXAMPLES * most * V::COUNT).cast();
        let near = room.take(tile);
        if plus_minus {
            column_sums::<V>(weights, all, i, j, 1.0, false);
        }
        let scale = V::splat(if plus_minus { 2.0 } else { 1.0 });
        let correction = if plus_minus { all.cast_const() } else { core::ptr::null() };
        let end = Ending { scale, accumulate: true, correction };
        for first in (0..b).step_by(EXAMPLES) {
            let examples = EXAMPLES.min(b - first);
            let near = if whole::<V>(weights, j) { core::ptr::null_mut() } else { near };
            for example in 0..examples {
                let bits = x.add((first + example) * i);
                for word in 0..words {
                    *sets.add(example * words + word) = pack::<V>(bits.add(64 * word), 64.min(i - 64 * word));
                }
            }
            let vectors = j.div_ceil(V::COUNT);
            let mut from = 0;
            while from < vectors {
                let across = part(vectors - from, most);
                let column = from * V::COUNT;
                let out = out.add(first * j);
                macro_rules! blocks {
                    ($($c:literal),*) => {
                        match across {
                            $($c => passes::<V, $c>(
                                weights, sets, i, examples, sums, near, out, j, column, end,
                            ),)*
                            _ => unreachable!(),
                        }
                    };
                }
                blocks!(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13);
                from += across;
            }
        }
    }
}

/// All examples go over 64 rows before the next, some columns of them; in `near` where that is not null and it pays.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn passes<V: Lanes, const C: usize>(
    weights: *const f32, sets: *const u64, i: usize, examples: usize, sums: *mut V, near: *mut f32,
    out: *mut f32, j: usize, column: usize, end: Ending<V>,
) {
    unsafe {
        let words = i.div_ceil(64);
        for word in 0..words {
            let last = word + 1 == words;
            let mut rows = Rows { first: weights.wrapping_add(word * 64 * j + column), pitch: j };
            let count = 64.min(i - 64 * word);
            let uses = (0..examples).map(|n| (*sets.add(n * words + word)).count_ones() as usize);
            if !near.is_null() && uses.sum::<usize>() >= OFTEN * count {
                rows = rows.copied::<V, C>(count, near);
            }
            for example in 0..examples {
                let kept = sums.add(example * C);
                let mut sums = [V::zero(); C];
                if word > 0 {
                    for (c, sum) in sums.iter_mut().enumerate() {
                        *sum = *kept.add(c);
                    }
                }
                rows.add::<V, C>(&mut sums, *sets.add(example * words + word));
                if last {
                    finish::<V, C>(sums, out.add(example * j), j, column, end);
                } else {
                    for (c, sum) in sums.into_iter().enumerate() {
                        *kept.add(c) = sum;
                    }
                }
            }
        }
    }
}

/// Rows that are to be added up, some columns of them.
#[derive(Clone, Copy)]
struct Rows {
    first: *const f32,
    /// Floats from one to the next.
    pitch: usize,
}

impl Rows {
    /// Adds those whose bit is set.
    #[inline(always)]
    unsafe fn add<V: Lanes, const C: usize>(&self, sums: &mut [V; C], set: u64) {
        unsafe {
            let mut set = set;
            while set != 0 {
                let row = self.first.add(set.trailing_zeros() as usize * self.pitch);
                set &= set - 1;
                for (c, sum) in sums.iter_mut().enumerate() {
                    *sum = sum.add(V::load(row.add(c * V::COUNT)));
                }
            }
        }
    }

    /// So many of them side by side, where no vector lies in two cache lines.
    #[inline(always)]
    unsafe fn copied<V: Lanes, const C: usize>(&self, rows: usize, to: *mut f32) -> Rows {
        unsafe {
            let pitch = C * V::COUNT;
            for row in 0..rows {
                for at in (0..pitch).step_by(V::COUNT) {
                    V::load(self.first.add(row * self.pitch + at)).store(to.add(row * pitch + at));
                }
            }
            Rows { first: to, pitch }
        }
    }
}

/// Whether rows begin at whole vectors.
fn whole<V: Lanes>(rows: *const f32, pitch: usize) -> bool {
    (rows as usize).is_multiple_of(4 * V::COUNT) && pitch.is_multiple_of(V::COUNT)
}

/// What becomes of a sum: `init + scale sum - correction`, init being what is there or 0.
#[derive(Clone, Copy)]
struct Ending<V> {
    scale: V,
    accumulate: bool,
    correction: *const f32,
}

#[inline(always)]
unsafe fn finish<V: Lanes, const C: usize>(
    sums: [V; C], out: *mut f32, j: usize, column: usize, end: Ending<V>,
) {
    unsafe {
        for (c, sum) in sums.into_iter().enumerate() {
            let at = column + c * V::COUNT;
            let to = out.add(at);
            let mut init = if end.accumulate { V::load(to) } else { V::zero() };
            if !end.correction.is_null() {
                init = init.sub(V::load(end.correction.add(at)));
            }
            sum.madd(end.scale, init).store_first(to, (j - at).min(V::COUNT));
        }
    }
}

/// `out (+)= mean_b x[b] (x) g[b]` for bits `x`, whose rows are `pitch` floats apart.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn outer_product_bits<V: Lanes>(
    x: *const f32, g: *const f32, out: *mut f32, b: usize, i: usize, j: usize, pitch: usize,
    plus_minus: bool, accumulate: bool,
) {
    unsafe {
        let words = b.div_ceil(64);
        let tile = b * MOST * V::COUNT;
        let mut room = scratch(Level::Product, j + 2 * i.next_multiple_of(64) * words + tile, 3);
        let all = room.take(j);
        let sets: *mut u64 = room.take(2 * i.next_multiple_of(64) * words).cast();
        let near = room.take(tile);
        let near = if i < OFTEN { core::ptr::null_mut() } else { near };
        if plus_minus {
            column_sums::<V>(g, all, b, j, 1.0 / b as f32, false);
        }
        let scale = if plus_minus { 2.0 } else { 1.0 } / b as f32;
        let correction = if plus_minus { all.cast_const() } else { core::ptr::null() };
        let end = Ending { scale: V::splat(scale), accumulate, correction };
        for first in (0..i).step_by(64) {
            for word in 0..words {
                // A word of inputs an example, turned into a word of examples an input.
                let mut square = [0u64; 64];
                for (row, bits) in square.iter_mut().enumerate().take(64.min(b - 64 * word)) {
                    *bits = pack::<V>(x.add((64 * word + row) * pitch + first), 64.min(i - first));
                }
                turn(&mut square);
                for (input, examples) in square.into_iter().enumerate() {
                    *sets.add((first + input) * words + word) = examples;
                }
            }
        }
        let vectors = j.div_ceil(V::COUNT);
        let mut from = 0;
        while from < vectors {
            let across = part(vectors - from, MOST);
            let column = from * V::COUNT;
            macro_rules! blocks {
                ($($c:literal),*) => {
                    match across {
                        $($c => sums_of::<V, $c>(g, sets, b, i, near, out, j, column, end),)*
                        _ => unreachable!(),
                    }
                };
            }
            blocks!(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13);
            from += across;
        }
    }
}

/// For each input the sum of the examples' rows whose bit is set, some columns of them, which stay in the first cache.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn sums_of<V: Lanes, const C: usize>(
    g: *const f32, sets: *const u64, b: usize, i: usize, near: *mut f32, out: *mut f32, j: usize,
    column: usize, end: Ending<V>,
) {
    unsafe {
        let words = b.div_ceil(64);
        let mut rows = Rows { first: g.add(column), pitch: j };
        if !near.is_null() {
            rows = rows.copied::<V, C>(b, near);
        }
        for input in 0..i {
            let mut sums = [V::zero(); C];
            for word in 0..words {
                let first = rows.first.wrapping_add(64 * word * rows.pitch);
                Rows { first, ..rows }.add::<V, C>(&mut sums, *sets.add(input * words + word));
            }
            finish::<V, C>(sums, out.add(input * j), j, column, end);
        }
    }
}

/// Up to 64 bits, stored as 0 or 1, as a word.
#[inline(always)]
pub unsafe fn pack<V: Lanes>(bits: *const f32, count: usize) -> u64 {
    unsafe {
        let mut word = 0;
        let half = V::splat(0.5);
        for at in (0..count).step_by(V::COUNT) {
            word |= (V::bits(V::load(bits.add(at)).gt(half)) as u64) << at;
        }
        if count < 64 { word & ((1 << count) - 1) } else { word }
    }
}

/// Turns a square of 64 by 64 bits: halves of ever smaller squares change places.
#[inline(always)]
fn turn(square: &mut [u64; 64]) {
    let mut width = 32;
    let mut mask = 0x0000_0000_ffff_ffffu64;
    while width > 0 {
        let mut base = 0;
        while base < 64 {
            for row in base..base + width {
                let moved = (square[row] >> width ^ square[row + width]) & mask;
                square[row] ^= moved << width;
                square[row + width] ^= moved;
            }
            base += 2 * width;
        }
        width /= 2;
        mask ^= mask << width;
    }
}
