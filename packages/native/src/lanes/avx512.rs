//! 512 bits: AVX-512 with the F, DQ, BW and VL parts, which every processor since 2017 that has one of them has.
use super::Lanes;
use core::arch::x86_64::*;

#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Avx512(__m512);

macro_rules! four {
    ($v:expr, $n:expr, $op:path) => {{
        let (a, b) = ((*$v.add($n)).0, (*$v.add($n + 1)).0);
        let (c, d) = ((*$v.add($n + 2)).0, (*$v.add($n + 3)).0);
        let ab = $op(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
        let cd = $op(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
        $op(_mm512_shuffle_ps::<0x44>(ab, cd), _mm512_shuffle_ps::<0xee>(ab, cd))
    }};
}

macro_rules! eight {
    ($v:expr, $n:expr, $op:path) => {{
        let (x, y) = (four!($v, $n, $op), four!($v, $n + 4, $op));
        $op(_mm512_shuffle_f32x4::<0x44>(x, y), _mm512_shuffle_f32x4::<0xee>(x, y))
    }};
}

macro_rules! across {
    ($v:expr, $op:path) => {{
        let (x, y) = (eight!($v, 0, $op), eight!($v, 8, $op));
        Avx512($op(_mm512_shuffle_f32x4::<0x88>(x, y), _mm512_shuffle_f32x4::<0xdd>(x, y)))
    }};
}

/// `(p, s)` and `(r, u)` stand for s / p and u / r: their sum.
#[inline(always)]
unsafe fn join(p: __m512, s: __m512, r: __m512, u: __m512) -> (__m512, __m512) {
    unsafe { (_mm512_mul_ps(p, r), _mm512_fmadd_ps(s, r, _mm512_mul_ps(u, p))) }
}

#[inline(always)]
unsafe fn join_four(p: *const Avx512, s: *const Avx512) -> (__m512, __m512) {
    unsafe {
        let ((a, c), (b, d)) = (join_two(p, s), join_two(p.add(2), s.add(2)));
        join(
            _mm512_shuffle_ps::<0x44>(a, b),
            _mm512_shuffle_ps::<0x44>(c, d),
            _mm512_shuffle_ps::<0xee>(a, b),
            _mm512_shuffle_ps::<0xee>(c, d),
        )
    }
}

#[inline(always)]
unsafe fn join_two(p: *const Avx512, s: *const Avx512) -> (__m512, __m512) {
    unsafe {
        let (a, b, c, d) = ((*p).0, (*p.add(1)).0, (*s).0, (*s.add(1)).0);
        join(
            _mm512_unpacklo_ps(a, b),
            _mm512_unpacklo_ps(c, d),
            _mm512_unpackhi_ps(a, b),
            _mm512_unpackhi_ps(c, d),
        )
    }
}

#[inline(always)]
unsafe fn join_eight(p: *const Avx512, s: *const Avx512) -> (__m512, __m512) {
    unsafe {
        let ((a, c), (b, d)) = (join_four(p, s), join_four(p.add(4), s.add(4)));
        join(
            _mm512_shuffle_f32x4::<0x44>(a, b),
            _mm512_shuffle_f32x4::<0x44>(c, d),
            _mm512_shuffle_f32x4::<0xee>(a, b),
            _mm512_shuffle_f32x4::<0xee>(c, d),
        )
    }
}

#[inline(always)]
unsafe fn int_sum(a: __m512, b: __m512) -> __m512 {
    unsafe { _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b))) }
}

impl Avx512 {
    #[inline(always)]
    unsafe fn int(self) -> __m512i {
        unsafe { _mm512_castps_si512(self.0) }
    }
    #[inline(always)]
    unsafe fn of(x: __m512i) -> Self {
        unsafe { Avx512(_mm512_castsi512_ps(x)) }
    }
}

