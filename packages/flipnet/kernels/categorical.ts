/**
 * One-hot of the first choice whose cumulative probability exceeds `u`; the last with p > 0 if rounding leaves none.
 * Sums are in float64, so that only the rounding of `p` decides. `p`, `bits` [units, N], `uniforms` [units].
 */
export function sampleCategorical(p: usize, uniforms: usize, bits: usize, units: i32, N: i32): void {
  const size = (<usize>N) << 2;
  for (let unit = 0; unit < units; unit++) {
    const u = <f64>load<f32>(uniforms);
    let cumulative: f64 = 0;
    let chosen: usize = 0;
    for (let k: usize = 0; k < size; k += 4) {
      store<f32>(bits + k, 0);
      const probability = load<f32>(p + k);
      const undecided = cumulative <= u;
      cumulative += probability;
      if (undecided && probability > 0) chosen = k;
    }
    store<f32>(bits + chosen, 1);
    uniforms += 4;
    p += size;
    bits += size;
  }
}
