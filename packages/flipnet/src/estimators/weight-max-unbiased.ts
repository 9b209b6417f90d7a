/**
 * Weight Maximization without bias, in product form. Derived here, not published: where Weight Maximization sums over
 * the children, it takes the product of their probabilities. A unit is rewarded by how much of the children's
 * likelihood would be missing without it,
 *
 *     R_i = R (1 - prod_j P(child j | unit off) / P(child j)) = bit R (1 - e^-delta),
 *
 * `delta` the log-likelihood ratio of all children between the unit on and off; an off unit earns nothing. Then
 * REINFORCE: `g = R_i (bit - p)`. It is about bits, so the coding of the units does not matter.
 *
 * Unbiased: the expectation of `bit (1 - e^-delta) (bit - p)` over the unit and its children, given the rest, is
 * p q sum over outcomes of [P(outcome | on) - P(outcome | off)] times what follows. Its expectation given the Markov
 * blanket is HNCA, which so has no more variance. Nothing bounds `e^-delta`: a unit whose children were much likelier
 * without it pays dearly. The output unit uses REINFORCE. Cost: HNCA's.
 */
import { prepareChildren } from "./children.ts";
import { defineEstimator } from "./estimator.ts";
import { prepareSinglePass } from "./single-pass.ts";

/** `g = R bit (1 - e^-delta) (bit - p)`: derived here. */
export const weightMaxUnbiased = defineEstimator({
  name: "weight-max-unbiased",
  title: "Product-form unbiased Weight Maximization",
  paper: "derived here, after Chung 2020",
  unbiased: true,
  why: "the product over children keeps what the sum drops; HNCA is its expectation given the Markov blanket",
  needs: { knows: ["reward"], bernoulli: "hidden" },
  baseline: true,
  cost: "forward pass + one message to every parent",

  prepare(problem) {
    const { network } = problem;
    const { backend } = network;
    const { pass, score, linearEstimator } = prepareSinglePass(problem);
    const children = prepareChildren(pass);
    return linearEstimator((layer, g) => {
      if (layer.children.length === 0) {
        score(layer, g);
        return;
      }
      const { bits, q } = pass.layers[layer.index];
      backend.productFormScore(bits, q, children.logLikelihoodRatios(layer), g);
    });
  },
});
