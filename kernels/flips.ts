// What flipping a Bernoulli parent does to Bernoulli children, everything else as it was:
//   likelihoods[b, i] (+)= log P(children | parent i on) - log P(children | parent i off)
//   entropies[b, i] (+)= H(children | parent i on) - H(children | parent i off)
//   flips(bits: [B, I], tables (flip-tables.ts), W: [I, J], logits, p, q, childBits: [B, J],
//         likelihoods: [B, I], addLikelihoods, entropies: [B, I], addEntropies, B, I, J, k,
//         scratch: flipScratchFloats(I, J) floats); either result is left out where its address is 0
// With d = k W[i]: flipping child j's parent changes its log-likelihood by c d - log(q + p e^d) where the parent was
// off. Where it was on, -(-c d - log(q + p e^-d)) = (c - 1) d + log(p + q e^d): the same table with p and q in each
// other's place. So
//   delta = c . d - log prod_j (q + p e^d)             parent off
//   delta = c . d - sum_j d + log prod_j (p + q e^d)   parent on
// c . d is a sum of table rows over the children that are on. The products are formed in tiles of sixteen children: an
// example's p and q of a tile stay in registers while its parents pass, first those that were off, then those that
// were on. Every few tiles the products' exponents are split off: exact, so that a result depends neither on when nor
// on the other rows.
// The entropies change, where the parent was off, by
//   log prod_j t - sum_j (e^d (p d + l p q) - l p q) / t,   t = q + p e^d,
// in which large logits cancel beforehand; where it was on by the opposite, with p and q in each other's place and -l
// for l. Four fractions are added before they are divided.
import { largestTable, TABLE_LIMIT, tileCount, turnedTable } from "./flip-tables";
import { logOf, madd, nmadd, sum4 } from "./math";
import { rowSum } from "./row-sum";
import { storeLanes } from "./lanes";
import { bernoulliShift, entropyShift } from "./shifts";

/** How far |log| of a product may go: a mantissa up to 2 times e^86 is still a float, and so is e^-86. */
const ROOM: f32 = 86;

/** Rows beyond this, two tiles between splits, are taken alone and split at every vector: others need not follow. */
const NARROW: f32 = 10.75;

/**
 * A parent of one example: product, addresses of its factors and weights, its number. What is less often looked at,
 * exponents and sum of fractions, stands as far behind as `rest` says. New slots are copies of `heads`.
 */
const SLOT = 32;

export function flipScratchFloats(I: i32, J: i32): i32 {
  return max(I + J + 4, 96 * tileCount(J) + 3 * I * (SLOT >> 2) + 3 * (I + 4));
}

