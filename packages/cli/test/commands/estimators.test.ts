// Estimators on the command line: with options behind their names, from files, and what of them is a run's identity.
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { runIdOf } from "../../src/running/run-folder.ts";
import { parseConfig } from "../../src/settings/config.ts";
import { flipnet, flipnetAlone, outcomeOf, start, temporaryFolders } from "./flipnet.ts";

const temporary = temporaryFolders();
const digest = "of some data";
const idOf = (settings: Record<string, unknown>) =>
  runIdOf(parseConfig({ kernels: "portable", ...settings }), digest);

describe("options behind the name of an estimator", () => {
  const same = (a: Record<string, unknown>, b: Record<string, unknown>) => {
    expect(parseConfig(a)).toEqual(parseConfig(b));
    expect(idOf(a)).toBe(idOf(b));
  };

  it("are said in a text or by name", () => {
    same(
      { task: "vae", estimator: "reinforce-loo:samples=4" },
      { task: "vae", estimator: { name: "reinforce-loo", samples: 4 } },
    );
    expect(parseConfig({ task: "vae", estimator: "reinforce-loo:samples=4" })).toMatchObject({
      estimator: "reinforce-loo:samples=4",
      // The auto-encoder's own: rows an image.
      samples: 1,
    });
  });

  it("are settings of their own where they were once", () => {
    same(
      { estimator: "weight-max:hiddenRule=reward-penalty:lambda=0.1" },
      {
        ...{ estimator: "weight-max", hiddenRule: "reward-penalty", lambda: 0.1 },
      },
    );
    same(
      { task: "vae", estimator: { name: "disarm", resample: "fresh" } },
      {
        ...{ task: "vae", estimator: "disarm", resample: "fresh" },
      },
    );
    const { estimator, ...others } = parseConfig({ task: "vae", estimator: "disarm:resample=fresh" });
    expect({ estimator, ...others }).toMatchObject({ estimator: "disarm", resample: "fresh" });
  });

  it("make no other run where they say what holds anyway", () => {
    same({ task: "vae", estimator: "reinforce-loo:samples=2" }, { task: "vae", estimator: "reinforce-loo" });
    same({ estimator: "hnca:stopGradient=true" }, { estimator: "hnca" });
    expect(idOf({ task: "vae", estimator: "disarm:samples=4" })).not.toBe(
      idOf({ task: "vae", estimator: "disarm" }),
    );
  });

  it.each<[Record<string, unknown>, string]>([
    [
      { estimator: "reinforce-loo:samples=1" },
      "samples of reinforce-loo is 1; expected a whole number from 2 on",
    ],
    [
      { estimator: "reinforce-loo:sample=4" },
      'sample is no option of reinforce-loo; did you mean "samples"?',
    ],
    [{ estimator: "reinforce-loo:samples" }, "sets no option; expected OPTION=VALUE"],
    [{ estimator: { samples: 4 } }, 'estimator is {"samples":4}; expected one of'],
    [
      { estimator: "disarm:resample=fresh", resample: "partial" },
      'resample is "partial", and estimator says "fresh"; expected it once',
    ],
    [
      { estimator: "disarm", baseline: "running-average" },
      'baseline is "running-average"; expected "none", as disarm',
    ],
    [{ estimator: "hnca" }, "the task is vae, which has reinforce, nvil, f-hnca"],
  ])("are refused in one sentence: %o", (settings, message) => {
    expect(() => parseConfig({ task: "vae", ...settings })).toThrow(message);
  });
});

it("a list of equal numbers makes the run of that number", () => {
  expect(idOf({ learningRate: [0.1, 0.1, 0.1] })).toBe(idOf({ learningRate: 0.1 }));
  expect(idOf({ l2: [0.1, 0.1, 0.1] })).toBe(idOf({ l2: 0.1 }));
  expect(idOf({ learningRate: [0.1, 0.2, 0.1] })).not.toBe(idOf({ learningRate: 0.1 }));
});

