// What flipping a Bernoulli parent does to the mean of a linear function of Bernoulli children, `sum_j value[j] h[j]`:
//   out[b, i] (+)= E[value . h | parent i on] - E[value . h | parent i off],
// everything else as it was, but that `value` is by `factor changes[j, i]` higher where the parent is on.
//   flipMeans(bits: [B, I], tables (flip-tables.ts), W: [I, J], logits, p, q, value: [B, J], changes: [J, I],
//             out: [B, I], B, I, J, k, factor, accumulate, scratch: flipMeansScratchFloats(I, J) floats)
// With d = k W[i] and c = factor changes[., i] a child's mean p becomes p e^d / (q + p e^d) where the parent was off, and
// p / (p + q e^d) where it was on: one table for both. So the sum is over
//   p e^d (value + c) / (q + p e^d) - p value   parent off
//   p value - p (value - c) / (p + q e^d)       parent on
// Where `tables` is 0, other kernels do without them, and they are made here, in the scratch.
// `changes` are turned once, into tiles of sixteen children like the table's. An example's children of a tile stay in
// registers while its parents pass.
import { flipTableFloats, flipTables, largestTable, TABLE_LIMIT, tileCount } from "./flip-tables";
import { firstLanes } from "./lanes";
import { exp4, madd, sum4 } from "./math";
import { handNaNOn, pad } from "./products";

export function flipMeansScratchFloats(I: i32, J: i32): f64 {
  return ownFloats(I, J) + flipTableFloats(I, J);
}

/** Scratch beside the tables. */
function ownFloats(I: i32, J: i32): f64 {
  return 16.0 * I * tileCount(J) + 64.0 * tileCount(J) + 6.0 * I + 8;
}

export function flipMeans(
  bits: usize, tables: usize, weights: usize, logits: usize, p: usize, q: usize, value: usize, changes: usize,
  out: usize, B: i32, I: i32, J: i32, k: f32, factor: f32, accumulate: bool, scratch: usize,
): void {
  const inputBytes = (<usize>I) << 2;
  const rowBytes = (<usize>J) << 2;
  const tiles = tileCount(J);
  const tileBytes = (<usize>I) << 6;
  const columns = (<usize>tiles) << 6;
  const turned = scratch;
  const P = turned + <usize>tiles * tileBytes;
  const Q = P + columns;
  const V = Q + columns;
  const still = V + columns;
  const sums = still + columns;
  const off = sums + 4 * inputBytes;
  const on = off + inputBytes;
  if (!tables) {
    tables = scratch + 4 * <usize>ownFloats(I, J);
    flipTables(weights, tables, 0, 0, I, I, J, k);
  }
  const largest = largestTable(tables, I, J);
  turnInTiles(changes, turned, I, J, factor);

  for (let b = 0; b < B; b++) {
    pad(P, p, J, 0);
    pad(Q, q, J, 1);
    pad(V, value, J, 0);
    for (let at: usize = 0; at < columns; at += 16) {
      v128.store(still + at, f32x4.mul(v128.load(P + at), v128.load(V + at)));
    }
    memory.fill(sums, 0, 4 * inputBytes);
    let offEnd = off, onEnd = on;
    for (let i: u32 = 0; i < <u32>I; i++) {
      const at = (<usize>i) << 2;
      if (load<f32>(largest + at) > TABLE_LIMIT) continue;
      if (load<f32>(bits + at) > 0) {
        store<u32>(onEnd, i << 4);
        onEnd += 4;
      } else {
        store<u32>(offEnd, i << 4);
        offEnd += 4;
      }
    }
    for (let t = 0; t < tiles; t++) {
      const factors = tables + <usize>t * tileBytes;
      const toChanges = turned - tables;
      for (let half: usize = 0; half < 64; half += 32) {
        const at = ((<usize>t) << 6) + half;
        addHalf(true, off, offEnd, sums, factors + half, toChanges, P + at, Q + at, V + at, still + at);
        addHalf(false, on, onEnd, sums, factors + half, toChanges, P + at, Q + at, V + at, still + at);
      }
    }
    for (let i = 0; i < I; i++) {
      const at = (<usize>i) << 2;
      const sum = load<f32>(largest + at) > TABLE_LIMIT
        ? exactly(load<f32>(bits + at) > 0, weights + <usize>i * rowBytes, logits, turned + (<usize>i << 6), tileBytes, P, V, J, k)
        : sum4(v128.load(sums + 4 * at));
      store<f32>(out + at, accumulate ? load<f32>(out + at) + sum : sum);
    }
    handNaNOn(p, J, out, I);
    bits += inputBytes;
    out += inputBytes;
    logits += rowBytes;
    p += rowBytes;
    q += rowBytes;
    value += rowBytes;
  }
}

