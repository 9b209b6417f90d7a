/** Numbers as people read them. */

/** Three digits that count: `0.123`, `12.3`, `1.2e-5`; rounding dust is 0. */
export function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size < 1e-12) return "0";
  const text = size < 1e-3 || size >= 1e6 ? value.toExponential(2) : value.toPrecision(3);
  return text.replace("-", "−");
}

/** A probability, in per cent. */
export const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

/** A number with its sign, of two decimals. */
export const signed = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

/** The logistic function. */
export const sigmoid = (l: number): number => 1 / (1 + Math.exp(-l));
