// Sweeps beyond one machine, under attack: workers are killed in the middle of runs and replaced, Redis is killed and
// started again on its files, the collector is stopped, started, killed and started. Then every run has to be there once,
// and bit for bit what the pool of one machine makes of it. `npm run test:chaos`, or after a build
// `node scripts/test-chaos.mjs [--runs N] [--kills N] [--seed N] [--quick]`: 60 runs and 24 kills of workers by default,
// 10 and 4 with --quick; the seed decides who is killed and when. Needs redis-server.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import { outcomeOf, randomFrom } from "./lib/runs.mjs";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean" },
    runs: { type: "string" },
    kills: { type: "string" },
    seed: { type: "string", default: `${Date.now() % 1_000_000}` },
  },
});
const runs = Number(values.runs ?? (values.quick ? 10 : 60));
const kills = Number(values.kills ?? (values.quick ? 4 : 24));
const seed = Number(values.seed);
const random = randomFrom(seed);
const main = fileURLToPath(new URL("../packages/cli/dist/main.js", import.meta.url));

const scratch = mkdtempSync(join(tmpdir(), "flipnet-chaos-"));
const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  // Runs of workers that were killed may be about to stop.
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

const began = performance.now();
const say = (what) =>
  console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${what}`);

function fail(problem) {
  say(`FAILED (seed ${seed}): ${problem}`);
  process.exit(1);
}
setTimeout(() => fail("it takes more than ten minutes"), 600_000).unref();

/** A process of which every line on stderr is heard; `ended` gives its exit code and what it printed. */
function start(command, args, onLine = () => {}) {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: scratch, NO_COLOR: "1" },
  });
  children.add(child);
  let printed = "";
  child.stdout.on("data", (text) => {
    printed += text;
  });
  let errors = "";
  createInterface({ input: child.stderr }).on("line", (line) => {
    errors += `${line}\n`;
    onLine(line);
  });
  const ended = new Promise((resolve) => {
    child.on("error", (error) => fail(`${command} cannot be run: ${error.message}`));
    child.on("close", (code, signal) => {
      children.delete(child);
      resolve({ code, signal, printed, errors });
    });
  });
  return { child, ended };
}
const flipnet = (args, onLine) => start(process.execPath, [main, ...args], onLine);

// The sweep: short runs with and without data, several checkpoints each.
const file = join(scratch, "sweep.json");
const multiplexer = { task: "multiplexer", k: 2, hidden: [32], steps: 8000, recordEvery: 500 };
const bandit = { task: "bandit", limit: 1000, hidden: [30], epochs: 8 };
const list = Array.from({ length: runs }, (_, i) => ({ ...(i % 4 === 3 ? bandit : multiplexer), seed: i }));
writeFileSync(file, JSON.stringify({ runs: list }));

const calm = join(scratch, "calm");
const rough = join(scratch, "rough");
say(`seed ${seed}: ${runs} runs, ${kills} kills; first undisturbed, on the pool of this machine`);
const undisturbed = await flipnet(["sweep", file, "--out", calm]).ended;
if (undisturbed.code !== 0) fail(`the pool ended with ${undisturbed.code}: ${undisturbed.errors}`);
const folders = readdirSync(calm);
if (folders.length !== runs) fail(`the pool made ${folders.length} folders`);

const port = await new Promise((resolve) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});
const url = `redis://127.0.0.1:${port}`;
const data = join(scratch, "redis");
mkdirSync(data);
const startRedis = () =>
  start("redis-server", [
    ..."--bind 127.0.0.1 --appendonly yes --save".split(" "),
    "",
    ...["--port", `${port}`, "--dir", data],
  ]);
let redis = startRedis();

let killed = 0;
let done = 0;
let resumed = 0;
/** Milliseconds that runs took which nobody killed, about; the first is a guess. */
let usual = 3000;
let waiting = [];
let over = false;
/** Waits until that many runs are done. */
const reached = (count) =>
  new Promise((resolve) => {
    waiting.push({ count, resolve });
  });

/** Three of these; one that is killed is replaced. */
async function keepWorker(name) {
  while (!over) {
    let doomed = false;
    let begun = 0;
    const args = `worker --redis ${url} --concurrency 1 --lost-after 4 --checkpoint-every 1`.split(" ");
    const worker = flipnet(args, async (line) => {
      if (line.endsWith(": done")) {
        done++;
        usual += 0.2 * (performance.now() - begun - usual);
        for (const { count, resolve } of waiting) if (done >= count) resolve();
        waiting = waiting.filter(({ count }) => done < count);
      }
      if (/: (begins|goes on)/.test(line)) begun = performance.now();
      if (/: goes on from step [1-9]/.test(line)) resumed++;
      // Half of the runs, as long as there are kills left.
      const strikes = /: (begins|goes on from step \d+)$/.test(line) && random() < 0.5;
      if (!strikes || doomed || over || killed >= kills) return;
      doomed = true;
      killed++;
      const delay = 1.2 * usual * random();
      await sleep(delay);
      if (worker.child.exitCode === null) {
        say(`kills ${name}, ${(delay / 1000).toFixed(1)} s after ${line.replace(/^\S+ /, "")}`);
        worker.child.kill("SIGKILL");
      }
    });
    current.set(name, worker);
    const { code, signal, errors } = await worker.ended;
    // One that was started while Redis was away says so, and is started again.
    const isAway = /^error: .* cannot be reached/m.test(errors);
    if (signal !== "SIGKILL" && !isAway && !over) fail(`${name} ended with ${code}: ${errors}`);
  }
}
const current = new Map();
const workers = ["worker 1", "worker 2", "worker 3"].map(keepWorker);

