import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import { loadLabelledImages, loadModel } from "flipnet/node";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/settings/config.ts";
import { flipnet, jsonLines, temporaryFolders } from "./flipnet.ts";

const folder = temporaryFolders();

describe("flipnet train --convolutions", () => {
  it("trains figure 5's network by preset, stops and goes on bit for bit", async () => {
    const flags = ["--preset", "hnca-figure-5", "--limit", "150", "--json", "--quiet"];
    const train = async (out: string, ...more: string[]) => {
      const { code, stdout } = await flipnet(["train", ...flags, "--out", out, ...more]);
      expect(code).toBe(0);
      const records = jsonLines(stdout).filter(({ type }) => type === "epoch");
      return records.map(({ msPerStep, ...record }) => record);
    };
    const [whole, parts] = [folder("whole"), folder("parts")];
    const once = await train(whole, "--epochs", "2");
    await train(parts, "--epochs", "1");
    expect(await train(parts, "--epochs", "2", "--resume")).toEqual(once);
    expect(once[1]["gradientVariance.convolutions.1"]).toBeGreaterThan(0);

    // What was learned serves images, whose size follows from the weights: MNIST's first ones.
    const [run] = (await readdir(whole)).filter((name) => name.startsWith("bandit-"));
    const model = await loadModel(join(whole, run));
    const { test } = await loadLabelledImages();
    const { mean, best } = await model.predict(test.images.subarray(0, 3 * 784), { samples: 2 });
    expect(best).toHaveLength(3);
    expect(mean.subarray(0, 10).reduce((a, b) => a + b)).toBeCloseTo(1, 4);
    const codes = await model.encode(test.images.subarray(0, 2 * 784));
    expect(codes.values).toHaveLength(2 * 200);
    model.close();
    await expect(loadModel(join(whole, run), { shape: [28, 27] })).rejects.toThrow(
      "the images' shape makes 8832 features; expected 9216, as the checkpoint has",
    );
  });

  it.each([
    [
      ["--convolutions", "16", "--kernel-size", "29"],
      "the kernel of convolutions.0 is 29 x 29; expected at most its",
    ],
    [
      ["--convolutions", "4,4", "--kernel-size", "20"],
      "the kernel of convolutions.1 is 20 x 20; expected at most its",
    ],
    [["--convolutions", "16,x"], '--convolutions is [16,"x"]; expected a list of numbers of channels'],
    [["--convolutions", ""], "--convolutions is []; expected a list of numbers of channels"],
    [["--convolutions", "16", "--kernel-size", "0"], "--kernel-size is 0; expected a whole number from 1 on"],
    [["--kernel-size", "3"], "--kernel-size is that of convolutions, and there are none"],
    [
      ["--task", "vae", "--convolutions", "16"],
      "--convolutions is a setting of the task bandit; the task is vae",
    ],
    [["--estimator", "reinforce", "--no-stop-gradient"], "--no-stop-gradient is an option of hnca"],
    [["--optimizer", "sgd", "--frozen-adam"], "--frozen-adam is of Adam; the optimizer is sgd"],
    [["--convolution", "16"], "unknown option '--convolution'"],
  ])("refuses %j", async (flags, message) => {
    const { code, stdout, stderr } = await flipnet([
      "train",
      "--limit",
      "100",
      "--out",
      folder("refused"),
      ...flags,
    ]);
    expect(stderr).toContain(message);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });
});

describe("settings of convolutions", () => {
  it("leave other runs' settings as they were", () => {
    const keys = Object.keys(parseConfig({}));
    for (const key of ["convolutions", "kernelSize", "stopGradient", "frozenAdam", "varianceCount"]) {
      expect(keys).not.toContain(key);
    }
    expect(parseConfig({ stopGradient: true, frozenAdam: false })).toEqual(parseConfig({}));
    expect(parseConfig({ stopGradient: false })).toMatchObject({ stopGradient: false });
    expect(parseConfig({ convolutions: [2] })).toMatchObject({ convolutions: [2], kernelSize: 3 });
    expect(() => parseConfig({ convolutions: 16 })).toThrow(InputError);
  });
});
