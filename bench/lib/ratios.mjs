// What ratios of new times to old ones say.

/** A row is slower where its ratio is above this. */
export const slowerFrom = 1.05;
/** Several rows of one kind are slower, each of which may be within the noise, where their mean is above this. */
const patternFrom = 1.02;

const geometricMean = (values) => Math.exp(values.reduce((sum, x) => sum + Math.log(x), 0) / values.length);

/**
 * Judges `[{ name, kinds, ratio }]`, `kinds` being what a row has in common with others: `slower` are rows by their
 * ratios, `mean` the geometric mean of all, `kinds` `[{ kind, rows, mean, slower }]` of all that three rows or more share.
 */
export function judge(rows) {
  const all = [...new Set(rows.flatMap(({ kinds }) => kinds))];
  const meanOf = (some) => geometricMean(some.map(({ ratio }) => ratio));
  const mean = meanOf(rows);
  return {
    slower: rows.filter(({ ratio }) => ratio > slowerFrom).sort((a, b) => b.ratio - a.ratio),
    mean,
    isPattern: mean > patternFrom,
    kinds: all
      .map((kind) => ({ kind, having: rows.filter(({ kinds }) => kinds.includes(kind)) }))
      .filter(({ having }) => having.length >= 3)
      .map(({ kind, having }) => ({ kind, rows: having.length, mean: meanOf(having) }))
      .map((kind) => ({ ...kind, isPattern: kind.mean > patternFrom })),
  };
}
