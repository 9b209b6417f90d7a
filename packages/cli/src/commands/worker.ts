/** `flipnet worker`: trains runs that sweeps anywhere have put into a queue. */
import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { program } from "./board.ts";
import { interrupted, stopSignal } from "./exit.ts";
import { wholeNumber } from "./numbers.ts";
import { redisAddress, redisHelp } from "./redis.ts";
import { colorsFor } from "./terminal.ts";

interface Flags {
  redis?: string | true;
  concurrency?: string;
  data?: string;
  idle?: string;
  lostAfter: string;
  checkpointEvery: string;
}

export function defineWorker(command: Command): void {
  command
    .command("worker")
    .description("train runs that `flipnet sweep --redis` has queued, until told to stop")
    .option("--redis [url]", redisHelp)
    .option("--concurrency <n>", "runs at a time (default: one a core)")
    .option("--data <folder>", "data set that runs may ask for (default: the one they name, or MNIST)")
    .option("--idle <seconds>", "end after so long without work (default: never)")
    .option("--lost-after <seconds>", "runs of a worker not heard of for so long go to others", "30")
    .option("--checkpoint-every <seconds>", "seconds between checkpoints within long epochs", "60")
    .action(async (flags: Flags) => {
      process.exitCode = await work(flags);
    });
}

/** Returns the exit code. */
async function work(flags: Flags): Promise<number> {
  const { concurrency = `${availableParallelism()}`, data, idle, lostAfter, checkpointEvery } = flags;
  const options = {
    program,
    concurrency: wholeNumber("--concurrency", concurrency, 1),
    ...(data !== undefined && { data }),
    ...(idle !== undefined && { idle: wholeNumber("--idle", idle, 0) }),
    lostAfter: wholeNumber("--lost-after", lostAfter, 1),
    checkpointEvery: wholeNumber("--checkpoint-every", checkpointEvery, 1),
  };
  const { dim } = colorsFor(process.stderr);
  const onNote = (note: string) => {
    process.stderr.write(`${dim(new Date().toISOString())} ${note}\n`);
  };
  const address = await redisAddress(flags.redis);
  const { RunQueue } = await import("../queue/queue.ts");
  const { workOn } = await import("../queue/worker.ts");
  const queue = await RunQueue.open(address, onNote);
  try {
    const signal = stopSignal();
    onNote(`works on the runs at ${queue.name}, ${options.concurrency} at a time`);
    const end = await workOn(queue, { ...options, signal, onNote });
    onNote(end === "idle" ? "ends: there is nothing to do" : "ends: all runs are handed back");
    return end === "idle" ? 0 : interrupted;
  } finally {
    await queue.close();
  }
}
