// The score of what units did: the derivative of the log-likelihood by their logits. `bit - p`, and where the bit is on
// what is left of 1, which float32 loses beside a p near 1, out of what stands beside it.
//   score(bits, p, q, out: [n], n)              out = q where the bit is on, else -p
//   choiceScore(bits, p, out: [units, N], units, N)
//                                               out = the sum of the others' p where the choice was made, else -p
import { firstLanes, storeLanes } from "./lanes";
import { select, sum4 } from "./math";

export function score(bits: usize, p: usize, q: usize, out: usize, n: i32): void {
  const zero = f32x4.splat(0);
  for (; n > 0; n -= 4, bits += 16, p += 16, q += 16, out += 16) {
    const on = f32x4.gt(v128.load(bits), zero);
    storeLanes(out, select(v128.load(q), f32x4.neg(v128.load(p)), on), n);
  }
}

export function choiceScore(bits: usize, p: usize, out: usize, units: i32, N: i32): void {
  const size = (<usize>N) << 2;
  const zero = f32x4.splat(0);
  for (let unit = 0; unit < units; unit++, bits += size, p += size, out += size) {
    let others = zero;
    for (let n = 0; n < N; n += 4) {
      const at = (<usize>n) << 2;
      const off = v128.andnot(firstLanes(N - n), f32x4.gt(v128.load(bits + at), zero));
      others = f32x4.add(others, v128.and(v128.load(p + at), off));
    }
    const rest = f32x4.splat(sum4(others));
    for (let n = 0; n < N; n += 4) {
      const at = (<usize>n) << 2;
      const on = f32x4.gt(v128.load(bits + at), zero);
      storeLanes(out + at, select(rest, f32x4.neg(v128.load(p + at)), on), N - n);
    }
  }
}
