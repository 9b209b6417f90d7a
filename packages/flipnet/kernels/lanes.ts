// Rows end anywhere: how a kernel reads and writes the last few columns. Reading past a row is harmless (the next row,
// or the `padding` that follows every operand) as long as those lanes are dropped; writing past it is not.

/** Stores the first `count` lanes, all four if there are more. */
// @ts-ignore: decorator
@inline
export function storeLanes(address: usize, x: v128, count: i32): void {
  if (count >= 4) {
    v128.store(address, x);
    return;
  }
  if (count & 2) v128.store64_lane(address, x, 0);
  if (count == 1) v128.store32_lane(address, x, 0);
  if (count == 3) v128.store32_lane(address, x, 2, 8);
}

/** All ones in the first `count` lanes, 0 in the others. */
// @ts-ignore: decorator
@inline
export function firstLanes(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
}
