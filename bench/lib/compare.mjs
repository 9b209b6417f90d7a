import { number } from "./table.mjs";

/**
 * What changed between two lists of timings, `[{ what, unit, least, lower, median, upper }]`, by what both have:
 * `[{ what, unit, before, after, ratio, verdict }]`, medians and their ratio. Something is "slower" or "faster" where the
 * quartiles of the two do not overlap, the medians differ by a share of `change` or more, and so do the fastest rounds:
 * what neighbours on the machine do to medians for minutes, they do not do to those. Else its verdict is "same".
 */
export function compareTimings(before, after, change) {
  const old = new Map(before.map((timing) => [timing.what, timing]));
  /** Whether x took longer than y. */
  const longer = (x, y) =>
    x.lower > y.upper && x.median >= (1 + change) * y.median && x.least >= (1 + change) * y.least;
  return after
    .filter(({ what }) => old.has(what))
    .map((now) => {
      const then = old.get(now.what);
      const verdict = longer(now, then) ? "slower" : longer(then, now) ? "faster" : "same";
      const ratio = now.median / then.median;
      return { what: now.what, unit: now.unit, before: then.median, after: now.median, ratio, verdict };
    });
}

/** The changes as a table, the worst first. */
export function comparisonTable(changes) {
  const changed = changes.filter(({ verdict }) => verdict !== "same").sort((a, b) => b.ratio - a.ratio);
  const count = (verdict) => changes.filter((change) => change.verdict === verdict).length;
  return [
    `Compared: ${count("slower")} slower, ${count("faster")} faster, ${count("same")} the same within the spread`,
    [
      ["", "before", "after", "ratio", ""],
      ...changed.map(({ what, unit, before, after, ratio, verdict }) => [
        what,
        `${number(before)} ${unit}`,
        `${number(after)} ${unit}`,
        number(ratio),
        verdict,
      ]),
    ],
  ];
}