export function flips(
  bits: usize, tables: usize, weights: usize, logits: usize, p: usize, q: usize, childBits: usize, likelihoods: usize,
  addLikelihoods: bool, entropies: usize, addEntropies: bool, B: i32, I: i32, J: i32, k: f32, scratch: usize,
): void {
  const inputBytes = (<usize>I) << 2;
  const rowBytes = (<usize>J) << 2;
  const tiles = tileCount(J);
  const tileBytes = (<usize>I) << 6;
  const largest = largestTable(tables, I, J);
  const totals = largest + inputBytes;
  if (likelihoods) {
    if (!addLikelihoods) memory.fill(likelihoods, 0, <usize>B * inputBytes);
    rowSum(childBits, turnedTable(tables, I, J), likelihoods, B, J, I, false, scratch);
  }
  if (entropies && !addEntropies) memory.fill(entropies, 0, <usize>B * inputBytes);

  let most: f32 = 0.01;
  for (let i = 0; i < I; i++) {
    const size = load<f32>(largest + ((<usize>i) << 2));
    if (size <= NARROW) most = max(most, size);
  }
  const stride = <i32>(ROOM / (4 * most));

  const columns = (<usize>tiles) << 6;
  const lawOff = scratch;
  const lawOn = lawOff + 3 * columns;
  const slots = lawOn + 3 * columns;
  const slotsEnd = slots + <usize>I * SLOT;
  const rest = <usize>I * SLOT;
  const mantissas = slotsEnd + rest;
  const powers = mantissas + inputBytes + 16;
  const heads = powers + 2 * (inputBytes + 16);
  const sums = entropies ? powers + inputBytes + 16 : 0;
  for (let i = 0, to = heads, factors = tables, w = weights; i < I; i++, to += SLOT, factors += 64, w += rowBytes) {
    v128.store(to, f32x4.splat(1));
    store<usize>(to, factors, 16);
    store<usize>(to, w, 20);
    store<i32>(to, i, 24);
  }
  for (let b = 0; b < B; b++) {
    pad(lawOff, q, J, 1);
    pad(lawOff + columns, p, J, 0);
    pad(lawOn, p, J, 1);
    pad(lawOn + columns, q, J, 0);
    if (entropies) slopes(lawOff, lawOn, logits, J, 1 / k);

    // Every narrow parent gets a slot: those that are off from the first slot on, those that are on from the last one
    // back. Without branches: what has no slot of its own is written where the next one comes.
    let off = slots, on = slotsEnd;
    for (let i = 0, head = heads; i < I; i++, head += SLOT) {
      const at = (<usize>i) << 2;
      const bit: usize = load<u32>(bits + at) >>> 29; // 1.0 is 0x3f800000
      const narrow: usize = load<f32>(largest + at) <= NARROW ? SLOT : 0;
      open(select<usize>(on - SLOT, off, bit), rest, head);
      off += narrow & (bit - 1);
      on -= narrow & -bit;
    }

    let splits = 1;
    for (let t = 0, next = stride; t < tiles; t++) {
      if (t == next) {
        for (let slot = slots; slot < off; slot += SLOT) split(slot, rest);
        for (let slot = on; slot < slotsEnd; slot += SLOT) split(slot, rest);
        next += stride;
        splits++;
      }
      const at = (<usize>t) << 6;
      const tile = <usize>t * tileBytes;
      if (entropies) {
        addTile(slots, off, rest, tile, at, lawOff + at, columns);
        addTile(on, slotsEnd, rest, tile, at, lawOn + at, columns);
      } else {
        multiplyTile(slots, off, tile, lawOff + at, columns);
        multiplyTile(on, slotsEnd, tile, lawOn + at, columns);
      }
    }
    for (let slot = slots; slot < off; slot += SLOT) join(slot, rest, splits, mantissas, powers, sums);
    for (let slot = on; slot < slotsEnd; slot += SLOT) join(slot, rest, splits, mantissas, powers, sums);

    for (let i = 0; i < I; i++) {
      const at = (<usize>i) << 2;
      const size = load<f32>(largest + at);
      if (size <= NARROW) continue;
      const bit = load<f32>(bits + at) > 0;
      const w = weights + <usize>i * rowBytes;
      if (size <= TABLE_LIMIT) {
        open(slots, rest, heads + <usize>i * SLOT);
        addRow(slots, rest, tileBytes, tiles, bit ? lawOn : lawOff, columns, entropies != 0);
        join(slots, rest, 4 * tiles + 1, mantissas, powers, sums);
      } else {
        store<f32>(mantissas + at, 1);
        store<i32>(powers + at, 0);
        if (sums) store<f32>(sums + at, 0);
        const sign: f32 = bit ? 1 : -1;
        if (likelihoods) change(likelihoods + at, sign * bernoulliShift(logits, w, 0, -sign * k, J));
        if (entropies) change(entropies + at, -sign * entropyShift(logits, w, -sign * k, J));
      }
    }
    finish(bits, totals, mantissas, powers, sums, likelihoods, entropies, I, k);

    bits += inputBytes;
    if (likelihoods) likelihoods += inputBytes;
    if (entropies) entropies += inputBytes;
    logits += rowBytes;
    p += rowBytes;
    q += rowBytes;
  }
}

