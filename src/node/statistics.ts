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

/** `96.1 ± 0.3`, or `96.1` for a single value. */
export function formatEstimate({ mean, halfWidth }: Estimate, { scale = 1, digits = 2 } = {}): string {
  const error = halfWidth > 0 ? ` ± ${(scale * halfWidth).toFixed(digits)}` : "";
  return (scale * mean).toFixed(digits) + error;
}
