/** A run's model, from its folder. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../formats/errors.ts";
import { type Model, type ModelOptions, loadModel as modelOf } from "../model/model.ts";

/**
 * What a run has learned.
 *
 * @param folder of the run
 * @throws InputError for a folder that holds none, or one without a checkpoint
 */
export async function loadModel(folder: string, options: ModelOptions = {}): Promise<Model> {
  const at = (name: string) => join(folder, name);
  const read = async (path: string) =>
    readFile(path).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return undefined;
      throw new InputError(`${path} cannot be read (${cause.code})`, { cause });
    });
  const [config, preparation, checkpoint] = await Promise.all(
    ["config.json", "preparation.json", "checkpoints/latest.safetensors"].map((name) => read(at(name))),
  );
  if (config === undefined) throw new InputError(`${folder} is no run: it has no config.json`);
  if (checkpoint === undefined) {
    throw new InputError(`${folder} has no checkpoint yet; expected a run that was trained or stopped`);
  }
  return modelOf({ config: `${config}`, checkpoint, preparation: preparation && `${preparation}` }, options);
}
