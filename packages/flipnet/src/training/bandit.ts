/** Training on the contextual bandit. */

import type { Backend } from "../backend/backend.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import type { FrontEnd } from "../front-ends/front-end.ts";
import type { HiddenLayer } from "../network/hidden.ts";
import { createNetwork, type Units } from "../network/network.ts";
import { type BanditData, banditNetwork, ContextualBandit } from "../tasks/bandit.ts";
import type { Binarisation } from "../tasks/images.ts";
import { type Learning, learningNames, prepareTraining } from "./create.ts";
import type { Training } from "./training.ts";

/** What is trained, and how. */
export interface BanditTrainingOptions extends Learning {
  /**
   * What stands between the images and the layers, on the same backend; its outputs are features that the first layer is
   * linear in. All weights of linear maps are then drawn as the paper's code for convolutions does (D-30).
   */
  front?: FrontEnd | undefined;
  /** Hidden layers, input side first: widths of Bernoulli layers, or more about them; may be empty. */
  hidden: readonly HiddenLayer[];
  /** Coding of hidden units; default "plus-minus", as in the paper (D-3). */
  units?: Units;
  /** The output: one softmax unit over the classes (default), or one Bernoulli unit for two classes. */
  output?: "softmax" | "bernoulli";
  /** Default 50. */
  batchSize?: number;
  /** Use only the first so many training and test images. */
  limit?: number | undefined;
  /** How pixels become bits, if not drawn anew each epoch (D-9). */
  binarise?: Binarisation | undefined;
}

const optionNames: Names<BanditTrainingOptions> = {
  ...learningNames,
  front: 1,
  hidden: 1,
  units: 1,
  output: 1,
  batchSize: 1,
  limit: 1,
  binarise: 1,
};

/** A training of a fresh network on labelled images. Throws `InputError` where the options do not fit the data. */
export const createBanditTraining = (
  backend: Backend,
  data: BanditData,
  training: BanditTrainingOptions,
): Training => prepareBanditTraining(backend, data, training).initialise();

/** The same with all parameters zero. */
export function prepareBanditTraining(
  backend: Backend,
  data: BanditData,
  training: BanditTrainingOptions,
): Training {
  refuseUnknown("createBanditTraining", optionNames, training);
  const { batchSize = 50, seed = 0, limit, binarise, front } = training;
  const network = createNetwork(backend, banditNetwork(data.train, training), front);
  const task = new ContextualBandit(backend, data, { batchSize, seed, limit, binarise });
  return prepareTraining(task, network, training);
}
