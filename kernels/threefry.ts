// Threefry-2x32 with 13 rounds, as in src/random/threefry.ts, on eight counters at a time.

/** Where `threefry8` leaves its words. */
const words: usize = memory.data(64, 16);

// @ts-ignore: decorator
@inline
function rotate(x: v128, by: i32): v128 {
  // Whole bytes move in one shuffle.
  if (by == 16) return v128.shuffle<u8>(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  if (by == 24) return v128.shuffle<u8>(x, x, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
  return v128.or(i32x4.shl(x, by), i32x4.shr_u(x, 32 - by));
}

/**
 * The 16 words of the counters (c0, c1) to (c0 + 7, c1) in their order, at the returned address: the words with
 * numbers 2 c0 to 2 c0 + 15 of row c1. Two chains of four counters, a and b, hide each other's latency.
 */
export function threefry8(k0: i32, k1: i32, c0: i32, c1: i32): usize {
  const k2 = 0x1bd11bda ^ k0 ^ k1;
  let a0 = i32x4.add(i32x4.splat(c0 + k0), i32x4(0, 1, 2, 3));
  let a1 = i32x4.splat(c1 + k1);
  let b0 = i32x4.add(a0, i32x4.splat(4));
  let b1 = a1;

  a0 = i32x4.add(a0, a1); a1 = v128.xor(rotate(a1, 13), a0); b0 = i32x4.add(b0, b1); b1 = v128.xor(rotate(b1, 13), b0);
  a0 = i32x4.add(a0, a1); a1 = v128.xor(rotate(a1, 15), a0); b0 = i32x4.add(b0, b1); b1 = v128.xor(rotate(b1, 15), b0);
  a0 = i32x4.add(a0, a1); a1 = v128.xor(rotate(a1, 26), a0); b0 = i32x4.add(b0, b1); b1 = v128.xor(rotate(b1, 26), b0);
  a0 = i32x4.add(a0, a1); a1 = v128.xor(rotate(a1, 6), a0);  b0 = i32x4.add(b0, b1); b1 = v128.xor(rotate(b1, 6), b0);

  a0 = i32x4.add(a0, i32x4.splat(k1)); a1 = i32x4.add(a1, i32x4.splat(k2 + 1));
  b0 = i32x4.add(b0, i32x4.splat(k1)); b1 = i32x4.add(b1, i32x4.splat(k2 + 1));

  a0 = i32x4.add(a0, a1); a1 = v128.xor(rotate(a1, 17), a0); b0 = i32x4.add(b0, b1); b1 = v128.xor(rotate(b1, 17), b0);
  a0 = i32x4.add(a0, a1); a1 = v128.xor(rotate(a1, 29), a0); b0 = i32x4.add(b0, b1); b1 = v128.xor(rotate(b1, 29), b0);
  a0 = i32x4.add(a0, a1); a1 = v128.xor(rotate(a1, 16), a0); b0 = i32x4.add(b0, b1); b1 = v128.xor(rotate(b1, 16), b0);
  a0 = i32x4.add(a0, a1); a1 = v128.xor(rotate(a1, 24), a0); b0 = i32x4.add(b0, b1); b1 = v128.xor(rotate(b1, 24), b0);

  a0 = i32x4.add(a0, i32x4.splat(k2)); a1 = i32x4.add(a1, i32x4.splat(k0 + 2));
  b0 = i32x4.add(b0, i32x4.splat(k2)); b1 = i32x4.add(b1, i32x4.splat(k0 + 2));

  a0 = i32x4.add(a0, a1); a1 = v128.xor(rotate(a1, 13), a0); b0 = i32x4.add(b0, b1); b1 = v128.xor(rotate(b1, 13), b0);
  a0 = i32x4.add(a0, a1); a1 = v128.xor(rotate(a1, 15), a0); b0 = i32x4.add(b0, b1); b1 = v128.xor(rotate(b1, 15), b0);
  a0 = i32x4.add(a0, a1); a1 = v128.xor(rotate(a1, 26), a0); b0 = i32x4.add(b0, b1); b1 = v128.xor(rotate(b1, 26), b0);
  a0 = i32x4.add(a0, a1); a1 = v128.xor(rotate(a1, 6), a0);  b0 = i32x4.add(b0, b1); b1 = v128.xor(rotate(b1, 6), b0);

  a0 = i32x4.add(a0, i32x4.splat(k0)); a1 = i32x4.add(a1, i32x4.splat(k1 + 3));
  b0 = i32x4.add(b0, i32x4.splat(k0)); b1 = i32x4.add(b1, i32x4.splat(k1 + 3));

  a0 = i32x4.add(a0, a1); a1 = v128.xor(rotate(a1, 17), a0); b0 = i32x4.add(b0, b1); b1 = v128.xor(rotate(b1, 17), b0);

  v128.store(words, v128.shuffle<i32>(a0, a1, 0, 4, 1, 5));
  v128.store(words, v128.shuffle<i32>(a0, a1, 2, 6, 3, 7), 16);
  v128.store(words, v128.shuffle<i32>(b0, b1, 0, 4, 1, 5), 32);
  v128.store(words, v128.shuffle<i32>(b0, b1, 2, 6, 3, 7), 48);
  return words;
}
