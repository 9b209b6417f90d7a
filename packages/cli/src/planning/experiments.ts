/** Experiments: files that say which runs a figure of a paper is made of, and what the paper says about it. */
import { readdir } from "node:fs/promises";
import { basename, dirname, extname } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "flipnet/internal/formats/errors";
import { suggestion } from "flipnet/internal/formats/nearest";
import { generator } from "flipnet/internal/random/threefry";
import { z } from "zod";
import { distinct } from "../report/lists.ts";
import type { ReportedRun } from "../report/report.ts";
import { summarise, unlabelled } from "../running/run-folder.ts";
import { alongOf, type Config, lengthOf, readConfigFile } from "../settings/config.ts";
import { plainName } from "../settings/estimator.ts";
import { configOf, type PlannedRun, refuseTooMany, type Settings } from "./sweep.ts";

/** A description says what is expected of a value: it ends the sentence about one that is not. */
const settings = z.record(z.string(), z.unknown()).describe("settings by name");
const byName = (what: string) =>
  z
    .record(z.string(), settings)
    .refine((entries) => Object.keys(entries).length > 0)
    .describe(`settings by name for each ${what}, of which there is one at least`);
const text = z.string().min(1).describe("text");
const texts = z.array(z.string().min(1)).describe("a list of sentences");

const schema = z.strictObject({
  title: text,
  /** Which paper, and which figure of it. */
  paper: text.optional(),
  /** A sentence below the title. */
  about: text.optional(),
  /** What the paper says about it, one statement each. */
  says: texts.default([]),
  /** In which the runs differ from the paper's. */
  differences: texts.default([]),
  /** What all runs share; `preset` among them stands for those of a paper. */
  base: settings.default({}),
  /** What is compared; `panels` among a method's settings lists those in which it is, where it is not in all. */
  methods: byName("method"),
  /** Where it is compared: one picture each. */
  panels: byName("panel").optional(),
  /** Runs of each method in each panel, with the seeds 0, 1, ... */
  seeds: z.int().min(1).describe("a whole number from 1 on"),
  /** What is drawn around the means: as in `ReportOptions`. */
  bands: z
    .enum(["interval", "deviation", "range"])
    .default("interval")
    .describe("one of interval, deviation, range"),
});

/** What an experiment's file says, under its name; paths of estimators begin in the folder of a user's own. */
export type Experiment = z.output<typeof schema> & { name: string; folder?: string };

const folder = fileURLToPath(new URL("../../experiments/", import.meta.url));

/** The names of the experiments that come with flipnet. */
export async function experimentNames(): Promise<string[]> {
  const files = await readdir(folder);
  return files.map((file) => basename(file, ".yaml")).sort();
}

/**
 * Reads an experiment.
 *
 * @param nameOrPath one that comes with flipnet, or a JSON or YAML file
 * @throws InputError for a name that is none, a file that cannot be read, an unknown key, or a value that cannot be used
 */
export async function readExperiment(nameOrPath: string): Promise<Experiment> {
  if (extname(nameOrPath) !== "") {
    const experiment = parseExperiment(await readConfigFile(nameOrPath, "experiment"), nameOrPath);
    return { ...experiment, folder: dirname(nameOrPath) };
  }
  const names = await experimentNames();
  if (!names.includes(nameOrPath)) {
    throw new InputError(
      `there is no experiment "${nameOrPath}"; ${suggestion(nameOrPath, names)} A file of your own ends with .yaml or .json`,
    );
  }
  return parseExperiment(await readConfigFile(`${folder}${nameOrPath}.yaml`, "experiment"), nameOrPath);
}

function parseExperiment(file: Record<string, unknown>, path: string): Experiment {
  const { data, error } = schema.safeParse(file);
  if (data === undefined) {
    const [issue] = error.issues;
    const shape: Record<string, z.ZodType> = schema.shape;
    if (issue.code === "unrecognized_keys") {
      const [key] = issue.keys;
      throw new InputError(
        `${key} in ${path} is no part of an experiment; ${suggestion(key, Object.keys(shape))}`,
      );
    }
    const key = String(issue.path[0]);
    const found = file[key] === undefined ? "missing" : JSON.stringify(file[key]);
    throw new InputError(`${key} in ${path} is ${found}; expected ${shape[key].description}`);
  }
  const { panels = {} } = data;
  for (const [method, { panels: some = [] }] of Object.entries(data.methods)) {
    if (Array.isArray(some) && some.every((panel) => Object.hasOwn(panels, panel))) continue;
    throw new InputError(
      `panels of ${method} in ${path} is ${JSON.stringify(some)}; expected a list of some of ${Object.keys(panels).join(", ") || "the panels, and there are none"}`,
    );
  }
  return { ...data, name: basename(path, extname(path)) };
}

/** Which of an experiment's runs are wanted, and how they are to differ from what its file says. */
export interface Wanted {
  /** Number of seeds. */
  seeds?: number | undefined;
  /** A method, a panel or an estimator, or a part of its name; capitals do not count. */
  only?: string | undefined;
  /** Settings of all runs, whatever the file says. */
  overrides?: Settings;
}

/** A run of an experiment. */
export interface ExperimentRun {
  label: string;
  method: string;
  /** Undefined where the experiment has none. */
  panel?: string;
  config: Config;
}

