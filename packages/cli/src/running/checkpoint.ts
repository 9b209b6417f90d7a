/** A checkpoint: a training's tensors in a safetensors file, sealed with a digest. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { InputError } from "flipnet/internal/formats/errors";
import { decode, encode, type Tensor } from "flipnet/internal/formats/safetensors";
import { isMissing, replaceFile, writing } from "./storage.ts";

export interface Checkpoint {
  tensors: Record<string, Tensor>;
  metadata: Record<string, string>;
}

/** Replaces the checkpoint at `path`; at every moment there is a whole one. @throws StorageError when the disk fails */
export async function writeCheckpoint(path: string, { tensors, metadata }: Checkpoint): Promise<void> {
  const digest = seal({ tensors, metadata });
  await writing(path, replaceFile(path, encode(tensors, { ...metadata, digest })));
}

/** The checkpoint at `path`, or undefined where there is none. @throws InputError for one that is corrupt */
export async function readCheckpoint(path: string): Promise<Checkpoint | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    const { code } = cause as NodeJS.ErrnoException;
    throw new InputError(`the checkpoint ${path} cannot be read (${code})`, { cause });
  }
  return decodeCheckpoint(bytes, `the checkpoint ${path}`);
}

/** The checkpoint that is in the bytes of a file. @throws InputError if they are corrupt */
export function decodeCheckpoint(bytes: Uint8Array, name: string): Checkpoint {
  const { tensors, metadata: sealed } = decode(bytes, name);
  const { digest, ...metadata } = sealed;
  if (digest !== seal({ tensors, metadata })) {
    throw new InputError(`${name} is corrupt: its content does not have the digest it names`);
  }
  return { tensors, metadata };
}

/**
 * Where a run's checkpoint stands: its step, and how many bytes of the metrics belong to it.
 * @throws InputError for what no training wrote
 */
export function placeOf(checkpoint: Checkpoint, name: string): { step: number; metricsOffset: number } {
  return { step: stepOf(checkpoint, name), metricsOffset: countOf(checkpoint, "metricsOffset", name) };
}

/** The step after which a checkpoint was written. @throws InputError for what no training wrote */
export const stepOf = (checkpoint: Checkpoint, name: string): number => countOf(checkpoint, "step", name);

function countOf({ metadata }: Checkpoint, key: string, name: string): number {
  const text = metadata[key];
  if (text !== undefined && /^\d{1,15}$/.test(text)) return Number(text);
  throw new InputError(
    `${name} is corrupt: its ${key} is ${text === undefined ? "missing" : JSON.stringify(text)}; expected a whole number`,
  );
}

/** SHA-256, in hex, over all that a checkpoint says. */
function seal({ tensors, metadata }: Checkpoint): string {
  const hash = createHash("sha256");
  const byName = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);
  hash.update(JSON.stringify(Object.entries(metadata).sort(byName)));
  for (const [name, { dtype, shape, data }] of Object.entries(tensors).sort(byName)) {
    hash.update(JSON.stringify([name, dtype, shape]));
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
