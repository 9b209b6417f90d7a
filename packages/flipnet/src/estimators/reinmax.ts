/**
 * ReinMax (Liu, Dong, Liu, Yu and Gao 2023): straight-through of second order. Where straight-through takes the slope at the
 * sampled bits, this takes the mean of the slopes at both of a unit's outcomes (Heun's rule), each being seen with its probability,
 *
 *     g = 2 p1 q1 a - p q a / 2,     p1 = (sigmoid(l / t) + b) / 2,
 *
 * `a` what is backpropagated to the bits; for softmax units the same with `J(p) = diag(p) - p p^T` in place of `p q`. At the temperature
 * `t` = 1 that is `a (b - 1/2) (b - p)` of a Bernoulli unit, DARN's estimator (Gregor, Danihelka, Mnih, Blundell and Wierstra 2014). A
 * reward that was observed is learned as by straight-through.
 *
 * Biased, but for one layer of Bernoulli units at `t` = 1 under a function that is at most quadratic in each unit. Cost: as straight-through.
 */
import type { Through } from "./backpropagation.ts";
import { throughLaw } from "./backpropagation.ts";
import { defineEstimator } from "./estimator.ts";
import { positive } from "./options.ts";
import { prepareSurrogate } from "./surrogate.ts";

/** `g = 2 p1 q1 a - p q a / 2`, `p1 = (sigmoid(l / t) + b) / 2`: Liu et al. 2023, algorithm 2. */
export const reinmax = defineEstimator({
  name: "reinmax",
  title: "ReinMax",
  paper: "Liu, Dong, Liu, Yu and Gao 2023, algorithm 2",
  unbiased: false,
  why: "it takes the mean of two slopes for the difference between a unit on and off",
  needs: { knows: [] },
  baseline: true,
  cost: "forward pass + one transposed product",
  options: { temperature: positive({ default: 1, says: "of the law that is averaged with the outcome" }) },

  prepare: (problem, { temperature }) =>
    prepareSurrogate("reinmax", problem, ({ network, layers, ...pass }): Through => {
      const { backend } = network;
      const room = layers.map(({ bits }) =>
        Array.from({ length: 3 }, () => backend.matrix(bits.rows, bits.columns)),
      );
      return (layer, a, out) => {
        const { logits, bits } = layers[layer.index];
        const [cooled, on, off] = room[layer.index];
        backend.fill(cooled, 0);
        backend.addScaled(logits, 1 / temperature, cooled);
        if (layer.kind === "bernoulli") {
          backend.sigmoid(cooled, on, off);
          // Off is 1 less on: q + 1 - b, halved.
          backend.addScaled(bits, 1, on);
          backend.fill(cooled, 1);
          backend.addScaled(bits, -1, cooled);
          backend.addScaled(cooled, 1, off);
          backend.meanSlope(a, on, off, 0.5, cooled);
        } else {
          backend.softmax(cooled, layer.choices, on);
          backend.addScaled(bits, 1, on);
          backend.addScaled(on, -0.5, on);
          backend.softmaxSlope(on, layer.choices, a, cooled);
          backend.addScaled(cooled, 1, cooled);
        }
        throughLaw({ network, layers, ...pass }, layer, a, out);
        backend.addScaled(out, -1.5, out);
        backend.addScaled(cooled, 1, out);
      };
    }),
});