/**
 * The runs of an experiment, seed by seed: wherever training stops, there is something to compare. One that stands in
 * two panels is there twice.
 *
 * @throws InputError for a setting that cannot be used, and where nothing of the experiment is what `only` says
 */
export function expandExperiment(experiment: Experiment, wanted: Wanted = {}): ExperimentRun[] {
  const { name, base, methods, panels = { "": {} }, folder } = experiment;
  const { seeds = experiment.seeds, only, overrides = {} } = wanted;
  const cells = Object.entries(panels).flatMap(([panel, ofPanel]) =>
    Object.entries(methods).flatMap(([method, { panels: some, ...own }]) => {
      if (Array.isArray(some) && !some.includes(panel)) return [];
      const where = panel === "" ? `${name}, ${method}` : `${name}, ${method}, ${panel}`;
      const config = configOf({ ...base, ...ofPanel, ...own }, overrides, where, folder);
      return [{ method, ...(panel !== "" && { panel }), config }];
    }),
  );
  const chosen = only === undefined ? cells : chosenBy(only, cells, name);
  refuseTooMany(seeds * chosen.length, name);
  return Array.from({ length: seeds }, (_, seed) =>
    chosen.map(({ config, ...names }) => {
      const label = [names.method, names.panel, `seed ${seed}`].filter(Boolean).join(", ");
      return { label, ...names, config: { ...config, seed } };
    }),
  ).flat();
}

/** What is called so or, where nothing is, what has that in its name. */
function chosenBy<C extends Omit<ExperimentRun, "label">>(
  only: string,
  cells: readonly C[],
  name: string,
): C[] {
  const namesOf = ({ method, panel = "", config }: C) =>
    [method, panel, plainName(config.estimator)].map((name) => name.toLowerCase());
  const word = only.toLowerCase();
  // A method's own name before that of the estimator, which others may have too.
  const tests: ((names: string[]) => boolean)[] = [
    ([method, panel]) => method === word || panel === word,
    ([, , estimator]) => estimator === word,
    (names) => names.some((name) => name.includes(word)),
  ];
  const found = tests
    .map((test) => cells.filter((cell) => test(namesOf(cell))))
    .find(({ length }) => length > 0);
  if (word !== "" && found !== undefined) return found;
  const names = [cells.map(({ panel }) => panel), cells.map(({ method }) => method)].flat();
  const known = [...new Set(names.filter((name) => name !== undefined))];
  throw new InputError(`--only is ${JSON.stringify(only)}; ${name} has ${known.join("; ")}`);
}

/** How far runs fall short of the whole experiment, as in `20 of the paper's 100 epochs, 3 of 5 seeds`. */
export function scaleOf(experiment: Experiment, wanted: Wanted): string | undefined {
  const whole = expandExperiment(experiment);
  const runs = expandExperiment(experiment, wanted);
  const of = experiment.paper === undefined ? "of" : "of the paper's";
  const [length, fullLength] = [runs, whole].map(([{ config }]) => lengthOf(config));
  const { seeds = experiment.seeds, overrides: { limit } = {} } = wanted;
  const panels = distinct(runs.map(({ panel }) => panel));
  const beside = whole.filter(({ panel }) => panels.includes(panel));
  const methods = distinct(runs.map(({ method }) => method));
  const names = [
    panels.length < distinct(whole.map(({ panel }) => panel)).length ? panels : [],
    methods.length < distinct(beside.map(({ method }) => method)).length ? methods : [],
  ].flat();
  const parts = [
    // What the data decide is not short of anything.
    length < fullLength &&
      whole[0].config.byRule?.includes("epochs") !== true &&
      `${count(length)} ${of} ${count(fullLength)} ${alongOf(runs[0].config)}s`,
    seeds < experiment.seeds && `${seeds} of ${experiment.seeds} seeds`,
    typeof limit === "number" && `the first ${count(limit)} images`,
    names.length > 0 && `only ${names.join(", ")}`,
  ].filter(Boolean);
  return parts.length === 0 ? undefined : parts.join(", ");
}

const count = (n: number) => n.toLocaleString("en");

/**
 * Runs as a report shows them, method by method: of the length that is asked for, also where there is more; those of which there is
 * nothing are in it too, for it to say so.
 */
export function reportedRuns(
  { methods }: Experiment,
  runs: readonly (ExperimentRun & PlannedRun)[],
): ReportedRun[] {
  const order = Object.keys(methods);
  const sorted = runs.toSorted((a, b) => order.indexOf(a.method) - order.indexOf(b.method));
  return sorted.map(({ method, panel, config, runId, folder, digest, stored }) => {
    const names = { method, ...(panel !== undefined && { panel }) };
    if (stored === undefined) {
      const environment = { runId, dataDigest: digest, generator, kernels: config.kernels!, starts: [] };
      return {
        ...names,
        runId,
        folder,
        config,
        environment,
        records: [],
        summary: undefined,
        labels: unlabelled,
      };
    }
    const records = stored.records.slice(0, config.epochs);
    const summary =
      records.length < stored.records.length ? summarise(runId, folder, records) : stored.summary;
    return { ...names, ...stored, config, records, summary };
  });
}