describe("an estimator from a file", () => {
  // In the repository, where it finds the package.
  const folder = join(import.meta.dirname, "..", "..", "..", "..", "node_modules", ".cache", "estimators");
  const file = join(folder, "mine.mjs");
  /** That of the page, with its option `times`. */
  const [, program] = /```js\n(.*?)```/s.exec(readFileSync("docs/adding.md", "utf8"))!;
  const source = (more = "") => `${more}\n${program}`;
  const digestOf = (text: string) => createHash("sha256").update(text).digest("hex");
  const small = ["--task", "grid-world", "--horizon", "4", "--size", "3", "--quiet"];
  const train = (out: string, ...more: string[]) => flipnet(["train", ...small, "--out", out, ...more]);
  const configIn = (out: string) =>
    JSON.parse(readFileSync(join(out, readdirSync(out)[0], "config.json"), "utf8"));

  beforeAll(() => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, source());
    writeFileSync(join(folder, "none.mjs"), "export const nothing = 1;");
    writeFileSync(join(folder, "broken.mjs"), "export default (");
  });

  it("trains with its options; the file's digest is part of the run's identity, its place is not", async () => {
    const out = temporary("file");
    const { code, stderr } = await train(
      out,
      "--steps",
      "20",
      "--record-every",
      "10",
      "--estimator",
      `${file}:times=3`,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(readdirSync(out)).toEqual([expect.stringMatching(/^grid-world-mine-[0-9a-f]{16}$/)]);
    const config = configIn(out);
    expect(config).toMatchObject({ estimator: `${file}:times=3`, estimatorDigest: digestOf(source()) });

    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere, { recursive: true });
    cpSync(file, join(elsewhere, "mine.mjs"));
    const settings = { ...config, estimatorDigest: undefined };
    const id = idOf(settings);
    expect(idOf({ ...settings, estimator: `${join(elsewhere, "mine.mjs")}:times=3` })).toBe(id);
    expect(idOf({ ...settings, estimator: file })).not.toBe(id);
    writeFileSync(join(elsewhere, "other.mjs"), source("// another"));
    expect(idOf({ ...settings, estimator: `${join(elsewhere, "other.mjs")}:times=3` })).not.toBe(id);
  });

  it("goes on after a kill, and only with the file that it began with", async () => {
    const out = temporary("resume");
    const own = join(folder, "resumed.mjs");
    writeFileSync(own, source());
    const flags = ["--steps", "40000", "--record-every", "200", "--estimator", `${own}:times=2`];
    const child = start(["train", ...small, "--out", out, ...flags]);
    const ended = outcomeOf(child);
    const checkpoint = () =>
      existsSync(out) &&
      readdirSync(out).some((run) => existsSync(join(out, run, "checkpoints", "latest.safetensors")));
    while (!checkpoint()) await setTimeout(50);
    child.kill("SIGKILL");
    await ended;
    const [run] = readdirSync(out);
    writeFileSync(own, source("// changed"));
    // In processes of their own: a module is loaded once.
    const refused = await flipnetAlone(["train", join(out, run), "--resume", "--quiet"]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(
      `has changed: its SHA-256 is ${digestOf(source("// changed"))}; expected`,
    );
    writeFileSync(own, source());
    const resumed = join(out, run, "config.json");
    const { steps, ...others } = JSON.parse(readFileSync(resumed, "utf8"));
    expect(steps).toBe(40000);
    const length = ["--steps", "2000"];
    expect(others.estimatorDigest).toBe(digestOf(source()));
    expect(await flipnetAlone(["train", join(out, run), "--resume", "--quiet", ...length])).toMatchObject({
      code: 0,
    });
    const whole = temporary("whole");
    expect(await train(whole, ...flags.slice(2), ...length)).toMatchObject({ code: 0 });
    const timeless = (folder: string) =>
      readFileSync(join(folder, run, "metrics.jsonl"), "utf8")
        .split("\n")
        .slice(0, 10)
        .map((line) => line.replace(/,"msPerStep":.*/, ""));
    expect(timeless(out)).toEqual(timeless(whole));
  });

  it("stands in a file of settings, where paths begin in its folder", async () => {
    const settings = join(folder, "run.json");
    const estimator = { name: "./mine.mjs", times: 3 };
    writeFileSync(settings, JSON.stringify({ task: "grid-world", estimator, steps: 10, recordEvery: 10 }));
    const out = temporary("settings");
    const { code } = await flipnet(["train", settings, "--out", out, "--quiet"], {
      cwd: temporary("elsewhere"),
    });
    expect(code).toBe(0);
    expect(configIn(out).estimator).toBe(`${file}:times=3`);
  });

  it("is audited", async () => {
    const spec = join(folder, "spec.json");
    const layers = [{ kind: "bernoulli", weights: [[0.5]], bias: [0.3] }];
    writeFileSync(spec, JSON.stringify({ units: "zero-one", layers, contexts: [[1]], reward: [[0, 1]] }));
    const { code, stdout, stderr } = await flipnet([
      ...["audit", spec, "--json", "--estimators", `${file}:times=1,${file}:times=2,reinforce`],
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { mine, "mine:times=2": twice, reinforce } = JSON.parse(stdout).estimators;
    expect(mine.mean).toEqual(reinforce.mean);
    expect(mine.bias).toBeLessThan(1e-12);
    expect(twice.bias).toBeGreaterThan(1e-3);
  });

  it.each([
    ["none.mjs", "exports none of estimators; expected a default export"],
    ["broken.mjs", "cannot be loaded ("],
    ["missing.mjs", "cannot be loaded (ENOENT)"],
    ["mine.mjs:time=3", 'time is no option of mine; did you mean "times"?'],
    ["mine.mjs:times=0", "times of mine is 0; expected a whole number from 1 on"],
  ])("that is no estimator is refused in one sentence: %s", async (name, message) => {
    const { code, stderr } = await train(temporary("refused"), "--estimator", join(folder, name));
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
  });
});
