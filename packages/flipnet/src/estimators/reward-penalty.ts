/**
 * A_R-P, associative reward-penalty (Barto 1985; Weight Maximization paper, equation 6), for one unit: towards the
 * action it took where the reward is positive, and elsewhere, `lambda` times as far, towards the other one,
 *
 *     g = R A - E[A] = 2 (better - p),     where R > 0;     lambda times that elsewhere.
 *
 * With rewards -1 and +1 that is half of REINFORCE with baseline -1 times `1 - lambda`, plus classification times
 * `lambda` (equation 7). Unbiased, with such rewards, where lambda is 0; biased otherwise.
 */
import { defineEstimator } from "./estimator.ts";
import { lambdaOption, requireLambda } from "./lambda.ts";
import { prepareSingleUnit } from "./single-unit.ts";

/** `g = 2 (better - p)`, `lambda` times that where it was not rewarded, for one unit: Barto 1985. */
export const rewardPenalty = defineEstimator({
  name: "reward-penalty",
  title: "Reward-penalty",
  paper: "Barto 1985; Chung 2020 (Weight Maximization paper), equations 6 and 7",
  unbiased: false,
  why: "a share lambda of it climbs the better action's log-likelihood",
  needs: { knows: ["reward"], singleUnit: true },
  baseline: false,
  cost: "forward pass",
  options: { lambda: lambdaOption },
  variants: [{ name: "reward-penalty", lambda: 0.1 }],

  prepare(problem, { lambda }) {
    const share = requireLambda(lambda);
    return prepareSingleUnit(problem, { rewarded: 2, punished: 2 * share, paperScale: 1 });
  },
});
