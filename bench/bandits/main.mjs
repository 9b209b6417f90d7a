// npm run bench:bandits [-- --seeds 1,2] [--visits 30000] [--only PATTERN] [--learners PATTERN] [--out FOLDER]
//
// An agent with its defaults, and what else there is, in twenty worlds: what they earn of what could be earned, over the
// first 3,000 visits and over the last third; records.csv, worlds.svg. Vowpal Wabbit and scikit-learn's tables come from PyPI, into a virtual
// environment that git ignores; without them (`--learners flipnet,linear`) nothing is fetched, and the tables are left out.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { printTable } from "../lib/table.mjs";
import { figureOf } from "./figure.mjs";
import { greedy, linUcb, thompson } from "./linear.mjs";
import { agentOf, ideal, play, summary } from "./play.mjs";
import { draw, tables, worldNames } from "./worlds.mjs";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1" },
    visits: { type: "string", default: "30000" },
    only: { type: "string", default: "" },
    learners: { type: "string", default: "" },
    out: { type: "string", default: "results/bandits" },
  },
});
const seeds = values.seeds.split(",").map(Number);
const visits = Number(values.visits);

const here = import.meta.dirname;
const environment = join(here, "../../.venv-bandits");
const python = join(environment, "bin/python");

/** Vowpal Wabbit, by its options. */
const vowpal = (...options) => ({ options });

/**
 * The agents' options are the defaults, but for what a name says. What is said of the linear ones and of Vowpal Wabbit are their
 * usual values.
 */
const learners = Object.entries({
  "flipnet, defaults": agentOf({}),
  "flipnet, entropyBonus: 0.05": agentOf({ entropyBonus: 0.05 }),
  "flipnet, hidden: []": agentOf({ hidden: [] }),
  "linear Thompson sampling": thompson(0.25),
  LinUCB: linUcb(0.5),
  "linear, epsilon-greedy": greedy(0.05),
  "Vowpal Wabbit": vowpal(),
  "Vowpal Wabbit -q ::": vowpal("-q", "::"),
  "Vowpal Wabbit -q :: --cubic xxi": vowpal("-q", "::", "--cubic", "xxi"),
}).filter(([name]) => new RegExp(values.learners.replaceAll(",", "|"), "i").test(name));

/** Resolves to the exit status. */
const run = (command, args) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"], cwd: here });
    child.on("error", reject).on("close", resolve);
  });

/** The virtual environment, made the first time. */
async function prepareEnvironment() {
  const done = join(environment, "installed");
  const requirements = await readFile(join(here, "requirements.txt"), "utf8");
  if (existsSync(done) && (await readFile(done, "utf8")) === requirements) return;
  console.log("Installing Vowpal Wabbit and scikit-learn from PyPI into .venv-bandits");
  if ((await run("python3", ["-m", "venv", environment])) !== 0) throw new Error("python3 -m venv failed");
  if ((await run(python, ["-m", "pip", "install", "--quiet", "-r", "requirements.txt"])) !== 0) {
    throw new Error("pip could not install bench/bandits/requirements.txt: is PyPI within reach?");
  }
  await writeFile(done, requirements);
}

const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
const points = (rows, part) => (100 * mean(rows.map((row) => row[part]))).toFixed(1);
const csv = join(values.out, "records.csv");
const columns = ["world", "kind", "learner", "seed", "first", "last", "all"];

/** What was measured before stays: to measure it again, take its lines out of the file. */
async function recordsBefore() {
  const text = existsSync(csv) ? await readFile(csv, "utf8") : "";
  return text
    .split("\n")
    .slice(1, -1)
    .map((line) => {
      const [world, kind, learner, ...numbers] = line.split(";");
      const [seed, first, last, all] = numbers.map(Number);
      return { world, kind, learner, seed, first, last, all };
    });
}

const records = await recordsBefore();
const isThere = (world, learner, seed) =>
  records.some((row) => row.world === world && row.learner === learner && row.seed === seed);

const folder = await mkdtemp(join(tmpdir(), "flipnet-bandits-"));
try {
  let loaded;
  if (learners.some(([, { options }]) => options !== undefined)) await prepareEnvironment();
  if (existsSync(python)) {
    const path = join(folder, "tables.json");
    if ((await run(python, ["tables.py", path, ...tables])) !== 0) throw new Error("tables.py failed");
    loaded = JSON.parse(await readFile(path, "utf8"));
  }
  const worlds = worldNames(loaded).filter(({ name, kind }) =>
    new RegExp(values.only).test(`${name} ${kind}`),
  );
  for (const { name, kind } of worlds) {
    for (const seed of seeds) {
      const missing = learners.filter(([learner]) => !isThere(name, learner, seed));
      if (missing.length === 0) continue;
      const world = draw(name, seed, visits, loaded);
      if (!isThere(name, "ideal", seed)) add(name, kind, "ideal", seed, ideal(world));
      for (const [learner, how] of missing) {
        const earned =
          how.options === undefined
            ? await play(how, world, seed)
            : await playVowpal(world, seed, how.options);
        add(name, kind, learner, seed, earned);
        await write();
      }
    }
    const own = records.filter(({ world }) => world === name);
    const found = [...new Set(own.map(({ learner }) => learner))].map((learner) => [
      learner,
      own.filter((row) => row.learner === learner),
    ]);
    console.log(
      `${name}: ${found.map(([learner, rows]) => `${learner} ${points(rows, "first")} / ${points(rows, "last")}`).join(", ")}`,
    );
  }
  report();
  await writeFile(join(values.out, "worlds.svg"), `${await figureOf(records)}\n`);
} finally {
  await rm(folder, { recursive: true });
}

function add(world, kind, learner, seed, { first, last, all }) {
  const [a, b, c] = [first, last, all].map((x) => Math.round(1e5 * x) / 1e5);
  records.push({ world, kind, learner, seed, first: a, last: b, all: c });
}

async function write() {
  await mkdir(values.out, { recursive: true });
  const lines = records.map((row) => columns.map((column) => row[column]).join(";"));
  await writeFile(csv, `${[columns.join(";"), ...lines].join("\n")}\n`);
}

/** Vowpal Wabbit in a process of its own, which is handed the world in files. */
async function playVowpal(world, seed, options) {
  const paths = { earned: join(folder, "earned.f64") };
  for (const part of ["contexts", "rewards", "expected"]) {
    paths[part] = join(folder, `${part}.f32`);
    await writeFile(paths[part], new Uint8Array(world[part].buffer));
  }
  const { inputs, actions } = world;
  const path = join(folder, "world.json");
  await writeFile(path, JSON.stringify({ ...paths, inputs, actions, visits, seed }));
  if ((await run(python, ["vw.py", path, ...options])) !== 0) throw new Error("vw.py failed");
  const bytes = await readFile(paths.earned);
  return summary(new Float64Array(new Uint8Array(bytes).buffer));
}

/** Points, of a hundred, by kind of world. */
function report() {
  const kinds = [...new Set(records.map(({ kind }) => kind))];
  const names = ["ideal", ...learners.map(([name]) => name)];
  const cells = (learner) =>
    kinds.map((kind) => {
      const rows = records.filter((row) => row.kind === kind && row.learner === learner);
      return rows.length === 0 ? "" : `${points(rows, "first")} / ${points(rows, "last")}`;
    });
  printTable([
    "Points of a hundred, first 3,000 visits / last third",
    [["", ...kinds], ...names.map((name) => [name, ...cells(name)])],
  ]);
}
