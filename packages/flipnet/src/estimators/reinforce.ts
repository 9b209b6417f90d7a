/**
 * REINFORCE (Williams 1992): a unit is credited with what lies downstream of it times its own score,
 * `g = (f - c) (b - p)`; for a softmax unit `(f - c) (onehot - p)`. In a bandit `f` is the reward, the same for every
 * unit (HNCA paper, section 1 and appendix A; Weight Maximization paper, equation 3); of a known function it is the
 * sum of the components that the layer can influence (HNCA paper, section 2.2).
 *
 * Unbiased. Cost beside the forward pass: one elementwise operation a layer.
 */
import { defineEstimator } from "./estimator.ts";
import { prepareSinglePass } from "./single-pass.ts";

/** `g = (f - c) (b - p)`: Williams 1992; HNCA paper, appendix A. */
export const reinforce = defineEstimator({
  name: "reinforce",
  title: "REINFORCE",
  paper: "Williams 1992; HNCA paper, section 1 and appendix A",
  unbiased: true,
  why: "the expected score times the objective is the gradient (likelihood ratio)",
  needs: { knows: [] },
  baseline: true,
  explores: true,
  cost: "forward pass",

  prepare(problem) {
    const { score, linearEstimator } = prepareSinglePass(problem);
    return linearEstimator(score);
  },
});
