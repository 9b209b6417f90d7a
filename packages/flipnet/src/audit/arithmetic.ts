/** The exact gradients' own arithmetic: none of the backends', so that an error there cannot hide. */

export const sigmoid = (l: number): number =>
  l >= 0 ? 1 / (1 + Math.exp(-l)) : Math.exp(l) / (1 + Math.exp(l));

export const logSigmoid = (l: number): number =>
  l >= 0 ? -Math.log1p(Math.exp(-l)) : l - Math.log1p(Math.exp(l));

export function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const powers = logits.map((l) => Math.exp(l - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

export function logSoftmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const log = largest + Math.log(logits.reduce((sum, l) => sum + Math.exp(l - largest), 0));
  return logits.map((l) => l - log);
}

export const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i], 0);
