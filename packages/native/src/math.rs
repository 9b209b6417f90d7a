//! Exponentials, logarithms and what is made of them: the polynomials of the WebAssembly kernels (`kernels/math.ts`),
//! a multiply-add rounded once. Exponentials hand on what is not a number; exponentials and logarithms are within about
//! one unit in the last place.
use crate::lanes::Lanes;

/// Below this, probabilities and credits are stored as 0: no later product is denormal.
pub const TINY: f32 = 1e-30;

/// (e^r - 1 - r) / r^2, highest power first.
#[allow(clippy::excessive_precision)]
const EXP: [f32; 5] = [
    0.00138825099310061,
    0.008366580344956309,
    0.041667201782150276,
    0.1666654317794631,
    0.49999998144062385,
];
/// (log(1 + f) - f) / f^2, highest power first.
#[allow(clippy::excessive_precision)]
const LOG: [f32; 9] = [
    -0.07622109074549241,
    0.12904690565999846,
    -0.13242975987364847,
    0.14181778753399216,
    -0.16609077657129084,
    0.20001976576258285,
    -0.25001583344214595,
    0.3333332564529308,
    -0.4999998933845569,
];
const LEAST: f32 = -87.0;
const MOST: f32 = 88.0;
/// 1.5 2^23: added, it rounds to a whole number and leaves it in the low bits.
const ROUND: f32 = 12_582_912.0;
/// log 2 in two parts: the first has few bits, so that a whole number times it is exact.
const LN2_HIGH: f32 = 0.693_359_4; // 355 / 512
const LN2_LOW: f32 = -2.121_944_4e-4;

/// `e^r - 1 = 2^n (1 + small) - 1` for clamped x: `(small, 2^n)`.
#[inline(always)]
unsafe fn parts<V: Lanes>(x: V) -> (V, V) {
    unsafe {
        let shifted = x.madd(V::splat(core::f32::consts::LOG2_E), V::splat(ROUND));
        let n = shifted.sub(V::splat(ROUND));
        let r = n.nmadd(V::splat(LN2_LOW), n.nmadd(V::splat(LN2_HIGH), x));
        let mut y = V::splat(EXP[0]);
        for c in &EXP[1..] {
            y = y.madd(r, V::splat(*c));
        }
        (r.mul(r).madd(y, r), shifted.shift_left::<23>().int_add(V::splat(1.0)))
    }
}

/// `e^x` for x from -87 to 88; elsewhere anything.
#[inline(always)]
pub unsafe fn exp_near<V: Lanes>(x: V) -> V {
    unsafe {
        let (small, power) = parts(x);
        small.add(V::splat(1.0)).mul(power)
    }
}

/// `e^x` and `e^-x` for x from -87 to 87; elsewhere anything.
#[inline(always)]
pub unsafe fn exp_both<V: Lanes>(x: V) -> (V, V) {
    unsafe {
        let (one, round) = (V::splat(1.0), V::splat(ROUND));
        let shifted = x.madd(V::splat(core::f32::consts::LOG2_E), round);
        let n = shifted.sub(round);
        let r = n.nmadd(V::splat(LN2_LOW), n.nmadd(V::splat(LN2_HIGH), x));
        // The polynomial's even and odd powers apart: those of -r differ by a sign.
        let square = r.mul(r);
        let even = V::splat(EXP[0]).madd(square, V::splat(EXP[2])).madd(square, V::splat(EXP[4]));
        let odd = V::splat(EXP[1]).madd(square, V::splat(EXP[3])).mul(square).madd(r, r);
        let (even, bits) = (even.mul(square), shifted.shift_left::<23>());
        (even.add(odd).add(one).mul(bits.int_add(one)), even.sub(odd).add(one).mul(one.int_sub(bits)))
    }
}

/// `e^x`: 0 below -87, `e^88` above 88. Never a denormal, never infinite.
#[inline(always)]
pub unsafe fn exp<V: Lanes>(x: V) -> V {
    unsafe {
        let least = V::splat(LEAST);
        exp_near(x.most(least).least(V::splat(MOST))).drop(x.lt(least))
    }
}

/// `e^x - 1` with relative accuracy near 0: -1 below -87, about `e^88` above 88.
#[inline(always)]
pub unsafe fn expm1<V: Lanes>(x: V) -> V {
    unsafe {
        let (small, power) = parts(x.most(V::splat(LEAST)).least(V::splat(MOST)));
        small.madd(power, power.sub(V::splat(1.0)))
    }
}

/// `log x` for normal x > 0; about -88 at 0, finite but meaningless for negative and denormal x.
#[inline(always)]
pub unsafe fn log<V: Lanes>(x: V) -> V {
    unsafe {
        // x = 2^n m with m in [sqrt(1/2), sqrt(2)).
        let exponent = x.int_sub(V::splat(core::f32::consts::FRAC_1_SQRT_2)).shift_right_signed::<23>();
        let f = x.int_sub(exponent.shift_left::<23>()).sub(V::splat(1.0));
        let n = exponent.to_float();
        let mut y = V::splat(LOG[0]);
        for c in &LOG[1..] {
            y = y.madd(f, V::splat(*c));
        }
        let low = f.mul(f).madd(y, n.mul(V::splat(LN2_LOW)));
        n.madd(V::splat(LN2_HIGH), f.add(low))
    }
}

/// `log(mantissa 2^power)`, the powers whole numbers.
#[inline(always)]
pub unsafe fn log_of<V: Lanes>(mantissa: V, power: V) -> V {
    unsafe {
        let n = power.to_float();
        n.madd(V::splat(LN2_HIGH), n.madd(V::splat(LN2_LOW), log(mantissa)))
    }
}

/// The power of two in a normal number.
#[inline(always)]
pub unsafe fn exponent<V: Lanes>(x: V) -> V {
    unsafe { x.shift_right::<23>().int_sub(V::int_splat(127)) }
}

/// What it is multiplied by: from 1 to below 2.
#[inline(always)]
pub unsafe fn mantissa<V: Lanes>(x: V) -> V {
    unsafe { x.int_and(V::int_splat(0x7fffff)).int_or(V::splat(1.0)) }
}

/// `x`, or 0 where |x| < TINY.
#[inline(always)]
pub unsafe fn flush<V: Lanes>(x: V) -> V {
    unsafe { x.drop(x.abs().lt(V::splat(TINY))) }
}

/// `log(1 + e^x)`, absolute error about 1e-7 (1 + |x|).
#[inline(always)]
pub unsafe fn softplus<V: Lanes>(x: V) -> V {
    unsafe { V::zero().most(x).add(log(exp(x.abs().neg()).add(V::splat(1.0)))) }
}

/// The entropy of Bernoulli units with logit l, in nats: log(1 + e) + |l| e / (1 + e), e = e^-|l|. Nothing cancels.
#[inline(always)]
pub unsafe fn entropy<V: Lanes>(l: V) -> V {
    unsafe {
        let size = l.abs();
        let e = exp(size.neg());
        let total = e.add(V::splat(1.0));
        log(total).add(size.mul(e).div(total))
    }
}

/// `log` of one number: the same bits as in a vector.
#[inline(always)]
pub unsafe fn log_one<V: Lanes>(x: f32) -> f32 {
    unsafe {
        let mut lanes = [0f32; 16];
        log(V::splat(x)).store(lanes.as_mut_ptr());
        lanes[0]
    }
}
