// Random runs of a few steps: any task, network, estimator and options, as the settings' own descriptions have them; and
// what they give on every backend of this host.
import { createBackend, loadWorkload } from "../../packages/cli/dist/running/workload.js";
import { parseConfig } from "../../packages/cli/dist/settings/config.js";
import { optionsWithOwnName, ownNamesOf, settingsOf } from "../../packages/cli/dist/settings/described.js";
import { kernelsHere } from "../../packages/flipnet/dist/backend/kinds.js";
import { estimatorText } from "../../packages/flipnet/dist/estimators/options.js";
import { estimators, estimatorsFor } from "../../packages/flipnet/dist/estimators/registry.js";
import { RunError } from "../../packages/flipnet/dist/formats/errors.js";
import { tasks } from "../../packages/flipnet/dist/tasks/registry.js";
import { below, chance, hostile, oneOf } from "./damage.mjs";

/** Values that an option may have, most of them such that it can be used. */
function someValue({ kind, words, default: usual, accepts }) {
  if (chance(0.005)) return oneOf(hostile);
  const number = () => oneOf([0, 1, 2, 3, 4, 6, 0.5, 0.9, 0.1, 0.01, 1e-3, 1e-8]);
  const some = {
    switch: () => chance(0.5),
    word: () => (words === undefined ? "x" : oneOf(words)),
    number,
    numbers: () => (chance(0.4) ? number() : Array.from({ length: 1 + below(3) }, number)),
  };
  for (let tries = 0; tries < 20; tries++) {
    const value = some[kind]();
    if (accepts(value)) return value;
  }
  return usual;
}

/** Some of the described options, by name. */
const valuesOf = (described, share) =>
  Object.fromEntries(
    Object.entries(described).flatMap(([name, option]) => (chance(share) ? [[name, someValue(option)]] : [])),
  );

function layer(place) {
  const units = 1 + below(6);
  const own = chance(0.2) ? `softmax:${1 + below(3)}x${2 + below(3)}` : `${units}`;
  const parents = ["input", ...Array(place).keys()].filter(() => chance(0.5));
  return place > 0 && chance(0.25) && parents.length > 0 ? `${own}@${parents.join("+")}` : own;
}

/** Settings as somebody may write them; some cannot be used, or do not go together. */
export function randomSettings(data) {
  const task = oneOf(tasks);
  const serving = chance(0.98) ? estimatorsFor(task.offers) : estimators;
  const { name, takes } = oneOf(serving);
  const described = settingsOf(task);
  const [batchSize, steps] = [1 + below(4), 1 + below(2)];
  const options = fitting(takes, valuesOf(takes, 0.35));
  // Options that are settings of their own, and those that stand with the estimator's name.
  const own = ownNamesOf(takes);
  const [told, named] = [true, false].map((isOwn) =>
    Object.fromEntries(Object.entries(options).filter(([key]) => own.includes(key) === isOwn)),
  );
  const others = Object.fromEntries(
    Object.entries(described).filter(
      ([key]) => !chosen.includes(key) && !Object.hasOwn(optionsWithOwnName, key),
    ),
  );
  const settings = {
    task: task.name,
    estimator: estimatorText({ name, ...named }),
    ...fitting(others, valuesOf(others, 0.25)),
    ...told,
    ...(task.data === "images" && { data, limit: steps * batchSize }),
    ...(task.length === "steps" ? { steps, recordEvery: 1 } : { epochs: 1 }),
    ...(Object.hasOwn(described, "boundSamples") && { boundSamples: 1 + below(2) }),
    hidden: Array.from({ length: oneOf([0, 1, 1, 2, 2, 3]) }, (_, place) => layer(place)),
    batchSize,
    optimizer: oneOf(["adam", "sgd"]),
    learningRate: chance(0.05) ? [0.1, 0.2] : oneOf([0.01, 0.1]),
    seed: below(1000),
  };
  if (settings.optimizer === "sgd" && chance(0.9)) delete settings.frozenAdam;
  if (settings.convolutions === undefined && chance(0.9)) delete settings.kernelSize;
  // Where Adam's epsilon is small it makes a whole step of a gradient that is nothing but rounding.
  if (settings.optimizer === "adam") settings.epsilon = 0.1;
  if (Array.isArray(settings.l2) && chance(0.9)) settings.l2 = settings.l2[0];
  return settings;
}

