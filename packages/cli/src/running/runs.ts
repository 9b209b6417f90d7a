/**
 * A run: training with its files. Whatever happens to the process, the folder holds what is needed to go on, and what
 * then comes out is, bit for bit, what an undisturbed run gives (wall times aside).
 */
import { type FileHandle, lstat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Backend } from "flipnet/internal/backend/backend";
import { nativeReason } from "flipnet/internal/backend/kinds";
import { InputError } from "flipnet/internal/formats/errors";
import { remedyFor } from "flipnet/internal/optimizers/optimizer";
import { generator } from "flipnet/internal/random/threefry";
import type { MemoryPlan } from "flipnet/internal/training/memory";
import {
  DivergedError,
  type EpochRecord,
  type Progress,
  type Training,
} from "flipnet/internal/training/training";
import { type Config, isComplete } from "../settings/config.ts";
import { type Checkpoint, placeOf, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { describeEnvironment, packageVersion } from "./environment.ts";
import { type Lock, lockFolder } from "./lock.ts";
import {
  environmentOf,
  parseSummary,
  type RunSummary,
  runFiles,
  runFolderOf,
  runIdOf,
  summarise,
  textOf,
  withPlace,
} from "./run-folder.ts";
import { parseRecords } from "./run-schema.ts";
import { makeFolder, openToAppend, removeLeftovers, replaceFile, syncFolder, writing } from "./storage.ts";
import { createBackend, loadWorkload, type Workload } from "./workload.ts";

/** What a caller may want of a run while it trains. */
export interface RunOptions {
  /** Go on with a run that was stopped, or make a finished one longer. */
  resume?: boolean;
  /** The folder of the run, whatever it is called; default: one in `out`, by the run's name. */
  folder?: string;
  /** Stops the run: it writes a checkpoint first. */
  signal?: AbortSignal;
  /** Once, before training: what is known by then, with the records of earlier epochs. */
  onStart?: (run: RunStart) => void;
  /** After each epoch that is trained now. */
  onEpoch?: (record: EpochRecord) => void;
  /** About every tenth of a second while an epoch is trained. */
  onProgress?: (progress: Progress) => void;
  /** Seconds between checkpoints within long epochs; default 60. */
  checkpointEvery?: number;
  /** After each checkpoint, with the steps that are in it. */
  onCheckpoint?: (step: number) => void;
}

/** A run before it trains. */
export interface RunStart {
  runId: string;
  folder: string;
  /** The config with its `kernels` chosen. */
  config: Config;
  /** Of the epochs that are done, one each. */
  records: readonly EpochRecord[];
  /** Steps that are done. */
  step: number;
  /** Whether nothing is left to train. */
  complete: boolean;
  /** What it takes; absent where nothing is trained, and on the reference backend. */
  memory?: MemoryPlan;
  /** Why native kernels that are installed are not used. */
  withoutNative?: string;
  /** What was made of a table, and what was left out of it. */
  notes?: readonly string[];
}

/** A run after it trained. */
export interface RunResult {
  runId: string;
  folder: string;
  config: Config;
  /** One an epoch, up to the last one asked for. */
  records: EpochRecord[];
  /** `"reused"`: all epochs were there already, nothing was trained. */
  status: "finished" | "stopped" | "reused";
  /** Undefined where the run was stopped. */
  summary: RunSummary | undefined;
}

/** Where epochs are short, checkpoints at their ends may take up to this part of the time. */
const share = 0.05;
/** Where they are long there is one within them that often, in seconds. */
const longest = 60;

/**
 * Runs a config in its folder: trains what is not there yet.
 *
 * @throws InputError if config or data cannot be used, if the folder's run was stopped and `resume` is not asked for,
 * if somebody else writes it, if its checkpoint is corrupt or another run's, or if `folder` holds another run
 * @throws DivergedError if a number stops being finite; the last checkpoint before stays
 * @throws StorageError if the disk is full or fails; what was saved before stays
 */
export async function trainRun(given: Config, options: RunOptions = {}): Promise<RunResult> {
  const workload = await loadWorkload(withPlace(given));
  const { config } = workload;
  const backend = await createBackend(config);
  try {
    return await trainOn(backend, workload, config, options);
  } finally {
    backend.close();
  }
}

async function trainOn(
  backend: Backend,
  workload: Workload,
  config: Config,
  options: RunOptions,
): Promise<RunResult> {
  const run = new Run(
    { ...config, kernels: backend.features.arithmetic as NonNullable<Config["kernels"]> },
    workload,
    backend,
    options.folder,
  );
  if (options.folder !== undefined) await run.refuseAnother();

  const stored = await run.read();
  if (run.isDone(stored)) return run.answer(stored, options);

  // Refuses what does not fit before anything is written.
  const { training, memory } = await workload.prepare(backend);
  await writing(run.folder, makeFolder(run.files.checkpoints));
  if ((await lstat(run.files.checkpoints)).isSymbolicLink()) {
    throw new InputError(`${run.files.checkpoints} is a link; expected a folder of the run itself`);
  }
  const lock = await lockFolder(run.folder);
  try {
    await removeLeftovers(run.files.checkpoints);
    const stored = await run.read();
    if (run.isDone(stored)) return run.answer(stored, options);
    if (!options.resume) run.refuseToTrainOn(stored);
    return await run.train(training, memory, stored, lock, options);
  } finally {
    await lock.release();
  }
}

/** What a folder holds of its run. */
interface Stored {
  checkpoint: Checkpoint | undefined;
  /** Up to the checkpoint. */
  records: EpochRecord[];
  /** Steps up to the checkpoint. */
  step: number;
  /** Bytes of the metrics up to the checkpoint. */
  offset: number;
  /** Whether there are metrics at all, after the checkpoint or without one. */
  hasMetrics: boolean;
  /** Of the length that was finished last, which may not be that of the records. */
  summary: RunSummary | undefined;
}

class Run {
  readonly config: Config;
  readonly runId: string;
  readonly folder: string;
  readonly files: ReturnType<typeof runFiles>;
  /** What the metadata of a checkpoint must say to be this run's. */
  readonly #identity: Record<string, string>;
  readonly #digest: string;
  readonly #preparation: Workload["preparation"];
  readonly #notes: Workload["notes"];

  constructor(config: Config, { digest, preparation, notes }: Workload, backend: Backend, folder?: string) {
    this.config = config;
    this.#preparation = preparation;
    this.#notes = notes;
    this.runId = runIdOf(config, digest);
    this.folder = folder ?? runFolderOf(config, this.runId);
    this.files = runFiles(this.folder);
    this.#digest = digest;
    this.#identity = { generator, kernels: backend.features.arithmetic, runId: this.runId };
  }

  /** @throws InputError if the folder holds another run than that of its config and data */
  async refuseAnother(): Promise<void> {
    const { folder, files, config } = this;
    const made = await environmentOf(folder);
    if (made === undefined || made.runId === this.runId) return;
    if (made.dataDigest !== this.#digest) {
      const data = config.data ?? config.objective ?? "MNIST";
      throw new InputError(
        `the data of ${folder} has changed: ${data} has the digest ${this.#digest.slice(0, 16)}..., ` +
          `expected ${made.dataDigest.slice(0, 16)}..., with which the run was made`,
      );
    }
    throw new InputError(
      `${files.config} is not what the run was made with: its settings make the run ${this.runId}, expected ${made.runId}`,
    );
  }

  /** @throws InputError for a checkpoint that is corrupt or another run's */
  async read(): Promise<Stored> {
    const { files } = this;
    const checkpoint = await readCheckpoint(files.checkpoint);
    const metrics = Buffer.from((await textOf(files.metrics)) ?? "");
    const hasMetrics = metrics.length > 0;
    if (checkpoint === undefined) {
      return { checkpoint, records: [], step: 0, offset: 0, hasMetrics, summary: undefined };
    }

    const { metadata } = checkpoint;
    for (const [name, expected] of Object.entries(this.#identity)) {
      if (metadata[name] !== expected) {
        throw new InputError(
          `the checkpoint ${files.checkpoint} belongs to another run: its ${name} is ${metadata[name]}, expected ${expected}`,
        );
      }
    }
    const { step, metricsOffset: offset } = placeOf(checkpoint, `the checkpoint ${files.checkpoint}`);
    if (metrics.length < offset) {
      throw new InputError(
        `${files.metrics} is cut short: ${metrics.length} bytes, expected at least ${offset}, as the checkpoint says`,
      );
    }
    const records = parseRecords(metrics.subarray(0, offset).toString(), files.metrics);
    const text = await textOf(files.summary);
    const summary = text === undefined ? undefined : parseSummary(text, this.folder);
    return { checkpoint, records, step, offset, hasMetrics, summary };
  }

  /** Whether nothing is left to do: with the last epoch there may still be a summary to make. */
  isDone({ records, summary }: Stored): boolean {
    if (records.length > this.config.epochs) return true;
    return isComplete(this.config, records) && summary?.epochs === records.length;
  }

  /** The result of a run that is done. One that went further no longer has what is measured at the end only. */
  answer(stored: Stored, { onStart }: RunOptions): RunResult {
    const { epochs } = this.config;
    const records = stored.records.slice(0, epochs);
    onStart?.({ ...this.#named(), records, step: records[records.length - 1].step, complete: true });
    const summary =
      stored.summary?.epochs === records.length
        ? stored.summary
        : summarise(this.runId, this.folder, records);
    return { ...this.#named(), records, status: "reused", summary };
  }

  refuseToTrainOn({ checkpoint, hasMetrics, records, step }: Stored): void {
    const { folder, config } = this;
    if ((checkpoint === undefined && !hasMetrics) || isComplete(config, records)) return;
    throw new InputError(
      `${folder} holds this run with ${records.length} of ${config.epochs} epochs done (${step} steps); ` +
        "add --resume to go on with it",
    );
  }

  async train(
    training: Training,
    memory: MemoryPlan | undefined,
    stored: Stored,
    lock: Lock,
    options: RunOptions,
  ): Promise<RunResult> {
    const { config, files } = this;
    const { signal, onStart, onEpoch, onProgress, onCheckpoint, checkpointEvery = longest } = options;
    if (stored.checkpoint !== undefined) this.#restore(training, stored.checkpoint, stored);
    await this.#writeHead(stored.step, memory);

    const records = [...stored.records];
    let measured: Record<string, number> | undefined;
    const log = await MetricsLog.open(files.metrics, stored.offset);
    try {
      const withoutNative = nativeReason();
      onStart?.({
        ...this.#named(),
        records: [...records],
        step: stored.step,
        complete: isComplete(config, records),
        ...(memory && { memory }),
        ...(withoutNative !== undefined && { withoutNative }),
        ...(this.#notes && { notes: this.#notes }),
      });
      if (stored.checkpoint === undefined) training.initialise();
      let saved = performance.now();
      let took = 0;
      const save = async () => {
        const began = performance.now();
        const tensors = await training.tensors();
        await lock.check();
        await log.flush();
        const metadata = {
          ...this.#identity,
          step: `${training.step}`,
          metricsOffset: `${log.length}`,
          version: packageVersion(),
        };
        await writeCheckpoint(files.checkpoint, { tensors, metadata });
        saved = performance.now();
        took = saved - began;
        onCheckpoint?.(training.step);
      };
      const pause = async (progress: Progress) => {
        onProgress?.(progress);
        if (performance.now() - saved > 1000 * checkpointEvery) await save();
        return signal?.aborted !== true;
      };
      for await (const record of training.run(config.epochs, { pause })) {
        await log.append(record, remedyFor(training.learner.optimizer));
        records.push(record);
        onEpoch?.(record);
        if (signal?.aborted) break;
        if (!isComplete(config, records) && took < share * (performance.now() - saved)) await save();
      }
      await save();
      if (isComplete(config, records)) measured = await training.evaluate({ pause });
    } finally {
      await log.close();
    }

    if (measured === undefined) {
      return { ...this.#named(), records, status: "stopped", summary: undefined };
    }
    const summary = summarise(this.runId, this.folder, records, measured);
    const { folder, ...rest } = summary;
    const text = `${JSON.stringify(rest, undefined, 2)}\n`;
    await writing(files.summary, replaceFile(files.summary, text, files.checkpoints));
    return { ...this.#named(), records, status: "finished", summary };
  }

  /** @throws InputError for a checkpoint that is not of this training, or does not belong to the metrics beside it */
  #restore(training: Training, { tensors }: Checkpoint, { records, step }: Stored): void {
    training.restore(tensors);
    if (training.step === step && training.epoch === records.length) return;
    throw new InputError(
      `the checkpoint ${this.files.checkpoint} is corrupt: it stands at step ${training.step} after ${training.epoch} epochs; ` +
        `expected step ${step}, as it says, and ${records.length} epochs, as ${this.files.metrics} says`,
    );
  }

  #named() {
    return { runId: this.runId, folder: this.folder, config: this.config };
  }

  /** What says which run this is and what it is made with: `starts` has an entry for each time it was begun or resumed. */
  async #writeHead(step: number, memory?: MemoryPlan): Promise<void> {
    const { files, config, runId } = this;
    const preparation = this.#preparation;
    const starts = (await environmentOf(this.folder))?.starts ?? [];
    const { threads = 1 } = config;
    const made = await describeEnvironment(config.kernels!);
    const start = { time: new Date().toISOString(), step, ...made, threads, memory };
    const environment = {
      runId,
      dataDigest: this.#digest,
      generator,
      kernels: config.kernels,
      starts: [...starts, start],
    };
    for (const [path, content] of [
      [files.config, config],
      [files.environment, environment],
      ...(preparation === undefined ? [] : [[files.preparation, preparation] as const]),
    ] as const) {
      const text = `${JSON.stringify(content, undefined, 2)}\n`;
      await writing(path, replaceFile(path, text, files.checkpoints));
    }
  }
}

/** The metrics of a run, one record a line. */
class MetricsLog {
  readonly #path: string;
  readonly #file: FileHandle;
  /** Bytes written. */
  length: number;

  /** Cuts back to `offset` what was written after the checkpoint: it will be written again. */
  static async open(path: string, offset: number): Promise<MetricsLog> {
    const file = await writing(path, openToAppend(path));
    await writing(path, file.truncate(offset));
    await writing(path, syncFolder(dirname(path)));
    return new MetricsLog(path, file, offset);
  }

  private constructor(path: string, file: FileHandle, length: number) {
    this.#path = path;
    this.#file = file;
    this.length = length;
  }

  async append(record: EpochRecord, remedy: string): Promise<void> {
    for (const [name, value] of Object.entries(record)) {
      if (typeof value === "number" && !Number.isFinite(value)) {
        throw new DivergedError(`${name} is ${value} at step ${record.step}: ${remedy}`);
      }
    }
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    await writing(this.#path, this.#file.appendFile(line));
    this.length += line.length;
  }

  flush(): Promise<void> {
    return writing(this.#path, this.#file.sync());
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
