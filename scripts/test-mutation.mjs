// Do the tests notice when the code is wrong? Makes small changes of the library's sources (scripts/lib/mutants.mjs), one at
// a time, and runs the tests that reach them until one fails: `npm run test:mutation`, or
// `node scripts/test-mutation.mjs [--sample N] [--seed N] [--only PART,...]`. N mutants of each folder, 60 by
// default, of the files that are asked for, drawn by the seed (default 1); `--sample all` for all. Prints what survives, and the share of mutants that was
// noticed in each folder. Changes that are no mistake stand with the reason in scripts/mutation-equivalent.json.
//
// All mutants of the sample are in the code at once, each behind a question whether it is on; scripts/lib/mutation-runner.mjs
// repeats every test with those that it reaches. Only tests of 1.5 seconds of processor time at most, and of a file no more
// than some second a mutant. Pinned bits (test/net) and what programs print are left out: they notice every change, and
// cannot tell wrong from different.
import { createHash } from "node:crypto";
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { createVitest } from "vitest/node";
import { mutantsOf, withMutants } from "./lib/mutants.mjs";

const folders = ["optimizers", "network", "objectives", "estimators", "environments", "training"];
/** Where tests of them are, those that say most first; in packages/flipnet/test. */
const testFolders = [...folders, "front-ends", "agent", "tasks", "audit"];
/** Milliseconds: processor time of a test that is repeated, on a mutant in one file and in all; after which silence one hangs. */
const [longest, mostHere, most, silence] = [1500, 1000, 10_000, 120_000];

const { values } = parseArgs({
  options: {
    sample: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    verbose: { type: "boolean" },
  },
});
const parts = values.only.split(",");

const root = join(import.meta.dirname, "..");
const sources = join(root, "packages/flipnet/src");

/** So many of a list of mutants, by the seed: which ones hardly changes where the code does. In the list's order. */
function drawn(list, count) {
  const seen = new Map();
  const keys = list.map((one) => {
    const name = `${values.seed} ${one.path} ${change(one)}`;
    seen.set(name, (seen.get(name) ?? 0) + 1);
    return createHash("sha256")
      .update(`${name} ${seen.get(name)}`)
      .digest("hex");
  });
  const last = keys.toSorted()[count - 1];
  return list.filter((_, i) => count >= list.length || keys[i] <= last);
}

/** Changes that are no mistake, by file: the line as it stands, the change, and why. */
const equivalent = JSON.parse(readFileSync(join(import.meta.dirname, "mutation-equivalent.json"), "utf8"));
const reasonOf = (mutant) =>
  equivalent[mutant.path]?.find((one) => one.line === mutant.said && one.change === change(mutant))?.why;
const oneLine = (text) => text.replace(/\s+/g, " ");
const change = ({ was, by }) => `${oneLine(was)} => ${oneLine(by)}`;

const mutants = folders
  .flatMap((folder) => {
    const all = readdirSync(join(sources, folder))
      .filter((name) => name.endsWith(".ts"))
      .flatMap((name) => mutantsOf(`${folder}/${name}`, readFileSync(join(sources, folder, name), "utf8")));
    const asked = all.filter(({ path, line }) => parts.some((part) => `${path}:${line}:`.includes(part)));
    const count = values.sample === "all" ? asked.length : Number(values.sample);
    return drawn(asked, count).map((one) => ({ ...one, folder }));
  })
  .map((one, i) => ({ ...one, number: i + 1, reason: reasonOf(one) }));
const tried = mutants.filter(({ reason }) => reason === undefined);

