// The README's and the pages' programs are run as they stand, and must print what is said there.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { estimators } from "../../packages/flipnet/src/estimators/registry.ts";

const readme = readFileSync("README.md", "utf8");
const pages = ["README.md", "docs/front-ends.md", "docs/tutorials/engineer.md"];
const examples = pages.flatMap((page) =>
  [...readFileSync(page, "utf8").matchAll(/```js\n(.*?)```\n\n```text\n(.*?)```/gs)].map(
    ([, program, output]) => ({ page, program, output }),
  ),
);

test("there are programs with their output", () => {
  for (const page of pages) expect(examples.map((example) => example.page)).toContain(page);
});

test.each(examples)("program $# of $page", ({ program, output }) => {
  // From the repository's own folder, "flipnet" is this package, as built.
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
  });
  expect(printed).toBe(output);
});

test("every example is in its page", () => {
  // `npm run test:examples` runs them. Digits are for others to read; the server goes on until it is ended, and credit through time
  // has a page of its own: these have tests of their own.
  const page = readFileSync("docs/examples.md", "utf8");
  const files = [...page.matchAll(/\n {4}node (examples\/\S+)\n\n```text\n/g)].map(([, file]) => file);
  const others = ["credit-through-time.mjs", "digits.mjs", "server.mjs"];
  const programs = readdirSync("examples").filter((name) => name.endsWith(".mjs") && !others.includes(name));
  expect(files.toSorted()).toEqual(programs.map((name) => `examples/${name}`).toSorted());
});

test("the audit prints the README's table", () => {
  const printed = execFileSync(
    process.execPath,
    ["packages/cli/bin/flipnet.js", "audit", "examples/three-coins.json"],
    {
      encoding: "utf8",
      stdio: "pipe",
    },
  );
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
