//! Convolutions without padding, of images whose pixels are rows of channels (`kernels/convolution.ts`). A pixel's
//! window is k strips that stand one behind the other in an image, so that no patch is ever copied.
use super::tile::{Finish, Strided, Terms, multiply};
use crate::lanes::Lanes;
use crate::scratch::{Level, scratch};

/// Of images: `height`, `width`, channels `c`; of results: `rows`, `columns`, units `j`.
#[derive(Clone, Copy)]
struct Sizes {
    height: usize,
    width: usize,
    c: usize,
    rows: usize,
    columns: usize,
    j: usize,
}

impl Sizes {
    fn kernel(&self) -> usize {
        self.height - self.rows + 1
    }
}

/// `out = max(0, bias + x * W)`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn convolve<V: Lanes>(
    x: *const f32, weights: *const f32, bias: *const f32, out: *mut f32, b: usize, height: usize,
    width: usize, c: usize, rows: usize, columns: usize, j: usize,
) {
    unsafe {
        if rows > height {
            return;
        }
        let sizes = Sizes { height, width, c, rows, columns, j };
        for image in 0..b {
            let x = x.add(image * height * width * c);
            slide::<V>(x, weights, out.add(image * rows * columns * j), sizes, Finish::Rectify(bias));
        }
    }
}

/// One image.
#[inline(always)]
unsafe fn slide<V: Lanes>(x: *const f32, weights: *const f32, out: *mut f32, s: Sizes, finish: Finish) {
    unsafe {
        let k = s.kernel();
        let terms = Terms { strips: k, strip: s.width * s.c, length: k * s.c };
        for y in 0..s.rows {
            let line = Strided { start: x.add(y * s.width * s.c), row: s.c, step: 1 };
            let out = out.add(y * s.columns * s.j);
            multiply::<V>(line, terms, weights, s.j, out, s.j, s.columns, s.j, finish);
        }
    }
}

/// What g is through W: a convolution of g, framed by zeros, with the weights turned round.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn convolve_back<V: Lanes>(
    g: *const f32, weights: *const f32, out: *mut f32, b: usize, height: usize, width: usize, c: usize,
    rows: usize, columns: usize, j: usize,
) {
    unsafe {
        if rows > height {
            return;
        }
        let k = height - rows + 1;
        let (frame_width, frame_height) = (width + k - 1, height + k - 1);
        let frame = frame_width * frame_height * j;
        let mut room = scratch(Level::Kernel, k * k * j * c + 16 + frame + 16, 2);
        let turned = room.take(k * k * j * c + 16);
        let framed = room.take(frame + 16);
        for place in 0..k * k {
            let from = weights.add((k * k - 1 - place) * c * j);
            let to = turned.add(place * j * c);
            for unit in 0..j {
                for channel in 0..c {
                    *to.add(unit * c + channel) = *from.add(channel * j + unit);
                }
            }
        }
        core::ptr::write_bytes(framed, 0, frame);
        let sizes =
            Sizes { height: frame_height, width: frame_width, c: j, rows: height, columns: width, j: c };
        for image in 0..b {
            for y in 0..rows {
                let to = framed.add((y + k - 1) * frame_width * j + (k - 1) * j);
                core::ptr::copy_nonoverlapping(g.add((image * rows + y) * columns * j), to, columns * j);
            }
            slide::<V>(framed, turned, out.add(image * height * width * c), sizes, Finish::Scale(1.0));
        }
    }
}

/// Pixels that all rows of the weights go through before the next: what they read stays near.
const NEAR: usize = 96;

/// `out = mean_b x[b] (x) g[b]` for `count` rows of the weights from `first` on.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub unsafe fn convolution_gradient<V: Lanes>(
    x: *const f32, g: *const f32, out: *mut f32, first: usize, count: usize, b: usize, height: usize,
    width: usize, c: usize, rows: usize, columns: usize, j: usize,
) {
    unsafe {
        if rows > height {
            return;
        }
        let strip = (height - rows + 1) * c;
        let some = (NEAR / columns).max(1);
        core::ptr::write_bytes(out, 0, count * j);
        for image in 0..b {
            let (x, g) = (x.add(image * height * width * c), g.add(image * rows * columns * j));
            for y in (0..rows).step_by(some) {
                let lines = some.min(rows - y);
                let terms = Terms { strips: lines, strip: width * c, length: columns };
                let g = g.add(y * columns * j);
                let mut row = 0;
                while row < count {
                    // Where in the window the rows' inputs stand: those of one strip lie side by side.
                    let place = first + row;
                    let side = (count - row).min(strip - place % strip);
                    let start = x.add((y + place / strip) * width * c + place % strip);
                    let inputs = Strided { start, row: 1, step: c };
                    multiply::<V>(inputs, terms, g, j, out.add(row * j), j, side, j, Finish::Add(1.0));
                    row += side;
                }
            }
        }
        let scale = V::splat(1.0 / b as f32);
        each!(V, count * j, out, |at| V::load(out.add(at)).mul(scale));
    }
}
