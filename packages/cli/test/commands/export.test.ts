import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { flipnet, temporaryFolders } from "./flipnet.ts";

const temporary = temporaryFolders();
let folder = "";
beforeAll(async () => {
  const out = temporary("runs");
  const train = ["train", "--limit", "100", "--hidden", "4", "--epochs", "2", "--quiet", "--out", out];
  expect((await flipnet(train)).code).toBe(0);
  folder = join(out, readdirSync(out)[0]);
});

it("prints the paths of what it wrote", async () => {
  const { code, stdout, stderr } = await flipnet(["export", folder, "--format", "csv"]);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${folder}/metrics.csv\n`, stderr: "" });
  expect(readFileSync(join(folder, "metrics.csv"), "utf8").trimEnd().split("\r\n")).toHaveLength(3);
});

it("makes the folders of --out", async () => {
  const file = join(temporary("out"), "a/b/it.safetensors");
  const args = ["export", folder, "--format", "safetensors", "-o", file, "--with-optimizer"];
  expect(await flipnet(args)).toEqual({ code: 0, stdout: `${file}\n`, stderr: "" });
});

it("says that a run is not finished, and exports what there is", async () => {
  rmSync(join(folder, "summary.json"));
  const { code, stdout, stderr } = await flipnet(["export", folder, "--format", "parquet"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${folder}/metrics.parquet\n` });
  expect(stderr).toBe(`note: ${folder} is not finished: all records are there, its summary is not\n`);
});

it("says in a sentence what cannot be done, with exit 2", async () => {
  const empty = temporary("empty");
  const file = join(empty, "x.csv");
  const notFolder = join(folder, "config.json");
  for (const [args, message] of [
    [[folder, "--format", "tensorbord"], 'the format is "tensorbord"; did you mean "tensorboard"?'],
    [[empty, "--format", "csv"], `${empty} is no run, and there is none in it`],
    [[folder, "--format", "csv", "-o", empty], `${empty} is a folder; expected the name of a file`],
    [
      [folder, "--format", "csv", "-o", join(notFolder, "x.csv")],
      `${join(notFolder, "x.csv")} cannot be written (EEXIST); expected a place that can be`,
    ],
    [
      [folder, "--format", "csv", "-o", file, "--with-optimizer"],
      "--with-optimizer is of the format safetensors; the format is csv",
    ],
  ] as const) {
    const outcome = await flipnet(["export", ...args]);
    expect(outcome).toEqual({ code: 2, stdout: "", stderr: `error: ${message}\n` });
  }
  expect(existsSync(file)).toBe(false);
});
