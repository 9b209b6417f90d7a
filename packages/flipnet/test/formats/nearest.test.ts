import { describe, expect, it } from "vitest";
import { nearest, suggestion } from "../../src/formats/nearest.ts";

const keys = ["units", "hidden", "estimator", "learningRate", "l2"];

describe("nearest", () => {
  it.each([
    ["unit", "units"],
    ["esitmator", "estimator"],
    ["learningrate", "learningRate"],
    ["learning_rate", "learningRate"],
    ["l1", "l2"],
    ["hidden", "hidden"],
  ])("takes %s for %s", (word, meant) => {
    expect(nearest(word, keys)).toBe(meant);
  });

  it.each(["", "x", "zzzzzzzz", "constructor"])("knows nothing like %j", (word) => {
    expect(nearest(word, keys)).toBeUndefined();
  });

  it("prefers fewer changes, and the first of two alike", () => {
    expect(nearest("hnc", ["hnca", "hnc", "f-hnca"])).toBe("hnc");
    expect(nearest("ab", ["ac", "ad"])).toBe("ac");
  });
});

describe("suggestion", () => {
  it("names the nearest word, or all of them", () => {
    expect(suggestion("hiden", keys)).toBe('did you mean "hidden"?');
    expect(suggestion("zzz", ["a", "b"])).toBe("expected one of a, b");
  });
});
