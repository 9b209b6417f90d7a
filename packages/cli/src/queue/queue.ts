/**
 * What stands in Redis: a BullMQ queue of runs, and beside it, by run id, how far each is. docs/cluster.md describes it
 * for users.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Queue, Job as QueueJob, QueueOptions } from "bullmq";
import { RunError } from "flipnet/internal/formats/errors";
import type { Redis } from "ioredis";
import { oneLine, plainLines } from "../running/plain-text.ts";
import { parseProgress, type QueuedRun, type QueueProgress } from "./messages.ts";
import { connectRedis, importOptional, type RedisAddress, refusalOf } from "./redis.ts";
import { type Snapshot, snapshotOf } from "./snapshot.ts";

export type RunJob = QueueJob<QueuedRun, void, string>;

/** A job for each run and length: whoever asks for the same again gets the same job. */
export const jobIdOf = ({ runId, config }: Pick<QueuedRun, "runId" | "config">): string =>
  `${runId}-${config.epochs}`;

/** States of a job, and where BullMQ has the jobs of each. */
const places = {
  waiting: ["wait", "paused", "prioritized"],
  delayed: ["delayed"],
  active: ["active"],
  completed: ["completed"],
  failed: ["failed"],
};
export type JobState = keyof typeof places;

/** Beginning of the names of all keys in Redis. */
const prefix = "flipnet";
const queueName = "runs";

/** Bytes that Redis takes as one value. */
const largest = 2 ** 29;
/** Characters of a run's log that are kept. */
const longestLog = 2 ** 16;

/**
 * Replaces the state of a run by a later one. KEYS: the state, the run's job, without which nothing is written (empty:
 * none is needed). ARGV: step, epochs of the summary, then names and values.
 */
const storeScript = `
if KEYS[2] ~= "" and redis.call("EXISTS", KEYS[2]) == 0 then return 0 end
local step = tonumber(redis.call("HGET", KEYS[1], "step") or -1)
local summarised = tonumber(redis.call("HGET", KEYS[1], "summarised") or 0)
local new, newSummarised = tonumber(ARGV[1]), tonumber(ARGV[2])
if new < step or (new == step and newSummarised <= summarised) then return 0 end
redis.call("HSET", KEYS[1], "step", ARGV[1], "summarised", ARGV[2], unpack(ARGV, 3))
return 1`;

/**
 * Counts how often a run was begun without getting further than the time before. KEYS: the state. Returns how often.
 */
const beginScript = `
local step = redis.call("HGET", KEYS[1], "step") or "0"
if redis.call("HGET", KEYS[1], "begunAt") == step then return redis.call("HINCRBY", KEYS[1], "fruitless", 1) end
redis.call("HSET", KEYS[1], "begunAt", step, "fruitless", 0)
return 0`;

/** Adds to the log of a run that has a job. KEYS: the state, the job. ARGV: text, characters to keep. */
const logScript = `
if redis.call("EXISTS", KEYS[2]) == 0 then return end
local log = (redis.call("HGET", KEYS[1], "log") or "") .. ARGV[1]
redis.call("HSET", KEYS[1], "log", string.sub(log, -ARGV[2]))`;

/** Runs in a Redis. */
export class RunQueue {
  /** Where it is, for people. */
  readonly name: string;
  readonly #jobs: Queue<QueuedRun, void>;
  readonly #redis: Redis;
  /** For what is large, which must not hold up what keeps jobs alive. */
  readonly #states: Redis;
  readonly #options: QueueOptions;

  /**
   * Connects to it; `onNote` hears what a person should know of the connection.
   * @throws InputError, RunError as `connectRedis` does
   */
  static async open(address: RedisAddress, onNote: (note: string) => void): Promise<RunQueue> {
    const { Queue } = await importOptional(() => import("bullmq"));
    const redis = await connectRedis(address, onNote);
    const options: QueueOptions = {
      connection: redis,
      prefix,
      // It was looked at, and said in other words.
      skipVersionCheck: true,
      // Nobody listens: who wants to know looks.
      streams: { events: { maxLen: 100 } },
    };
    const queue = new Queue<QueuedRun, void>(queueName, options);
    // What happens to the connection is told elsewhere.
    queue.on("error", () => {});
    return new RunQueue(address.name, queue, redis, options);
  }

  private constructor(name: string, jobs: Queue<QueuedRun, void>, redis: Redis, options: QueueOptions) {
    this.name = name;
    this.#jobs = jobs;
    this.#redis = redis;
    this.#states = redis.duplicate();
    this.#states.on("error", () => {});
    this.#options = options;
  }

