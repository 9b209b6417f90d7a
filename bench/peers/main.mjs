// npm run bench:peers [-- --check] [--threads 1,2] [--rows hnca,vae] [--peers jax,torch] [--json FILE]
//
// The same training steps in flipnet, JAX and PyTorch, on the CPU. Each has a process of its own for each number of
// threads; they take turns, a slice of steps each, so that a busy machine slows all, and a ratio is one of neighbouring
// slices. First the peers' credits are checked: over all outcomes of small networks their mean is the audit's exact
// gradient. `--check` does no more than that.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { kernelsHere } from "../../packages/flipnet/dist/backend/kinds.js";
import { audit } from "../../packages/flipnet/dist/index.js";
import { loadLabelledImages } from "../../packages/flipnet/dist/node/index.js";
import { describeHost } from "../lib/host.mjs";
import { spread } from "../lib/measure.mjs";

const { values } = parseArgs({
  options: {
    check: { type: "boolean", default: false },
    threads: { type: "string", default: "1,2" },
    rows: { type: "string", default: "" },
    peers: { type: "string", default: "jax,torch" },
    json: { type: "string", default: "bench/results/peers.json" },
  },
});

const here = import.meta.dirname;
const environment = join(here, "../../.venv-peers");
const python = join(environment, "bin/python");
/** Milliseconds of a slice; one that takes ten times as long gets fewer rounds. */
const [sliceMilliseconds, rounds, slowRounds] = [50, 12, 4];

const rows = [
  "HNCA bandit",
  "f-HNCA VAE, 1 layer",
  "f-HNCA VAE, 3 layers",
  "Weight Maximization multiplexer",
  "REINFORCE bandit",
].filter((row) => values.rows.split(",").some((part) => row.toLowerCase().includes(part)));
/** Each kind of kernels is a process of its own; the last, the fastest, is what the peers are compared with. */
const own = kernelsHere().map((kernels) => `flipnet, ${kernels}`);
const programs = [...own, ...values.peers.split(",")];
const contestants = [
  ...own.map((name) => ({ name, program: name })),
  { name: "JAX, jit (b)", program: "jax", form: "b", mode: "scan" },
  { name: "PyTorch, compiled (b)", program: "torch", form: "b", mode: "compile" },
  { name: "PyTorch, eager (b)", program: "torch", form: "b", mode: "eager" },
  { name: "JAX, jit (a)", program: "jax", form: "a", mode: "scan" },
  { name: "PyTorch, compiled (a)", program: "torch", form: "a", mode: "compile" },
  { name: "PyTorch, eager (a)", program: "torch", form: "a", mode: "eager" },
].filter(({ program }) => programs.includes(program));
/** JAX takes this many steps a call. */
const scanned = 5;

/** Resolves to the exit status. */
const run = (command, args) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", cwd: here });
    child.on("error", reject).on("close", resolve);
  });

/** The virtual environment, made the first time. */
async function prepareEnvironment() {
  const done = join(environment, "installed");
  const requirements = await readFile(join(here, "requirements.txt"), "utf8");
  if (existsSync(done) && (await readFile(done, "utf8")) === requirements) return;
  console.log("Installing JAX and PyTorch from PyPI into .venv-peers (about 5 GB)");
  if ((await run("python3", ["-m", "venv", environment])) !== 0) {
    throw new Error("python3 -m venv failed; this needs Python 3.11 or newer, with venv");
  }
  const install = ["-m", "pip", "install", "--quiet", "--no-deps", "-r", "requirements.txt"];
  if ((await run(python, install)) !== 0) {
    throw new Error("pip could not install bench/peers/requirements.txt: is PyPI within reach?");
  }
  await writeFile(done, requirements);
}

