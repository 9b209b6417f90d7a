// The page's programs are run as they stand, and must print what the page says.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const page = readFileSync("docs/agent.md", "utf8");
const examples = [...page.matchAll(/```js\n((?:(?!```).)*)```\n\n```text\n(.*?)```/gs)].map(
  ([, program, output]) => ({
    program,
    output,
  }),
);

test("there are programs", () => expect(examples).toHaveLength(2));

test.each(examples)("program $#", ({ program, output }) => {
  // From the repository's own folder, "flipnet" is this package, as built.
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
  });
  expect(printed).toBe(output);
});
