/**
 * Gumbel-softmax, straight-through (Jang, Gu and Poole 2017), of Bernoulli units: forward the bits, and backward the derivative of the
 * relaxed unit that the same noise gives,
 *
 *     g = a s (1 - s) / t,     s = sigmoid(z / t),     z = l - logit(u),     b = 1[z > 0],
 *
 * `a` what is backpropagated to the bits. Without straight-through, `s` in place of the bits, it is `concrete`. A reward that was observed
 * is learned as by straight-through.
 *
 * Biased. Cost: as straight-through; its noise is formed on the host.
 */
import { defineEstimator } from "./estimator.ts";
import { prepareNoise, withNoise } from "./logistic-noise.ts";
import { positive } from "./options.ts";
import { prepareSurrogate } from "./surrogate.ts";

/** `g = a s (1 - s) / t` at the sampled bits: Jang et al. 2017, section 2.2. */
export const gumbelSoftmax = defineEstimator({
  name: "gumbel-softmax",
  title: "Gumbel-softmax, straight-through",
  paper: "Jang, Gu and Poole 2017, section 2.2",
  unbiased: false,
  why: "it takes the slope of a relaxed unit for that of the unit",
  needs: { knows: [], bernoulli: "all" },
  baseline: true,
  cost: "forward pass + one transposed product",
  options: { temperature: positive({ default: 0.5, says: "of the relaxed units" }) },

  prepare(problem, { temperature }) {
    const { backend, layers } = problem.network;
    const kept = layers.map(({ width }) => backend.matrix(problem.input.rows, width));
    const prepared = prepareSurrogate("gumbel-softmax", problem, (pass) => {
      const parts = layers.map(({ index, width }) => {
        const [cooled, on, off] = [0, 1, 2].map(() => backend.matrix(problem.input.rows, width));
        return { noise: prepareNoise(backend, pass.layers[index], kept[index]), cooled, on, off };
      });
      return ({ index }, a, out) => {
        const { noise, cooled, on, off } = parts[index];
        noise.relax();
        backend.fill(cooled, 0);
        backend.addScaled(noise.z, 1 / temperature, cooled);
        backend.sigmoid(cooled, on, off);
        backend.meanSlope(a, on, off, 1 / temperature, out);
      };
    });
    return withNoise(backend, prepared, kept);
  },
});
