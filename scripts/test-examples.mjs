// npm run test:examples: runs the programs in examples/ whose output stands in their page, and compares. They take a minute
// together. The pages' other programs are run by test/pages.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const page = readFileSync("docs/examples.md", "utf8");
let different = 0;
for (const [, file, output] of page.matchAll(/\n {4}node (examples\/\S+)\n\n```text\n(.*?)```/gs)) {
  const printed = execFileSync(process.execPath, [file], { encoding: "utf8" });
  const same = printed === output;
  if (!same) different++;
  console.log(same ? `ok ${file}` : `FAILED ${file}: it prints\n${printed}and its page says\n${output}`);
}
process.exitCode = different > 0 ? 1 : 0;
