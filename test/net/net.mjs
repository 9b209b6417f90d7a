// The net under a rebuild: what a user sees of a training, pinned by what revision 5736f2a gave with portable kernels.
//
// Everything goes through what users write and keep: settings, run folders, checkpoints, agents. So the net holds however
// the code between them is rebuilt. `fixtures/hashes.json` and `fixtures/ids.json` stay as that revision made them;
// `fixtures/changed.json` has what was changed on purpose since, and why. `write.mjs` writes all three.
import { createHash } from "node:crypto";
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { numbersFrom, writeData } from "./data.mjs";
import { actions, agents, contextLength, identities, runs, trainings } from "./settings.mjs";

export const fixtures = join(import.meta.dirname, "fixtures");
/** Of a run in the fixtures: a folder of runs that holds this one. */
export const runsFolderOf = (name) => join(fixtures, "folders", slug(name));
/** Of an agent in the fixtures. */
export const agentFileOf = (name) => join(fixtures, "agents", `${slug(name)}.safetensors`);
/** Finds the one run that a folder of runs holds. */
const runIn = (folder) => join(folder, readdirSync(folder)[0]);

/** What is expected: `pinned` by name, whatever the reason; `changed` are the groups of what changed. */
export function readPinned() {
  const [hashes, ids, changed] = ["hashes", "ids", "changed"].map((name) =>
    JSON.parse(readFileSync(join(fixtures, `${name}.json`), "utf8")),
  );
  const pinned = Object.assign({}, hashes, ids, ...Object.values(changed).map(({ values }) => values));
  return { hashes, ids, changed, pinned };
}

const checkpointOf = (run) => join(run, "checkpoints", "latest.safetensors");

export const slug = (name) => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");

/** Lets an agent act and learn, one context at a time and three at a time by turns; what it did, in digits. */
function play(agent, { inputKind }, seed, times) {
  const next = numbersFrom(seed);
  const context = () =>
    Array.from({ length: contextLength }, () =>
      inputKind === "bits" ? next() % 2 : (next() % 1000) / 500 - 1,
    );
  let did = "";
  for (let t = 0; t < times; t++) {
    if (t % 4 === 3) {
      const acted = agent.actBatch([context(), context(), context()]);
      agent.learnBatch(acted.map((action, i) => (action === (t + i) % actions ? 1 : -0.5)));
      did += acted.join("");
    } else {
      const action = agent.act(context());
      agent.learn(action === t % actions ? 1 : 0);
      did += action;
    }
  }
  return did;
}

/** Names of learned parameters; all else in a checkpoint remembers how they were learned. */
const isParameter = (name) => /^(layers|decoder|prior|convolutions)\b/.test(name);

