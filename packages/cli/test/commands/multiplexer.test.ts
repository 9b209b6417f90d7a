import { describe, expect, it } from "vitest";
import { readRun, trainRun } from "../../src/index.ts";
import { runIdOf } from "../../src/running/run-folder.ts";
import { parseConfig } from "../../src/settings/config.ts";
import { presets } from "../../src/settings/presets.ts";
import { flipnet, jsonLines, temporaryFolders } from "./flipnet.ts";

const folder = temporaryFolders();
const small = { task: "multiplexer", k: 2, hidden: [8, 6], batchSize: 16, recordEvery: 50 };

describe("flipnet train --task multiplexer", () => {
  it("trains the paper's networks by preset, flags choosing the method", async () => {
    const out = folder("preset");
    const flags = ["--steps", "120", "--record-every", "50", "--out", out, "--json"];
    const method = ["--hidden-rule", "direct-gradient", "--l2", "0,1e-5,1e-3"];
    const { code, stdout } = await flipnet(["train", "--preset", "weight-max-figure-1", ...method, ...flags]);
    expect(code).toBe(0);
    const lines = jsonLines(stdout);
    expect(lines.map(({ step }) => step)).toEqual([50, 100, 120, undefined]);
    const summary = lines[3];
    expect(Math.abs(summary.onlineReward)).toBeLessThan(1);
    expect(Math.abs(summary.last100)).toBeLessThan(1);
    const { config } = await readRun(summary.folder);
    expect(config).toMatchObject({ k: 5, batchSize: 128, l2: [0, 1e-5, 1e-3], paperScale: true, epochs: 3 });

    const again = await flipnet(["train", summary.folder, "--json", "--quiet"]);
    expect(jsonLines(again.stdout)[3]).toEqual(summary);
  });

  it.each([
    [["--k", "0"], "--k is 0; expected a whole number from 1 to 24"],
    [["--k", "40"], "--k is 40; expected a whole number from 1 to 24"],
    [["--k", "24"], "this run needs at least 24 GiB of memory"],
    [["--l2", "0,1e-4"], "there are 2 L2 weights for 3 layers; expected one, or one a layer"],
    [["--l2", "-1"], "--l2 is -1; expected a number from 0 on"],
    [["--hidden-rule", "reward-penalty"], "reward-penalty needs lambda"],
    [
      ["--hidden-rule", "reward-penalty", "--lambda", "1.5"],
      "--lambda is 1.5; expected a number from 0 to 1",
    ],
    [["--hidden-rule", "classify"], '--hidden-rule is "classify"; expected one of reinforce'],
    [["--estimator", "reinforce", "--lambda", "0.5"], "--lambda is an option of weight-max, reward-penalty"],
    [["--estimator", "classification"], "classification is a rule for one unit"],
    [["--learning-rate", "1,2"], "there are 2 learning rates for 3 layers"],
    [["--steps", "0"], "--steps is 0; expected a whole number from 1 on"],
    [["--epochs", "3"], "--epochs is 3; the length of this task is that of its steps"],
    [
      ["--data", "x"],
      "--data is a setting of the tasks bandit, vae, table-labels, table-bandit and table-vae; the task is multiplexer",
    ],
    [["--preset", "figure-1"], '--preset is "figure-1"; '],
  ])("refuses %j", async (flags, message) => {
    const { code, stdout, stderr } = await flipnet([
      ...["train", "--task", "multiplexer", "--out", folder("refused")],
      ...flags,
    ]);
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });
});

describe("a run of the multiplexer", () => {
  it("is longer on request, but not where its last record would be a short one", async () => {
    const id = (steps: number) =>
      runIdOf({ ...parseConfig({ ...small, steps }), kernels: "portable" }, "none");
    expect(id(100)).toBe(id(250));
    expect(id(120)).not.toBe(id(100));
    const out = folder("longer");
    const train = (steps: number) =>
      trainRun(parseConfig({ ...small, steps, out, kernels: "portable" }), { resume: true });
    const whole = await trainRun(
      parseConfig({ ...small, steps: 200, out: folder("whole"), kernels: "portable" }),
    );
    expect((await train(100)).status).toBe("finished");
    const longer = await train(200);
    const timeless = whole.records.map(({ msPerStep, ...record }) => record);
    expect(longer.records.map(({ msPerStep, ...record }) => record)).toEqual(timeless);
    expect((await train(100)).status).toBe("reused");
  });

  it("presets are settings that can be used", () => {
    for (const [name, preset] of Object.entries(presets)) {
      const { task, batchSize, learningRate, epochs } = parseConfig(preset);
      expect([name, { ...preset, task, batchSize, learningRate }]).toEqual([name, preset]);
      // 10^6 steps are 1,000 epochs of 50,000 images in batches of 50, or 2,000 in batches of 100.
      expect(epochs).toBeLessThanOrEqual(task === "vae" ? 20 * batchSize : 125);
    }
  });
});

it("says what a learning rate that is none should be", async () => {
  const { code, stderr } = await flipnet(["train", "--task", "multiplexer", "--learning-rate", "fast"]);
  expect([code, stderr]).toEqual([
    2,
    'error: --learning-rate is "fast"; expected a positive number, or a list of them, one for each layer\n',
  ]);
});
