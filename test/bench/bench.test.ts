import fc from "fast-check";
import { expect, test } from "vitest";
import { compareTimings } from "../../bench/lib/compare.mjs";
import { exponentOf, line } from "../../bench/lib/fit.mjs";
import { judge } from "../../bench/lib/ratios.mjs";

test("the exponent of a power is found, from its upper half alone", () => {
  const sizes = [1, 2, 4, 8, 16, 32];
  fc.assert(
    fc.property(
      fc.double({ min: -3, max: 3, noNaN: true }),
      fc.double({ min: 0.1, max: 10, noNaN: true }),
      (e, c) => {
        // Below the upper half it may be anything.
        const values = sizes.map((x) => (x < 8 ? 7 : c * x ** e));
        const fit = exponentOf(sizes, values);
        expect(fit).toMatchObject({ from: 8, to: 32 });
        expect(fit.exponent).toBeCloseTo(e, 9);
        expect(fit.error).toBeCloseTo(0, 6);
      },
    ),
  );
});

test("a slope's standard error is that of the textbook", () => {
  // Residuals -0.1, 0.8, -1.3 and 0.6 of 1.1 + 1.1 x.
  const { intercept, slope, error } = line([0, 1, 2, 3], [1, 3, 2, 5]);
  expect(intercept).toBeCloseTo(1.1, 12);
  expect(slope).toBeCloseTo(1.1, 12);
  expect(error).toBeCloseTo(Math.sqrt(2.7 / 2 / 5), 12);
});

test("a timing changed where quartiles do not overlap and medians differ enough", () => {
  const timing = (what: string, least: number, lower: number, median: number, upper: number) => ({
    what,
    unit: "ms",
    least,
    lower,
    median,
    upper,
  });
  const names = ["slower", "faster", "noisy", "disturbed", "slight", "gone"];
  const before = names.map((what) => timing(what, 9, 9.9, 10, 10.1));
  const after = [
    timing("slower", 10, 11.9, 12, 12.1),
    timing("faster", 7, 7.9, 8, 8.1),
    timing("noisy", 10, 10, 12, 14),
    timing("disturbed", 9.1, 11.9, 12, 12.1),
    timing("slight", 10, 10.4, 10.5, 10.6),
    timing("new", 1, 1, 1, 1),
  ];
  expect(compareTimings(before, after, 0.1)).toMatchObject([
    { what: "slower", before: 10, after: 12, ratio: 1.2, verdict: "slower" },
    { what: "faster", ratio: 0.8, verdict: "faster" },
    { what: "noisy", ratio: 1.2, verdict: "same" },
    { what: "disturbed", ratio: 1.2, verdict: "same" },
    { what: "slight", ratio: 1.05, verdict: "same" },
  ]);
});

test("rows are slower one by one, or as a whole", () => {
  const row = (name: string, ratio: number, ...kinds: string[]) => ({ name, ratio, kinds });
  const rows = [
    row("a", 1.1, "vae", "disarm"),
    row("b", 1.04, "vae"),
    row("c", 1.0, "vae"),
    row("d", 1.2, "disarm"),
    ...[0.9, 0.95, 1.05].map((ratio) => row("e", ratio, "bandit")),
  ];
  const { slower, kinds, mean, isPattern } = judge(rows);
  expect(slower.map((row: { name: string }) => row.name)).toEqual(["d", "a"]);
  // Two rows are no pattern.
  expect(kinds).toMatchObject([
    { kind: "vae", rows: 3, isPattern: true },
    { kind: "bandit", rows: 3, isPattern: false },
  ]);
  expect(kinds[0].mean).toBeCloseTo((1.1 * 1.04) ** (1 / 3), 12);
  expect(mean ** 7).toBeCloseTo(1.1 * 1.04 * 1.2 * 0.9 * 0.95 * 1.05, 12);
  expect(isPattern).toBe(true);
});
