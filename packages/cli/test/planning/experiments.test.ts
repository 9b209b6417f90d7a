import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { costKey, measureCosts, secondsOf } from "../../src/planning/cost.ts";
import {
  expandExperiment,
  experimentNames,
  readExperiment,
  reportedRuns,
  scaleOf,
} from "../../src/planning/experiments.ts";
import { runIdOf, type StoredRun } from "../../src/running/run-folder.ts";
import { factsOf } from "../../src/running/workload.ts";
import type { Config } from "../../src/settings/config.ts";

const folder = mkdtempSync(join(tmpdir(), "flipnet-experiments-"));
afterAll(() => rmSync(folder, { recursive: true }));

const small = {
  title: "Two rules",
  base: { task: "multiplexer", k: 2, hidden: [4], batchSize: 8, steps: 200, recordEvery: 100 },
  methods: { WM: {}, "global REINFORCE": { estimator: "reinforce", panels: ["slow"] } },
  panels: { fast: { learningRate: 0.1 }, slow: { learningRate: 0.01 } },
  seeds: 2,
};
const read = (content: object) => {
  const path = join(folder, "mine.json");
  writeFileSync(path, JSON.stringify(content));
  return readExperiment(path);
};

// Runs of the papers' figures, and one of each, by the id that runs already made have: it must not change unnoticed.
const known = {
  control: [200, "HNCA, rate 1e-3, seed 1", "e333c2fa79859201"],
  "control-best": [40, "straight-through, seed 0", "4e32f8d481259819"],
  "disarm-linear": [20, "leave-one-out, seed 1", "377e112d7e467c30"],
  "hnca-coding": [60, "HNCA, -1 and +1, 3 hidden layers, seed 1", "bcadcc6d1382881a"],
  "hnca-figure-1": [30, "HNCA, 3 hidden layers, seed 1", "bcadcc6d1382881a"],
  "hnca-figure-3": [85, "REINFORCE, 3 layers, seed 1", "9c2ef32f28a09a7a"],
  "hnca-figure-4": [30, "HNCA + baseline, 3 hidden layers, seed 1", "8857d14b728fee66"],
  "hnca-figure-5": [40, "REINFORCE, seed 2", "4f80f0c54b36d8ad"],
  "hnca-figure-6": [30, "full reward, 3 layers, seed 1", "d551f77d6e8046b8"],
  "weight-max-control": [40, "WM, Acrobot, seed 9", "ffc621fdb462fb7d"],
  "weight-max-figure-1": [25, "WM, direct gradient, L2, seed 4", "53e3cd53029edea0"],
  "weight-max-online": [10, "WM, REINFORCE, seed 9", "17976a3842e23ee7"],
  "weight-max-statements": [45, "no L2, classification, seed 2", "ab8d568264da6dee"],
} as const;

describe("the papers' experiments", () => {
  it("are those", async () => {
    expect(await experimentNames()).toEqual(Object.keys(known));
  });

  it.each(Object.entries(known))("%s", async (name, [count, label, runId]) => {
    const experiment = await readExperiment(name);
    // Nobody else has compared rules on CartPole.
    const { paper, says, differences } = experiment;
    expect([paper === undefined, says.length === 0, differences.length === 0]).toEqual(
      Array(3).fill(name.startsWith("control")),
    );
    const runs = expandExperiment(experiment);
    expect(new Set(runs.map(({ config }) => JSON.stringify(config))).size).toBe(count);
    expect(new Set(runs.map((run) => run.label)).size).toBe(count);
    const { config } = runs.find((run) => run.label === label)!;
    expect(
      runIdOf({ ...config, kernels: "relaxed", scores: "rounded" }, (await factsOf(config)).digest),
    ).toBe(runId);
  });

  it("share runs where they show the same", async () => {
    const idsOf = async (name: string) =>
      expandExperiment(await readExperiment(name)).map(({ config }) => runIdOf(config, "data"));
    const figure3 = new Set(await idsOf("hnca-figure-3"));
    expect((await idsOf("hnca-figure-6")).filter((id) => figure3.has(id))).toHaveLength(10);
    const figure1 = new Set(await idsOf("weight-max-figure-1"));
    expect((await idsOf("weight-max-statements")).filter((id) => figure1.has(id))).toHaveLength(12);
  });
});

