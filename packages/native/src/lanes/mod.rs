//! One vector of float32, whatever its width. All kernels are written once, over this trait; what is in them is inlined
//! into one function a width, which may use that width's instructions.
#![allow(clippy::missing_safety_doc)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
#[cfg(target_arch = "aarch64")]
pub use neon::Neon;

/// A vector. Functions that begin with `int_` take its lanes as whole numbers of 32 bits.
///
/// The same lane value gives the same result in any lane, and none of the operations is an approximation whose bits
/// processors choose. All functions are unsafe because they may only be inlined into what the processor can run.
pub trait Lanes: Copy {
    /// Floats in it.
    const COUNT: usize;
    /// Sums that a tile of a product may keep in registers, beside its operands, and how many of them side by side.
    const SUMS: usize;
    const ACROSS: usize;
    type Mask: Copy;

    unsafe fn splat(x: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// Stores the first `count` lanes, all if there are fewer.
    unsafe fn store_first(self, to: *mut f32, count: usize);
    /// Bytes as whole numbers.
    unsafe fn load_bytes(from: *const u8) -> Self;

    unsafe fn add(self, b: Self) -> Self;
    unsafe fn sub(self, b: Self) -> Self;
    unsafe fn mul(self, b: Self) -> Self;
    unsafe fn div(self, b: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    /// `self b + c`, rounded once.
    unsafe fn madd(self, b: Self, c: Self) -> Self;
    /// `c - self b`, rounded once.
    unsafe fn nmadd(self, b: Self, c: Self) -> Self;
    /// `b` where that is less, else `self`, also where one is not a number.
    unsafe fn least(self, b: Self) -> Self;
    /// `b` where that is more, else `self`, also where one is not a number.
    unsafe fn most(self, b: Self) -> Self;

    unsafe fn lt(self, b: Self) -> Self::Mask;
    unsafe fn le(self, b: Self) -> Self::Mask;
    unsafe fn is_nan(self) -> Self::Mask;
    unsafe fn first(count: usize) -> Self::Mask;
    unsafe fn and(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    unsafe fn xor(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// A bit a lane.
    unsafe fn bits(mask: Self::Mask) -> u32;
    unsafe fn select(mask: Self::Mask, a: Self, b: Self) -> Self;
    /// Lanes where the mask is set, 0 elsewhere.
    unsafe fn keep(self, mask: Self::Mask) -> Self;
    /// Lanes where the mask is not set, 0 elsewhere.
    unsafe fn drop(self, mask: Self::Mask) -> Self;

    unsafe fn int_splat(x: i32) -> Self;
    unsafe fn int_add(self, b: Self) -> Self;
    unsafe fn int_sub(self, b: Self) -> Self;
    unsafe fn int_and(self, b: Self) -> Self;
    unsafe fn int_or(self, b: Self) -> Self;
    unsafe fn int_xor(self, b: Self) -> Self;
    unsafe fn shift_left<const BY: u32>(self) -> Self;
    unsafe fn shift_right<const BY: u32>(self) -> Self;
    unsafe fn shift_right_signed<const BY: u32>(self) -> Self;
    unsafe fn rotate_left<const BY: u32>(self) -> Self;
    unsafe fn int_gt(self, b: Self) -> Self::Mask;
    unsafe fn to_float(self) -> Self;
    /// 0, 1, 2 and so on.
    unsafe fn int_iota() -> Self;

    /// Lane 0 of `a`, lane 0 of `b`, lane 1 of `a` and so on: two vectors.
    unsafe fn interleave(a: Self, b: Self) -> (Self, Self);
    /// Turns a square of `COUNT` vectors: lane i of vector n becomes lane n of vector i.
    unsafe fn turn(square: &mut [Self; 16]);
    /// One lane a vector: the products of the lanes of `COUNT` vectors that lie behind one another.
    unsafe fn products_across(vectors: *const Self) -> Self;
    /// Likewise sums of whole numbers.
    unsafe fn counts_across(vectors: *const Self) -> Self;
    /// Of pairs `(p, s)` and `(p', s')` that stand for s / p and s' / p' the sum `(p p', s p' + s' p)`, over all lanes.
    unsafe fn fractions_across(p: *const Self, s: *const Self) -> (Self, Self);
    /// The lanes added, halves first.
    unsafe fn sum(self) -> f32;
    /// The largest lane; what is not a number is passed over or not.
    unsafe fn max(self) -> f32;
    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Self::splat(0.0) }
    }
    #[inline(always)]
    unsafe fn abs(self) -> Self {
        unsafe { self.int_and(Self::int_splat(0x7fffffff)) }
    }
    #[inline(always)]
    unsafe fn neg(self) -> Self {
        unsafe { self.int_xor(Self::int_splat(i32::MIN)) }
    }
    #[inline(always)]
    unsafe fn gt(self, b: Self) -> Self::Mask {
        unsafe { b.lt(self) }
    }
    #[inline(always)]
    unsafe fn any(mask: Self::Mask) -> bool {
        unsafe { Self::bits(mask) != 0 }
    }
}
