// What flipping a Bernoulli parent does to Bernoulli children, everything else as it was:
//   likelihoods[b, i] (+)= log P(children | parent i on) - log P(children | parent i off)
//   entropies[b, i] (+)= H(children | parent i on) - H(children | parent i off)
//   flips(bits: [B, I], tables, steps (flip-tables.ts), W: [I, J], logits, p, q, childBits: [B, J],
//         likelihoods: [B, I], entropies: [B, I], B, I, J, k, addLikelihoods, addEntropies,
//         scratch: flipScratchFloats(I, J) floats); either result is left out where its address is 0,
// and `steps` are read for entropies only
// With d = k W[i]: flipping child j's parent changes its log-likelihood by c d - log(q + p e^d) where the parent was
// off. Where it was on, -(-c d - log(q + p e^-d)) = (c - 1) d + log(p + q e^d): the same table with p and q in each
// other's place. So
//   delta = c . d - log prod_j (q + p e^d)             parent off
//   delta = c . d - sum_j d + log prod_j (p + q e^d)   parent on
// c . d is a sum of table rows over the children that are on. The products are formed in tiles of sixteen children: an
// example's p and q of a tile stay in registers while its parents pass, first those that were off, then those that
// were on. Every few tiles the products' exponents are split off: exact, so that a result depends neither on when nor
// on the other rows.
// A unit's entropy is log(1 + e^-l) + l q, and q becomes q / t, t = q + p e^d: so the entropies change by
//   log prod_j t - sum_j d + sum_j (q (l + d) / t - q l)   parent off
// and by the opposite where it was on, with p and q in each other's place and -l for l. Two fractions are added before
// they are divided.
import { largestTable, TABLE_LIMIT, tileCount, turnedTable } from "./flip-tables";
import { storeLanes } from "./lanes";
import { append, bitsSet, fourRows } from "./list";
import { madd, pinned, sumsAcross } from "./math";
import { handNaNOn, logsOf, pad, planeBytes, ROOM, split } from "./products";
import { rowSum } from "./row-sum";
import { bernoulliShift, entropyShift } from "./shifts";

/** Rows beyond this, two tiles between splits, are taken alone and split at every vector: others need not follow. */
const NARROW: f32 = 10.75;

export function flipScratchFloats(I: i32, J: i32): f64 {
  return max<f64>(<f64>I + J + 8, 64.0 * tileCount(J) + <f64>(3 * planeBytes(I) >> 2) + 2.0 * I + 8);
}

