/**
 * The settings of a run: their names, their defaults, and one clear sentence for what cannot be used.
 *
 * Adding a task is adding a schema to `schemas` and a function to `workloads` in `workload.ts`.
 */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { text as textFrom } from "node:stream/consumers";
import { mostThreads } from "flipnet/internal/backend/heap";
import { kernelKinds } from "flipnet/internal/backend/kinds";
import type { Knowledge } from "flipnet/internal/estimators/needs";
import { estimators, estimatorsFor, findEstimator } from "flipnet/internal/estimators/registry";
import { InputError } from "flipnet/internal/formats/errors";
import { nearest, suggestion } from "flipnet/internal/formats/nearest";
import { type HiddenLayer, hiddenSpec, parseHidden } from "flipnet/internal/network/hidden";
import { z } from "zod";

/** A setting's description says what is expected of it: it ends the sentence about a value that is not. */
const setting = <Schema extends z.ZodType>(expected: string, schema: Schema): Schema =>
  schema.describe(expected);

const choice = <const Name extends string>(names: readonly Name[], fallback: NoInfer<Name>) =>
  setting(`one of ${names.join(", ")}`, z.enum(names).default(fallback as never));

const wholeFrom1 = "a whole number from 1 on";
const decay = "a number from 0 on, below 1";
const positive = z.number().positive();
const rateExpected = "a positive number, or a list of them, one for each layer";

const count = (fallback: number) => setting(wholeFrom1, z.int().min(1).default(fallback));

export const offers: Record<"bandit" | "multiplexer" | "vae", readonly Knowledge[]> = {
  bandit: ["reward"],
  multiplexer: ["reward"],
  vae: ["components", "evaluations", "slopes"],
};

const namesFor = (task: keyof typeof offers) => estimatorsFor(offers[task]).map(({ name }) => name);

/** `softmax:20x10`, 20 units of 10 choices each; `100@input+0`, 100 units that read the input and the first layer. */
const layerText = z
  .string()
  .refine((text) => parseHidden(text) !== undefined)
  .transform((text) => parseHidden(text)!);

const layerShape = z.strictObject({
  units: z.int().min(1),
  choices: z.int().min(2).optional(),
  parents: z
    .array(z.union([z.literal("input"), z.int().min(0)]))
    .min(1)
    .optional(),
});

/** As one would say it shortest: the same layers make the same run. */
const shortest = (layer: HiddenLayer): HiddenLayer => {
  const { kind, parents } = hiddenSpec(layer);
  return typeof layer === "object" && kind === "bernoulli" && parents === undefined ? layer.units : layer;
};

const hidden = (fallback: number[]) =>
  setting(
    "a list of layers, each a width from 1 on or, as in softmax:20x10, softmax units and their choices, 2 or more; behind it may stand what feeds it, as in 100@input+0",
    z
      .array(z.union([z.int().min(1), layerText, layerShape]))
      .transform((layers) => layers.map(shortest))
      .default(fallback),
  );

/** What every task has. */
const common = {
  baseline: choice(["none", "running-average"], "none"),
  baselineDecay: setting(decay, z.number().min(0).lt(1).optional()),
  hidden: hidden([200, 200]),
  units: choice(["plus-minus", "zero-one"], "plus-minus"),
  epochs: setting(wholeFrom1, z.int().min(1).default(100)),
  batchSize: setting(wholeFrom1, z.int().min(1).default(50)),
  optimizer: choice(["adam", "sgd"], "adam"),
  learningRate: setting(rateExpected, z.union([positive, z.array(positive).min(1)]).default(1e-4)),
  l2: setting(
    "a number from 0 on, or a list of them, one for each layer",
    z.union([z.number().min(0), z.array(z.number().min(0)).min(1)]).optional(),
  ),
  beta1: setting(decay, z.number().min(0).lt(1).optional()),
  beta2: setting(decay, z.number().min(0).lt(1).optional()),
  epsilon: setting("a positive number", positive.optional()),
  seed: setting("a whole number from 0 to 2^53 - 1", z.int().min(0).default(0)),
  backend: choice(["wasm", "reference"], "wasm"),
  kernels: setting(
    `one of ${kernelKinds.join(", ")} (wasm backend), float64 (reference backend)`,
    z.enum([...kernelKinds, "float64"]).optional(),
  ),
  threads: setting(`a whole number from 1 to ${mostThreads}`, z.int().min(1).max(mostThreads).optional()),
  out: setting("the path of a folder", z.string().min(1).default("runs")),
};

