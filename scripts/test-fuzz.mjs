// Feeds damaged and hostile inputs to every reader of what comes from outside, in this process: each has to end in a
// result or in one sentence, within bounds of time and memory. `npm run test:fuzz`, or after a build
// `node scripts/test-fuzz.mjs [--inputs N] [--seed N] [--only READER]`: 10,000 inputs for each reader by default, 300
// with --quick. What is printed for a failure makes it again.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { exportRuns } from "../packages/cli/dist/export/export.js";
import { readExperiment } from "../packages/cli/dist/planning/experiments.js";
import { expandSweep, readSweepFile } from "../packages/cli/dist/planning/sweep.js";
import { parseJob, parseProgress } from "../packages/cli/dist/queue/messages.js";
import { snapshotOf } from "../packages/cli/dist/queue/snapshot.js";
import { nameRuns } from "../packages/cli/dist/report/methods.js";
import { writeReport } from "../packages/cli/dist/report/report.js";
import { decodeCheckpoint } from "../packages/cli/dist/running/checkpoint.js";
import { packageVersion } from "../packages/cli/dist/running/environment.js";
import { findRuns, readRun, runFiles } from "../packages/cli/dist/running/run-folder.js";
import { parseRecords } from "../packages/cli/dist/running/run-schema.js";
import { trainRun } from "../packages/cli/dist/running/runs.js";
import { parseConfig, readConfigFile } from "../packages/cli/dist/settings/config.js";
import { parseBanditSpec } from "../packages/flipnet/dist/audit/bandit-spec.js";
import { parseElboSpec } from "../packages/flipnet/dist/audit/elbo-spec.js";
import {
  createAgent,
  InputError,
  loadAgent,
  parseIdx,
  RunError,
  writeIdx,
} from "../packages/flipnet/dist/index.js";
import { randomFrom } from "./lib/runs.mjs";

const { values } = parseArgs({
  options: {
    inputs: { type: "string" },
    quick: { type: "boolean" },
    seed: { type: "string", default: `${Date.now() % 1_000_000}` },
    only: { type: "string" },
  },
});
const inputs = Number(values.inputs ?? (values.quick ? 300 : 10_000));
/** Milliseconds and bytes that one input may take. */
const [longest, most] = [5000, 2 ** 29];

