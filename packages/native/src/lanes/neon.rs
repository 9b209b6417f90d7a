//! 128 bits: NEON, which every 64-bit Arm processor has.
use super::Lanes;
use core::arch::aarch64::*;

#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Neon(float32x4_t);

macro_rules! across {
    ($v:expr, $pairs:path) => {{
        let (a, b, c, d) = ((*$v).0, (*$v.add(1)).0, (*$v.add(2)).0, (*$v.add(3)).0);
        Neon($pairs($pairs(a, b), $pairs(c, d)))
    }};
}

#[inline(always)]
unsafe fn product_pairs(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    unsafe { vmulq_f32(vuzp1q_f32(a, b), vuzp2q_f32(a, b)) }
}

#[inline(always)]
unsafe fn int_pairs(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    unsafe { vreinterpretq_f32_s32(vpaddq_s32(vreinterpretq_s32_f32(a), vreinterpretq_s32_f32(b))) }
}

/// Neighbouring lanes of `(p, s)` stand for s / p: their sums, of two vectors.
#[inline(always)]
unsafe fn join(p: float32x4_t, s: float32x4_t, r: float32x4_t, u: float32x4_t) -> (float32x4_t, float32x4_t) {
    unsafe {
        let (p0, p1) = (vuzp1q_f32(p, r), vuzp2q_f32(p, r));
        let (s0, s1) = (vuzp1q_f32(s, u), vuzp2q_f32(s, u));
        (vmulq_f32(p0, p1), vfmaq_f32(vmulq_f32(s1, p0), s0, p1))
    }
}

impl Neon {
    #[inline(always)]
    unsafe fn int(self) -> int32x4_t {
        unsafe { vreinterpretq_s32_f32(self.0) }
    }
    #[inline(always)]
    unsafe fn of(x: int32x4_t) -> Self {
        unsafe { Neon(vreinterpretq_f32_s32(x)) }
    }
    #[inline(always)]
    unsafe fn word(self) -> uint32x4_t {
        unsafe { vreinterpretq_u32_f32(self.0) }
    }
    #[inline(always)]
    unsafe fn of_word(x: uint32x4_t) -> Self {
        unsafe { Neon(vreinterpretq_f32_u32(x)) }
    }
}

