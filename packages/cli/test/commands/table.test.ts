// A table from its file to the classes of new rows.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { expect, it } from "vitest";
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
