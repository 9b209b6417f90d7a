//! Threefry-2x32 with 13 rounds, as in `src/random/threefry.ts`.
use crate::lanes::Lanes;

/// Vectors of counters that are worked on together: they hide one another's latency.
const CHAINS: usize = 4;

/// The two words of the counters (c0, c1), (c0 + 1, c1) and so on, vectors of words in their order.
#[inline(always)]
unsafe fn words<V: Lanes>(k0: i32, k1: i32, c0: i32, c1: i32) -> [V; 2 * CHAINS] {
    unsafe {
        let k2 = 0x1bd1_1bda ^ k0 ^ k1;
        let mut x = [V::zero(); CHAINS];
        let mut y = [V::int_splat(c1.wrapping_add(k1)); CHAINS];
        for (n, x) in x.iter_mut().enumerate() {
            let first = c0.wrapping_add(k0).wrapping_add((n * V::COUNT) as i32);
            *x = V::int_splat(first).int_add(V::int_iota());
        }
        macro_rules! rounds {
            ($($by:literal)*) => {
                $(for n in 0..CHAINS {
                    x[n] = x[n].int_add(y[n]);
                    y[n] = y[n].rotate_left::<$by>().int_xor(x[n]);
                })*
            };
        }
        macro_rules! key {
            ($a:expr, $b:expr) => {
                let (a, b) = (V::int_splat($a), V::int_splat($b));
                for n in 0..CHAINS {
                    x[n] = x[n].int_add(a);
                    y[n] = y[n].int_add(b);
                }
            };
        }
        rounds!(13 15 26 6);
        key!(k1, k2.wrapping_add(1));
        rounds!(17 29 16 24);
        key!(k2, k0.wrapping_add(2));
        rounds!(13 15 26 6);
        key!(k0, k1.wrapping_add(3));
        rounds!(17);
        let mut out = [V::zero(); 2 * CHAINS];
        for n in 0..CHAINS {
            (out[2 * n], out[2 * n + 1]) = V::interleave(x[n], y[n]);
        }
        out
    }
}

/// `out[e] = (word first + e >> 8) 2^-24`, `first` an even number.
#[inline(always)]
pub unsafe fn uniforms<V: Lanes>(out: *mut f32, first: usize, n: usize, k0: i32, k1: i32) {
    unsafe {
        let together = 2 * CHAINS * V::COUNT;
        for at in (0..n).step_by(together) {
            let words = words::<V>(k0, k1, ((first + at) / 2) as i32, 0);
            for (place, word) in words.into_iter().enumerate() {
                let at = at + place * V::COUNT;
                let u = word.shift_right::<8>().to_float().mul(V::splat(5.960_464_5e-8)); // 2^-24
                u.store_first(out.add(at), n.saturating_sub(at).min(V::COUNT));
            }
        }
    }
}

/// `out[b, i] = 255 u < 65536 pixel`: in 16 bits `u <= 257 pixel` and `pixel > 0` (`kernels/binarise.ts`).
#[inline(always)]
pub unsafe fn binarise<V: Lanes>(
    images: *const u8, order: *const u32, out: *mut f32, b: usize, pixels: usize, k0: i32, k1: i32,
) {
    unsafe {
        for example in 0..b {
            let row = *order.add(example);
            let (image, out) = (images.add(row as usize * pixels), out.add(example * pixels));
            // A counter has four half words.
            let together = 4 * CHAINS * V::COUNT;
            for at in (0..pixels).step_by(together) {
                let words = words::<V>(k0, k1, (at / 4) as i32, row as i32);
                for (place, word) in words.into_iter().enumerate() {
                    let low = word.int_and(V::int_splat(0xffff));
                    let (u, v) = V::interleave(low, word.shift_right::<16>());
                    for (half, u) in [u, v].into_iter().enumerate() {
                        let at = at + (2 * place + half) * V::COUNT;
                        if at < pixels {
                            let pixel = V::load_bytes(image.add(at));
                            let bound = pixel.shift_left::<8>().int_add(pixel);
                            let on = V::and(
                                pixel.int_gt(V::int_splat(0)),
                                bound.int_add(V::int_splat(1)).int_gt(u),
                            );
                            V::splat(1.0).keep(on).store_first(out.add(at), (pixels - at).min(V::COUNT));
                        }
                    }
                }
            }
        }
    }
}
