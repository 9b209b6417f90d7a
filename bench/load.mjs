// npm run bench:load: the example's server under load. So many decisions a second over HTTP, clicks seconds later, some of them
// twice. At the end every answer has to agree with the server's counts: nothing lost, nothing credited twice. Prints the times of
// answers and the memory; ends with 1 where a count is wrong, or memory grows.
//
// A decision waits for a minute, and of 100,000 that wait no more the ids are remembered: until there are as many of both as there
// will ever be, memory has to grow. That takes a little less than three minutes at 1,000 a second. What is kept then rises and falls, as
// lists grow and are made anew: the minute that is judged comes after one and a half that show how far. It is counted after a
// collection, through the inspector; what is resident beyond that is V8's own business, and is printed.
//
//     node bench/load.mjs [--rate 1000] [--warm-up 270] [--seconds 60]      Node 22.13 or newer, after npm install in examples/server
//     node bench/load.mjs --quick      200 a second for 8 seconds, without a verdict on memory
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, get as httpGet } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    rate: { type: "string" },
    "warm-up": { type: "string" },
    seconds: { type: "string" },
    quick: { type: "boolean" },
  },
});
const { quick = false } = values;
const rate = Number(values.rate ?? (quick ? 200 : 1000));
const warmUp = Number(values["warm-up"] ?? (quick ? 0 : 270));
const seconds = Number(values.seconds ?? (quick ? 8 : 60));

