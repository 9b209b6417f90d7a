import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, it } from "vitest";
import { flipnet, outcomeOf, start, temporaryFolders } from "./flipnet.ts";

const temporary = temporaryFolders();
const compare = (out: string, ...flags: string[]) => flipnet(["compare", "--out", out, ...flags]);

const small = ["--limit", "200", "--epochs", "2", "--hidden", "8"];
const runsIn = async (folder: string) => (await readdir(folder)).filter((name) => name.startsWith("bandit-"));

it("trains the methods, prints a table and draws a figure; again, it trains nothing", async () => {
  const out = temporary("compare");
  const first = await compare(out, ...small);
  expect(first).toMatchObject({ code: 0 });
  const [head, hnca, reinforce] = first.stdout.split("\n");
  expect(head).toBe("method     online accuracy  test accuracy  ln gradient variance  ms per step");
  expect(hnca).toMatch(/^HNCA +\d+\.\d % +\d+\.\d % +-\d+\.\d\d +\d+\.\d\d$/);
  expect(reinforce).toMatch(/^REINFORCE +\d/);
  const runs = await runsIn(out);
  expect(runs).toHaveLength(2);
  for (const run of runs) expect(first.stdout).toContain(join(out, run));
  expect(first.stdout).toContain(join(out, "compare.svg"));
  // Where the report is comes last.
  const page = join(out, "report", "index.html");
  expect(first.stdout.endsWith(`report  ${page}\n`)).toBe(true);
  expect(await readFile(page, "utf8")).toContain("HNCA and REINFORCE on MNIST");
  expect(await readFile(join(out, "compare.svg"), "utf8")).toContain(
    "One hidden layer of 8 units, the first 200 images, seed 0.",
  );
  // Colours and bars are for terminals.
  expect(first.stdout + first.stderr).not.toMatch(/\p{Cc}\[|█/u);

  const metrics = join(out, runs[0], "metrics.jsonl");
  const { mtimeMs } = await stat(metrics);
  expect((await compare(out, ...small)).stdout).toBe(first.stdout);
  expect((await stat(metrics)).mtimeMs).toBe(mtimeMs);
});

it("has several seeds, with confidence intervals", async () => {
  const out = temporary("seeds");
  const { stdout, code } = await compare(out, ...small, "--seeds", "2", "--estimators", "hnca,reinforce");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^HNCA +\d+\.\d ± \d+\.\d %/m);
  expect(stdout).toContain("(Student's t)");
  expect(stdout).toMatch(/^less HNCA, seed by seed .*\nREINFORCE .*\d ± \d+\.\d %/m);
  expect(await runsIn(out)).toHaveLength(4);
});

it("stops with checkpoints when it is interrupted, and says how to go on", async () => {
  const out = temporary("interrupt");
  const flags = "--limit 5000 --epochs 400 --hidden 8 --estimators hnca".split(" ");
  const child = start(["compare", "--out", out, ...flags]);
  const outcome = outcomeOf(child);
  while ((await runsIn(out)).length === 0) await setTimeout(50);
  await setTimeout(500);
  child.kill("SIGINT");
  const { code, stderr } = await outcome;
  expect(code).toBe(130);
  expect(stderr).toContain("the same command goes on");
  const [run] = await runsIn(out);
  expect(await readdir(join(out, run, "checkpoints"))).toHaveLength(1);
});

it.each([
  [["--estimators", "hnka"], 'did you mean "hnca"?'],
  [["--seeds", "0"], "--seeds is 0; expected a whole number from 1 on"],
  [["--workers", "many"], "--workers is many; expected"],
  [["--hidden", "0"], "--hidden is [0]; expected"],
])("refuses %j before anything is trained", async (flags, message) => {
  const out = temporary("refused");
  const { stdout, stderr, code } = await compare(out, ...small, ...flags);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(stdout).toBe("");
  expect(await readdir(out)).toEqual([]);
});

it("says which run failed, and why", async () => {
  const out = temporary("failed");
  const { stderr, code } = await compare(out, ...small, "--data", join(out, "nowhere"));
  expect(code).toBe(2);
  expect(stderr).toMatch(/HNCA +failed: the data folder .*nowhere cannot be read/);
});

it("learns before it trains that a figure or a report may not be written", async () => {
  const out = temporary("places");
  const mine = join(out, "mine.svg");
  writeFileSync(mine, "precious");
  const wanted = ["compare", "--hidden", "4", "--epochs", "1", "--limit", "50", "--out", join(out, "runs")];
  for (const figure of [mine, "/proc/flipnet/y.svg"]) {
    const { code, stderr } = await flipnet([...wanted, "--figure", figure]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^error: .*(is there already|cannot be written)/),
    ]);
  }
  expect(readFileSync(mine, "utf8")).toBe("precious");
  expect(readdirSync(out)).toEqual(["mine.svg"]);
});
