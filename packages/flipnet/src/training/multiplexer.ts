/** Training on the multiplexer. */

import type { Backend } from "../backend/backend.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import type { HiddenLayer } from "../network/hidden.ts";
import { createNetwork, type Units } from "../network/network.ts";
import { Multiplexer, multiplexerNetwork } from "../tasks/multiplexer.ts";
import { type Learning, learningNames, prepareTraining } from "./create.ts";
import type { Training } from "./training.ts";

/** What is trained, and how. */
export interface MultiplexerTrainingOptions extends Learning {
  /** Bits of the address. */
  k: number;
  /**
   * Hidden layers, input side first: widths of Bernoulli layers, or more about them; default [64, 32], as in the paper.
   */
  hidden?: readonly HiddenLayer[];
  /** Coding of hidden units; default "plus-minus", as in the paper. Inputs are -1 and +1 (D-39). */
  units?: Units;
  /** Default 128. */
  batchSize?: number;
  /** Optimizer steps in all. */
  steps: number;
  /** Steps between two records; default 1000. */
  recordEvery?: number;
}

const optionNames: Names<MultiplexerTrainingOptions> = {
  ...learningNames,
  k: 1,
  hidden: 1,
  units: 1,
  batchSize: 1,
  steps: 1,
  recordEvery: 1,
};

/** A training of a fresh network on the multiplexer. Throws `InputError` for options that cannot be. */
export const createMultiplexerTraining = (backend: Backend, training: MultiplexerTrainingOptions): Training =>
  prepareMultiplexerTraining(backend, training).initialise();

/** The same with all parameters zero. */
export function prepareMultiplexerTraining(backend: Backend, training: MultiplexerTrainingOptions): Training {
  refuseUnknown("createMultiplexerTraining", optionNames, training);
  const { k, batchSize = 128, steps, recordEvery = 1000, seed = 0 } = training;
  const task = new Multiplexer(backend, { k, batchSize, steps, recordEvery, seed });
  return prepareTraining(task, createNetwork(backend, multiplexerNetwork(training)), training);
}
