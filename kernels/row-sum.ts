// out[b] += sum of the rows W[i] whose bit x[b, i] is set; for {-1,+1} units twice that, less the sum of all rows.
//   rowSum(x: [B, I] bits, W: [I, J], out: [B, J], B, I, J, plusMinus, scratch: (I + J + 4) floats)
import { columnSums } from "./column-means";
import { sumRows } from "./sum-rows";

export function rowSum(
  x: usize, weights: usize, out: usize, B: i32, I: i32, J: i32, plusMinus: bool, scratch: usize,
): void {
  const rowBytes = (<usize>J) << 2;
  const list = scratch + rowBytes + 16;
  if (plusMinus) columnSums(weights, scratch, I, J, 1, false);
  for (let b = 0; b < B; b++, out += rowBytes) {
    // Branch-free: every address is written, the end of the list moves on only where the bit is set.
    let end = list;
    let row = weights;
    for (const last = x + ((<usize>I) << 2); x < last; x += 4, row += rowBytes) {
      store<usize>(end, row);
      end += (load<u32>(x) >>> 29) << 2; // 1.0 is 0x3f800000
    }
    sumRows(list, <i32>((end - list) >> 2), out, J, plusMinus ? 2 : 1, true, plusMinus ? scratch : 0);
  }
}
