//! 256 bits: AVX2 and FMA.
use super::Lanes;
use core::arch::x86_64::*;

#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Avx2(__m256);

macro_rules! four {
    ($v:expr, $n:expr, $op:path) => {{
        let (a, b) = ((*$v.add($n)).0, (*$v.add($n + 1)).0);
        let (c, d) = ((*$v.add($n + 2)).0, (*$v.add($n + 3)).0);
        let ab = $op(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let cd = $op(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        $op(_mm256_shuffle_ps::<0x44>(ab, cd), _mm256_shuffle_ps::<0xee>(ab, cd))
    }};
}

macro_rules! across {
    ($v:expr, $op:path) => {{
        let (x, y) = (four!($v, 0, $op), four!($v, 4, $op));
        Avx2($op(_mm256_permute2f128_ps::<0x20>(x, y), _mm256_permute2f128_ps::<0x31>(x, y)))
    }};
}

/// `(p, s)` and `(r, u)` stand for s / p and u / r: their sum.
#[inline(always)]
unsafe fn join(p: __m256, s: __m256, r: __m256, u: __m256) -> (__m256, __m256) {
    unsafe { (_mm256_mul_ps(p, r), _mm256_fmadd_ps(s, r, _mm256_mul_ps(u, p))) }
}

#[inline(always)]
unsafe fn join_four(p: *const Avx2, s: *const Avx2) -> (__m256, __m256) {
    unsafe {
        let ((a, c), (b, d)) = (join_two(p, s), join_two(p.add(2), s.add(2)));
        join(
            _mm256_shuffle_ps::<0x44>(a, b),
            _mm256_shuffle_ps::<0x44>(c, d),
            _mm256_shuffle_ps::<0xee>(a, b),
            _mm256_shuffle_ps::<0xee>(c, d),
        )
    }
}

#[inline(always)]
unsafe fn join_two(p: *const Avx2, s: *const Avx2) -> (__m256, __m256) {
    unsafe {
        let (a, b, c, d) = ((*p).0, (*p.add(1)).0, (*s).0, (*s.add(1)).0);
        join(
            _mm256_unpacklo_ps(a, b),
            _mm256_unpacklo_ps(c, d),
            _mm256_unpackhi_ps(a, b),
            _mm256_unpackhi_ps(c, d),
        )
    }
}

#[inline(always)]
unsafe fn int_sum(a: __m256, b: __m256) -> __m256 {
    unsafe { _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b))) }
}

impl Avx2 {
    #[inline(always)]
    unsafe fn int(self) -> __m256i {
        unsafe { _mm256_castps_si256(self.0) }
    }
    #[inline(always)]
    unsafe fn of(x: __m256i) -> Self {
        unsafe { Avx2(_mm256_castsi256_ps(x)) }
    }
}

