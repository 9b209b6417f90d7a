// npm run test:examples: runs the programs in examples/ whose output stands in their page, two at a time, and compares.
// They take a minute together. The pages' other programs are run by test/pages.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

const page = readFileSync("docs/examples.md", "utf8");
const left = [...page.matchAll(/\n {4}node (examples\/\S+)\n\n```text\n(.*?)```/gs)];

async function runThem() {
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    const [, file, output] = next;
    const printed = await promisify(execFile)(process.execPath, [file]).then(
      ({ stdout }) => stdout,
      ({ stdout, stderr }) => `${stdout}${stderr}`,
    );
    if (printed === output) {
      console.log(`ok ${file}`);
      continue;
    }
    console.log(`FAILED ${file}: it prints\n${printed}and its page says\n${output}`);
    process.exitCode = 1;
  }
}

if (left.length === 0) throw new Error("docs/examples.md has no programs");
await Promise.all([runThem(), runThem()]);
