/**
 * The settings of a run: their names, their defaults, and one clear sentence for what cannot be used. What there is, and
 * what it may be, is said where it belongs: by tasks, estimators, optimizers; see `described.ts`.
 */
import { readFile } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { text as textFrom } from "node:stream/consumers";
import type { KernelKind } from "flipnet/internal/backend/kinds";
import type { Estimator } from "flipnet/internal/estimators/estimator";
import { misfit } from "flipnet/internal/estimators/needs";
import type { NamedOptions, Options } from "flipnet/internal/estimators/options";
import { estimatorsFor } from "flipnet/internal/estimators/registry";
import { InputError } from "flipnet/internal/formats/errors";
import { nearest, suggestion } from "flipnet/internal/formats/nearest";
import { repeatedKey } from "flipnet/internal/formats/repeated-key";
import { type HiddenLayer, hiddenName } from "flipnet/internal/network/hidden";
import type { Units } from "flipnet/internal/network/network";
import { adamOptions } from "flipnet/internal/optimizers/adam";
import type { MetricRecord, TaskDefinition, UsualForData } from "flipnet/internal/tasks/definition";
import { findTask, tasks } from "flipnet/internal/tasks/registry";
import { learningOptions } from "flipnet/internal/training/create";
import { optionsWithOwnName, ownNamesOf, settingsOf, tasksWith } from "./described.ts";
import { environmentIn } from "./environment.ts";
import { type ChosenEstimator, chooseEstimator, namedIn } from "./estimator.ts";
import { flagOf } from "./flag.ts";
import { checkDigest, isFile } from "./module.ts";

/** The settings of one run, complete but for `kernels`, which is chosen when the run starts unless it is given. */
export interface Config {
  task: string;
  /** Its name or file, with the options that are not what holds anyway and have no setting of their own. */
  estimator: string;
  /** SHA-256 of the file that the estimator is from, in hex; and of the environment's. */
  estimatorDigest?: string;
  environmentDigest?: string;
  baseline: "none" | "running-average";
  baselineDecay?: number;
  hidden: readonly HiddenLayer[];
  units: Units;
  epochs: number;
  batchSize: number;
  optimizer: "adam" | "sgd";
  learningRate: number | readonly number[];
  learningRateEnd?: number | readonly number[];
  learningRateSteps?: number;
  l2?: number | readonly number[];
  beta1?: number;
  beta2?: number;
  epsilon?: number;
  frozenAdam?: true;
  paperScale?: true;
  varianceCount?: number;
  seed: number;
  backend: "wasm" | "reference";
  kernels?: KernelKind | "float64";
  /** Absent in runs from before it was a setting: rounded. */
  scores?: "exact" | "rounded";
  threads?: number;
  out: string;
  /** Of tasks on images. */
  data?: string;
  limit?: number;
  /** Of tasks whose length is that of their steps. */
  steps?: number;
  recordEvery?: number;
  /** Settings that nobody gave and that the data decide: until they are there, the config has the task's usual ones. */
  byRule?: readonly (keyof UsualForData)[];
  /** A task's own, and options of estimators. */
  [setting: string]: unknown;
}

/** The task of a config that has been read. */
export const taskOf = ({ task }: Pick<Config, "task">): TaskDefinition => findTask(task)!;

/** The last metric's name that records go along: what a run's length is counted in. */
export const alongOf = (config: Pick<Config, "task">): "epoch" | "step" =>
  taskOf(config).length === "steps" ? "step" : "epoch";

/** What reports draw curves over. */
export const drawnOver = (config: Config): string =>
  taskOf(config).over?.(config as never) ?? alongOf(config);

/** How long a run is, in what it is counted in. */
export const lengthOf = (config: Config): number =>
  taskOf(config).length === "steps" ? config.steps! : config.epochs;

/** Whether a run that has come to the last of these records is over, however long it was let be. */
export function hasEnded(config: Config, records: readonly MetricRecord[]): boolean {
  const last = records[records.length - 1];
  return last !== undefined && taskOf(config).ended?.(config as never, last) === true;
}

/** Whether it has nothing left to do. */
export const isComplete = (config: Config, records: readonly MetricRecord[]): boolean =>
  records.length >= config.epochs || hasEnded(config, records);

/** A config of that many epochs. */
export function ofLength(config: Config, epochs: number): Config {
  const steps = taskOf(config).length === "steps" ? { steps: epochs * config.recordEvery! } : {};
  return { ...config, epochs, ...steps };
}

/**
 * Checks settings and fills in the defaults.
 *
 * @param nameOf how to call a setting in messages: by its flag, or with the file it stands in
 * @param folder where the path of an estimator's file begins
 * @throws InputError for an unknown setting or a value that cannot be used
 */