export function flips(
  bits: usize, tables: usize, steps: usize, weights: usize, logits: usize, p: usize, q: usize, childBits: usize,
  likelihoods: usize, entropies: usize, B: i32, I: i32, J: i32, k: f32, addLikelihoods: bool, addEntropies: bool,
  scratch: usize,
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
  let wide = false;
  for (let i = 0; i < I; i++) {
    const size = load<f32>(largest + ((<usize>i) << 2));
    if (size <= NARROW) most = max(most, size);
    else wide = true;
  }
  const stride = <i32>(ROOM / (4 * most));

  const columns = (<usize>tiles) << 6;
  const plane = planeBytes(I);
  const P = scratch;
  const Q = P + columns;
  const whenOff = Q + columns;
  const whenOn = whenOff + columns;
  const products = whenOn + columns;
  const off = products + 3 * plane;
  const on = off + inputBytes + 16;
  const one = pinned(1), limit = pinned(NARROW);
  const toSteps = steps - tables; // how far the d are from their e^d
  for (let b = 0; b < B; b++) {
    pad(P, p, J, 0);
    pad(Q, q, J, 1);
    if (entropies) weighLogits(logits, J, P, Q, whenOff, whenOn);

    // Narrow parents are listed by where their products are: those that are off, and those that are on.
    memory.fill(products + plane, 0, 2 * plane);
    let offEnd = off, onEnd = on;
    for (let i = I, at = products, bit = bits, size = largest; i > 0; i -= 4, at += 64, bit += 16, size += 16) {
      for (let n: usize = 0; n < 64; n += 16) v128.store(at + n, one);
      const set = bitsSet(bit, i);
      const narrow = i32x4.bitmask(f32x4.le(v128.load(size), limit)) & (i >= 4 ? 15 : (1 << i) - 1);
      const four = fourRows(at, 16);
      offEnd = append(offEnd, four, narrow & ~set);
      onEnd = append(onEnd, four, narrow & set);
    }

    for (let t = 0, next = stride; t < tiles; t++) {
      if (t == next) {
        for (let at = products; at < products + plane; at += 16) split(at, plane);
        next += stride;
      }
      const column = (<usize>t) << 6;
      // Products are 16 bytes apart, their factors 64.
      const factors = tables + <usize>t * tileBytes - 4 * products;
      if (entropies) {
        for (let half: usize = 0; half < 64; half += 32) {
          const at = column + half;
          addHalf(off, offEnd, plane, factors + half, toSteps, Q + at, P + at, whenOff + at);
          addHalf(on, onEnd, plane, factors + half, toSteps, P + at, Q + at, whenOn + at);
        }
      } else {
        multiplyTile(off, offEnd, factors, Q + column, P + column);
        multiplyTile(on, onEnd, factors, P + column, Q + column);
      }
    }

    if (wide) {
      for (let i = 0; i < I; i++) {
        const at = (<usize>i) << 2;
        const size = load<f32>(largest + at);
        if (size <= NARROW) continue;
        const bit = load<f32>(bits + at) > 0;
        if (size <= TABLE_LIMIT) {
          const product = products + ((<usize>i) << 4);
          const factors = tables + ((<usize>i) << 6);
          const d = entropies ? factors + toSteps : 0;
          if (bit) addRow(product, plane, factors, d, tileBytes, tiles, P, Q, whenOn);
          else addRow(product, plane, factors, d, tileBytes, tiles, Q, P, whenOff);
        } else {
          const w = weights + <usize>i * rowBytes;
          const sign: f32 = bit ? 1 : -1;
          if (likelihoods) add(likelihoods + at, sign * bernoulliShift(logits, w, 0, -sign * k, J));
          if (entropies) add(entropies + at, -sign * entropyShift(logits, w, 0, -sign * k, J));
        }
      }
    }
    finish(bits, totals, products, plane, likelihoods, entropies, I);
    if (likelihoods) handNaNOn(p, J, likelihoods, I);
    if (entropies) handNaNOn(p, J, entropies, I);

    bits += inputBytes;
    if (likelihoods) likelihoods += inputBytes;
    if (entropies) entropies += inputBytes;
    logits += rowBytes;
    p += rowBytes;
    q += rowBytes;
  }
}

/** `l q` for parents that are off, `-l p` for those that are on. */
function weighLogits(logits: usize, J: i32, P: usize, Q: usize, whenOff: usize, whenOn: usize): void {
  pad(whenOff, logits, J, 0);
  for (const end = Q; P < end; P += 16, Q += 16, whenOff += 16, whenOn += 16) {
    const l = v128.load(whenOff);
    v128.store(whenOff, f32x4.mul(l, v128.load(Q)));
    v128.store(whenOn, f32x4.neg(f32x4.mul(l, v128.load(P))));
  }
}

/** Multiplies listed products by the factors `a + b e^d` of one tile. */
function multiplyTile(list: usize, end: usize, factors: usize, a: usize, b: usize): void {
  const a0 = v128.load(a), a1 = v128.load(a, 16), a2 = v128.load(a, 32), a3 = v128.load(a, 48);
  const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
  for (; list < end; list += 4) {
    const at = load<usize>(list);
    const e = factors + 4 * at;
    const f0 = madd(v128.load(e), b0, a0);
    const f1 = madd(v128.load(e, 16), b1, a1);
    const f2 = madd(v128.load(e, 32), b2, a2);
    const f3 = madd(v128.load(e, 48), b3, a3);
    v128.store(at, f32x4.mul(f32x4.mul(v128.load(at), f32x4.mul(f0, f1)), f32x4.mul(f2, f3)));
  }
}

/**
 * The same with half a tile, and adds `(a d + l) / (a + b e^d) - l` to the sums. Half, because what a whole tile takes
 * is too much for the registers.
 */
