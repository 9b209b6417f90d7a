/**
 * Straight-through backpropagation (Hinton 2012; Bengio, Leonard and Courville 2013; Weight Maximization paper, section
 * 5.2): the objective's slopes are taken at the sampled bits and backpropagated as though every unit showed its mean, the
 * derivative of what it shows by its logit being that of the mean,
 *
 *     g_i = E'[x_i] (df/dx_i + sum_j W_ij g_j),     E'[x] = p q, of {-1,+1} units 2 p q,
 *
 * and for a softmax unit `g_k = p_k (a_k - sum_m p_m a_m)`, `a = df/dx + W g`. An output unit whose reward was observed learns by REINFORCE.
 *
 * Biased, but for one layer under a function that is linear in each unit. Of a bandit it is, by theorem 2, Weight Maximization
 * with direct gradient. Cost beside the forward pass: one product with the weights transposed, and the objective's slopes.
 */
import { defineEstimator } from "./estimator.ts";
import { prepareSurrogate } from "./surrogate.ts";

/** `g_i = E'[x_i] (df/dx_i + sum_j W_ij g_j)`: Weight Maximization paper, section 5.2. */
export const straightThrough = defineEstimator({
  name: "straight-through",
  title: "Straight-through",
  paper: "Hinton 2012; Bengio, Leonard and Courville 2013; Weight Maximization paper, equations 110 to 130",
  unbiased: false,
  why: "it takes the slope at the sampled bits for the difference between a unit on and off",
  needs: { knows: [] },
  baseline: true,
  cost: "forward pass + one transposed product",

  prepare: (problem) => prepareSurrogate("straight-through", problem),
});
