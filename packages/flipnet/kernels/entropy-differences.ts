// What other outcomes of a parent do to its children's entropies, where parents or children, or both, are softmax;
// flips.ts has Bernoulli parents of Bernoulli children.
//   entropyDifferences(bits: [B, I], tables (flip-tables.ts), W: [I, J], logits, p, q: [B, J], out: [B, I], B, I,
//                      N choices of a parent, J, K choices of a child (1: Bernoulli units), k, accumulate,
//                      scratch: entropyDifferencesScratchFloats(I, J) floats)
//   out[b, i] (+)= H(children | parent i on) - H(children | parent i off), N = 1
//   out[b, (u, n)] (+)= H(children | parent u chose n) - H(children | parent u chose what it chose)
// Where a child's logits l move by d, its probabilities become u / S, u = p e^d, S = sum_k u[k], and its entropy changes by
//   log S - A / S,   A = sum_k u[k] (y[k] + d[k]),   y = l - sum_k p[k] l[k]
// A Bernoulli child is two choices, of which the second has l = d = 0. Over children that is the logarithm of one
// product and a sum of fractions. Of a softmax parent d = W[n] - W[chosen]: p / e^W[chosen] and y - W[chosen] are made
// once and stand for p and y in all its choices, W[n] for d. Four outcomes at a time, of four parents or of one.
import { unitEntropy } from "./choices";
import { largestTable, turnedTable } from "./flip-tables";
import { storeLanes } from "./lanes";
import { exp4, logOf, madd, select } from "./math";
import { exponent, handNaNOn, mantissa, ROOM } from "./products";
import { entropyShift } from "./shifts";
import { chosenOf, reachOf } from "./switches";

/** Beyond this a choice whose probability is stored as 0 (below 1e-30) could matter: 1e-30 e^52 = 4e-8. */
const LIMIT: f32 = 26;

export function entropyDifferencesScratchFloats(I: i32, J: i32): f64 {
  return 2.0 * I * J + 6.0 * J + 24;
}

export function entropyDifferences(
  bits: usize, tables: usize, weights: usize, logits: usize, p: usize, q: usize, out: usize, B: i32, I: i32, N: i32,
  J: i32, K: i32, k: f32, accumulate: bool, scratch: usize,
): void {
  const inputBytes = (<usize>I) << 2;
  const rowBytes = (<usize>J) << 2;
  const turned = turnedTable(tables, I, J);
  const largest = largestTable(tables, I, J);
  const tableBytes = (rowBytes * I + 15) & ~15;
  const up = scratch; // e^d, turned as the weights are
  const down = up + tableBytes; // e^-d
  const y = down + tableBytes;
  const still = y + rowBytes;
  const parentP = still + 2 * rowBytes;
  const parentY = parentP + rowBytes + 16;
  if (!accumulate) memory.fill(out, 0, <usize>B * inputBytes);
  for (let at: usize = 0; at < tableBytes; at += 16) {
    const e = exp4(v128.load(turned + at));
    v128.store(up + at, e);
    v128.store(down + at, f32x4.div(f32x4.splat(1), e));
  }
  let most: f32 = 0.1;
  for (let unit = 0; unit < I; unit += N) {
    const reach = reachFrom(largest, unit, N);
    if (reach <= LIMIT) most = max(most, reach);
  }
  // So many children's sums may be multiplied before the product's exponent has to be split off.
  const stride = <i32>(ROOM / most);

  for (let b = 0; b < B; b++) {
    prepare(logits, p, q, y, still, J, K);
    if (N == 1) {
      for (let i = 0; i < I; i += 4) {
        const at = (<usize>i) << 2;
        const on = f32x4.gt(v128.load(bits + at), f32x4.splat(0));
        const change = changes(true, on, up + at, down + at, turned + at, inputBytes, p, y, still, J, K, stride);
        const narrow = f32x4.le(v128.load(largest + at), f32x4.splat(LIMIT));
        add(out + at, v128.and(select(f32x4.neg(change), change, on), narrow), I - i);
      }
    }
    for (let unit = 0; unit < I; unit += N) {
      if (reachFrom(largest, unit, N) > LIMIT) {
        addExactly(bits, weights, logits, out, unit, N, J, K, k);
        continue;
      }
      if (N == 1) continue;
      const chosen = chosenOf(bits, unit, N);
      const ours = out + ((<usize>chosen) << 2);
      const before = load<f32>(ours);
      moveBack(p, y, weights + <usize>chosen * rowBytes, parentP, parentY, J);
      for (let i = unit, left = N; left > 0; i += 4, left -= 4) {
        const at = (<usize>i) << 2;
        const none = f32x4.splat(0);
        add(out + at, changes(false, none, up + at, 0, turned + at, inputBytes, parentP, parentY, still, J, K, stride), left);
      }
      store<f32>(ours, before);
    }
    handNaNOn(p, J, out, I);
    bits += inputBytes;
    out += inputBytes;
    logits += rowBytes;
    p += rowBytes;
    q += rowBytes;
  }
}

