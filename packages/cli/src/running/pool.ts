/** Many runs on one machine: each in a process of its own, some at a time. */
import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import type { EpochRecord, Progress } from "flipnet/internal/training/training";
import type { Config } from "../settings/config.ts";
import type { RunSummary } from "./run-folder.ts";
import { makeFolder, openToAppend } from "./storage.ts";

/** One run. */
export interface Job {
  /** What to call it when talking to people. */
  label: string;
  /** The run, where its folder is to be included. */
  config: Config;
  /** The file to which goes what it says on stderr; none by default. */
  log?: string;
}

/** Where a run stands within an epoch, about ten times a second. */
export interface RunProgress extends Progress {
  type: "progress";
  stepsPerSecond: number;
  secondsLeft: number;
}

/** A checkpoint is written, with that many steps in it. */
export interface RunCheckpoint {
  type: "checkpoint";
  step: number;
}

/** What a run tells while it trains. Its records include those of earlier epochs; the summary comes last. */
export type RunMessage = RunProgress | RunCheckpoint | EpochRecord | RunSummary;

/** What became of a job. */
export interface JobResult {
  job: Job;
  /** `interrupted`: stopped with a checkpoint, or never started. */
  status: "done" | "failed" | "interrupted";
  records: EpochRecord[];
  /** Of a run that is done. */
  summary?: RunSummary;
  /** Of a run that failed: why, in one line. */
  error?: string;
  /** Null for a run that a signal ended; undefined for one that never started. */
  exitCode?: number | null;
}

/** What whoever gave the jobs hears of them. */
export interface JobListener {
  /** Stops all runs, which write their checkpoints first, and starts no more. */
  signal?: AbortSignal;
  onStart?: (job: Job) => void;
  onMessage?: (job: Job, message: RunMessage) => void;
  onEnd?: (result: JobResult) => void;
  /** What a person should know of and no result says. */
  onNote?: (note: string) => void;
}

export interface PoolOptions extends JobListener {
  /** The script that understands `train - --resume --json`: flipnet's command line. */
  program: string;
  /** Runs at a time; default: as many as their threads leave cores for. */
  workers?: number;
  /** For `train`, besides. */
  flags?: readonly string[];
}

/** Exit code of a run that was stopped and wrote a checkpoint. */
const INTERRUPTED = 130;

/**
 * Runs all jobs, in order and as many at a time as there are workers. A run that fails or crashes takes no other with
 * it: its result says why. The results are in the order of the jobs.
 */
export async function runPool(jobs: readonly Job[], options: PoolOptions): Promise<JobResult[]> {
  const threads = Math.max(1, ...jobs.map(({ config }) => config.threads ?? 1));
  const { workers = Math.max(1, Math.floor(availableParallelism() / threads)) } = options;
  const results: JobResult[] = [];
  // All workers draw from this one iterator.
  const waiting = jobs.entries();
  const work = async () => {
    for (const [i, job] of waiting) results[i] = await runJob(job, options);
  };
  await Promise.all(Array.from({ length: Math.min(workers, jobs.length) }, work));
  return results;
}

/** Trains what is missing of one run, in a process of its own. */
export async function runJob(job: Job, options: PoolOptions): Promise<JobResult> {
  const { program, flags = [], signal, onStart, onMessage, onEnd } = options;
  const records: EpochRecord[] = [];
  if (signal?.aborted) return { job, status: "interrupted", records };

  onStart?.(job);
  let summary: RunSummary | undefined;
  const receive = (message: RunMessage) => {
    if (message.type === "epoch") records.push(message as EpochRecord);
    if (message.type === "summary") summary = message as RunSummary;
    onMessage?.(job, message);
  };
  const log = job.log === undefined ? undefined : await openLog(job.log);
  const child = fork(program, ["train", "-", "--resume", "--json", ...flags, ...(log ? [] : ["--quiet"])], {
    stdio: ["pipe", "pipe", "pipe", "ipc"],
    execArgv: [],
    // Ctrl-C goes to all processes of a terminal's group: runs are told by this process only. If it dies, they see
    // their channel close, and stop.
    detached: true,
  });
  // Not by a signal: the system may have sent one to all processes, and a run takes a second one as "at once".
  const stop = () => child.connected && child.send("stop", () => {});
  signal?.addEventListener("abort", stop);
  // It may have been aborted while the log was opened.
  if (signal?.aborted) stop();
  // One that ends before it has read it says why elsewhere.
  child.stdin!.on("error", () => {});
  child.stdin!.end(JSON.stringify(job.config));
  if (log !== undefined) child.stderr!.pipe(log);
  const { exitCode, error } = await ended(child, receive);
  signal?.removeEventListener("abort", stop);

  const result: JobResult = { job, status: "failed", records, exitCode };
  if (exitCode === 0 && summary !== undefined) Object.assign(result, { status: "done", summary });
  // One that had not come to listen for signals ends by this one, with nothing to save yet.
  else if (exitCode === INTERRUPTED || (exitCode === null && signal?.aborted)) result.status = "interrupted";
  else result.error = error;
  onEnd?.(result);
  return result;
}

/** Opens a log to add to it. A log that cannot be written, on a full disk say, stops no run. */
async function openLog(path: string): Promise<Writable> {
  const file = await makeFolder(dirname(path))
    .then(() => openToAppend(path))
    .catch(() => undefined);
  if (file === undefined) return new Writable({ write: (_chunk, _encoding, done) => done() });
  const log = file.createWriteStream();
  log.on("error", () => {});
  log.write(`-- ${new Date().toISOString()}\n`);
  return log;
}

/** Passes on what a child says until it ends; then says its exit code, and the best there is to say about a failure. */
function ended(
  child: ChildProcess,
  receive: (message: RunMessage) => void,
): Promise<{ exitCode: number | null; error: string }> {
  let said: string | undefined;
  createInterface({ input: child.stdout! }).on("line", (line) => {
    const message = parsed(line);
    if (message !== undefined) receive(message);
  });
  createInterface({ input: child.stderr! }).on("line", (line) => {
    if (line.startsWith("error: ")) said = line.slice("error: ".length).trim();
  });
  child.on("message", (message) => receive(message as RunMessage));
  return new Promise((resolve) => {
    child.on("error", ({ message }) => resolve({ exitCode: null, error: message }));
    // "close" comes after the last line, "exit" may come before.
    child.on("close", (exitCode, signal) => {
      const how = signal === null ? `it ended with exit code ${exitCode}` : `it was ended by ${signal}`;
      resolve({ exitCode, error: said ?? how });
    });
  });
}

/** Undefined for what is no message: the line that a process was writing when it was killed. */
function parsed(line: string): RunMessage | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
