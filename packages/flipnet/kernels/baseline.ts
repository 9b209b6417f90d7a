import { meanOf } from "./metrics";

/** `out[b] = values[b] - baseline`. `values`, `out` [B], `baseline` one float. */
export function subtractBaseline(values: usize, baseline: usize, out: usize, B: i32): void {
  const expected = load<f32>(baseline);
  for (let b: usize = 0; b < (<usize>B) << 2; b += 4) store<f32>(out + b, load<f32>(values + b) - expected);
}

/** `baseline = decay baseline + (1 - decay) mean(values)`, rounded once. `values` [B], `baseline` one float. */
export function trackMean(values: usize, baseline: usize, B: i32, decay: f64): void {
  store<f32>(baseline, <f32>(decay * <f64>load<f32>(baseline) + (1 - decay) * meanOf(values, B)));
}
