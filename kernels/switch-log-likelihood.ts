// out[b, (u, n)] (+)= log P(children | parent u chose n) - log P(children | parent u chose what it chose).
//   switchLogLikelihood(bits: [B, I] one-hot, I = parent units x choices, W: [I, J], logits: [B, J], childBits: [B, J],
//                       out: [B, I], B, I, choices, J, childChoices (1: Bernoulli), accumulate)
import { bernoulliShift, bitsShift, softmaxShift } from "./shifts";

export function switchLogLikelihood(
  bits: usize, weights: usize, logits: usize, childBits: usize, out: usize, B: i32, I: i32, choices: i32, J: i32,
  childChoices: i32, accumulate: bool,
): void {
  const rowBytes = (<usize>J) << 2;
  for (let b = 0; b < B; b++, logits += rowBytes, childBits += rowBytes) {
    for (let unit = 0; unit < I; unit += choices) {
      let chosen = unit;
      for (let n = 0; n < choices; n++) {
        if (load<f32>(bits + ((<usize>n) << 2)) > 0) chosen = unit + n;
      }
      bits += (<usize>choices) << 2;
      const minus = weights + <usize>chosen * rowBytes;
      for (let i = unit; i < unit + choices; i++, out += 4) {
        let change: f32 = accumulate ? load<f32>(out) : 0;
        if (i != chosen) {
          const plus = weights + <usize>i * rowBytes;
          change += bitsShift(childBits, plus, minus, 1, J) - (childChoices == 1
            ? bernoulliShift(logits, plus, minus, 1, J)
            : softmaxShift(logits, plus, minus, 1, J, childChoices));
        }
        store<f32>(out, change);
      }
    }
  }
}