/** Copies J numbers and fills the last tile up: with a = 1 and b = 0 a child's factor is 1. */
function pad(to: usize, from: usize, J: i32, value: f32): void {
  const end = to + ((<usize>tileCount(J)) << 6);
  for (let at = end - 64; at < end; at += 16) v128.store(at, f32x4.splat(value));
  memory.copy(to, from, (<usize>J) << 2);
}

/** The third row of both laws: `factor l p q`, for parents that are on with the sign turned. */
function slopes(lawOff: usize, lawOn: usize, logits: usize, J: i32, factor: f32): void {
  const columns = (<usize>tileCount(J)) << 6;
  const scale = f32x4.splat(factor);
  pad(lawOff + 2 * columns, logits, J, 0);
  for (let at: usize = 0; at < columns; at += 16) {
    const pq = f32x4.mul(v128.load(lawOff + at), v128.load(lawOff + columns + at));
    const slope = f32x4.mul(f32x4.mul(v128.load(lawOff + 2 * columns + at), scale), pq);
    v128.store(lawOff + 2 * columns + at, slope);
    v128.store(lawOn + 2 * columns + at, f32x4.neg(slope));
  }
}

/** A new slot of a parent, exponents and sum 0. */
// @ts-ignore: decorator
@inline
function open(slot: usize, rest: usize, head: usize): void {
  v128.store(slot, v128.load(head));
  v128.store(slot, v128.load(head, 16), 16);
  v128.store(slot + rest, i32x4.splat(0));
  v128.store(slot + rest, f32x4.splat(0), 16);
}

/** Multiplies the products of slots [slot, end) by the factors `a + b e^d` of one tile. */
function multiplyTile(slot: usize, end: usize, tile: usize, law: usize, columns: usize): void {
  const b = law + columns;
  const a0 = v128.load(law), a1 = v128.load(law, 16), a2 = v128.load(law, 32), a3 = v128.load(law, 48);
  const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
  for (; slot < end; slot += SLOT) {
    const factors = load<usize>(slot, 16) + tile;
    const f0 = madd(v128.load(factors), b0, a0);
    const f1 = madd(v128.load(factors, 16), b1, a1);
    const f2 = madd(v128.load(factors, 32), b2, a2);
    const f3 = madd(v128.load(factors, 48), b3, a3);
    v128.store(slot, f32x4.mul(v128.load(slot), f32x4.mul(f32x4.mul(f0, f1), f32x4.mul(f2, f3))));
  }
}

/** The same, and subtracts the fractions `(e^d (b w + l) - l) / (a + b e^d)` from the slots' sums. */
function addTile(slot: usize, end: usize, rest: usize, tile: usize, column: usize, law: usize, columns: usize): void {
  const b = law + columns;
  const l = b + columns;
  const a0 = v128.load(law), a1 = v128.load(law, 16), a2 = v128.load(law, 32), a3 = v128.load(law, 48);
  const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
  const l0 = v128.load(l), l1 = v128.load(l, 16), l2 = v128.load(l, 32), l3 = v128.load(l, 48);
  for (; slot < end; slot += SLOT) {
    const factors = load<usize>(slot, 16) + tile;
    const w = load<usize>(slot, 20) + column;
    // x / y + z / u = (x u + z y) / (y u)
    const e0 = v128.load(factors), n0 = numerator(e0, v128.load(w), b0, l0), f0 = madd(e0, b0, a0);
    const e1 = v128.load(factors, 16), n1 = numerator(e1, v128.load(w, 16), b1, l1), f1 = madd(e1, b1, a1);
    const n = madd(n0, f1, f32x4.mul(n1, f0)), f = f32x4.mul(f0, f1);
    const e2 = v128.load(factors, 32), n2 = numerator(e2, v128.load(w, 32), b2, l2), f2 = madd(e2, b2, a2);
    const e3 = v128.load(factors, 48), n3 = numerator(e3, v128.load(w, 48), b3, l3), f3 = madd(e3, b3, a3);
    const m = madd(n2, f3, f32x4.mul(n3, f2)), g = f32x4.mul(f2, f3);
    const product = f32x4.mul(f, g);
    const sum = f32x4.div(madd(n, g, f32x4.mul(m, f)), product);
    v128.store(slot, f32x4.mul(v128.load(slot), product));
    v128.store(slot + rest, f32x4.add(v128.load(slot + rest, 16), sum), 16);
  }
}

