/** `flipnet worker`: trains runs that sweeps anywhere have put into a queue. */
import { availableParallelism } from "node:os";
import type { Command } from "commander";
import type { WorkEnd } from "../queue/worker.ts";
import { oneLine } from "../running/plain-text.ts";
import { program } from "./board.ts";
import { interrupted, stopSignal } from "./exit.ts";
import { wholeNumber } from "./numbers.ts";
import { redisAddress, redisOption } from "./redis.ts";
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
    .addOption(redisOption())
    .option("--concurrency <n>", "runs at a time (default: one a core)")
    .option("--data <folder>", "data set that runs may ask for (default: the one they name, or MNIST)")
    .option("--idle <seconds>", "end once the queue has been empty for so long (default: never)")
    .option("--lost-after <seconds>", "runs of a worker not heard of for so long go to others", "30")
    .option("--checkpoint-every <seconds>", "seconds between checkpoints within long epochs", "60")
    .action(async (flags: Flags) => {
      try {
        process.exitCode = await work(flags);
      } finally {
        // A connection to a Redis that is away, or refuses, may keep the process.
        setTimeout(() => process.exit(), 1000).unref();
      }
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
    process.stderr.write(`${dim(new Date().toISOString())} ${oneLine(note)}\n`);
  };
  const address = await redisAddress(flags.redis);
  const { RunQueue } = await import("../queue/queue.ts");
  const { workOn } = await import("../queue/worker.ts");
  const queue = await RunQueue.open(address, onNote);
  try {
    const signal = stopSignal();
    onNote(`works on the runs at ${queue.name}, ${options.concurrency} at a time`);
    const end = await workOn(queue, { ...options, signal, onNote });
    onNote(`ends: ${sentences[end.how](queue.name, end)}`);
    return exitCodes[end.how];
  } finally {
    await queue.close();
  }
}

const exitCodes: Record<WorkEnd["how"], number> = { stopped: interrupted, idle: 0, refused: 1, lost: 1 };

const sentences: Record<WorkEnd["how"], (redis: string, end: WorkEnd) => string> = {
  stopped: () => "all runs are handed back",
  idle: () => "there is nothing to do",
  refused: (_, end) =>
    `runs wait that this host cannot train: ${"reasons" in end ? end.reasons.join("; ") : ""}`,
  lost: (redis) => `${redis} does not answer; runs that it had go to others, from what it has of them`,
};
