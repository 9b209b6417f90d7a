/** Means over seeds, and how far to trust them. */

/**
 * The two-sided quantile of Student's t: a t-distributed number lies in `[-t, t]` with probability `confidence`.
 *
 * @param degrees degrees of freedom, a whole number from 1
 */
export function studentT(degrees: number, confidence = 0.95): number {
  // In the angle with tan(angle) = t / sqrt(degrees) the probability is a finite sum, which rises with the angle.
  let [low, high] = [0, Math.PI / 2];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (probabilityWithin(middle, degrees) < confidence) low = middle;
    else high = middle;
  }
  return Math.sqrt(degrees) * Math.tan((low + high) / 2);
}

/** P(|T| <= sqrt(degrees) tan(angle)): Abramowitz and Stegun, 26.7.3 (odd degrees) and 26.7.4 (even). */
function probabilityWithin(angle: number, degrees: number): number {
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const odd = degrees % 2 === 1;
  let term = odd ? cos : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k < degrees; k += 2) {
    term *= ((k - 1) / k) * cos * cos;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (angle + sin * sum) : sin * sum;
}

/** A mean and the half width of its confidence interval: `mean ± halfWidth`. */
export interface Estimate {
  mean: number;
  /** 0 for a single value, which says nothing about its own uncertainty. */
  halfWidth: number;
}

/** The mean of independent values with its confidence interval by Student's t. */
export function estimateMean(values: readonly number[], confidence = 0.95): Estimate {
  const n = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  if (n < 2) return { mean, halfWidth: 0 };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, halfWidth: studentT(n - 1, confidence) * Math.sqrt(variance / n) };
}

/**
 * Differences between values that belong together by a key, a seed say: what the seeds have in common cancels, so their
 * interval is far narrower than those of the two means.
 */
export function pairedDifferences(
  ours: ReadonlyMap<number, number>,
  theirs: ReadonlyMap<number, number>,
): number[] {
  return [...ours].flatMap(([key, value]) => {
    const other = theirs.get(key);
    return other === undefined ? [] : [value - other];
  });
}

/** `96.1 ± 0.3`, or `96.1` for a single value. */
export function formatEstimate({ mean, halfWidth }: Estimate, { scale = 1, digits = 2 } = {}): string {
  const error = halfWidth > 0 ? ` ± ${(scale * halfWidth).toFixed(digits)}` : "";
  return (scale * mean).toFixed(digits) + error;
}

/**
 * What stands around the mean of several seeds: its 95 % confidence interval by Student's t; the standard deviation
 * over the seeds; or, of too few seeds to say, how far they lie apart.
 */
export type Bands = "interval" | "deviation" | "range";

/** A mean, with what stands around it. */
export interface Average {
  mean: number;
  low: number;
  high: number;
  /** Values that it is the mean of. Of one alone `low` and `high` are that value. */
  count: number;
}

/** The mean of at least one value, with its band. */
export function average(values: readonly number[], bands: Bands = "interval"): Average {
  const count = values.length;
  const { mean, halfWidth } = estimateMean(values);
  if (bands === "range") return { mean, low: Math.min(...values), high: Math.max(...values), count };
  const deviation = count > 1 ? (halfWidth * Math.sqrt(count)) / studentT(count - 1) : 0;
  const around = bands === "interval" ? halfWidth : deviation;
  return { mean, low: mean - around, high: mean + around, count };
}

/** `96.1 ± 0.3`; with the standard deviation `96.1 (0.3)`; with a range `96.1 (95.9 to 96.3)`; `96.1` of one value. */
export function formatAverage(
  { mean, low, high, count }: Average,
  bands: Bands = "interval",
  { scale = 1, digits = 2 } = {},
): string {
  const format = (value: number) => {
    const text = (scale * value).toFixed(digits);
    return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
  };
  if (count < 2) return format(mean);
  if (bands === "range") return `${format(mean)} (${format(low)} to ${format(high)})`;
  return bands === "interval"
    ? `${format(mean)} ± ${format(high - mean)}`
    : `${format(mean)} (${format(high - mean)})`;
}
