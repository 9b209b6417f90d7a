// out[b, i] (+)= log P(children | parent i on) - log P(children | parent i off), Bernoulli parents and children.
//   flipLogLikelihood(bits: [B, I], tables (flip-tables.ts), W: [I, J], logits, p, q, childBits: [B, J], out: [B, I],
//                     B, I, J, k, accumulate, scratch: flipScratchFloats(I, J) floats)
// With d = k W[i]: flipping child j's parent changes its log-likelihood by c d - log(q + p e^d) where the parent was
// off. Where it was on, -(-c d - log(q + p e^-d)) = (c - 1) d + log(p + q e^d): the same table with p and q in each
// other's place. So
//   delta = c . d - log prod_j (q + p e^d)             parent off
//   delta = c . d - sum_j d + log prod_j (p + q e^d)   parent on
// c . d is a sum of table rows over the children that are on. The products are formed in tiles of sixteen children: an
// example's p and q of a tile stay in registers while its parents pass, first those that were off, then those that
// were on. Every few tiles the products' exponents are split off: exact, so that a result depends neither on when nor
// on the other rows.
import { largestTable, TABLE_LIMIT, tileCount, turnedTable } from "./flip-tables";
import { log4, madd } from "./math";
import { rowSum } from "./row-sum";
import { storeLanes } from "./lanes";
import { bernoulliShift } from "./shifts";

/** How far |log| of a product may go: a mantissa up to 2 times e^86 is still a float, and so is e^-86. */
const ROOM: f32 = 86;

/** Rows beyond this, two tiles between splits, are taken alone and split at every vector: others need not follow. */
const NARROW: f32 = 10.75;

/** A parent of one example: product, exponents, address of its factors in the first tile, its number. */
const SLOT = 48;

export function flipScratchFloats(I: i32, J: i32): i32 {
  return max(I + J + 4, 32 * tileCount(J) + I * (SLOT >> 2) + 2 * (I + 4));
}

export function flipLogLikelihood(
  bits: usize, tables: usize, weights: usize, logits: usize, p: usize, q: usize, childBits: usize, out: usize, B: i32,
  I: i32, J: i32, k: f32, accumulate: bool, scratch: usize,
): void {
  const inputBytes = (<usize>I) << 2;
  const rowBytes = (<usize>J) << 2;
  const tiles = tileCount(J);
  const tileBytes = (<usize>I) << 6;
  const largest = largestTable(tables, I, J);
  const totals = largest + inputBytes;
  if (!accumulate) memory.fill(out, 0, <usize>B * inputBytes);
  rowSum(childBits, turnedTable(tables, I, J), out, B, J, I, false, scratch);

  let most: f32 = 0.01;
  for (let i = 0; i < I; i++) {
    const size = load<f32>(largest + ((<usize>i) << 2));
    if (size <= NARROW) most = max(most, size);
  }
  const stride = <i32>(ROOM / (4 * most));

  const P = scratch;
  const Q = P + ((<usize>tiles) << 6);
  const slots = Q + ((<usize>tiles) << 6);
  const slotsEnd = slots + <usize>I * SLOT;
  const mantissas = slotsEnd;
  const powers = mantissas + inputBytes + 16;
  for (let b = 0; b < B; b++) {
    pad(P, p, J, 0);
    pad(Q, q, J, 1);

    // Every narrow parent gets a slot: those that are off from the first slot on, those that are on from the last one
    // back. Branch-free: both slots are written, and one of the ends moves.
    let off = slots, on = slotsEnd;
    for (let i = 0; i < I; i++) {
      const at = (<usize>i) << 2;
      const bit: usize = load<u32>(bits + at) >>> 29; // 1.0 is 0x3f800000
      const narrow: usize = load<f32>(largest + at) <= NARROW ? SLOT : 0;
      const head = i32x4(<i32>tables + (i << 6), i, 0, 0);
      open(off, head);
      open(on - SLOT, head);
      off += narrow & (bit - 1);
      on -= narrow & -bit;
    }

    let splits = 1;
    for (let t = 0, next = stride; t < tiles; t++) {
      if (t == next) {
        for (let slot = slots; slot < off; slot += SLOT) split(slot);
        for (let slot = on; slot < slotsEnd; slot += SLOT) split(slot);
        next += stride;
        splits++;
      }
      const at = (<usize>t) << 6;
      multiplyTile(slots, off, <usize>t * tileBytes, Q + at, P + at);
      multiplyTile(on, slotsEnd, <usize>t * tileBytes, P + at, Q + at);
    }
    for (let slot = slots; slot < off; slot += SLOT) join(slot, splits, mantissas, powers);
    for (let slot = on; slot < slotsEnd; slot += SLOT) join(slot, splits, mantissas, powers);

    for (let i = 0; i < I; i++) {
      const at = (<usize>i) << 2;
      const size = load<f32>(largest + at);
      if (size <= NARROW) continue;
      const bit = load<f32>(bits + at) > 0;
      if (size <= TABLE_LIMIT) {
        open(slots, i32x4(<i32>tables + (i << 6), i, 0, 0));
        multiplyRow(slots, tileBytes, tiles, bit ? P : Q, bit ? Q : P);
        join(slots, 4 * tiles + 1, mantissas, powers);
      } else {
        store<f32>(mantissas + at, 1);
        store<i32>(powers + at, 0);
        const w = weights + <usize>i * rowBytes;
        const change = bit ? bernoulliShift(logits, w, 0, -k, J) : -bernoulliShift(logits, w, 0, k, J);
        store<f32>(out + at, load<f32>(out + at) + change);
      }
    }
    finish(bits, totals, mantissas, powers, out, I);

    bits += inputBytes;
    out += inputBytes;
    logits += rowBytes;
    p += rowBytes;
    q += rowBytes;
  }
}

