// Products of many factors in float32: exponents are split off, exactly, before they can overflow. Of each parent of an
// example four lanes are kept in planes behind one another: products, exponents, and what a kernel adds to them. The
// last group of four parents may not be full.
import { countsAcross, logOf, productsAcross } from "./math";
import { tileCount } from "./flip-tables";
import { firstLanes } from "./lanes";

/** How far |log| of a product may go: a mantissa up to 2 times e^86 is still a float, and so is e^-86. */
export const ROOM: f32 = 86;

export function planeBytes(I: i32): usize {
  return (<usize>((I + 3) & ~3)) << 4;
}

/** Copies J numbers and fills the last tile up: a child with p = 0, q = 1 and d = 0 counts for nothing. */
export function pad(to: usize, from: usize, J: i32, value: f32): void {
  const end = to + ((<usize>tileCount(J)) << 6);
  for (let at = end - 64; at < end; at += 16) v128.store(at, f32x4.splat(value));
  memory.copy(to, from, (<usize>J) << 2);
}

/**
 * What exponents are split off from is a number afterwards, whatever it was. So of an example with a child whose
 * probability is NaN, everything in `out` becomes NaN. `p` [J], `out` [I].
 */
export function handNaNOn(p: usize, J: i32, out: usize, I: i32): void {
  let none = i32x4.splat(0);
  for (; J >= 4; J -= 4, p += 16) none = v128.or(none, f32x4.ne(v128.load(p), v128.load(p)));
  const last = v128.load(p);
  none = v128.or(none, v128.and(f32x4.ne(last, last), firstLanes(J)));
  if (!v128.any_true(none)) return;
  for (const end = out + ((<usize>I) << 2); out < end; out += 4) store<f32>(out, NaN);
}

/** Moves the exponents of a product aside, and leaves mantissas in [1, 2). */
// @ts-ignore: decorator
@inline
export function split(at: usize, plane: usize): void {
  const x = v128.load(at);
  v128.store(at + plane, i32x4.add(v128.load(at + plane), exponent(x)));
  v128.store(at, mantissa(x));
}

/** The logarithms of four products, their lanes put together; one a lane. */
// @ts-ignore: decorator
@inline
export function logsOf(at: usize, plane: usize): v128 {
  const x = v128.load(at), y = v128.load(at, 16), z = v128.load(at, 32), u = v128.load(at, 48);
  const n = at + plane;
  const powers = countsAcross(
    i32x4.add(v128.load(n), exponent(x)),
    i32x4.add(v128.load(n, 16), exponent(y)),
    i32x4.add(v128.load(n, 32), exponent(z)),
    i32x4.add(v128.load(n, 48), exponent(u)),
  );
  return logOf(productsAcross(mantissa(x), mantissa(y), mantissa(z), mantissa(u)), powers);
}

// @ts-ignore: decorator
@inline
export function exponent(x: v128): v128 {
  return i32x4.sub(i32x4.shr_u(x, 23), i32x4.splat(127));
}

// @ts-ignore: decorator
@inline
export function mantissa(x: v128): v128 {
  return v128.or(v128.and(x, i32x4.splat(0x7fffff)), f32x4.splat(1));
}
