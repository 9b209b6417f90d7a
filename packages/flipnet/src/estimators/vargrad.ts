/**
 * VarGrad (Richter et al. 2020): the gradient of half the sample variance, over K samples of all layers, of the
 * log-ratio `log q - log p`, taken through `log q` alone:
 *
 *     g_k = (f_k - mean of the other f) / K * (b_k - p_k)     for each sample k, two by default,
 *
 * `f` the whole objective, not only what is downstream of the layer. That is leave-one-out with independent passes on
 * the whole objective, example by example (D-14: with `-log q` sampled, its authors' setting).
 *
 * Unbiased. Cost: K - 1 more full passes.
 */
import { defineEstimator } from "./estimator.ts";
import { independentPasses } from "./independent.ts";
import { count } from "./options.ts";

/** The gradient of half the variance of the log-ratio over K samples: Richter et al. 2020. */
export const vargrad = defineEstimator({
  name: "vargrad",
  title: "VarGrad",
  paper: "Richter, Boustati, Nüsken, Ruiz and Akyildiz 2020",
  unbiased: true,
  why: "each sample's baseline does not depend on it",
  needs: { knows: ["evaluations"] },
  baseline: false,
  cost: "a forward pass a sample",
  options: { samples: count({ least: 2, default: 2, says: "full passes" }) },

  prepare: (problem, { samples }) => independentPasses(problem, samples, () => true),
});
