// Probabilities given the children, less those before.
//   posteriorMinusPrior(p: [n], q: [n], delta: [n], out: [n], n)
//     = sigmoid(l + delta) - sigmoid(l) = p q expm1(delta) / (q + p e^delta), accurate relative to itself
//   unstoppedGradient(s: [n], q: [n], out: [n], n)
//     = s (q - s) / q, 0 where q is
//   choicePosteriorMinusPrior(p: [units N], delta: same, out: same, units, N)
//     = p (e^(delta - log sum_n p e^delta) - 1) over each unit's N choices
import { exp4, expm14, flush4, log1, max4, select, sum4 } from "./math";
import { firstLanes, storeLanes } from "./lanes";

export function posteriorMinusPrior(p: usize, q: usize, delta: usize, out: usize, n: i32): void {
  for (let e = 0; e < n; e += 4, p += 16, q += 16, delta += 16, out += 16) {
    // Where delta > 0 the fraction is multiplied through by e^-delta: p and q change places, and the sign changes.
    const P = v128.load(p), Q = v128.load(q), d = v128.load(delta);
    const up = f32x4.gt(d, f32x4.splat(0));
    const a = select(Q, P, up), b = select(P, Q, up);
    const down = f32x4.neg(f32x4.abs(d));
    // With both terms 0 (p was stored as 0 and e^-delta is) the numerator is 0 too.
    const mean = f32x4.pmax(f32x4.add(b, f32x4.mul(a, exp4(down))), f32x4.splat(1e-37));
    const size = flush4(f32x4.mul(f32x4.div(a, mean), flush4(f32x4.mul(b, expm14(down)))));
    storeLanes(out, select(f32x4.neg(size), size, up), n - e);
  }
}

export function unstoppedGradient(s: usize, q: usize, out: usize, n: i32): void {
  const zero = f32x4.splat(0);
  for (let e = 0; e < n; e += 4, s += 16, q += 16, out += 16) {
    const S = v128.load(s), Q = v128.load(q);
    const x = f32x4.mul(S, f32x4.div(f32x4.sub(Q, S), Q));
    storeLanes(out, flush4(v128.and(x, f32x4.gt(Q, zero))), n - e);
  }
}

export function choicePosteriorMinusPrior(p: usize, delta: usize, out: usize, units: i32, N: i32): void {
  const unitBytes = (<usize>N) << 2;
  const zero = f32x4.splat(0);
  const never = f32x4.splat(-1e30);
  for (let u = 0; u < units; u++, p += unitBytes, delta += unitBytes, out += unitBytes) {
    let most = never;
    for (let n = 0; n < N; n += 4) {
      const at = (<usize>n) << 2;
      const possible = v128.and(f32x4.gt(v128.load(p + at), zero), firstLanes(N - n));
      most = f32x4.pmax(most, select(v128.load(delta + at), never, possible));
    }
    const largest = f32x4.splat(max4(most));
    let sum = zero;
    for (let n = 0; n < N; n += 4) {
      const at = (<usize>n) << 2;
      const x = v128.load(p + at);
      const possible = v128.and(f32x4.gt(x, zero), firstLanes(N - n));
      const term = f32x4.mul(x, exp4(f32x4.sub(v128.load(delta + at), largest)));
      sum = f32x4.add(sum, v128.and(term, possible));
    }
    const total = f32x4.splat(log1(sum4(sum)));
    for (let n = 0; n < N; n += 4) {
      const at = (<usize>n) << 2;
      const x = v128.load(p + at);
      const change = f32x4.mul(x, expm14(f32x4.sub(f32x4.sub(v128.load(delta + at), largest), total)));
      storeLanes(out + at, flush4(v128.and(change, f32x4.gt(x, zero))), N - n);
    }
  }
}
