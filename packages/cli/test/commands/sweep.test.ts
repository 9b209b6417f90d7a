import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, it } from "vitest";
import { flipnet, jsonLines, outcomeOf, start, temporaryFolders } from "./flipnet.ts";

const temporary = temporaryFolders();
const small = { task: "multiplexer", k: 2, hidden: [8], batchSize: 8, steps: 200, recordEvery: 100 };

function sweepIn(folder: string, sweep: object): string[] {
  const path = join(folder, "sweep.json");
  writeFileSync(path, JSON.stringify(sweep));
  return ["sweep", path, "--out", join(folder, "runs")];
}

it("trains what is missing, and only that", async () => {
  const folder = temporary("sweep");
  const grid = { estimator: ["weight-max", "reinforce"], seed: [0, 1] };
  const first = await flipnet([...sweepIn(folder, { base: small, grid: { ...grid, seed: [0] } }), "--json"]);
  expect(first).toMatchObject({ code: 0, stderr: expect.stringContaining("2 of 2 runs done") });
  // In the order in which they end.
  const lines = jsonLines(first.stdout).sort((a, b) => (a.label < b.label ? 1 : -1));
  expect(lines.map(({ label, status }) => [label, status])).toEqual([
    ["weight-max, seed 0", "done"],
    ["reinforce, seed 0", "done"],
  ]);
  const metrics = join(lines[0].folder, "metrics.jsonl");
  const before = statSync(metrics).mtimeMs;
  expect(readFileSync(join(lines[0].folder, "log.txt"), "utf8")).toContain("epoch 2/2");

  const args = sweepIn(folder, { base: small, grid });
  const plan = await flipnet([...args, "--dry-run", "--json"]);
  expect(jsonLines(plan.stdout).map(({ status }) => status)).toEqual(["done", "missing", "done", "missing"]);
  const second = await flipnet(args);
  expect(second.stderr).toContain("4 runs, 2 of them done before");
  expect(second).toMatchObject({ code: 0, stdout: "", stderr: expect.stringContaining("4 of 4 runs done") });
  expect(readdirSync(join(folder, "runs"))).toHaveLength(4);

  // More continues them.
  const longer = sweepIn(folder, { base: { ...small, steps: 300 }, grid });
  expect(jsonLines((await flipnet([...longer, "--dry-run", "--json"])).stdout)[0]).toMatchObject({
    status: "begun",
    epochs: 2,
    of: 3,
  });
  expect(statSync(metrics).mtimeMs).toBe(before);
  expect(await flipnet(longer)).toMatchObject({ code: 0 });
  expect(readdirSync(join(folder, "runs"))).toHaveLength(4);
  expect(jsonLines(readFileSync(metrics, "utf8"))).toHaveLength(3);
});

it("goes on after a run that fails, says which and why, and tries it again the next time", async () => {
  const folder = temporary("fails");
  // More than a WebAssembly memory can hold, and then one that fits.
  const args = sweepIn(folder, { base: small, grid: { hidden: [[60_000, 60_000], [8]] } });
  for (const begun of ["2 runs", "2 runs, 1 of them done before"]) {
    const { code, stderr } = await flipnet([...args, "--workers", "1"]);
    expect(code).toBe(1);
    expect(stderr).toContain(begun);
    expect(stderr).toMatch(/^failed: hidden 60000,60000: this run needs at least .* GiB.*\(.*log\.txt\)$/m);
    expect(stderr).toContain("1 of 2 runs done, 1 failed");
  }
});

it("stops with checkpoints and goes on", async () => {
  const folder = temporary("stops");
  const long = { ...small, steps: 4_000_000, recordEvery: 4000 };
  const args = sweepIn(folder, { base: long, grid: { seed: [0, 1, 2] } });
  const child = start([...args, "--workers", "2"]);
  const outcome = outcomeOf(child);
  const metrics = () =>
    readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith("metrics.jsonl"));
  while (metrics().length < 2) await setTimeout(50);
  await setTimeout(200);
  child.kill("SIGINT");
  const { code, stderr } = await outcome;
  expect(code).toBe(130);
  expect(stderr).toContain("0 of 3 runs done, 3 stopped");
  for (const run of readdirSync(join(folder, "runs"))) {
    expect(readdirSync(join(folder, "runs", run, "checkpoints"))).toEqual(["latest.safetensors"]);
  }
});

it("leaves runs of another random generator as they are, and says so", async () => {
  const folder = temporary("generator");
  const args = sweepIn(folder, { base: small, runs: [{}] });
  const [{ folder: run }] = jsonLines((await flipnet([...args, "--json"])).stdout);
  const old = join(folder, "runs", "old");
  renameSync(run, old);
  const file = join(old, "environment.json");
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), generator: "dice/1" }));
  const metrics = readFileSync(join(old, "metrics.jsonl"), "utf8");

  const sweep = await flipnet(args);
  expect(sweep.code).toBe(0);
  expect(sweep.stderr).toMatch(
    /^1 run in .*runs is of another random generator \(dice\/1\); it is left as it is$/m,
  );
  const train = await flipnet(["train", old, "--resume", "--steps", "300"]);
  expect(train.code).toBe(2);
  expect(train.stderr).toMatch(
    /old was made with the random generator dice\/1; this version has \S+ and cannot go on with it$/m,
  );
  expect(readFileSync(join(old, "metrics.jsonl"), "utf8")).toBe(metrics);
  expect(readdirSync(join(folder, "runs"))).toHaveLength(2);
});

it("tells of a run as soon as it has ended, and of those that never began when it stops", async () => {
  const folder = temporary("live");
  const args = sweepIn(folder, {
    base: { ...small, steps: 1e6 },
    runs: [{ steps: 200 }, { seed: 1 }, { seed: 2 }],
  });
  const child = start([...args, "--workers", "1", "--json"]);
  const ended = outcomeOf(child);
  child.stdout!.once("data", () => child.kill("SIGINT"));
  const { code, stdout } = await ended;
  expect(code).toBe(130);
  expect(jsonLines(stdout).map(({ status }) => status)).toEqual(["done", "interrupted", "interrupted"]);
});

it("takes its length in steps, and names the flag that cannot be", async () => {
  const folder = temporary("length");
  const args = [...sweepIn(folder, { base: small, grid: { seed: [0] } }), "--dry-run"];
  expect(await flipnet([...args, "--steps", "500"])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("0 of 5 epochs"),
  });
  expect(await flipnet([...args, "--epochs", "7"])).toMatchObject({
    code: 2,
    stderr: "error: --epochs is 7; the length of this task is that of its steps\n",
  });
});
