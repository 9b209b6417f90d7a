// Files of one's own: what `flipnet init` writes runs as it is, and is part of a run's identity.
import { appendFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { flipnet, jsonLines, temporaryFolders } from "./flipnet.ts";

const temporary = temporaryFolders();
const folder = temporary("own");
const at = (name: string) => join(folder, name);
mkdirSync(at("node_modules"));
symlinkSync(resolve(import.meta.dirname, "../../../flipnet"), at("node_modules/flipnet"));

const train = async (...flags: string[]) => {
  const result = await flipnet(["train", "--out", at("runs"), "--json", "--quiet", ...flags]);
  expect(result).toMatchObject({ code: 0 });
  return jsonLines(result.stdout).at(-1);
};

it("an objective learns, and a changed file is another run", async () => {
  expect(await flipnet(["init", "objective", at("cut.mjs")])).toMatchObject({
    code: 0,
    stdout: `${at("cut.mjs")}\n`,
  });
  expect(await flipnet(["init", "objective", at("cut.mjs")])).toMatchObject({ code: 2, stdout: "" });
  const flags = ["--hidden", "4", "--steps", "400", "--record-every", "200"];
  const first = await train("--objective", at("cut.mjs"), ...flags);
  // A coin a node, fair, cuts half of the 20 edges; the best cut has 16 of them.
  expect(first.value).toBeGreaterThan(13);
  writeFileSync(at("same.mjs"), readFileSync(at("cut.mjs")));
  expect((await train("--objective", at("same.mjs"), ...flags)).runId).toBe(first.runId);
  writeFileSync(at("other.mjs"), readFileSync(at("cut.mjs")));
  appendFileSync(at("other.mjs"), "// another\n");
  expect((await train("--objective", at("other.mjs"), ...flags)).runId).not.toBe(first.runId);
});

it("an estimator and an experiment run as they are", async () => {
  for (const [what, name] of [
    ["estimator", "estimator.mjs"],
    ["experiment", "experiment.yaml"],
  ]) {
    expect(await flipnet(["init", what, at(name)])).toMatchObject({ code: 0 });
  }
  const board = ["--task", "grid-world", "--steps", "20", "--record-every", "20"];
  const { folder: run } = await train("--estimator", `${at("estimator.mjs")}:scale=2`, ...board);
  expect(run).toContain("grid-world-estimator-");
  const audited = await flipnet([
    ...["audit", resolve(import.meta.dirname, "../../../../examples/three-coins.json")],
    ...["--estimators", at("estimator.mjs"), "--json"],
  ]);
  expect(JSON.parse(audited.stdout).estimators.mine.bias).toBeLessThan(1e-12);

  const drawn = await flipnet([
    ...["experiment", at("experiment.yaml"), "--out", at("runs"), "--steps", "50", "--seeds", "1"],
  ]);
  expect(drawn).toMatchObject({ code: 0 });
  expect(readFileSync(at("runs/experiment/index.html"), "utf8")).toContain("flipnet experiment");
});

it.each([
  [["--objective", "missing.mjs"], /the objective file .*missing.mjs cannot be loaded \(ENOENT\)/],
  [["--task", "objective"], /there is no objective; expected one, as in --objective \.\/mine\.mjs/],
  [
    ["--objective", "a.mjs", "--task", "bandit"],
    /--objective is a setting of the task objective; the task is bandit/,
  ],
])("%j is refused", async (flags, message) => {
  const { code, stdout, stderr } = await flipnet(["train", ...flags]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(message);
});

it("a file that does not find flipnet is told what to do", async () => {
  const lonely = join(temporary("lonely"), "objective.mjs");
  await flipnet(["init", "objective", lonely]);
  const { code, stderr } = await flipnet(["train", "--objective", lonely]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/Cannot find package 'flipnet' .*: npm install flipnet there\)$/m);
});
