/** A run as it can be carried from machine to machine: its files as they were at its last checkpoint. */
import { readFile, rm } from "node:fs/promises";
import { InputError } from "flipnet/internal/formats/errors";
import { decodeCheckpoint, placeOf } from "../running/checkpoint.ts";
import { runFiles } from "../running/run-folder.ts";
import { parseEnvironment, parseRecords, parseSummaryFile } from "../running/run-schema.ts";
import { isMissing, makeFolder, replaceFile, writing } from "../running/storage.ts";

export interface Snapshot {
  /** Steps that are in the checkpoint. */
  step: number;
  /** Epochs of which the summary is; 0 where they are not those of the metrics. */
  summarised: number;
  checkpoint: Buffer;
  /** Up to the checkpoint. */
  metrics: Buffer;
  environment: Buffer;
  summary?: Buffer;
}

/** Whether `a` is further than `b`; of two that are as far, the one with the summary of a longer run is. */
export const isLater = (
  a: Pick<Snapshot, "step" | "summarised">,
  b: Pick<Snapshot, "step" | "summarised">,
): boolean => a.step > b.step || (a.step === b.step && a.summarised > b.summarised);

/**
 * Reads what a folder holds of a run, also while the run is being trained; undefined where there is no checkpoint.
 * @throws InputError for files that are corrupt
 */
export async function readSnapshot(folder: string): Promise<Snapshot | undefined> {
  const files = runFiles(folder);
  // Before the checkpoint: so it is never of a later one.
  const summary = await bytesOf(files.summary);
  const checkpoint = await bytesOf(files.checkpoint);
  if (checkpoint === undefined) return undefined;
  const name = `the checkpoint ${files.checkpoint}`;
  const { metricsOffset: offset } = placeOf(decodeCheckpoint(checkpoint, name), name);
  const [metrics, environment] = await Promise.all([bytesOf(files.metrics), bytesOf(files.environment)]);
  if (environment === undefined || metrics === undefined || metrics.length < offset) {
    throw new InputError(
      `${folder} holds no whole run: ${files.metrics} or ${files.environment} is cut short`,
    );
  }
  return snapshotOf(checkpoint, metrics.subarray(0, offset), environment, summary, folder);
}

/**
 * The snapshot that consists of these files, which may come from anywhere.
 *
 * @param name says which run
 * @param runId that it has to be of; any where none is given
 * @throws InputError if one of them is missing or corrupt
 */
export function snapshotOf(
  checkpoint: Buffer,
  metrics: Buffer | undefined,
  environment: Buffer | undefined,
  summary: Buffer | undefined,
  name: string,
  runId?: string,
): Snapshot {
  const { step } = placeOf(
    decodeCheckpoint(checkpoint, `the checkpoint of ${name}`),
    `the checkpoint of ${name}`,
  );
  if (metrics === undefined || environment === undefined) {
    throw new InputError(`${name} is cut short: it has a checkpoint, but no metrics or no environment`);
  }
  const made = parseEnvironment(environment.toString(), `the environment of ${name}`);
  if (runId !== undefined && made.runId !== runId) {
    throw new InputError(`the environment of ${name} is that of another run, ${made.runId}`);
  }
  const epochs = parseRecords(metrics.toString(), `the metrics of ${name}`).length;
  const last =
    summary === undefined ? 0 : parseSummaryFile(summary.toString(), `the summary of ${name}`).epochs;
  return {
    step,
    summarised: last === epochs ? epochs : 0,
    checkpoint,
    metrics,
    environment,
    ...(summary !== undefined && { summary }),
  };
}

/** Makes a folder hold the run as it is in a snapshot. After a crash it holds none, or the whole one. */
export async function writeSnapshot(folder: string, snapshot: Snapshot): Promise<void> {
  const files = runFiles(folder);
  await writing(folder, makeFolder(files.checkpoints));
  // It belongs to the metrics that are replaced.
  await writing(files.checkpoint, rm(files.checkpoint, { force: true }));
  for (const name of ["environment", "metrics", "checkpoint", "summary"] as const) {
    const content = snapshot[name];
    if (content !== undefined)
      await writing(files[name], replaceFile(files[name], content, files.checkpoints));
  }
}

/** What a file holds, or undefined where there is none. */
async function bytesOf(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new InputError(`${path} cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}
