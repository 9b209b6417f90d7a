// Kills runs at random moments, resumes them, and checks that what comes out is what an undisturbed run gives: the same
// metrics (wall times aside) and the same bytes in every tensor. Meanwhile others want the same run, some of them from
// another namespace of processes, as in a container; every third run has a file system without hard links. At the end
// three each of reports, exports and resumes are at work at once, and a run goes through a full disk. `npm run test:kill`,
// or after a build `node scripts/test-kill.mjs [KILLS] [SEED]`: 24 kills by default; the seed decides the moments.
// Namespaces and the full disk need Linux and the rights for them; without, it says so.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { outcomeOf, randomFrom } from "./lib/runs.mjs";

const kills = Number(process.argv[2] ?? 24);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const main = fileURLToPath(new URL("../packages/cli/dist/main.js", import.meta.url));
const settings = "--limit 2000 --hidden 50,20 --baseline running-average --learning-rate 1e-3".split(" ");

const random = randomFrom(seed);

const namespace = ["unshare", "--pid", "--fork", "--mount-proc"];
const hasNamespaces = spawnSync(namespace[0], [...namespace.slice(1), "true"]).status === 0;

const trainCommand = (out, seed, epochs = 30) => [
  ...[process.execPath, main, "train", ...settings, "--epochs", `${epochs}`, "--seed", `${seed}`],
  ...["--out", out, "--resume", "--quiet"],
];

/** Whether the file system that the next runs see has hard links. */
let hasLinks = true;
const noLinks = new URL("lib/no-hard-links.mjs", import.meta.url).href;

/** Runs a command until it ends, or until a signal is sent: after so many milliseconds, or when a promise is kept. */
function run([command, ...args], signal, moment) {
  const NODE_OPTIONS = hasLinks ? "" : `--import ${noLinks}`;
  const child = spawn(command, args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, NODE_OPTIONS },
    // A group of its own, for `unshare` does not hand signals on.
    detached: true,
  });
  let errors = "";
  child.stderr.on("data", (text) => {
    errors += text;
  });
  let isOver = false;
  const strike = () => isOver || process.kill(-child.pid, signal);
  if (signal && typeof moment === "number") setTimeout(strike, moment).unref();
  else if (signal) moment.then(strike);
  return new Promise((resolve) => {
    child.on("close", (code, endedBy) => {
      isOver = true;
      resolve({ code, endedBy, errors });
    });
  });
}

const train = (out, seed, ...kill) => run(trainCommand(out, seed), ...kill);

const folderIn = (out) => join(out, readdirSync(out)[0]);
const outcome = (out) => outcomeOf(folderIn(out));

function fail(problem) {
  console.log(`FAILED (seed ${seed}): ${problem}`);
  process.exit(1);
}

