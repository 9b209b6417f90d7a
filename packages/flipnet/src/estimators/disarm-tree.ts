/**
 * DisARM-Tree (Dong, Mnih and Tucker 2021): DisARM for softmax units. A choice is made by forks of a balanced binary tree, from
 * the root to a leaf, and an antithetic pair of samples takes both sides of as many as it can; see `antithetic-choices.ts` for
 * what each fork is credited with. `f` is over the components downstream of the layer; of K samples, the mean over their K / 2 pairs.
 *
 * Unbiased. Cost: K - 1 partial passes from every layer on (K with `resample: "fresh"`, its authors' form), quadratic in depth;
 * choices are drawn and credited on the host. Two choices, and Bernoulli units, are DisARM.
 */
import { balancedTree } from "../network/choice-laws.ts";
import { prepareAntitheticChoices } from "./antithetic-choices.ts";
import { pairOptions } from "./antithetic-pairs.ts";
import { defineEstimator } from "./estimator.ts";

/** DisARM at the forks of a balanced tree of a softmax unit's choices: Dong, Mnih and Tucker 2021, section 4. */
export const disarmTree = defineEstimator({
  name: "disarm-tree",
  title: "DisARM-Tree",
  paper: "Dong, Mnih and Tucker 2021, DisARM-Tree",
  unbiased: true,
  why: "at every fork it is DisARM, or the difference to a sample that does not depend on it",
  needs: { knows: ["evaluations"] },
  baseline: false,
  cost: "forward pass + partial passes from each layer on",
  options: pairOptions,
  variants: [{ name: "disarm-tree-fresh", resample: "fresh" }],

  prepare: (problem, options) => prepareAntitheticChoices(problem, options, balancedTree),
});
