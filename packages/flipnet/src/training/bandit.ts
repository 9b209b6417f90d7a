/** Training on the contextual bandit: the pieces put together. */
import type { Backend } from "../backend/backend.ts";
import type { Baseline, Estimator } from "../estimators/estimator.ts";
import { InputError } from "../formats/errors.ts";
import type { FrontEnd } from "../front-ends/front-end.ts";
import { type HiddenLayer, withOutput } from "../network/hidden.ts";
import { createNetwork, type NetworkSpec, type Units } from "../network/network.ts";
import type { OptimizerFactory } from "../optimizers/optimizer.ts";
import { type BanditData, ContextualBandit } from "../tasks/bandit.ts";
import { Learner, type LearnerOptions } from "./learner.ts";
import { Training } from "./training.ts";

/** What is trained, and how. */
export interface BanditTrainingOptions extends LearnerOptions {
  estimator: Estimator;
  optimizer: OptimizerFactory;
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

/** The network of a bandit with `pixels` inputs, or those of its front end, and `classes` actions. */
export function banditNetwork(
  data: { pixels: number; classes: number },
  {
    hidden,
    units = "plus-minus",
    output = "softmax",
    front,
  }: Pick<BanditTrainingOptions, "hidden" | "units" | "output" | "front">,
): NetworkSpec {
  if (data.classes < 2 || (output === "bernoulli" && data.classes !== 2)) {
    const expected = output === "bernoulli" ? "2 for a Bernoulli output" : "at least 2";
    throw new InputError(`the data set has ${data.classes} classes; expected ${expected}`);
  }
  if (front !== undefined && front.inputs !== data.pixels) {
    throw new InputError(
      `the images have ${data.pixels} pixels; expected ${front.inputs}, which the front end takes`,
    );
  }
  return {
    ...(front === undefined ? { inputs: data.pixels } : { inputs: front.outputs, inputKind: "real" }),
    units,
    layers: withOutput(
      hidden,
      output === "softmax"
        ? { kind: "softmax", units: 1, choices: data.classes }
        : { kind: "bernoulli", units: 1 },
    ),
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
    optimizer,
    baseline = "none",
    baselineDecay = 0.99,
    batchSize = 50,
    seed = 0,
    limit,
    front,
  } = training;
  const network = createNetwork(backend, banditNetwork(data.train, training), front);
  const task = new ContextualBandit(backend, data, { batchSize, seed, limit });
  const { input, objective } = task;
  const problem = { network, input, objective, baseline, baselineDecay };
  return new Training(new Learner(estimator, problem, optimizer, training), task, seed);
}
