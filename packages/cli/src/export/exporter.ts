/** What the formats of `flipnet export` share: what they are asked for, and what they hand back. */
import { join } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import type { Tensor } from "flipnet/internal/formats/safetensors";
import { readCheckpoint, stepOf } from "../running/checkpoint.ts";
import type { Output } from "../running/places.ts";
import { runFiles, type StoredRun } from "../running/run-folder.ts";

/** What only some formats can be told. */
export interface ExporterOptions {
  /** safetensors: the optimizer's state too. */
  withOptimizer?: boolean;
  /** onnx: where draws come from, `sample`, `noise` or `mean-field`. */
  graph?: string;
  /** onnx: of an auto-encoder, `autoencoder`, `encoder`, `decoder` or `generator`. */
  part?: string;
  /** onnx: of a graph that samples. */
  seed?: number;
  /** onnx: the `Bernoulli` operation, where a graph samples. */
  bernoulliOp?: boolean;
}

/** What is asked of an exporter. */
export interface ExportRequest extends ExporterOptions {
  /** The run, or the folder of runs, that was named; undefined where several were. */
  source: string | undefined;
  /** The file or folder to write. */
  out: string | undefined;
}

/** One format. */
export interface Exporter {
  /** Whether it takes several runs, or one alone. */
  several: boolean;
  /** The options that it knows. */
  options: readonly (keyof ExporterOptions)[];
  /** What stands near the beginning or the end of each of its files: see `Place`. */
  mark: string;
  /** @param runs one at least, and no more where it is not `several` */
  files(runs: readonly StoredRun[], request: ExportRequest): Promise<Output[]>;
}

/** Where one file goes: where the user wants it, else by a name of ours into what was named. */
export function placeOf({ out, source }: ExportRequest, name: string): string {
  if (out !== undefined) return out;
  if (source !== undefined) return join(source, name);
  throw new InputError("several runs go into one file; expected its name after --out");
}

/**
 * What the checkpoint of a run has learned, and what a file of it says `about` where that comes from.
 *
 * @throws InputError where there is none yet, or one that names no step
 */
export async function checkpointOf({
  folder,
  runId,
  config,
}: StoredRun): Promise<{ tensors: Record<string, Tensor>; about: Record<string, string> }> {
  const path = runFiles(folder).checkpoint;
  const checkpoint = await readCheckpoint(path);
  if (checkpoint === undefined) {
    throw new InputError(`${folder} has no checkpoint yet; expected a run that was trained or stopped`);
  }
  const { tensors, metadata } = checkpoint;
  const step = String(stepOf(checkpoint, `the checkpoint ${path}`));
  const version = metadata.version === undefined ? {} : { version: metadata.version };
  return { tensors, about: { runId, step, ...version, config: JSON.stringify(config) } };
}
