// out += x W for real x.
//   dense(x: [B, I], W: [I, J], out: [B, J], B, I, J)
import { multiply } from "./tile";

export function dense(x: usize, weights: usize, out: usize, B: i32, I: i32, J: i32): void {
  multiply(x, (<usize>I) << 2, 4, weights, out, B, I, J, 1, true);
}
