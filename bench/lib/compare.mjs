import { number } from "./table.mjs";

/**
 * What changed between two lists of timings, `[{ what, unit, median, lower, upper }]`, by what both have:
 * `[{ what, unit, before, after, ratio, verdict }]`, medians and their ratio. Something is "slower" or "faster" where the
 * quartiles of the two do not overlap and the medians differ by a share of `least` or more; else its verdict is "same".
 */
export function compareTimings(before, after, least) {
  const old = new Map(before.map((timing) => [timing.what, timing]));
  return after
    .filter(({ what }) => old.has(what))
    .map((now) => {
      const then = old.get(now.what);
      const ratio = now.median / then.median;
      const slower = now.lower > then.upper && ratio >= 1 + least;
      const faster = now.upper < then.lower && ratio <= 1 / (1 + least);
      const verdict = slower ? "slower" : faster ? "faster" : "same";
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
