// Agents in many processes, under attack: actors, learners and Redis are killed, one after the other, and started again.
// After every kill what the learner has published has to be, bit for bit, what a replay of the stream up to there makes;
// every reward that Redis has acknowledged to an actor has to be in the stream, and to count once. `npm run test:actors`, or
// after a build `node scripts/test-actors.mjs [--kills N] [--seed N] [--quick]`: 60 kills by default, 12 with --quick.
// Needs redis-server.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { Redis } from "ioredis";
import { decode } from "../packages/flipnet/dist/formats/safetensors.js";
import { createAgent } from "../packages/flipnet/dist/index.js";
import { applyEntry } from "../packages/flipnet/dist/redis/index.js";
import { name, agent as settings } from "./lib/actors.mjs";
import { randomFrom } from "./lib/runs.mjs";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean" },
    kills: { type: "string" },
    seed: { type: "string", default: `${Date.now() % 1_000_000}` },
  },
});
const kills = Number(values.kills ?? (values.quick ? 12 : 60));
const seed = Number(values.seed);
const random = randomFrom(seed);

const scratch = mkdtempSync(join(tmpdir(), "flipnet-actors-"));
const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
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

/** A process of which every line is heard. */
function start(command, args, onLine = () => {}) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  createInterface({ input: child.stdout }).on("line", onLine);
  child.on("error", (error) => fail(`${command} cannot be run: ${error.message}`));
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.once("exit", (code) => {
    children.delete(child);
    if (!child.killed) fail(`${args[1] ?? command} ended with ${code}`);
  });
  return { child, ended };
}

const port = await new Promise((resolve) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});
// `always`: what is acknowledged is on disk.
const redisSettings =
  `--bind 127.0.0.1 --port ${port} --dir ${scratch} --appendonly yes --appendfsync always --save`.split(" ");
const startRedis = () => start("redis-server", [...redisSettings, ""]);

/** Rewards that Redis has acknowledged, by the ids of their decisions. */
const acknowledged = new Set();
const program = fileURLToPath(new URL("lib/actors.mjs", import.meta.url));
const startProcess = (role) =>
  start(process.execPath, [program, role, `${port}`], (id) => acknowledged.add(id));

const running = [
  { role: "Redis", start: startRedis },
  ...["learner", "learner", "actor", "actor", "actor"].map((role) => ({
    role,
    start: () => startProcess(role),
  })),
].map((one) => ({ ...one, current: one.start() }));

const redis = new Redis(port, "127.0.0.1", { maxRetriesPerRequest: null, retryStrategy: () => 50 });
redis.on("error", () => {});

const replayed = await createAgent(settings);
/** Up to where it was replayed, and what waits to be. */
let position = "0-0";
let ahead = [];
let read = "0-0";
const rewarded = new Set();
/** Of what was replayed. */
const decided = new Set();

/** Entries that are there twice, as a client sends again what was not answered. */
let twice = 0;

/** Reads what is new in the stream. */
async function readOn() {
  for (;;) {
    const entries = await redis.xrange(`{${name}}:events`, `(${read}`, "+", "COUNT", 1000);
    if (entries.length === 0) return;
    for (const [entry, fields] of entries) {
      if (fields[1] === "reward") {
        if (rewarded.has(fields[3])) twice++;
        rewarded.add(fields[3]);
      }
      read = entry;
    }
    ahead.push(...entries);
  }
}

const isAfter = (a, b) => {
  const [[time, number], [otherTime, otherNumber]] = [a, b].map((id) => id.split("-").map(Number));
  return time > otherTime || (time === otherTime && number > otherNumber);
};

/** Waits for a learner that has read all that is in the stream now, and compares. */
async function check() {
  const waiting = [...acknowledged];
  await readOn();
  const lost = waiting.filter((id) => !rewarded.has(id));
  if (lost.length > 0) fail(`${lost.length} acknowledged rewards are not in the stream`);
  const goal = read;
  const end = performance.now() + 600_000;
  let [state, at] = [undefined, undefined];
  do {
    await sleep(20);
    if (performance.now() > end) fail("no learner has gone on for ten minutes");
    [state, at] = await redis.hmget(`{${name}}:snapshot`, "state", "position");
  } while (!at || isAfter(goal, at));
  await readOn();
  for (const entry of ahead) {
    if (isAfter(entry[0], at)) break;
    applyEntry(replayed, entry);
    if (entry[1][1] === "decision") decided.add(entry[1][3]);
    position = entry[0];
  }
  const { steps, version, pending } = replayed;
  if (steps !== decided.size || version + pending !== steps) {
    fail(`of ${decided.size} decisions ${steps} counted, ${version} were learned from and ${pending} wait`);
  }
  ahead = ahead.filter(([entry]) => isAfter(entry, position));
  const [found, expected] = [Buffer.from(state, "base64"), await replayed.save()].map((bytes) =>
    decode(bytes, ""),
  );
  if (!isDeepStrictEqual(found, expected)) fail(`the learner at ${at} is not what the stream makes`);
}

say(`seed ${seed}: ${kills} kills`);
const count = { Redis: 0, learner: 0, actor: 0 };
for (let kill = 1; kill <= kills; kill++) {
  await sleep(300 * random());
  const draw = random();
  const role = draw < 0.2 ? "Redis" : draw < 0.6 ? "learner" : "actor";
  const all = running.filter((one) => one.role === role);
  const one = all[Math.floor(random() * all.length)];
  one.current.child.kill("SIGKILL");
  await one.current.ended;
  count[role]++;
  one.current = one.start();
  await check();
  if (kill % 10 === 0 || kill === kills) {
    const { version, steps, pending } = replayed;
    say(
      `${kill} kills: ${steps} decisions, ${version} learned from, ${pending} wait, ${acknowledged.size} rewards acknowledged`,
    );
  }
}
redis.disconnect();
say(
  `right: ${count.actor} actors, ${count.learner} learners and Redis ${count.Redis} times killed; ` +
    `after each the weights were those of a replay; none of ${acknowledged.size} acknowledged rewards was lost, ${twice} came twice, none counted twice`,
);
process.exit(0);
