/** Trains runs of a queue, each in a process and a temporary folder of its own, and keeps in Redis how far they are. */
import { lstat, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { availableParallelism, hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { kernelsHere } from "flipnet/internal/backend/kinds";
import { InputError, RunError } from "flipnet/internal/formats/errors";
import { generator } from "flipnet/internal/random/threefry";
import type { EpochRecord } from "flipnet/internal/training/training";
import { dataKeyOf } from "../running/data.ts";
import { packageVersion } from "../running/environment.ts";
import { lockFolder } from "../running/lock.ts";
import { type JobResult, type RunMessage, type RunProgress, runJob } from "../running/pool.ts";
import { runFolderOf } from "../running/run-folder.ts";
import { factsOf } from "../running/workload.ts";
import type { Config } from "../settings/config.ts";
import { parseJob, type QueuedRun } from "./messages.ts";
import type { JobState, RunJob, RunQueue } from "./queue.ts";
import { refusalOf } from "./redis.ts";
import { readSnapshot, writeSnapshot } from "./snapshot.ts";

export interface WorkerOptions {
  /** The script that understands `train - --resume --json`: flipnet's command line. */
  program: string;
  /** Runs at a time. */
  concurrency: number;
  /** A folder with the data that runs ask for, before the one that they name. */
  data?: string;
  /** Seconds without work after which it ends; it goes on for ever by default. */
  idle?: number;
  /** Seconds after which a worker of which nothing was heard is taken to be gone. */
  lostAfter: number;
  /** Seconds between checkpoints within long epochs. */
  checkpointEvery: number;
  /** Hands all runs back, with checkpoints, and ends. */
  signal: AbortSignal;
  /** What it does, a line each. */
  onNote: (note: string) => void;
}

/** Milliseconds for which a run that was refused is left to others. */
const refusedFor = 5000;
/** A run whose workers are lost that often in a row, before they get any further, has failed. */
const mostFruitless = 5;
/** Uploads may take up to this part of the time. */
const share = 0.05;
/** Milliseconds between two things said of a run. */
const sayEvery = 1000;
/** Milliseconds before something that Redis refused is tried again. */
const retryAfter = 5000;
/** Milliseconds for handing runs back, and between two looks at what there is to do. */
const grace = 20_000;
const lookEvery = 1000;

/** How the work came to an end. */
export type WorkEnd =
  /** It was told to stop, and every run that it had is back in the queue. */
  | { how: "stopped" }
  /** The queue is empty. */
  | { how: "idle" }
  /** There are runs, and this host can train none of them: why not. */
  | { how: "refused"; reasons: string[] }
  /** Redis does not answer: the runs that it had go on from what it has of them, once they are taken to be lost. */
  | { how: "lost" };

/**
 * Works until it is told to stop, or there has been nothing to do for long enough.
 *
 * @throws RunError for what Redis refuses for good, such as commands that the user may not give
 */
export async function workOn(queue: RunQueue, options: WorkerOptions): Promise<WorkEnd> {
  const { Worker } = await import("bullmq");
  const { concurrency, idle = Number.POSITIVE_INFINITY, lostAfter, signal, onNote } = options;
  const scratch = await makeScratch();
  const trainer = new Trainer(queue, scratch, options);
  const worker = new Worker<QueuedRun, void>(
    queue.worker.name,
    (job, token, lost) => trainer.train(job, token!, lost!),
    {
      ...queue.worker.options,
      autorun: false,
      concurrency,
      lockDuration: 1000 * lostAfter,
      lockRenewTime: (1000 * lostAfter) / 3,
      stalledInterval: (1000 * lostAfter) / 2,
      // The trainer counts those without progress.
      maxStalledCount: 2 ** 31,
      runRetryDelay: 1000,
    },
  );
  worker.on("lockRenewalFailed", (ids) => {
    for (const id of ids) worker.cancelJob(id, "lost");
  });
  // Of the connection the queue tells, and of runs the trainer.
  const refused = new AbortController();
  const said = new Set<string>();
  worker.on("error", (error) => {
    const refusal = refusalOf(error, queue.name);
    if (!(refusal instanceof RunError)) return;
    if (!said.has(refusal.message)) onNote(refusal.message);
    said.add(refusal.message);
    // What a user may not do now, it may not do later.
    if (/\b(NOPERM|NOAUTH|WRONGPASS)\b/.test(refusal.message)) refused.abort(refusal);
  });

  // Whoever may not look at the queue may not work on it.
  queue.look().catch((error) => refused.abort(error));
  const working = worker.run();
  const stop = AbortSignal.any([signal, refused.signal]);
  const patience = new Patience(queue, trainer, 1000 * idle);
  try {
    let end: WorkEnd | undefined;
    while (!stop.aborted && end === undefined) {
      await Promise.race([working, sleep(lookEvery / 5, undefined, { signal: stop }).catch(() => {})]);
      end = await patience.look();
    }
    // There is nothing to hand back, or nobody to hand it to.
    const isAway = () => trainer.isFree && (!queue.isConnected || refused.signal.aborted);
    const handedBack = await Promise.race([
      worker.close().then(() => true),
      waitUntil(isAway, grace).then(() => false),
    ]);
    refused.signal.throwIfAborted();
    return handedBack ? (end ?? { how: "stopped" }) : { how: "lost" };
  } finally {
    // Its own connection would keep the process for as long as Redis is away.
    await Promise.race([worker.disconnect(), sleep(500, undefined, { ref: false })]).catch(() => {});
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Waits until something is so, and no longer than that. */
async function waitUntil(isSo: () => boolean, milliseconds: number): Promise<void> {
  for (const end = performance.now() + milliseconds; performance.now() < end && !isSo(); ) {
    await sleep(100, undefined, { ref: false });
  }
}

/** How long there has been nothing to do, as the queue itself says. */
class Patience {
  readonly #queue: RunQueue;
  readonly #trainer: Trainer;
  readonly #patience: number;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Since when the queue has been empty, and since when it has held nothing but what this host refuses. */
  #empty = Number.POSITIVE_INFINITY;
  #refused = Number.POSITIVE_INFINITY;
  /** Runs that had been begun by then. */
  #begun = 0;

  constructor(queue: RunQueue, trainer: Trainer, patience: number) {
    this.#queue = queue;
    this.#trainer = trainer;
    this.#patience = patience;
  }

  /** The end, where it has come. A Redis that is away has told nothing: that is no idleness. */
  async look(): Promise<WorkEnd | undefined> {
    const now = performance.now();
    const { refusals } = this.#trainer;
    if (this.#patience === Number.POSITIVE_INFINITY || now - this.#lookedAt < lookEvery) return undefined;
    this.#lookedAt = now;
    const states = await this.#statesNow();
    const { begun, isFree } = this.#trainer;
    if (states === undefined || begun > this.#begun) {
      this.#begun = begun;
      this.#empty = Number.POSITIVE_INFINITY;
      this.#refused = Number.POSITIVE_INFINITY;
      return undefined;
    }
    // It has a job in its hands: one that it began before, or is just refusing once more.
    if (!isFree) {
      this.#empty = Number.POSITIVE_INFINITY;
      return undefined;
    }
    const waiting = [...states].filter(([, state]) => state !== "completed" && state !== "failed");
    const isRefused = waiting.every(([id, state]) => state !== "active" && refusals.has(id));
    this.#empty = waiting.length === 0 ? Math.min(now, this.#empty) : Number.POSITIVE_INFINITY;
    this.#refused = waiting.length > 0 && isRefused ? Math.min(now, this.#refused) : Number.POSITIVE_INFINITY;
    if (now - this.#empty >= this.#patience) return { how: "idle" };
    if (now - this.#refused >= this.#patience) {
      return { how: "refused", reasons: [...new Set(refusals.values())] };
    }
    return undefined;
  }

  /** The jobs that there are; undefined where Redis does not say at once. */
  async #statesNow(): Promise<ReadonlyMap<string, JobState> | undefined> {
    if (!this.#queue.isConnected) return undefined;
    const looking = this.#queue.look();
    looking.catch(() => {});
    return Promise.race([looking, sleep(lookEvery, undefined, { ref: false })]);
  }
}

/** Trains one run after another, or several at a time. */
class Trainer {
  readonly #queue: RunQueue;
  readonly #scratch: string;
  readonly #options: WorkerOptions;
  readonly #data: DataFinder;
  /** Why this host cannot train which jobs. */
  readonly refusals = new Map<string, string>();
  #busy = 0;
  /** Runs that it has begun to train. */
  begun = 0;

  constructor(queue: RunQueue, scratch: string, options: WorkerOptions) {
    this.#queue = queue;
    this.#scratch = scratch;
    this.#options = options;
    this.#data = new DataFinder(options.data);
  }

  /** Whether it has no job just now, not even one of which it is still finding out whether it can be trained. */
  get isFree(): boolean {
    return this.#busy === 0;
  }

  /**
   * Trains the run of a job, from where it is in Redis on. Throws what BullMQ takes for: it failed, it was refused, it
   * was handed back.
   *
   * @param token that shows that the job is this worker's
   * @param lost when it no longer is
   */
  async train(job: RunJob, token: string, lost: AbortSignal): Promise<void> {
    this.#busy++;
    try {
      await this.#train(job, token, lost);
    } finally {
      this.#busy--;
    }
  }

  async #train(job: RunJob, token: string, lost: AbortSignal): Promise<void> {
    const { DelayedError, WaitingError } = await import("bullmq");
    const { onNote, signal } = this.#options;
    let asked: QueuedRun;
    try {
      asked = parseJob(job.data, packageVersion());
    } catch (error) {
      onNote(`a job is not trained: ${(error as Error).message}`);
      throw error;
    }
    const { runId, label, config } = asked;

    const found = await this.#prepare(asked);
    if ("refused" in found) {
      const { refused } = found;
      const isNew = ![...this.refusals.values()].includes(refused);
      if (isNew) onNote(`${label} is left to others: ${refused}`);
      this.refusals.set(job.id!, refused);
      await job.updateProgress({ host: hostname(), refused });
      await job.moveToDelayed(Date.now() + refusedFor, token);
      throw new DelayedError();
    }

    this.begun++;
    const fruitless = await this.#queue.begin(runId);
    if (fruitless >= mostFruitless) {
      await this.#queue.end(runId);
      throw new RunError(
        `the ${fruitless} workers that had it were lost one after another, without any progress`,
      );
    }
    const out = await mkdtemp(join(this.#scratch, `${runId}-`));
    try {
      const stop = AbortSignal.any([signal, lost]);
      const wanted = { ...config, ...found.data, out };
      const run = new RunOfJob(this.#queue, job, asked, wanted, this.#options, stop);
      const { status, error } = await run.train();
      if (status === "failed") throw new RunError(error ?? "nobody knows why");
      if (status === "done") onNote(`${label}: done`);
      if (status === "interrupted") {
        onNote(`${label}: ${lost.aborted ? "is taken to be lost, and left to others" : "handed back"}`);
        if (!lost.aborted) await job.moveToWait(token);
        throw new WaitingError();
      }
    } catch (error) {
      if (error instanceof RunError || error instanceof InputError) {
        onNote(`${label}: failed: ${error.message}`);
      }
      throw error;
    } finally {
      await this.#queue.end(runId);
      await rm(out, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  /** What is needed to train a run here, or why that cannot be. */
  async #prepare({ config, digest, ...made }: QueuedRun): Promise<{ data: object } | { refused: string }> {
    const version = packageVersion();
    if (made.version !== version) {
      return { refused: `it was queued by version ${made.version} of flipnet, this is ${version}` };
    }
    if (made.generator !== generator) {
      return { refused: `it asks for the random generator ${made.generator}, this has ${generator}` };
    }
    const offered: readonly string[] = ["float64", ...kernelsHere()];
    if (!offered.includes(config.kernels!)) {
      return { refused: `it asks for ${config.kernels} kernels, this host has ${offered.join(" and ")}` };
    }
    const data = await this.#data.find(config, digest);
    return data === undefined
      ? { refused: `this host has no data with the digest ${digest.slice(0, 16)}...` }
      : { data };
  }
}

/** A run that is trained in a temporary folder. */
class RunOfJob {
  readonly #queue: RunQueue;
  readonly #job: RunJob;
  readonly #asked: QueuedRun;
  readonly #config: Config;
  readonly #folder: string;
  readonly #options: WorkerOptions;
  readonly #stop: AbortSignal;
  readonly #said: { progress?: RunProgress; record?: EpochRecord } = {};
  #saidAt = Number.NEGATIVE_INFINITY;
  #saying = false;

  constructor(
    queue: RunQueue,
    job: RunJob,
    asked: QueuedRun,
    config: Config,
    options: WorkerOptions,
    stop: AbortSignal,
  ) {
    this.#queue = queue;
    this.#job = job;
    this.#asked = asked;
    // A worker may have fewer processors; the bits are the same.
    const threads = config.threads && Math.min(config.threads, availableParallelism());
    this.#config = { ...config, ...(threads && { threads }) };
    this.#folder = runFolderOf(config, asked.runId);
    this.#options = options;
    this.#stop = stop;
  }

  async train(): Promise<JobResult> {
    const { runId, label } = this.#asked;
    const { program, checkpointEvery, onNote } = this.#options;
    const { snapshot } = await this.#queue.state(runId);
    if (snapshot !== undefined) await writeSnapshot(this.#folder, snapshot);
    onNote(`${label}: ${snapshot === undefined ? "begins" : `goes on from step ${snapshot.step}`}`);

    const log = join(this.#config.out, "log.txt");
    const uploads = new Uploads(() => this.#upload(), onNote);
    const result = await runJob(
      { label, config: this.#config, log },
      {
        program,
        flags: ["--checkpoint-every", `${checkpointEvery}`],
        signal: this.#stop,
        onMessage: (_, message) => {
          if (message.type === "checkpoint") uploads.request();
          else this.#say(message);
        },
      },
    );
    await uploads.finish(this.#stop);
    const text = await readFile(log, "utf8").catch(() => "");
    if (result.status !== "interrupted") await this.#queue.log(runId, text, this.#job.id!);
    return result;
  }

  async #upload(): Promise<void> {
    const snapshot = await readSnapshot(this.#folder);
    if (snapshot !== undefined) await this.#queue.store(this.#asked.runId, snapshot, this.#job.id!);
  }

  /** Says where the run stands, now and then. */
  #say(message: RunMessage): void {
    if (message.type === "progress") this.#said.progress = message as RunProgress;
    if (message.type === "epoch") this.#said.record = message as EpochRecord;
    const now = performance.now();
    if (this.#saying || now - this.#saidAt < sayEvery) return;
    this.#saidAt = now;
    this.#saying = true;
    // A job that is gone is no harm: its lock is, too.
    this.#job
      .updateProgress({ host: hostname(), ...this.#said })
      .catch(() => {})
      .finally(() => {
        this.#saying = false;
      });
  }
}

/** Uploads one at a time, and never so often that they take more than their share. */
class Uploads {
  readonly #upload: () => Promise<void>;
  readonly #onNote: (note: string) => void;
  #wanted = false;
  #uploading: Promise<void> | undefined;
  readonly #finished = new AbortController();

  constructor(upload: () => Promise<void>, onNote: (note: string) => void) {
    this.#upload = upload;
    this.#onNote = onNote;
  }

  /** Asks for an upload of what there is now, or is a little later. */
  request(): void {
    this.#wanted = true;
    this.#uploading ??= this.#work().finally(() => {
      this.#uploading = undefined;
    });
  }

  async #work(): Promise<void> {
    while (this.#wanted && !this.#finished.signal.aborted) {
      this.#wanted = false;
      const began = performance.now();
      // What fails now may succeed with the next checkpoint.
      await this.#try();
      const took = performance.now() - began;
      await sleep(took / share, undefined, this.#finished).catch(() => {});
    }
  }

  /** Uploads what is left, however often that has to be tried while nobody stops it. @throws RunError if it cannot be */
  async finish(stop: AbortSignal): Promise<void> {
    this.#finished.abort();
    await this.#uploading;
    while (!(await this.#try(true)) && !stop.aborted) {
      await sleep(retryAfter, undefined, { signal: stop }).catch(() => {});
    }
  }

  async #try(last = false): Promise<boolean> {
    try {
      await this.#upload();
      return true;
    } catch (error) {
      if (last && (error as Error).name !== "ReplyError") throw error;
      this.#onNote(`a checkpoint cannot be uploaded: ${(error as Error).message}`);
      return false;
    }
  }
}

/** Where this host has the data that runs ask for. */
class DataFinder {
  readonly #own: string | undefined;
  /** By folder; undefined for one that cannot be used. */
  readonly #digests = new Map<string, Promise<string | undefined>>();

  constructor(own: string | undefined) {
    this.#own = own;
  }

  /** The setting of a config with which it has the right data. */
  async find(config: Config, digest: string): Promise<{ data?: string } | undefined> {
    const named = "data" in config ? config.data : undefined;
    for (const data of [this.#own, named, undefined]) {
      const placed = { ...config, data } as Config;
      const key = dataKeyOf(placed);
      if (!this.#digests.has(key)) {
        this.#digests.set(
          key,
          factsOf(placed).then(
            ({ digest }) => digest,
            () => undefined,
          ),
        );
      }
      if ((await this.#digests.get(key)) === digest) return data === undefined ? {} : { data };
    }
    return undefined;
  }
}

const scratchName = "flipnet-worker-";
const isScratchName = /^flipnet-worker-\w{6}$/;

/** Makes a temporary folder, and removes those that workers of this user left when they were killed. */
async function makeScratch(): Promise<string> {
  for (const name of await readdir(tmpdir())) {
    if (isScratchName.test(name)) await removeLeft(join(tmpdir(), name)).catch(() => {});
  }
  const made = await mkdtemp(join(tmpdir(), scratchName));
  await lockFolder(made, "what a worker trains");
  return made;
}

/** Removes a folder with the lock of a worker that is gone: anything else of such a name is not flipnet's. */
async function removeLeft(path: string): Promise<void> {
  const [folder, lock] = await Promise.all([lstat(path), lstat(join(path, "lock"))]);
  const isOurs = process.getuid === undefined || folder.uid === process.getuid();
  if (!folder.isDirectory() || !lock.isFile() || !isOurs) return;
  await lockFolder(path);
  await rm(path, { recursive: true, force: true, maxRetries: 3 });
}
