// A table from its file to the classes of new rows.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CategoryColumn, NumberColumn } from "flipnet/internal/tables/column";
import { loadModel } from "flipnet/node";
import { parquetWriteBuffer } from "hyparquet-writer";
import { expect, it } from "vitest";
import { parseNpy } from "../../src/data/npy.ts";
import { readTable } from "../../src/data/table.ts";
import { planRuns } from "../../src/planning/sweep.ts";
import { trainRun } from "../../src/running/runs.ts";
import { parseConfig } from "../../src/settings/config.ts";
import { flipnet, jsonLines, temporaryFolders } from "./flipnet.ts";

const folder = temporaryFolders()("table");
const at = (name: string) => join(folder, name);

/** Rows of a number, a word and a class; some numbers are missing. */
const rowsFrom = (first: number, count: number, shift = 0) =>
  Array.from({ length: count }, (_, i) => {
    const x = Math.round(100 * Math.sin(7.3 * (first + i))) / 100;
    const job = ["clerk", "baker", "judge"][(first + i) % 3];
    const paid = x + (job === "judge" ? 0.6 : 0) > 0.2 ? "high" : "low";
    return { id: first + i, x: i % 10 === 0 ? null : x + shift, job, paid };
  });
type Rows = ReturnType<typeof rowsFrom>;
const csv = (rows: Rows) =>
  `id,x,job,paid\n${rows.map(({ id, x, job, paid }) => `${id},${x ?? ""},${job},${paid}\n`).join("")}`;

const people = rowsFrom(0, 200);
writeFileSync(at("people.csv"), csv(people));
writeFileSync(at("shifted.csv"), csv(rowsFrom(200, 60, 1000)));
const train = (...flags: string[]) =>
  flipnet([
    "train",
    "--target",
    "paid",
    "--ignore",
    "id",
    "--out",
    at("runs"),
    "--json",
    "--quiet",
    ...flags,
  ]);

it("is trained on, and says the classes of new rows", async () => {
  const trained = await train("--data", at("people.csv"), "--epochs", "15");
  expect(trained).toMatchObject({ code: 0 });
  const summary = jsonLines(trained.stdout).at(-1);
  expect(summary.testAccuracy).toBeGreaterThan(0.8);
  expect(summary.folder).toContain("table-labels-f-hnca-");

  // New rows, their columns in another order and some of them strange.
  writeFileSync(at("new.csv"), "job,x,more\njudge,0.9,a\nclerk,-0.9,b\npilot,,c\n");
  const predicted = await flipnet(["predict", summary.folder, at("new.csv"), "--samples", "40"]);
  const [head, ...lines] = predicted.stdout.trimEnd().split("\r\n");
  expect(head).toBe("prediction,probability.high,probability.low,standardError");
  expect(lines.map((line) => line.split(",")[0]).slice(0, 2)).toEqual(["high", "low"]);
  for (const line of lines) {
    const [, high, low] = line.split(",").map(Number);
    expect(high + low).toBeCloseTo(1, 4);
  }
  const json = ["predict", summary.folder, at("new.csv"), "--samples", "40", "--format", "jsonl"];
  const [first] = jsonLines((await flipnet(json)).stdout);
  expect(first.prediction).toBe("high");

  writeFileSync(at("less.csv"), "job\njudge\n");
  expect(await flipnet(["predict", summary.folder, at("less.csv")])).toEqual({
    ...{ code: 2, stdout: "" },
    stderr: `error: ${at("less.csv")} has no column "x"; expected one of job\n`,
  });
});