/** Copies J numbers and fills the last tile up: with p = 0 and q = 1 a child's factor is 1. */
function pad(to: usize, from: usize, J: i32, value: f32): void {
  const end = to + ((<usize>tileCount(J)) << 6);
  for (let at = end - 64; at < end; at += 16) v128.store(at, f32x4.splat(value));
  memory.copy(to, from, (<usize>J) << 2);
}

/** A slot with the product 1. */
// @ts-ignore: decorator
@inline
function open(slot: usize, head: v128): void {
  v128.store(slot, f32x4.splat(1));
  v128.store(slot, i32x4.splat(0), 16);
  v128.store(slot, head, 32);
}

/** Multiplies the products of slots [slot, end) by the factors `a + b e^d` of one tile. */
function multiplyTile(slot: usize, end: usize, tile: usize, a: usize, b: usize): void {
  const a0 = v128.load(a), a1 = v128.load(a, 16), a2 = v128.load(a, 32), a3 = v128.load(a, 48);
  const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
  for (; slot < end; slot += SLOT) {
    const factors = load<usize>(slot, 32) + tile;
    const f0 = madd(v128.load(factors), b0, a0);
    const f1 = madd(v128.load(factors, 16), b1, a1);
    const f2 = madd(v128.load(factors, 32), b2, a2);
    const f3 = madd(v128.load(factors, 48), b3, a3);
    v128.store(slot, f32x4.mul(v128.load(slot), f32x4.mul(f32x4.mul(f0, f1), f32x4.mul(f2, f3))));
  }
}

/** The whole product of one row with large weights, split at every vector. */
function multiplyRow(slot: usize, tileBytes: usize, tiles: i32, a: usize, b: usize): void {
  let factors = load<usize>(slot, 32);
  for (let t = 0; t < tiles; t++, factors += tileBytes - 64) {
    for (let n = 0; n < 4; n++, factors += 16, a += 16, b += 16) {
      v128.store(slot, f32x4.mul(v128.load(slot), madd(v128.load(factors), v128.load(b), v128.load(a))));
      split(slot);
    }
  }
}

/** Moves the (biased) exponents of a product aside, and leaves mantissas in [1, 2). */
// @ts-ignore: decorator
@inline
function split(slot: usize): void {
  const x = v128.load(slot);
  v128.store(slot, i32x4.add(v128.load(slot, 16), i32x4.shr_u(x, 23)), 16);
  v128.store(slot, v128.or(v128.and(x, i32x4.splat(0x7fffff)), f32x4.splat(1)));
}

/** The four lanes multiplied together: `mantissas[i] 2^powers[i]`. `splits` counts this one. */
// @ts-ignore: decorator
@inline
function join(slot: usize, splits: i32, mantissas: usize, powers: usize): void {
  split(slot);
  const m = v128.load(slot);
  const pairs = f32x4.mul(m, v128.shuffle<f32>(m, m, 2, 3, 0, 1));
  const e = v128.load(slot, 16);
  const sums = i32x4.add(e, v128.shuffle<i32>(e, e, 2, 3, 0, 1));
  const at = (<usize>load<i32>(slot, 36)) << 2;
  store<f32>(mantissas + at, f32x4.extract_lane(pairs, 0) * f32x4.extract_lane(pairs, 1));
  store<i32>(powers + at, i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) - splits * 508);
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
