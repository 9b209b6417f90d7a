// What another choice of a softmax parent does to Bernoulli children, everything else as it was:
//   out[b, (u, n)] (+)= log P(children | parent u chose n) - log P(children | parent u chose what it chose)
//   switches(bits: [B, I] one-hot, I = parents x N, tables (flip-tables.ts), W: [I, J], logits, p, q, childBits: [B, J],
//            out: [B, I], B, I, N, J, accumulate, scratch: switchScratchFloats(I, J) floats)
// With d = W[n] - W[chosen] a child's log-likelihood changes by c d - log(q + p e^d), as in flips.ts; and
// q + p e^d = q + r e^W[n], r = p / e^W[chosen]: a division for all choices of the parent, then a multiply-add and a
// multiply for each.
import { largestTable, TABLE_LIMIT, tileCount, turnedTable } from "./flip-tables";
import { storeLanes } from "./lanes";
import { madd } from "./math";
import { handNaNOn, logsOf, pad, planeBytes, ROOM, split } from "./products";
import { rowSum } from "./row-sum";
import { bernoulliShift, bitsShift } from "./shifts";

/** Parents whose |d| may be beyond this, two tiles between splits, are taken alone and split at every vector. */
const NARROW: f32 = 10.75;

export function switchScratchFloats(I: i32, J: i32): f64 {
  return 48.0 * tileCount(J) + 2.0 * (planeBytes(I) >> 2) + 3.0 * I + J + 24;
}

export function switches(
  bits: usize, tables: usize, weights: usize, logits: usize, p: usize, q: usize, childBits: usize, out: usize, B: i32,
  I: i32, N: i32, J: i32, accumulate: bool, scratch: usize,
): void {
  const inputBytes = (<usize>I) << 2;
  const rowBytes = (<usize>J) << 2;
  const unitBytes = (<usize>N) << 2;
  const tiles = tileCount(J);
  const tileBytes = (<usize>I) << 6;
  const turned = turnedTable(tables, I, J);
  const largest = largestTable(tables, I, J);
  const columns = (<usize>tiles) << 6;
  const plane = planeBytes(I);
  const P = scratch;
  const Q = P + columns;
  const R = Q + columns;
  const products = R + columns;
  const list = products + 2 * plane;
  const sums = list + inputBytes;
  const lists = sums + inputBytes + 16;

  let most: f32 = 0.01;
  let wide = false;
  for (let unit = 0; unit < I; unit += N) {
    const reach = reachOf(largest, unit, N);
    if (reach <= NARROW) most = max(most, reach);
    else wide = true;
  }
  const stride = <i32>(ROOM / (4 * most));

  for (let b = 0; b < B; b++) {
    pad(P, p, J, 0);
    pad(Q, q, J, 1);
    for (let at = products; at < products + plane; at += 16) {
      v128.store(at, f32x4.splat(1));
      v128.store(at + plane, i32x4.splat(0));
    }

    // Narrow parents are listed by where their products are: the choice made, then the others.
    let end = list;
    for (let unit = 0; unit < I; unit += N) {
      if (wide && reachOf(largest, unit, N) > NARROW) continue;
      const chosen = chosenOf(bits, unit, N);
      store<usize>(end, products + ((<usize>chosen) << 4));
      end += 4;
      for (let i = unit, last = unit + N; i < last; i++) {
        store<usize>(end, products + ((<usize>i) << 4));
        end += i == chosen ? 0 : 4;
      }
    }

    for (let t = 0, next = stride; t < tiles; t++) {
      if (t == next) {
        for (let at = products; at < products + plane; at += 16) split(at, plane);
        next += stride;
      }
      const column = (<usize>t) << 6;
      // Products are 16 bytes apart, their factors 64.
      multiplyTile(list, end, unitBytes, tables + <usize>t * tileBytes - 4 * products, Q + column, P + column);
    }

    if (wide) {
      for (let unit = 0; unit < I; unit += N) {
        const reach = reachOf(largest, unit, N);
        if (reach <= NARROW || reach > TABLE_LIMIT) continue;
        const chosen = chosenOf(bits, unit, N);
        divide(R, P, tables + ((<usize>chosen) << 6), tileBytes, tiles);
        for (let i = unit; i < unit + N; i++) {
          if (i != chosen) multiplyRow(products + ((<usize>i) << 4), plane, tables + ((<usize>i) << 6), tileBytes, tiles, Q, R);
        }
      }
    }

    memory.fill(sums, 0, inputBytes);
    rowSum(childBits, turned, sums, 1, J, I, false, lists);
    for (let i: usize = 0; i < inputBytes; i += 16) {
      v128.store(sums + i, f32x4.sub(v128.load(sums + i), logsOf(products + 4 * i, plane)));
    }
    for (let unit = 0; unit < I; unit += N) {
      const chosen = chosenOf(bits, unit, N);
      const at = (<usize>unit) << 2;
      const ours = (<usize>chosen) << 2;
      const before = accumulate ? load<f32>(out + ours) : 0;
      if (wide && reachOf(largest, unit, N) > TABLE_LIMIT) {
        const minus = weights + <usize>chosen * rowBytes;
        for (let i = unit; i < unit + N; i++) {
          const plus = weights + <usize>i * rowBytes;
          const to = out + ((<usize>i) << 2);
          const change = bitsShift(childBits, plus, minus, 1, J) - bernoulliShift(logits, plus, minus, 1, J);
          store<f32>(to, accumulate ? load<f32>(to) + change : change);
        }
      } else {
        const base = v128.load32_splat(sums + ours);
        for (let n: usize = 0, left = N; n < unitBytes; n += 16, left -= 4) {
          const change = f32x4.sub(v128.load(sums + at + n), base);
          storeLanes(out + at + n, accumulate ? f32x4.add(v128.load(out + at + n), change) : change, left);
        }
      }
      store<f32>(out + ours, before);
    }

    handNaNOn(p, J, out, I);
    bits += inputBytes;
    out += inputBytes;
    childBits += rowBytes;
    logits += rowBytes;
    p += rowBytes;
    q += rowBytes;
  }
}

