// out (+)= mean_b x[b] (x) g[b].
//   outerProduct(x: [B, I] real, g: [B, J], out: [I, J], B, I, J, accumulate)
//   outerProductBits(x: [B, I] bits, g, out, B, I, J, accumulate, plusMinus, scratch: (B + J + 4) floats)
// For bits a row of the result is the sum of the examples' rows in which the input was on; for {-1,+1} units twice
// that, less the sum of all.
import { columnMeans } from "./column-means";
import { sumRows } from "./sum-rows";
import { multiply } from "./tile";

export function outerProduct(x: usize, g: usize, out: usize, B: i32, I: i32, J: i32, accumulate: bool): void {
  multiply(x, 4, (<usize>I) << 2, g, out, I, B, J, <f32>1 / <f32>B, accumulate);
}

export function outerProductBits(
  x: usize, g: usize, out: usize, B: i32, I: i32, J: i32, accumulate: bool, plusMinus: bool, scratch: usize,
): void {
  const inputBytes = (<usize>I) << 2;
  const rowBytes = (<usize>J) << 2;
  const list = scratch + rowBytes + 16;
  const scale = (plusMinus ? <f32>2 : <f32>1) / <f32>B;
  if (plusMinus) columnMeans(g, scratch, B, J, false);
  const end = g + <usize>B * rowBytes;
  for (let i = 0; i < I; i++, x += 4, out += rowBytes) {
    // Branch-free: every address is written, the end of the list moves on only where the bit is set.
    let last = list;
    let bit = x;
    for (let row = g; row < end; row += rowBytes, bit += inputBytes) {
      store<usize>(last, row);
      last += (load<u32>(bit) >>> 29) << 2; // 1.0 is 0x3f800000
    }
    sumRows(list, <i32>((last - list) >> 2), out, J, scale, accumulate, plusMinus ? scratch : 0);
  }
}
