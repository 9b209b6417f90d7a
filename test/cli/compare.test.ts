import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it } from "vitest";

const main = join(import.meta.dirname, "../../dist/cli/main.js");

let out: string;
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), "flipnet-compare-"));
});
afterEach(() => rm(out, { recursive: true }));

const start = (...flags: string[]) => spawn(process.execPath, [main, "compare", "--out", out, ...flags]);

async function compare(...flags: string[]) {
  const child = start(...flags);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { stdout, stderr, code };
}

const small = ["--limit", "200", "--epochs", "2", "--hidden", "8"];
const runsIn = async (folder: string) => (await readdir(folder)).filter((name) => name.startsWith("bandit-"));

it("trains the methods, prints a table and draws a figure; again, it trains nothing", async () => {
  const first = await compare(...small);
  expect(first).toMatchObject({ code: 0 });
  const [head, hnca, reinforce] = first.stdout.split("\n");
  expect(head).toBe("method     online accuracy  test accuracy  ln gradient variance  ms per step");
  expect(hnca).toMatch(/^HNCA +\d+\.\d % +\d+\.\d % +-\d+\.\d\d +\d+\.\d\d$/);
  expect(reinforce).toMatch(/^REINFORCE +\d/);
  const runs = await runsIn(out);
  expect(runs).toHaveLength(2);
  for (const run of runs) expect(first.stdout).toContain(join(out, run));
  expect(first.stdout).toContain(join(out, "compare.svg"));
  expect(await readFile(join(out, "compare.svg"), "utf8")).toContain("One hidden layer of 8 units.");
  // Colours and bars are for terminals.
  expect(first.stdout + first.stderr).not.toMatch(/\p{Cc}\[|█/u);

  const metrics = join(out, runs[0], "metrics.jsonl");
  const { mtimeMs } = await stat(metrics);
  expect((await compare(...small)).stdout).toBe(first.stdout);
  expect((await stat(metrics)).mtimeMs).toBe(mtimeMs);
});

it("has several seeds, with confidence intervals", async () => {
  const { stdout, code } = await compare(...small, "--seeds", "2", "--estimators", "hnca");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^HNCA +\d+\.\d ± \d+\.\d %/m);
  expect(stdout).toContain("(Student's t)");
  expect(await runsIn(out)).toHaveLength(2);
});

it("stops with checkpoints when it is interrupted, and goes on", async () => {
  const flags = ["--limit", "5000", "--epochs", "400", "--hidden", "8", "--estimators", "hnca"];
  const child = start(...flags);
  const stderr = text(child.stderr);
  const started = async () => (await runsIn(out)).length > 0;
  while (!(await started())) await new Promise((resolve) => setTimeout(resolve, 50));
  await new Promise((resolve) => setTimeout(resolve, 500));
  child.kill("SIGINT");
  const [code] = await once(child, "close");
  expect(code).toBe(130);
  expect(await stderr).toContain("the same command goes on");
  const [run] = await runsIn(out);
  expect(await readdir(join(out, run, "checkpoints"))).toHaveLength(1);
});

it.each([
  [["--estimators", "hnka"], 'did you mean "hnca"?'],
  [["--seeds", "0"], "--seeds is 0; expected a whole number from 1 on"],
  [["--workers", "many"], "--workers is many; expected"],
  [["--hidden", "0"], "--hidden is [0]; expected"],
])("refuses %j before anything is trained", async (flags, message) => {
  const { stdout, stderr, code } = await compare(...small, ...flags);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(stdout).toBe("");
  expect(await readdir(out)).toEqual([]);
});

it("says which run failed, and why", async () => {
  const { stderr, code } = await compare(...small, "--data", join(out, "nowhere"));
  expect(code).toBe(2);
  expect(stderr).toMatch(/HNCA +failed: the data folder .*nowhere cannot be read/);
});
