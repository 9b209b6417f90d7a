//! Products of bits: sums of the rows whose bit is on. Rows are added in their order.
use super::products::column_sums;
use super::tile::part;
use crate::lanes::Lanes;
use crate::scratch::{scratch, Level};

/// Vectors of sums that stay in registers while a list of rows passes.
const MOST: usize = 13;

/// `out[b] += sum of the rows W[i] whose bit x[b, i] is set`; for {-1,+1} units twice that, less the sum of all rows.
#[inline(always)]
pub unsafe fn product_bits<V: Lanes>(
    x: *const f32, weights: *const f32, out: *mut f32, b: usize, i: usize, j: usize, plus_minus: bool,
) {
    unsafe {
        let mut room = scratch(Level::Product, j + i + V::COUNT, 2);
        let all = room.take(j);
        let list: *mut u32 = room.take(i + V::COUNT).cast();
        if plus_minus {
            column_sums::<V>(weights, all, i, j, 1.0, false);
        }
        let scale = if plus_minus { 2.0 } else { 1.0 };
        let correction = if plus_minus { all.cast_const() } else { core::ptr::null() };
        for example in 0..b {
            let count = list_rows::<V>(x.add(example * i), list, i);
            let end = Ending { scale: V::splat(scale), accumulate: true, correction };
            sum_listed::<V>(weights, Rows::Listed(list, count), out.add(example * j), j, end);
        }
    }
}

/// The numbers of the rows whose bit is set. Branch-free.
#[inline(always)]
unsafe fn list_rows<V: Lanes>(bits: *const f32, list: *mut u32, rows: usize) -> usize {
    unsafe {
        let mut count = 0;
        let half = V::splat(0.5);
        let mut places = V::int_iota();
        let step = V::int_splat(V::COUNT as i32);
        let whole = rows / V::COUNT * V::COUNT;
        for at in (0..whole).step_by(V::COUNT) {
            count += places.compress(V::load(bits.add(at)).gt(half), list.add(count));
            places = places.int_add(step);
        }
        if whole < rows {
            let mask = V::and(V::load(bits.add(whole)).gt(half), V::first(rows - whole));
            count += places.compress(mask, list.add(count));
        }
        count
    }
}

/// Which rows are added.
#[derive(Clone, Copy)]
enum Rows<'a> {
    /// By number.
    Listed(*const u32, usize),
    /// By a bit a row.
    Set(&'a [u64]),
}

/// What becomes of a sum: `init + scale sum - correction`, init being what is there or 0.
#[derive(Clone, Copy)]
struct Ending<V> {
    scale: V,
    accumulate: bool,
    correction: *const f32,
}

#[inline(always)]
unsafe fn sum_listed<V: Lanes>(source: *const f32, rows: Rows, out: *mut f32, j: usize, end: Ending<V>) {
    unsafe {
        let vectors = j.div_ceil(V::COUNT);
        let mut from = 0;
        while from < vectors {
            let across = part(vectors - from, MOST);
            let column = from * V::COUNT;
            macro_rules! blocks {
                ($($c:literal),*) => {
                    match across {
                        $($c => block::<V, $c>(source, rows, out, j, column, end),)*
                        _ => unreachable!(),
                    }
                };
            }
            blocks!(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13);
            from += across;
        }
    }
}

#[inline(always)]
unsafe fn block<V: Lanes, const C: usize>(
    source: *const f32, rows: Rows, out: *mut f32, j: usize, column: usize, end: Ending<V>,
) {
    unsafe {
        let source = source.add(column);
        let mut sums = [V::zero(); C];
        match rows {
            Rows::Listed(list, count) => {
                for n in 0..count {
                    let row = source.add(*list.add(n) as usize * j);
                    for (c, sum) in sums.iter_mut().enumerate() {
                        *sum = sum.add(V::load(row.add(c * V::COUNT)));
                    }
                }
            }
            Rows::Set(words) => {
                let mut first = source;
                for word in words {
                    let mut word = *word;
                    while word != 0 {
                        let row = first.add(word.trailing_zeros() as usize * j);
                        word &= word - 1;
                        for (c, sum) in sums.iter_mut().enumerate() {
                            *sum = sum.add(V::load(row.add(c * V::COUNT)));
                        }
                    }
                    first = first.wrapping_add(64 * j);
                }
            }
        }
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
    x: *const f32, g: *const f32, out: *mut f32, b: usize, i: usize, j: usize, pitch: usize, plus_minus: bool,
    accumulate: bool,
) {
    unsafe {
        let words = b.div_ceil(64);
        let mut room = scratch(Level::Product, j + 2 * 64 * words, 2);
        let all = room.take(j);
        let sets: *mut u64 = room.take(2 * 64 * words).cast();
        if plus_minus {
            column_sums::<V>(g, all, b, j, 1.0 / b as f32, false);
        }
        let scale = if plus_minus { 2.0 } else { 1.0 } / b as f32;
        let correction = if plus_minus { all.cast_const() } else { core::ptr::null() };
        for first in (0..i).step_by(64) {
            let inputs = 64.min(i - first);
            for word in 0..words {
                // A word of inputs an example, turned into a word of examples an input.
                let mut square = [0u64; 64];
                for (row, bits) in square.iter_mut().enumerate().take(64.min(b - 64 * word)) {
                    *bits = pack::<V>(x.add((64 * word + row) * pitch + first), inputs);
                }
                turn(&mut square);
                for (input, examples) in square.into_iter().enumerate() {
                    *sets.add(input * words + word) = examples;
                }
            }
            for input in 0..inputs {
                let set = core::slice::from_raw_parts(sets.add(input * words), words);
                let end = Ending { scale: V::splat(scale), accumulate, correction };
                sum_listed::<V>(g, Rows::Set(set), out.add((first + input) * j), j, end);
            }
        }
    }
}

/// Up to 64 bits, stored as 0 or 1, as a word.
#[inline(always)]
unsafe fn pack<V: Lanes>(bits: *const f32, count: usize) -> u64 {
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
