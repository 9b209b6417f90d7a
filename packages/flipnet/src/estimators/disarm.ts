/**
 * DisARM (Dong, Mnih and Tucker 2020; also U2G, Yin et al. 2020): an antithetic pair of samples from one uniform a
 * unit, and the uniform integrated out,
 *
 *     g = (f1 - f2) / 2 * (b1 - b2) * max(p, 1 - p),
 *
 * `f` over the components downstream of the layer; of K samples, the mean over their K / 2 pairs.
 *
 * Unbiased, with no more variance than ARM. Cost: K - 1 partial passes from every layer on (K with `resample: "fresh"`,
 * its authors' form), quadratic in depth.
 */
import { pairOptions, prepareAntitheticPairs, prepareDisarmFactor } from "./antithetic-pairs.ts";
import { defineEstimator } from "./estimator.ts";

/** `g = (f1 - f2) / 2 (b1 - b2) max(p, 1 - p)`, with an antithetic pair. */
export const disarm = defineEstimator({
  name: "disarm",
  title: "DisARM",
  paper: "Dong, Mnih and Tucker 2020; HNCA paper, appendix J",
  unbiased: true,
  why: "it is ARM's expectation given both samples",
  needs: { knows: ["evaluations"], bernoulli: "all" },
  baseline: false,
  cost: "forward pass + partial passes from each layer on",
  options: pairOptions,
  variants: [{ name: "disarm-fresh", resample: "fresh" }],

  prepare: (problem, options) => prepareAntitheticPairs(problem, options, prepareDisarmFactor(problem)),
});
