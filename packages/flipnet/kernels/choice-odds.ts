// The log odds of each choice of softmax units, N choices each, against all the others.
//   choiceOdds(logits, out: [units, N], units, N)   out[u, k] = l[u, k] - log sum_{m != k} e^(l[u, m])
import { firstLanes, storeLanes } from "./lanes";
import { exp4, log1, log4, sum4 } from "./math";

/** Of the only choice. */
const CERTAIN: f32 = 1e30;

/**
 * With x = l - max l the others of a choice are `total - e^x`, at least 1, for all but the best one; for that they are summed
 * about the second best. So nothing cancels, however certain the choice. `out` may be `logits`.
 */
export function choiceOdds(logits: usize, out: usize, units: i32, N: i32): void {
  const size = (<usize>N) << 2;
  const zero = f32x4.splat(0);
  for (let unit = 0; unit < units; unit++, logits += size, out += size) {
    let best = load<f32>(logits), second = -f32.MAX_VALUE;
    let place: usize = 0;
    for (let at: usize = 4; at < size; at += 4) {
      const l = load<f32>(logits + at);
      if (l > best) {
        second = best;
        best = l;
        place = at;
      } else second = max(second, l);
    }

    let all = zero, rivals = zero;
    for (let k = 0; k < N; k += 4) {
      const l = v128.load(logits + ((<usize>k) << 2));
      const mask = firstLanes(N - k);
      all = f32x4.add(all, v128.and(exp4(f32x4.sub(l, f32x4.splat(best))), mask));
      // The best one counts 1 here as well.
      const below = f32x4.pmin(f32x4.sub(l, f32x4.splat(second)), zero);
      rivals = f32x4.add(rivals, v128.and(exp4(below), mask));
    }

    const sum = sum4(all);
    best += sum - sum; // 0, or no number where one of them is none
    const total = f32x4.splat(sum);
    for (let k = 0; k < N; k += 4) {
      const at = (<usize>k) << 2;
      const x = f32x4.sub(v128.load(logits + at), f32x4.splat(best));
      storeLanes(out + at, f32x4.sub(x, log4(f32x4.sub(total, exp4(x)))), N - k);
    }
    store<f32>(out + place, N == 1 ? CERTAIN : best - second - log1(sum4(rivals) - 1));
  }
}
