// Lists of addresses: which rows a sum is over.

/** For each mask of four lanes the bytes of those that are set, moved to the front. */
const FRONT: usize = memory.data<u8>([
  0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3,
  0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3,
  4, 5, 6, 7, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3,
  0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 0, 1, 2, 3,
  8, 9, 10, 11, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3,
  0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 0, 1, 2, 3,
  4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 0, 1, 2, 3,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3,
  12, 13, 14, 15, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3,
  0, 1, 2, 3, 12, 13, 14, 15, 0, 1, 2, 3, 0, 1, 2, 3,
  4, 5, 6, 7, 12, 13, 14, 15, 0, 1, 2, 3, 0, 1, 2, 3,
  0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 0, 1, 2, 3,
  8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 0, 1, 2, 3,
  0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3,
  4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
], 16);

/**
 * Writes those of four addresses that a mask of four bits names to the end of a list, and gives the new end. No branch:
 * sixteen bytes are written whatever the mask is.
 */
// @ts-ignore: decorator
@inline
export function append(end: usize, addresses: v128, mask: i32): usize {
  const front = v128.load(FRONT + ((<usize>mask) << 4));
  const named = ASC_FEATURE_RELAXED_SIMD
    ? i8x16.relaxed_swizzle(addresses, front)
    : i8x16.swizzle(addresses, front);
  v128.store(end, named);
  return end + (<usize>popcnt(mask) << 2);
}

/** The addresses of four rows, `rowBytes` apart. */
// @ts-ignore: decorator
@inline
export function fourRows(first: usize, rowBytes: usize): v128 {
  return i32x4.add(i32x4.splat(<i32>first), i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(<i32>rowBytes)));
}

/** A mask of the first four of `count` bits, stored as 0 or 1, that are set. */
// @ts-ignore: decorator
@inline
export function bitsSet(bits: usize, count: i32): i32 {
  const mask = i32x4.bitmask(i32x4.shl(v128.load(bits), 2)); // 1.0 is 0x3f800000
  return count >= 4 ? mask : mask & ((1 << count) - 1);
}
