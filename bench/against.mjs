// npm run bench -- --against REVISION: whether a training step or an agent's became slower since. The libraries of this
// folder and of that revision are in one process and take turns, row by row. A row's ratio is that of its fastest rounds,
// in time of the processor. Rows that look slower or faster, and kinds of rows that look slower, are measured anew.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { loadLabelledImages } from "../packages/flipnet/dist/node/index.js";
import * as functions from "./generations/functions.mjs";
import * as objects from "./generations/objects.mjs";
import { age } from "./lib/age.mjs";
import { describeHost } from "./lib/host.mjs";
import { takeTurns } from "./lib/measure.mjs";
import { judge, slowerFrom } from "./lib/ratios.mjs";
import { loadCurrent, loadRevision } from "./lib/revision.mjs";
import { number, printTable } from "./lib/table.mjs";

/** How the public API is used, by the generation of it: the newest first. */
const generations = [functions, objects];

const reward = [
  { name: "reinforce" },
  { name: "hnca" },
  { name: "local-expectation" },
  { name: "weight-max" },
  { name: "weight-max", hiddenRule: "direct-gradient" },
  { name: "weight-max-unbiased" },
  { name: "straight-through" },
];
const known = [
  { name: "reinforce" },
  { name: "f-hnca" },
  { name: "f-hnca", childPruning: false },
  { name: "local-expectation" },
  { name: "reinforce-loo" },
  { name: "reinforce-loo", resample: "fresh" },
  { name: "reinforce-loo", resample: "independent" },
  { name: "disarm" },
  { name: "disarm", resample: "fresh" },
  { name: "arm" },
  { name: "vargrad" },
];
/** It tries every unit on the host, where 200 units take seconds. */
const isSlow = ({ name }) => name === "local-expectation";

const textOf = ({ name, ...options }) =>
  [name, ...Object.entries(options).map(([key, value]) => `${key} ${value}`)].join(", ");

const layers = [1, 2, 3].flatMap((count) =>
  [
    ["bandit", reward],
    ["vae", known],
  ].flatMap(([task, estimators]) =>
    estimators.map((estimator) => {
      const units = isSlow(estimator) ? 20 : 200;
      const network = `${task}, ${count} x ${units}`;
      const settings = { task, hidden: Array(count).fill(units), limit: isSlow(estimator) ? 500 : 2000 };
      return [network, estimator, settings];
    }),
  ),
);
const multiplexers = [
  ["multiplexer, 37-64-32-1, batch of 128", { k: 5, batchSize: 128 }],
  ["multiplexer, 20-64-32-1, batch of 1", { k: 4, batchSize: 1, units: "zero-one" }],
].flatMap(([network, settings]) =>
  reward
    .filter((estimator) => !isSlow(estimator))
    .map((estimator) => [
      network,
      estimator,
      { task: "multiplexer", ...settings, steps: 1e9, recordEvery: 1000 },
    ]),
);
const agents = [
  ["agent, 8 reals, 32 units", "hnca", { inputs: 8, actions: 4 }],
  ["agent, 8 reals, 32 units", "reinforce", { inputs: 8, actions: 4 }],
  [
    "agent, 64 bits, 64 and 32 units",
    "hnca",
    { inputs: 64, actions: 10, inputKind: "bits", hidden: [64, 32] },
  ],
  ["agent, 8 reals, 32 units, 32 at a time", "hnca", { inputs: 8, actions: 4, rows: 32 }],
];

/** `[{ name, kinds, agent or training }]` */
const rows = [
  ...[...layers, ...multiplexers].map(([network, estimator, settings]) => ({
    name: `${network}: ${textOf(estimator)}`,
    kinds: [network, estimator.name],
    training: { estimator, ...settings },
  })),
  ...agents.map(([network, estimator, settings]) => ({
    name: `${network}: ${estimator}`,
    kinds: ["agents", estimator],
    agent: { estimator, ...settings },
  })),
];

/**
 * A row's step as a library takes it; undefined where it has no such estimator.
 *
 * @param {any} library
 * @param {any} row
 * @param {any} options `{ data, kernels }`
 */
export async function stepOf(library, { training, agent }, { data, kernels }) {
  const generation = generations.find(({ fits }) => fits(library));
  if (generation === undefined) {
    throw new Error("there is no file in bench/generations for the public API of one of the two revisions");
  }
  // An agent chooses its kernels by itself.
  const backend =
    agent !== undefined && kernels === undefined ? undefined : await library.createWasmBackend({ kernels });
  if (agent !== undefined) return agentStep(await generation.createAgent(library, backend, agent), agent);
  const old = training.task === "multiplexer" ? undefined : (learner) => age(learner, data.train);
  return generation.createStep(library, backend, data, training, old);
}

