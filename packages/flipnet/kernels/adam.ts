import { madd, pinned } from "./math";
import { own } from "./own";

/** Half of the exponent of what v is multiplied by, so that c2 v is a normal number for any v that is kept. */
const SCALE: f32 = 1024;

/** The largest gradient whose square is finite after that; a larger one counts as this. */
const LARGEST: f32 = 1e16;

/**
 * One ascending Adam step:
 *
 *     m += c1 (g - m)    v += c2 (g^2 - v)    w += rate m / (sqrt(v) + epsilon)
 *
 * with `c1 = 1 - beta1`, `c2 = 1 - beta2`, and the bias corrections moved into `rate` and `epsilon` by the caller.
 * Written with c rather than with beta: float32 rounds beta2 = 0.999 to an error of 1e-5 in 1 - beta2. All [n].
 *
 * No operation may meet a denormal, which costs a hundred times a normal number. Small m and v become 0, and c2 v
 * would be denormal for v near its bound, so the arithmetic is on 2^20 v. A gradient counts from 1e-36 on in m and
 * from 1e-20 on in v: less is nothing beside what is kept, 1e-30 and 1e-36.
 */
export function adam(w: usize, g: usize, m: usize, v: usize, n: i32, c1: f32, c2: f32, rate: f32, epsilon: f32): void {
  const bytes = (<usize>n) << 2;
  const whole = bytes & ~15;
  const rest = bytes - whole;
  vectors(w, g, m, v, whole, c1, c2, rate, epsilon);
  if (rest == 0) return;
  // The last few stand among others' numbers: a loop that minds them is half as fast.
  const W = own + 64, G = W + 16, M = G + 16, V = M + 16;
  memory.copy(W, w + whole, rest);
  memory.copy(G, g + whole, rest);
  memory.copy(M, m + whole, rest);
  memory.copy(V, v + whole, rest);
  vectors(W, G, M, V, 16, c1, c2, rate, epsilon);
  memory.copy(w + whole, W, rest);
  memory.copy(m + whole, M, rest);
  memory.copy(v + whole, V, rest);
}

function vectors(
  w: usize, g: usize, m: usize, v: usize, bytes: usize, c1: f32, c2: f32, rate: f32, epsilon: f32,
): void {
  const rates = pinned(rate * SCALE);
  const epsilons = pinned(epsilon * SCALE);
  const c1s = pinned(c1);
  const c2s = pinned(c2);
  const largest = pinned(LARGEST);
  const smallest = pinned(-LARGEST);
  const magnitude = pinned(reinterpret<f32>(0x7fffffff));
  const leastInM = pinned(1e-36);
  const leastInV = pinned(1e-20);
  const leastM = pinned(1e-30);
  const leastV = pinned(1e-36 * SCALE * SCALE);
  const up = pinned(SCALE);
  const upTwice = pinned(SCALE * SCALE);
  const down = pinned(1 / (SCALE * SCALE));

  for (const end = w + bytes; w < end; w += 16, g += 16, m += 16, v += 16) {
    const given = v128.load(g);
    const clipped = f32x4.pmax(f32x4.pmin(given, largest), smallest);
    const gradient = f32x4.add(clipped, f32x4.sub(given, given)); // what was infinite is no number and stays none
    const size = v128.and(gradient, magnitude);

    // Gradients are compared as integers, which denormals do not slow.
    const forM = v128.and(gradient, i32x4.gt_s(size, leastInM));
    const m0 = v128.load(m);
    const mAny = madd(c1s, f32x4.sub(forM, m0), m0);
    const m1 = v128.andnot(mAny, f32x4.lt(v128.and(mAny, magnitude), leastM));
    v128.store(m, m1);

    const forV = f32x4.mul(v128.and(size, i32x4.gt_s(size, leastInV)), up);
    const v0 = f32x4.mul(v128.load(v), upTwice);
    const vAny = madd(c2s, f32x4.sub(f32x4.mul(forV, forV), v0), v0);
    const v1 = v128.andnot(vAny, f32x4.lt(vAny, leastV));
    v128.store(v, f32x4.mul(v1, down));

    const step = f32x4.div(f32x4.mul(rates, m1), f32x4.add(f32x4.sqrt(v1), epsilons));
    v128.store(w, f32x4.add(v128.load(w), step));
  }
}
