// out[b] (+)= sum_i a[b, i] b[b, i], both read as 2 x - 1 where plusMinus.
//   rowDots(a: [B, I], b: [B, I], out: [B], B, I, plusMinus, accumulate)
import { madd, sum4 } from "./math";
import { firstLanes } from "./lanes";

export function rowDots(
  a: usize, b: usize, out: usize, B: i32, I: i32, plusMinus: bool, accumulate: bool,
): void {
  const scale = f32x4.splat(plusMinus ? 2 : 1);
  const shift = f32x4.splat(plusMinus ? -1 : 0);
  const mask = firstLanes(I & 3);
  for (const end = out + ((<usize>B) << 2); out < end; out += 4) {
    let sum = f32x4.splat(0), sum1 = sum, sum2 = sum, sum3 = sum;
    const whole = a + (((<usize>I) << 2) & ~15);
    for (const last = a + (((<usize>I) << 2) & ~63); a < last; a += 64, b += 64) {
      sum = madd(madd(v128.load(a), scale, shift), madd(v128.load(b), scale, shift), sum);
      sum1 = madd(madd(v128.load(a, 16), scale, shift), madd(v128.load(b, 16), scale, shift), sum1);
      sum2 = madd(madd(v128.load(a, 32), scale, shift), madd(v128.load(b, 32), scale, shift), sum2);
      sum3 = madd(madd(v128.load(a, 48), scale, shift), madd(v128.load(b, 48), scale, shift), sum3);
    }
    sum = f32x4.add(f32x4.add(sum, sum1), f32x4.add(sum2, sum3));
    for (; a < whole; a += 16, b += 16) {
      sum = madd(madd(v128.load(a), scale, shift), madd(v128.load(b), scale, shift), sum);
    }
    if (I & 3) {
      const x = v128.and(madd(v128.load(a), scale, shift), mask);
      const y = v128.and(madd(v128.load(b), scale, shift), mask);
      sum = madd(x, y, sum);
      a += (<usize>(I & 3)) << 2;
      b += (<usize>(I & 3)) << 2;
    }
    store<f32>(out, sum4(sum) + (accumulate ? load<f32>(out) : <f32>0));
  }
}
