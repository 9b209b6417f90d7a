/**
 * VarGrad (Richter et al. 2020): the gradient of half the sample variance, over two samples of all layers, of the
 * log-ratio `log q - log p`, taken through `log q` alone:
 *
 *     g = (f1 - f2) / 2 * (b1 - p1)  and  (f2 - f1) / 2 * (b2 - p2),
 *
 * `f` the whole objective, not only what is downstream of the layer. That is leave-one-out with independent passes on
 * the whole objective, example by example (D-14: with `-log q` sampled, its authors' setting).
 *
 * Unbiased. Cost: one more full pass.
 */
import { defineEstimator } from "./estimator.ts";
import { independentPasses } from "./independent.ts";

/** The gradient of half the variance of the log-ratio over two samples. */
export const vargrad = defineEstimator({
  name: "vargrad",
  title: "VarGrad",
  paper: "Richter, Boustati, Nüsken, Ruiz and Akyildiz 2020",
  unbiased: true,
  why: "each sample's baseline does not depend on it",
  needs: { knows: ["evaluations"] },
  baseline: false,
  cost: "two forward passes",

  prepare: (problem) => independentPasses(problem, () => true),
});
