/**
 * DisARM-SB (Dong, Mnih and Tucker 2021): DisARM for softmax units by breaking a stick. Choice after choice a coin says whether it
 * is that one or a later one, and an antithetic pair of samples parts at the first coin that it can; see `antithetic-choices.ts`
 * for what each coin is credited with. `f` is over the components downstream of the layer; of K samples, the mean over their K / 2
 * pairs.
 *
 * Unbiased. Cost: K - 1 partial passes from every layer on (K with `resample: "fresh"`, its authors' form), quadratic in depth;
 * choices are drawn and credited on the host, in a time that grows with the square of their number. Two choices, and Bernoulli
 * units, are DisARM.
 */
import { sticks } from "../network/choice-laws.ts";
import { prepareAntitheticChoices } from "./antithetic-choices.ts";
import { pairOptions } from "./antithetic-pairs.ts";
import { defineEstimator } from "./estimator.ts";

/** DisARM at the breaks of a stick, one for each of a softmax unit's choices but the last: Dong, Mnih and Tucker 2021, section 4. */
export const disarmSb = defineEstimator({
  name: "disarm-sb",
  title: "DisARM-SB",
  paper: "Dong, Mnih and Tucker 2021, DisARM-SB",
  unbiased: true,
  why: "at every break it is DisARM, or the difference to a sample that does not depend on it",
  needs: { knows: ["evaluations"] },
  baseline: false,
  cost: "forward pass + partial passes from each layer on",
  options: pairOptions,

  prepare: (problem, options) => prepareAntitheticChoices(problem, options, sticks),
});
