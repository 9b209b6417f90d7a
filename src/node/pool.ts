/** Many runs on one machine: each in a process of its own, some at a time. */
import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import type { EpochRecord, Progress } from "../training/training.ts";
import type { RunSummary } from "./run-folder.ts";

/** One run. */
export interface Job {
  /** What to call it when talking to people. */
  label: string;
  /** Arguments of `flipnet train`. */
  args: readonly string[];
}

/** Where a run stands within an epoch, about ten times a second. */
export interface RunProgress extends Progress {
  type: "progress";
  stepsPerSecond: number;
  secondsLeft: number;
}

/** What a run tells while it trains. Its records include those of earlier epochs; the summary comes last. */
export type RunMessage = RunProgress | EpochRecord | RunSummary;

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

export interface PoolOptions {
  /** The script that understands `train ... --json`: flipnet's command line. */
  program: string;
  /** Runs at a time; default: one a core. */
  workers?: number;
  /** Stops all runs, which write their checkpoints first, and starts no more. */
  signal?: AbortSignal;
  onStart?: (job: Job) => void;
  onMessage?: (job: Job, message: RunMessage) => void;
  onEnd?: (result: JobResult) => void;
}

/** Exit code of a run that was stopped and wrote a checkpoint. */
const INTERRUPTED = 130;

/**
 * Runs all jobs, in order and as many at a time as there are workers. A run that fails or crashes takes no other with
 * it: its result says why. The results are in the order of the jobs.
 */
export async function runPool(jobs: readonly Job[], options: PoolOptions): Promise<JobResult[]> {
  const { workers = availableParallelism() } = options;
  const results: JobResult[] = [];
  // All workers draw from this one iterator.
  const waiting = jobs.entries();
  const work = async () => {
    for (const [i, job] of waiting) results[i] = await runJob(job, options);
  };
  await Promise.all(Array.from({ length: Math.min(workers, jobs.length) }, work));
  return results;
}

async function runJob(job: Job, options: PoolOptions): Promise<JobResult> {
  const { program, signal, onStart, onMessage, onEnd } = options;
  const records: EpochRecord[] = [];
  if (signal?.aborted) return { job, status: "interrupted", records };

  onStart?.(job);
  let summary: RunSummary | undefined;
  const receive = (message: RunMessage) => {
    if (message.type === "epoch") records.push(message as EpochRecord);
    if (message.type === "summary") summary = message as RunSummary;
    onMessage?.(job, message);
  };
  const child = fork(program, ["train", ...job.args, "--json", "--quiet"], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    execArgv: [],
    // Ctrl-C goes to all processes of a terminal's group; here it must come through the signal only, for a run takes
    // a second one as "at once". If this process dies, the runs see their channel close, and stop.
    detached: true,
  });
  const stop = () => child.kill("SIGTERM");
  signal?.addEventListener("abort", stop);
  const { exitCode, error } = await ended(child, receive);
  signal?.removeEventListener("abort", stop);

  const result: JobResult = { job, status: "failed", records, exitCode };
  if (exitCode === 0 && summary !== undefined) Object.assign(result, { status: "done", summary });
  else if (exitCode === INTERRUPTED) result.status = "interrupted";
  else result.error = error;
  onEnd?.(result);
  return result;
}

/** Passes on what a child says until it ends; then says its exit code, and the best there is to say about a failure. */
function ended(
  child: ChildProcess,
  receive: (message: RunMessage) => void,
): Promise<{ exitCode: number | null; error: string }> {
  let lastLine = "";
  createInterface({ input: child.stdout! }).on("line", (line) => {
    const message = parsed(line);
    if (message !== undefined) receive(message);
  });
  createInterface({ input: child.stderr! }).on("line", (line) => {
    if (line.trim() !== "") lastLine = line.trim();
  });
  child.on("message", (message) => receive(message as RunMessage));
  return new Promise((resolve) => {
    child.on("error", ({ message }) => resolve({ exitCode: null, error: message }));
    // "close" comes after the last line, "exit" may come before.
    child.on("close", (exitCode, signal) => {
      const how = signal === null ? `it ended with exit code ${exitCode}` : `it was ended by ${signal}`;
      resolve({ exitCode, error: lastLine.replace(/^error: /, "") || how });
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
