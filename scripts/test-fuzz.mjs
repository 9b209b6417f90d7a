// Feeds damaged and hostile inputs to every reader of what comes from outside, in this process: each has to end in a
// result or in one sentence, within bounds of time and memory; and how many lines of each reader that reached. Random
// networks, estimators and options have to give the same on every backend. `npm run test:fuzz`, or after a build
// `node scripts/test-fuzz.mjs [--inputs N] [--seed N] [--only READER]`: 10,000 inputs for each by default, 300 with
// --quick. With --command the inputs that are files go through the real command, a process each, 300 of each by default: it
// has to end with 0, or in a sentence with 1 or 2. What is printed for a failure makes it again.
import "./lib/coverage.mjs";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { encodeTable } from "../packages/cli/dist/data/write.js";
import { exportRuns } from "../packages/cli/dist/export/export.js";
import { expandExperiment, readExperiment } from "../packages/cli/dist/planning/experiments.js";
import { expandSweep, readSweepFile } from "../packages/cli/dist/planning/sweep.js";
import { parseJob, parseProgress } from "../packages/cli/dist/queue/messages.js";
import { readSnapshot, snapshotOf, writeSnapshot } from "../packages/cli/dist/queue/snapshot.js";
import { nameRuns } from "../packages/cli/dist/report/methods.js";
import { writeReport } from "../packages/cli/dist/report/report.js";
import { decodeCheckpoint, placeOf, writeCheckpoint } from "../packages/cli/dist/running/checkpoint.js";
import { loadData } from "../packages/cli/dist/running/data.js";
import { packageVersion } from "../packages/cli/dist/running/environment.js";
import { findRun, findRuns, readRun, runFiles, withPlace } from "../packages/cli/dist/running/run-folder.js";
import { parseRecords } from "../packages/cli/dist/running/run-schema.js";
import { trainRun } from "../packages/cli/dist/running/runs.js";
import { parseConfig, parseStoredConfig, readConfigFile } from "../packages/cli/dist/settings/config.js";
import { parseBanditSpec } from "../packages/flipnet/dist/audit/bandit-spec.js";
import { parseElboSpec } from "../packages/flipnet/dist/audit/elbo-spec.js";
import { parseFunctionSpec } from "../packages/flipnet/dist/audit/function-spec.js";
import { parseProcessSpec } from "../packages/flipnet/dist/audit/process-spec.js";
import { parseIdxNumbers } from "../packages/flipnet/dist/formats/idx.js";
import {
  adam,
  createAgent,
  createReferenceBackend,
  createSequentialAgent,
  decodeSafetensors,
  encodeSafetensors,
  evaluatePolicy,
  InputError,
  loadAgent,
  loadSequentialAgent,
  parseIdx,
  RunError,
  withActions,
  writeIdx,
} from "../packages/flipnet/dist/index.js";
import { readAgentLog, replayAgentLog } from "../packages/flipnet/dist/node/agent-log.js";
import { loadModel } from "../packages/flipnet/dist/node/model.js";
import {
  applyEntry,
  cancelFields,
  decisionFields,
  rewardFields,
} from "../packages/flipnet/dist/redis/events.js";
import { writeData } from "../test/net/data.mjs";
import { linesOf } from "./lib/coverage.mjs";
import {
  below,
  chance,
  damagedBytes,
  damagedJson,
  damagedLines,
  damagedTensors,
  damagedValue,
  hostile,
  oneOf,
  startFrom,
} from "./lib/damage.mjs";
import { everywhere, randomSettings } from "./lib/random-runs.mjs";

const { zipSync } = createRequire(new URL("../packages/cli/package.json", import.meta.url))("fflate");
const main = fileURLToPath(new URL("../packages/cli/dist/main.js", import.meta.url));

const { values } = parseArgs({
  options: {
    inputs: { type: "string" },
    quick: { type: "boolean" },
    command: { type: "boolean" },
    seed: { type: "string", default: `${Date.now() % 1_000_000}` },
    only: { type: "string" },
  },
});
const inputs = Number(values.inputs ?? (values.quick || values.command ? 300 : 10_000));
/** Milliseconds of this process and bytes that one input may take. */
const [longest, most] = [5000, 2 ** 29];