const scratch = mkdtempSync(join(tmpdir(), "flipnet-mutation-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
const journal = join(scratch, "journal");
writeFileSync(journal, "");

const vitest = await createVitest(
  "test",
  {
    root,
    config: false, // Each test file in a process of its own, as a mutant may spoil what they share.
    watch: false,
    pool: "forks",
    setupFiles: ["test/setup.ts"],
    reporters: [{}],
    include: testFolders.map((folder) => `packages/flipnet/test/${folder}/*.test.ts`),
    runner: join(root, "scripts/lib/mutation-runner.mjs"),
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 600_000,
    bail: 1,
  },
  {
    resolve: { tsconfigPaths: true },
    plugins: [
      {
        name: "mutants",
        enforce: "pre",
        transform(code, id) {
          const ofFile = tried.filter(({ path }) => id === join(sources, path));
          return ofFile.length === 0 ? undefined : withMutants(code, ofFile);
        },
      },
    ],
  },
);

/** Runs test files, with one mutant on always or none; whether they passed, and whether they had to be stopped. */
async function run(specifications, always = 0) {
  vitest.provide("mutation", { always, journal, longest, most, mostHere });
  let hangs = false;
  const timer = setInterval(() => {
    if (Date.now() - statSync(journal).mtimeMs < silence) return;
    hangs = true;
    process.kill(lines().findLast(({ pid }) => pid !== undefined).pid, "SIGKILL");
  }, 5000);
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications, true);
  clearInterval(timer);
  // Vitest remembers files of runs before.
  const asked = new Set(specifications.map(({ moduleId }) => moduleId));
  const failed = testModules.find((one) => asked.has(one.moduleId) && !one.ok());
  const test = failed && [...failed.children.allTests("failed")][0];
  const errors = [...unhandledErrors, ...(failed?.errors() ?? []), ...(test?.result().errors ?? [])];
  return {
    hangs,
    fails: failed !== undefined || unhandledErrors.length > 0,
    by: test?.fullName ?? failed?.relativeModuleId,
    errors,
  };
}

const lines = () =>
  readFileSync(journal, "utf8")
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
const note = (line) => appendFileSync(journal, `${JSON.stringify(line)}\n`);
const killedBy = () =>
  new Map(lines().flatMap(({ killed, by }) => (killed === undefined ? [] : [[killed, by]])));

const started = Date.now();
const placeOf = ({ moduleId }) => testFolders.findIndex((folder) => dirname(moduleId).endsWith(`/${folder}`));
const specifications = (await vitest.globTestSpecifications()).sort((a, b) => placeOf(a) - placeOf(b));
/** Test files by the mutants that they reach while they are read. */
const whileRead = new Map();
const reached = new Set();
for (const specification of specifications) {
  if (killedBy().size === tried.length) break;
  const name = specification.moduleId.slice(root.length + 1);
  const before = lines().length;
  for (let again = true; again; ) {
    const noticed = killedBy().size;
    const { hangs, fails, errors } = await run([specification]);
    if (hangs) note({ killed: lines().findLast(({ tries }) => tries !== undefined).tries, by: "it hangs" });
    again = fails && killedBy().size > noticed;
    if (fails && !again) {
      console.log(`${name} fails as it stands, or is spoilt by a mutant that it does not notice:`, ...errors);
    }
  }
  for (const line of lines().slice(before)) {
    for (const number of line.reached ?? []) reached.add(number);
    for (const number of line.byFile ?? []) {
      whileRead.set(number, (whileRead.get(number) ?? new Set()).add(specification));
    }
  }
  if (values.verbose) {
    console.log(
      `${name}: ${killedBy().size} of ${tried.length} noticed after ${Math.round((Date.now() - started) / 1000)} s`,
    );
  }
}

// What is reached while a file is read is on from the beginning or not at all: a run each, on the tests beside it and audits.
for (const { number, folder } of tried) {
  if (killedBy().has(number) || !whileRead.has(number)) continue;
  const near = [...whileRead.get(number)].filter((one) =>
    [folder, "audit"].includes(testFolders[placeOf(one)]),
  );
  if (near.length === 0) continue;
  const { hangs, fails, by } = await run(near, number);
  if (hangs || fails) note({ killed: number, by: hangs ? "it hangs" : by });
}
await vitest.close();

const noticed = killedBy();
for (const folder of folders) {
  const ofFolder = tried.filter((one) => one.folder === folder);
  const killed = ofFolder.filter(({ number }) => noticed.has(number));
  const same = mutants.filter((one) => one.folder === folder && one.reason !== undefined);
  if (ofFolder.length + same.length === 0) continue;
  for (const one of ofFolder) {
    const by = noticed.get(one.number);
    const fate =
      by !== undefined
        ? "noticed"
        : reached.has(one.number) || whileRead.has(one.number)
          ? "survives"
          : "not reached";
    if (values.verbose || fate !== "noticed") {
      console.log(`${fate}: ${one.path}:${one.line}: ${change(one)}${by === undefined ? "" : `  (${by})`}`);
    }
  }
  console.log(
    `${folder}: ${killed.length} of ${ofFolder.length} noticed, ${((100 * killed.length) / ofFolder.length).toFixed(1)} %; ${same.length} more of the sample are no mistakes`,
  );
}
console.log(`seed ${values.seed}, ${Math.round((Date.now() - started) / 60_000)} minutes`);