/** Whether the peers' credits have the audit's means; they print what they found. */
async function check(folder) {
  const cases = [];
  for (const [name, rule, estimator] of [
    ["bandit", "hnca", "hnca"],
    ["bandit", "reinforce", "reinforce"],
    ["elbo-1-layer", "f_hnca", "f-hnca"],
    ["elbo-3-layers", "f_hnca", "f-hnca"],
    ["weight-max", "weight_max", "weight-max-reinforce"],
  ]) {
    const spec = JSON.parse(await readFile(join(here, `specs/${name}.json`), "utf8"));
    const report = audit(spec, { estimators: [estimator] });
    // Weight Maximization is biased: what it should have is the audit's mean of it.
    const exact =
      rule === "weight_max"
        ? report.estimators[estimator].mean
        : (report.exact ?? [...report.exactEncoder, ...report.exactDecoder]);
    cases.push({ name: `${estimator} on ${name}`, rule, spec, exact: exact.flat(Infinity) });
  }
  const path = join(folder, "cases.json");
  await writeFile(path, JSON.stringify(cases));
  for (const framework of values.peers.split(",")) {
    if ((await run(python, ["check.py", framework, path])) !== 0) {
      throw new Error(`the credits in bench/peers/in_${framework}.py are wrong`);
    }
  }
}

/** A process that takes steps. */
async function start(program, threads, data, folder) {
  const [command, args] = program.startsWith("flipnet")
    ? [process.execPath, ["flipnet.mjs", threads, data, program.slice("flipnet, ".length)]]
    : [python, ["serve.py", program, threads, data]];
  // A cache of its own, so that what the first step takes is what it takes on a machine that has not seen it.
  const env = { ...process.env, TORCHINDUCTOR_CACHE_DIR: join(folder, `inductor-${threads}`) };
  const child = spawn(command, args.map(String), { cwd: here, env, stdio: ["pipe", "pipe", "ignore"] });
  child.stdin.on("error", () => {}); // The process is gone: the answer below does not come.
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ready = await lines.next();
  if (ready.done) throw new Error(`${program} does not start with ${threads} threads`);
  return {
    /** Of a vector. */
    bits: Number(/^ready (\d+)/.exec(ready.value)[1]),
    close: () => child.stdin.end(),
    async steps(order) {
      child.stdin.write(`${JSON.stringify(order)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${program} ended on ${JSON.stringify(order)}`);
      return JSON.parse(value);
    },
  };
}

