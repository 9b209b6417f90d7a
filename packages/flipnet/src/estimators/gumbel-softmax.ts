/**
 * Gumbel-softmax, straight-through (Jang, Gu and Poole 2017): forward the bits, and backward the derivative of the relaxed unit that
 * the same noise gives, of Bernoulli units
 *
 *     g = a s (1 - s) / t,     s = sigmoid(z / t),     z = l - logit(u),     b = 1[z > 0],
 *
 * and of softmax units, whose choice is the largest `z`,
 *
 *     g_k = s_k (a_k - sum_m s_m a_m) / t,     s = softmax(z / t),     z_k = l_k - log(-log u_k),
 *
 * `a` what is backpropagated to the bits. Without straight-through, `s` in place of the bits, it is `concrete`. A reward that was observed
 * is learned as by straight-through.
 *
 * Biased. Cost: as straight-through; its noise is formed on the host.
 */
import { defineEstimator } from "./estimator.ts";
import { positive } from "./options.ts";
import { prepareRelaxedUnits, withNoise } from "./relaxed-units.ts";
import { prepareSurrogate } from "./surrogate.ts";

/** `g = a s (1 - s) / t` at the sampled bits: Jang et al. 2017, section 2.2. */
export const gumbelSoftmax = defineEstimator({
  name: "gumbel-softmax",
  title: "Gumbel-softmax, straight-through",
  paper: "Jang, Gu and Poole 2017, section 2.2",
  unbiased: false,
  why: "it takes the slope of a relaxed unit for that of the unit",
  needs: { knows: [] },
  baseline: true,
  cost: "forward pass + one transposed product",
  options: { temperature: positive({ default: 0.5, says: "of the relaxed units" }) },

  prepare(problem, { temperature }) {
    const { backend, layers } = problem.network;
    const kept = layers.map(({ width }) => backend.matrix(problem.input.rows, width));
    const prepared = prepareSurrogate("gumbel-softmax", problem, (pass) => {
      const relaxed = layers.map(({ index, width }) => {
        const shown = backend.matrix(problem.input.rows, width);
        return prepareRelaxedUnits(backend, pass.layers[index], kept[index], temperature, shown);
      });
      return ({ index }, a, out) => {
        relaxed[index].relax();
        relaxed[index].through(a, 1, out);
      };
    });
    return withNoise(backend, prepared, kept);
  },
});