impl Lanes for Neon {
    const COUNT: usize = 4;
    const SUMS: usize = 24;
    const ACROSS: usize = 4;
    type Mask = uint32x4_t;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { Neon(vdupq_n_f32(x)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Neon(vld1q_f32(from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { vst1q_f32(to, self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        unsafe {
            match count {
                0 => {}
                1 => vst1q_lane_f32::<0>(to, self.0),
                2 => vst1_f32(to, vget_low_f32(self.0)),
                3 => {
                    vst1_f32(to, vget_low_f32(self.0));
                    vst1q_lane_f32::<2>(to.add(2), self.0)
                }
                _ => self.store(to),
            }
        }
    }
    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self {
        unsafe {
            let bytes = vcreate_u8(from.cast::<u32>().read_unaligned() as u64);
            Self::of_word(vmovl_u16(vget_low_u16(vmovl_u8(bytes))))
        }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        unsafe { Neon(vaddq_f32(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        unsafe { Neon(vsubq_f32(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        unsafe { Neon(vmulq_f32(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        unsafe { Neon(vdivq_f32(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        unsafe { Neon(vsqrtq_f32(self.0)) }
    }
    #[inline(always)]
    unsafe fn madd(self, b: Self, c: Self) -> Self {
        unsafe { Neon(vfmaq_f32(c.0, self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn nmadd(self, b: Self, c: Self) -> Self {
        unsafe { Neon(vfmsq_f32(c.0, self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn least(self, b: Self) -> Self {
        unsafe { Neon(vbslq_f32(vcltq_f32(b.0, self.0), b.0, self.0)) }
    }
    #[inline(always)]
    unsafe fn most(self, b: Self) -> Self {
        unsafe { Neon(vbslq_f32(vcltq_f32(self.0, b.0), b.0, self.0)) }
    }
    #[inline(always)]
    unsafe fn lt(self, b: Self) -> uint32x4_t {
        unsafe { vcltq_f32(self.0, b.0) }
    }
    #[inline(always)]
    unsafe fn le(self, b: Self) -> uint32x4_t {
        unsafe { vcleq_f32(self.0, b.0) }
    }
    #[inline(always)]
    unsafe fn is_nan(self) -> uint32x4_t {
        unsafe { vmvnq_u32(vceqq_f32(self.0, self.0)) }
    }
    #[inline(always)]
    unsafe fn first(count: usize) -> uint32x4_t {
        unsafe { vcltq_s32(Self::int_iota().int(), vdupq_n_s32(count.min(4) as i32)) }
    }
    #[inline(always)]
    unsafe fn and(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        unsafe { vandq_u32(a, b) }
    }
    #[inline(always)]
    unsafe fn xor(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        unsafe { veorq_u32(a, b) }
    }
    #[inline(always)]
    unsafe fn bits(mask: uint32x4_t) -> u32 {
        unsafe { vaddvq_u32(vandq_u32(mask, vld1q_u32([1, 2, 4, 8].as_ptr()))) }
    }
    #[inline(always)]
    unsafe fn select(mask: uint32x4_t, a: Self, b: Self) -> Self {
        unsafe { Neon(vbslq_f32(mask, a.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn keep(self, mask: uint32x4_t) -> Self {
        unsafe { Self::of_word(vandq_u32(self.word(), mask)) }
    }
    #[inline(always)]
    unsafe fn drop(self, mask: uint32x4_t) -> Self {
        unsafe { Self::of_word(vbicq_u32(self.word(), mask)) }
    }
    #[inline(always)]
    unsafe fn int_splat(x: i32) -> Self {
        unsafe { Self::of(vdupq_n_s32(x)) }
    }
    #[inline(always)]
    unsafe fn int_add(self, b: Self) -> Self {
        unsafe { Self::of(vaddq_s32(self.int(), b.int())) }
    }
    #[inline(always)]
    unsafe fn int_sub(self, b: Self) -> Self {
        unsafe { Self::of(vsubq_s32(self.int(), b.int())) }
    }
    #[inline(always)]
    unsafe fn int_and(self, b: Self) -> Self {
        unsafe { Self::of_word(vandq_u32(self.word(), b.word())) }
    }
    #[inline(always)]
    unsafe fn int_or(self, b: Self) -> Self {
        unsafe { Self::of_word(vorrq_u32(self.word(), b.word())) }
    }
    #[inline(always)]
    unsafe fn int_xor(self, b: Self) -> Self {
        unsafe { Self::of_word(veorq_u32(self.word(), b.word())) }
    }
    #[inline(always)]
    unsafe fn shift_left<const BY: u32>(self) -> Self {
        unsafe { Self::of_word(vshlq_u32(self.word(), vdupq_n_s32(BY as i32))) }
    }
    #[inline(always)]
    unsafe fn shift_right<const BY: u32>(self) -> Self {
        unsafe { Self::of_word(vshlq_u32(self.word(), vdupq_n_s32(-(BY as i32)))) }
    }
    #[inline(always)]
    unsafe fn shift_right_signed<const BY: u32>(self) -> Self {
        unsafe { Self::of(vshlq_s32(self.int(), vdupq_n_s32(-(BY as i32)))) }
    }
    #[inline(always)]
    unsafe fn rotate_left<const BY: u32>(self) -> Self {
        unsafe {
            let right = Self::of_word(vshlq_u32(self.word(), vdupq_n_s32(BY as i32 - 32)));
            self.shift_left::<BY>().int_or(right)
        }
    }
    #[inline(always)]
    unsafe fn int_gt(self, b: Self) -> uint32x4_t {
        unsafe { vcgtq_s32(self.int(), b.int()) }
    }
    #[inline(always)]
    unsafe fn to_float(self) -> Self {
        unsafe { Neon(vcvtq_f32_s32(self.int())) }
    }
    #[inline(always)]
    unsafe fn int_iota() -> Self {
        unsafe { Self::of(vld1q_s32([0, 1, 2, 3].as_ptr())) }
    }
    #[inline(always)]
    unsafe fn interleave(a: Self, b: Self) -> (Self, Self) {
        unsafe { (Neon(vzip1q_f32(a.0, b.0)), Neon(vzip2q_f32(a.0, b.0))) }
    }
    #[inline(always)]
    unsafe fn turn(square: &mut [Self; 16]) {
        unsafe {
            let (a, b) = Self::interleave(square[0], square[2]);
            let (c, d) = Self::interleave(square[1], square[3]);
            (square[0], square[1]) = Self::interleave(a, c);
            (square[2], square[3]) = Self::interleave(b, d);
        }
    }
    #[inline(always)]
    unsafe fn products_across(v: *const Self) -> Self {
        unsafe { across!(v, product_pairs) }
    }
    #[inline(always)]
    unsafe fn counts_across(v: *const Self) -> Self {
        unsafe { across!(v, int_pairs) }
    }
    #[inline(always)]
    unsafe fn fractions_across(p: *const Self, s: *const Self) -> (Self, Self) {
        unsafe {
            let (a, c) = join((*p).0, (*s).0, (*p.add(1)).0, (*s.add(1)).0);
            let (b, d) = join((*p.add(2)).0, (*s.add(2)).0, (*p.add(3)).0, (*s.add(3)).0);
            let (product, sum) = join(a, c, b, d);
            (Neon(product), Neon(sum))
        }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe {
            let two = vadd_f32(vget_low_f32(self.0), vget_high_f32(self.0));
            vget_lane_f32::<0>(vpadd_f32(two, two))
        }
    }
    #[inline(always)]
    unsafe fn max(self) -> f32 {
        unsafe { vmaxvq_f32(self.0) }
    }
}
