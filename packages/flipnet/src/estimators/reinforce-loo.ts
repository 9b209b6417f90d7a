/**
 * REINFORCE leave-one-out (Kool, van Hoof and Welling 2019; HNCA paper, appendix J, equation 10 for K = 2): of K samples
 * each has the mean of the others for its baseline,
 *
 *     g = 1/K sum_k (f_k - mean of the other f) (b_k - p),
 *
 * `f` over the components downstream of the layer. The differences sum up to 0, so `p` drops out, and so may any one of
 * the samples be subtracted from all: of two, `g = (f1 - f2) (b1 - b2) / 2`. With `resample: "independent"` the samples
 * are full passes, and each score belongs to its own parents: K terms a layer.
 *
 * Unbiased. Cost: K - 1 partial passes from every layer on (K with `"fresh"`), quadratic in depth; `"independent"`: K - 1
 * more full passes.
 */
import { placeOf } from "../objectives/objective.ts";
import { defineEstimator } from "./estimator.ts";
import { independentPasses } from "./independent.ts";
import { oneOf } from "./options.ts";
import { prepareLeaveOneOut, prepareResampling, resampleOptions } from "./resampling.ts";

/** `g = 1/K sum_k (f_k - mean of the other f) (b_k - p)`: Kool et al. 2019; HNCA paper, equation 10. */
export const reinforceLoo = defineEstimator({
  name: "reinforce-loo",
  title: "REINFORCE leave-one-out",
  paper: "Kool, van Hoof and Welling 2019; HNCA paper, appendix J, equation 10",
  unbiased: true,
  why: "each sample's baseline does not depend on it",
  needs: { knows: ["evaluations"] },
  baseline: false,
  cost: "forward pass + partial passes from each layer on, or full passes",
  options: {
    ...resampleOptions,
    resample: oneOf(["partial", "fresh", "independent"], {
      default: "partial",
      says: "where the other samples come from: partial passes from each layer on beside the main pass, partial passes for all of them, or full passes",
    }),
  },
  variants: [
    { name: "reinforce-loo-fresh", resample: "fresh" },
    { name: "reinforce-loo-independent", resample: "independent" },
  ],

  prepare(problem, { samples, resample }) {
    if (resample === "independent") {
      return independentPasses(
        problem,
        samples,
        (component, layer) => placeOf(component, layer) !== "upstream",
      );
    }
    return prepareResampling(problem, { samples, resample }, prepareLeaveOneOut(problem, samples));
  },
});