export function parseConfig(
  settings: Record<string, unknown>,
  nameOf: (key: string) => string = (key) => key,
  folder = ".",
): Config {
  // Whoever names a target has a table, whoever names an objective that one.
  const usual =
    settings.objective !== undefined
      ? "objective"
      : settings.target === undefined
        ? "bandit"
        : "table-labels";
  const task = taskIn(settings.task ?? usual, nameOf);
  const described = settingsOf(task);
  const { task: _, estimator: named, estimatorDigest, environmentDigest, ...others } = settings;
  const given = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  const values: Record<string, unknown> = {};
  for (const [key, { accepts, default: usual, normalise, words, expected }] of Object.entries(described)) {
    const value = given[key] ?? usual;
    if (value === undefined) continue;
    if (!accepts(value)) throw new InputError(unusable(nameOf(key), value, words ?? expected));
    values[key] = normalise?.(value) ?? value;
  }
  const stranger = Object.keys(given).find((key) => !Object.hasOwn(described, key));
  if (stranger !== undefined) {
    const having = tasksWith(stranger);
    throw new InputError(
      having.length > 0
        ? `${nameOf(stranger)} is a setting of ${tasksNamed(having)}; the task is ${task.name}`
        : `${nameOf(stranger)} is no setting; ${suggestion(stranger, ["task", "estimator", ...Object.keys(described)])}`,
    );
  }
  if (typeof values.objective === "string") values.objective = resolve(folder, values.objective);
  const { chosen, own } = estimatorIn(named ?? task.usual.estimator, values, { task, nameOf, folder });
  checkDigest("estimator", chosen.text, chosen.digest, estimatorDigest);
  if (typeof values.environment === "string") {
    Object.assign(values, environmentIn(values.environment, folder, environmentDigest));
  }
  for (const key of Object.keys(optionsWithOwnName)) delete values[key];
  const config = settle(task, chosen, { ...own, ...values }, nameOf);
  const byRule = task.usualFor === undefined ? [] : ruled.filter((key) => given[key] === undefined);
  return byRule.length === 0 ? config : { ...config, byRule };
}

/** Settings that data may decide. */
const ruled: readonly (keyof UsualForData)[] = ["hidden", "batchSize", "learningRate", "epochs"];

/** A config with what its data decide of the settings that nobody gave. */
export function decided({ byRule = [], ...config }: Config, usual: UsualForData | undefined): Config {
  if (usual === undefined) return config as Config;
  return { ...config, ...Object.fromEntries(byRule.map((key) => [key, usual[key]])) } as Config;
}

/** What was decided, as flags would say it. */
export const rulesIn = ({ byRule = [] }: Config, usual: UsualForData): string =>
  byRule.map((key) => `${flagOf(key)} ${[usual[key]].flat().map(wordOf).join(",")}`).join(" ");

const wordOf = (value: HiddenLayer) => (typeof value === "object" ? hiddenName(value) : String(value));

function taskIn(name: unknown, nameOf: (key: string) => string): TaskDefinition {
  const task = typeof name === "string" ? findTask(name) : undefined;
  if (task !== undefined) return task;
  throw new InputError(
    unusable(
      nameOf("task"),
      name,
      tasks.map((one) => one.name),
    ),
  );
}

