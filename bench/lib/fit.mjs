/** The straight line through points by least squares: `{ intercept, slope, error }`, the last the slope's standard error. */
export function line(xs, ys) {
  const count = xs.length;
  const mean = (values) => values.reduce((sum, x) => sum + x, 0) / count;
  const [x0, y0] = [mean(xs), mean(ys)];
  const spreadOfX = xs.reduce((sum, x) => sum + (x - x0) ** 2, 0);
  const slope = xs.reduce((sum, x, i) => sum + (x - x0) * (ys[i] - y0), 0) / spreadOfX;
  const residual = ys.reduce((sum, y, i) => sum + (y - y0 - slope * (xs[i] - x0)) ** 2, 0);
  return { intercept: y0 - slope * x0, slope, error: Math.sqrt(residual / (count - 2) / spreadOfX) };
}

/**
 * The exponent e of `y = c x^e`, by a line through the logarithms of the upper half of the points (three at least), where
 * what does not grow counts least: `{ from, to, exponent, error }`.
 */
export function exponentOf(xs, ys) {
  const first = Math.min(Math.floor(xs.length / 2), xs.length - 3);
  const upper = xs.slice(first);
  const { slope, error } = line(upper.map(Math.log), ys.slice(first).map(Math.log));
  return { from: upper[0], to: upper.at(-1), exponent: slope, error };
}
