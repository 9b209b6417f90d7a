/** The settings that there are, each with what it may be: those of every run, of a task, of estimators. */

import { mostThreads } from "flipnet/internal/backend/heap";
import { kernelKinds } from "flipnet/internal/backend/kinds";
import { count, type Option, oneOf, perLayer } from "flipnet/internal/estimators/options";
import { estimators, estimatorsFor } from "flipnet/internal/estimators/registry";
import { isWhole } from "flipnet/internal/formats/whole";
import { type HiddenLayer, hiddenSpec, parseHidden } from "flipnet/internal/network/hidden";
import { adamOptions } from "flipnet/internal/optimizers/adam";
import { scheduleOptions } from "flipnet/internal/optimizers/optimizer";
import type { TaskDefinition } from "flipnet/internal/tasks/definition";
import { tasks } from "flipnet/internal/tasks/registry";
import { learningOptions } from "flipnet/internal/training/create";
import { isFile } from "./module.ts";

/** A setting of a run. */
export interface Setting extends Option {
  /** The value that says the same in the shortest way. */
  readonly normalise?: (value: unknown) => unknown;
}

/** Settings by name. */
export type DescribedSettings = Readonly<Record<string, Setting>>;

/**
 * Options of estimators that are settings of a run by their own names, as all were once. Others stand with the name of
 * the estimator: `reinforce-loo:samples=4`. A new option is never one of these.
 */
const withOwnName =
  "stopGradient hiddenRule lambda penalty norm normChange normRate childPruning fullReward resample".split(
    " ",
  );

/** Those of them that an estimator takes. */
export const ownNamesOf = (takes: Readonly<Record<string, Option>>): string[] =>
  withOwnName.filter((name) => Object.hasOwn(takes, name));

/** Every option with a name of its own, as the estimators that take it describe it. */
export const optionsWithOwnName: Readonly<Record<string, readonly { estimator: string; option: Option }[]>> =
  Object.fromEntries(
    withOwnName.map((name) => [
      name,
      estimators.flatMap(({ name: estimator, takes }) =>
        Object.hasOwn(takes, name) ? [{ estimator, option: takes[name] }] : [],
      ),
    ]),
  );

const text = (expected: string, usual: string | undefined, says: string): Setting => ({
  kind: "word",
  default: usual,
  expected,
  says,
  accepts: (value) => typeof value === "string" && value !== "",
});

/** The same, which may also be the name of a file. */
const orFile = (option: Option): Setting => ({
  ...option,
  expected: `${option.expected}, or a file`,
  accepts: (value) => option.accepts(value) || (typeof value === "string" && isFile(value)),
});

const usual = <T>(option: Option, value: T): Setting => ({ ...option, default: value });

/** A hidden layer as it may be written: a width, a text, or an object. Undefined where it is none. */
function layerIn(value: unknown): HiddenLayer | undefined {
  if (typeof value === "string") return parseHidden(value);
  if (isWhole(value, 1)) return value;
  if (typeof value !== "object" || value === null) return undefined;
  const { units, choices, parents, ...others } = value as Record<string, unknown>;
  const fine =
    Object.keys(others).length === 0 &&
    isWhole(units, 1) &&
    (choices === undefined || isWhole(choices, 2)) &&
    (parents === undefined ||
      (Array.isArray(parents) &&
        parents.length > 0 &&
        parents.every((parent) => parent === "input" || isWhole(parent, 0))));
  return fine ? (value as HiddenLayer) : undefined;
}

/** As one would say it shortest: the same layers make the same run. */
function shortest(layer: HiddenLayer): HiddenLayer {
  const { kind, parents } = hiddenSpec(layer);
  return typeof layer === "object" && kind === "bernoulli" && parents === undefined ? layer.units : layer;
}

const hidden = (fallback: readonly HiddenLayer[]): Setting => ({
  kind: "numbers",
  default: fallback,
  expected:
    "a list of layers, each a width from 1 on or, as in softmax:20x10, softmax units and their choices, 2 or more; behind it may stand what feeds it, as in 100@input+0",
  says: "hidden layers: widths, or softmax:UxN for U units of N choices, as in 200,softmax:20x10; 100@input+0 reads the input and layer 0",
  accepts: (value) => Array.isArray(value) && value.every((layer) => layerIn(layer) !== undefined),
  normalise: (value) => (value as unknown[]).map((layer) => shortest(layerIn(layer)!)),
});

/** What tasks on images have beside their own. */
const images: DescribedSettings = {
  data: text(
    "the path of a folder with the four IDX files, or of other images",
    undefined,
    "the four IDX files of images and labels (default: MNIST)",
  ),
};

const share: Setting = {
  kind: "number",
  default: undefined,
  expected: "a number between 0 and 1",
  says: "the share of rows that are held out to measure on, where there is no test table (0.2)",
  accepts: (value) => typeof value === "number" && value > 0 && value < 1,
};

/** Names of columns, as a list or separated by commas. */
const names = (says: string): Setting => ({
  kind: "word",
  default: undefined,
  expected: "names of columns, separated by commas, or a list of them",
  says,
  accepts: (value) =>
    (typeof value === "string" && value !== "") ||
    (Array.isArray(value) && value.every((one) => typeof one === "string")),
  normalise: (value) => (typeof value === "string" ? value.split(",").map((one) => one.trim()) : value),
});

