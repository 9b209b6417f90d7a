/** A training put together: a task, a network, and how it learns. */

import type { Baseline } from "../estimators/baseline.ts";
import type { Estimator } from "../estimators/estimator.ts";
import { checkValues, count, flag, number } from "../estimators/options.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import type { Network } from "../network/network.ts";
import type { OptimizerFactory } from "../optimizers/optimizer.ts";
import type { Task } from "../tasks/task.ts";
import { ActorCritic } from "./actor-critic.ts";
import { Learner, type LearnerOptions } from "./learner.ts";
import { Training } from "./training.ts";

/** How a network learns, whatever the task. */
export interface Learning extends LearnerOptions {
  estimator: Estimator;
  optimizer: OptimizerFactory;
  /** What is subtracted from learning signals; running averages are one a layer (D-21). Default "none". */
  baseline?: Baseline;
  /** Default 0.99. */
  baselineDecay?: number;
  /** Decides weights, data and draws; whole number, default 0. */
  seed?: number;
}

/** Names of these options. */
export const learningNames: Names<Learning> = {
  estimator: 1,
  optimizer: 1,
  baseline: 1,
  baselineDecay: 1,
  seed: 1,
  paperScale: 1,
  varianceCount: 1,
  weights: 1,
  examples: 1,
};

/** The settings of learning that are numbers or switches, as data. */
export const learningOptions = {
  baselineDecay: number({ from: 0, below: 1, default: 0.99, says: "decay of the running average" }),
  seed: count({
    least: 0,
    default: 0,
    expected: "a whole number from 0 to 2^53 - 1",
    says: "decides weights, order and every coin",
  }),
  paperScale: flag({
    default: false,
    says: "learn by the paper's updates, larger than the gradient, as for its L2",
  }),
  varianceCount: count({
    least: 1,
    default: undefined,
    says: "divide the gradient variance by n in place of all parameters",
  }),
};

/**
 * A training of a network, whose parameters stay as they are, on a task.
 *
 * @throws InputError for settings that cannot be used, or do not fit each other
 */
export function prepareTraining(task: Task, network: Network, learning: Learning): Training {
  const { estimator, optimizer, baseline = "none", paperScale = false, varianceCount } = learning;
  const { baselineDecay = learningOptions.baselineDecay.default, seed = 0 } = learning;
  checkValues(learningOptions, { baselineDecay, seed, paperScale, varianceCount });
  const { input, objective, weights, examples } = task;
  const problem = { network, input, objective, baseline, baselineDecay };
  const options = { paperScale, varianceCount, weights, examples };
  const learner =
    task.steps === undefined
      ? new Learner(estimator, problem, optimizer, options)
      : new ActorCritic(estimator, problem, optimizer, task.steps.transitions, task.steps.traces);
  return new Training(learner, task, seed);
}

/** The same of a fresh network: weights are drawn from the seed. */
export function createTraining(task: Task, network: Network, learning: Learning): Training {
  refuseUnknown("createTraining", learningNames, learning);
  return prepareTraining(task, network, learning).initialise();
}