const scratch = mkdtempSync(join(tmpdir(), "flipnet-kill-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

let [killed, refused] = [0, 0];

/** A run that is far from its end, and another process that wants it: refused, whatever the first is doing just then. */
async function knock(number, calm) {
  const out = join(scratch, `held-${number}`);
  const command = trainCommand(out, number, 1e6);
  let strike;
  const moment = new Promise((resolve) => {
    strike = resolve;
  });
  let isOver = false;
  const first = run(command, "SIGKILL", moment).then((end) => {
    isOver = true;
    return end;
  });
  while (!isOver && !lockIn(out)) await pause(20);
  await pause(500 * random());
  const elsewhere = hasNamespaces && number % 2 === 1 ? namespace : [];
  const second = await run([...elsewhere, ...command], "SIGKILL", 300_000);
  if (isOver) fail(`the first of two ended: ${(await first).errors}`);
  if (second.code !== 2 || !isRefusal(second.errors))
    fail(`two had one run at a time: the second ended with ${second.code}: ${second.errors}`);
  refused++;
  strike();
  await first;
  killed++;
  // The last line may be cut short.
  const lines = recordsIn(folderIn(out)).split("\n").slice(0, -1);
  const undisturbed = recordsIn(folderIn(calm)).split("\n").slice(0, lines.length);
  for (const [i, line] of lines.entries()) {
    const { msPerStep, ...record } = JSON.parse(line);
    if (record.epoch !== i + 1)
      fail(`a run that somebody else wanted has epoch ${record.epoch} in line ${i + 1}`);
    if (i >= undisturbed.length - 1) continue;
    const { msPerStep: _, ...expected } = JSON.parse(undisturbed[i]);
    if (JSON.stringify(record) !== JSON.stringify(expected))
      fail(`epoch ${i + 1} differs where another wanted the run`);
  }
}

/** The records of a run; none where it was killed before the first. */
function recordsIn(folder) {
  const file = join(folder, "metrics.jsonl");
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/**
 * Another process that wants a run at any moment, such as that in which its first one dies: it is refused, or has it
 * because that one is gone by then; what comes out is compared. It is
 * killed a while after the other's end, or after five minutes in which it should have been refused.
 */
async function intrude(out, seed, training) {
  let isOver = false;
  training.then(() => {
    isOver = true;
  });
  // Until there is a lock.
  while (!isOver && !lockIn(out)) await pause(20);
  if (isOver) return;
  const elsewhere = hasNamespaces && random() < 0.5 ? namespace : [];
  const end = Promise.race([training.then(() => pause(2000)), pause(300_000, undefined, { ref: false })]);
  const { code, errors } = await run([...elsewhere, ...trainCommand(out, seed)], "SIGKILL", end);
  if (code === 2 && isRefusal(errors)) refused++;
  // The lock may have been that of one killed before: then this one was quicker, and the other finds the run finished.
  else if (!isOver && code !== 0) fail(`two had one run at a time: the second ended with ${code}: ${errors}`);
}

const isRefusal = (errors) => /another process (is writing|has just begun)/.test(errors);

/** Whether somebody has the run. */
function lockIn(out) {
  try {
    return readdirSync(folderIn(out)).includes("lock");
  } catch {
    return false;
  }
}

for (let number = 0; killed < kills; number++) {
  hasLinks = number % 3 !== 2;
  const calm = join(scratch, `calm-${number}`);
  const began = performance.now();
  const { code, errors } = await train(calm, number);
  if (code !== 0) fail(`the undisturbed run ended with ${code}: ${errors}`);
  const duration = performance.now() - began;

  const rough = join(scratch, `rough-${number}`);
  let [hard, soft] = [0, 0];
  for (let finished = false; !finished; ) {
    // Now and then a signal that lets it write a checkpoint, so that some runs go on in the middle of an epoch.
    const signal = random() < 0.25 ? "SIGTERM" : "SIGKILL";
    const training = train(rough, number, killed < kills && signal, random() * duration);
    if (random() < 0.3) await intrude(rough, number, training);
    const end = await training;
    if (end.endedBy === "SIGKILL") {
      hard++;
      killed++;
    } else if (end.code === 2 && isRefusal(end.errors)) {
      // The other one was quicker.
      refused++;
    } else if (end.code === 130 || end.endedBy === "SIGTERM") soft++;
    else if (end.code === 0) finished = true;
    else fail(`a resumed run ended with ${end.code}: ${end.errors}`);
  }
  if (outcome(rough) !== outcome(calm)) fail(`run ${number} differs after ${hard} kills`);
  await knock(number, calm);
  console.log(`run ${number}: the same after ${hard} kills and ${soft} interruptions`);
}
hasLinks = true;

/** Three of a kind at once: those that do not get their turn say so in one sentence. */
async function threeAtOnce(what, command, refusal) {
  const ends = await Promise.all([1, 2, 3].map(() => run(command)));
  for (const { code, errors } of ends) {
    if (code !== 0 && !(code === 2 && refusal.test(errors))) fail(`a ${what} of three at once: ${errors}`);
  }
  if (!ends.some(({ code }) => code === 0)) fail(`no ${what} of three at once was made`);
}

const report = join(scratch, "report");
const reportCommand = [process.execPath, main, "report", join(scratch, "calm-0"), "-o", report];
await threeAtOnce("report", reportCommand, /another process is writing this report/);
if (!readFileSync(join(report, "index.html"), "utf8").endsWith("</html>\n")) fail("a report is cut short");

const [table, alone] = ["table.csv", "alone.csv"].map((name) => join(scratch, name));
const exportCommand = (to) => {
  return [process.execPath, main, "export", join(scratch, "calm-0"), "--format", "csv", "--force", "-o", to];
};
if ((await run(exportCommand(alone))).code !== 0) fail("a run cannot be exported");
await threeAtOnce("export", exportCommand(table), /^$/);
if (readFileSync(table, "utf8") !== readFileSync(alone, "utf8"))
  fail("exports at once differ from one alone");

const resumed = join(scratch, "resumed");
await train(resumed, 0, "SIGTERM", 1500);
await threeAtOnce("resume", trainCommand(resumed, 0), /another process (is writing|has just begun)/);
if (outcome(resumed) !== outcome(join(scratch, "calm-0"))) fail("resumes at once changed a run");
for (const folder of [report, scratch, folderIn(resumed)]) {
  const left = readdirSync(folder).filter((name) => name.startsWith(".") || name.startsWith("lock"));
  if (left.length > 0) fail(`${folder} has ${left.join(", ")} left in it`);
}
console.log("three reports, exports and resumes at once: whole, and the same");

// A disk that has room for one checkpoint and not for a second beside it; then there is more of it.
const disk = join(scratch, "disk");
mkdirSync(disk);
const words = trainCommand(join(disk, "runs"), 0)
  .map((word) => `'${word}'`)
  .join(" ");
const full = `mount -t tmpfs -o size=700k none '${disk}' && { ${words}; [ $? = 1 ]; } &&
  mount -o remount,size=64m '${disk}' && ${words} && cp -r '${disk}/runs' '${scratch}/survivor'`;
if (spawnSync("unshare", ["--mount", "true"]).status === 0) {
  const { code, errors } = await run(["unshare", "--mount", "sh", "-c", full]);
  if (code !== 0) fail(`a full disk: ${errors}`);
  if (!errors.includes("the disk is full")) fail(`a full disk is said in other words: ${errors}`);
  if (outcome(join(scratch, "survivor")) !== outcome(join(scratch, "calm-0")))
    fail("a full disk changed a run");
  console.log("a run that a full disk stopped: the same");
} else {
  console.log("no right to mount: the full disk was left out");
}
const spaces = hasNamespaces ? "" : ", none from another namespace";
console.log(`${killed} kills, nothing lost; ${refused} others refused${spaces} (seed ${seed})`);
