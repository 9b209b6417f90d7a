/**
 * The settings of a run: their names, their defaults, and one clear sentence for what cannot be used.
 *
 * Adding a task is adding a schema to `schemas` and a function to `workloads` in `workload.ts`.
 */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { z } from "zod";
import { estimators } from "../estimators/registry.ts";
import { InputError } from "../formats/errors.ts";
import { nearest, suggestion } from "../formats/nearest.ts";

/** A setting's description says what is expected of it: it ends the sentence about a value that is not. */
const setting = <Schema extends z.ZodType>(expected: string, schema: Schema): Schema =>
  schema.describe(expected);

const choice = <const Name extends string>(names: readonly Name[], fallback: NoInfer<Name>) =>
  setting(`one of ${names.join(", ")}`, z.enum(names).default(fallback as never));

const wholeFrom1 = "a whole number from 1 on";
const decay = "a number from 0 on, below 1";
const positive = z.number().positive();

const estimatorsFor = (task: "bandit") =>
  estimators.filter(({ tasks }) => tasks.includes(task)).map(({ name }) => name);

/** What every task has. */
const common = {
  baseline: choice(["none", "running-average"], "none"),
  baselineDecay: setting(decay, z.number().min(0).lt(1).optional()),
  hidden: setting(
    "a list of layer widths, each a whole number from 1 on",
    z.array(z.int().min(1)).default([200, 200]),
  ),
  units: choice(["plus-minus", "zero-one"], "plus-minus"),
  epochs: setting(wholeFrom1, z.int().min(1).default(100)),
  batchSize: setting(wholeFrom1, z.int().min(1).default(50)),
  optimizer: choice(["adam", "sgd"], "adam"),
  learningRate: setting(
    "a positive number, or a list of them, one for each layer",
    z.union([positive, z.array(positive).min(1)]).default(1e-4),
  ),
  beta1: setting(decay, z.number().min(0).lt(1).optional()),
  beta2: setting(decay, z.number().min(0).lt(1).optional()),
  epsilon: setting("a positive number", positive.optional()),
  seed: setting("a whole number from 0 to 2^53 - 1", z.int().min(0).default(0)),
  backend: choice(["wasm", "reference"], "wasm"),
  kernels: setting(
    "one of portable, relaxed (wasm backend), float64 (reference backend)",
    z.enum(["portable", "relaxed", "float64"]).optional(),
  ),
  out: setting("the path of a folder", z.string().min(1).default("runs")),
};

/** One schema a task. */
const schemas = {
  bandit: z.strictObject({
    task: z.literal("bandit").default("bandit"),
    estimator: choice(estimatorsFor("bandit"), "hnca"),
    output: choice(["softmax", "bernoulli"], "softmax"),
    data: setting("the path of a folder with the four IDX files", z.string().min(1).optional()),
    limit: setting(wholeFrom1, z.int().min(1).optional()),
    ...common,
  }),
};

/** The settings of one run, complete but for `kernels`, which is chosen when the run starts unless it is given. */
export type Config = ReturnType<typeof settle<z.output<(typeof schemas)[keyof typeof schemas]>>>;

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
  const schema = schemas[task as keyof typeof schemas];
  const { data, error } = schema.safeParse(settings);
  if (data !== undefined) return settle(data);

  const [issue] = error!.issues;
  if (issue.code === "unrecognized_keys") {
    const [key] = issue.keys;
    throw new InputError(`${nameOf(key)} is no setting; ${suggestion(key, Object.keys(schema.shape))}`);
  }
  const key = issue.path[0] as keyof typeof schema.shape;
  const known = issue.code === "invalid_value" ? issue.values.map(String) : undefined;
  throw new InputError(unusable(nameOf(key), settings[key], known ?? schema.shape[key].description!));
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

/** Fills in settings that depend on others, and drops those without an effect: they do not make it another run. */
function settle<
  T extends {
    optimizer: string;
    baseline: string;
    beta1?: number | undefined;
    beta2?: number | undefined;
    epsilon?: number | undefined;
    baselineDecay?: number | undefined;
  },
>(config: T) {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, baselineDecay = 0.99, ...rest } = config;
  return {
    ...rest,
    ...(rest.baseline !== "none" && { baselineDecay }),
    ...(rest.optimizer === "adam" && { beta1, beta2, epsilon }),
  };
}

/**
 * Reads the settings in a JSON or YAML file; `parseConfig` checks them.
 *
 * @throws InputError for a file that cannot be read, is neither JSON nor YAML, or holds no settings
 */
export async function readConfigFile(path: string): Promise<Record<string, unknown>> {
  const parse = parsers[extname(path).toLowerCase()];
  if (parse === undefined) throw new InputError(`the config file is ${path}; expected .json, .yaml or .yml`);
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new InputError(`the config file ${path} cannot be read (${cause.code ?? cause.message})`, {
      cause,
    });
  });
  let settings: unknown;
  try {
    settings = await parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    const [reason] = (cause as Error).message.split("\n");
    throw new InputError(`the config file ${path} cannot be read: ${reason.replace(/[:.]$/, "")}`, { cause });
  }
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) {
    throw new InputError(`the config file ${path} holds ${show(settings)}; expected settings by name`);
  }
  return settings as Record<string, unknown>;
}

const yaml = async (text: string) => (await import("yaml")).parse(text, { logLevel: "error" });

const parsers: Record<string, ((text: string) => unknown) | undefined> = {
  ".json": (text) => JSON.parse(text),
  ".yaml": yaml,
  ".yml": yaml,
};
