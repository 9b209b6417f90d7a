/** Has runs trained by whoever works on a queue, and writes what comes out into the ordinary run folders. */
import { setTimeout as sleep } from "node:timers/promises";
import { InputError, RunError } from "flipnet/internal/formats/errors";
import { generator } from "flipnet/internal/random/threefry";
import { isDone, type PlannedRun } from "../planning/sweep.ts";
import { packageVersion } from "../running/environment.ts";
import { lockFolder } from "../running/lock.ts";
import type { JobListener, JobResult } from "../running/pool.ts";
import { findRun, runFiles, summarise } from "../running/run-folder.ts";
import { appendTo, makeFolder, replaceFile, writing } from "../running/storage.ts";
import type { QueuedRun } from "./messages.ts";
import { type JobState, jobIdOf, type RunQueue } from "./queue.ts";
import { refusalOf } from "./redis.ts";
import { isLater, readSnapshot, writeSnapshot } from "./snapshot.ts";

/** Milliseconds between two looks at the queue. */
const interval = 1000;
/** Milliseconds that a collection which is to stop has to end what it is writing. */
const grace = 5000;
/** Jobs that are enqueued, or looked at, in one go. */
const atOnce = 500;

/**
 * Has the runs trained: enqueues those that are not in the queue, and waits until each is done or failed; what they give
 * then is in their folders and no longer in Redis. A run that failed before is tried anew, from its last checkpoint.
 * When the signal comes, what is in the queue stays there: a later call collects it.
 *
 * All that it knows is what stands in Redis and in the folders, so it may be killed at any time, and there may be
 * several of them.
 *
 * @throws RunError for what Redis refuses, such as more than it has memory for
 */
export async function collectRuns(
  jobs: readonly PlannedRun[],
  queue: RunQueue,
  listener: JobListener,
): Promise<JobResult[]> {
  const stop = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    stop.signal.addEventListener("abort", () => resolve());
  });
  const abort = () => stop.abort();
  listener.signal?.addEventListener("abort", abort);
  if (listener.signal?.aborted) abort();
  const collection = new Collection(jobs, queue, listener, stop.signal);
  try {
    const collected = collection.run();
    collected.catch(() => {});
    // One that waits for a Redis which is away has to be left.
    await Promise.race([collected, stopped.then(() => sleep(grace, undefined, { ref: false }))]);
  } catch (error) {
    throw refusalOf(error, queue.name);
  } finally {
    listener.signal?.removeEventListener("abort", abort);
  }
  return jobs.map((job) => collection.results.get(job) ?? { job, status: "interrupted", records: [] });
}

class Collection {
  readonly results = new Map<PlannedRun, JobResult>();
  readonly #queue: RunQueue;
  readonly #listener: JobListener;
  readonly #stop: AbortSignal;
  /** Those that are still to come, by job id. */
  readonly #waiting: Map<string, PlannedRun>;
  /** Of the runs that somebody trains, the last epoch that was told of. */
  readonly #begun = new Map<PlannedRun, number>();
  readonly #notes = new Set<string>();

  constructor(jobs: readonly PlannedRun[], queue: RunQueue, listener: JobListener, stop: AbortSignal) {
    this.#queue = queue;
    this.#listener = listener;
    this.#stop = stop;
    this.#waiting = new Map(jobs.map((job) => [jobIdOf(job), job]));
  }

