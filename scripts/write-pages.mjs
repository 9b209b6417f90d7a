// Runs the programs that stand in the pages, and writes what they print behind them: after a change that is meant to
// change it. The tests in test/pages compare, and never write.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const node = (...args) =>
  execFileSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

/** Replaces each match of `pattern`, whose last group is an output, by what `run` makes of the others. */
function rewrite(page, pattern, run) {
  const text = readFileSync(page, "utf8");
  const written = text.replace(pattern, (match, ...groups) => {
    const [before, output] = groups;
    const printed = run(before, match);
    if (printed !== output) process.stdout.write(`${page}: another output\n`);
    return `${match.slice(0, match.length - output.length - 3) + printed}\`\`\``;
  });
  writeFileSync(page, written);
}

for (const page of ["README.md", "docs/front-ends.md", "docs/objectives.md"]) {
  rewrite(page, /```js\n(.*?)```\n\n```text\n(.*?)```/gs, (program) =>
    node("--input-type=module", "-e", program),
  );
}
rewrite("docs/examples.md", /\n {4}node (examples\/\S+)\n\n```text\n(.*?)```/gs, (file) => node(file));
rewrite(
  "docs/credit-through-time.md",
  /`node (examples\/credit-through-time\.mjs)`.*?\n\n```text\n(.*?)```/gs,
  (file) => node(file),
);
rewrite("README.md", /`flipnet (audit examples\/three-coins\.json)` prints\n\n```text\n(.*?)```/gs, () => {
  const printed = node("packages/cli/bin/flipnet.js", "audit", "examples/three-coins.json");
  return `${printed.slice(0, printed.indexOf("\n\n"))}\n`;
});
