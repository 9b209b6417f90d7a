import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it } from "vitest";
import { checkReportFolder } from "../../src/report/report.ts";
import { checkPlace, writeOutputs } from "../../src/running/places.ts";
import { runFiles } from "../../src/running/run-folder.ts";

const root = mkdtempSync(join(tmpdir(), "flipnet-places-"));
afterAll(() => rmSync(root, { recursive: true }));
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(root, "places-"));
});

it("replaces nothing of a user's unasked", async () => {
  const path = join(folder, "mine");
  await checkPlace({ path });
  writeFileSync(path, "mine");
  const refusal =
    /mine is there already, and not by flipnet; expected another name, or --force to replace it$/;
  await expect(checkPlace({ path, mark: "made by us" })).rejects.toThrow(refusal);
  await expect(checkPlace({ path })).rejects.toThrow(
    /mine is there already; expected another name, or --force/,
  );
  await checkPlace({ path }, true);
});

it.each([
  ["at its beginning", (mark: string) => mark + "x".repeat(100_000)],
  ["at its end", (mark: string) => "x".repeat(100_000) + mark],
])("replaces what it made, which says so %s, under names of its own choice", async (_, made) => {
  const path = join(folder, "ours");
  writeFileSync(path, made("made by us"));
  await checkPlace({ path, mark: "made by us" });
  await expect(checkPlace({ path })).rejects.toThrow(/is there already; /);
});

it("never replaces a file of a run, whatever way leads to it", async () => {
  const files = runFiles(folder);
  mkdirSync(files.checkpoints);
  writeFileSync(files.environment, "{}");
  symlinkSync(folder, `${folder}-link`);
  for (const path of [
    files.config,
    files.checkpoint,
    join(folder, "lock"),
    join(`${folder}-link`, "metrics.jsonl"),
    join(folder, "x", "..", "summary.json"),
  ]) {
    await expect(checkPlace({ path }, true)).rejects.toThrow(
      /is a file of the run itself; expected another name/,
    );
  }
  await checkPlace({ path: join(folder, "metrics.csv") });
  // Of no run.
  await checkPlace({ path: join(root, "config.json") });
});

it("makes the folders that a file goes into", async () => {
  const path = join(folder, "new", "dir", "p.png");
  await writeOutputs([{ path, content: "picture" }]);
  expect(readFileSync(path, "utf8")).toBe("picture");
});

it.each(["records.csv", "results.json", "figure.svg", "figure-2.vl.json", "index.html", "README.md"])(
  "writes no report over a %s that is not a report's",
  async (name) => {
    writeFileSync(join(folder, name), "precious");
    await expect(checkReportFolder(folder)).rejects.toThrow(`${join(folder, name)} is no report's; `);
    await checkReportFolder(folder, true);
    // An earlier report is known by its pages; both of them, where there are two.
    writeFileSync(
      join(folder, name === "README.md" ? "index.html" : "README.md"),
      "<!-- a flipnet report -->",
    );
    const checked = checkReportFolder(folder);
    if (["index.html", "README.md"].includes(name)) await expect(checked).rejects.toThrow("is no report's");
    else await checked;
    expect(readdirSync(folder)).toContain(name);
  },
);

it("takes - for no name of a file", async () => {
  await expect(checkPlace({ path: "-" }, true)).rejects.toThrow(
    "the output is -; expected the name of a file",
  );
});
