/** Sweeps: a file that describes many runs, and which of them are still to be trained. */
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import { suggestion } from "flipnet/internal/formats/nearest";
import { type HiddenLayer, hiddenName } from "flipnet/internal/network/hidden";
import { generator } from "flipnet/internal/random/threefry";
import { dataKeyOf } from "../running/data.ts";
import { eachOf } from "../running/each.ts";
import type { Job } from "../running/pool.ts";
import {
  environmentOf,
  findRun,
  runFolderOf,
  runIdOf,
  type StoredRun,
  withPlace,
} from "../running/run-folder.ts";
import { type DataFacts, factsOf, kernelsOf } from "../running/workload.ts";
import { type Config, decided, isComplete, parseConfig, readConfigFile } from "../settings/config.ts";
import { flagOf } from "../settings/flag.ts";
import { withPreset } from "../settings/presets.ts";

/** Settings by name, as they stand in a file; `preset` among them stands for those of a paper. */
export type Settings = Readonly<Record<string, unknown>>;

/** What a sweep file says. Its runs are every combination of a value of each `grid` setting with each of `runs`. */
export interface Sweep {
  /** What all runs share. */
  base: Settings;
  /** Lists of values by setting. */
  grid: Readonly<Record<string, readonly unknown[]>>;
  /** A list of settings. */
  runs: readonly Settings[];
  /** Where its file is: paths of estimators begin there. */
  folder?: string;
}

/** Whole numbers from one to another, as a grid may say them: `0..4`. */
const range = /^(\d{1,9})\.\.(\d{1,9})$/;

/** The numbers of a range; anything else as it is. */
function listIn(value: unknown): unknown {
  const [, from, to] = (typeof value === "string" && range.exec(value)) || [];
  if (from === undefined || Number(to) < Number(from)) return value;
  return Array.from(
    { length: Math.min(Number(to) - Number(from), mostRuns) + 1 },
    (_, i) => Number(from) + i,
  );
}

/**
 * A sweep's file with what the command line says otherwise: `base.epochs=20`, `grid.seed=0..4`,
 * `grid.estimator=hnca,reinforce`.
 *
 * @throws InputError for a text that says neither
 */
function withChanges(file: Record<string, unknown>, changes: readonly string[]): Record<string, unknown> {
  if (changes.length === 0) return file;
  const { base = {}, grid = {}, ...rest } = file;
  const changed = { base: { ...(base as Settings) }, grid: { ...(grid as Settings) } };
  for (const text of changes) {
    const [, part, name, said] = /^(base|grid)\.(\w+)=(.+)$/.exec(text) ?? [];
    if (part === undefined) {
      throw new InputError(
        `"${text}" says nothing of the sweep; expected base.NAME=VALUE or grid.NAME=VALUES`,
      );
    }
    changed[part as "base" | "grid"][name] =
      part === "base" ? parseWord(said) : range.test(said) ? said : said.split(",").map(parseWord);
  }
  return { ...rest, base: changed.base, ...(Object.keys(changed.grid).length > 0 && { grid: changed.grid }) };
}

/** A number, true or false; else the text. */
function parseWord(word: string): unknown {
  try {
    return JSON.parse(word);
  } catch {
    return word;
  }
}

/**
 * Reads a sweep file, JSON or YAML.
 *
 * @param changes what holds in place of what the file says: see `withChanges`
 * @throws InputError for a file that cannot be read, an unknown key, or an empty list
 */
export async function readSweepFile(path: string, changes: readonly string[] = []): Promise<Sweep> {
  const file = withChanges(await readConfigFile(path, "sweep file"), changes);
  const known = ["base", "grid", "runs"];
  for (const key of Object.keys(file)) {
    if (!known.includes(key))
      throw new InputError(`${key} in ${path} is no part of a sweep; ${suggestion(key, known)}`);
  }
  const { base = {}, grid = {}, runs = [{}] } = file;
  const fail = (what: string, value: unknown, expected: string): never => {
    throw new InputError(`${what} in ${path} is ${JSON.stringify(value)}; expected ${expected}`);
  };
  if (!isSettings(base)) return fail("base", base, "settings by name");
  if (!isSettings(grid)) return fail("grid", grid, "lists of values by setting");
  if (!Array.isArray(runs) || runs.length === 0) return fail("runs", runs, "a list of one run or more");
  for (const [i, run] of runs.entries()) {
    if (!isSettings(run)) fail(`run ${i + 1}`, run, "settings by name");
  }
  const lists = Object.fromEntries(Object.entries(grid).map(([key, values]) => [key, listIn(values)]));
  for (const [key, values] of Object.entries(lists)) {
    if (!Array.isArray(values) || values.length === 0)
      fail(`grid.${key}`, values, "a list of one value or more, or a range as in 0..4");
  }
  if (file.grid === undefined && file.runs === undefined) {
    throw new InputError(`${path} has neither grid nor runs; expected one of them, or both`);
  }
  return { base, grid: lists as Sweep["grid"], runs, folder: dirname(path) };
}

const isSettings = (value: unknown): value is Settings =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The most runs that can be asked for at once. */
const mostRuns = 100_000;