/** The estimator that settings ask for, and its options that are settings of their own, with what holds where none is said. */
function estimatorIn(
  value: unknown,
  settings: Readonly<Record<string, unknown>>,
  { task, nameOf, folder }: { task: TaskDefinition; nameOf: (key: string) => string; folder: string },
): { chosen: ChosenEstimator; own: Record<string, unknown> } {
  const known = estimatorsFor(task.offers);
  const names = known.map(({ name }) => name);
  const named = namedIn(value);
  if (named === undefined || !(isFile(named.name) || names.includes(named.name))) {
    const others = tasks.filter(({ offers }) =>
      estimatorsFor(offers).some(({ name }) => name === named?.name),
    );
    if (others.length > 0) {
      throw new InputError(
        `${nameOf("estimator")} is "${named!.name}", an estimator of ${tasksNamed(others.map(({ name }) => name))}; the task is ${task.name}, which has ${names.join(", ")}`,
      );
    }
    throw new InputError(unusable(nameOf("estimator"), named?.name ?? value, names));
  }
  const { takes } = known.find(({ name }) => name === named.name) ?? { takes: {} as Options };
  const ownNames = ownNamesOf(takes);
  const told: Record<string, unknown> = {};
  for (const key of Object.keys(optionsWithOwnName)) {
    const setting = settings[key];
    if (setting === undefined) continue;
    if (!ownNames.includes(key)) {
      const takers = optionsWithOwnName[key].map(({ estimator }) => estimator).join(", ");
      const all = Object.keys(chooseEstimator(named, { known: names, folder }).estimator.takes).join(", ");
      throw new InputError(
        `${nameOf(key)} is an option of ${takers}; the estimator is ${named.name}, which takes ${all || "none"}`,
      );
    }
    const { accepts, words, expected } = takes[key];
    if (!accepts(setting)) throw new InputError(unusable(nameOf(key), setting, words ?? expected));
    if (named[key] !== undefined && JSON.stringify(named[key]) !== JSON.stringify(setting)) {
      throw new InputError(
        `${nameOf(key)} is ${show(setting)}, and ${nameOf("estimator")} says ${show(named[key])}; expected it once`,
      );
    }
    told[key] = setting;
  }
  // The full reward comes without pruning.
  if ({ ...named, ...told }.fullReward === true) told.childPruning = false;
  const chosen = chooseEstimator({ ...named, ...told }, { known: names, folder });
  const why = misfit(chosen.estimator, task.offers);
  if (why !== undefined)
    throw new InputError(`${nameOf("estimator")} cannot serve the task ${task.name}: ${why}`);
  const { options } = chosen.estimator;
  const own = Object.fromEntries(
    ownNames.flatMap((key) =>
      options[key] === undefined || isUnsaid(key, options[key]) ? [] : [[key, options[key]]],
    ),
  );
  return { chosen: { ...chosen, text: withoutOptions(chosen.text, ownNames) }, own };
}

/** The rule of the paper goes without saying: it did before there was another. */
const isUnsaid = (key: string, value: unknown) => key === "stopGradient" && value === true;

/** The text of an estimator without some of its options. */
const withoutOptions = (text: string, names: readonly string[]): string =>
  names.length === 0
    ? text
    : text
        .split(":")
        .filter((part) => !names.includes(part.split("=")[0]))
        .join(":");

/**
 * Settings as a run has stored them: those that are known have a value that they can have, others are kept. Whether they
 * go together is not asked: the run has been made.
 *
 * @param nameOf how to call a setting in messages
 * @throws InputError for a value that cannot be used
 */
export function parseStoredConfig(
  settings: Record<string, unknown>,
  nameOf: (key: string) => string,
): Config {
  const task = taskIn(settings.task, nameOf);
  const named = namedIn(settings.estimator);
  if (named === undefined) {
    throw new InputError(unusable(nameOf("estimator"), settings.estimator, "the name of an estimator"));
  }
  const values: Record<string, unknown> = { ...settings };
  for (const [key, { accepts, default: usual, normalise, words, expected }] of Object.entries(
    settingsOf(task),
  )) {
    // What was no setting then had no other value than the one it has without it: see `scores`.
    const value = settings[key] ?? (key === "scores" ? undefined : usual);
    if (value === undefined) continue;
    if (!accepts(value)) throw new InputError(unusable(nameOf(key), value, words ?? expected));
    values[key] = normalise?.(value) ?? value;
  }
  return values as Config;
}

/** Stored settings, to go on with: those from before `scores` was one had them rounded. */
export const withScores = (settings: Record<string, unknown>): Record<string, unknown> => ({
  scores: "rounded",
  ...settings,
});

/** The estimator that a config names, with its options. @throws InputError for a file that is not there, or has changed */
export function estimatorOf(config: Config): Estimator {
  const named = namedIn(config.estimator)!;
  const options = Object.keys(optionsWithOwnName).flatMap((key) =>
    config[key] === undefined ? [] : [[key, config[key]]],
  );
  const chosen = chooseEstimator({ ...named, ...Object.fromEntries(options) } as NamedOptions);
  checkDigest("estimator", chosen.text, chosen.digest, config.estimatorDigest);
  return chosen.estimator;
}

/** `expected` is a description, or all words that are known. */
function unusable(name: string, value: unknown, expected: string | readonly string[]): string {
  const found = `${name} is ${show(value)}`;
  if (typeof expected === "string") return `${found}; expected ${expected}`;
  const near = typeof value === "string" ? nearest(value, expected) : undefined;
  const hint = near === undefined ? "" : `: did you mean "${near}"?`;
  return `${found}; expected ${expected.length > 1 ? "one of " : ""}${expected.join(", ")}${hint}`;
}

const show = (value: unknown) => (typeof value === "number" ? String(value) : JSON.stringify(value));

