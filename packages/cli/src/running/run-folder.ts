/** A run on disk: the name of its folder, and what stands in it. docs/runs.md describes it for users. */
import { createHash } from "node:crypto";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import { generator } from "flipnet/internal/random/threefry";
import type { EpochRecord } from "flipnet/internal/training/training";
import { pathsIn } from "../data/table.ts";
import { type Config, taskOf } from "../settings/config.ts";
import { identityOfEstimator, plainName } from "../settings/estimator.ts";
import { eachOf } from "./each.ts";
import { median } from "./median.ts";
import {
  parseConfigFile,
  parseEnvironment,
  parseLabels,
  parseRecords,
  parseSummaryFile,
  type RunEnvironment,
  type RunLabels,
} from "./run-schema.ts";
import { isMissing } from "./storage.ts";

export type { RunEnvironment, RunLabels } from "./run-schema.ts";

/** The files of a run. */
export const runFiles = (folder: string) => ({
  config: join(folder, "config.json"),
  environment: join(folder, "environment.json"),
  metrics: join(folder, "metrics.jsonl"),
  summary: join(folder, "summary.json"),
  preparation: join(folder, "preparation.json"),
  labels: join(folder, "labels.json"),
  checkpoints: join(folder, "checkpoints"),
  checkpoint: join(folder, "checkpoints", "latest.safetensors"),
});

/**
 * A run's identity: 16 hex digits of a hash of all that decides what is learned. Two runs with the same one are the
 * same bit for bit, as far as both go; so its length is not part of it, nor where data, an objective's file and the folder are, nor how
 * many threads it has.
 *
 * @param config with its `kernels` chosen
 * @param digest of the data
 */
export function runIdOf(config: Config, digest: string): string {
  const { epochs, out, data, test, objective, threads, scores, ...others } = config;
  // A setting that was not there once names no run that is older than it.
  const rest = scores === "exact" ? { ...others, scores } : others;
  const deciding: Record<string, unknown> = { ...rest, ...identityOfEstimator(config) };
  // An environment's file decides by what is in it, wherever it is.
  if (config.environmentDigest !== undefined) deciding.environment = "file";
  for (const name of perLayer) deciding[name] = asOne(deciding[name]);
  // The same goes for steps, unless the last record would be of fewer steps than the others.
  if (Number(deciding.steps) % Number(deciding.recordEvery) === 0) delete deciding.steps;
  return createHash("sha256")
    .update(canonical({ ...deciding, digest, generator }))
    .digest("hex")
    .slice(0, 16);
}

/** Settings that may be one number or one a layer. */
const perLayer = ["learningRate", "learningRateEnd", "criticRate", "criticRateEnd", "l2", "normRate"];

/** The same number for every layer is that number. */
const asOne = (value: unknown): unknown =>
  Array.isArray(value) && value.every((one) => one === value[0]) ? value[0] : value;

/** A config whose data is where it is, whatever folder one is in. */
export function withPlace(config: Config): Config {
  if (config.data === undefined) return config;
  if (taskOf(config).data === "images") return { ...config, data: resolve(config.data) };
  const placed = (text: string) =>
    pathsIn(text)
      .map((path) => (path === "-" ? path : resolve(path)))
      .join(",");
  const { data, test } = config;
  return { ...config, data: placed(data), ...(typeof test === "string" && { test: placed(test) }) };
}

/** Where a run's files are. */
export const runFolderOf = ({ out, task, estimator }: Config, runId: string): string =>
  join(out, `${task}-${plainName(estimator)}-${runId}`);

/** JSON with sorted names: the same settings give the same text. */
const canonical = (settings: Record<string, unknown>) =>
  JSON.stringify(Object.fromEntries(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1))));

/** A run's last word: metrics of its last epoch; `msPerStep` is the median over all its epochs. */
export interface RunSummary {
  type: "summary";
  runId: string;
  folder: string;
  /** Natural logarithm of `gradientVariance`; both as in `EpochRecord`. */
  gradientVariance: number | null;
  logGradientVariance: number | null;
  /** Milliseconds a training step took: the median over epochs. */
  msPerStep: number;
  /** Finished epochs. */
  epochs: number;
  /** What the task measures: `onlineAccuracy`, `testAccuracy`, ... */
  [metric: string]: number | string | null;
}

/**
 * The summary of a run that ends with the last of `records`, of which there is one at least.
 *
 * @param measured what was measured at the end and is not in that record
 */
export function summarise(
  runId: string,
  folder: string,
  records: readonly EpochRecord[],
  measured: Record<string, number> = {},
): RunSummary {
  const { type, epoch, step, msPerStep, gradientVariance, logGradientVariance, ...last } =
    records[records.length - 1];
  // Values by layer are in the records.
  const metrics = Object.entries({ ...last, ...measured }).filter(([name]) => !name.includes("."));
  return {
    type: "summary",
    runId,
    folder,
    ...Object.fromEntries(metrics),
    gradientVariance,
    logGradientVariance,
    msPerStep: median(records.map((record) => record.msPerStep)),
    epochs: records.length,
  };
}