/** `out` in tiles of sixteen columns `[tiles, I, 16]` of what is `[J, I]`, times a factor; 0 in columns that are not there. */
function turnInTiles(changes: usize, out: usize, I: i32, J: i32, factor: f32): void {
  memory.fill(out, 0, (<usize>tileCount(J) * I) << 6);
  for (let j = 0; j < J; j++) {
    let at = out + ((<usize>(j >> 4) * I) << 6) + ((<usize>j & 15) << 2);
    for (let i = 0; i < I; i++, at += 64, changes += 4) store<f32>(at, factor * load<f32>(changes));
  }
}

/** Adds what half a tile of children says of the listed parents, all off or, `isOff` being a constant, all on. */
// @ts-ignore: decorator
@inline
function addHalf(
  isOff: bool, list: usize, end: usize, sums: usize, factors: usize, toChanges: usize, p: usize, q: usize, value: usize,
  still: usize,
): void {
  const p0 = v128.load(p), p1 = v128.load(p, 16);
  const q0 = v128.load(q), q1 = v128.load(q, 16);
  const v0 = v128.load(value), v1 = v128.load(value, 16);
  const s0 = v128.load(still), s1 = v128.load(still, 16);
  for (; list < end; list += 4) {
    const i = load<u32>(list);
    const e = factors + 4 * i;
    const c = e + toChanges;
    const e0 = v128.load(e), e1 = v128.load(e, 16);
    const c0 = v128.load(c), c1 = v128.load(c, 16);
    const at = sums + i;
    let change: v128;
    if (isOff) {
      const pe0 = f32x4.mul(p0, e0), pe1 = f32x4.mul(p1, e1);
      const one = f32x4.sub(f32x4.div(f32x4.mul(pe0, f32x4.add(v0, c0)), f32x4.add(q0, pe0)), s0);
      const two = f32x4.sub(f32x4.div(f32x4.mul(pe1, f32x4.add(v1, c1)), f32x4.add(q1, pe1)), s1);
      change = f32x4.add(one, two);
    } else {
      const one = f32x4.sub(s0, f32x4.div(f32x4.mul(p0, f32x4.sub(v0, c0)), madd(q0, e0, p0)));
      const two = f32x4.sub(s1, f32x4.div(f32x4.mul(p1, f32x4.sub(v1, c1)), madd(q1, e1, p1)));
      change = f32x4.add(one, two);
    }
    v128.store(at, f32x4.add(v128.load(at), change));
  }
}

/** The same of one parent with weights beyond the table: an exponential for every child. */
function exactly(
  isOn: bool, w: usize, logits: usize, c: usize, tileBytes: usize, P: usize, V: usize, J: i32, k: f32,
): f32 {
  const sign: f32 = isOn ? -1 : 1;
  const step = f32x4.splat(sign * k);
  const towards = f32x4.splat(sign);
  let sum = f32x4.splat(0);
  for (let j = 0; j < J; j += 4, c += 16) {
    if (j > 0 && (j & 15) == 0) c += tileBytes - 64;
    const at = (<usize>j) << 2;
    const l = madd(step, v128.load(w + at), v128.load(logits + at));
    const e = exp4(f32x4.neg(f32x4.abs(l)));
    const top = v128.bitselect(f32x4.splat(1), e, f32x4.ge(l, f32x4.splat(0)));
    const mean = f32x4.div(top, f32x4.add(f32x4.splat(1), e));
    const v = v128.load(V + at);
    const moved = madd(towards, v128.load(c), v);
    const change = f32x4.sub(f32x4.mul(mean, moved), f32x4.mul(v128.load(P + at), v));
    sum = f32x4.add(sum, v128.and(change, firstLanes(J - j)));
  }
  return sign * sum4(sum);
}
