/**
 * Classification (Weight Maximization paper, section 3.2, equation 5): for one unit whose rewards tell which action
 * is right, the one it took where the reward is positive, else the other one. Its log-likelihood is climbed:
 *
 *     A_R - E[A] = 2 (better - p),     better = bit where R > 0, 1 - bit elsewhere;     g = better - p.
 *
 * A biased estimate of the gradient of the expected reward: it is that of the better action's log-likelihood.
 */
import { defineEstimator } from "./estimator.ts";
import { prepareSingleUnit } from "./single-unit.ts";

/** `g = better - p`, for one unit: Weight Maximization paper, equation 5. */
export const classification = defineEstimator({
  name: "classification",
  title: "Classification",
  paper: "Chung 2020 (Weight Maximization paper), equation 5",
  unbiased: false,
  why: "it climbs the log-likelihood of the better action, not the expected reward",
  needs: { knows: ["reward"], singleUnit: true },
  baseline: false,
  cost: "forward pass",

  prepare(problem) {
    return prepareSingleUnit(problem, { rewarded: 1, punished: 1, paperScale: 2 });
  },
});