/** A run as it stands on disk. */
export interface StoredRun {
  folder: string;
  runId: string;
  environment: RunEnvironment;
  /** As the run was started last. */
  config: Config;
  /** One an epoch, in order. */
  records: EpochRecord[];
  /** Undefined until the run has finished all epochs that it was ever asked for. */
  summary: RunSummary | undefined;
  /** What people call it; it is no part of its identity. */
  labels: RunLabels;
}

/** Of a run that nobody has called anything. */
export const unlabelled: RunLabels = { tags: [] };

/** Reads a run, also one that is being written. @throws InputError if the folder holds none */
export async function readRun(folder: string): Promise<StoredRun> {
  const files = runFiles(folder);
  const [config, environment, metrics, summary, labels] = await Promise.all([
    textOf(files.config),
    textOf(files.environment),
    textOf(files.metrics),
    textOf(files.summary),
    textOf(files.labels),
  ]);
  if (config === undefined || environment === undefined) {
    throw new InputError(`${folder} is no run: it has no config.json and environment.json`);
  }
  const madeWith = parseEnvironment(environment, files.environment);
  const settings = parseConfigFile(config, files.config);
  const records = parseRecords(metrics ?? "", files.metrics);
  const last = summary === undefined ? undefined : parseSummary(summary, folder);
  return {
    folder,
    runId: madeWith.runId,
    environment: madeWith,
    config: settings,
    records,
    summary: last?.epochs === records.length ? last : undefined,
    labels: labels === undefined ? unlabelled : parseLabels(labels, files.labels),
  };
}

/** What `environment.json` of a folder says; undefined where there is none. @throws InputError if it is corrupt */
export async function environmentOf(folder: string): Promise<RunEnvironment | undefined> {
  const { environment } = runFiles(folder);
  const text = await textOf(environment);
  return text === undefined ? undefined : parseEnvironment(text, environment);
}

/** Reads a run, or undefined where the folder holds none. @throws InputError if it holds one that is corrupt */
export async function findRun(folder: string): Promise<StoredRun | undefined> {
  return (await isRun(folder)) ? readRun(folder) : undefined;
}

const isRun = (folder: string) =>
  stat(runFiles(folder).environment).then(
    () => true,
    (cause: NodeJS.ErrnoException) => {
      if (isMissing(cause)) return false;
      throw new InputError(`${folder} cannot be read (${cause.code})`, { cause });
    },
  );

/** What `summary.json` holds: all but the folder's name, which may change. @throws InputError if it is corrupt */
export function parseSummary(text: string, folder: string): RunSummary {
  const { type, runId, ...rest } = parseSummaryFile(text, runFiles(folder).summary);
  return { type, runId, folder, ...rest } as RunSummary;
}

/**
 * The folders of runs in a folder, and links to such, by name. Other folders in it are passed over.
 *
 * @throws InputError if it cannot be read
 */
export async function runFoldersIn(out: string): Promise<string[]> {
  const names = await readdir(out).catch((cause) => {
    throw new InputError(`the folder of runs ${out} cannot be read (${cause.code})`, { cause });
  });
  const folders = names.sort().map((name) => join(out, name));
  const found = await eachOf(folders, isRun);
  return folders.filter((_, i) => found[i]);
}

/** The runs in a folder, by name. @throws InputError if it cannot be read, or holds a run that is corrupt */
export async function listRuns(out: string): Promise<StoredRun[]> {
  return eachOf(await runFoldersIn(out), readRun);
}

/**
 * The runs in folders, each of which is that of a run or holds such folders; every run once, also where links lead to
 * it on several ways.
 *
 * @param onDamage hears of runs that are corrupt, which are then left out; without it, and where none is left, they are
 * refused
 * @throws InputError for a folder without runs
 */
export async function findRuns(
  folders: readonly string[],
  onDamage?: (error: InputError) => void,
): Promise<StoredRun[]> {
  const found = new Map<string, string>();
  for (const folder of folders) {
    const runs = (await isRun(folder)) ? [folder] : await runFoldersIn(folder);
    if (runs.length === 0) throw new InputError(`${folder} is no run, and there is none in it`);
    for (const run of runs) {
      const real = await realpath(run);
      if (!found.has(real)) found.set(real, run);
    }
  }
  const damage: InputError[] = [];
  const read = await eachOf([...found.values()], (folder) =>
    readRun(folder).catch((error) => {
      if (onDamage === undefined || !(error instanceof InputError)) throw error;
      damage.push(error);
    }),
  );
  const runs = read.filter((run) => run !== undefined);
  if (runs.length === 0 && damage.length > 0) throw damage[0];
  for (const error of damage) onDamage?.(error);
  return runs;
}

/** What a file holds, or undefined where there is none. */
export function textOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (isMissing(cause)) return undefined;
    throw new InputError(`${path} cannot be read (${cause.code})`, { cause });
  });
}