function addHalf(
  list: usize, end: usize, plane: usize, factors: usize, toSteps: usize, a: usize, b: usize, l: usize,
): void {
  const a0 = v128.load(a), a1 = v128.load(a, 16);
  const b0 = v128.load(b), b1 = v128.load(b, 16);
  const l0 = v128.load(l), l1 = v128.load(l, 16);
  const both = f32x4.add(l0, l1);
  // Two parents a turn of the loop; the stores of one keep the engine from loading for both at once.
  for (const last = end - 8; list <= last; list += 8) {
    addParent(load<usize>(list), plane, factors, toSteps, a0, a1, b0, b1, l0, l1, both);
    addParent(load<usize>(list, 4), plane, factors, toSteps, a0, a1, b0, b1, l0, l1, both);
  }
  if (list < end) addParent(load<usize>(list), plane, factors, toSteps, a0, a1, b0, b1, l0, l1, both);
}

// @ts-ignore: decorator
@inline
function addParent(
  at: usize, plane: usize, factors: usize, toSteps: usize, a0: v128, a1: v128, b0: v128, b1: v128, l0: v128, l1: v128,
  both: v128,
): void {
  const e = factors + 4 * at;
  const d = e + toSteps;
  const f0 = madd(v128.load(e), b0, a0), n0 = madd(v128.load(d), a0, l0);
  const f1 = madd(v128.load(e, 16), b1, a1), n1 = madd(v128.load(d, 16), a1, l1);
  const product = f32x4.mul(f0, f1);
  const sum = f32x4.div(madd(n0, f1, f32x4.mul(n1, f0)), product); // n0 / f0 + n1 / f1
  v128.store(at, f32x4.mul(v128.load(at), product));
  const s = at + 2 * plane;
  v128.store(s, f32x4.add(v128.load(s), f32x4.sub(sum, both)));
}

/** One row with large weights, split at every vector; its product only where `d` is 0. */
function addRow(
  at: usize, plane: usize, e: usize, d: usize, tileBytes: usize, tiles: i32, a: usize, b: usize, l: usize,
): void {
  const sum = at + 2 * plane;
  for (let t = 0; t < tiles; t++, e += tileBytes - 64) {
    for (let n = 0; n < 4; n++, e += 16, a += 16, b += 16, l += 16) {
      const f = madd(v128.load(e), v128.load(b), v128.load(a));
      v128.store(at, f32x4.mul(v128.load(at), f));
      split(at, plane);
      if (d) {
        const n = madd(v128.load(d), v128.load(a), v128.load(l));
        v128.store(sum, f32x4.add(v128.load(sum), f32x4.sub(f32x4.div(n, f), v128.load(l))));
        d += 16;
      }
    }
    if (d) d += tileBytes - 64;
  }
}

// @ts-ignore: decorator
@inline
function add(at: usize, x: f32): void {
  store<f32>(at, load<f32>(at) + x);
}

/**
 * Puts the lanes together. With log the product's and total what being on adds to all logits: `likelihoods += log - total`
 * where the parent is on, `-log` where it is off; `entropies -= log - total + sum` where it is on, `+=` where it is off.
 */
function finish(
  bits: usize, totals: usize, at: usize, plane: usize, likelihoods: usize, entropies: usize, I: i32,
): void {
  for (let i = I; i > 0; i -= 4, at += 64, bits += 16, totals += 16) {
    const log = logsOf(at, plane);
    const bit = v128.load(bits);
    const sign = f32x4.sub(f32x4.add(bit, bit), f32x4.splat(1));
    const total = v128.load(totals);
    if (likelihoods) {
      const more = f32x4.sub(f32x4.mul(sign, log), f32x4.mul(bit, total));
      storeLanes(likelihoods, f32x4.add(v128.load(likelihoods), more), i);
      likelihoods += 16;
    }
    if (entropies) {
      const s = at + 2 * plane;
      const sum = sumsAcross(v128.load(s), v128.load(s, 16), v128.load(s, 32), v128.load(s, 48));
      const less = f32x4.mul(sign, f32x4.add(f32x4.sub(log, total), sum));
      storeLanes(entropies, f32x4.sub(v128.load(entropies), less), i);
      entropies += 16;
    }
  }
}
