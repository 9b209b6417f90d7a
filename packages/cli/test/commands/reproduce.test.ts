import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, it } from "vitest";
import { flipnet, jsonLines, outcomeOf, start, temporaryFolders } from "./flipnet.ts";

const temporary = temporaryFolders();
const base = { task: "bandit", hidden: [5], limit: 200, epochs: 3 };
const small = {
  title: "Small",
  base,
  methods: { HNCA: {}, REINFORCE: { estimator: "reinforce" } },
  seeds: 2,
};

/** `flipnet reproduce` of a file, all of its output in the same folder. */
function reproduceIn(folder: string, experiment: object): string[] {
  const path = join(folder, "mine.json");
  writeFileSync(path, JSON.stringify(experiment));
  return ["reproduce", path, "--out", join(folder, "runs"), "-o", join(folder, "report")];
}

it("trains what is missing, draws, and says how it is scaled down", async () => {
  const folder = temporary("reproduce");
  const args = reproduceIn(folder, small);
  const page = join(folder, "report", "index.html");
  const first = await flipnet([...args, "--epochs", "1", "--only", "hnca"]);
  expect(first).toMatchObject({ code: 0, stdout: `${page}\n` });
  expect(first.stderr).toContain("2 of 2 runs done");
  const scaled = ": 1 of 3 epochs, only HNCA";
  expect(readFileSync(page, "utf8")).toContain(scaled);
  expect(readFileSync(join(folder, "report", "figure.svg"), "utf8")).toContain(scaled);

  const second = await flipnet([...args, "--epochs", "1", "--json"]);
  expect(second.stderr).toContain("4 runs, 2 of them done before");
  const lines = jsonLines(second.stdout);
  // A line a run, in the order in which they end; what was done before comes first.
  expect(
    lines
      .slice(0, 4)
      .map(({ label, status }) => [label, status])
      .toSorted(),
  ).toEqual([
    ["HNCA, seed 0", "done"],
    ["HNCA, seed 1", "done"],
    ["REINFORCE, seed 0", "done"],
    ["REINFORCE, seed 1", "done"],
  ]);
  expect(lines).toHaveLength(5);
  expect(lines[4]).toEqual({ page });
  expect(readdirSync(join(folder, "runs"))).toHaveLength(4);
  expect(readFileSync(join(folder, "report", "README.md"), "utf8")).toContain("1 of 3 epochs");
  const { commands } = JSON.parse(readFileSync(join(folder, "report", "results.json"), "utf8"));
  expect(commands).toEqual([`flipnet reproduce ${join(folder, "mine.json")} --epochs 1`]);

  // Nothing is trained; what is missing is said.
  const drawn = await flipnet([...args, "--draw"]);
  expect(drawn).toMatchObject({ code: 0, stdout: `${page}\n`, stderr: "" });
  expect(readFileSync(page, "utf8")).toContain("4 of 4 runs are unfinished");
});

it("draws without the runs that failed, and exits with 1", async () => {
  const folder = temporary("failed");
  const methods = { ...small.methods, "too large": { batchSize: 1000 } };
  const { code, stderr, stdout } = await flipnet([
    ...reproduceIn(folder, { ...small, methods, seeds: 1 }),
    ...["--epochs", "1"],
  ]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/failed:.* too large, seed 0: the batch size is 1000; expected/);
  expect(stderr).toContain("2 of 3 runs done, 1 failed");
  expect(readFileSync(stdout.trim(), "utf8")).toContain("1 of 3 runs are unfinished");
});

it("stops with checkpoints when it is interrupted, and says how to go on", async () => {
  const folder = temporary("interrupted");
  const args = reproduceIn(folder, { ...small, base: { ...base, limit: 5000, epochs: 400 } });
  const child = start([...args, "--workers", "1"]);
  const outcome = outcomeOf(child);
  while (!existsSync(join(folder, "runs"))) await setTimeout(50);
  child.kill("SIGINT");
  const { code, stderr, stdout } = await outcome;
  expect(code).toBe(130);
  expect(stderr).toContain("the same command goes on");
  expect(stderr).toContain("--draw");
  expect(stdout).toBe("");
});

it("lists the papers' experiments with what is there", async () => {
  const out = join(temporary("list"), "runs");
  const listed = await flipnet(["reproduce", "--no-cost", "--json", "--out", out]);
  expect(listed).toMatchObject({ code: 0, stderr: "" });
  const lines = jsonLines(listed.stdout);
  const figure = lines.find(({ name }) => name === "hnca-figure-1");
  expect(figure).toMatchObject({ runs: 30, done: 0, begun: 0 });
  // What two of them share counts once.
  const all = lines.pop();
  expect(all.runs).toBe(lines.reduce((sum, { runs }) => sum + runs, 0) - 92);

  const few = await flipnet(["reproduce", "--no-cost", "--out", out, "--seeds", "1", "--epochs", "2"]);
  expect(few.stdout).toMatch(/^hnca-figure-1 +6 +0 +0$/m);
});

it.each([
  [["hnca-figure-11"], 'there is no experiment "hnca-figure-11"; did you mean "hnca-figure-1"?'],
  [["hnca-figure-1", "--seeds", "0"], "--seeds is 0; expected a whole number from 1 on"],
  [["hnca-figure-1", "--only", "wm"], '--only is "wm"; hnca-figure-1 has 1 hidden layer'],
  [["hnca-figure-1", "--steps", "10"], "--steps is 10, and the task of hnca-figure-1 has no such setting"],
  [
    ["weight-max-figure-1", "--epochs", "2"],
    "--epochs is 2, and the task of weight-max-figure-1 has no such setting",
  ],
  [["--only", "DisARM"], "--only needs an experiment's name; without one they are listed"],
  [["--draw"], "--draw needs an experiment's name"],
  [["hnca-figure-1", "--no-cost"], "--no-cost is of the list; leave out hnca-figure-1 to see it"],
  [["hnca-figure-1", "--draw"], "there is nothing to report yet"],
  [["nowhere.yaml"], "the experiment nowhere.yaml cannot be read (ENOENT)"],
])("refuses %j before anything is trained", async (args, message) => {
  const out = join(temporary("refused"), "runs");
  const { code, stdout, stderr } = await flipnet(["reproduce", ...args, "--out", out]);
  expect(stderr).toContain(message);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(existsSync(out)).toBe(false);
});

it("lists the experiments without their data, and says what cannot be told", async () => {
  const { code, stdout, stderr } = await flipnet(["reproduce", "--data", "nowhere", "--json"]);
  const rows = jsonLines(stdout);
  const { runs } = rows.pop()!;
  expect([code, rows.every(({ done }) => done === 0)]).toEqual([0, true]);
  // Some are in two experiments.
  expect(runs).toBeLessThan(rows.reduce((sum, row) => sum + row.runs, 0));
  expect(runs).toBeGreaterThan(200);
  expect(stderr).toMatch(
    /^which runs there are, and what they cost, cannot be told: the data folder .*nowhere cannot/,
  );
});
