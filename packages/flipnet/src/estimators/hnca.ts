/**
 * Hindsight Network Credit Assignment (Young 2022), equation 3, algorithms 1 and 2. A unit is credited by how much
 * its choice changed the odds of what its children did:
 *
 *     g = (R - c) (P(unit on | Markov blanket) - P(unit on | parents)),   the first term being sigmoid(l + delta),
 *
 * `delta` the log-likelihood ratio of the children's outcomes between the unit being on and off. That is REINFORCE
 * with the sampled bit replaced by its posterior mean, and equals the paper's sigma'(l) (q1 - q0) / qbar. A softmax
 * unit gets posterior minus prior over its choices. Units without children use REINFORCE, as in the paper.
 *
 * Where the reward of every action is known, there may be K samples, each with the mean of the others' rewards for its baseline.
 *
 * Unbiased, with no more variance than REINFORCE in any parameter (theorem 1). Cost beside the forward pass: one
 * multiply-add and one multiply an edge and example.
 */

import { prepareChildren } from "./children.ts";
import { defineEstimator, type PreparedEstimator, type Problem } from "./estimator.ts";
import { flag } from "./options.ts";
import { prepareSamples, sampleOptions } from "./samples.ts";
import { prepareSinglePass } from "./single-pass.ts";

/** `g = (R - c) (P(unit on | Markov blanket) - P(unit on | parents))`: HNCA paper, equation 3. */
export const hnca = defineEstimator({
  name: "hnca",
  title: "HNCA",
  paper: "Young 2022 (HNCA paper), equation 3, algorithms 1 and 2",
  unbiased: true,
  why: "it is REINFORCE's expectation given each unit's Markov blanket and the reward",
  needs: { knows: ["reward"] },
  baseline: true,
  explores: true,
  cost: "forward pass + one message to every parent",
  options: {
    ...sampleOptions,
    /** Bernoulli units only (D-31). */
    stopGradient: flag({
      default: true,
      says: "hold the posterior fixed, as in the paper; false differentiates through it, as its released code for convolutions does, which is biased",
    }),
  },

  prepare: (problem, options) =>
    prepareSamples("hnca", problem, options.samples, (one) => prepareOne(one, options)),
});

function prepareOne(problem: Problem, { stopGradient }: { stopGradient: boolean }): PreparedEstimator {
  const { backend } = problem.network;
  const { pass, score, linearEstimator } = prepareSinglePass(problem);
  const children = prepareChildren(pass);
  return linearEstimator((layer, g) => {
    if (layer.children.length === 0) {
      score(layer, g);
      return;
    }
    children.posteriorMinusPrior(layer, g);
    if (!stopGradient && layer.kind === "bernoulli") {
      backend.unstoppedGradient(g, pass.layers[layer.index].q, g);
    }
  });
}