/** Stops the collector twice, the second time without a word; then it has to end by itself. */
async function keepCollector() {
  const collect = () => flipnet(["sweep", file, "--out", rough, "--redis", url, "--json"]);
  let collector = collect();
  for (const [part, signal] of [
    [0.25, "SIGINT"],
    [0.6, "SIGKILL"],
  ]) {
    await reached(Math.ceil(part * runs));
    say(`${signal} for the collector, after ${done} runs`);
    collector.child.kill(signal);
    const end = await collector.ended;
    if (signal === "SIGINT" && end.code !== 130) fail(`the collector ended with ${end.code}: ${end.errors}`);
    await sleep(2000 * random());
    collector = collect();
  }
  return collector.ended;
}

async function restartRedis() {
  await reached(Math.ceil(0.4 * runs));
  say(`kills Redis, after ${done} runs`);
  redis.child.kill("SIGKILL");
  await redis.ended;
  await sleep(1000 * random());
  redis = startRedis();
}

/** Workers that are told to stop, or are to end when idle, while nobody answers. */
async function whileRedisIsAway() {
  const seconds = values.quick ? 10 : 60;
  const args = ["worker", "--redis", url, "--concurrency", "1"];
  const ready = { told: () => {}, idle: () => {} };
  const hears = (name) => (line) => line.includes("works on the runs") && ready[name]();
  const isReady = Object.keys(ready).map(
    (name) => new Promise((resolve) => Object.assign(ready, { [name]: resolve })),
  );
  const told = flipnet(args, hears("told"));
  const idle = flipnet([...args, "--idle", "5"], hears("idle"));
  await Promise.all(isReady);
  say(`takes Redis away for ${seconds} s, and tells a worker to stop`);
  redis.child.kill("SIGKILL");
  await redis.ended;
  told.child.kill("SIGTERM");
  const end = await Promise.race([told.ended, sleep(30_000)]);
  if (end?.code !== 1 || !/does not answer/.test(end.errors))
    fail(`it ended with ${end?.code}: ${end?.errors}`);
  await sleep(1000 * seconds);
  if (idle.child.exitCode !== null) fail("a worker took a Redis that is away for nothing to do");
  redis = startRedis();
  const last = await Promise.race([idle.ended, sleep(30_000)]);
  if (last?.code !== 0) fail(`an idle worker ended with ${last?.code}: ${last?.errors}`);
}

await sleep(500);
const [collected] = await Promise.all([keepCollector(), restartRedis()]);
over = true;
const { code, errors, printed } = collected;
if (code !== 0) fail(`the collector ended with ${code}: ${errors}`);
const lines = printed
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));
const told = lines.filter(({ status }) => status === "done").length;
if (told !== runs) fail(`the collector tells of ${told} runs that are done: ${errors}`);

for (const { child } of current.values()) child.kill("SIGTERM");
for (const { ended } of current.values()) {
  const { code, signal, errors } = await ended;
  if (code !== 130 && signal !== "SIGKILL")
    fail(`a worker that was told to stop ended with ${code}: ${errors}`);
}
await Promise.all(workers);

const there = readdirSync(rough);
if (there.sort().join() !== folders.sort().join()) fail(`there are ${there.length} runs, not ${runs}`);
const different = folders.filter((name) => outcomeOf(join(rough, name)) !== outcomeOf(join(calm, name)));
if (different.length > 0) fail(`these differ: ${different.join(", ")}`);

const client = new Redis(port, "127.0.0.1");
const keys = await client.keys("flipnet:*");
client.disconnect();
const left = keys.filter((key) => /^flipnet:(state|runs):[0-9a-f]{16}/.test(key));
if (left.length > 0) fail(`Redis still has ${left.join(", ")}`);
await whileRedisIsAway();
redis.child.kill("SIGTERM");
await redis.ended;
if (killed < kills / 2) fail(`only ${killed} workers could be killed before all was done`);
if (kills >= 20 && resumed === 0) fail("no run went on from a checkpoint");

say(
  `${killed} workers, Redis and the collector were killed; ${resumed} times a run went on from a checkpoint; ` +
    `${runs} runs, none lost, none twice, all the same (seed ${seed})`,
);