/** Milliseconds a step of all contestants in one row, by turns. */
async function race(row, racers) {
  const entries = [];
  for (const { name, process, form, mode } of racers) {
    const least = mode === "scan" ? scanned : 1;
    const order = (steps) => ({ row, form, mode, steps: least * Math.max(1, Math.round(steps / least)) });
    const first = await process.steps(order(1));
    let slice = order(2);
    let { seconds } = await process.steps(slice);
    while (seconds * 1000 < sliceMilliseconds / 2) {
      slice = order(2 * slice.steps);
      ({ seconds } = await process.steps(slice));
    }
    const turns = seconds * 1000 > 10 * sliceMilliseconds ? slowRounds : rounds;
    entries.push({ name, form, process, slice, turns, first: first.seconds, wall: [], cpu: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const { process, slice, turns, wall, cpu } of entries) {
      if (round >= turns) continue;
      const used = await process.steps(slice);
      wall.push((used.seconds * 1000) / slice.steps);
      cpu.push((used.cpu * 1000) / slice.steps);
    }
  }
  // Where flipnet does not run there is nothing to compare with.
  const base = entries.find(({ name }) => name === own.at(-1));
  const over = (times, others) =>
    (others && spread(times.map((time, round) => time / others[round]))) ?? null;
  return entries.map(({ name, form, process, first, wall, cpu }) => ({
    name,
    bits: process.bits,
    form,
    first,
    wall: spread(wall),
    cpu: spread(cpu),
    wallRatio: over(wall, base.wall),
    cpuRatio: over(cpu, base.cpu),
  }));
}

const number = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
const range = ({ median, lower, upper }) => `${number(median)} (${number(lower)} to ${number(upper)})`;

/** A table as Markdown, as it stands in docs/performance.md. */
function table(head, body) {
  const lines = [head, head.map((_, i) => (i === 0 ? "---" : "---:")), ...body];
  console.log(`\n${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}`);
}

function print({ threads, row, entries, host: { cpu, cores, node, load } }) {
  console.log(
    `\n${row}, ${threads} of ${cores} cores of ${cpu}, Node ${node}, load ${load}; medians, with quartiles`,
  );
  table(
    ["in", "bits", "processor ms a step", "of flipnet's", "ms on the clock", "of flipnet's", "first step, s"],
    entries.map(({ name, bits, cpu, cpuRatio, wall, wallRatio, first }) => [
      name,
      `${bits}`,
      range(cpu),
      number(cpuRatio.median),
      range(wall),
      number(wallRatio.median),
      number(first),
    ]),
  );
}

/** How many times flipnet's time the fastest peer in a form is to take, by the bits of flipnet's vectors. */
const least = {
  a: { 256: 15, 512: 15 },
  b: { 256: 1.7, 512: 1.5 },
  /** Multiplexer and REINFORCE, which have no counterfactuals. */
  plain: { 256: 1.2, 512: 1 },
};

/** Of each form the fastest peer beside each of flipnet's wide kinds: in the processor's time on one thread, by the clock on several. */
function judge({ threads, row, entries }) {
  const ratioOf = ({ cpuRatio, wallRatio }) => (threads === 1 ? cpuRatio : wallRatio).median;
  const wide = entries.filter(({ name, bits }) => own.includes(name) && bits in least.a);
  return ["a", "b"].flatMap((form) => {
    const peers = entries.filter((entry) => entry.form === form);
    if (peers.length === 0 || (form === "a" && !row.includes("HNCA"))) return [];
    const fastest = peers.reduce((a, b) => (ratioOf(b) < ratioOf(a) ? b : a));
    return wide.map((ours) => ({
      threads,
      row: `${row}, ${ours.name}`,
      fastest: fastest.name,
      ratio: ratioOf(fastest) / ratioOf(ours),
      least: least[row.includes("HNCA") ? form : "plain"][ours.bits],
    }));
  });
}

async function main(folder) {
  await prepareEnvironment();
  await check(folder);
  if (values.check) return;

  const data = await loadLabelledImages();
  const path = join(folder, "batch.json");
  const { images, labels, pixels } = data.train;
  const bits = Array.from(images.subarray(0, 50 * pixels), (x) => (x > 127 ? 1 : 0));
  await writeFile(path, JSON.stringify({ images: bits, labels: Array.from(labels.subarray(0, 50)) }));

  const results = [];
  for (const threads of values.threads.split(",").map(Number)) {
    const processes = {};
    for (const program of programs) processes[program] = await start(program, threads, path, folder);
    for (const row of rows) {
      const racers = contestants
        .filter(({ form }) => form !== "a" || !row.startsWith("REINFORCE"))
        .map((contestant) => ({ ...contestant, process: processes[contestant.program] }));
      results.push({ threads, row, entries: await race(row, racers), host: describeHost() });
      print(results.at(-1));
    }
    for (const process of Object.values(processes)) process.close();
  }
  const targets = results.flatMap(judge);
  table(
    ["threads", "step", "fastest of its form", "times as long as flipnet", "at least", ""],
    targets.map(({ threads, row, fastest, ratio, least }) => [
      `${threads}`,
      row,
      fastest,
      number(ratio),
      `${least}`,
      ratio >= least ? "met" : "missed",
    ]),
  );
  await mkdir(dirname(values.json), { recursive: true });
  await writeFile(values.json, `${JSON.stringify({ results, targets }, undefined, 2)}\n`);
  console.log(`\n${values.json}`);
}

const folder = await mkdtemp(join(tmpdir(), "flipnet-peers-"));
try {
  await main(folder);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