impl Lanes for Avx2 {
    const COUNT: usize = 8;
    const SUMS: usize = 12;
    const ACROSS: usize = 2;
    type Mask = __m256;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { Avx2(_mm256_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Avx2(_mm256_loadu_ps(from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        unsafe {
            if count >= 8 {
                self.store(to)
            } else {
                _mm256_maskstore_ps(to, _mm256_castps_si256(Self::first(count)), self.0)
            }
        }
    }
    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self {
        unsafe { Self::of(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()))) }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        unsafe { Avx2(_mm256_add_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        unsafe { Avx2(_mm256_sub_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        unsafe { Avx2(_mm256_mul_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        unsafe { Avx2(_mm256_div_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        unsafe { Avx2(_mm256_sqrt_ps(self.0)) }
    }
    #[inline(always)]
    unsafe fn madd(self, b: Self, c: Self) -> Self {
        unsafe { Avx2(_mm256_fmadd_ps(self.0, b.0, c.0)) }
    }
    #[inline(always)]
    unsafe fn nmadd(self, b: Self, c: Self) -> Self {
        unsafe { Avx2(_mm256_fnmadd_ps(self.0, b.0, c.0)) }
    }
    #[inline(always)]
    unsafe fn least(self, b: Self) -> Self {
        unsafe { Avx2(_mm256_min_ps(b.0, self.0)) }
    }
    #[inline(always)]
    unsafe fn most(self, b: Self) -> Self {
        unsafe { Avx2(_mm256_max_ps(b.0, self.0)) }
    }
    #[inline(always)]
    unsafe fn lt(self, b: Self) -> __m256 {
        unsafe { _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, b.0) }
    }
    #[inline(always)]
    unsafe fn le(self, b: Self) -> __m256 {
        unsafe { _mm256_cmp_ps::<_CMP_LE_OQ>(self.0, b.0) }
    }
    #[inline(always)]
    unsafe fn is_nan(self) -> __m256 {
        unsafe { _mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, self.0) }
    }
    #[inline(always)]
    unsafe fn first(count: usize) -> __m256 {
        unsafe {
            let count = _mm256_set1_epi32(count.min(8) as i32);
            _mm256_castsi256_ps(_mm256_cmpgt_epi32(count, Self::int_iota().int()))
        }
    }
    #[inline(always)]
    unsafe fn and(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_and_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn xor(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_xor_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn bits(mask: __m256) -> u32 {
        unsafe { _mm256_movemask_ps(mask) as u32 }
    }
    #[inline(always)]
    unsafe fn select(mask: __m256, a: Self, b: Self) -> Self {
        unsafe { Avx2(_mm256_blendv_ps(b.0, a.0, mask)) }
    }
    #[inline(always)]
    unsafe fn keep(self, mask: __m256) -> Self {
        unsafe { Avx2(_mm256_and_ps(mask, self.0)) }
    }
    #[inline(always)]
    unsafe fn drop(self, mask: __m256) -> Self {
        unsafe { Avx2(_mm256_andnot_ps(mask, self.0)) }
    }
    #[inline(always)]
    unsafe fn int_splat(x: i32) -> Self {
        unsafe { Self::of(_mm256_set1_epi32(x)) }
    }
    #[inline(always)]
    unsafe fn int_add(self, b: Self) -> Self {
        unsafe { Self::of(_mm256_add_epi32(self.int(), b.int())) }
    }
    #[inline(always)]
    unsafe fn int_sub(self, b: Self) -> Self {
        unsafe { Self::of(_mm256_sub_epi32(self.int(), b.int())) }
    }
    #[inline(always)]
    unsafe fn int_and(self, b: Self) -> Self {
        unsafe { Avx2(_mm256_and_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn int_or(self, b: Self) -> Self {
        unsafe { Avx2(_mm256_or_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn int_xor(self, b: Self) -> Self {
        unsafe { Avx2(_mm256_xor_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn shift_left<const BY: u32>(self) -> Self {
        unsafe { Self::of(_mm256_sll_epi32(self.int(), _mm_cvtsi32_si128(BY as i32))) }
    }
    #[inline(always)]
    unsafe fn shift_right<const BY: u32>(self) -> Self {
        unsafe { Self::of(_mm256_srl_epi32(self.int(), _mm_cvtsi32_si128(BY as i32))) }
    }
    #[inline(always)]
    unsafe fn shift_right_signed<const BY: u32>(self) -> Self {
        unsafe { Self::of(_mm256_sra_epi32(self.int(), _mm_cvtsi32_si128(BY as i32))) }
    }
    #[inline(always)]
    unsafe fn rotate_left<const BY: u32>(self) -> Self {
        unsafe {
            let right = Self::of(_mm256_srl_epi32(self.int(), _mm_cvtsi32_si128(32 - BY as i32)));
            self.shift_left::<BY>().int_or(right)
        }
    }
    #[inline(always)]
    unsafe fn int_gt(self, b: Self) -> __m256 {
        unsafe { _mm256_castsi256_ps(_mm256_cmpgt_epi32(self.int(), b.int())) }
    }
    #[inline(always)]
    unsafe fn to_float(self) -> Self {
        unsafe { Avx2(_mm256_cvtepi32_ps(self.int())) }
    }
    #[inline(always)]
    unsafe fn int_iota() -> Self {
        unsafe { Self::of(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)) }
    }
    #[inline(always)]
    unsafe fn interleave(a: Self, b: Self) -> (Self, Self) {
        unsafe {
            let low = _mm256_unpacklo_ps(a.0, b.0);
            let high = _mm256_unpackhi_ps(a.0, b.0);
            (Avx2(_mm256_permute2f128_ps::<0x20>(low, high)), Avx2(_mm256_permute2f128_ps::<0x31>(low, high)))
        }
    }
    #[inline(always)]
    unsafe fn turn(square: &mut [Self; 16]) {
        unsafe {
            let mut fours = [_mm256_setzero_ps(); 8];
            for n in [0, 4] {
                let (a, b, c, d) = (square[n].0, square[n + 1].0, square[n + 2].0, square[n + 3].0);
                let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
                let (ef, gh) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
                fours[n] = _mm256_shuffle_ps::<0x44>(ab, cd);
                fours[n + 1] = _mm256_shuffle_ps::<0xee>(ab, cd);
                fours[n + 2] = _mm256_shuffle_ps::<0x44>(ef, gh);
                fours[n + 3] = _mm256_shuffle_ps::<0xee>(ef, gh);
            }
            for n in 0..4 {
                square[n] = Avx2(_mm256_permute2f128_ps::<0x20>(fours[n], fours[n + 4]));
                square[n + 4] = Avx2(_mm256_permute2f128_ps::<0x31>(fours[n], fours[n + 4]));
            }
        }
    }
    #[inline(always)]
    unsafe fn products_across(v: *const Self) -> Self {
        unsafe { across!(v, _mm256_mul_ps) }
    }
    #[inline(always)]
    unsafe fn counts_across(v: *const Self) -> Self {
        unsafe { across!(v, int_sum) }
    }
    #[inline(always)]
    unsafe fn fractions_across(p: *const Self, s: *const Self) -> (Self, Self) {
        unsafe {
            let ((a, c), (b, d)) = (join_four(p, s), join_four(p.add(4), s.add(4)));
            let (product, sum) = join(
                _mm256_permute2f128_ps::<0x20>(a, b),
                _mm256_permute2f128_ps::<0x20>(c, d),
                _mm256_permute2f128_ps::<0x31>(a, b),
                _mm256_permute2f128_ps::<0x31>(c, d),
            );
            (Avx2(product), Avx2(sum))
        }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }
    #[inline(always)]
    unsafe fn max(self) -> f32 {
        unsafe {
            let four = _mm_max_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
        }
    }
}
