// Auto-encoders on a small slice of the real MNIST: runs, and what they draw.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeIdx } from "flipnet/internal/formats/idx";
import { beforeAll, describe, expect, it } from "vitest";
import { flipnet, jsonLines, outcomeOf, startForked, temporaryFolders } from "./flipnet.ts";

const temporary = temporaryFolders();
const small = "train --task vae --limit 300 --hidden 12,6 --bound-samples 5".split(" ");
const run = async (...args: string[]) => {
  const { code, stdout, stderr } = await flipnet([...small, ...args, "--json", "--quiet"]);
  expect(code, stderr).toBe(0);
  return jsonLines(stdout);
};
const withoutTimes = (lines: Record<string, unknown>[]) =>
  lines.map(({ msPerStep, folder, ...line }) => line);
const sizeOf = (png: Buffer) => {
  expect(png.subarray(0, 8)).toEqual(Buffer.from("\x89PNG\r\n\x1a\n", "latin1"));
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
};

let folder = "";
let lines: Record<string, number>[] = [];
beforeAll(async () => {
  lines = await run("--epochs", "3", "--evaluate-every", "2", "--out", temporary("run"));
  folder = String(lines[3].folder);
});

describe("flipnet train --task vae", () => {
  it("measures on the test set now and then, and in the summary in any case", async () => {
    const [, second, third, summary] = lines;
    expect(lines.map((line) => "testBound" in line)).toEqual([false, true, false, true]);
    expect(Object.keys(summary)).toEqual([
      "type",
      "runId",
      "folder",
      "elbo",
      "testElbo",
      "testBound",
      "gradientVariance",
      "logGradientVariance",
      "msPerStep",
      "epochs",
    ]);
    expect(summary.testBound).toBeGreaterThan(summary.testElbo);
    expect(summary.testBound).not.toBe(second.testBound);
    expect(summary.elbo).toBe(third.elbo);
    expect(second).toHaveProperty(["usedUnits.layers.1"]);
    // Every epoch measured: the same learning, and at the end the same measures.
    const often = await run("--epochs", "3", "--evaluate-every", "1", "--out", temporary("often"));
    expect(often[2]).toMatchObject({ elbo: third.elbo, testBound: summary.testBound });
    expect(often[3].runId).not.toBe(summary.runId);
  });

  it("answers again from its folder, and goes on to what a longer run is", async () => {
    const args = ["--evaluate-every", "2", "--out", temporary("on")];
    const short = await run("--epochs", "1", ...args);
    expect(await run("--epochs", "1", ...args)).toEqual(short);
    const long = await run("--epochs", "3", ...args, "--resume");
    expect(withoutTimes(long)).toEqual(withoutTimes(lines));
    // What the longer run no longer knows is left out.
    expect((await run("--epochs", "1", ...args))[1]).not.toHaveProperty("testBound");
    expect((await run("--epochs", "2", ...args))[2]).toMatchObject({ testBound: lines[1].testBound });
  });

  it("can be stopped while it measures", async () => {
    const args = [...small, "--epochs", "2", "--evaluate-every", "1", "--bound-samples", "1500"];
    const [calm, rough] = [temporary("calm"), temporary("rough")];
    const undisturbed = flipnet([...args, "--out", calm, "--json"]);
    const child = startForked([...args, "--out", rough, "--json"]);
    let asked = false;
    child.on("message", ({ evaluating = false }: { evaluating?: boolean }) => {
      if (evaluating && !asked) child.kill("SIGINT");
      asked ||= evaluating;
    });
    const { code, stdout, stderr } = await outcomeOf(child);
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    expect(stderr).toContain("stopped after 0 of 2 epochs");
    const resumed = await flipnet([...args, "--out", rough, "--json", "--resume"]);
    expect(resumed.code).toBe(0);
    const expected = withoutTimes(jsonLines((await undisturbed).stdout));
    expect(withoutTimes(jsonLines(resumed.stdout))).toEqual(expected);
  });

  it("takes the options of its estimators", async () => {
    const out = temporary("options");
    const ids = [];
    for (const options of [[], ["--no-child-pruning"], ["--full-reward"], ["--entropy", "sampled"]]) {
      const [, { runId }] = await run("--epochs", "1", "--out", out, ...options);
      ids.push(runId);
    }
    for (const options of [[], ["--resample", "independent"], ["--samples", "2"]]) {
      const estimator = ["--estimator", "reinforce-loo", "--baseline", "none"];
      const [, { runId }] = await run("--epochs", "1", "--out", out, ...estimator, ...options);
      ids.push(runId);
    }
    expect(new Set(ids).size).toBe(7);
  });

  it.each([
    [["--bound-samples", "0"], "--bound-samples is 0; expected a whole number from 1 on"],
    [["--evaluate-every", "x"], '--evaluate-every is "x"; expected a whole number from 1 on'],
    [["--samples", "0.5"], "--samples is 0.5; expected a whole number from 1 on"],
    [["--entropy", "none"], '--entropy is "none"; expected one of analytic, sampled'],
    [["--layers", "0"], "the network has no layers; expected at least one"],
    [
      ["--hidden", "12,0"],
      "--hidden is [12,0]; expected a list of layers, each a width from 1 on or, as in softmax:20x10, softmax units and their choices, 2 or more; behind it may stand what feeds it, as in 100@input+0",
    ],
    [["--output", "softmax"], "--output is a setting of the task bandit; the task is vae"],
    [
      ["--estimator", "disarm", "--no-child-pruning"],
      "--no-child-pruning is an option of f-hnca; the estimator is disarm, which takes samples, resample",
    ],
    [
      ["--resample", "fresh"],
      "--resample is an option of reinforce-loo, disarm, arm, arms, disarm-tree, disarm-sb, carms, arsm, ugc, double-cv, rodeo; the estimator is f-hnca, which takes samples, childPruning, fullReward",
    ],
    [
      ["--estimator", "disarm", "--resample", "independent"],
      '--resample is "independent"; expected one of partial, fresh',
    ],
  ])("%j is one sentence, and exit 2", async (args, sentence) => {
    const out = join(temporary("bad"), "runs");
    const layers = args.includes("--layers") ? [] : ["--hidden", "3"];
    const outcome = await flipnet(["train", "--task", "vae", ...layers, "--out", out, ...args]);
    expect(outcome).toEqual({ code: 2, stdout: "", stderr: `error: ${sentence}\n` });
    expect(existsSync(out)).toBe(false);
  });

  it("needs images with pixels", async () => {
    const path = temporary("data");
    for (const set of ["train", "t10k"]) {
      writeFileSync(join(path, `${set}-images-idx3-ubyte`), writeIdx([10], new Uint8Array(10)));
      writeFileSync(join(path, `${set}-labels-idx1-ubyte`), writeIdx([10], new Uint8Array(10)));
    }
    const { code, stderr } = await flipnet(["train", "--task", "vae", "--data", path, "--out", path]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: \S+ has shape \[10\], expected images: two dimensions or more\n$/);
  });
});