/** How far |d| may go between two choices of a parent. */
// @ts-ignore: decorator
@inline
export function reachOf(largest: usize, unit: i32, N: i32): f32 {
  let most: f32 = 0;
  for (let i = unit; i < unit + N; i++) most = max(most, load<f32>(largest + ((<usize>i) << 2)));
  return 2 * most;
}

/** The row of the choice that a parent made. */
// @ts-ignore: decorator
@inline
export function chosenOf(bits: usize, unit: i32, N: i32): i32 {
  let chosen = unit;
  for (let i = unit, last = unit + N; i < last; i++) chosen += load<f32>(bits + ((<usize>i) << 2)) > 0 ? i - unit : 0;
  return chosen;
}

/** Multiplies the products of listed parents' other choices by the factors `a + r e` of one tile, `r = p / e[chosen]`. */
function multiplyTile(list: usize, end: usize, unitBytes: usize, factors: usize, a: usize, p: usize): void {
  const a0 = v128.load(a), a1 = v128.load(a, 16), a2 = v128.load(a, 32), a3 = v128.load(a, 48);
  while (list < end) {
    const c = factors + 4 * load<usize>(list);
    const r0 = f32x4.div(v128.load(p), v128.load(c));
    const r1 = f32x4.div(v128.load(p, 16), v128.load(c, 16));
    const r2 = f32x4.div(v128.load(p, 32), v128.load(c, 32));
    const r3 = f32x4.div(v128.load(p, 48), v128.load(c, 48));
    const next = list + unitBytes;
    for (list += 4; list < next; list += 4) {
      const at = load<usize>(list);
      const e = factors + 4 * at;
      const f0 = madd(v128.load(e), r0, a0);
      const f1 = madd(v128.load(e, 16), r1, a1);
      const f2 = madd(v128.load(e, 32), r2, a2);
      const f3 = madd(v128.load(e, 48), r3, a3);
      v128.store(at, f32x4.mul(f32x4.mul(v128.load(at), f32x4.mul(f0, f1)), f32x4.mul(f2, f3)));
    }
  }
}

/** `r = p / e` over all tiles; of `p`, and so of `r`, no more than J columns mean anything. */
export function divide(r: usize, p: usize, e: usize, tileBytes: usize, tiles: i32): void {
  for (let t = 0; t < tiles; t++, e += tileBytes - 64) {
    for (let n = 0; n < 4; n++, r += 16, p += 16, e += 16) v128.store(r, f32x4.div(v128.load(p), v128.load(e)));
  }
}

/** One row with large weights, split at every vector. */
function multiplyRow(at: usize, plane: usize, e: usize, tileBytes: usize, tiles: i32, a: usize, r: usize): void {
  for (let t = 0; t < tiles; t++, e += tileBytes - 64) {
    for (let n = 0; n < 4; n++, e += 16, a += 16, r += 16) {
      v128.store(at, f32x4.mul(v128.load(at), madd(v128.load(e), v128.load(r), v128.load(a))));
      split(at, plane);
    }
  }
}