/** @throws InputError for more runs than anybody can mean */
export function refuseTooMany(count: number, name: string): void {
  if (count <= mostRuns) return;
  throw new InputError(`${name} describes ${count} runs; expected ${mostRuns} at most`);
}

/** A run of a sweep; `settings` are those in which the sweep's runs differ. */
export interface SweepRun {
  label: string;
  settings: Settings;
  config: Config;
}

/**
 * The runs of a sweep, the last setting of the grid varying fastest. A run that stands in it twice is there once.
 *
 * @param overrides settings that hold for all runs, whatever the file says
 * @param name of the file, for messages
 * @throws InputError for a setting that is unknown or has a value that cannot be used; it says in which run
 */
export function expandSweep(
  { base, grid, runs, folder }: Sweep,
  overrides: Settings,
  name: string,
): SweepRun[] {
  const count = Object.values(grid).reduce((product, { length }) => product * length, runs.length);
  refuseTooMany(count, name);
  const combinations = Object.entries(grid).reduce<Settings[]>(
    (some, [key, values]) =>
      some.flatMap((settings) => values.map((value) => ({ ...settings, [key]: value }))),
    [...runs],
  );
  const expanded = combinations.map((settings, i) => {
    const where = combinations.length > 1 ? `${name}, run ${i + 1}` : name;
    return {
      label: labelOf(settings),
      settings,
      config: configOf({ ...base, ...settings }, overrides, where, folder),
    };
  });
  const seen = new Set<string>();
  return expanded.filter(({ config }) => {
    const key = JSON.stringify(config);
    return !seen.has(key) && seen.add(key);
  });
}

/**
 * The config of settings as they stand in a file.
 *
 * @param overrides settings that hold whatever the file says: those of flags
 * @param where the settings stand, for messages
 * @param folder where paths of estimators begin
 * @throws InputError for a setting that is unknown or has a value that cannot be used
 */
export function configOf(settings: Settings, overrides: Settings, where: string, folder?: string): Config {
  const said = withPreset(settings, `preset in ${where}`);
  return parseConfig(
    { ...said, ...overrides },
    (key) => (overrides[key] === undefined ? `${key} in ${where}` : flagOf(key)),
    folder,
  );
}

/** `hnca, hidden 200, seed 3`: names speak for themselves and come first, all else is called by its setting. */
const labelOf = (settings: Settings) =>
  Object.entries(settings)
    .sort(([a], [b]) => rankOf(a) - rankOf(b))
    .map(([key, value]) => {
      if (rankOf(key) < 0) return String(value);
      return `${key} ${[value].flat().map(said).join(",")}`;
    })
    .join(", ") || "one run";

/** A value, or one of a list of them: a hidden layer as `--hidden` has it. */
function said(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return "units" in value ? hiddenName(value as HiddenLayer) : JSON.stringify(value);
}

const rankOf = (key: string) =>
  ["preset", "estimator", "hiddenRule"].includes(key) ? -1 : key === "seed" ? 1 : 0;

/** A run of which is known what its folder holds. */
export interface PlannedRun extends Job {
  runId: string;
  folder: string;
  /** Which data it is of: see `Workload`. */
  digest: string;
  log: string;
  /** As it is on disk; undefined where nothing is. */
  stored: StoredRun | undefined;
  /** Whether all that is asked for is there. */
  done: boolean;
}

/** The jobs with what there is of them already. @throws InputError for data or a run folder that cannot be used */
export async function planRuns<J extends { label: string; config: Config }>(
  jobs: readonly J[],
): Promise<(J & PlannedRun)[]> {
  const facts = new Map<string, Promise<DataFacts>>();
  return eachOf(jobs, async (job) => {
    const asked: Config = { ...withPlace(job.config), kernels: kernelsOf(job.config) };
    const source = dataKeyOf(asked);
    if (!facts.has(source)) facts.set(source, factsOf(asked));
    const { digest, usual } = await facts.get(source)!;
    const config = decided(asked, usual);
    const runId = runIdOf(config, digest);
    const folder = runFolderOf(config, runId);
    const stored = await findRun(folder);
    return {
      ...job,
      config,
      runId,
      folder,
      digest,
      log: join(folder, "log.txt"),
      stored,
      done: isDone(stored, config),
    };
  });
}

/**
 * In a folder of runs, how many there are of which other random generator: they cannot be gone on with. Those that cannot
 * be read are not counted: it is none of a sweep's business what else is there.
 */
export async function runsOfOtherGenerators(out: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const name of await readdir(out).catch(() => [])) {
    const made = await environmentOf(join(out, name)).catch(() => undefined);
    if (made === undefined || made.generator === generator) continue;
    counts.set(made.generator, (counts.get(made.generator) ?? 0) + 1);
  }
  return counts;
}

/** Whether a run has all epochs of a config. One that went further has no summary of that length, and needs none. */
export const isDone = (stored: StoredRun | undefined, config: Config): boolean =>
  stored !== undefined &&
  (stored.records.length > config.epochs || (isComplete(config, stored.records) && !!stored.summary));
