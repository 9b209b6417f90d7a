// What the kernels share: fused multiply-add where the module has it, and exponentials and logarithms of four floats
// at a time. All functions are branch-free and inlined, and the same lane value gives the same result in any lane.
// Exponentials hand NaN on. The polynomials are minimax fits in float64: exp4, expm14 and log4 are within about one
// unit in the last place.
import { own } from "./own";

/** Below this, probabilities and credits are stored as 0: WebAssembly cannot flush denormals by itself. */
export const TINY: f32 = 1e-30;

// Constants that loops use lie in memory: V8 puts a `v128.const` together anew wherever it stands, in five
// instructions, where a splat from memory is one.
const CONSTANTS: usize = memory.data<f32>([
  // (e^r - 1 - r) / r^2, highest power first
  0.00138825099310061, 0.008366580344956309, 0.041667201782150276, 0.1666654317794631, 0.49999998144062385,
  // (log(1 + f) - f) / f^2, highest power first
  -0.07622109074549241, 0.12904690565999846, -0.13242975987364847, 0.14181778753399216, -0.16609077657129084,
  0.20001976576258285, -0.25001583344214595, 0.3333332564529308, -0.4999998833945569,
  -87, 88, 1, 1.4426950408889634,
  12582912, // 1.5 2^23: added, it rounds to a whole number and leaves it in the low bits
  0.693359375, -2.1219444005e-4, // log 2 in two parts: the first has few bits, so that a whole number times it is exact
  -0.693359375, 2.1219444005e-4,
  0.7071067811865476, 1e-30,
]);
const EXP = 0;
const LOG = 5;
const LEAST = 14;
const MOST = 15;
const ONE = 16;
const LOG2E = 17;
const ROUND = 18;
const LN2_HIGH = 19;
const LN2_LOW = 20;
const MINUS_LN2_HIGH = 21;
const MINUS_LN2_LOW = 22;
const ROOT_HALF = 23;
const TINIEST = 24;

/** One of the constants in all lanes. */
// @ts-ignore: decorator
@inline
function constant(index: i32): v128 {
  return v128.load32_splat(CONSTANTS + ((<usize>index) << 2));
}

/** `a b + c`; rounded once in the relaxed module, twice in the portable one. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** Lanes of `a` where the mask is all ones, of `b` where it is 0; other masks are not allowed. */
// @ts-ignore: decorator
@inline
export function select(a: v128, b: v128, mask: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_laneselect(a, b, mask);
  return v128.bitselect(a, b, mask);
}

/** `log(mantissa 2^power)`, the powers whole numbers. */
// @ts-ignore: decorator
@inline
export function logOf(mantissa: v128, power: v128): v128 {
  const n = f32x4.convert_i32x4_s(power);
  return madd(n, constant(LN2_HIGH), madd(n, constant(LN2_LOW), log4(mantissa)));
}

/** `x` in all lanes, read from memory: what a loop uses then stays in a register. */
// @ts-ignore: decorator
@inline
export function pinned(x: f32): v128 {
  store<f32>(own, x);
  return v128.load32_splat(own);
}

