// npm run bench:load: the example's server under load. So many decisions a second over HTTP, clicks seconds later, some of them
// twice. At the end every answer has to agree with the server's counts: nothing lost, nothing credited twice. Prints the times of
// answers and the memory; ends with 1 where a count is wrong, or memory grows by more than half from one third of the time on.
//
//     node bench/load.mjs [--rate 1000] [--seconds 60] [--quick]      Node 22.13 or newer, after npm install in examples/server
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
  options: { rate: { type: "string" }, seconds: { type: "string" }, quick: { type: "boolean" } },
});
const rate = Number(values.rate ?? (values.quick ? 200 : 1000));
const seconds = Number(values.seconds ?? (values.quick ? 8 : 60));

const folder = mkdtempSync(join(tmpdir(), "flipnet-load-"));
const program = fileURLToPath(new URL("../examples/server/server.mjs", import.meta.url));
const child = spawn(process.execPath, [program, folder, "0"], { stdio: ["ignore", "pipe", "inherit"] });
process.on("exit", () => {
  child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
child.once("exit", (code) => {
  console.error(`the server ended with ${code}`);
  process.exit(1);
});
const [line] = await new Promise((resolve) => {
  createInterface({ input: child.stdout }).once("line", (text) => resolve([text]));
});
const [url] = /http:\S+/.exec(line);

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

const [visits, clicks, memory] = [[], [], []];
const began = performance.now();
let sent = 0;
for (let second = 0; second < seconds; ) {
  await sleep(5);
  const passed = (performance.now() - began) / 1000;
  while (sent < Math.min(passed, seconds) * rate) {
    visits.push(visit(clicks));
    sent++;
  }
  if (passed >= second + 1) {
    second++;
    memory.push(Number((await metrics()).process_resident_memory_bytes) / 2 ** 20);
  }
}
await Promise.all(visits);
const took = (performance.now() - began) / 1000;
await Promise.all(clicks);
const found = await metrics();
const [decisions, rewards, refused, pending, version, errors] = [
  ...["decisions_total", "rewards_total", "rewards_refused_total", "pending", "version", "errors_total"],
].map((name) => Number(found[`flipnet_${name}`]));

times.sort((a, b) => a - b);
const at = (share) => times[Math.floor(share * (times.length - 1))].toFixed(1);
const third = memory[Math.floor(memory.length / 3)];
const last = memory.at(-1);
console.log(
  `${sent} decisions in ${took.toFixed(1)} s (${(sent / took).toFixed(0)} a second), ${seen.clicks} clicks learned from, ${seen.late} after a minute, ${seen.again} refused the second time\n` +
    `answers: median ${at(0.5)} ms, p99 ${at(0.99)} ms, slowest ${at(1)} ms\n` +
    `memory of the server: ${third.toFixed(0)} MiB after a third of the time, ${last.toFixed(0)} MiB at the end`,
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
  [last > 1.5 * third, "memory grows"],
].flatMap(([is, what]) => (is ? [what] : []));
for (const problem of problems) console.log(`WRONG: ${problem}`);
if (problems.length === 0) console.log("nothing lost, nothing credited twice");
process.exit(problems.length === 0 ? 0 : 1);
