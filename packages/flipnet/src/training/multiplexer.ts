/** Training on the multiplexer: the pieces put together. */
import type { Backend } from "../backend/backend.ts";
import type { Baseline, Estimator } from "../estimators/estimator.ts";
import { type HiddenLayer, withOutput } from "../network/hidden.ts";
import { createNetwork, type NetworkSpec, type Units } from "../network/network.ts";
import type { OptimizerFactory } from "../optimizers/optimizer.ts";
import { Multiplexer, multiplexerInputs } from "../tasks/multiplexer.ts";
import { Learner, type LearnerOptions } from "./learner.ts";
import { Training } from "./training.ts";

/** What is trained, and how. */
export interface MultiplexerTrainingOptions extends LearnerOptions {
  /** Bits of the address. */
  k: number;
  estimator: Estimator;
  optimizer: OptimizerFactory;
  /**
   * Hidden layers, input side first: widths of Bernoulli layers, or more about them; default [64, 32], as in the paper.
   */
  hidden?: readonly HiddenLayer[];
  /** Coding of hidden units; default "plus-minus", as in the paper. Inputs are -1 and +1 (D-39). */
  units?: Units;
  baseline?: Baseline;
  /** Default 0.99. */
  baselineDecay?: number;
  /** Default 128. */
  batchSize?: number;
  /** Optimizer steps in all. */
  steps: number;
  /** Steps between two records; default 1000. */
  recordEvery?: number;
  /** Decides weights, inputs and draws; whole number, default 0. */
  seed?: number;
}

/** The network: {-1,+1} inputs, hidden layers, and one Bernoulli unit, whose bit is the action. */
export const multiplexerNetwork = ({
  k,
  hidden = [64, 32],
  units = "plus-minus",
}: Pick<MultiplexerTrainingOptions, "k" | "hidden" | "units">): NetworkSpec => ({
  inputs: multiplexerInputs(k),
  inputKind: "signs",
  units,
  layers: withOutput(hidden, { kind: "bernoulli", units: 1 }),
});

/** A training of a fresh network on the multiplexer. Throws `InputError` for options that cannot be. */
export const createMultiplexerTraining = (backend: Backend, training: MultiplexerTrainingOptions): Training =>
  prepareMultiplexerTraining(backend, training).initialise();

/** The same with all parameters zero. */
export function prepareMultiplexerTraining(backend: Backend, training: MultiplexerTrainingOptions): Training {
  const { k, estimator, optimizer, paperScale = false, ...rest } = training;
  const { baseline = "none", baselineDecay = 0.99, seed = 0 } = rest;
  const { batchSize = 128, steps, recordEvery = 1000 } = rest;
  const task = new Multiplexer(backend, { k, batchSize, steps, recordEvery, seed });
  const network = createNetwork(backend, multiplexerNetwork(training));
  const { input, objective } = task;
  const problem = { network, input, objective, baseline, baselineDecay };
  return new Training(new Learner(estimator, problem, optimizer, { paperScale }), task, seed);
}
