// out[b, i] (+)= log P(children | parent i on) - log P(children | parent i off), Bernoulli parents and children.
//   flipLogLikelihood(bits: [B, I], tables (flip-tables.ts), W: [I, J], logits, p, q, childBits: [B, J], out: [B, I],
//                     B, I, J, k, accumulate, scratch: flipScratchFloats(I, J) floats)
// With d = k W[i]: flipping child j's parent changes its log-likelihood by c d - log(q + p e^d) where the parent was
// off. Where it was on, -(-c d - log(q + p e^-d)) = (c - 1) d + log(p + q e^d): the same table with p and q in each
// other's place. So
//   delta = c . d - log prod_j (q + p e^d)             parent off
//   delta = c . d - sum_j d + log prod_j (p + q e^d)   parent on
// c . d is a sum of table rows over the children that are on. In the product, an example's parents of like bit are
// taken six at a time: p and q are loaded once for six multiply-adds and six multiplications. Every few children the
// product's exponent is split off: exact, so that the result does not depend on where.
import { largestTable, padded, TABLE_LIMIT, turnedTable } from "./flip-tables";
import { log4, madd } from "./math";
import { rowSum } from "./row-sum";
import { storeLanes } from "./lanes";
import { bernoulliShift } from "./shifts";

/** Parents to a group; the code below is written out for it. */
const GROUP = 6;

/** How far |log| of a product may go: a mantissa up to 2 times e^86 is still a float, and so is e^-86. */
const ROOM: f32 = 86;

export function flipScratchFloats(I: i32, J: i32): i32 {
  return max(I + J + 4, 2 * padded(J) + 4 * GROUP + 4 * (I + GROUP));
}

export function flipLogLikelihood(
  bits: usize, tables: usize, weights: usize, logits: usize, p: usize, q: usize, childBits: usize, out: usize, B: i32,
  I: i32, J: i32, k: f32, accumulate: bool, scratch: usize,
): void {
  const inputBytes = (<usize>I) << 2;
  const rowBytes = (<usize>J) << 2;
  const paddedBytes = (<usize>padded(J)) << 2;
  const largest = largestTable(tables, I, J);
  if (!accumulate) memory.fill(out, 0, <usize>B * inputBytes);
  rowSum(childBits, turnedTable(tables, I, J), out, B, J, I, false, scratch);

  const listBytes = inputBytes + (GROUP << 2);
  const P = scratch;
  const Q = P + paddedBytes;
  const exponents = Q + paddedBytes;
  const mantissas = exponents + (GROUP << 4);
  const powers = mantissas + listBytes;
  const off = powers + listBytes;
  const on = off + listBytes;

  for (let b = 0; b < B; b++) {
    // Columns that are not there: a factor of 1.
    for (let j = padded(J) - 8; j < padded(J); j++) {
      store<f32>(P + ((<usize>j) << 2), 0);
      store<f32>(Q + ((<usize>j) << 2), 1);
    }
    memory.copy(P, p, rowBytes);
    memory.copy(Q, q, rowBytes);

    let offEnd = off, onEnd = on;
    for (let i = 0; i < I; i++) {
      const at = (<usize>i) << 2;
      const bit: usize = load<u32>(bits + at) >>> 29; // 1.0 is 0x3f800000
      const inTable: usize = load<f32>(largest + at) <= TABLE_LIMIT ? 1 : 0;
      store<i32>(offEnd, i);
      store<i32>(onEnd, i);
      offEnd += (inTable & (1 - bit)) << 2;
      onEnd += (inTable & bit) << 2;
      store<f32>(mantissas + at, 1);
      store<i32>(powers + at, 0);
    }
    products(off, offEnd, tables, largest, paddedBytes, Q, P, exponents, mantissas, powers);
    products(on, onEnd, tables, largest, paddedBytes, P, Q, exponents, mantissas, powers);
    finish(bits, largest + inputBytes, mantissas, powers, out, I);
    for (let i = 0; i < I; i++) {
      const at = (<usize>i) << 2;
      if (load<f32>(largest + at) <= TABLE_LIMIT) continue;
      const w = weights + <usize>i * rowBytes;
      const change = load<f32>(bits + at) > 0
        ? bernoulliShift(logits, w, 0, -k, J)
        : -bernoulliShift(logits, w, 0, k, J);
      store<f32>(out + at, load<f32>(out + at) + change);
    }
    bits += inputBytes;
    out += inputBytes;
    logits += rowBytes;
    p += rowBytes;
    q += rowBytes;
    childBits += rowBytes;
  }
}