describe("an experiment", () => {
  it("is expanded seed by seed, panel by panel; a method may be in some panels only", async () => {
    const runs = expandExperiment(await read(small));
    expect(runs.map(({ label }) => label)).toEqual([
      "WM, fast, seed 0",
      "WM, slow, seed 0",
      "global REINFORCE, slow, seed 0",
      "WM, fast, seed 1",
      "WM, slow, seed 1",
      "global REINFORCE, slow, seed 1",
    ]);
    expect(runs[2]).toMatchObject({
      method: "global REINFORCE",
      panel: "slow",
      config: { estimator: "reinforce", learningRate: 0.01, seed: 0, out: "runs" },
    });
  });

  it.each([
    ["wm", ["WM, fast", "WM, slow"]],
    ["SLOW", ["WM, slow", "global REINFORCE, slow"]],
    ["reinforce", ["global REINFORCE, slow"]],
    ["weight-max", ["WM, fast", "WM, slow"]],
    ["global", ["global REINFORCE, slow"]],
  ])("is in part what --only %s says", async (only, labels) => {
    const runs = expandExperiment(await read(small), { only, seeds: 1 });
    expect(runs.map(({ label }) => label)).toEqual(labels.map((label) => `${label}, seed 0`));
  });

  it("says how it is scaled down", async () => {
    const mine = await read(small);
    expect(scaleOf(mine, {})).toBeUndefined();
    expect(scaleOf(mine, { seeds: 3, overrides: { steps: 400 } })).toBeUndefined();
    expect(scaleOf(mine, { seeds: 1, overrides: { steps: 100 }, only: "global" })).toBe(
      "100 of 200 steps, 1 of 2 seeds, only slow, global REINFORCE",
    );
    expect(scaleOf(mine, { only: "slow" })).toBe("only slow");
    expect(scaleOf(mine, { only: "wm" })).toBe("only WM");
    const paper = await readExperiment("hnca-figure-1");
    expect(scaleOf(paper, { seeds: 3, overrides: { epochs: 20, limit: 1000 } })).toBe(
      "20 of the paper's 100 epochs, 3 of 5 seeds, the first 1,000 images",
    );
  });

  it("is reported as far as it is asked for, also where nothing or more is there", async () => {
    const mine = await read(small);
    const [{ config, ...names }] = expandExperiment(mine);
    const planned = { ...names, config, runId: "id", folder: "f", digest: "none", log: "l", done: true };
    const records = [1, 2, 3].map((epoch) => ({ type: "epoch", epoch, step: 100 * epoch, last100: epoch }));
    const stored = { runId: "id", folder: "f", config, records, summary: undefined } as unknown as StoredRun;
    const [missing, longer] = reportedRuns(mine, [
      { ...planned, stored: undefined },
      { ...planned, stored },
    ]);
    expect(missing).toMatchObject({ method: "WM", panel: "fast", records: [], summary: undefined });
    expect(longer.records).toHaveLength(2);
    expect(longer.summary).toMatchObject({ epochs: 2, last100: 2 });
  });

  it.each([
    [{ sayz: [] }, 'sayz in .*mine.json is no part of an experiment; did you mean "says"\\?'],
    [{ seeds: 0 }, "seeds in .*mine.json is 0; expected a whole number from 1 on"],
    [{ title: undefined }, "title in .*mine.json is missing; expected text"],
    [{ methods: {} }, "methods in .*mine.json is {}; expected settings by name for each method"],
    [{ methods: { WM: 3 } }, 'methods in .*mine.json is {"WM":3}; expected settings by name for each'],
    [{ methods: { WM: { panels: "slow" } } }, 'panels of WM in .* is "slow"; expected .* fast, slow'],
    [{ methods: { WM: { panels: ["slo"] } } }, 'panels of WM in .* is \\["slo"\\]; expected .* fast, slow'],
    [{ bands: "wide" }, 'bands in .* is "wide"; expected one of interval, deviation, range'],
  ])("is refused with %j", async (change, message) => {
    await expect(read({ ...small, ...change })).rejects.toThrow(new RegExp(message));
  });

  it("is refused where it cannot be expanded", async () => {
    const typo = await read({ ...small, methods: { WM: { hidenRule: "direct-gradient" } } });
    expect(() => expandExperiment(typo)).toThrow(
      'hidenRule in mine, WM, fast is no setting; did you mean "hiddenRule"?',
    );
    const many = await read({ ...small, seeds: 1e9 });
    expect(() => expandExperiment(many)).toThrow(/describes \d{10} runs; expected 100000 at most$/);
    const mine = await read(small);
    expect(() => expandExperiment(mine, { only: "hnca" })).toThrow(
      '--only is "hnca"; mine has fast; slow; WM; global REINFORCE',
    );
    expect(() => expandExperiment(mine, { only: "" })).toThrow('--only is ""; mine has');
    await expect(readExperiment("hnca-figure-11")).rejects.toThrow('did you mean "hnca-figure-1"?');
    await expect(readExperiment("nowhere.yaml")).rejects.toThrow(
      "the experiment nowhere.yaml cannot be read",
    );
  });
});

it("costs in proportion to its length, and once for all seeds", async () => {
  const runs = expandExperiment(await read(small));
  const seen: number[] = [];
  const { costs, share } = await measureCosts(
    runs.map(({ config }) => config),
    1,
    (measured) => seen.push(measured),
  );
  expect(seen).toEqual([1, 2, 3]);
  expect(share).toBeGreaterThan(0);
  expect(share).toBeLessThanOrEqual(1);
  for (const { config } of runs) expect(costs.get(costKey(config))!.epoch).toBeGreaterThan(0);

  const cost = { epoch: 2, evaluation: 30, evaluateEvery: 10 };
  expect(secondsOf(cost, 0, 25)).toBe(50 + 3 * 30);
  expect(secondsOf(cost, 20, 25)).toBe(10 + 30);
  expect(secondsOf(cost, 25, 25)).toBe(0);

  const images = { task: "vae", limit: 300, boundSamples: 2, hidden: [5], kernels: "portable" };
  const { parseConfig } = await import("../../src/settings/config.ts");
  const config: Config = parseConfig(images);
  const [vae] = (await measureCosts([config], 1)).costs.values();
  expect(vae).toMatchObject({ evaluateEvery: 10 });
  expect(vae.epoch).toBeGreaterThan(0);
  expect(vae.evaluation).toBeGreaterThan(0);

  // More are left out than the short run has.
  const validated: Config = parseConfig({ ...images, limit: 700, heldOut: 600 });
  const [held] = (await measureCosts([validated], 1)).costs.values();
  expect(held.epoch).toBeGreaterThan(0);
});