/** What tasks on images have. */
const images = {
  data: setting("the path of a folder with the four IDX files", z.string().min(1).optional()),
  limit: setting(wholeFrom1, z.int().min(1).optional()),
};

const trueOrFalse = setting("true or false", z.boolean().optional());

/** What estimators of known functions can be told. */
const functionOptions = {
  childPruning: trueOrFalse,
  fullReward: trueOrFalse,
  resample: setting(
    "one of partial, fresh, independent",
    z.enum(["partial", "fresh", "independent"]).optional(),
  ),
};

const hiddenRules = ["reinforce", "direct-gradient", "classification", "reward-penalty"] as const;

/** What HNCA and rules of the Weight Maximization paper can be told. */
const rewardOptions = {
  stopGradient: trueOrFalse,
  hiddenRule: setting(`one of ${hiddenRules.join(", ")}`, z.enum(hiddenRules).optional()),
  lambda: setting("a number from 0 to 1", z.number().min(0).max(1).optional()),
  penalty: setting("one of mixture, analogue", z.enum(["mixture", "analogue"]).optional()),
  norm: setting("a number from 1 on", z.number().min(1).optional()),
  normChange: setting("one of approximate, exact", z.enum(["approximate", "exact"]).optional()),
  normRate: setting(rateExpected, z.union([positive, z.array(positive).min(1)]).optional()),
};

/** What some estimators can be told; a task has those that its estimators take. */
const options = { ...functionOptions, ...rewardOptions };

/** What holds where an estimator that takes an option is not told. */
const optionDefaults: Record<string, unknown> = {
  childPruning: true,
  fullReward: false,
  resample: "partial",
  hiddenRule: "reinforce",
  norm: 2,
  normChange: "approximate",
};

/** One schema a task. */
const schemas = {
  bandit: z.strictObject({
    task: z.literal("bandit").default("bandit"),
    estimator: choice(namesFor("bandit"), "hnca"),
    ...rewardOptions,
    paperScale: trueOrFalse,
    output: choice(["softmax", "bernoulli"], "softmax"),
    convolutions: setting(
      "a list of numbers of channels, each a whole number from 1 on",
      z.array(z.int().min(1)).min(1).optional(),
    ),
    kernelSize: setting(wholeFrom1, z.int().min(1).optional()),
    frozenAdam: trueOrFalse,
    varianceCount: setting(wholeFrom1, z.int().min(1).optional()),
    ...images,
    ...common,
  }),
  multiplexer: z.strictObject({
    task: z.literal("multiplexer"),
    estimator: choice(namesFor("multiplexer"), "weight-max"),
    ...rewardOptions,
    paperScale: trueOrFalse,
    k: setting("a whole number from 1 to 24: the inputs are k + 2^k", z.int().min(1).max(24).default(5)),
    steps: count(312_500),
    recordEvery: count(2500),
    ...common,
    hidden: hidden([64, 32]),
    batchSize: count(128),
    learningRate: common.learningRate.unwrap().default(0.01),
    // What steps and records make of it: see `settle`.
    epochs: setting("left out: the length is that of steps", z.int().min(1).default(0)),
  }),
  vae: z.strictObject({
    task: z.literal("vae"),
    estimator: choice(namesFor("vae"), "f-hnca"),
    ...functionOptions,
    entropy: choice(["analytic", "sampled"], "analytic"),
    samples: count(1),
    boundSamples: count(100),
    evaluateEvery: count(10),
    ...images,
    ...common,
    hidden: hidden([200]),
    units: choice(["plus-minus", "zero-one"], "zero-one"),
  }),
};

type Schemas = typeof schemas;

