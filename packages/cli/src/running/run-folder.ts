/** A run on disk: the name of its folder, and what stands in it. docs/runs.md describes it for users. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import { generator } from "flipnet/internal/random/threefry";
import type { EpochRecord } from "flipnet/internal/training/training";
import type { Config } from "../settings/config.ts";
import type { Environment } from "./environment.ts";
import { isMissing } from "./storage.ts";

/** The files of a run. */
export const runFiles = (folder: string) => ({
  config: join(folder, "config.json"),
  environment: join(folder, "environment.json"),
  metrics: join(folder, "metrics.jsonl"),
  summary: join(folder, "summary.json"),
  checkpoints: join(folder, "checkpoints"),
  checkpoint: join(folder, "checkpoints", "latest.safetensors"),
});

/**
 * A run's identity: 16 hex digits of a hash of all that decides what is learned. Two runs with the same one are the
 * same bit for bit, as far as both go; so its length is not part of it, nor where the data and the folder are, nor how
 * many threads it has.
 *
 * @param config with its `kernels` chosen
 * @param digest of the data
 */
export function runIdOf(config: Config, digest: string): string {
  const { epochs, out, data, threads, ...deciding }: Record<string, unknown> = config;
  // The same goes for steps, unless the last record would be of fewer steps than the others.
  if (Number(deciding.steps) % Number(deciding.recordEvery) === 0) delete deciding.steps;
  return createHash("sha256")
    .update(canonical({ ...deciding, digest, generator }))
    .digest("hex")
    .slice(0, 16);
}

/** Where a run's files are. */
export const runFolderOf = ({ out, task, estimator }: Config, runId: string): string =>
  join(out, `${task}-${estimator}-${runId}`);

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

function median(values: number[]): number {
  const sorted = values.sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The records in the first bytes of a run's metrics, or in all of it: whole lines only. */
export function parseRecords(text: string, name: string): EpochRecord[] {
  const lines = text.split("\n");
  // Nothing, or a line that is being written.
  lines.pop();
  return lines.map((line, i) => {
    const corrupt = (how: string, cause?: unknown) =>
      new InputError(`${name} is corrupt: line ${i + 1} is ${how}`, { cause });
    let record: EpochRecord;
    try {
      record = JSON.parse(line);
    } catch (cause) {
      throw corrupt("not JSON", cause);
    }
    if (typeof record !== "object" || record === null) throw corrupt("no record");
    return record;
  });
}

/** What a run was made with, as its `environment.json` says. */
export interface RunEnvironment {
  runId: string;
  dataDigest: string;
  generator: string;
  kernels: string;
  /** An entry for each time that the run was begun or resumed. */
  starts: readonly (Environment & { time: string; step: number; threads?: number })[];
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
}

/** Reads a run, also one that is being written. @throws InputError if the folder holds none */
export async function readRun(folder: string): Promise<StoredRun> {
  const files = runFiles(folder);
  const [config, environment, metrics, summary] = await Promise.all([
    textOf(files.config),
    textOf(files.environment),
    textOf(files.metrics),
    textOf(files.summary),
  ]);
  if (config === undefined || environment === undefined) {
    throw new InputError(`${folder} is no run: it has no config.json and environment.json`);
  }
  const records = parseRecords(metrics ?? "", files.metrics);
  const last = summary === undefined ? undefined : parseSummary(summary, folder);
  const madeWith: RunEnvironment = parseJson(environment, files.environment);
  const settings: Config = parseJson(config, files.config);
  if (typeof settings?.task !== "string" || typeof madeWith?.runId !== "string") {
    const path = typeof settings?.task !== "string" ? files.config : files.environment;
    throw new InputError(`${path} is corrupt: it is not what a run writes`);
  }
  return {
    folder,
    runId: madeWith.runId,
    environment: madeWith,
    config: settings,
    records,
    summary: last?.epochs === records.length ? last : undefined,
  };
}

/** The random generator that a run was made with; this version's where the folder does not say. */
export async function generatorOf(folder: string): Promise<string> {
  const { environment } = runFiles(folder);
  const text = await textOf(environment);
  return text === undefined ? generator : parseJson(text, environment).generator;
}

/** Reads a run, or undefined where the folder holds none. @throws InputError if it holds one that is corrupt */
export async function findRun(folder: string): Promise<StoredRun | undefined> {
  return (await textOf(runFiles(folder).environment)) === undefined ? undefined : readRun(folder);
}

/** What `summary.json` holds: all but the folder's name, which may change. */
export function parseSummary(text: string, folder: string): RunSummary {
  const { type, runId, ...rest } = parseJson(text, runFiles(folder).summary);
  return { type, runId, folder, ...rest };
}

/** The runs in a folder, by name. Other folders in it are passed over. */
export async function listRuns(out: string): Promise<StoredRun[]> {
  const entries = await readdir(out, { withFileTypes: true }).catch((cause) => {
    throw new InputError(`the folder of runs ${out} cannot be read (${cause.code})`, { cause });
  });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(out, name));
  const isRun = await Promise.all(
    folders.map(async (folder) => (await textOf(runFiles(folder).environment)) !== undefined),
  );
  return Promise.all(
    folders
      .filter((_, i) => isRun[i])
      .sort()
      .map(readRun),
  );
}

/**
 * The runs in folders, each of which is that of a run or holds such folders; every run once.
 *
 * @throws InputError for a folder without runs
 */
export async function findRuns(folders: readonly string[]): Promise<StoredRun[]> {
  const found = await Promise.all(
    folders.map(async (folder) => {
      if ((await textOf(runFiles(folder).environment)) !== undefined) return [await readRun(folder)];
      const runs = await listRuns(folder);
      if (runs.length === 0) throw new InputError(`${folder} is no run, and there is none in it`);
      return runs;
    }),
  );
  return [...new Map(found.flat().map((run) => [resolve(run.folder), run])).values()];
}

/** What a file holds, or undefined where there is none. */
export function textOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (isMissing(cause)) return undefined;
    throw new InputError(`${path} cannot be read (${cause.code})`, { cause });
  });
}

export function parseJson(text: string, path: string) {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${path} is corrupt: it is not JSON`, { cause });
  }
}
