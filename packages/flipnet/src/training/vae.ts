/** Training of a discrete variational auto-encoder. */

import type { Backend } from "../backend/backend.ts";
import { type Names, pick, refuseUnknown } from "../formats/options.ts";
import type { Tensor } from "../formats/safetensors.ts";
import type { HiddenLayer } from "../network/hidden.ts";
import type { Units } from "../network/network.ts";
import { createDecoder, decoderParameters } from "../objectives/elbo.ts";
import type { ImageData } from "../tasks/definition.ts";
import { createEncoder, type VaeOptions, VariationalAutoEncoder, vaeOptionNames } from "../tasks/vae.ts";
import type { Vae } from "../tasks/vae-images.ts";
import { type Learning, learningNames, prepareTraining } from "./create.ts";
import { takeTensor, writeBlocks } from "./parameters.ts";
import type { Training } from "./training.ts";

/** What is trained, and how. */
export interface VaeTrainingOptions extends Omit<VaeOptions, "batchSize" | "seed">, Learning {
  /** Stochastic layers, image side first: widths of Bernoulli layers, or more about them; at least one. */
  hidden: readonly HiddenLayer[];
  /** Coding of the units; default "zero-one", as in the paper (D-16). */
  units?: Units;
  /** Whether the training images' mean pixels are subtracted from what the encoder sees; default: no. */
  centred?: boolean | undefined;
  /** Images a batch; default 50. */
  batchSize?: number;
}

const optionNames: Names<VaeTrainingOptions> = {
  ...learningNames,
  ...vaeOptionNames,
  hidden: 1,
  units: 1,
  centred: 1,
};
/** What a checkpoint does not say of itself. */
type LoadOptions = Partial<Pick<VaeTrainingOptions, "units" | "hidden">>;
const loadNames: Names<LoadOptions> = { units: 1, hidden: 1 };

/** A training of a fresh auto-encoder. Throws `InputError` where the options do not fit the data or each other. */
export const createVaeTraining = (
  backend: Backend,
  data: ImageData,
  training: VaeTrainingOptions,
): Training => prepareVaeTraining(backend, data, training).initialise();

/** The same with all parameters zero. */
export function prepareVaeTraining(
  backend: Backend,
  data: ImageData,
  training: VaeTrainingOptions,
): Training {
  refuseUnknown("createVaeTraining", optionNames, training);
  const { hidden, units = "zero-one", batchSize = 50, seed = 0 } = training;
  const encoder = createEncoder(backend, data.train.pixels, hidden, units, training);
  const options = pick(vaeOptionNames, { ...training, batchSize, seed });
  return prepareTraining(new VariationalAutoEncoder(encoder, data, options), encoder, training);
}

/**
 * The auto-encoder in a checkpoint, without what it needs to learn on. `hidden` are its layers as it was trained with
 * them; default: a chain of Bernoulli layers. Throws `InputError` where a tensor is missing or has a shape that does not
 * fit the others.
 */
export function loadVae(backend: Backend, tensors: Record<string, Tensor>, options: LoadOptions = {}): Vae {
  refuseUnknown("loadVae", loadNames, options);
  const { units = "zero-one", hidden = widthsIn(tensors, "layers") } = options;
  if (hidden.length === 0) takeTensor(tensors, "layers.0.bias", []);
  const nonlinear = widthsIn(tensors, "encoder");
  const [pixels = 0] = tensors["decoder.0.bias"]?.shape ?? [];
  const centred = "encoder.centre" in tensors;
  const encoder = createEncoder(backend, pixels, hidden, units, { nonlinear, centred });
  const decoder = createDecoder(encoder, { nonlinear });
  const linears = [...encoder.layers, ...(encoder.front?.parameters ?? []), ...decoderParameters(decoder)];
  writeBlocks(
    backend,
    linears,
    "",
    linears.map(({ block }) => block),
    { ...tensors },
  );
  return { encoder, decoder };
}

/** Widths of the linear maps of that name. */
function widthsIn(tensors: Record<string, Tensor>, name: string): number[] {
  const widths: number[] = [];
  for (let l = 0; `${name}.${l}.bias` in tensors; l++) widths.push(tensors[`${name}.${l}.bias`].shape[0]);
  return widths;
}