impl Lanes for Avx512 {
    const COUNT: usize = 16;
    const SUMS: usize = 24;
    const ACROSS: usize = 4;
    type Mask = __mmask16;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { Avx512(_mm512_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Avx512(_mm512_loadu_ps(from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        unsafe { _mm512_mask_storeu_ps(to, Self::first(count), self.0) }
    }
    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self {
        unsafe { Self::of(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))) }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        unsafe { Avx512(_mm512_add_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        unsafe { Avx512(_mm512_sub_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        unsafe { Avx512(_mm512_mul_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        unsafe { Avx512(_mm512_div_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        unsafe { Avx512(_mm512_sqrt_ps(self.0)) }
    }
    #[inline(always)]
    unsafe fn madd(self, b: Self, c: Self) -> Self {
        unsafe { Avx512(_mm512_fmadd_ps(self.0, b.0, c.0)) }
    }
    #[inline(always)]
    unsafe fn nmadd(self, b: Self, c: Self) -> Self {
        unsafe { Avx512(_mm512_fnmadd_ps(self.0, b.0, c.0)) }
    }
    #[inline(always)]
    unsafe fn least(self, b: Self) -> Self {
        unsafe { Avx512(_mm512_min_ps(b.0, self.0)) }
    }
    #[inline(always)]
    unsafe fn most(self, b: Self) -> Self {
        unsafe { Avx512(_mm512_max_ps(b.0, self.0)) }
    }
    #[inline(always)]
    unsafe fn lt(self, b: Self) -> __mmask16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, b.0) }
    }
    #[inline(always)]
    unsafe fn le(self, b: Self) -> __mmask16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_LE_OQ>(self.0, b.0) }
    }
    #[inline(always)]
    unsafe fn is_nan(self) -> __mmask16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0) }
    }
    #[inline(always)]
    unsafe fn first(count: usize) -> __mmask16 {
        ((1u32 << count.min(16)) - 1) as __mmask16
    }
    #[inline(always)]
    unsafe fn and(a: __mmask16, b: __mmask16) -> __mmask16 {
        a & b
    }
    #[inline(always)]
    unsafe fn xor(a: __mmask16, b: __mmask16) -> __mmask16 {
        a ^ b
    }
    #[inline(always)]
    unsafe fn bits(mask: __mmask16) -> u32 {
        mask as u32
    }
    #[inline(always)]
    unsafe fn select(mask: __mmask16, a: Self, b: Self) -> Self {
        unsafe { Avx512(_mm512_mask_blend_ps(mask, b.0, a.0)) }
    }
    #[inline(always)]
    unsafe fn keep(self, mask: __mmask16) -> Self {
        unsafe { Avx512(_mm512_maskz_mov_ps(mask, self.0)) }
    }
    #[inline(always)]
    unsafe fn drop(self, mask: __mmask16) -> Self {
        unsafe { Avx512(_mm512_maskz_mov_ps(!mask, self.0)) }
    }
    #[inline(always)]
    unsafe fn int_splat(x: i32) -> Self {
        unsafe { Self::of(_mm512_set1_epi32(x)) }
    }
    #[inline(always)]
    unsafe fn int_add(self, b: Self) -> Self {
        unsafe { Self::of(_mm512_add_epi32(self.int(), b.int())) }
    }
    #[inline(always)]
    unsafe fn int_sub(self, b: Self) -> Self {
        unsafe { Self::of(_mm512_sub_epi32(self.int(), b.int())) }
    }
    #[inline(always)]
    unsafe fn int_and(self, b: Self) -> Self {
        unsafe { Self::of(_mm512_and_si512(self.int(), b.int())) }
    }
    #[inline(always)]
    unsafe fn int_or(self, b: Self) -> Self {
        unsafe { Self::of(_mm512_or_si512(self.int(), b.int())) }
    }
    #[inline(always)]
    unsafe fn int_xor(self, b: Self) -> Self {
        unsafe { Self::of(_mm512_xor_si512(self.int(), b.int())) }
    }
    #[inline(always)]
    unsafe fn shift_left<const BY: u32>(self) -> Self {
        unsafe { Self::of(_mm512_slli_epi32::<BY>(self.int())) }
    }
    #[inline(always)]
    unsafe fn shift_right<const BY: u32>(self) -> Self {
        unsafe { Self::of(_mm512_srli_epi32::<BY>(self.int())) }
    }
    #[inline(always)]
    unsafe fn shift_right_signed<const BY: u32>(self) -> Self {
        unsafe { Self::of(_mm512_srai_epi32::<BY>(self.int())) }
    }
    #[inline(always)]
    unsafe fn rotate_left<const BY: u32>(self) -> Self {
        unsafe { Self::of(_mm512_rolv_epi32(self.int(), _mm512_set1_epi32(BY as i32))) }
    }
    #[inline(always)]
    unsafe fn int_gt(self, b: Self) -> __mmask16 {
        unsafe { _mm512_cmpgt_epi32_mask(self.int(), b.int()) }
    }
    #[inline(always)]
    unsafe fn to_float(self) -> Self {
        unsafe { Avx512(_mm512_cvtepi32_ps(self.int())) }
    }
    #[inline(always)]
    unsafe fn int_iota() -> Self {
        unsafe { Self::of(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)) }
    }
    #[inline(always)]
    unsafe fn interleave(a: Self, b: Self) -> (Self, Self) {
        unsafe {
            let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
            (Avx512(_mm512_permutex2var_ps(a.0, low, b.0)), Avx512(_mm512_permutex2var_ps(a.0, high, b.0)))
        }
    }
    #[inline(always)]
    unsafe fn turn(square: &mut [Self; 16]) {
        unsafe {
            let mut fours = [_mm512_setzero_ps(); 16];
            for n in [0, 4, 8, 12] {
                let (a, b, c, d) = (square[n].0, square[n + 1].0, square[n + 2].0, square[n + 3].0);
                let (ab, cd) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d));
                let (ef, gh) = (_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d));
                fours[n] = _mm512_shuffle_ps::<0x44>(ab, cd);
                fours[n + 1] = _mm512_shuffle_ps::<0xee>(ab, cd);
                fours[n + 2] = _mm512_shuffle_ps::<0x44>(ef, gh);
                fours[n + 3] = _mm512_shuffle_ps::<0xee>(ef, gh);
            }
            for n in 0..4 {
                let (a, b, c, d) = (fours[n], fours[n + 4], fours[n + 8], fours[n + 12]);
                let (ab, cd) = (_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0x88>(c, d));
                let (ef, gh) = (_mm512_shuffle_f32x4::<0xdd>(a, b), _mm512_shuffle_f32x4::<0xdd>(c, d));
                square[n] = Avx512(_mm512_shuffle_f32x4::<0x88>(ab, cd));
                square[n + 4] = Avx512(_mm512_shuffle_f32x4::<0x88>(ef, gh));
                square[n + 8] = Avx512(_mm512_shuffle_f32x4::<0xdd>(ab, cd));
                square[n + 12] = Avx512(_mm512_shuffle_f32x4::<0xdd>(ef, gh));
            }
        }
    }
    #[inline(always)]
    unsafe fn products_across(v: *const Self) -> Self {
        unsafe { across!(v, _mm512_mul_ps) }
    }
    #[inline(always)]
    unsafe fn counts_across(v: *const Self) -> Self {
        unsafe { across!(v, int_sum) }
    }
    #[inline(always)]
    unsafe fn fractions_across(p: *const Self, s: *const Self) -> (Self, Self) {
        unsafe {
            let ((a, c), (b, d)) = (join_eight(p, s), join_eight(p.add(8), s.add(8)));
            let (product, sum) = join(
                _mm512_shuffle_f32x4::<0x88>(a, b),
                _mm512_shuffle_f32x4::<0x88>(c, d),
                _mm512_shuffle_f32x4::<0xdd>(a, b),
                _mm512_shuffle_f32x4::<0xdd>(c, d),
            );
            (Avx512(product), Avx512(sum))
        }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe {
            let eight = _mm256_add_ps(_mm512_castps512_ps256(self.0), _mm512_extractf32x8_ps::<1>(self.0));
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }
    #[inline(always)]
    unsafe fn max(self) -> f32 {
        unsafe {
            let eight = _mm256_max_ps(_mm512_castps512_ps256(self.0), _mm512_extractf32x8_ps::<1>(self.0));
            let four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
        }
    }
}