  async run(): Promise<void> {
    await this.#clear(await this.#queue.look());
    for (let looks = 0; this.#waiting.size > 0 && !this.#stop.aborted; looks++) {
      const states = await this.#queue.look();
      await this.#enqueue([...this.#waiting.values()].filter((job) => !states.has(jobIdOf(job))));
      for (const [id, job] of [...this.#waiting]) {
        if (this.#stop.aborted) return;
        const state = states.get(id);
        if (state === "active") await this.#follow(id, job);
        if (state === "completed" || state === "failed") await this.#collect(id, job, states);
      }
      await this.#tellRefusals(states);
      if (looks === 0 && this.#waiting.size > 0 && (await this.#queue.workers()) === 0) {
        this.#note(`no worker is connected to ${this.#queue.name} yet: the runs wait`);
      }
      if (this.#waiting.size > 0) await sleep(interval, undefined, { signal: this.#stop }).catch(() => {});
    }
  }

  /** Removes jobs that failed before, and those of another version of this package that nobody has begun. */
  async #clear(states: ReadonlyMap<string, JobState>): Promise<void> {
    for (const id of this.#waiting.keys()) {
      const state = states.get(id);
      if (state === undefined || state === "completed" || state === "active") continue;
      const isOld = async () => (await this.#queue.versionOf(id)) !== packageVersion();
      if (state === "failed" || (await isOld())) await this.#queue.remove(id);
    }
  }

  /** Adds jobs with what there is of their runs; those of runs that are there by now come to an end. */
  async #enqueue(jobs: readonly PlannedRun[]): Promise<void> {
    for (let i = 0; i < jobs.length && !this.#stop.aborted; i += atOnce) {
      const some = jobs.slice(i, i + atOnce);
      const wanted = await Promise.all(some.map((job) => this.#offer(job)));
      await this.#queue.add(some.filter((_, i) => wanted[i]).map(queued));
    }
  }

  /** Hands over what there is of a run in its folder. @returns false if nothing is left to do, or nothing can be done */
  async #offer(job: PlannedRun): Promise<boolean> {
    try {
      // Another collector may have written it.
      const done = await doneResult(job);
      if (done === undefined) {
        // Before the job is there: whoever takes it has to find this.
        const snapshot = await readSnapshot(job.folder);
        if (snapshot !== undefined) await this.#queue.store(job.runId, snapshot);
        return true;
      }
      this.#end(done);
    } catch (error) {
      this.#fail(job, error);
    }
    return false;
  }

  /** Tells how a run gets on. */
  async #follow(id: string, job: PlannedRun): Promise<void> {
    this.#begin(job);
    const told = await this.#queue.progress(id);
    const { progress, record } = told ?? {};
    if (record !== undefined && record.epoch > this.#begun.get(job)!) {
      this.#begun.set(job, record.epoch);
      this.#listener.onMessage?.(job, record);
    }
    if (progress !== undefined) this.#listener.onMessage?.(job, progress);
  }

  /** Writes what has become of a run into its folder, and removes it from Redis. */
  async #collect(id: string, job: PlannedRun, states: ReadonlyMap<string, JobState>): Promise<void> {
    const { runId } = job;
    try {
      const failure = states.get(id) === "failed" ? await this.#queue.failure(id) : undefined;
      await this.#write(job);
      const done = await doneResult(job);
      const isShared = [...states.keys()].some((other) => other !== id && other.startsWith(`${runId}-`));
      if (!isShared) await this.#queue.forget(runId);
      await this.#queue.remove(id);
      if (done !== undefined) this.#end(done);
      else if (failure !== undefined) this.#fail(job, new RunError(failure));
      // Otherwise somebody took its state away: it is enqueued anew.
    } catch (error) {
      this.#fail(job, error);
    }
  }

  async #write(job: PlannedRun): Promise<void> {
    const { folder, runId, config } = job;
    const { snapshot, log } = await this.#queue.state(runId);
    if (snapshot === undefined && log === "") return;
    await writing(folder, makeFolder(folder));
    const lock = await lockFolder(folder);
    try {
      const there = await readSnapshot(folder);
      if (snapshot !== undefined && (there === undefined || isLater(snapshot, there))) {
        const { config: path } = runFiles(folder);
        await writing(path, replaceFile(path, `${JSON.stringify(config, undefined, 2)}\n`));
        await writeSnapshot(folder, snapshot);
      }
      if (log !== "") await writing(job.log, appendTo(job.log, log));
    } finally {
      await lock.release();
    }
  }

  /** Says which runs wait because workers have refused them, and why. */
  async #tellRefusals(states: ReadonlyMap<string, JobState>): Promise<void> {
    const delayed = [...this.#waiting].filter(([id]) => states.get(id) === "delayed").slice(0, atOnce);
    await Promise.all(
      delayed.map(async ([id, { label }]) => {
        const { host, refused } = (await this.#queue.progress(id)) ?? {};
        if (refused === undefined) return;
        this.#note(`${host} refuses runs: ${refused}`, `${label} waits for another worker, and others may`);
      }),
    );
  }

  /** Says something once. */
  #note(what: string, more?: string): void {
    if (this.#notes.has(what)) return;
    this.#notes.add(what);
    this.#listener.onNote?.(more === undefined ? what : `${what}; ${more}`);
  }

  #begin(job: PlannedRun): void {
    if (this.#begun.has(job)) return;
    this.#begun.set(job, 0);
    this.#listener.onStart?.(job);
  }

  #fail(job: PlannedRun, error: unknown): void {
    if (!(error instanceof InputError || error instanceof RunError)) throw error;
    this.#end({ job, status: "failed", records: [], error: error.message });
  }

  #end(result: JobResult): void {
    const job = result.job as PlannedRun;
    this.#begin(job);
    this.#waiting.delete(jobIdOf(job));
    this.results.set(job, result);
    this.#listener.onEnd?.(result);
  }
}

/** The result of a run that is complete in its folder; undefined for any other. */
async function doneResult(job: PlannedRun): Promise<JobResult | undefined> {
  const { runId, folder, config } = job;
  const stored = await findRun(folder);
  if (stored === undefined || !isDone(stored, config)) return undefined;
  const records = stored.records.slice(0, config.epochs);
  // One that went further no longer has what is measured at the end only.
  const isOfThese = stored.summary?.epochs === records.length;
  const summary = isOfThese ? stored.summary! : summarise(runId, folder, records);
  return { job, status: "done", records, summary };
}

/** A run as it goes into the queue. */
const queued = ({ label, runId, config, digest }: PlannedRun): QueuedRun => ({
  label,
  runId,
  config,
  digest,
  generator,
  version: packageVersion(),
});
