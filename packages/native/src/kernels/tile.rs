//! Dense products by register tiles. A sum runs over its terms in their order, whatever the tile, so the bits of an
//! element depend neither on the tile nor on the other elements.
use crate::lanes::Lanes;

/// Where the numbers of one side of a product lie, in floats.
#[derive(Clone, Copy)]
pub struct Strided {
    pub start: *const f32,
    pub row: usize,
    pub step: usize,
}

/// What a product adds up: `strips` pieces of `length` terms each. Of the left side a strip lies `strip` floats behind
/// the one before; on the right side rows follow one another.
#[derive(Clone, Copy)]
pub struct Terms {
    pub strips: usize,
    pub strip: usize,
    pub length: usize,
}

impl Terms {
    pub fn plain(length: usize) -> Self {
        Terms { strips: 1, strip: 0, length }
    }
}

/// What becomes of the sums.
#[derive(Clone, Copy)]
pub enum Finish {
    /// `out = scale sum`
    Scale(f32),
    /// `out += scale sum`
    Add(f32),
    /// `out = sum`, the sums beginning at what is there: more terms of sums that are not at their end.
    Continue,
    /// `out = max(0, sum)`, the sums beginning at a bias; what is not a number stays so.
    Rectify(*const f32),
}

/// `out[m, n] = finish(sum_k a[m, k] b[k, n])`, `b` [K, N] with rows `b_row` apart, `out` [M, N] with rows `out_row` apart.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn multiply<V: Lanes>(
    a: Strided, terms: Terms, b: *const f32, b_row: usize, out: *mut f32, out_row: usize, rows: usize,
    columns: usize, finish: Finish,
) {
    unsafe {
        let vectors = columns.div_ceil(V::COUNT);
        // Columns outside: what is read of `b` for one block stays near while all rows pass.
        let mut from = 0;
        while from < vectors {
            let across = part(vectors - from, V::ACROSS);
            let column = from * V::COUNT;
            let most = (V::SUMS / across).min(8);
            let mut m = 0;
            while m < rows {
                let down = part(rows - m, most);
                let a = Strided { start: a.start.add(m * a.row), ..a };
                let to = out.add(m * out_row + column);
                let finish = match finish {
                    Finish::Rectify(bias) => Finish::Rectify(bias.add(column)),
                    other => other,
                };
                macro_rules! tiles {
                    ($(($r:literal, $c:literal)),*) => {
                        match (down, across) {
                            $(($r, $c) => tile::<V, $r, $c>(
                                a, terms, b.add(column), b_row, to, out_row, columns - column, finish,
                            ),)*
                            _ => unreachable!(),
                        }
                    };
                }
                tiles!(
                    (1, 1),
                    (2, 1),
                    (3, 1),
                    (4, 1),
                    (5, 1),
                    (6, 1),
                    (7, 1),
                    (8, 1),
                    (1, 2),
                    (2, 2),
                    (3, 2),
                    (4, 2),
                    (5, 2),
                    (6, 2),
                    (7, 2),
                    (8, 2),
                    (1, 3),
                    (2, 3),
                    (3, 3),
                    (4, 3),
                    (5, 3),
                    (6, 3),
                    (7, 3),
                    (8, 3),
                    (1, 4),
                    (2, 4),
                    (3, 4),
                    (4, 4),
                    (5, 4),
                    (6, 4)
                );
                m += down;
            }
            from += across;
        }
    }
}

/// So many of `left` that all parts are about equal and none is above `most`.
#[inline(always)]
pub fn part(left: usize, most: usize) -> usize {
    left.div_ceil(left.div_ceil(most))
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn tile<V: Lanes, const R: usize, const C: usize>(
    a: Strided, terms: Terms, b: *const f32, b_row: usize, out: *mut f32, out_row: usize, rest: usize,
    finish: Finish,
) {
    unsafe {
        if R * C > V::SUMS {
            return; // never asked for: `multiply` takes no more
        }
        let mut sums = [[V::zero(); C]; R];
        if let Finish::Rectify(bias) = finish {
            for row in &mut sums {
                for (c, sum) in row.iter_mut().enumerate() {
                    *sum = V::load(bias.add(c * V::COUNT));
                }
            }
        }
        if let Finish::Continue = finish {
            for (r, row) in sums.iter_mut().enumerate() {
                for (c, sum) in row.iter_mut().enumerate() {
                    *sum = V::load(out.add(r * out_row + c * V::COUNT));
                }
            }
        }
        let mut y = b;
        for strip in 0..terms.strips {
            let mut x = a.start.add(strip * terms.strip);
            for _ in 0..terms.length {
                let mut vectors = [V::zero(); C];
                for (c, vector) in vectors.iter_mut().enumerate() {
                    *vector = V::load(y.add(c * V::COUNT));
                }
                for (r, row) in sums.iter_mut().enumerate() {
                    let one = V::splat(*x.add(r * a.row));
                    for (sum, vector) in row.iter_mut().zip(vectors) {
                        *sum = one.madd(vector, *sum);
                    }
                }
                x = x.add(a.step);
                y = y.add(b_row);
            }
        }
        for (r, row) in sums.into_iter().enumerate() {
            for (c, sum) in row.into_iter().enumerate() {
                let at = out.add(r * out_row + c * V::COUNT);
                let value = match finish {
                    Finish::Scale(scale) => sum.mul(V::splat(scale)),
                    Finish::Add(scale) => sum.madd(V::splat(scale), V::load(at)),
                    Finish::Continue => sum,
                    Finish::Rectify(_) => V::select(sum.lt(V::zero()), V::zero(), sum),
                };
                value.store_first(at, rest.saturating_sub(c * V::COUNT).min(V::COUNT));
            }
        }
    }
}
