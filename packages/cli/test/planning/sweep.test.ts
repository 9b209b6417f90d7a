import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { expandSweep, readSweepFile, type Settings } from "../../src/planning/sweep.ts";

const folder = mkdtempSync(join(tmpdir(), "flipnet-sweep-"));
afterAll(() => rmSync(folder, { recursive: true }));

const fileOf = (content: unknown): string => {
  const path = join(folder, "sweep.json");
  writeFileSync(path, JSON.stringify(content));
  return path;
};
const expand = async (content: unknown, overrides: Settings = {}) => {
  const path = fileOf(content);
  return expandSweep(await readSweepFile(path), overrides, "sweep.json");
};

describe("a sweep file", () => {
  it("is every combination of a grid, the last setting fastest, on top of the base", async () => {
    const runs = await expand({
      base: { epochs: 3, seed: 7 },
      grid: { estimator: ["hnca", "reinforce"], seed: [0, 1] },
    });
    expect(runs.map(({ label }) => label)).toEqual([
      "hnca, seed 0",
      "hnca, seed 1",
      "reinforce, seed 0",
      "reinforce, seed 1",
    ]);
    expect(runs.map(({ config }) => [config.estimator, config.seed, config.epochs])).toEqual([
      ["hnca", 0, 3],
      ["hnca", 1, 3],
      ["reinforce", 0, 3],
      ["reinforce", 1, 3],
    ]);
  });

  it("or a list, or every combination of both", async () => {
    const runs = [{ estimator: "hnca" }, { estimator: "reinforce", baseline: "running-average" }];
    expect(await expand({ runs })).toHaveLength(2);
    const both = await expand({
      runs,
      grid: { hidden: [[50], "200,softmax:20x10".split(",").map((x) => +x || x)] },
    });
    expect(both.map(({ label }) => label)).toEqual([
      "hnca, hidden 50",
      "hnca, hidden 200,softmax:20x10",
      "reinforce, baseline running-average, hidden 50",
      "reinforce, baseline running-average, hidden 200,softmax:20x10",
    ]);
  });

  it("may begin with a paper's settings", async () => {
    const [run] = await expand({ base: { preset: "weight-max-online", seed: 3 }, runs: [{}] });
    expect(run.config).toMatchObject({ task: "multiplexer", k: 4, seed: 3 });
  });

  it("has each run once, whatever it is called", async () => {
    const runs = await expand({ grid: { seed: [0, 1, 0] }, runs: [{}, { units: "plus-minus" }] });
    expect(runs.map(({ label }) => label)).toEqual(["seed 0", "seed 1"]);
  });

  it("has ranges, and gives way to what stands behind it", async () => {
    const path = fileOf({ base: { epochs: 9, baseline: "none" }, grid: { seed: "2..4" } });
    const seedsOf = async (...changes: string[]) =>
      expandSweep(await readSweepFile(path, changes), {}, "sweep.json").map(({ config }) => config);
    expect((await seedsOf()).map(({ seed }) => seed)).toEqual([2, 3, 4]);
    const changed = await seedsOf("grid.seed=0..1", "base.epochs=3", "grid.estimator=hnca,reinforce");
    expect(changed.map(({ seed, estimator, epochs }) => `${seed} ${estimator} ${epochs}`)).toEqual([
      "0 hnca 3",
      "0 reinforce 3",
      "1 hnca 3",
      "1 reinforce 3",
    ]);
    await expect(seedsOf("seed=0..1")).rejects.toThrow(
      /^"seed=0..1" says nothing of the sweep; expected base/,
    );
    await expect(seedsOf("grid.seed=4..0")).rejects.toThrow(
      /^seed in sweep.json(, run 1)? is "4..0"|^grid.seed in .* is "4..0"/,
    );
  });

  it("gives way to what holds for all runs", async () => {
    const [run] = await expand(
      { base: { epochs: 100 }, grid: { seed: [0] } },
      { epochs: 2, out: "elsewhere" },
    );
    expect(run.config).toMatchObject({ epochs: 2, out: "elsewhere" });
  });

  it.each([
    [{ bases: {} }, /^bases in .*sweep.json is no part of a sweep; did you mean "base"\?$/],
    [{ base: {} }, /has neither grid nor runs; expected one of them, or both$/],
    [
      { grid: { seed: [] } },
      /^grid.seed in .*sweep.json is \[\]; expected a list of one value or more, or a range as in 0..4$/,
    ],
    [{ grid: { seed: 3 } }, /^grid.seed in .* is 3; expected a list/],
    [{ runs: [] }, /^runs in .* is \[\]; expected a list of one run or more$/],
    [{ runs: [{}, 7] }, /^run 2 in .* is 7; expected settings by name$/],
    [{ base: [1], runs: [{}] }, /^base in .* is \[1\]; expected settings by name$/],
    [
      { grid: { seed: [0, 1], estimater: ["hnca"] } },
      /^estimater in sweep.json, run 1 is no setting; did you mean/,
    ],
    [{ grid: { seed: [0, -1] } }, /^seed in sweep.json, run 2 is -1; expected a whole number/],
    [
      { base: { preset: "hnca-figure-6" }, runs: [{}] },
      /^preset in sweep.json is "hnca-figure-6"; did you mean/,
    ],
    [{ base: { batchSize: 0 }, runs: [{}] }, /^batchSize in sweep.json is 0; expected/],
  ])("%j is refused in one sentence", async (content, message) => {
    await expect(expand(content)).rejects.toThrow(message);
  });

  it("has to be there", async () => {
    await expect(readSweepFile(join(folder, "none.yaml"))).rejects.toThrow(
      /^the sweep file .*none.yaml cannot be read \(ENOENT\)$/,
    );
  });
});

it("says layers in a label as one would, and refuses more runs than there can be", () => {
  const hidden = [[{ units: 5, choices: 3 }, 4], [{ units: 5, parents: ["input"] }]];
  const runs = expandSweep({ base: {}, grid: { hidden }, runs: [{}] }, {}, "f.yaml");
  expect(new Set(runs.map(({ label }) => label)).size).toBe(2);
  expect(runs.map(({ label }) => label).join()).not.toContain("object");
  const seeds = Array.from({ length: 50_000 }, (_, i) => i);
  const many = { base: {}, grid: { seed: seeds, k: seeds }, runs: [{}] };
  expect(() => expandSweep(many, {}, "f.yaml")).toThrow(
    "f.yaml describes 2500000000 runs; expected 100000 at most",
  );
});