/** The settings of one run, complete but for `kernels`, which is chosen when the run starts unless it is given. */
export type Config = ConfigOf<keyof Schemas>;
/** The settings of a run of one task. */
export type ConfigOf<Task extends keyof Schemas> = { [T in Task]: Settled<z.output<Schemas[T]>> }[Task];

/**
 * Checks settings and fills in the defaults.
 *
 * @param nameOf how to call a setting in messages: by its flag, or with the file it stands in
 * @throws InputError for an unknown setting or a value that cannot be used
 */
export function parseConfig(
  settings: Record<string, unknown>,
  nameOf: (key: string) => string = (key) => key,
): Config {
  const { task = "bandit" } = settings;
  if (typeof task !== "string" || !Object.hasOwn(schemas, task)) {
    throw new InputError(unusable(nameOf("task"), task, Object.keys(schemas)));
  }
  const schema = schemas[task as keyof Schemas];
  const { data, error } = schema.safeParse(settings);
  if (data !== undefined) {
    checkOptions(data, nameOf);
    if ("frozenAdam" in data && data.frozenAdam && data.optimizer !== "adam") {
      throw new InputError(`${nameOf("frozenAdam")} is of Adam; the optimizer is ${data.optimizer}`);
    }
    if ("kernelSize" in data && data.kernelSize !== undefined && data.convolutions === undefined) {
      throw new InputError(`${nameOf("kernelSize")} is that of convolutions, and there are none`);
    }
    const settled = settle(data) as Config;
    if (data.epochs !== 0 && data.epochs !== settled.epochs) {
      throw new InputError(
        `${nameOf("epochs")} is ${data.epochs}; the length of this task is that of its steps`,
      );
    }
    return settled;
  }

  const shape: Record<string, z.ZodType> = schema.shape;
  const [issue] = error!.issues;
  if (issue.code === "unrecognized_keys") {
    const [key] = issue.keys;
    const having = Object.entries(schemas).flatMap(([name, other]) =>
      Object.hasOwn(other.shape, key) ? [name] : [],
    );
    throw new InputError(
      having.length > 0
        ? `${nameOf(key)} is a setting of the task ${having.join(" and ")}; the task is ${task}`
        : `${nameOf(key)} is no setting; ${suggestion(key, Object.keys(shape))}`,
    );
  }
  const key = issue.path[0] as string;
  const known = issue.code === "invalid_value" ? issue.values.map(String) : undefined;
  throw new InputError(unusable(nameOf(key), settings[key], known ?? shape[key].description!));
}

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
  const { task } = settings;
  if (typeof task !== "string" || !Object.hasOwn(schemas, task)) {
    throw new InputError(unusable(nameOf("task"), task, Object.keys(schemas)));
  }
  const known = Object.entries<z.ZodType>(schemas[task as keyof Schemas].shape).flatMap(([key, schema]) => {
    const { data, error } = schema.safeParse(settings[key]);
    if (error === undefined) return data === undefined ? [] : [[key, data] as const];
    const [issue] = error.issues;
    const words = issue.code === "invalid_value" ? issue.values.map(String) : undefined;
    throw new InputError(unusable(nameOf(key), settings[key], words ?? schema.description!));
  });
  return { ...settings, ...Object.fromEntries(known) } as Config;
}

/** An option is for the estimators that list it. */
function checkOptions(
  settings: { estimator: string; [setting: string]: unknown },
  nameOf: (key: string) => string,
): void {
  const { estimator } = settings;
  const taken = optionsTakenBy(estimator);
  for (const key of Object.keys(options) as (keyof typeof options)[]) {
    if (settings[key] === undefined || taken.includes(key)) continue;
    const takers = estimators.filter(({ name }) => optionsTakenBy(name).includes(key));
    throw new InputError(
      `${nameOf(key)} is an option of ${takers.map(({ name }) => name).join(", ")}; ` +
        `the estimator is ${estimator}, which takes ${taken.join(", ") || "none"}`,
    );
  }
}

/** Options that are settings of a run by their own names. */
const optionsTakenBy = (estimator: string) =>
  Object.keys(findEstimator(estimator)?.takes ?? {}).filter((key) => key in options);

