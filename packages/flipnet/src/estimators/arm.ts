/**
 * ARM, augment-REINFORCE-merge (Yin and Zhou 2019): an antithetic pair of samples from one uniform `u` a unit,
 * `b1 = 1[u > 1 - p]`, `b2 = 1[u < p]`, and
 *
 *     g = (f1 - f2) (u - 1/2),
 *
 * `f` over the components downstream of the layer; of K samples, the mean over their K / 2 pairs.
 *
 * Unbiased. Cost: K - 1 partial passes from every layer on (K with `resample: "fresh"`), quadratic in depth.
 */
import { pairOptions, prepareAntitheticPairs } from "./antithetic-pairs.ts";
import { defineEstimator } from "./estimator.ts";

/** `g = (f1 - f2) (u - 1/2)`, with an antithetic pair. */
export const arm = defineEstimator({
  name: "arm",
  title: "ARM",
  paper: "Yin and Zhou 2019, algorithm 2",
  unbiased: true,
  why: "the gradient of an expectation over uniforms, with an antithetic pair",
  needs: { knows: ["evaluations"], bernoulli: "all" },
  baseline: false,
  cost: "forward pass + partial passes from each layer on",
  options: pairOptions,
  variants: [{ name: "arm-fresh", resample: "fresh" }],

  prepare(problem, options) {
    const { backend, layers } = problem.network;
    const half = layers.map(({ width }) => {
      const m = backend.matrix(problem.input.rows, width);
      backend.fill(m, 0.5);
      return m;
    });
    return prepareAntitheticPairs(
      problem,
      options,
      ({ layer: { index }, uniforms }, out) => {
        backend.subtract(uniforms!, half[index], out);
        backend.addScaled(out, 1, out); // what multiplies half the difference
      },
      { keepUniforms: true },
    );
  },
});
