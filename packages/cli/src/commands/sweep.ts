/**
 * `flipnet sweep`: many runs from one file, on this machine or by the workers of a queue. What is there already is not
 * trained again.
 */
import type { Command } from "commander";
import { InputError } from "flipnet/internal/formats/errors";
import type { PlannedRun, Settings } from "../planning/sweep.ts";
import type { RedisAddress } from "../queue/redis.ts";
import { oneLine } from "../running/plain-text.ts";
import type { JobResult } from "../running/pool.ts";
import { interrupted } from "./exit.ts";
import { wholeNumber } from "./numbers.ts";
import { redisAddress, redisOption } from "./redis.ts";
import { colorsFor, counted, formatTable } from "./terminal.ts";

interface Flags {
  epochs?: string;
  steps?: string;
  out?: string;
  workers?: string;
  redis?: string | true;
  tensorboard?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

export function defineSweep(program: Command): void {
  program
    .command("sweep")
    .description("train all runs that a file describes; finished ones are not trained again")
    .argument("<file>", "JSON or YAML with base, grid and runs")
    .argument("[changes...]", "what holds in place of what it says: base.epochs=20 grid.seed=0..4")
    .option("--epochs <n>", "length of each run; more than before continues finished ones")
    .option("--steps <n>", "length of each run, where that is counted in steps")
    .option("--out <folder>", 'folder of the run folders (default: that of the file, or "runs")')
    .option("--workers <n>", "runs at a time (default: as many as their threads leave cores for)")
    .addOption(redisOption("let the workers of a queue train them: "))
    .option("--tensorboard", "write TensorBoard's events into the runs' folders as they go")
    .option("--dry-run", "only say which runs there are and which are done")
    .option("--json", "print JSON: a line a run, as soon as it has ended")
    .action(async (file: string, changes: string[], flags: Flags) => {
      process.exitCode = await sweep(file, changes, flags);
    });
}

/** Returns the exit code. */
async function sweep(file: string, changes: readonly string[], flags: Flags): Promise<number> {
  const where = await placeOf(flags);
  const { expandSweep, planRuns, readSweepFile } = await import("../planning/sweep.ts");
  const overrides: Settings = {
    ...(flags.epochs !== undefined && { epochs: wholeNumber("--epochs", flags.epochs, 1) }),
    ...(flags.steps !== undefined && { steps: wholeNumber("--steps", flags.steps, 1) }),
    ...(flags.out !== undefined && { out: flags.out }),
  };
  const runs = await planRuns(expandSweep(await readSweepFile(file, changes), overrides, file));
  if (flags.dryRun) {
    tellPlan(runs, flags);
    return 0;
  }

  const results = await trainMissing(file, runs, where, flags);
  return tellEnd(runs, results, flags);
}

/** Where runs are trained: at so many at a time here, or by the workers of a queue. */
interface Place {
  workers: number | undefined;
  /** Flags of `train` for those that are trained here. */
  flags: readonly string[];
  address: RedisAddress | undefined;
}

/** @throws InputError where both are given, or one cannot be used */
export async function placeOf({
  workers,
  redis,
  tensorboard,
}: Pick<Flags, "workers" | "redis" | "tensorboard">): Promise<Place> {
  if (tensorboard && redis !== undefined) {
    throw new InputError("--tensorboard and --redis are both given; expected one: workers write no events");
  }
  if (workers !== undefined && redis !== undefined) {
    throw new InputError(`--workers ${workers} and --redis are both given; expected one`);
  }
  return {
    flags: tensorboard ? ["--tensorboard"] : [],
    workers: workers === undefined ? undefined : wholeNumber("--workers", workers, 1),
    address: redis === undefined ? undefined : await redisAddress(redis),
  };
}

/** What a line of JSON says of a run's end. */
interface Told extends Pick<JobResult, "status" | "error"> {
  summary?: JobResult["summary"] | undefined;
}

/**
 * Trains the runs that are not done.
 *
 * @param name what to call them all
 * @param json a line of JSON for each run, as soon as it has ended; those that were done before come first
 */
export async function trainMissing(
  name: string,
  runs: readonly PlannedRun[],
  { workers, flags, address }: Place,
  { json = false }: { json?: boolean } = {},
): Promise<JobResult[]> {
  const { runsOfOtherGenerators } = await import("../planning/sweep.ts");
  const missing = runs.filter(({ done }) => !done);
  const { bold } = colorsFor(process.stderr);
  const there = runs.length - missing.length;
  process.stderr.write(
    `${bold(name)}: ${counted(runs.length, "run")}${there > 0 ? `, ${there} of them done before` : ""}\n`,
  );
  for (const out of new Set(runs.map(({ config }) => config.out))) {
    for (const [other, count] of await runsOfOtherGenerators(out)) {
      const [runs, are, they] = count === 1 ? ["run", "is", "it is"] : ["runs", "are", "they are"];
      process.stderr.write(
        `${count} ${runs} in ${out} ${are} of another random generator (${other}); ${they} left as ${they}\n`,
      );
    }
  }
  const told = new Set<object>();
  const tell = (run: PlannedRun, { status, error, summary }: Told) => {
    if (!json || told.has(run)) return;
    told.add(run);
    const line = { label: run.label, status, runId: run.runId, folder: run.folder, error, summary };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  };
  const tellResult = (result: JobResult) => tell(result.job as PlannedRun, result);
  for (const run of runs) if (run.done) tell(run, { status: "done", summary: run.stored?.summary });
  if (missing.length === 0) return [];
  const { localPool, runOnBoard } = await import("./board.ts");
  const results =
    address === undefined
      ? await runOnBoard(missing, localPool(workers, flags), undefined, tellResult)
      : await runInQueue(missing, address, tellResult);
  // Those that never began.
  results.forEach(tellResult);
  return results;
}

function tellPlan(runs: readonly PlannedRun[], { json }: Flags): void {
  const rows = runs.map(({ label, folder, config, stored, done }) => {
    const epochs = stored?.records.length ?? 0;
    return {
      label,
      folder,
      status: done ? "done" : epochs > 0 ? "begun" : "missing",
      epochs,
      of: config.epochs,
    };
  });
  if (json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
  else {
    const table = rows.map(({ label, status, epochs, of, folder }) => [
      label,
      status,
      `${epochs} of ${counted(of, "epoch")}`,
      folder,
    ]);
    process.stdout.write(formatTable(table));
  }
}

/** Has workers anywhere train the runs. */
async function runInQueue(
  runs: readonly PlannedRun[],
  address: RedisAddress,
  onEnd: (result: JobResult) => void,
): Promise<JobResult[]> {
  const { runOnBoard } = await import("./board.ts");
  const { RunQueue } = await import("../queue/queue.ts");
  const { collectRuns } = await import("../queue/collector.ts");
  // The board is not there yet when it connects, nor for what it says in the end.
  let say = (note: string): void => {
    process.stderr.write(`${oneLine(note)}\n`);
  };
  const queue = await RunQueue.open(address, (note) => say(note));
  try {
    return await runOnBoard(
      runs,
      (jobs, listener) => {
        say = (note) => listener.onNote?.(note);
        return collectRuns(jobs, queue, listener);
      },
      "stopping: the runs stay in the queue ...",
      onEnd,
    );
  } finally {
    say = () => {};
    await queue.close();
  }
}

/** Says how it ended. @returns the exit code */
export function tellEnd(
  runs: readonly PlannedRun[],
  results: readonly JobResult[],
  { redis }: { redis?: string | true },
): number {
  const { red } = colorsFor(process.stderr);
  const failed = results.filter(({ status }) => status === "failed");
  for (const { job, error } of failed) {
    process.stderr.write(`${red("failed:")} ${oneLine(`${job.label}: ${error} (${job.log})`)}\n`);
  }
  const stopped = results.filter(({ status }) => status === "interrupted").length;
  const done = runs.length - failed.length - stopped;
  const counts = [
    `${done} of ${counted(runs.length, "run")} done`,
    failed.length > 0 && `${failed.length} failed`,
    stopped > 0 && `${stopped} ${redis ? "in the queue" : "stopped"}`,
  ];
  process.stderr.write(`${counts.filter(Boolean).join(", ")}\n`);
  if (stopped > 0) {
    const then = redis ? "collects what the workers do meanwhile" : "goes on from the checkpoints";
    process.stderr.write(`the same command ${then}\n`);
  }
  return stopped > 0 ? interrupted : failed.length > 0 ? 1 : 0;
}