/** Fills in settings that depend on others, and drops those without an effect: they do not make it another run. */
function settle(
  task: TaskDefinition,
  { estimator, text, digest }: ChosenEstimator,
  settings: Record<string, unknown>,
  nameOf: (key: string) => string,
): Config {
  const { beta1, beta2, epsilon, baselineDecay, l2, paperScale, frozenAdam, ...rest } = settings;
  const { baseline, optimizer, epochs, steps, recordEvery, kernelSize, convolutions } = rest;
  for (const name of ["learningRateEnd", "criticRateEnd"]) {
    if (rest[name] === undefined || rest.learningRateSteps !== undefined) continue;
    throw new InputError(
      `${nameOf(name)} is ${show(rest[name])} without ${nameOf("learningRateSteps")}; expected both`,
    );
  }
  if (frozenAdam === true && optimizer !== "adam") {
    throw new InputError(`${nameOf("frozenAdam")} is of Adam; the optimizer is ${optimizer}`);
  }
  if (kernelSize !== undefined && convolutions === undefined) {
    throw new InputError(`${nameOf("kernelSize")} is that of convolutions, and there are none`);
  }
  if (baseline !== "none" && !estimator.baseline) {
    throw new InputError(
      `${nameOf("baseline")} is ${JSON.stringify(baseline)}; expected "none", as ${estimator.name} has no use for one`,
    );
  }
  const inSteps =
    task.length === "steps" ? Math.ceil((steps as number) / (recordEvery as number)) : undefined;
  if (inSteps !== undefined && epochs !== undefined && epochs !== inSteps) {
    throw new InputError(`${nameOf("epochs")} is ${epochs}; the length of this task is that of its steps`);
  }
  return {
    task: task.name,
    estimator: text,
    ...(digest !== undefined && { estimatorDigest: digest }),
    ...rest,
    ...(convolutions !== undefined && { kernelSize: kernelSize ?? 3 }),
    ...(rest.normChange === "exact" && { normRate: rest.normRate ?? rest.learningRate }),
    ...(baseline !== "none" && { baselineDecay: baselineDecay ?? learningOptions.baselineDecay.default }),
    ...(optimizer === "adam" && {
      beta1: beta1 ?? adamOptions.beta1.default,
      beta2: beta2 ?? adamOptions.beta2.default,
      epsilon: epsilon ?? adamOptions.epsilon.default,
    }),
    ...(l2 !== undefined && [l2].flat().some((weight) => (weight as number) > 0) && { l2 }),
    ...(paperScale === true && { paperScale }),
    ...(frozenAdam === true && { frozenAdam }),
    ...(inSteps !== undefined && { epochs: inSteps }),
  } as unknown as Config;
}

/**
 * Reads the settings in a JSON or YAML file, or, of the path `-`, in JSON on stdin; `parseConfig` checks them.
 *
 * @param what the kind of file, for messages
 * @throws InputError for a file that cannot be read, is neither JSON nor YAML, or holds no settings
 */
export async function readConfigFile(path: string, what = "config file"): Promise<Record<string, unknown>> {
  const parse = path === "-" ? parseJson : parsers[extname(path).toLowerCase()];
  if (parse === undefined) {
    const hint = /\.(csv|tsv|parquet|np[yz])(\.gz)?$/i.test(path) ? ": data is given by --data" : "";
    throw new InputError(`the ${what} is ${path}; expected .json, .yaml or .yml${hint}`);
  }
  const text = await (path === "-" ? textFrom(process.stdin) : readFile(path, "utf8")).catch((cause) => {
    throw new InputError(`the ${what} ${path} cannot be read (${cause.code ?? cause.message})`, { cause });
  });
  let settings: unknown;
  try {
    settings = await parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    const [reason] = (cause as Error).message.split("\n");
    throw new InputError(`the ${what} ${path} cannot be read: ${reason.replace(/[:.]$/, "")}`, { cause });
  }
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) {
    throw new InputError(`the ${what} ${path} holds ${show(settings)}; expected settings by name`);
  }
  return settings as Record<string, unknown>;
}

/** What a text in JSON says; as in YAML, no key may stand twice. @throws Error that says what is wrong */
export function parseJson(text: string): unknown {
  const value = JSON.parse(text);
  const twice = repeatedKey(text);
  if (twice !== undefined) throw new Error(`${JSON.stringify(twice)} stands twice in it`);
  return value;
}

const yaml = async (text: string) => (await import("yaml")).parse(text, { logLevel: "error" });

const parsers: Record<string, ((text: string) => unknown) | undefined> = {
  ".json": parseJson,
  ".yaml": yaml,
  ".yml": yaml,
};

/** "the task vae", "the tasks bandit, vae and control". */
function tasksNamed(names: readonly string[]): string {
  const last = names.at(-1);
  return names.length === 1 ? `the task ${last}` : `the tasks ${names.slice(0, -1).join(", ")} and ${last}`;
}