it("is the same run as Parquet, whose statistics are those of the training rows", async () => {
  const column = (name: keyof Rows[number], type: "STRING" | "DOUBLE") => ({
    name,
    type,
    data: people.map((row) => row[name]),
  });
  const columnData = [
    column("paid", "STRING"),
    column("x", "DOUBLE"),
    column("job", "STRING"),
    column("id", "DOUBLE"),
  ];
  writeFileSync(at("people.parquet"), new Uint8Array(parquetWriteBuffer({ columnData })));
  const flags = [
    "--test",
    at("shifted.csv"),
    "--features",
    "x,job",
    "--epochs",
    "1",
    "--task",
    "table-bandit",
  ];
  const ids: string[] = [];
  for (const name of ["people.csv", "people.parquet"]) {
    const { stdout, code } = await train("--data", at(name), ...flags);
    expect(code).toBe(0);
    ids.push(jsonLines(stdout).at(-1).runId);
    const { columns } = JSON.parse(
      readFileSync(join(jsonLines(stdout).at(-1).folder, "preparation.json"), "utf8"),
    );
    expect(columns[0]).toMatchObject({ name: "x", kind: "number", missing: true });
    expect(Math.abs(columns[0].mean)).toBeLessThan(0.2);
    expect(columns[1]).toEqual({
      name: "job",
      missing: false,
      kind: "category",
      levels: ["baker", "clerk", "judge"],
    });
  }
  expect(ids[0]).toBe(ids[1]);
});

it.each([
  [["--target", "pay"], 'has no column "pay"; expected one of x, job, paid'],
  [["--target", "x"], 'the target "x" is a number with'],
  [["--ignore", "ids"], 'has no column "ids" to ignore; did you mean "id"?'],
  [["--bins", "3"], 'bins is 3, and the target "paid" is a category; expected none'],
  [["--test-share", "2"], "--test-share is 2; expected a number between 0 and 1"],
  [["--row-weights", "job"], 'column "job" is category; expected numbers from 0 on, as weights'],
])("%j is refused", async (flags, message) => {
  const { code, stderr } = await train("--data", at("people.csv"), ...flags);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
});

it("tells what was made of it, and what was left out", async () => {
  writeFileSync(at("same.csv"), csv(people).replaceAll(/,(clerk|baker|judge),/g, ",clerk,"));
  const flags = ["--data", at("same.csv"), "--target", "paid", "--epochs", "1", "--out", at("runs")];
  const { stderr } = await flipnet(["train", ...flags]);
  // The number, whether it is missing, and the row's own.
  expect(stderr).toContain(
    "same.csv: 160 rows to learn from, 40 to measure on; 3 inputs; paid has 2 classes: high, low\n",
  );
  expect(stderr).toContain("job is left out: it never changes in the training rows\n");
  expect(stderr).toContain("by rule: --hidden 64 --batch-size 20 --learning-rate 0.003\n");
});

it("is learned from by a rule where nobody says how, each seed on rows of its own", async () => {
  const settings = { data: at("people.csv"), target: "paid", ignore: "id", out: at("ruled") };
  const asked = parseConfig({ ...settings, learningRate: 0.01 });
  expect(asked.byRule).toEqual(["hidden", "batchSize", "epochs"]);
  // 160 rows: 3000 steps of 20 are 375 epochs; of a known length, each run is found where training puts it.
  const both = [0, 1].map((seed) => ({ label: "", config: { ...asked, seed } }));
  const planned = await planRuns(both);
  expect(planned[0].config).toMatchObject({ hidden: [64], batchSize: 20, epochs: 375, learningRate: 0.01 });
  expect(planned[0].config).not.toHaveProperty("byRule");
  expect(planned[0].digest).not.toBe(planned[1].digest);
  const { runId, config } = await trainRun({ ...asked, epochs: 1, byRule: ["hidden", "batchSize"], seed: 1 });
  expect(runId).toBe(planned[1].runId);
  const { epochs, ...same } = planned[1].config;
  expect(config).toEqual({ ...same, epochs: 1 });
});

it("says what stands in it", async () => {
  const { stdout } = await flipnet(["data", at("people.csv")]);
  expect(stdout).toContain("200 rows, 4 columns");
  const described = JSON.parse((await flipnet(["data", at("people.csv"), "--json"])).stdout);
  expect(described.columns[2]).toEqual({
    name: "job",
    kind: "category",
    missing: 0,
    levels: ["baker", "clerk", "judge"],
  });
});

