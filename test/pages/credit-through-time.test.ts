// The page's table is what its program prints.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");

it("docs/credit-through-time.md prints what its program prints", () => {
  const printed = execFileSync(process.execPath, ["examples/credit-through-time.mjs"], {
    cwd: root,
    encoding: "utf8",
  });
  const page = readFileSync(resolve(root, "docs/credit-through-time.md"), "utf8");
  expect(page.split("```text\n")[1].split("```")[0]).toBe(printed);
});