/** It acts and learns, on one context at a time or on several. */
function agentStep(agent, { inputs, actions, inputKind, rows = 1 }) {
  const contexts = Array.from({ length: 100 }, (_, n) =>
    Array.from({ length: inputs }, (_, i) => {
      const value = ((n * 31 + i) * 619) % 1000;
      return inputKind === "bits" ? value % 2 : value / 500 - 1;
    }),
  );
  const batches = contexts.map((_, n) => Array.from({ length: rows }, (_, b) => contexts[(n + b) % 100]));
  let n = 0;
  return () => {
    n = (n + 1) % 100;
    if (rows === 1) agent.learn(agent.act(contexts[n]) === n % actions ? 1 : 0);
    else
      agent.learnBatch(agent.actBatch(batches[n]).map((action, b) => ((n + b) % actions === action ? 1 : 0)));
  };
}

/** The fastest rounds of both, in nanoseconds a step; undefined where one has no such step. */
async function measure(libraries, row, { rounds, ...options }) {
  const steps = [];
  for (const library of libraries) steps.push(await stepOf(library, row, options));
  if (steps.includes(undefined)) return undefined;
  for (let i = 0; i < 20; i++) for (const step of steps) step();
  const times = takeTurns(
    steps.map((call) => ({ call })),
    { rounds, milliseconds: 2 },
  );
  return times.map((nanoseconds) => Math.min(...nanoseconds));
}

/** Compares with a revision and prints; the exit code is 1 where something is slower. */
export async function compareWith(
  revision,
  { only = "", quick, json = "bench/results/against.json", kernels },
) {
  const chosen = rows.filter(({ name }) => new RegExp(only).test(name));
  if (chosen.length === 0) {
    throw new Error(`--only is "${only}"; expected a part of some row's name, as "vae, 2 x 200" or "hnca"`);
  }
  const { commit, library } = await loadRevision(revision, () => console.log(`Building ${revision}`));
  const libraries = [library, await loadCurrent()];
  const host = describeHost();
  const options = {
    kernels,
    data: await loadLabelledImages(),
    rounds: quick ? 15 : 61,
  };
  console.log(
    `${host.cpu}, ${host.cores} cores, load ${host.load}, Node ${host.node}, ${kernels ?? "each revision's own choice of"} kernels; fastest rounds in time of the processor`,
  );

  const measured = [];
  const missing = [];
  for (const row of chosen) {
    const least = await measure(libraries, row, options);
    if (least === undefined) missing.push(row.name);
    else measured.push({ ...row, least, ratio: least[1] / least[0] });
  }
  let verdict = judge(measured);
  for (let again = 0; again < 3; again++) {
    const kinds = verdict.kinds.filter(({ isPattern }) => isPattern).map(({ kind }) => kind);
    const doubtful = measured.filter(
      ({ ratio, kinds: own }) =>
        ratio > slowerFrom || ratio < 1 / slowerFrom || own.some((kind) => kinds.includes(kind)),
    );
    for (const row of doubtful) {
      const least = await measure(libraries, row, options);
      row.least = row.least.map((time, side) => Math.min(time, least[side]));
      row.ratio = row.least[1] / row.least[0];
    }
    verdict = judge(measured);
  }
  const results = measured.map(({ name, kinds, least, ratio }) => ({ name, kinds, least, ratio }));
  print(results, verdict, commit);
  if (missing.length > 0) console.log(`\nNot in both: ${missing.join("; ")}`);
  host.loadAfter = describeHost().load;
  await mkdir(dirname(json), { recursive: true });
  const all = { host, against: commit, kernels: kernels ?? "own", quick, missing, rows: results, verdict };
  await writeFile(json, `${JSON.stringify(all, undefined, 2)}\n`);
  console.log(`\nload ${host.load} before and ${host.loadAfter} after; ${json}`);
  const isPattern = verdict.isPattern || verdict.kinds.some((kind) => kind.isPattern);
  if (verdict.slower.length > 0 || isPattern) process.exitCode = 1;
}

function print(results, { slower, mean, isPattern, kinds }, commit) {
  const milliseconds = (nanoseconds) => number(nanoseconds / 1e6);
  printTable([
    `A step, ms: ${commit.slice(0, 7)} and now`,
    [
      ["", "then", "now", "ratio", ""],
      ...results.map(({ name, least: [then, now], ratio }) => [
        name,
        milliseconds(then),
        milliseconds(now),
        ratio.toFixed(3),
        ratio > slowerFrom ? "slower" : "",
      ]),
    ],
  ]);
  printTable([
    "Geometric means of the ratios",
    [
      ["", "rows", "mean", ""],
      ...[...kinds, { kind: "all", rows: results.length, mean, isPattern }].map(
        ({ kind, rows, mean, isPattern }) => [
          kind,
          `${rows}`,
          mean.toFixed(3),
          isPattern ? "slower, as a whole" : "",
        ],
      ),
    ],
  ]);
  const percent = Math.round(100 * (slowerFrom - 1));
  console.log(
    slower.length === 0
      ? `\nNo row is more than ${percent} % slower.`
      : `\nMore than ${percent} % slower, ${slower.length} of ${results.length}: ${slower.map(({ name }) => name).join("; ")}`,
  );
}
