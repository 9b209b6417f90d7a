import { once } from "node:events";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generator } from "flipnet/internal/random/threefry";
import { expect, it } from "vitest";
import { parseConfig } from "../../src/index.ts";
import { runFiles } from "../../src/running/run-folder.ts";
import { flipnet, outcomeOf, start, temporaryFolders } from "./flipnet.ts";

const temporary = temporaryFolders();

const begun = {
  ...{ time: "2026-11-30T10:00:00.000Z", step: 0, version: "0.1.0" },
  ...{ node: "v20.20.2", platform: "linux-x64", cpu: "a processor" },
};

/** The folder of a run of two epochs, written by hand. */
function makeRun(
  out: string,
  seed: number,
  { metrics, madeWith = generator }: { metrics?: string; madeWith?: string } = {},
) {
  const folder = join(out, `run-${seed}`);
  const files = runFiles(folder);
  const records = [1, 2].map((epoch) =>
    JSON.stringify({
      type: "epoch",
      epoch,
      step: 9 * epoch,
      testAccuracy: 0.5,
      onlineAccuracy: 0.5,
      msPerStep: 1,
    }),
  );
  mkdirSync(folder);
  writeFileSync(files.config, JSON.stringify(parseConfig({ seed, epochs: 2, kernels: "portable" })));
  const environment = {
    runId: `${seed}`.padStart(16, "0"),
    dataDigest: "none",
    generator: madeWith,
    kernels: "portable",
    starts: [begun],
  };
  writeFileSync(files.environment, JSON.stringify(environment));
  writeFileSync(files.metrics, metrics ?? `${records.join("\n")}\n`);
  return folder;
}

it("writes the report of runs, of folders of runs and of both, and prints where", async () => {
  const [out, to] = [temporary("runs"), join(temporary("to"), "a", "report")];
  const first = makeRun(out, 0);
  makeRun(out, 1, { madeWith: "dice/0" });
  const reported = () => flipnet(["report", out, first, "-o", to, "--title", "Two runs"]);
  const page = join(to, "index.html");
  expect(await reported()).toEqual({ code: 0, stdout: `${page}\n`, stderr: "" });
  const html = readFileSync(page, "utf8");
  expect(html).toContain("<h1>Two runs</h1>");
  expect(html).toContain("HNCA, generator dice/0");
  // What it wrote it may write again.
  expect(await reported()).toMatchObject({ code: 0 });
});

it.each([
  ["an empty folder", "is no run, and there is none in it", () => {}],
  [
    "damaged records",
    "line 1 is not JSON",
    (out: string) => makeRun(out, 0, { metrics: '{"type":"ep\n{"a":1}\n' }),
  ],
  [
    "records of something else",
    "line 1 is not the record of epoch 1",
    (out: string) => makeRun(out, 0, { metrics: "{}\n" }),
  ],
  [
    "a run without a record",
    "no run has finished an epoch",
    (out: string) => makeRun(out, 0, { metrics: "" }),
  ],
])("refuses %s in one sentence, and writes nothing", async (_, message, make) => {
  const [out, to] = [temporary("bad"), temporary("to")];
  make(out);
  const { code, stdout, stderr } = await flipnet(["report", out, "-o", to]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(/^error: [^\n]*\n$/);
  expect(stderr).toContain(message);
  expect(readdirSync(to)).toEqual([]);
});

it("is written again while runs go on, until they have ended", async () => {
  const [out, to] = [temporary("runs"), temporary("to")];
  const record = (epoch: number) =>
    `${JSON.stringify({ type: "epoch", epoch, step: 9 * epoch, testAccuracy: 0.5, onlineAccuracy: 0.5, msPerStep: 1 })}\n`;
  const run = makeRun(out, 0, { metrics: record(1) });
  const child = start(["report", out, "-o", to, "--watch", "1"]);
  const outcome = outcomeOf(child);
  const page = join(to, "index.html");
  await once(child.stdout!, "data");
  expect(readFileSync(page, "utf8")).toContain('<meta http-equiv="refresh" content="1">');
  appendFileSync(runFiles(run).metrics, record(2));
  expect(await outcome).toMatchObject({ code: 0, stdout: `${page}\n` });
  const html = readFileSync(page, "utf8");
  expect(html).not.toContain("refresh");
  expect(html).not.toContain("unfinished");
});

it("leaves a page that is no report's alone, and knows its flags", async () => {
  const [out, to] = [temporary("runs"), temporary("to")];
  makeRun(out, 0);
  writeFileSync(join(to, "README.md"), "# Mine\n");
  const refused = await flipnet(["report", out, "-o", to]);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("README.md is no report's") });
  expect(readdirSync(to)).toEqual(["README.md"]);
  const bands = await flipnet(["report", out, "-o", to, "--bands", "wide"]);
  expect(bands).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--bands is wide; expected one of"),
  });
});

it("leaves out a run that is damaged, says so, and fails; a link to a run is that run, once", async () => {
  const [out, to] = [temporary("runs"), temporary("to")];
  const damaged: Record<number, [file: string, content: string, sentence: RegExp]> = {
    1: ["metrics.jsonl", '{"type":"ep\n', /run-1.metrics\.jsonl is corrupt: line 1 is not JSON/],
    2: ["summary.json", "{", /run-2.summary\.json is corrupt: it is not JSON/],
    3: [
      "environment.json",
      '{"runId": "x/../../victim"}',
      /run-3.environment\.json is corrupt: runId is "x.*expected 16 hex/,
    ],
    4: [
      "config.json",
      '{"task":"bandit","estimator":"hnca","hidden":"x"}',
      /run-4.config\.json is corrupt: hidden is "x"; expected a list/,
    ],
    5: [
      "config.json",
      '{"task":"bandit","estimator":"hnca","hidden":[1e9,-1]}',
      /run-5.config\.json is corrupt: hidden is/,
    ],
    6: ["config.json", "[]", /run-6.config\.json is corrupt: it holds \[\]; expected settings by name/],
  };
  makeRun(out, 0);
  symlinkSync(join(out, "run-0"), join(out, "another name"));
  for (const [seed, [file, content]] of Object.entries(damaged)) {
    writeFileSync(join(makeRun(out, Number(seed)), file), content);
  }
  const { code, stdout, stderr } = await flipnet(["report", out, join(out, "another name"), "-o", to]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: `${join(to, "index.html")}\n` });
  const lines = stderr.trimEnd().split("\n");
  expect(lines).toHaveLength(6);
  for (const [, , sentence] of Object.values(damaged)) {
    expect(lines.filter((line) => sentence.test(line) && line.startsWith("left out: "))).toHaveLength(1);
  }
  expect(readFileSync(join(to, "records.csv"), "utf8").trimEnd().split("\r\n")).toHaveLength(3);

  const table = join(to, "table.csv");
  const exported = await flipnet(["export", out, "--format", "csv", "-o", table]);
  expect([exported.code, readFileSync(table, "utf8").trimEnd().split("\r\n").length]).toEqual([1, 3]);
});