const scratch = mkdtempSync(join(tmpdir(), "flipnet-fuzz-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
const place = (name) => join(scratch, "inputs", name);

let random = randomFrom(0);
const below = (n) => Math.floor(n * random());
const oneOf = (list) => list[below(list.length)];

/** What nobody expects in place of a value. */
const hostile = [
  ...[null, true, "", "x", "../../x", "\u001b[2J", "toString", "__proto__", [], {}, [[]], [null], { a: 1 }],
  ...[0, -0, -1, 0.5, 1e9, 2 ** 53, -(2 ** 31), 1e39, 1e308, "9".repeat(400), "=1+1"],
];

/** A copy of a value as JSON can have it, one part of which is another thing, is gone, or stands there twice. */
const damagedValue = (value) => JSON.parse(JSON.stringify(changed(value)));

function changed(value) {
  if (typeof value !== "object" || value === null || random() < 0.1) return oneOf(hostile);
  const keys = Object.keys(value);
  const copy = Array.isArray(value) ? [...value] : { ...value };
  const key = keys.length === 0 || random() < 0.05 ? oneOf(["constructor", "x", "0"]) : oneOf(keys);
  const how = random();
  if (how < 0.15) delete copy[key];
  else if (how < 0.25) copy[`${key}x`] = copy[key];
  else copy[key] = changed(copy[key]);
  return copy;
}

/** A copy of bytes that are cut, changed, doubled or mixed. */
function damagedBytes(bytes) {
  let copy = Buffer.from(bytes);
  for (let times = 1 + below(4); times > 0; times--) {
    const [at, length] = [below(copy.length + 1), 1 + below(16)];
    const how = random();
    if (how < 0.2) copy = copy.subarray(0, at);
    else if (how < 0.4) copy = Buffer.concat([copy.subarray(0, at), copy.subarray(at + length)]);
    else if (how < 0.5) copy = Buffer.concat([copy.subarray(0, at), copy.subarray(below(at + 1))]);
    else for (let i = at; i < Math.min(copy.length, at + length); i++) copy[i] = below(256);
  }
  return copy;
}

/** JSON text, damaged as a value or as text. */
const damagedJson = (value) =>
  random() < 0.7 ? JSON.stringify(damagedValue(value)) : damagedBytes(JSON.stringify(value)).toString();

// One run, agent and so on that is right, to begin with.
const config = parseConfig({
  ...{ task: "multiplexer", k: 1, hidden: [3, 2], steps: 4, recordEvery: 2, batchSize: 2 },
  ...{ kernels: "portable", out: join(scratch, "runs") },
});
const { folder, runId } = await trainRun(config);
const files = runFiles(folder);
const right = Object.fromEntries(
  ["config", "environment", "metrics", "summary", "checkpoint"].map((name) => [
    name,
    readFileSync(files[name]),
  ]),
);
const agent = await createAgent({ inputs: 2, actions: 3, hidden: [4] });
agent.act([0, 1]);
const saved = await agent.save();
const job = {
  ...{ label: "run", runId, digest: "none", generator: JSON.parse(right.environment).generator },
  ...{ config: JSON.parse(right.config), version: packageVersion() },
};
const progress = {
  host: "host",
  progress: {
    ...{ type: "progress", epoch: 1, epochs: 2, step: 1, stepsPerEpoch: 2, metrics: { onlineReward: 0.5 } },
    ...{ evaluating: false, stepsPerSecond: 3, secondsLeft: 1 },
  },
  record: JSON.parse(right.metrics.toString().split("\n")[0]),
};
const idx = writeIdx([4, 3, 3], new Uint8Array(36).fill(7));
const sweep = {
  base: { task: "multiplexer", k: 1 },
  grid: { seed: [0, 1], hidden: [[2], [3]] },
  runs: [{}, { k: 2 }],
};
const experiment = {
  ...{ title: "t", says: ["s"], seeds: 2, base: { task: "bandit" }, panels: { p: { hidden: [4] } } },
  methods: { a: { estimator: "hnca" }, b: { estimator: "reinforce", panels: ["p"] } },
};

const golden = (name) =>
  JSON.parse(
    readFileSync(new URL(`../packages/flipnet/test/audit/golden/${name}.json`, import.meta.url), "utf8"),
  ).spec;
const [banditSpec, elboSpec] = [golden("mixed-softmax-hidden"), golden("elbo-2-layer")];

/** Writes a file among the inputs. */
function file(name, content) {
  mkdirSync(dirname(place(name)), { recursive: true });
  writeFileSync(place(name), content);
  return place(name);
}

/** A run folder, one file of which is damaged. */
function damagedRun() {
  const which = oneOf(Object.keys(right));
  const isJson = !["metrics", "checkpoint"].includes(which);
  for (const [name, content] of Object.entries(right)) {
    const damaged = isJson ? () => damagedJson(JSON.parse(content)) : () => damagedBytes(content);
    file(runFiles("runs/run")[name], name === which ? damaged() : content);
  }
  return place("runs/run");
}

/** Each reads one input that it damages itself. */
const readers = {
  "data files": () => {
    const bytes = random() < 0.5 ? idx : gzipSync(idx);
    return parseIdx(damagedBytes(random() < 0.2 ? gzipSync(damagedBytes(idx)) : bytes), "file");
  },
  "configs, JSON": async () => parseConfig(await readConfigFile(file("c.json", damagedJson(job.config)))),
  "configs, YAML": async () => parseConfig(await readConfigFile(file("c.yaml", damagedJson(job.config)))),
  sweeps: async () => expandSweep(await readSweepFile(file("s.json", damagedJson(sweep))), {}, "s.json"),
  experiments: () => readExperiment(file("e.json", damagedJson(experiment))),
  "audits of bandits": () => parseBanditSpec(damagedValue(banditSpec)),
  "audits of auto-encoders": () => parseElboSpec(damagedValue(elboSpec)),
  checkpoints: () => decodeCheckpoint(damagedBytes(right.checkpoint), "it"),
  agents: () => loadAgent(Uint8Array.from(damagedBytes(saved))),
  records: () => parseRecords(damagedBytes(right.metrics).toString(), "it"),
  jobs: () => parseJob(damagedValue(job), packageVersion()),
  messages: () => parseProgress(damagedValue(progress)),
  states: () => {
    const { checkpoint, metrics, environment, summary } = right;
    const parts = { checkpoint, metrics, environment, summary };
    const which = oneOf(Object.keys(parts));
    parts[which] = random() < 0.1 && which !== "checkpoint" ? undefined : damagedBytes(parts[which]);
    return snapshotOf(parts.checkpoint, parts.metrics, parts.environment, parts.summary, "it", runId);
  },
  "run folders": async () => readRun(damagedRun()),
  exports: async () => {
    const format = oneOf(["csv", "parquet", "tensorboard", "safetensors", "onnx"]);
    return exportRuns([damagedRun()], { format, force: true });
  },
  reports: async () => {
    const runs = nameRuns(await findRuns([damagedRun()]));
    // Most are drawn, which takes the time.
    return random() < 0.05 ? writeReport(place("report"), runs, { title: "t" }) : undefined;
  },
};

/** Folders and files beside the inputs: nothing may be written there. */
const around = () =>
  JSON.stringify([readdirSync(scratch).sort(), readdirSync(dirname(scratch)).filter((name) => name === "x")]);

let failed = 0;
for (const [name, read] of Object.entries(readers)) {
  if (values.only !== undefined && values.only !== name) continue;
  const count = ["exports", "reports", "run folders"].includes(name) ? Math.ceil(inputs / 10) : inputs;
  const ends = { results: 0, refused: 0 };
  file("x", "");
  const before = around();
  const began = performance.now();
  for (let i = 0; i < count; i++) {
    const seed = Number(values.seed) + i;
    random = randomFrom(Math.imul(seed, 2654435761) >>> 0);
    const start = performance.now();
    const memory = process.memoryUsage();
    const fail = (problem) => {
      failed++;
      console.log(`FAILED: --only "${name}" --seed ${seed} --inputs 1: ${problem}`);
    };
    try {
      await read();
      ends.results++;
    } catch (error) {
      const isSentence = error instanceof InputError || error instanceof RunError;
      if (isSentence && !/\n/.test(error.message)) ends.refused++;
      else fail(error.stack ?? error);
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    if (performance.now() - start > longest) fail(`it took ${Math.round(performance.now() - start)} ms`);
    if (heapUsed + arrayBuffers - memory.heapUsed - memory.arrayBuffers > most)
      fail("it took too much memory");
    if (failed > 20) process.exit(1);
  }
  if (around() !== before) {
    failed++;
    console.log(`FAILED: ${name}: something was written elsewhere`);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${name}: ${count} inputs, ${ends.results} read, ${ends.refused} refused, ${seconds} s`);
}
console.log(failed === 0 ? `nothing failed (seed ${values.seed})` : `${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