describe("flipnet sample", () => {
  it("draws a PNG and an SVG into the run's folder", async () => {
    const { code, stdout, stderr } = await flipnet(["sample", folder, "--svg"]);
    const [png, svg] = ["samples.png", "samples.svg"].map((name) => join(folder, name));
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${png}\n${svg}\n`, stderr: "" });
    const picture = readFileSync(svg, "utf8");
    const [, width, height] = /^<svg [^>]*width="(\d+)" height="(\d+)"/.exec(picture)!;
    expect(sizeOf(readFileSync(png))).toEqual([2 * Number(width), 2 * Number(height)]);
    const words = [...picture.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
    expect(words).toEqual(
      expect.arrayContaining([
        "Out of nothing",
        "probabilities",
        "sampled",
        "seen",
        "from layer 1",
        "from layer 2",
      ]),
    );
    expect(words.join()).toContain("2 layers of 12, 6 coins");
    // Two rows of ten as probabilities and as pixels; ten seen, and drawn again from both layers.
    const images = [...picture.matchAll(/<image [^>]*href="data:image\/png;base64,([^"]*)"/g)];
    expect(images).toHaveLength(7);
    for (const [, base64] of images) expect(sizeOf(Buffer.from(base64, "base64"))).toEqual([1264, 112]);
    // The run is as it was.
    expect((await flipnet(["train", folder, "--json", "--quiet"])).stdout).toContain(
      `"runId":"${lines[3].runId}"`,
    );
  });

  it("is a function of the seed", async () => {
    const out = temporary("seeds");
    const draw = async (name: string, ...args: string[]) => {
      const path = join(out, name);
      const { code, stderr } = await flipnet([
        "sample",
        folder,
        "--out",
        path,
        "--count",
        "3",
        "--columns",
        "4",
        ...args,
      ]);
      expect(code, stderr).toBe(0);
      return readFileSync(path);
    };
    const first = await draw("a.png");
    expect(await draw("b.png")).toEqual(first);
    expect(await draw("c.png", "--seed", "1")).not.toEqual(first);
    expect(readdirSync(out).sort()).toEqual(["a.png", "b.png", "c.png"]);
  });

  it("says what it cannot draw, with exit 2", async () => {
    const out = temporary("none");
    const bandit = jsonLines(
      (await flipnet(["train", "--limit", "100", "--hidden", "3", "--epochs", "1", "--json", "--out", out]))
        .stdout,
    )[1];
    const mine = join(out, "mine.png");
    writeFileSync(mine, "precious");
    const empty = join(out, "empty");
    mkdirSync(empty);
    for (const name of ["config.json", "environment.json"]) {
      writeFileSync(join(empty, name), readFileSync(join(folder, name)));
    }
    for (const [args, sentence] of [
      [[bandit.folder], `${bandit.folder} is a run of the task "bandit"; expected "vae", which can draw`],
      [[empty], `${empty} has no checkpoint yet; expected a run that was trained or stopped`],
      [["nowhere"], "nowhere is no run: it has no config.json and environment.json"],
      [
        [folder, "--out", join(folder, "config.json")],
        `--out is ${join(folder, "config.json")}; expected the name of a PNG, as in samples.png`,
      ],
      [[folder, "--out", mine], `${mine} is there already; expected another name, or --force to replace it`],
      [[folder, "--count", "0"], "--count is 0; expected a whole number from 1 to 1000"],
      [[folder, "--columns", "many"], "--columns is many; expected a whole number from 1 to 100"],
      [[folder, "--seed", "-1"], "--seed is -1; expected a whole number from 0 on"],
    ] as const) {
      const outcome = await flipnet(["sample", ...args]);
      expect(outcome).toEqual({ code: 2, stdout: "", stderr: `error: ${sentence}\n` });
    }
  });
});