/** The four lanes added, pairs first. */
// @ts-ignore: decorator
@inline
export function sum4(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** Four vectors' lanes added, pairs first: one sum a lane. */
// @ts-ignore: decorator
@inline
export function sumsAcross(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** Likewise multiplied. */
// @ts-ignore: decorator
@inline
export function productsAcross(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.mul(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.mul(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.mul(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** Likewise added, whole numbers. */
// @ts-ignore: decorator
@inline
export function countsAcross(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

/** The largest lane. */
// @ts-ignore: decorator
@inline
export function max4(x: v128): f32 {
  const pairs = f32x4.pmax(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** `x`, or 0 where |x| < TINY. */
// @ts-ignore: decorator
@inline
export function flush4(x: v128): v128 {
  return v128.andnot(x, f32x4.lt(f32x4.abs(x), constant(TINIEST)));
}

/** `e^r - 1` for |r| <= ln(2) / 2. */
// @ts-ignore: decorator
@inline
function expm1Small(r: v128): v128 {
  let y = constant(EXP);
  y = madd(y, r, constant(EXP + 1));
  y = madd(y, r, constant(EXP + 2));
  y = madd(y, r, constant(EXP + 3));
  y = madd(y, r, constant(EXP + 4));
  return madd(f32x4.mul(r, r), y, r);
}

/** `e^x`: 0 below -87, `e^88` above 88. Never a denormal, never infinite. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const y = expNear(f32x4.pmin(f32x4.pmax(x, constant(LEAST)), constant(MOST)));
  return v128.andnot(y, f32x4.lt(x, constant(LEAST)));
}

/** `e^x` for x from -87 to 88, the same bits; elsewhere anything. */
// @ts-ignore: decorator
@inline
export function expNear(x: v128): v128 {
  const shifted = madd(x, constant(LOG2E), constant(ROUND));
  const n = f32x4.sub(shifted, constant(ROUND));
  const r = madd(n, constant(MINUS_LN2_LOW), madd(n, constant(MINUS_LN2_HIGH), x));
  const power = i32x4.add(i32x4.shl(shifted, 23), constant(ONE)); // 2^n: n is in the low bits
  return f32x4.mul(f32x4.add(constant(ONE), expm1Small(r)), power);
}

/** `expNear` of four vectors, stored side by side: they share the constants and hide one another's latency. */
// @ts-ignore: decorator
@inline
export function expNearFour(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  const log2e = constant(LOG2E), round = constant(ROUND);
  const sa = madd(a, log2e, round), sb = madd(b, log2e, round);
  const sc = madd(c, log2e, round), sd = madd(d, log2e, round);
  const high = constant(MINUS_LN2_HIGH), low = constant(MINUS_LN2_LOW);
  const na = f32x4.sub(sa, round), nb = f32x4.sub(sb, round);
  const nc = f32x4.sub(sc, round), nd = f32x4.sub(sd, round);
  const ra = madd(na, low, madd(na, high, a)), rb = madd(nb, low, madd(nb, high, b));
  const rc = madd(nc, low, madd(nc, high, c)), rd = madd(nd, low, madd(nd, high, d));
  const e0 = constant(EXP), e1 = constant(EXP + 1);
  let ya = madd(e0, ra, e1), yb = madd(e0, rb, e1), yc = madd(e0, rc, e1), yd = madd(e0, rd, e1);
  const e2 = constant(EXP + 2);
  ya = madd(ya, ra, e2); yb = madd(yb, rb, e2); yc = madd(yc, rc, e2); yd = madd(yd, rd, e2);
  const e3 = constant(EXP + 3);
  ya = madd(ya, ra, e3); yb = madd(yb, rb, e3); yc = madd(yc, rc, e3); yd = madd(yd, rd, e3);
  const e4 = constant(EXP + 4);
  ya = madd(ya, ra, e4); yb = madd(yb, rb, e4); yc = madd(yc, rc, e4); yd = madd(yd, rd, e4);
  const one = constant(ONE);
  ya = f32x4.add(one, madd(f32x4.mul(ra, ra), ya, ra));
  yb = f32x4.add(one, madd(f32x4.mul(rb, rb), yb, rb));
  yc = f32x4.add(one, madd(f32x4.mul(rc, rc), yc, rc));
  yd = f32x4.add(one, madd(f32x4.mul(rd, rd), yd, rd));
  storeFour(
    to,
    f32x4.mul(ya, i32x4.add(i32x4.shl(sa, 23), one)),
    f32x4.mul(yb, i32x4.add(i32x4.shl(sb, 23), one)),
    f32x4.mul(yc, i32x4.add(i32x4.shl(sc, 23), one)),
    f32x4.mul(yd, i32x4.add(i32x4.shl(sd, 23), one)),
  );
}

/** Four vectors side by side. */
// @ts-ignore: decorator
@inline
export function storeFour(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(to, a);
  v128.store(to, b, 16);
  v128.store(to, c, 32);
  v128.store(to, d, 48);
}

/** `e^x - 1` with relative accuracy near 0: -1 below -87, about `e^88` above 88. */
// @ts-ignore: decorator
@inline
export function expm14(x: v128): v128 {
  const clamped = f32x4.pmin(f32x4.pmax(x, constant(LEAST)), constant(MOST));
  const shifted = madd(clamped, constant(LOG2E), constant(ROUND));
  const n = f32x4.sub(shifted, constant(ROUND));
  const r = madd(n, constant(MINUS_LN2_LOW), madd(n, constant(MINUS_LN2_HIGH), clamped));
  const power = i32x4.add(i32x4.shl(shifted, 23), constant(ONE)); // 2^n: n is in the low bits
  return madd(expm1Small(r), power, f32x4.sub(power, constant(ONE)));
}

/** `log x` for normal x > 0; about -88 at 0, finite but meaningless for negative and denormal x. */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  // x = 2^n m with m in [sqrt(1/2), sqrt(2)).
  const exponent = i32x4.shr_s(i32x4.sub(x, constant(ROOT_HALF)), 23);
  const f = f32x4.sub(i32x4.sub(x, i32x4.shl(exponent, 23)), constant(ONE));
  const n = f32x4.convert_i32x4_s(exponent);
  let y = constant(LOG);
  y = madd(y, f, constant(LOG + 1));
  y = madd(y, f, constant(LOG + 2));
  y = madd(y, f, constant(LOG + 3));
  y = madd(y, f, constant(LOG + 4));
  y = madd(y, f, constant(LOG + 5));
  y = madd(y, f, constant(LOG + 6));
  y = madd(y, f, constant(LOG + 7));
  y = madd(y, f, constant(LOG + 8));
  y = madd(f32x4.mul(f, f), y, f32x4.mul(n, constant(LN2_LOW)));
  return madd(n, constant(LN2_HIGH), f32x4.add(f, y));
}

/** `1 / (1 + e^-x)`, with full relative accuracy on both sides; 0 below TINY. `1 - sigmoid4(x)` is `sigmoid4(-x)`. */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  const numerator = select(e, constant(ONE), f32x4.lt(x, f32x4.splat(0)));
  return flush4(f32x4.div(numerator, f32x4.add(constant(ONE), e)));
}

/** `log(1 + e^x)`, absolute error about 1e-7 (1 + |x|). Minus this at -x is the logarithm of `sigmoid4(x)`. */
// @ts-ignore: decorator
@inline
export function softplus4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  return f32x4.add(f32x4.pmax(f32x4.splat(0), x), log4(f32x4.add(constant(ONE), e)));
}

/** exp4 of one number: the same bits as in a vector. */
// @ts-ignore: decorator
@inline
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/** log4 of one number: the same bits as in a vector. */
// @ts-ignore: decorator
@inline
export function log1(x: f32): f32 {
  return f32x4.extract_lane(log4(f32x4.splat(x)), 0);
}