/** Minus a fraction's numerator. */
// @ts-ignore: decorator
@inline
function numerator(e: v128, w: v128, b: v128, l: v128): v128 {
  return nmadd(madd(w, b, l), e, l);
}

/** One row with large weights, split at every vector. */
function addRow(slot: usize, rest: usize, tileBytes: usize, tiles: i32, law: usize, columns: usize, entropies: bool): void {
  let factors = load<usize>(slot, 16);
  let w = load<usize>(slot, 20);
  for (let t = 0; t < tiles; t++, factors += tileBytes - 64) {
    for (let n = 0; n < 4; n++, factors += 16, w += 16, law += 16) {
      const e = v128.load(factors);
      const b = v128.load(law + columns);
      const f = madd(e, b, v128.load(law));
      v128.store(slot, f32x4.mul(v128.load(slot), f));
      split(slot, rest);
      if (entropies) {
        const fraction = f32x4.div(numerator(e, v128.load(w), b, v128.load(law + 2 * columns)), f);
        v128.store(slot + rest, f32x4.add(v128.load(slot + rest, 16), fraction), 16);
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function change(at: usize, by: f32): void {
  store<f32>(at, load<f32>(at) + by);
}

/** Moves the (biased) exponents of a product aside, and leaves mantissas in [1, 2). */
// @ts-ignore: decorator
@inline
function split(slot: usize, rest: usize): void {
  const x = v128.load(slot);
  v128.store(slot + rest, i32x4.add(v128.load(slot + rest), i32x4.shr_u(x, 23)));
  v128.store(slot, v128.or(v128.and(x, i32x4.splat(0x7fffff)), f32x4.splat(1)));
}

/** The four lanes multiplied, `mantissas[i] 2^powers[i]`, and added, `sums[i]`. `splits` counts this one. */
// @ts-ignore: decorator
@inline
function join(slot: usize, rest: usize, splits: i32, mantissas: usize, powers: usize, sums: usize): void {
  split(slot, rest);
  const m = v128.load(slot);
  const pairs = f32x4.mul(m, v128.shuffle<f32>(m, m, 2, 3, 0, 1));
  const e = v128.load(slot + rest);
  const total = i32x4.add(e, v128.shuffle<i32>(e, e, 2, 3, 0, 1));
  const at = (<usize>load<i32>(slot, 24)) << 2;
  store<f32>(mantissas + at, f32x4.extract_lane(pairs, 0) * f32x4.extract_lane(pairs, 1));
  store<i32>(powers + at, i32x4.extract_lane(total, 0) + i32x4.extract_lane(total, 1) - splits * 508);
  if (sums) store<f32>(sums + at, sum4(v128.load(slot + rest, 16)));
}

/**
 * `likelihoods += log product - totals` where the bit is on, `-log product` where it is off; `entropies -= log product
 * + k sums` where it is on, `+=` where it is off.
 */
function finish(
  bits: usize, totals: usize, mantissas: usize, powers: usize, sums: usize, likelihoods: usize, entropies: usize,
  I: i32, k: f32,
): void {
  for (let i = 0; i < I; i += 4) {
    const at = (<usize>i) << 2;
    const bit = v128.load(bits + at);
    const log = logOf(v128.load(mantissas + at), v128.load(powers + at));
    const sign = f32x4.sub(f32x4.add(bit, bit), f32x4.splat(1));
    if (likelihoods) {
      const more = f32x4.sub(f32x4.mul(sign, log), f32x4.mul(bit, v128.load(totals + at)));
      storeLanes(likelihoods + at, f32x4.add(v128.load(likelihoods + at), more), I - i);
    }
    if (entropies) {
      const less = f32x4.mul(sign, madd(f32x4.splat(k), v128.load(sums + at), log));
      storeLanes(entropies + at, f32x4.sub(v128.load(entropies + at), less), I - i);
    }
  }
}