const sha256 = (parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex");

/** Of all parameters, by name: their bytes. */
function hashOfParameters(tensors) {
  const names = Object.keys(tensors).filter(isParameter).sort();
  if (names.length === 0) throw new Error(`no parameters among ${Object.keys(tensors)}`);
  return sha256(
    names.flatMap((name) => {
      const { dtype, shape, data } = tensors[name];
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return [`${name} ${dtype} ${shape}\n`, bytes];
    }),
  );
}

const linesOf = (path) =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** Of the values of metrics that have these names. */
function hashOfMetrics(records, names) {
  const kept = names.filter((name) => name !== "msPerStep").sort();
  return sha256([JSON.stringify(records.map((record) => kept.map((name) => [name, record[name]])))]);
}

/**
 * What the library makes of it all: `hashes` and `ids`, functions by the names that their values have in the fixtures'
 * files of these names. `library` has what is used of the public API, and `runIdOf`; `folder` is an empty one, where
 * this process goes: paths in settings are relative.
 */
export function createNet(library, folder) {
  const { trainRun, runIdOf, decodeSafetensors, createWasmBackend } = library;
  // As they were at that revision, which did not know the setting.
  const scores = library.parseConfig({}).scores === undefined ? {} : { scores: "rounded" };
  const parseConfig = (settings) => library.parseConfig({ ...scores, ...settings });
  process.chdir(folder);
  writeData("data");
  const portable = () => createWasmBackend({ kernels: "portable" });
  const optimizerOf = ({ name, ...settings }) => library[name](settings);
  const tensorsIn = (run) => decodeSafetensors(readFileSync(checkpointOf(run))).tensors;

  /** Trains with settings. */
  async function train(settings) {
    const run = await trainRun(parseConfig({ ...settings, out: "runs" }));
    return hashOfParameters(tensorsIn(run.folder));
  }

  /** Goes on with a copy of a run by its own config, or makes it longer where it was finished. */
  async function resume(name) {
    cpSync(runsFolderOf(name), slug(name), { recursive: true });
    const copy = runIn(slug(name));
    const [first] = linesOf(join(copy, "metrics.jsonl"));
    const config = JSON.parse(readFileSync(join(copy, "config.json"), "utf8"));
    const finished = existsSync(join(copy, "summary.json"));
    let from;
    const { folder, status } = await trainRun(
      parseConfig({ ...config, ...(finished && { epochs: 2 * config.epochs }) }),
      {
        resume: true,
        onStart: ({ step }) => {
          from = step;
        },
      },
    );
    return {
      folder,
      from,
      status,
      parameters: hashOfParameters(tensorsIn(folder)),
      metrics: hashOfMetrics(linesOf(join(folder, "metrics.jsonl")), Object.keys(first)),
    };
  }

  /** Asks for a run that is finished. */
  async function find(name) {
    cpSync(runsFolderOf(name), `found-${slug(name)}`, { recursive: true });
    const run = runIn(`found-${slug(name)}`);
    const config = JSON.parse(readFileSync(join(run, "config.json"), "utf8"));
    const { status, summary } = await trainRun(parseConfig({ ...config, out: dirname(run) }));
    return { status, epochs: summary.epochs, testAccuracy: summary.testAccuracy };
  }

  /** Images out of the auto-encoder in a run's checkpoint. */
  async function sample(name) {
    const { hidden, units } = runs[name].settings;
    const vae = library.loadVae(await portable(), tensorsIn(runIn(runsFolderOf(name))), { hidden, units });
    const { probabilities, bits } = await library.sampleImages(vae, { count: 5, seed: 3 });
    return sha256([new Uint8Array(probabilities.buffer), bits]);
  }

  /** What an agent that was saved does next, and its parameters then. */
  async function goOn(name) {
    const { optimizer, ...options } = agents[name];
    const bytes = readFileSync(agentFileOf(name));
    const agent = await library.loadAgent(bytes, optimizer && optimizerOf(optimizer), await portable());
    return { acted: play(agent, options, 2, 20), parameters: hashOfParameters(await tensorsOf(agent)) };
  }

  /** A new agent that has learned a little. */
  async function trainAgent(name) {
    const { estimator, optimizer, ...options } = agents[name];
    const agent = await library.createAgent(
      {
        ...options,
        inputs: contextLength,
        actions,
        ...(estimator && { estimator: library.findEstimator(estimator) }),
        ...(optimizer && { optimizer: optimizerOf(optimizer) }),
      },
      await portable(),
    );
    play(agent, options, 1, 30);
    return agent;
  }
  const tensorsOf = async (agent) => decodeSafetensors(await agent.save()).tensors;

  const each = (prefix, names, value) => names.map((name) => [`${prefix}${name}`, () => value(name)]);
  return {
    trainAgent,
    hashes: Object.fromEntries([
      ...each("", Object.keys(trainings), (name) => train(trainings[name])),
      ...each("run, resumed: ", Object.keys(runs), resume),
      ...each("run, found: ", ["bandit, finished"], find),
      ...each("checkpoint: ", Object.keys(runs), (name) =>
        hashOfParameters(tensorsIn(runIn(runsFolderOf(name)))),
      ),
      ...each("images out of: ", ["auto-encoder, stopped"], sample),
      ...each("agent, loaded: ", Object.keys(agents), goOn),
      ...each("agent, new: ", Object.keys(agents), async (name) =>
        hashOfParameters(await tensorsOf(await trainAgent(name))),
      ),
    ]),
    ids: Object.fromEntries(
      each("id: ", Object.keys(identities), (name) =>
        runIdOf(parseConfig({ kernels: "portable", ...identities[name] }), "the digest of some data"),
      ),
    ),
  };
}
