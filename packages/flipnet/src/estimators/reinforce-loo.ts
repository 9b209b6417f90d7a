/**
 * REINFORCE leave-one-out with two samples (Kool, van Hoof and Welling 2019; HNCA paper, appendix J, equation 10): each
 * sample is the other's baseline,
 *
 *     g = ((f1 - f2) (b1 - p) + (f2 - f1) (b2 - p)) / 2 = (f1 - f2) (b1 - b2) / 2,
 *
 * `f` over the components downstream of the layer. With `resample: "independent"` the second sample is a full pass of
 * its own, and each score belongs to its own parents: two terms a layer.
 *
 * Unbiased. Cost: one partial pass from every layer on (two with `"fresh"`), quadratic in depth; `"independent"`: one
 * more full pass.
 */
import { placeOf } from "../objectives/objective.ts";
import { defineEstimator } from "./estimator.ts";
import { independentPasses } from "./independent.ts";
import { oneOf } from "./options.ts";
import { prepareResampling } from "./resampling.ts";

/** `g = (f1 - f2) (b1 - b2) / 2`: HNCA paper, equation 10. */
export const reinforceLoo = defineEstimator({
  name: "reinforce-loo",
  title: "REINFORCE leave-one-out",
  paper: "Kool, van Hoof and Welling 2019; HNCA paper, appendix J, equation 10",
  unbiased: true,
  why: "each sample's baseline does not depend on it",
  needs: { knows: ["evaluations"] },
  baseline: false,
  cost: "forward pass + one or two partial passes a layer, or one more full pass",
  options: {
    resample: oneOf(["partial", "fresh", "independent"], {
      default: "partial",
      says: "where second samples come from: beside the main pass one partial pass from each layer on, or two, or one full pass",
    }),
  },
  variants: [
    { name: "reinforce-loo-fresh", resample: "fresh" },
    { name: "reinforce-loo-independent", resample: "independent" },
  ],

  prepare(problem, { resample }) {
    const { network } = problem;
    const { backend } = network;
    if (resample === "independent") {
      return independentPasses(problem, (component, layer) => placeOf(component, layer) !== "upstream");
    }
    const resampling = prepareResampling(problem, resample, (draws, { layer, first, second }) => {
      for (const pass of [first, second]) draws.sample(pass.sites[layer.index], pass.layers[layer.index]);
    });
    const { trace, evaluation, pairs } = resampling;
    const credits = pairs.map(({ layer }) => ({
      linear: layer,
      g: backend.matrix(trace.batchSize, layer.width),
      trace,
    }));
    return {
      trace,
      evaluation,
      credits,
      state: {},
      sample: resampling.sample,
      assign() {
        resampling.compare();
        pairs.forEach(({ layer, first, second, halfDifference }, i) => {
          const { g } = credits[i];
          backend.subtract(first.layers[layer.index].bits, second.layers[layer.index].bits, g);
          backend.scaleRows(g, halfDifference, g);
          evaluation.addDirectGradient(layer, g);
        });
      },
    };
  },
});