/** `mantissas[i] 2^powers[i] = prod_j (a[j] + b[j] factors[i, j])` for the parents listed. */
function products(
  list: usize, end: usize, factors: usize, largest: usize, rowBytes: usize, a: usize, b: usize, exponents: usize,
  mantissas: usize, powers: usize,
): void {
  if (list == end) return;
  // A last group that is not full repeats a parent.
  const final = load<i32>(end - 4);
  for (let n = 0; n < GROUP; n++) store<i32>(end + ((<usize>n) << 2), final);
  const one = f32x4.splat(1);
  for (; list < end; list += GROUP << 2) {
    const i0 = load<i32>(list), i1 = load<i32>(list, 4), i2 = load<i32>(list, 8);
    const i3 = load<i32>(list, 12), i4 = load<i32>(list, 16), i5 = load<i32>(list, 20);
    let most: f32 = 0.01;
    for (let n = 0; n < GROUP; n++) {
      const i = load<i32>(list + ((<usize>n) << 2));
      most = max(most, load<f32>(largest + ((<usize>i) << 2)));
    }
    const stride = (<usize>(ROOM / most) >> 1) << 5; // bytes: whole pairs of vectors
    let r0 = factors + <usize>i0 * rowBytes, r1 = factors + <usize>i1 * rowBytes, r2 = factors + <usize>i2 * rowBytes;
    let r3 = factors + <usize>i3 * rowBytes, r4 = factors + <usize>i4 * rowBytes, r5 = factors + <usize>i5 * rowBytes;
    let m0 = one, m1 = one, m2 = one, m3 = one, m4 = one, m5 = one;
    memory.fill(exponents, 0, GROUP << 4);
    let splits = 0;
    let x = a, y = b;
    const last = a + rowBytes;
    while (x < last) {
      for (const stop = min(x + stride, last); x < stop; x += 32, y += 32) {
        const x0 = v128.load(x), y0 = v128.load(y);
        m0 = f32x4.mul(m0, madd(v128.load(r0), y0, x0));
        m1 = f32x4.mul(m1, madd(v128.load(r1), y0, x0));
        m2 = f32x4.mul(m2, madd(v128.load(r2), y0, x0));
        m3 = f32x4.mul(m3, madd(v128.load(r3), y0, x0));
        m4 = f32x4.mul(m4, madd(v128.load(r4), y0, x0));
        m5 = f32x4.mul(m5, madd(v128.load(r5), y0, x0));
        const x1 = v128.load(x, 16), y1 = v128.load(y, 16);
        m0 = f32x4.mul(m0, madd(v128.load(r0, 16), y1, x1));
        m1 = f32x4.mul(m1, madd(v128.load(r1, 16), y1, x1));
        m2 = f32x4.mul(m2, madd(v128.load(r2, 16), y1, x1));
        m3 = f32x4.mul(m3, madd(v128.load(r3, 16), y1, x1));
        m4 = f32x4.mul(m4, madd(v128.load(r4, 16), y1, x1));
        m5 = f32x4.mul(m5, madd(v128.load(r5, 16), y1, x1));
        r0 += 32;
        r1 += 32;
        r2 += 32;
        r3 += 32;
        r4 += 32;
        r5 += 32;
      }
      splits++;
      m0 = split(m0, exponents);
      m1 = split(m1, exponents + 16);
      m2 = split(m2, exponents + 32);
      m3 = split(m3, exponents + 48);
      m4 = split(m4, exponents + 64);
      m5 = split(m5, exponents + 80);
    }
    const bias = splits * 127 * 4;
    join(m0, exponents, bias, i0, mantissas, powers);
    join(m1, exponents + 16, bias, i1, mantissas, powers);
    join(m2, exponents + 32, bias, i2, mantissas, powers);
    join(m3, exponents + 48, bias, i3, mantissas, powers);
    join(m4, exponents + 64, bias, i4, mantissas, powers);
    join(m5, exponents + 80, bias, i5, mantissas, powers);
  }
}

/** Adds the (biased) exponents of `x` to those at `at`, and gives the mantissas, in [1, 2). */
// @ts-ignore: decorator
@inline
function split(x: v128, at: usize): v128 {
  v128.store(at, i32x4.add(v128.load(at), i32x4.shr_u(x, 23)));
  return v128.or(v128.and(x, i32x4.splat(0x7fffff)), f32x4.splat(1));
}

/** The four lanes multiplied together. */
// @ts-ignore: decorator
@inline
function join(m: v128, exponents: usize, bias: i32, i: i32, mantissas: usize, powers: usize): void {
  const pairs = f32x4.mul(m, v128.shuffle<f32>(m, m, 2, 3, 0, 1));
  store<f32>(mantissas + ((<usize>i) << 2), f32x4.extract_lane(pairs, 0) * f32x4.extract_lane(pairs, 1));
  const e = v128.load(exponents);
  const sums = i32x4.add(e, v128.shuffle<i32>(e, e, 2, 3, 0, 1));
  store<i32>(powers + ((<usize>i) << 2), i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) - bias);
}

/** `out += log product - totals` where the bit is on, `-log product` where it is off. */
function finish(bits: usize, totals: usize, mantissas: usize, powers: usize, out: usize, I: i32): void {
  for (let i = 0; i < I; i += 4) {
    const at = (<usize>i) << 2;
    const bit = v128.load(bits + at);
    const n = f32x4.convert_i32x4_s(v128.load(powers + at));
    // log 2 in two parts: n times the first is exact.
    let log = madd(n, f32x4.splat(-2.1219444005e-4), log4(v128.load(mantissas + at)));
    log = madd(n, f32x4.splat(0.693359375), log);
    const sign = f32x4.sub(f32x4.add(bit, bit), f32x4.splat(1));
    const change = f32x4.sub(f32x4.mul(sign, log), f32x4.mul(bit, v128.load(totals + at)));
    storeLanes(out + at, f32x4.add(v128.load(out + at), change), I - i);
  }
}
