// What a difference in log-likelihood is worth where the outcome may be another law's as well.
//   mixtureLikelihood(delta: [B, I], odds: [B], bits: [B, I] or 0, out: [B, I], B, I)
//     out = s log(r e^(s delta) + 1 - r), r = sigmoid(odds), s = -1 where the bit is on, else 1
// Near 0 as log1p(r expm1(x)), relative to itself; beyond as a difference of softplus, where nothing overflows.
import { storeLanes } from "./lanes";
import { expm14, log4, select, sigmoid4, softplus4 } from "./math";

export function mixtureLikelihood(delta: usize, odds: usize, bits: usize, out: usize, B: i32, I: i32): void {
  const size = (<usize>I) << 2;
  const zero = f32x4.splat(0), one = f32x4.splat(1);
  for (let b = 0; b < B; b++, odds += 4, delta += size, out += size) {
    const o = v128.load32_splat(odds);
    const r = sigmoid4(o), usual = softplus4(o);
    for (let i = 0; i < I; i += 4) {
      const at = (<usize>i) << 2;
      let sign = one;
      if (bits) sign = select(f32x4.neg(one), one, f32x4.gt(v128.load(bits + at), zero));
      const x = f32x4.mul(sign, v128.load(delta + at));
      const y = f32x4.mul(r, expm14(x));
      const u = f32x4.add(one, y);
      const beside = f32x4.sub(u, one);
      // log1p(y) = y log(u) / (u - 1) undoes the rounding of u; where u is 1 it is y.
      const log1p = select(y, f32x4.mul(y, f32x4.div(log4(u), beside)), f32x4.eq(beside, zero));
      const far = f32x4.sub(softplus4(f32x4.add(o, x)), usual);
      const near = f32x4.le(f32x4.abs(x), one);
      storeLanes(out + at, f32x4.mul(sign, select(log1p, far, near)), I - i);
    }
    if (bits) bits += size;
  }
}