  /** What BullMQ has to know to work on the same queue. */
  get worker(): { name: string; options: QueueOptions } {
    return { name: queueName, options: this.#options };
  }

  /** Adds jobs; one that is there already stays as it is. */
  async add(runs: readonly QueuedRun[]): Promise<void> {
    await this.#jobs.addBulk(
      runs.map((run) => ({ name: run.label, data: run, opts: { jobId: jobIdOf(run) } })),
    );
  }

  /** The version of flipnet that a job is of; undefined where it says none. */
  async versionOf(jobId: string): Promise<unknown> {
    return (await this.#jobs.getJob(jobId))?.data?.version;
  }

  /** Whether Redis is there just now. */
  get isConnected(): boolean {
    return this.#redis.status === "ready";
  }

  /** The state of every job that is there, all at one moment. @throws RunError for what Redis refuses */
  async look(): Promise<Map<string, JobState>> {
    const kinds = (Object.keys(places) as JobState[]).flatMap((state) =>
      places[state].map((place) => ({ state, key: this.#jobs.toKey(place), isList: isList(place) })),
    );
    const transaction = this.#redis.multi();
    for (const { key, isList } of kinds) {
      if (isList) transaction.lrange(key, 0, -1);
      else transaction.zrange(key, 0, -1);
    }
    const lists = await transaction.exec().catch((error) => {
      throw refusalOf(error, this.name);
    });
    return new Map(
      kinds.flatMap(({ state }, i) => {
        const [error, ids] = lists![i];
        if (error !== null) throw refusalOf(error, this.name);
        return (ids as string[]).map((id): [string, JobState] => [id, state]);
      }),
    );
  }

  /** What was said last of a run. */
  async progress(jobId: string): Promise<QueueProgress | undefined> {
    return parseProgress((await this.#jobs.getJob(jobId))?.progress);
  }

  /** Why a job failed. */
  async failure(jobId: string): Promise<string> {
    return oneLine((await this.#jobs.getJob(jobId))?.failedReason || "nobody knows why");
  }

  /** Removes a job that nobody works on. */
  async remove(jobId: string): Promise<void> {
    await this.#jobs.remove(jobId);
  }

  /** How many workers are connected; undefined where this Redis does not tell. */
  workers(): Promise<number | undefined> {
    return this.#jobs.getWorkersCount().catch(() => undefined);
  }

  /** How far a run is. @throws InputError for what is corrupt */
  async state(runId: string): Promise<{ snapshot: Snapshot | undefined; log: string }> {
    const { checkpoint, metrics, environment, summary, log } = await this.#states.hgetallBuffer(
      stateKey(runId),
    );
    const snapshot =
      checkpoint && snapshotOf(checkpoint, metrics, environment, summary, `run ${runId}`, runId);
    return { snapshot, log: plainLines(log?.toString() ?? "") };
  }

  /**
   * Replaces the state of a run, as a whole; what is there and is as far stays.
   *
   * @param jobId the job for which that is; without it, it no longer matters. None is needed by default.
   * @throws RunError if it is larger than what Redis takes
   */
  async store(runId: string, snapshot: Snapshot, jobId?: string): Promise<void> {
    const { step, summarised, ...files } = snapshot;
    for (const [name, bytes] of Object.entries(files)) {
      if (bytes.length >= largest) {
        throw new RunError(`the ${name} has ${bytes.length} bytes; a Redis takes fewer than ${largest}`);
      }
    }
    await this.#states.eval(
      storeScript,
      2,
      stateKey(runId),
      this.#jobKey(jobId),
      step,
      summarised,
      ...Object.entries(files).flat(),
    );
  }

  /** Adds to what is kept of a run's log. */
  async log(runId: string, text: string, jobId: string): Promise<void> {
    await this.#states.eval(logScript, 2, stateKey(runId), this.#jobKey(jobId), text, longestLog);
  }

  /** Says that a run is begun. Returns how often that was so without any progress since, and without an end. */
  async begin(runId: string): Promise<number> {
    return (await this.#states.eval(beginScript, 1, stateKey(runId))) as number;
  }

  /** Says that what was begun is at an end, whatever it was. */
  async end(runId: string): Promise<void> {
    await this.#states.hdel(stateKey(runId), "begunAt", "fruitless");
  }

  async forget(runId: string): Promise<void> {
    await this.#states.unlink(stateKey(runId));
  }

  /** Waits no longer for a Redis that is away. */
  async close(): Promise<void> {
    const quit = Promise.allSettled([this.#jobs.close(), this.#states.quit(), this.#redis.quit()]);
    await Promise.race([quit, sleep(1000, undefined, { ref: false })]);
    this.#states.disconnect();
    this.#redis.disconnect();
  }

  #jobKey(jobId: string | undefined): string {
    return jobId === undefined ? "" : this.#jobs.toKey(jobId);
  }
}

const isList = (place: string) => ["wait", "paused", "active"].includes(place);

const stateKey = (runId: string) => `${prefix}:state:${runId}`;
