/**
 * DisARM (Dong, Mnih and Tucker 2020; also U2G, Yin et al. 2020): an antithetic pair of samples from one uniform a
 * unit, and the uniform integrated out,
 *
 *     g = (f1 - f2) / 2 * (b1 - b2) * max(p, 1 - p),
 *
 * `f` over the components downstream of the layer.
 *
 * Unbiased, with no more variance than ARM. Cost: one partial pass from every layer on (two with
 * `resample: "fresh"`, its authors' form), quadratic in depth.
 */
import { defineEstimator } from "./estimator.ts";
import { prepareResampling, resampleOption } from "./resampling.ts";

/** `g = (f1 - f2) / 2 (b1 - b2) max(p, 1 - p)`, with an antithetic pair. */
export const disarm = defineEstimator({
  name: "disarm",
  title: "DisARM",
  paper: "Dong, Mnih and Tucker 2020; HNCA paper, appendix J",
  unbiased: true,
  why: "it is ARM's expectation given both samples",
  needs: { knows: ["evaluations"], bernoulli: "all" },
  baseline: false,
  cost: "forward pass + one or two partial passes a layer",
  options: { resample: resampleOption },
  variants: [{ name: "disarm-fresh", resample: "fresh" }],

  prepare(problem, { resample }) {
    const { backend } = problem.network;
    const resampling = prepareResampling(problem, resample, (draws, { layer, first, second }) => {
      const { bits } = second.layers[layer.index];
      draws.samplePair(first.sites[layer.index], first.layers[layer.index], bits);
    });
    const { trace, evaluation, pairs } = resampling;
    const parts = pairs.map((pair) => ({
      ...pair,
      g: backend.matrix(trace.batchSize, pair.layer.width),
      larger: backend.matrix(trace.batchSize, pair.layer.width),
    }));
    return {
      trace,
      evaluation,
      credits: parts.map(({ layer, g }) => ({ linear: layer, g, trace })),
      state: {},
      sample: resampling.sample,
      assign() {
        resampling.compare();
        for (const { layer, first, second, halfDifference, g, larger } of parts) {
          const { p, q, bits } = first.layers[layer.index];
          backend.maximum(p, q, larger);
          backend.subtract(bits, second.layers[layer.index].bits, g);
          backend.multiply(g, larger, g);
          backend.scaleRows(g, halfDifference, g);
          evaluation.addDirectGradient(layer, g);
        }
      },
    };
  },
});
