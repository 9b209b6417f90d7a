/**
 * ARM, augment-REINFORCE-merge (Yin and Zhou 2019): an antithetic pair of samples from one uniform `u` a unit,
 * `b1 = 1[u > 1 - p]`, `b2 = 1[u < p]`, and
 *
 *     g = (f1 - f2) (u - 1/2),
 *
 * `f` over the components downstream of the layer.
 *
 * Unbiased. Cost: one partial pass from every layer on (two with `resample: "fresh"`), quadratic in depth.
 */
import { defineEstimator } from "./estimator.ts";
import { prepareResampling, resampleOption } from "./resampling.ts";

/** `g = (f1 - f2) (u - 1/2)`, with an antithetic pair. */
export const arm = defineEstimator({
  name: "arm",
  title: "ARM",
  paper: "Yin and Zhou 2019, algorithm 2",
  unbiased: true,
  why: "the gradient of an expectation over uniforms, with an antithetic pair",
  needs: { knows: ["evaluations"], bernoulli: "all" },
  baseline: false,
  cost: "forward pass + one or two partial passes a layer",
  options: { resample: resampleOption },
  variants: [{ name: "arm-fresh", resample: "fresh" }],

  prepare(problem, { resample }) {
    const { backend, layers } = problem.network;
    const B = problem.input.rows;
    const uniforms = layers.map(({ width }) => backend.matrix(B, width));
    const resampling = prepareResampling(problem, resample, (draws, { layer, first, second }) => {
      const { bits } = second.layers[layer.index];
      draws.samplePair(first.sites[layer.index], first.layers[layer.index], bits, uniforms[layer.index]);
    });
    const { trace, evaluation, pairs } = resampling;
    const parts = pairs.map(({ layer, halfDifference }) => {
      const half = backend.matrix(B, layer.width);
      backend.fill(half, 0.5);
      return { layer, halfDifference, half, g: backend.matrix(B, layer.width) };
    });
    return {
      trace,
      evaluation,
      credits: parts.map(({ layer, g }) => ({ linear: layer, g, trace })),
      state: {},
      sample: resampling.sample,
      assign() {
        resampling.compare();
        for (const { layer, halfDifference, half, g } of parts) {
          const u = uniforms[layer.index];
          backend.subtract(u, half, g);
          backend.scaleRows(g, halfDifference, g);
          backend.addScaled(g, 1, g); // twice half the difference
          evaluation.addDirectGradient(layer, g);
        }
      },
    };
  },
});