/** How far |d| may go. */
function reachFrom(largest: usize, unit: i32, N: i32): f32 {
  return N == 1 ? load<f32>(largest + ((<usize>unit) << 2)) : reachOf(largest, unit, N);
}

// @ts-ignore: decorator
@inline
function add(at: usize, x: v128, count: i32): void {
  storeLanes(at, f32x4.add(v128.load(at), x), count);
}

/** Of each choice `y`, and of each child what does not move of its S and A: a Bernoulli unit's second choice. */
function prepare(logits: usize, p: usize, q: usize, y: usize, still: usize, J: i32, K: i32): void {
  const unitBytes = (<usize>K) << 2;
  for (const end = logits + ((<usize>J) << 2); logits < end; p += unitBytes, q += unitBytes, still += 8) {
    let mean: f32 = 0;
    for (let n: usize = 0; n < unitBytes; n += 4) mean += load<f32>(p + n) * load<f32>(logits + n);
    const other: f32 = K == 1 ? load<f32>(q) : 0;
    store<f32>(still, other);
    store<f32>(still, -other * mean, 4);
    for (const unitEnd = logits + unitBytes; logits < unitEnd; logits += 4, y += 4) {
      store<f32>(y, K == 1 ? other * load<f32>(logits) : load<f32>(logits) - mean);
    }
  }
}

/** `parentP = p / e^w`, `parentY = y - w`. */
function moveBack(p: usize, y: usize, w: usize, parentP: usize, parentY: usize, J: i32): void {
  for (let at: usize = 0, end = (<usize>J) << 2; at < end; at += 16) {
    const d = v128.load(w + at);
    v128.store(parentP + at, f32x4.mul(v128.load(p + at), exp4(f32x4.neg(d))));
    v128.store(parentY + at, f32x4.sub(v128.load(y + at), d));
  }
}

/** `sum over children of log S - A / S` under four outcomes; where `flips`, those of parents that are `on` move by -d. */
// @ts-ignore: decorator
@inline
function changes(
  flips: bool, on: v128, up: usize, down: usize, d: usize, inputBytes: usize, p: usize, y: usize, still: usize, J: i32,
  K: i32, stride: i32,
): v128 {
  const sign = v128.and(on, i32x4.splat(<i32>0x80000000));
  const unitBytes = (<usize>K) << 2;
  let product = f32x4.splat(1);
  let power = i32x4.splat(0);
  let sum = f32x4.splat(0);
  for (let left = stride, end = p + ((<usize>J) << 2); p < end; still += 8) {
    let S = v128.load32_splat(still);
    let A = v128.load32_splat(still, 4);
    for (const unitEnd = p + unitBytes; p < unitEnd; p += 4, y += 4, up += inputBytes, d += inputBytes) {
      let e = v128.load(up);
      let step = v128.load(d);
      if (flips) {
        e = select(v128.load(down), e, on);
        step = v128.xor(step, sign);
        down += inputBytes;
      }
      const u = f32x4.mul(e, v128.load32_splat(p));
      S = f32x4.add(S, u);
      A = madd(u, f32x4.add(step, v128.load32_splat(y)), A);
    }
    product = f32x4.mul(product, S);
    sum = f32x4.add(sum, f32x4.div(A, S));
    if (--left == 0) {
      power = i32x4.add(power, exponent(product));
      product = mantissa(product);
      left = stride;
    }
  }
  return f32x4.sub(logOf(mantissa(product), i32x4.add(power, exponent(product))), sum);
}

/** The same of one parent, the plain way: an exponential and more for every child. */
function addExactly(
  bits: usize, weights: usize, logits: usize, out: usize, unit: i32, N: i32, J: i32, K: i32, k: f32,
): void {
  const rowBytes = (<usize>J) << 2;
  const chosen = chosenOf(bits, unit, N);
  const own = weights + <usize>chosen * rowBytes;
  for (let i = unit; i < unit + N; i++) {
    const at = out + ((<usize>i) << 2);
    let change: f32 = 0;
    if (N == 1) {
      const sign: f32 = load<f32>(bits + ((<usize>i) << 2)) > 0 ? -1 : 1;
      change = sign * shift(logits, own, 0, sign * k, J, K);
    } else if (i != chosen) {
      change = shift(logits, weights + <usize>i * rowBytes, own, 1, J, K);
    }
    store<f32>(at, load<f32>(at) + change);
  }
}

/** By how much the children's entropy changes when their logits move by `k (plus - minus)`. */
function shift(logits: usize, plus: usize, minus: usize, k: f32, J: i32, K: i32): f32 {
  if (K == 1) return entropyShift(logits, plus, minus, k, J);
  const unitBytes = (<usize>K) << 2;
  let sum: f32 = 0;
  for (let u = 0; u < J; u += K, logits += unitBytes, plus += unitBytes, minus += minus ? unitBytes : 0) {
    sum += unitEntropy(logits, plus, minus, k, K) - unitEntropy(logits, 0, 0, 0, K);
  }
  return sum;
}