it("is made codes of with bits of numbers and rows that count differently", async () => {
  const [head, ...lines] = csv(people).trimEnd().split("\n");
  writeFileSync(at("weighed.csv"), [`${head},w`, ...lines.map((line, i) => `${line},${i % 3}`)].join("\n"));
  const settings = {
    data: at("weighed.csv"),
    ignore: "id",
    task: "table-vae",
    quantileBits: 4,
    rowWeights: "w",
  };
  const config = parseConfig({ ...settings, hidden: [4], epochs: 1, out: at("codes") });
  const { folder: run, summary } = await trainRun(config);
  expect(Number.isFinite(summary?.testBound)).toBe(true);
  const model = await loadModel(run);
  expect(model.preparation?.columns.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
    "x bits",
    "job category",
    "paid category",
  ]);
  const [x] = await model.sample({ count: 20 });
  for (const bits of x.cells) expect([null, 0, 1, 2, 3, 4]).toContain(bits);
  model.close();
});

it("is made codes of, and drawn again", async () => {
  const flags = ["--data", at("people.csv"), "--ignore", "id", "--task", "table-vae", "--out", at("codes")];
  const trained = await flipnet([
    ...["train", ...flags, "--hidden", "6", "--epochs", "400", "--evaluate-every", "400"],
    ...["--json", "--quiet"],
  ]);
  expect(trained).toMatchObject({ code: 0 });
  const { folder: run, testBound } = jsonLines(trained.stdout).at(-1);
  // Columns that have nothing to do with each other are worth -1.28 - 0.33 - 1.10 - 0.69 = -3.4 nats.
  expect(testBound).toBeGreaterThan(-3.1);

  const bits = await flipnet(["encode", run, at("people.csv")]);
  const [head, ...lines] = bits.stdout.trimEnd().split("\r\n");
  expect(head.split(",")).toHaveLength(6);
  expect(lines).toHaveLength(200);
  expect(new Set(lines).size).toBeGreaterThan(3);
  const whole = await flipnet(["encode", run, at("people.csv"), "--as", "integers", "--format", "jsonl"]);
  const codes = jsonLines(whole.stdout).map(({ code }) => code.toString(2).padStart(6, "0"));
  expect(codes).toEqual(lines.map((line) => line.replaceAll(",", "")));
  expect(await flipnet(["encode", run, at("people.csv"), "-o", at("codes.npy")])).toMatchObject({ code: 0 });
  const array = parseNpy(readFileSync(at("codes.npy")), "codes.npy");
  expect(array.shape).toEqual([200, 6]);
  expect(Array.from({ length: 6 }, (_, k) => array.at(k)).join(",")).toBe(lines[0]);

  expect(await flipnet(["sample", run, "--count", "300", "-o", at("drawn.parquet")])).toMatchObject({
    code: 0,
  });
  const drawn = await readTable([at("drawn.parquet")]);
  expect(drawn.rows).toBe(300);
  expect(drawn.columns.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
    "x number",
    "job category",
    "paid category",
  ]);
  // As in the table, the high are those with a large x.
  const [x, , paid] = drawn.columns as [NumberColumn, CategoryColumn, CategoryColumn];
  const meanOf = (word: string) => {
    const own = [...x.values].filter((v, r) => paid.levels[paid.codes[r]] === word && !Number.isNaN(v));
    return own.reduce((sum, v) => sum + v, 0) / own.length;
  };
  expect(meanOf("high")).toBeGreaterThan(meanOf("low") + 0.5);

  expect(await flipnet(["predict", run, at("people.csv")])).toMatchObject({ code: 2, stdout: "" });
  const model = await loadModel(run);
  const { values } = await model.encode(people.slice(0, 1));
  expect([...values].join(",")).toBe(lines[0]);
  model.close();
});
