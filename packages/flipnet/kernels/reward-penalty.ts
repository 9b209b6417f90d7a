/** `out = rewarded (bit - p)` where the reward is positive, `punished (1 - bit - p)` elsewhere. `reward` [B], rest [B, J]. */
export function rewardPenalty(
  bits: usize, p: usize, reward: usize, out: usize, B: i32, J: i32, rewarded: f32, punished: f32,
): void {
  for (let b = 0; b < B; b++, reward += 4) {
    const right = load<f32>(reward) > 0;
    const weight = right ? rewarded : punished;
    for (let j = 0; j < J; j++, bits += 4, p += 4, out += 4) {
      const bit = load<f32>(bits);
      store<f32>(out, weight * ((right ? bit : 1 - bit) - load<f32>(p)));
    }
  }
}
