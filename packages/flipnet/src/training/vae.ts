/** Training of a discrete variational auto-encoder: the pieces put together. */
import type { Backend } from "../backend/backend.ts";
import type { Baseline, Estimator } from "../estimators/estimator.ts";
import type { LabelledImages } from "../formats/labelled-images.ts";
import type { Tensor } from "../formats/safetensors.ts";
import { type HiddenLayer, hiddenSpec } from "../network/hidden.ts";
import { createNetwork, type Units } from "../network/network.ts";
import { createDecoder } from "../objectives/elbo.ts";
import type { OptimizerFactory } from "../optimizers/optimizer.ts";
import { type VaeOptions, VariationalAutoEncoder } from "../tasks/vae.ts";
import type { Vae } from "../tasks/vae-images.ts";
import { Learner } from "./learner.ts";
import { takeTensor, writeBlocks } from "./parameters.ts";
import { Training } from "./training.ts";

/** What is trained, and how. */
export interface VaeTrainingOptions extends Omit<VaeOptions, "batchSize" | "seed"> {
  estimator: Estimator;
  optimizer: OptimizerFactory;
  /** Stochastic layers, image side first: widths of Bernoulli layers, or more about them; at least one. */
  hidden: readonly HiddenLayer[];
  /** Coding of the units; default "zero-one", as in the paper (D-16). */
  units?: Units;
  /** Running averages are one a layer (D-21); default "none". */
  baseline?: Baseline;
  /** Default 0.99. */
  baselineDecay?: number;
  /** Images a batch; default 50. */
  batchSize?: number;
  /** Decides weights, order, pixels and draws; whole number, default 0. */
  seed?: number;
}

/** A training of a fresh auto-encoder. Throws `InputError` where the options do not fit the data or each other. */
export const createVaeTraining = (
  backend: Backend,
  data: { train: LabelledImages; test: LabelledImages },
  training: VaeTrainingOptions,
): Training => prepareVaeTraining(backend, data, training).initialise();

/** The same with all parameters zero. */
export function prepareVaeTraining(
  backend: Backend,
  data: { train: LabelledImages; test: LabelledImages },
  training: VaeTrainingOptions,
): Training {
  const { estimator, optimizer, hidden, units = "zero-one", ...rest } = training;
  const { baseline = "none", baselineDecay = 0.99, batchSize = 50, seed = 0, ...task } = rest;
  const encoder = createEncoder(backend, data.train.pixels, hidden, units);
  const vae = new VariationalAutoEncoder(encoder, data, { ...task, batchSize, seed });
  const { input, objective } = vae;
  const problem = { network: encoder, input, objective, baseline, baselineDecay };
  return new Training(new Learner(estimator, problem, optimizer), vae, seed);
}

/**
 * The auto-encoder in a checkpoint, without what it needs to learn on. `hidden` are its layers as it was trained with
 * them; default: a chain of Bernoulli layers. Throws `InputError` where a tensor is missing or has a shape that does not
 * fit the others.
 */
export function loadVae(
  backend: Backend,
  tensors: Record<string, Tensor>,
  {
    units = "zero-one",
    hidden = widthsIn(tensors),
  }: Partial<Pick<VaeTrainingOptions, "units" | "hidden">> = {},
): Vae {
  const [, pixels = 0] = tensors["layers.0.weights"]?.shape ?? [];
  const encoder = createEncoder(backend, pixels, hidden, units);
  const decoder = createDecoder(encoder);
  const linears = [...encoder.layers, ...decoder.layers, decoder.prior];
  writeBlocks(
    backend,
    linears,
    "",
    linears.map(({ block }) => block),
    tensors,
  );
  return { encoder, decoder };
}

function widthsIn(tensors: Record<string, Tensor>): number[] {
  const widths: number[] = [];
  for (let l = 0; `layers.${l}.bias` in tensors; l++) widths.push(tensors[`layers.${l}.bias`].shape[0]);
  if (widths.length === 0) takeTensor(tensors, "layers.0.bias", []);
  return widths;
}

const createEncoder = (backend: Backend, pixels: number, hidden: readonly HiddenLayer[], units: Units) =>
  createNetwork(backend, { inputs: pixels, units, layers: hidden.map(hiddenSpec) });
