// out (+)= mean_b g[b], examples added in order.
//   columnMeans(g: [B, J], out: [J], B, J, accumulate);  columnSums likewise, times `scale` instead of 1 / B
import { madd } from "./math";
import { storeLanes } from "./lanes";

export function columnMeans(g: usize, out: usize, B: i32, J: i32, accumulate: bool): void {
  columnSums(g, out, B, J, <f32>1 / <f32>B, accumulate);
}

export function columnSums(g: usize, out: usize, B: i32, J: i32, scale: f32, accumulate: bool): void {
  const rowBytes = (<usize>J) << 2;
  const end = g + <usize>B * rowBytes;
  const factor = f32x4.splat(scale);
  const zero = f32x4.splat(0);
  let j = 0;
  for (; j + 16 <= J; j += 16, g += 64, out += 64) {
    let a = zero, b = zero, c = zero, d = zero;
    for (let row = g; row < end; row += rowBytes) {
      a = f32x4.add(a, v128.load(row));
      b = f32x4.add(b, v128.load(row, 16));
      c = f32x4.add(c, v128.load(row, 32));
      d = f32x4.add(d, v128.load(row, 48));
    }
    v128.store(out, madd(a, factor, accumulate ? v128.load(out) : zero));
    v128.store(out, madd(b, factor, accumulate ? v128.load(out, 16) : zero), 16);
    v128.store(out, madd(c, factor, accumulate ? v128.load(out, 32) : zero), 32);
    v128.store(out, madd(d, factor, accumulate ? v128.load(out, 48) : zero), 48);
  }
  for (; j < J; j += 4, g += 16, out += 16) {
    let a = zero;
    for (let row = g; row < end; row += rowBytes) a = f32x4.add(a, v128.load(row));
    storeLanes(out, madd(a, factor, accumulate ? v128.load(out) : zero), J - j);
  }
}
