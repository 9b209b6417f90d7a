/** What a run has learned, outside of its training. */
import { createReferenceBackend } from "flipnet/internal/backend/reference";
import { InputError } from "flipnet/internal/formats/errors";
import type { Tensor } from "flipnet/internal/formats/safetensors";
import type { Learned } from "flipnet/internal/tasks/definition";
import { loadLabelledImages } from "flipnet/node";
import { type Config, taskOf } from "../settings/config.ts";
import { withEnvironment } from "../settings/environment.ts";

/**
 * The networks of a run as they were trained, all parameters zero, on the reference backend.
 *
 * @param tensors of its checkpoint
 * @throws InputError where a tensor is missing
 */
export function learnedBy(config: Config, tensors: Record<string, Tensor>): Promise<Learned> {
  const images = async () => (await loadLabelledImages({ data: config.data })).train;
  return taskOf(config).learned(createReferenceBackend(), withEnvironment(config), shapesIn(tensors), images);
}

/** Shapes by the names of a checkpoint's tensors. Throws `InputError` for one that is missing. */
export const shapesIn = (tensors: Record<string, Tensor>) => (name: string) => {
  if (name in tensors) return tensors[name].shape;
  throw new InputError(`the checkpoint has no ${name}, which a run of this config has`);
};
