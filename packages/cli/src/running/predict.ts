/** What a run on a table says of new rows. */
import { readFile } from "node:fs/promises";
import { InputError } from "flipnet/internal/formats/errors";
import { largestOf, prepareProbabilities } from "flipnet/internal/tasks/table";
import { writeBlocks } from "flipnet/internal/training/parameters";
import { z } from "zod";
import { inputsIn, type Preparation } from "../data/prepare.ts";
import { readTable } from "../data/table.ts";
import { taskOf } from "../settings/config.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { shapesIn } from "./learned.ts";
import { readRun, runFiles } from "./run-folder.ts";
import { createBackend } from "./workload.ts";

/** What is said of each row. */
export interface Predictions {
  readonly classes: readonly string[];
  /** [rows] the place of the most probable class. */
  readonly best: readonly number[];
  /** [rows, classes] each class's probability, on average over the passes, and the standard error of that. */
  readonly mean: Float64Array;
  readonly standardError: Float64Array;
}

/**
 * Predicts the classes of a table's rows.
 *
 * @param folder of a run on a table
 * @throws InputError for a run that has no classes to say, or a table that lacks what it learned from
 */
export async function predictRows(
  folder: string,
  paths: readonly string[],
  { samples, seed }: { samples: number; seed: number },
): Promise<Predictions> {
  const { config } = await readRun(folder);
  const task = taskOf(config);
  if (task.data !== "table") {
    throw new InputError(`${folder} is a run of the task "${config.task}"; expected one on a table`);
  }
  const files = runFiles(folder);
  const checkpoint = await readCheckpoint(files.checkpoint);
  if (checkpoint === undefined) {
    throw new InputError(`${folder} has no checkpoint yet; expected a run that was trained or stopped`);
  }
  const preparation = await readPreparation(files.preparation);
  const names = new Set(preparation.columns.map(({ name }) => name));
  const table = await readTable(paths, (column) => names.has(column));
  const inputs = inputsIn(table, preparation);

  const { kernels, threads, ...anyKernels } = config;
  const backend = await createBackend(anyKernels);
  try {
    const { tensors } = checkpoint;
    const { network } = await task.learned(backend, config, shapesIn(tensors), () => {
      throw new Error("a table has no images");
    });
    const blocks = network.layers.map(({ block }) => block);
    writeBlocks(backend, network.layers, "", blocks, { ...tensors });
    const { classes } = preparation.target;
    const ask = prepareProbabilities(network, table.rows, seed);
    const { mean, standardError } = await ask(inputs, samples);
    const best = Array.from({ length: table.rows }, (_, row) =>
      largestOf(mean.subarray(row * classes.length, (row + 1) * classes.length)),
    );
    return { classes, best, mean, standardError };
  } finally {
    backend.close();
  }
}

const column = { name: z.string(), missing: z.boolean() };

const preparationSchema = z.object({
  columns: z.array(
    z.discriminatedUnion("kind", [
      z.object({ ...column, kind: z.literal("number"), mean: z.number(), deviation: z.number() }),
      z.object({ ...column, kind: z.literal("bits"), edges: z.array(z.number()) }),
      z.object({ ...column, kind: z.literal("category"), levels: z.array(z.string()) }),
    ]),
  ),
  target: z.object({
    name: z.string(),
    classes: z.array(z.string()),
    edges: z.array(z.number()).exactOptional(),
  }),
});

async function readPreparation(path: string): Promise<Preparation> {
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new InputError(
      `${path} cannot be read (${cause.code}); expected how the run's table was prepared`,
      { cause },
    );
  });
  try {
    return preparationSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new InputError(`${path} is damaged; expected how the run's table was prepared`, { cause });
  }
}
