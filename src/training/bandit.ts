/** Training on the contextual bandit: the pieces put together. */
import type { Backend } from "../backend/backend.ts";
import type { Baseline, Estimator, EstimatorOptions } from "../estimators/estimator.ts";
import { InputError } from "../formats/errors.ts";
import { createNetwork, type NetworkSpec, type Units } from "../network/network.ts";
import type { OptimizerFactory } from "../optimizers/optimizer.ts";
import { type BanditData, ContextualBandit } from "../tasks/bandit.ts";
import { Learner, type LearnerOptions } from "./learner.ts";
import { Training } from "./training.ts";

/** What is trained, and how. */
export interface BanditTrainingOptions extends LearnerOptions {
  estimator: Estimator;
  /** Options of the estimator; default none. */
  options?: EstimatorOptions;
  optimizer: OptimizerFactory;
  /** Widths of the hidden Bernoulli layers, input side first; may be empty. */
  hidden: readonly number[];
  /** Coding of hidden units; default "plus-minus", as in the paper (D-3). */
  units?: Units;
  /** The output: one softmax unit over the classes (default), or one Bernoulli unit for two classes. */
  output?: "softmax" | "bernoulli";
  baseline?: Baseline;
  /** Default 0.99. */
  baselineDecay?: number;
  /** Default 50. */
  batchSize?: number;
  /** Decides weights, order, pixels and draws; whole number, default 0. */
  seed?: number;
  /** Use only the first so many training and test images. */
  limit?: number | undefined;
}

/** The network of a bandit with `pixels` inputs and `classes` actions. */
export function banditNetwork(
  data: { pixels: number; classes: number },
  {
    hidden,
    units = "plus-minus",
    output = "softmax",
  }: Pick<BanditTrainingOptions, "hidden" | "units" | "output">,
): NetworkSpec {
  if (data.classes < 2 || (output === "bernoulli" && data.classes !== 2)) {
    const expected = output === "bernoulli" ? "2 for a Bernoulli output" : "at least 2";
    throw new InputError(`the data set has ${data.classes} classes; expected ${expected}`);
  }
  return {
    inputs: data.pixels,
    units,
    layers: [
      ...hidden.map((width) => ({ kind: "bernoulli" as const, units: width })),
      output === "softmax"
        ? { kind: "softmax" as const, units: 1, choices: data.classes }
        : { kind: "bernoulli" as const, units: 1 },
    ],
  };
}

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
  const {
    estimator,
    options = {},
    optimizer,
    baseline = "none",
    baselineDecay = 0.99,
    batchSize = 50,
    seed = 0,
    limit,
    paperScale = false,
  } = training;
  const network = createNetwork(backend, banditNetwork(data.train, training));
  const task = new ContextualBandit(backend, data, { batchSize, seed, limit });
  const { input, objective } = task;
  const problem = { network, input, objective, baseline, baselineDecay, options };
  return new Training(new Learner(estimator, problem, optimizer, { paperScale }), task, seed);
}
