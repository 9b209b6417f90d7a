// The README's programs are run as they stand, and must print what the README says.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { estimators } from "../src/estimators/registry.ts";

const readme = readFileSync("README.md", "utf8");
const examples = [...readme.matchAll(/```js\n(.*?)```\n\n```text\n(.*?)```/gs)].map(
  ([, program, output]) => ({
    program,
    output,
  }),
);

test("there are programs with their output", () => {
  expect(examples.length).toBeGreaterThanOrEqual(2);
});

test.each(examples)("program $#", ({ program, output }) => {
  // From the repository's own folder, "flipnet" is this package, as built.
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
  });
  expect(printed).toBe(output);
});

test("the audit prints the README's table", () => {
  const printed = execFileSync(process.execPath, ["dist/cli/main.js", "audit", "examples/three-coins.json"], {
    encoding: "utf8",
    stdio: "pipe",
  });
  const table = printed.slice(0, printed.indexOf("\n\n"));
  expect(table).toContain("hnca");
  expect(readme).toContain(`\`\`\`text\n${table}\n\`\`\``);
});

test("the README names every estimator", () => {
  for (const { name } of estimators) expect(readme).toContain(`\`${name}\``);
});

test("every file that it links to is there", () => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => link);
  expect(links.length).toBeGreaterThan(5);
  for (const link of links) expect(() => readFileSync(link), link).not.toThrow(/ENOENT/);
});
