// Every number that sources, experiments and pages point with stands on the page of deviations.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("every D-number that is used is explained, once", () => {
  const page = "docs/deviations.md";
  const explained = [...readFileSync(page, "utf8").matchAll(/^\| (D-\d+) \|/gm)].map(([, number]) => number);
  expect(new Set(explained).size).toBe(explained.length);
  const files = execFileSync("git", ["ls-files", "packages", "docs", "examples", "bench", "README.md"], {
    encoding: "utf8",
  });
  const used = files
    .split("\n")
    .filter((file) => /\.(ts|mjs|md|yaml)$/.test(file) && file !== page)
    .flatMap((file) => readFileSync(file, "utf8").match(/\bD-[1-9]\d*\b/g) ?? []);
  expect(used.length).toBeGreaterThan(50);
  expect([...new Set(used)].filter((number) => !explained.includes(number))).toEqual([]);
});
