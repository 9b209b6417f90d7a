/**
 * The door of a queue: jobs and messages in Redis may come from anybody who may write there, and are checked here, once.
 * States of runs, which are there too, are files of a run folder: see `run-schema.ts`.
 */
import { InputError } from "flipnet/internal/formats/errors";
import type { EpochRecord } from "flipnet/internal/training/training";
import { z } from "zod";
import { oneLine } from "../running/plain-text.ts";
import type { RunProgress } from "../running/pool.ts";
import { runIdOf } from "../running/run-folder.ts";
import { check, digestSchema, runIdSchema, wordSchema } from "../running/run-schema.ts";
import { type Config, parseConfig } from "../settings/config.ts";
import { namedIn } from "../settings/estimator.ts";
import { isFile } from "../settings/module.ts";

/** A run as it is in the queue: all that a worker has to know of it. */
export interface QueuedRun {
  label: string;
  runId: string;
  /** With its `kernels` chosen. */
  config: Config;
  /** Of the data: see `Workload`. */
  digest: string;
  /** Name and version of the random numbers. */
  generator: string;
  /** Of this package. */
  version: string;
}

const jobSchema = z.looseObject({
  label: z
    .string()
    .regex(/^\P{Cc}{1,5000}$/u)
    .describe("a text of one line"),
  runId: runIdSchema,
  digest: digestSchema,
  generator: wordSchema,
  version: wordSchema,
  config: z.record(z.string(), z.unknown()).describe("settings by name"),
});

/**
 * The run that a job asks for.
 *
 * @param version of this package: the config of a job of another one is not read, as it may have other settings
 * @throws InputError for what no sweep puts into a queue
 */
export function parseJob(data: unknown, version: string): QueuedRun {
  const job = check(jobSchema, data, "the job");
  if (job.version !== version) return job as unknown as QueuedRun;
  const { estimator, environment, objective } = job.config;
  for (const [what, name] of Object.entries({
    estimator: namedIn(estimator)?.name,
    environment,
    objective,
  })) {
    if (typeof name !== "string" || !(what === "objective" || isFile(name))) continue;
    throw new InputError(
      `the job is corrupt: its ${what} is the file ${name}, and a worker loads no code that a job names`,
    );
  }
  const config = parseConfig(job.config, (key) => `the job is corrupt: ${key} of its config`);
  const runId = runIdOf(config, job.digest);
  if (runId !== job.runId) {
    throw new InputError(
      `the job is corrupt: its runId is ${job.runId}; expected ${runId}, as its config says`,
    );
  }
  return { ...job, config };
}

/** What a worker says of the run that it has, about once a second. */
export interface QueueProgress {
  /** The host on which it is. */
  host: string;
  /** Why that host cannot train it. */
  refused?: string;
  progress?: RunProgress;
  /** Of the last epoch that was finished. */
  record?: EpochRecord;
}

const line = z.string().max(5000).transform(oneLine);
const positive = z.number().positive();
const fromZero = z.number().min(0);

const progressSchema = z.object({
  host: line,
  refused: line.optional(),
  progress: z
    .object({
      type: z.literal("progress"),
      epoch: positive,
      epochs: positive,
      step: fromZero,
      stepsPerEpoch: positive,
      metrics: z.record(z.string(), z.number()),
      evaluating: z.boolean(),
      stepsPerSecond: fromZero,
      secondsLeft: fromZero,
    })
    .optional()
    .catch(undefined),
  record: z
    .looseObject({ type: z.literal("epoch"), epoch: z.int().min(1) })
    .catchall(z.union([z.number(), z.string().transform(oneLine), z.null()]))
    .optional()
    .catch(undefined),
});

/** What was said of a run; undefined for what cannot be read: it decides nothing. */
export function parseProgress(said: unknown): QueueProgress | undefined {
  return progressSchema.safeParse(said).data as QueueProgress | undefined;
}