/** What tasks on tables have beside their own. */
export const tables: DescribedSettings = {
  data: text(
    "the paths of a table's files",
    undefined,
    "CSV, TSV, Parquet, .npy or .npz; several with commas",
  ),
  target: text("the name of a column", undefined, "the column that holds the class"),
  features: names("columns to see (default: all others)"),
  ignore: names("columns to leave out"),
  test: text("the paths of a table's files", undefined, "a table of its own to measure on"),
  testShare: share,
  quantileBits: count({
    least: 1,
    most: 1000,
    default: undefined,
    says: "cut numbers at quantiles into n bits, instead of standardising them",
  }),
  bins: count({
    least: 2,
    most: 1000,
    default: undefined,
    says: "classes that a target that is a number is cut into",
  }),
  rowWeights: text("the name of a column", undefined, "the column that says how much each row counts"),
};

/** What objectives of one's own have. */
const objectives: DescribedSettings = {
  objective: text(
    "the path of a module",
    undefined,
    "a module of your own, whose default export defineObjective has made",
  ),
};

/** The same without a target. */
const { target: _target, bins: _bins, ...rows } = tables;

/** Described once a task: each flag of each command asks. */
const described = new Map<TaskDefinition, DescribedSettings>();

/** All settings of a task's runs but `task` and `estimator`. */
export function settingsOf(task: TaskDefinition): DescribedSettings {
  const settings = described.get(task) ?? describe(task);
  described.set(task, settings);
  return settings;
}

function describe(task: TaskDefinition): DescribedSettings {
  const { baselineDecay, seed, paperScale, varianceCount } = learningOptions;
  const { frozen, beta1, beta2, epsilon } = adamOptions;
  return {
    ...ownOptionsFor(task),
    // The papers' updates of rules that learn from rewards.
    ...(task.offers.includes("reward") && { paperScale: usual(paperScale, undefined) }),
    ...task.settings,
    ...(task.settings.environment && { environment: orFile(task.settings.environment) }),
    ...(task.data === "images" && images),
    ...(task.data === "table" && tables),
    ...(task.data === "rows" && rows),
    ...(task.data === "objective" && objectives),
    baseline: oneOf(["none", "running-average"], {
      default: "none",
      says: "what is subtracted from learning signals",
    }),
    baselineDecay: usual(baselineDecay, undefined),
    hidden: hidden(task.usual.hidden),
    units: oneOf(["plus-minus", "zero-one"], { default: task.usual.units, says: "values of hidden units" }),
    epochs:
      task.length === "steps"
        ? { ...epochs, default: undefined, expected: "left out: the length is that of steps" }
        : epochs,
    batchSize: count({ least: 1, default: task.usual.batchSize, says: "examples in a step" }),
    optimizer: oneOf(["adam", "sgd"], { default: "adam", says: "what climbs the gradient" }),
    learningRate: perLayer({
      default: task.usual.learningRate,
      says: "one, or one a layer, as in 1e-3,1e-4",
    }),
    learningRateEnd: perLayer({
      zero: true,
      default: undefined,
      says: "what the rate moves to, linearly, in --learning-rate-steps (default: it stays)",
    }),
    learningRateSteps: scheduleOptions.learningRateSteps,
    l2: perLayer({
      zero: true,
      default: undefined,
      says: "L2 penalty on the weights, one or one a layer, as in 0,1e-5,1e-3 (default 0)",
    }),
    beta1: usual(beta1, undefined),
    beta2: usual(beta2, undefined),
    epsilon: usual(epsilon, undefined),
    frozenAdam: usual({ ...frozen, says: "Adam that never counts its steps" }, undefined),
    varianceCount,
    seed,
    backend: oneOf(["wasm", "reference"], { default: "wasm", says: "where it is computed" }),
    kernels: {
      kind: "word",
      default: undefined,
      words: [...kernelKinds, "float64"],
      expected: `one of ${kernelKinds.join(", ")} (wasm backend), float64 (reference backend)`,
      says: "portable, relaxed or native-128, -256, -512 (default: the fastest that the host has)",
      accepts: (value) => [...kernelKinds, "float64"].includes(value as never),
    },
    scores: oneOf(["exact", "rounded"], {
      default: "exact",
      says: "what a unit that is on is credited with: 1 - p to its last digit, or as float32 rounds it, as runs were once",
    }),
    threads: count({
      least: 1,
      most: mostThreads,
      default: undefined,
      says: "threads that share the work of a step; the same bits (default 1)",
    }),
    out: text("the path of a folder", "runs", "folder of the run folders"),
  };
}

const epochs = count({ least: 1, default: 100, says: "length of the run" });

/** Options with a name of their own of estimators that can serve a task; what counts is what the chosen one makes of it. */
function ownOptionsFor({ offers }: TaskDefinition): DescribedSettings {
  const serving = estimatorsFor(offers).map(({ name }) => name);
  return Object.fromEntries(
    Object.entries(optionsWithOwnName).flatMap(([name, takers]) => {
      const own = takers.filter(({ estimator }) => serving.includes(estimator));
      if (own.length === 0) return [];
      // The one that may be most says what is expected.
      const [{ option }] = own.toSorted(
        (a, b) => (b.option.words?.length ?? 0) - (a.option.words?.length ?? 0),
      );
      return [[name, { ...option, default: undefined }]];
    }),
  );
}

/** Names of the tasks that have a setting. */
export const tasksWith = (name: string): string[] =>
  tasks.filter((task) => Object.hasOwn(settingsOf(task), name)).map((task) => task.name);

/** Whether a switch is one that can only be taken back: `--no-child-pruning`. */
export const isTakenBack = (name: string): boolean =>
  optionsWithOwnName[name]?.some(({ option }) => option.default === true) ?? false;
