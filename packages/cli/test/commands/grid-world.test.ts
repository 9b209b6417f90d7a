// An episodic task on the command line: nothing there knows it by name.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { flipnet, jsonLines, temporaryFolders } from "./flipnet.ts";

const temporary = temporaryFolders();

it("trains, is compared, reported, exported and refused like any other", async () => {
  const out = temporary("grid");
  const small = ["--task", "grid-world", "--steps", "100", "--record-every", "50", "--out", out];
  const compared = await flipnet(["compare", ...small, "--estimators", "hnca,reinforce"]);
  expect(compared).toMatchObject({ code: 0 });
  expect(compared.stdout).toMatch(/^method +return +length of an episode +ln gradient variance +ms per step/);
  expect(compared.stderr).toContain("HNCA and REINFORCE on the grid world, side by side");
  const page = readFileSync(join(out, "report", "index.html"), "utf8");
  for (const text of ["return", "length of an episode", "return, whole run", "Grid world"]) {
    expect(page).toContain(text);
  }
  const again = await flipnet(["train", ...small, "--json", "--quiet"]);
  const [first, second, summary] = jsonLines(again.stdout);
  expect(first).toMatchObject({ type: "epoch", epoch: 1, step: 50 });
  expect(second.return).toBeTypeOf("number");
  expect(summary).toMatchObject({ type: "summary", return: second.return, length: second.length });
  const onnx = ["export", summary.folder, "--format", "onnx", "--force"];
  expect(await flipnet(onnx)).toMatchObject({ code: 0 });
  const refused = await flipnet(["train", "--task", "grid-world", "--size", "1", "--out", out]);
  expect(refused).toEqual({
    ...{ code: 2, stdout: "" },
    stderr: "error: --size is 1; expected a whole number from 2 on\n",
  });
});
