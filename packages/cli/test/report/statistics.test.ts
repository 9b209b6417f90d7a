import { describe, expect, it } from "vitest";
import {
  average,
  estimateMean,
  formatAverage,
  formatEstimate,
  pairedDifferences,
  studentT,
} from "../../src/report/statistics.ts";
import { median } from "../../src/running/median.ts";

it("the median is the value in the middle, or the mean of the two that are", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 8])).toBe(3);
  expect(median([Infinity, 1, 2])).toBe(2);
});

it("differences of pairs are known better than the two means", () => {
  const ours = new Map([
    [0, 10.1],
    [1, 20.2],
    [2, 30.3],
    [7, 1],
  ]);
  const theirs = new Map([
    [2, 30],
    [1, 20],
    [0, 10],
  ]);
  const differences = pairedDifferences(ours, theirs);
  expect(differences.map((value) => Number(value.toFixed(9)))).toEqual([0.1, 0.2, 0.3]);
  expect(estimateMean(differences).halfWidth).toBeLessThan(estimateMean([10.1, 20.2, 30.3]).halfWidth / 50);
});

describe("Student's t", () => {
  it.each([
    // From printed tables.
    [1, 12.706],
    [2, 4.303],
    [3, 3.182],
    [4, 2.776],
    [9, 2.262],
    [10, 2.228],
    [29, 2.045],
    [30, 2.042],
    [100, 1.984],
  ])("has its 95 %% quantile for %i degrees of freedom", (degrees, quantile) => {
    expect(studentT(degrees)).toBeCloseTo(quantile, 3);
  });

  it("has other quantiles", () => {
    expect(studentT(4, 0.99)).toBeCloseTo(4.604, 3);
    expect(studentT(7, 0.5)).toBeCloseTo(0.711, 3);
  });

  it("comes close to the normal distribution", () => {
    expect(studentT(100_000)).toBeCloseTo(1.95996, 4);
  });
});

describe("an estimated mean", () => {
  it("has the half width t s / sqrt(n)", () => {
    const { mean, halfWidth } = estimateMean([1, 2, 4]);
    expect(mean).toBeCloseTo(7 / 3, 12);
    expect(halfWidth).toBeCloseTo(4.302653 * Math.sqrt(7 / 3 / 3), 5);
  });

  it("of one value knows no error", () => {
    expect(estimateMean([3])).toEqual({ mean: 3, halfWidth: 0 });
  });

  it("reads as people write it", () => {
    expect(formatEstimate({ mean: 0.96123, halfWidth: 0.0031 }, { scale: 100, digits: 1 })).toBe(
      "96.1 ± 0.3",
    );
    expect(formatEstimate({ mean: -10.5, halfWidth: 0 })).toBe("-10.50");
  });
});

describe("an average over seeds", () => {
  const values = [1, 2, 4];

  it("has around it what is asked for", () => {
    const { mean, halfWidth } = estimateMean(values);
    expect(average(values)).toEqual({ mean, low: mean - halfWidth, high: mean + halfWidth, count: 3 });
    const { low, high } = average(values, "deviation");
    expect((high - low) / 2).toBeCloseTo(Math.sqrt(7 / 3), 10);
    expect(average(values, "range")).toMatchObject({ low: 1, high: 4 });
    expect(average([3], "deviation")).toEqual({ mean: 3, low: 3, high: 3, count: 1 });
  });

  it("reads as people write it", () => {
    const value = { mean: -10.5, low: -10.75, high: -10.25, count: 2 };
    expect(formatAverage(value)).toBe("−10.50 ± 0.25");
    expect(formatAverage(value, "deviation", { digits: 1 })).toBe("−10.5 (0.3)");
    expect(formatAverage(value, "range")).toBe("−10.50 (−10.75 to −10.25)");
    expect(formatAverage({ ...value, count: 1 })).toBe("−10.50");
    expect(formatAverage(average([-0.001]), "interval", { digits: 1 })).toBe("0.0");
  });
});