const folder = mkdtempSync(join(tmpdir(), "flipnet-load-"));
const program = fileURLToPath(new URL("../examples/server/server.mjs", import.meta.url));
const child = spawn(process.execPath, ["--inspect=127.0.0.1:0", program, folder, "0"], {
  stdio: ["ignore", "pipe", "pipe"],
});
process.on("exit", () => {
  child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
child.once("exit", (code) => {
  console.error(`the server ended with ${code}`);
  process.exit(1);
});
/** The address that one of its first lines names; errors of its are shown. */
const addressIn = (stream, pattern) =>
  new Promise((resolve) => {
    createInterface({ input: stream }).on("line", (line) => {
      const found = pattern.exec(line);
      if (found) resolve(found[0]);
      else if (stream === child.stderr && !/debugger|inspector|debugging$/i.test(line)) console.error(line);
    });
  });
const [url, inspector] = await Promise.all([
  addressIn(child.stdout, /http:\S+/),
  addressIn(child.stderr, /ws:\S+/),
]);

const inspected = new WebSocket(inspector);
await new Promise((resolve) => inspected.addEventListener("open", resolve));
let asked = 0;
/** A command of V8's inspector. */
function inspect(method, params = {}) {
  const id = ++asked;
  inspected.send(JSON.stringify({ id, method, params }));
  return new Promise((resolve) => {
    inspected.addEventListener("message", function answered({ data }) {
      const answer = JSON.parse(data);
      if (answer.id !== id) return;
      inspected.removeEventListener("message", answered);
      resolve(answer.result);
    });
  });
}
const MiB = 2 ** 20;
/** What the server holds on to, after a collection, in MiB: its heap, and the buffers that hang on it. */
async function memory() {
  await inspect("HeapProfiler.collectGarbage");
  const expression = "process.memoryUsage()";
  const { result } = await inspect("Runtime.evaluate", { expression, returnByValue: true });
  const { heapUsed, arrayBuffers, rss } = result.value;
  const [heap, buffers, resident] = [heapUsed, arrayBuffers, rss].map((bytes) => bytes / MiB);
  console.log(
    `${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s: ${heap.toFixed(1)} MiB of heap and ${buffers.toFixed(1)} of buffers kept, ${resident.toFixed(0)} resident`,
  );
  return heap + buffers;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const times = [];
/** Asks, and notes how long it took. */
function ask(path) {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    httpGet(url + path, { agent }, (response) => {
      let text = "";
      response.on("data", (part) => {
        text += part;
      });
      response.on("end", () => {
        times.push(performance.now() - began);
        resolve({ status: response.statusCode, text });
      });
    }).on("error", reject);
  });
}
async function metrics() {
  const { text } = await ask("/metrics");
  return Object.fromEntries(text.split("\n").flatMap((one) => (/^\w+ /.test(one) ? [one.split(" ")] : [])));
}

const seen = { decisions: new Set(), clicks: 0, late: 0, again: 0, wrong: 0 };
async function click(id) {
  await sleep(1000 + 4000 * Math.random());
  const { status } = await ask(`/click?id=${id}`);
  if (status === 200) seen.clicks++;
  else if (status === 409) seen.late++;
  else seen.wrong++;
  if (status !== 200 || Math.random() > 0.05) return;
  // Somebody clicks twice.
  if ((await ask(`/click?id=${id}`)).status === 409) seen.again++;
  else seen.wrong++;
}
async function visit(clicks) {
  const { status, text } = await ask("/decide");
  if (status !== 200) {
    seen.wrong++;
    return;
  }
  const { id } = JSON.parse(text);
  if (seen.decisions.has(id)) seen.wrong++;
  seen.decisions.add(id);
  if (Math.random() < 0.3) clicks.push(click(id));
}

const clicks = [];
const began = performance.now();
const visits = { sent: 0, open: new Set() };
/** Asks for decisions for so long. */
async function load(seconds) {
  const [start, before] = [performance.now(), visits.sent];
  for (let passed = 0; passed < seconds; ) {
    await sleep(5);
    passed = Math.min(seconds, (performance.now() - start) / 1000);
    while (visits.sent < before + Math.floor(passed * rate)) {
      const one = visit(clicks).finally(() => visits.open.delete(one));
      visits.open.add(one);
      visits.sent++;
    }
  }
}

/** What was kept in the last one and a half minutes before those that are judged. */
const kept = [];
for (let left = warmUp; left > 0; left -= 30) {
  const now = await memory();
  if (left <= 90) kept.push(now);
  await load(Math.min(30, left));
}
kept.push(await memory());
const before = Math.max(...kept);
await sleep(1000);
times.length = 0;
const start = performance.now();
const sentBefore = visits.sent;
await load(seconds);
await Promise.all(visits.open);
const took = (performance.now() - start) / 1000;
const answers = times.toSorted((a, b) => a - b);
const after = await memory();
await Promise.all(clicks);
const found = await metrics();
const [decisions, rewards, refused, pending, version, errors] = [
  ...["decisions_total", "rewards_total", "rewards_refused_total", "pending", "version", "errors_total"],
].map((name) => Number(found[`flipnet_${name}`]));

const sent = visits.sent;
const judged = sent - sentBefore;
const at = (share) => answers[Math.floor(share * (answers.length - 1))].toFixed(1);
console.log(
  `${sent} decisions, the last ${judged} in ${took.toFixed(1)} s (${(judged / took).toFixed(0)} a second), ${seen.clicks} clicks learned from, ${seen.late} after a minute, ${seen.again} refused the second time\n` +
    `answers: median ${at(0.5)} ms, p99 ${at(0.99)} ms, slowest ${at(1)} ms\n` +
    `kept by the server: ${Math.min(...kept).toFixed(1)} to ${before.toFixed(1)} MiB before these, ${after.toFixed(1)} MiB after them`,
);
const problems = [
  [seen.wrong > 0, `${seen.wrong} answers are wrong`],
  [errors > 0, `the server had ${errors} errors`],
  [
    decisions !== sent || seen.decisions.size !== sent,
    `${decisions} decisions counted, ${seen.decisions.size} known`,
  ],
  [rewards !== seen.clicks, `${rewards} clicks counted`],
  [refused !== seen.late + seen.again, `${refused} clicks refused`],
  [version + pending !== decisions, `${version} learned from and ${pending} waiting are not ${decisions}`],
  [!quick && after > 1.05 * before, "memory grows"],
].flatMap(([is, what]) => (is ? [what] : []));
for (const problem of problems) console.log(`WRONG: ${problem}`);
if (problems.length === 0) console.log("nothing lost, nothing credited twice");
process.exit(problems.length === 0 ? 0 : 1);
