/**
 * `better = bit`, `weight = rewarded` where the reward is positive, `better = 1 - bit`, `weight = punished` elsewhere.
 * `reward` and `weight` [B], `bits` and `better` [B, J].
 */
export function betterAction(
  bits: usize, reward: usize, better: usize, weight: usize, B: i32, J: i32, rewarded: f32, punished: f32,
): void {
  for (let b = 0; b < B; b++, reward += 4, weight += 4) {
    const right = load<f32>(reward) > 0;
    store<f32>(weight, right ? rewarded : punished);
    for (let j = 0; j < J; j++, bits += 4, better += 4) {
      const bit = load<f32>(bits);
      store<f32>(better, right ? bit : 1 - bit);
    }
  }
}