/** Settings that are chosen by hand: small runs, or where and how. */
const chosen =
  "data limit hidden steps recordEvery epochs batchSize boundSamples optimizer learningRate seed kernels backend threads out".split(
    " ",
  );

/** Most options that count only beside others are left out where those have other values. */
const fitting = (described, values) =>
  Object.fromEntries(
    Object.entries(values).filter(([key]) => {
      const needed = Object.entries(described[key].when ?? {});
      const counts = needed.every(([other, value]) => (values[other] ?? described[other].default) === value);
      return counts || chance(0.05);
    }),
  );

/** Every backend of this host, the exact one first. */
const places = [
  { backend: "reference", kernels: "float64" },
  ...kernelsHere().map((kernels) => ({ backend: "wasm", kernels })),
];

const loaded = new Map();

/** What a run gives: its records and its parameters, or the sentence in which it ends. */
async function outcome(config) {
  const key = `${config.task} ${config.data} ${config.limit}`;
  if (!loaded.has(key)) loaded.set(key, await loadWorkload(config));
  const backend = await createBackend(config);
  try {
    const { training } = await loaded.get(key).prepare(backend, config);
    training.initialise();
    const values = {};
    for await (const { msPerStep, ...record } of training.run(config.epochs)) {
      // Of a variance that is nothing but rounding, the logarithm is anything.
      const { logGradientVariance, ...metrics } = record;
      for (const [name, value] of Object.entries(metrics)) values[`${name} ${record.epoch}`] = [value];
    }
    for (const [name, { data }] of Object.entries(await training.tensors())) {
      if (!name.startsWith("training.")) values[name] = data;
    }
    return { values };
  } catch (error) {
    return { error };
  } finally {
    backend.close();
  }
}

/** What is less than this in a tensor of such numbers is as good as nothing. */
const least = 0.01;

/** How far two runs are apart: as a part of the largest number of a tensor, or of a metric, and of `least` at least. */
function distance(a, b) {
  let [most, where] = [0, ""];
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const [x, y] = [a[name], b[name]];
    if (x?.length !== y?.length) return { most: Infinity, where: name };
    // A mean over episodes is none where no episode has ended.
    const scale = x.reduce((largest, value) => Math.max(largest, Math.abs(value) || 0), least);
    for (let i = 0; i < x.length; i++) {
      const apart = Object.is(x[i], y[i]) ? 0 : Math.abs(x[i] - y[i]) / scale;
      if (!(apart <= most)) [most, where] = [Number.isNaN(apart) ? Infinity : apart, name];
    }
  }
  return { most, where };
}

/**
 * Runs settings on every backend.
 *
 * @returns the largest distance from the exact backend, and where; or the error in which all end
 */
export async function everywhere(settings) {
  const ends = [];
  for (const place of places) {
    const config = parseConfig({ ...settings, ...place });
    ends.push({ ...place, ...(await outcome(config)) });
  }
  const [exact, ...others] = ends;
  // Numbers become too large for float32 sooner than for float64.
  const broken = ends.find(({ error }) => error instanceof RunError);
  if (broken !== undefined) return { error: broken.error };
  let worst = { most: 0, where: "" };
  for (const other of others) {
    if (exact.error?.message !== other.error?.message) {
      const [here, there] = [exact, other].map(({ error }) => error?.stack ?? "a result");
      throw new Error(`${other.kernels} ends otherwise: ${there}; the reference: ${here}`);
    }
    if (exact.error !== undefined) continue;
    const found = distance(exact.values, other.values);
    if (found.most > worst.most) worst = { ...found, where: `${found.where} on ${other.kernels}` };
  }
  return exact.error === undefined ? worst : { error: exact.error };
}