/** What a config tells its estimator. */
export function optionsOf(config: Config): Record<string, unknown> {
  const settings: Record<string, unknown> = config;
  const told = optionsTakenBy(config.estimator).filter((key) => settings[key] !== undefined);
  return Object.fromEntries(told.map((key) => [key, settings[key]]));
}

/** `expected` is a description, or all words that are known. */
function unusable(name: string, value: unknown, expected: string | string[]): string {
  const found = `${name} is ${show(value)}`;
  if (typeof expected === "string") return `${found}; expected ${expected}`;
  const near = typeof value === "string" ? nearest(value, expected) : undefined;
  const hint = near === undefined ? "" : `: did you mean "${near}"?`;
  return `${found}; expected ${expected.length > 1 ? "one of " : ""}${expected.join(", ")}${hint}`;
}

const show = (value: unknown) => (typeof value === "number" ? String(value) : JSON.stringify(value));

type Dependent = "beta1" | "beta2" | "epsilon" | "baselineDecay";
type Settled<T> = Omit<T, Dependent | "l2" | "paperScale" | "stopGradient" | "frozenAdam"> & {
  [Setting in Dependent]?: number;
} & {
  l2?: number | readonly number[];
  paperScale?: true;
  stopGradient?: false;
  frozenAdam?: true;
};

/** Fills in settings that depend on others, and drops those without an effect: they do not make it another run. */
function settle<
  T extends { estimator: string; optimizer: string; baseline: string } & {
    [Setting in Dependent]?: number | undefined;
  } & { [Option in keyof typeof options]?: unknown } & {
    l2?: number | readonly number[] | undefined;
    paperScale?: boolean | undefined;
    frozenAdam?: boolean | undefined;
    learningRate: number | readonly number[];
    epochs: number;
    steps?: number;
    recordEvery?: number;
    convolutions?: number[] | undefined;
    kernelSize?: number | undefined;
  },
>(config: T): Settled<T> {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, baselineDecay = 0.99, ...others } = config;
  const { l2, paperScale, stopGradient, frozenAdam, ...rest } = others;
  const unsaid = optionsTakenBy(config.estimator).filter(
    (key) => key in optionDefaults && config[key as keyof typeof options] === undefined,
  );
  return {
    ...rest,
    ...Object.fromEntries(unsaid.map((key) => [key, optionDefaults[key]])),
    // The full reward comes without pruning.
    ...(rest.fullReward === true && { childPruning: false }),
    ...(rest.hiddenRule === "reward-penalty" && { penalty: rest.penalty ?? "mixture" }),
    ...(rest.convolutions !== undefined && { kernelSize: rest.kernelSize ?? 3 }),
    ...(rest.normChange === "exact" && { normRate: rest.normRate ?? rest.learningRate }),
    ...(rest.baseline !== "none" && { baselineDecay }),
    ...(rest.optimizer === "adam" && { beta1, beta2, epsilon }),
    ...(l2 !== undefined && [l2].flat().some((weight) => weight > 0) && { l2 }),
    ...(paperScale && { paperScale }),
    ...(stopGradient === false && { stopGradient }),
    ...(frozenAdam && { frozenAdam }),
    ...(rest.steps !== undefined && { epochs: Math.ceil(rest.steps / rest.recordEvery!) }),
  } as unknown as Settled<T>;
}

/**
 * Reads the settings in a JSON or YAML file, or, of the path `-`, in JSON on stdin; `parseConfig` checks them.
 *
 * @param what the kind of file, for messages
 * @throws InputError for a file that cannot be read, is neither JSON nor YAML, or holds no settings
 */
export async function readConfigFile(path: string, what = "config file"): Promise<Record<string, unknown>> {
  const parse = path === "-" ? JSON.parse : parsers[extname(path).toLowerCase()];
  if (parse === undefined) throw new InputError(`the ${what} is ${path}; expected .json, .yaml or .yml`);
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

const yaml = async (text: string) => (await import("yaml")).parse(text, { logLevel: "error" });

const parsers: Record<string, ((text: string) => unknown) | undefined> = {
  ".json": (text) => JSON.parse(text),
  ".yaml": yaml,
  ".yml": yaml,
};
