// What the flip kernels read instead of exponentials. With d = k W, k = 1 for {0,1} parents and 2 for {-1,+1}:
//   flipTables(W: [I, J], tables: flipTableFloats(I, J) floats, steps: flipStepFloats(I, J) floats, first, rows, I, J, k)
// fills what belongs to `rows` rows of W, from row `first` on, a multiple of 4. `tables` is one block:
//   factors [tiles, I, 16]  e^d, in tiles of sixteen columns; columns that are not there are 1
//   turned  [J, I]          d, transposed
//   largest [I]             max_j |d|
//   totals  [I]             sum_j d, or 0 in a row beyond the table (largest > TABLE_LIMIT: factors not to be used)
// and `steps`, which only entropies ask for and which is left out where its address is 0:
//   steps   [tiles, I, 16]  d, in tiles of sixteen columns; columns that are not there are 0
// One table is enough for both directions, because log(q + p e^-d) = log(p + q e^d) - d.
import { expNear, expNearFour, max4, storeFour, sum4 } from "./math";
import { firstLanes, storeLanes } from "./lanes";

/** Up to here what is lost when a probability below 1e-30 is stored as 0 is lost: 1e-30 e^43 is 5e-12. */
export const TABLE_LIMIT: f32 = 43;

/** Tiles that cover J columns. */
// @ts-ignore: decorator
@inline
export function tileCount(J: i32): i32 {
  return (J + 15) >> 4;
}

// @ts-ignore: decorator
@inline
export function turnedTable(tables: usize, I: i32, J: i32): usize {
  return tables + ((<usize>I * tileCount(J)) << 6);
}

// @ts-ignore: decorator
@inline
export function largestTable(tables: usize, I: i32, J: i32): usize {
  return turnedTable(tables, I, J) + ((<usize>I * J) << 2);
}

export function flipTableFloats(I: i32, J: i32): f64 {
  return <f64>I * (16 * tileCount(J) + J + 2);
}

export function flipStepFloats(I: i32, J: i32): f64 {
  return 16.0 * I * tileCount(J);
}

export function flipTables(
  weights: usize, tables: usize, steps: usize, first: i32, rows: i32, I: i32, J: i32, k: f32,
): void {
  const start = (<usize>first) << 2;
  const largest = largestTable(tables, I, J) + start;
  const totals = largest + ((<usize>I) << 2);
  weights += start * J;
  turn(weights, turnedTable(tables, I, J) + start, rows, I, J, k);
  tables += start << 4;
  const toSteps = steps ? steps + (start << 4) - tables : 0; // how far the d are from their e^d
  const factor = f32x4.splat(k);
  const tile = (<usize>I) << 6;
  for (let i = 0; i < rows; i++, tables += 64) {
    let most = f32x4.splat(0);
    let total = f32x4.splat(0);
    let to = tables;
    let j = J;
    for (; j >= 16; j -= 16, weights += 64, to += tile) {
      const a = f32x4.mul(v128.load(weights), factor), b = f32x4.mul(v128.load(weights, 16), factor);
      const c = f32x4.mul(v128.load(weights, 32), factor), d = f32x4.mul(v128.load(weights, 48), factor);
      most = f32x4.pmax(f32x4.pmax(f32x4.pmax(f32x4.pmax(most, f32x4.abs(a)), f32x4.abs(b)), f32x4.abs(c)), f32x4.abs(d));
      total = f32x4.add(f32x4.add(f32x4.add(f32x4.add(total, a), b), c), d);
      if (toSteps) storeFour(to + toSteps, a, b, c, d);
      expNearFour(to, a, b, c, d);
    }
    if (j > 0) {
      for (let n: usize = 0; n < 64; n += 16, j -= 4) {
        const d = v128.and(f32x4.mul(v128.load(weights + n), factor), firstLanes(max(j, 0)));
        most = f32x4.pmax(most, f32x4.abs(d));
        total = f32x4.add(total, d);
        if (toSteps) v128.store(to + n + toSteps, d);
        v128.store(to + n, expNear(d));
      }
      weights += (<usize>J & 15) << 2;
    }
    const size = max4(most);
    store<f32>(largest + ((<usize>i) << 2), size);
    store<f32>(totals + ((<usize>i) << 2), size > TABLE_LIMIT ? 0 : sum4(total));
  }
}

/** `out[j, i] = k weights[i, j]` for `count` rows. */
function turn(weights: usize, out: usize, count: i32, I: i32, J: i32, k: f32): void {
  const rowBytes = (<usize>J) << 2;
  const outBytes = (<usize>I) << 2;
  for (let i = 0; i < count; i += 4, weights += 4 * rowBytes, out += 16) {
    const rows = count - i; // those that are not there repeat the first
    const w1: usize = rows > 1 ? rowBytes : 0;
    const w2: usize = rows > 2 ? 2 * rowBytes : 0;
    const w3: usize = rows > 3 ? 3 * rowBytes : 0;
    let w = weights;
    let at = out;
    let columns = J;
    if (rows >= 4) {
      for (; columns >= 4; columns -= 4, w += 16, at += 4 * outBytes) turnBlock(true, w, w1, w2, w3, at, outBytes, 4, 4, k);
    }
    for (; columns > 0; columns -= 4, w += 16, at += 4 * outBytes) {
      turnBlock(false, w, w1, w2, w3, at, outBytes, rows, columns, k);
    }
  }
}

/** Four rows and four columns. `whole`, a constant: all of them are there. */
// @ts-ignore: decorator
@inline
function turnBlock(
  whole: bool, w: usize, w1: usize, w2: usize, w3: usize, out: usize, outBytes: usize, rows: i32, columns: i32, k: f32,
): void {
  const factor = f32x4.splat(k);
  const a = f32x4.mul(v128.load(w), factor);
  const b = f32x4.mul(v128.load(w + w1), factor);
  const c = f32x4.mul(v128.load(w + w2), factor);
  const d = f32x4.mul(v128.load(w + w3), factor);
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const ef = v128.shuffle<f32>(a, b, 2, 6, 3, 7), gh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  const r0 = v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), r1 = v128.shuffle<f32>(ab, cd, 2, 3, 6, 7);
  const r2 = v128.shuffle<f32>(ef, gh, 0, 1, 4, 5), r3 = v128.shuffle<f32>(ef, gh, 2, 3, 6, 7);
  if (whole) {
    v128.store(out, r0);
    v128.store(out + outBytes, r1);
    v128.store(out + 2 * outBytes, r2);
    v128.store(out + 3 * outBytes, r3);
  } else {
    storeLanes(out, r0, rows);
    if (columns > 1) storeLanes(out + outBytes, r1, rows);
    if (columns > 2) storeLanes(out + 2 * outBytes, r2, rows);
    if (columns > 3) storeLanes(out + 3 * outBytes, r3, rows);
  }
}