const scratch = mkdtempSync(join(tmpdir(), "flipnet-fuzz-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
const place = (name) => join(scratch, "inputs", name);

// One run, agent and so on that is right, to begin with.
const settings = { task: "multiplexer", k: 1, hidden: [3, 2], recordEvery: 2, batchSize: 2 };
const config = parseConfig({ ...settings, steps: 4, kernels: "portable", out: join(scratch, "runs") });
const { folder, runId } = await trainRun(config);
const files = runFiles(folder);
const right = Object.fromEntries(
  ["config", "environment", "metrics", "summary", "checkpoint"].map((name) => [
    name,
    readFileSync(files[name]),
  ]),
);
const checkpoint = decodeCheckpoint(right.checkpoint, "it");
const agentOptions = [
  { hidden: [4], optimizer: adam({ learningRate: 0.1 }) },
  {
    ...{ hidden: [{ units: 2, choices: 2 }], floor: { from: 1, to: 0.1, halfLife: 3 }, entropyBonus: 0.1 },
    ...{ baseline: { hidden: [2], learningRate: 0.1 }, rewardRange: [0, 1], expireAfter: 1e6 },
  },
  { actions: undefined, actionInputs: 2, hidden: [3] },
];
/** What each is told of the actions when it decides. */
const amongs = [
  {},
  { allowed: [0, 2] },
  {
    actions: [
      [1, 0],
      [0, 1],
    ],
  },
];
const agents = [];
for (const [i, more] of agentOptions.entries()) {
  agents.push(await savedAgent({ inputs: 2, actions: 3, ...more }, amongs[i]));
}

/** An agent that has decided three times and waits for one reward: its log, and what it saved. */
async function savedAgent(options, among) {
  const agent = await createAgent(options);
  const log = [0, 1, 2].flatMap((i) => {
    const { floor, version, step, ...decision } = agent.decide([0, i], { ...among, id: `${i}`, now: i });
    const event = { event: "decision", time: i, context: [0, i], ...decision, floor, version, step };
    if (i === 2) return event;
    agent.reward(`${i}`, 1, { now: i });
    return [event, { event: "reward", id: `${i}`, time: i, value: 1 }];
  });
  const bytes = await agent.save();
  const events = log.map((event) => `${JSON.stringify(event)}\n`).join("");
  return { bytes, parts: decodeSafetensors(bytes, "it"), events, options, among };
}
/** Agents in the middle of an episode: one waits for a reward, one for what comes next. */
const sequentialAgents = [];
for (const more of [{}, { critic: "none", update: "episode" }]) {
  const agent = await createSequentialAgent({ inputs: 2, actions: 3, hidden: [3], ...more });
  for (const id of ["0", "1", "2"]) {
    agent.decide([0, 1], { id });
    if (id < "2" || more.critic === "none") agent.reward(id, 1, id === "0" ? { terminal: true } : {});
  }
  const bytes = await agent.save();
  sequentialAgents.push({ bytes, parts: decodeSafetensors(bytes, "it") });
}
const job = {
  ...{ label: "run", runId, digest: "none", generator: JSON.parse(right.environment).generator },
  ...{ config: JSON.parse(right.config), version: packageVersion() },
};
const progress = {
  host: "host",
  refused: "it cannot",
  progress: {
    ...{ type: "progress", epoch: 1, epochs: 2, step: 1, stepsPerEpoch: 2, metrics: { onlineReward: 0.5 } },
    ...{ evaluating: false, stepsPerSecond: 3, secondsLeft: 1 },
  },
  record: JSON.parse(right.metrics.toString().split("\n")[0]),
};
/** Bytes, more of them than are unpacked at once, and numbers of four bytes. */
const idxFiles = [
  writeIdx([4, 3, 3], new Uint8Array(36).fill(7)),
  writeIdx([5, 150, 150], new Uint8Array(112_500).fill(7)),
  Uint8Array.of(0, 0, 13, 1, 0, 0, 0, 2, 63, 128, 0, 0, 64, 0, 0, 0),
];
const sweep = {
  base: { task: "multiplexer", k: 1 },
  grid: { seed: [0, 1], hidden: [[2], [3]] },
  runs: [{}, { k: 2, preset: "weight-max-figure-1" }],
};
const experiment = {
  ...{ title: "t", says: ["s"], seeds: 2, base: { task: "bandit" }, panels: { p: { hidden: [4] } } },
  methods: { a: { estimator: "hnca" }, b: { estimator: "reinforce", panels: ["p"] } },
};
const images = join(scratch, "images");
writeData(images);

// A table in every format, and runs that have learned from one and from images.
const columns = [
  { name: "a", cells: [1, 2, null, 4, 5, 6, 7, 8] },
  { name: "b", cells: ["x", "y", "x", "y", "z", "x", "y", "x"] },
  { name: "y", cells: ["no", "yes", "no", "yes", "yes", "no", "yes", "no"] },
];
const npy = npyOf("<f8", 2, Buffer.from(Float64Array.from([1, 0, 2, 1, 3, 0, 4, 1]).buffer));
const csv = Buffer.from(await encodeTable(columns, "csv"));
const tables = [
  ["t.csv", csv],
  ["t.tsv", Buffer.from(csv.toString().replaceAll(",", "\t"))],
  ["t.csv.gz", gzipSync(csv)],
  ["t.parquet", Buffer.from(await encodeTable(columns, "parquet"))],
  ...parquetFiles(columns),
  ["it.npy", npy],
  ["it.npy", npyOf("|u1", 3, Buffer.from([1, 0, 2, 3, 1, 1, 4, 0, 7, 8, 1, 2]))],
  [
    "t.npz",
    Buffer.from(
      zipSync({
        "a.npy": npy,
        "y.npy": npyOf("<U3", 1, Buffer.from("n\0\0\0o\0\0\0\0\0\0\0".repeat(4), "latin1")),
      }),
    ),
  ],
];
const models = [];
for (const [more, rows] of [
  [
    { task: "table-bandit", data: file("t.csv", csv), target: "y" },
    { a: [1, null], b: ["x", "y"] },
  ],
  [
    { task: "table-vae", data: file("t.csv", csv), boundSamples: 1 },
    { a: [1], b: ["x"], y: ["no"] },
  ],
  [{ task: "bandit", data: join(images, "three"), limit: 4 }, new Uint8Array(36)],
]) {
  const trained = await trainRun(
    parseConfig({ ...more, hidden: [2], batchSize: 2, epochs: 1, out: join(scratch, "runs") }),
  );
  const names = [
    "config.json",
    "checkpoints/latest.safetensors",
    ...(more.limit ? [] : ["preparation.json"]),
  ];
  models.push({
    files: Object.fromEntries(names.map((name) => [name, readFileSync(join(trained.folder, name))])),
    rows,
  });
}

/** The same table in every encoding and codec that can be written here, in groups of rows and pages. */
function parquetFiles([a, b, y]) {
  const encodings = [
    ["DELTA_BINARY_PACKED", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"],
    ["BYTE_STREAM_SPLIT", "RLE_DICTIONARY", "PLAIN"],
    ["RLE_DICTIONARY", "PLAIN", "RLE_DICTIONARY"],
  ];
  const codecs = { GZIP: gzipSync, BROTLI: brotliCompressSync };
  // A page of the first kind, as other programs write them: its header in the place of one as long.
  const data = Array.from({ length: 200 }, (_, row) => row % 3);
  const first = Buffer.from(
    parquetWriteBuffer({
      columnData: [{ name: "y", data, type: "INT32", encoding: "PLAIN" }],
      codec: "UNCOMPRESSED",
    }),
  );
  first.set(Buffer.from("150015ce0c15ce0c2c15900315001506158600000003000000", "hex"), 4);
  const others = encodings.flatMap((names) =>
    ["UNCOMPRESSED", "SNAPPY", ...Object.keys(codecs)].map((codec) => {
      const type = names[0] === "DELTA_BINARY_PACKED" ? "INT32" : "DOUBLE";
      const typed = [
        { name: "a", data: a.cells, type, encoding: names[0] },
        { name: "b", data: b.cells, type: "STRING", encoding: names[1] },
        { name: "y", data: y.cells, type: "STRING", encoding: names[2], nullable: false },
        { name: "z", data: a.cells.map((cell) => cell === 2), type: "BOOLEAN", encoding: "RLE" },
      ];
      const written = parquetWriteBuffer({ columnData: typed, codec, compressors: codecs, rowGroupSize: 5 });
      return ["t.parquet", Buffer.from(written)];
    }),
  );
  return [...others, ["t.parquet", first], ["t.parquet", first]];
}

/** An array of NumPy's with so many columns, one for a list. */
function npyOf(type, width, items) {
  const size = { "<f8": 8, "|u1": 1, "<U3": 12 }[type];
  const rows = items.length / size / width;
  const shape = width === 1 ? `(${rows},)` : `(${rows}, ${width})`;
  const said = `{'descr': '${type}', 'fortran_order': False, 'shape': ${shape}, }`;
  const header = Buffer.from(`${said.padEnd(117)}\n`);
  return Buffer.concat([Buffer.from("\x93NUMPY\x01\0v\0", "latin1"), header, items]);
}

const golden = (name) =>
  JSON.parse(
    readFileSync(new URL(`../packages/flipnet/test/audit/golden/${name}.json`, import.meta.url), "utf8"),
  ).spec;
const { reward, ...network } = golden("mixed-softmax-hidden");
const linear = {
  ...{ name: "linear", reads: [0], eta: "log-likelihood", bias: [0.5] },
  ...{ weights: [network.layers[0].bias], target: network.contexts.map(() => [1]) },
};
const table = {
  ...{ name: "table", reads: [network.layers.length - 1], values: reward.map((row) => row.map(Number)) },
  scalar: true,
};
const { target, ...without } = linear;
const ofInput = {
  ...{ ...linear, name: "input", target: "input", bias: [0, 0, 0] },
  weights: [0, 1, 2].map(() => network.layers[0].bias),
};
const specs = {
  bandit: { reward, ...network },
  "bandit that explores": {
    ...{ reward, ...network, floor: 0.1, baseline: 0.5 },
    allowed: network.contexts.map(() => [0, 1]),
  },
  "bandit of rows": {
    ...{
      contexts: [[0], [1]],
      reward: [
        [1, 0],
        [0, [1, 0.5]],
      ],
      floor: 0.1,
    },
    ...{
      actions: [
        [
          [1, 0],
          [0, 1],
        ],
        [
          [1, 1],
          [0, 0],
        ],
      ],
      layers: [{ weights: [[0.1, 0.2, 0.3]], bias: [0.1] }],
    },
  },
  elbo: golden("elbo-2-layer"),
  function: { ...network, components: [linear, table, ofInput, { ...without, name: "other", eta: "tanh" }] },
  process: JSON.parse(readFileSync(new URL("../examples/three-rooms.json", import.meta.url), "utf8")),
};

/** Writes a file among the inputs. */
function file(name, content) {
  mkdirSync(dirname(place(name)), { recursive: true });
  writeFileSync(place(name), content);
  return place(name);
}

/** A checkpoint that is damaged; half of them by somebody who knows how to seal one. */
async function damagedCheckpoint() {
  if (chance(0.5)) return damagedBytes(right.checkpoint);
  await writeCheckpoint(place("sealed"), damagedTensors(checkpoint));
  return readFileSync(place("sealed"));
}

/** A run folder, one file of which is damaged, or is not a file. */
async function damagedRun(name = "runs/run") {
  const folder = place(name);
  rmSync(folder, { recursive: true, force: true });
  const which = oneOf(Object.keys(right));
  const damaged = {
    config: () => (chance(0.5) ? JSON.stringify(storedConfig()) : damagedJson(JSON.parse(right.config))),
    metrics: () => damagedLines(right.metrics.toString()),
    checkpoint: damagedCheckpoint,
  }[which];
  const damage = damaged ?? (() => damagedJson(JSON.parse(right[which])));
  for (const [part, content] of Object.entries(right)) {
    file(runFiles(name)[part], part === which ? await damage() : content);
  }
  const how = chance(0.2) ? oneOf(["gone", "folder", "file", "loop", "none"]) : "";
  if (how === "gone" || how === "folder") rmSync(runFiles(folder)[which]);
  if (how === "folder") mkdirSync(runFiles(folder)[which]);
  if (how === "file" || how === "loop" || how === "none") rmSync(folder, { recursive: true });
  if (how === "file") writeFileSync(folder, "");
  if (how === "loop") symlinkSync(folder, folder);
  return folder;
}

/** A config as a run of any task has it. */
function storedConfig() {
  for (;;) {
    try {
      return parseConfig(randomSettings(chance(0.5) ? images : join(images, "three")));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  }
}

/** The largest distance of two backends from each other that was seen, and what two may have: see `everywhere`. */
let apart = { most: 0 };
const bound = 1e-3;

/** What a reader reads, the files that it consists of, and the part of all inputs that it has: some take long. */
const readers = {
  "data files": {
    lines: { "flipnet/dist/formats/idx": ["writeIdx", "idxHeader"] },
    read() {
      const idx = chance(0.8) ? oneOf([idxFiles[0], idxFiles[2]]) : idxFiles[1];
      const bytes = chance(0.5) ? idx : gzipSync(idx);
      const read = oneOf([parseIdx, parseIdxNumbers]);
      return read(damagedBytes(chance(0.2) ? gzipSync(damagedBytes(idx)) : bytes), "file");
    },
  },
  tables: {
    lines: {
      ...{ "cli/dist/data/csv": [], "cli/dist/data/npy": ["encodeNpy"], "cli/dist/data/parquet": [] },
      "cli/dist/data/parquet-pages": [],
      ...{ "cli/dist/data/open": ["standardInput"], "cli/dist/data/table": [] },
      ...{ "flipnet/dist/tables/column": [] },
    },
    async read() {
      const [name, content] = damagedTable();
      const task = oneOf(["table-bandit", "table-labels", "table-vae"]);
      const data = file(`tables/${chance(0.05) ? `x.${oneOf(["csv", "npz"])}` : name}`, content);
      const more = chance(0.3) ? { [oneOf(["features", "ignore"])]: [oneOf(["a", "b", "x"])] } : {};
      const target = task === "table-vae" ? {} : { target: name.endsWith("npy") ? "it.1" : "y" };
      return loadData(parseConfig({ task, data, ...target, ...more }));
    },
  },
  models: {
    share: 0.3,
    lines: {
      "flipnet/dist/node/model": [],
      "flipnet/dist/model/model": [],
      "flipnet/dist/tables/prepare": [],
    },
    async read() {
      const { files, rows } = oneOf(models);
      const to = place("models/run");
      rmSync(to, { recursive: true, force: true });
      const which = oneOf(Object.keys(files));
      for (const [part, content] of Object.entries(files)) {
        const damage = part.endsWith("json") ? damagedJson(JSON.parse(content)) : damagedBytes(content);
        file(`models/run/${part}`, part === which && chance(0.95) ? damage : content);
      }
      if (chance(0.1)) rmSync(join(to, which));
      const model = await loadModel(to);
      const given = chance(0.3) && !(rows instanceof Uint8Array) ? damagedValue(rows) : rows;
      const what = oneOf(["predict", "encode", "sample"]);
      try {
        return await (what === "sample" ? model.sample({ count: 2 }) : model[what](given));
      } finally {
        model.close();
      }
    },
  },
  "configs, JSON": {
    lines: {
      "cli/dist/settings/config": ["taskOf", "alongOf", "lengthOf", "ofLength", "withScores", "estimatorOf"],
    },
    read: () => readConfig("c.json"),
  },
  "configs, YAML": {
    lines: {
      "cli/dist/settings/config": ["taskOf", "alongOf", "lengthOf", "ofLength", "withScores", "estimatorOf"],
    },
    read: () => readConfig("c.yaml"),
  },
  sweeps: {
    lines: { "cli/dist/planning/sweep": ["planRuns", "runsOfOtherGenerators", "isDone"] },
    async read() {
      const value = () => `${oneOf([...hostile, "0..2", "3..1", "hnca,reinforce", "0.1"])}`;
      const name = () => oneOf(["seed", "k", "estimator", "__proto__", "x"]);
      const said = () =>
        `${oneOf(["base.", "grid.", "", "x"])}${name()}${oneOf(["=", "=", "=", ""])}${value()}`;
      const changes = Array.from({ length: chance(0.3) ? 1 + below(2) : 0 }, said);
      const seed = oneOf([[0, 1], "0..2", "4..1", "0..999999999"]);
      const content = damagedJson({ ...sweep, grid: { ...sweep.grid, seed } });
      return expandSweep(await readSweepFile(file("s.json", content), changes), {}, "s.json");
    },
  },
  experiments: {
    lines: {
      "cli/dist/planning/experiments": ["experimentNames", "chosenBy", "scaleOf", "reportedRuns", "count"],
    },
    read: async () => expandExperiment(await readExperiment(file("e.json", damagedJson(experiment)))),
  },
  audits: {
    lines: Object.fromEntries(
      ["bandit", "elbo", "function", "process"].map((kind) => [`flipnet/dist/audit/${kind}-spec`, []]),
    ),
    read() {
      const kind = oneOf(Object.keys(specs));
      return parsers[kind](damagedValue(specs[kind]));
    },
  },
  checkpoints: {
    lines: {
      "cli/dist/running/checkpoint": ["readCheckpoint"],
      "flipnet/dist/formats/safetensors": ["encode"],
    },
    read: async () => placeOf(decodeCheckpoint(await damagedCheckpoint(), "it"), "it"),
  },
  "training states": {
    lines: { "flipnet/dist/training/parameters": [] },
    async read() {
      const to = runFiles(join(scratch, "resumed"));
      for (const name of Object.keys(right)) cpSync(files[name], to[name]);
      await writeCheckpoint(to.checkpoint, damagedTensors(checkpoint));
      return trainRun(parseConfig({ ...config, steps: 8, epochs: 4 }), {
        folder: dirname(to.config),
        resume: true,
      });
    },
  },
  agents: {
    lines: {
      ...{ "flipnet/dist/agent/load": [], "flipnet/dist/agent/saved": [] },
      ...{ "flipnet/dist/agent/settings": ["settingsText", "floorAt", "baselineOf"] },
    },
    async read() {
      const saved = oneOf(agents);
      const { tensors, metadata } = damagedTensors(saved.parts);
      const bytes = chance(0.3) ? damagedBytes(saved.bytes) : encodeSafetensors(tensors, metadata);
      const loaded = await loadAgent(Uint8Array.from(bytes), undefined, here);
      // What was taken has to be of use.
      const { id } = loaded.decide([0, 1], saved.among);
      loaded.reward(id, 1);
      if (loaded.knows("2")) loaded.reward("2", 1);
      await loaded.save();
      return withActions(bytes, [0, "new", 2]);
    },
  },
  "sequential agents": {
    lines: {},
    async read() {
      const saved = oneOf(sequentialAgents);
      const { tensors, metadata } = damagedTensors(saved.parts);
      const bytes = chance(0.3) ? damagedBytes(saved.bytes) : encodeSafetensors(tensors, metadata);
      const loaded = await loadSequentialAgent(Uint8Array.from(bytes), undefined, here);
      // What was taken has to be of use.
      loaded.cancel();
      loaded.reward(loaded.decide([0, 1]).id, 1, { terminal: true });
      return loaded.save();
    },
  },
  "agents' events": {
    lines: { "flipnet/dist/redis/events": [] },
    async read() {
      const saved = oneOf(agents);
      const [from, to] = [
        await loadAgent(saved.bytes, undefined, here),
        await loadAgent(saved.bytes, undefined, here),
      ];
      const { id } = from.decide([1, 0], { ...saved.among, now: 5 });
      const decision = decisionFields(from.handOver(id));
      const fields = oneOf([decision, rewardFields("2", 1), cancelFields("2")]);
      const at = oneOf([...fields.keys()]);
      const wrong = [...fields];
      if (fields[at] === decision.at(-1) && chance(0.9)) wrong[at] = damagedJson(JSON.parse(fields[at]));
      else if (chance(0.5)) wrong[at] = `${oneOf(hostile)}`;
      else wrong.splice(at, 1);
      const known = ["2", id].filter((one) => to.knows(one)).length;
      const happened = applyEntry(to, [
        chance(0.9) ? "7-0" : `${oneOf(hostile)}`,
        chance(0.1) ? fields : wrong,
      ]);
      // What had no effect has to have none, and what was taken has to be of use.
      if (!happened && ["2", id].filter((one) => to.knows(one)).length !== known)
        throw new Error("an entry that is none changed what waits");
      for (const one of ["2", id]) if (to.knows(one)) to.reward(one, 1, { now: 8 });
      await to.save();
    },
  },
  "agents' logs": {
    lines: {
      "flipnet/dist/node/agent-log": ["openAgentLog", "openWhole", "exists", "deleteEvents"],
    },
    async read() {
      const { events, options } = agents[0];
      const path = file("log.jsonl", chance(0.1) ? events : damagedLines(events));
      const entries = await readAgentLog(path);
      const fresh = await createAgent(options, here);
      const rows = entries.map((entry) => ({ ...entry, reward: entry.reward ?? 0 }));
      if (rows.length > 0) {
        const chances = ({ context }) => fresh.probabilities(context, { samples: 2 }).probabilities;
        evaluatePolicy(rows, chances, { bootstrap: 40 });
      }
      return replayAgentLog(fresh, path);
    },
  },
  records: {
    lines: {},
    read: () => parseRecords(damagedLines(right.metrics.toString()), "it"),
  },
  jobs: {
    lines: { "cli/dist/queue/messages": ["parseProgress"] },
    read() {
      const config = {
        ...job.config,
        ...(chance(0.05) && { estimator: oneOf(["./mine.mjs", "a:b=1", {}]) }),
      };
      return parseJob(damagedValue({ ...job, config }), packageVersion());
    },
  },
  messages: {
    lines: { "cli/dist/queue/messages": ["parseJob"] },
    read: () => parseProgress(damagedValue(progress)),
  },
  states: {
    lines: { "cli/dist/queue/snapshot": [] },
    async read() {
      const parts = { ...right };
      const which = oneOf(["checkpoint", "metrics", "environment", "summary"]);
      if (which === "checkpoint") parts.checkpoint = await damagedCheckpoint();
      else if (chance(0.1)) parts[which] = undefined;
      else {
        const text = parts[which].toString();
        const damage = which === "metrics" ? damagedLines : (json) => damagedJson(JSON.parse(json));
        parts[which] = Buffer.from(damage(text));
      }
      const state = snapshotOf(
        ...[parts.checkpoint, parts.metrics, parts.environment, parts.summary],
        ...["it", chance(0.05) ? "0123456789abcdef" : runId],
      );
      const at = place("state");
      await writeSnapshot(at, state);
      // As it is while somebody else writes it, or a file system that is no more what it was.
      if (chance(0.1)) {
        const gone = runFiles(at)[oneOf(["checkpoint", "metrics", "environment", "summary"])];
        rmSync(gone, { force: true });
        if (chance(0.5)) mkdirSync(gone);
        const read = await readSnapshot(at).finally(() => rmSync(gone, { recursive: true, force: true }));
        return read;
      }
      return readSnapshot(at);
    },
  },
  "run folders": {
    lines: {
      "cli/dist/running/run-folder": ["runIdOf", "summarise", "listRuns"],
      "cli/dist/running/run-schema": [],
    },
    async read() {
      const run = await damagedRun();
      if (chance(0.3)) {
        if (chance(0.5)) await damagedRun("runs/other");
        const found = await findRuns([dirname(run)], chance(0.7) ? () => {} : undefined);
        rmSync(place("runs/other"), { recursive: true, force: true });
        return found;
      }
      const one = chance(0.5) ? await findRun(run) : await readRun(run);
      return one && withPlace(one.config);
    },
  },
  exports: {
    share: 0.1,
    lines: { "cli/dist/export/export": [] },
    async read() {
      const format = oneOf(["csv", "parquet", "tensorboard", "safetensors", "onnx", "toString"]);
      const run = await damagedRun();
      if (chance(0.2)) await damagedRun("runs/other");
      const options = chance(0.2)
        ? { [oneOf(["withOptimizer", "seed", "graph", "part"])]: oneOf(hostile) }
        : {};
      const from = chance(0.3) ? dirname(run) : run;
      const done = exportRuns([from], { format, force: true, ...options });
      await done.finally(() => rmSync(place("runs/other"), { recursive: true, force: true }));
    },
  },
  reports: {
    share: 0.1,
    lines: { "cli/dist/report/methods": [] },
    async read() {
      if (chance(0.5)) {
        const made = { dataDigest: chance(0.9) ? "d" : "e" };
        const some = Array.from({ length: 1 + below(6) }, (_, i) => {
          const config = { ...storedConfig(), kernels: "portable" };
          return { config, environment: made, records: [], runId: `${i}`, folder: `${i}` };
        });
        return nameRuns(some);
      }
      const all = await Promise.all(["runs/run", "runs/other"].map(damagedRun));
      const runs = nameRuns(await findRuns(chance(0.2) ? [all[0]] : all, () => {}));
      // Most are drawn, which takes the time.
      return chance(0.05) ? writeReport(place("report"), runs, { title: "t" }) : undefined;
    },
  },
  networks: {
    lines: {},
    async read(seed) {
      const found = await everywhere(randomSettings(join(images, "three")));
      if (found.error !== undefined) throw found.error;
      if (found.most > apart.most) apart = { ...found, seed };
      if (found.most > bound) throw new Error(`${found.where} is ${found.most} off`);
    },
  },
};

/** What is damaged of a table: text as somebody writes it, or any of its bytes. */
function damagedTable() {
  const [name, bytes] = oneOf(tables);
  const text = bytes.toString();
  const lines = text.split("\n");
  if (name.endsWith("sv") && chance(0.6)) {
    const at = below(lines.length);
    const cells = lines[at].split(",");
    cells[below(cells.length)] = `${oneOf([...hostile, "nan", "?", "1e999", '"', '"a\n', "1;2", "NA"])}`;
    lines[at] = cells.join(",");
    return [name, lines.join("\n")];
  }
  if (name.endsWith("npy") && chance(0.6)) {
    const types = "b1 i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8 U1 S2 U0 S0 O V8 c16 U99".split(" ");
    const shapes = [
      "(4, 2)",
      "(2, 2, 2)",
      "(8,)",
      "()",
      "(0, 99999999)",
      "(-1, -8)",
      "(x,)",
      "(1e9, 1e9)",
      "(2,)",
    ];
    const letters = bytes.toString("latin1");
    const changed = letters
      .replace(/'[<|].*?'/, `'${oneOf(["<", ">", "|", "=", "?"])}${oneOf(types)}'`)
      .replace(/False/, oneOf(["False", "True"]))
      .replace(/\([^)]*\)/, oneOf(shapes));
    return [name, Buffer.from(changed, "latin1")];
  }
  const damaged = name.endsWith("parquet") ? damagedParquet(bytes) : damagedBytes(bytes);
  return [name, chance(0.2) ? gzipSync(damaged) : damaged];
}

/** Most are damaged where they are long, in their pages: the description at the end still fits them. */
function damagedParquet(bytes) {
  if (chance(0.3)) return damagedBytes(bytes);
  const damaged = Buffer.from(bytes);
  const end = damaged.length - 8 - damaged.readUInt32LE(damaged.length - 8);
  for (let times = 1 + below(3); times > 0; times--) {
    const at = 4 + below(chance(0.8) ? end - 4 : damaged.length - 12);
    // Numbers of seven bits a byte, as long as they go, zero, or anything.
    const length = 1 + below(5);
    const byte = oneOf([0, 0x7f, 0xff, undefined]);
    for (let i = at; i < Math.min(damaged.length, at + length); i++) damaged[i] = byte ?? below(256);
  }
  return damaged;
}

/** A config of any task, of somebody who writes a file or of a run that has one. */
async function readConfig(name) {
  const settings = chance(0.3) ? job.config : randomSettings(images);
  const read = await readConfigFile(file(name, damagedJson(settings)));
  return chance(0.3) ? parseStoredConfig(read, (key) => key) : parseConfig(read);
}

const parsers = {
  bandit: parseBanditSpec,
  "bandit that explores": parseBanditSpec,
  "bandit of rows": parseBanditSpec,
  elbo: parseElboSpec,
  function: parseFunctionSpec,
  process: parseProcessSpec,
};

const here = createReferenceBackend();

/** Arguments of the command that have it read one input, a file or a folder. */
const commands = {
  "data files"() {
    const folder = join(images, "three");
    const names = readdirSync(folder);
    const which = oneOf(names);
    for (const name of names) {
      const bytes = readFileSync(join(folder, name));
      file(`data/${name}`, name === which ? damagedBytes(bytes) : bytes);
    }
    const small = "--hidden 2 --batch-size 1 --limit 1 --epochs 1 --quiet --data".split(" ");
    return ["train", ...small, place("data"), "--out", place("out")];
  },
  configs() {
    const base = randomSettings(join(images, "three"));
    return [
      "sweep",
      file(oneOf(["c.json", "c.yaml"]), damagedJson({ base, grid: { seed: [1] } })),
      "--dry-run",
    ];
  },
  sweeps: () => ["sweep", file("s.json", damagedJson(sweep)), "--dry-run", "--out", place("out")],
  audits() {
    const spec = damagedJson(specs[oneOf(Object.keys(specs))]);
    return ["audit", file("a.json", spec), "--estimators", "reinforce", "--json"];
  },
  async checkpoints() {
    const to = runFiles(place("run"));
    mkdirSync(to.checkpoints, { recursive: true });
    for (const name of Object.keys(right)) cpSync(files[name], to[name]);
    writeFileSync(to.checkpoint, await damagedCheckpoint());
    return ["train", place("run"), "--resume", "--steps", "8", "--quiet"];
  },
  async "run folders"() {
    const run = await damagedRun();
    const format = oneOf(["csv", "parquet", "tensorboard", "safetensors", "onnx"]);
    if (chance(0.5)) return ["export", run, "--format", format, "--force", "-o", place("exported")];
    return ["report", run, "-o", place("report"), "--force"];
  },
};

/** Runs the command on one input; throws where it ends in another way than a command may. */
async function command(name) {
  const args = await commands[name]();
  const { status, signal, stderr } = spawnSync(process.execPath, [main, ...args], {
    ...{ encoding: "utf8", timeout: 300_000, env: { ...process.env, NO_COLOR: "1" } },
  });
  const isRight = status === 0 || ((status === 1 || status === 2) && stderr.trim() !== "");
  if (!isRight || /\n\s+at |\b(Type|Range|Reference)Error\b/.test(stderr)) {
    throw new Error(`${args.join(" ")} ended with ${status ?? signal}: ${stderr}`);
  }
  return status === 0 ? "results" : "refused";
}

/** All of the inputs that go through the command. */
async function throughTheCommand() {
  let failed = 0;
  for (const name of Object.keys(commands)) {
    if (values.only !== undefined && values.only !== name) continue;
    const ends = { results: 0, refused: 0 };
    for (let i = 0; i < inputs; i++) {
      const seed = Number(values.seed) + i;
      startFrom(seed);
      try {
        ends[await command(name)]++;
      } catch (error) {
        failed++;
        console.log(`FAILED: --command --only "${name}" --seed ${seed} --inputs 1: ${error.message}`);
      }
    }
    console.log(`${name}: ${inputs} through the command, ${ends.results} read, ${ends.refused} refused`);
  }
  console.log(failed === 0 ? `nothing failed (seed ${values.seed})` : `${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}
if (values.command) await throughTheCommand();

/** Folders and files beside the inputs: nothing may be written there. */
const around = () =>
  JSON.stringify([readdirSync(scratch).sort(), readdirSync(dirname(scratch)).filter((name) => name === "x")]);

let failed = 0;
mkdirSync(join(scratch, "resumed/checkpoints"), { recursive: true });
for (const [name, { read, lines, share = 1 }] of Object.entries(readers)) {
  if (values.only !== undefined && values.only !== name) continue;
  const count = Math.ceil(inputs * share);
  const ends = { results: 0, refused: 0 };
  file("x", "");
  const before = around();
  const began = performance.now();
  for (let i = 0; i < count; i++) {
    const seed = Number(values.seed) + i;
    startFrom(seed);
    const start = process.cpuUsage();
    const memory = process.memoryUsage();
    const fail = (problem) => {
      failed++;
      console.log(`FAILED: --only "${name}" --seed ${seed} --inputs 1: ${problem}`);
    };
    try {
      await read(seed);
      ends.results++;
    } catch (error) {
      const isSentence = error instanceof InputError || error instanceof RunError;
      if (isSentence && !/\n/.test(error.message)) ends.refused++;
      else fail(error.stack ?? error);
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const { user, system } = process.cpuUsage(start);
    const took = Math.round((user + system) / 1000);
    if (took > longest) fail(`it took ${took} ms`);
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
  if (name === "networks") console.log(`  ${apart.most} apart at most: ${apart.where}, --seed ${apart.seed}`);
  for (const { file, code, missed } of await linesOf(
    Object.fromEntries(
      Object.entries(lines).map(([line, without]) => [`../../packages/${line}.js`, without]),
    ),
  )) {
    const part = ((100 * (code - missed.length)) / code).toFixed(1);
    console.log(
      `  ${part} % of the lines of ${file.slice("../../packages/".length)}; not ${missed.join(" ")}`,
    );
  }
}
console.log(failed === 0 ? `nothing failed (seed ${values.seed})` : `${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
