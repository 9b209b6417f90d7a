/**
 * Gumbel-Rao (Paulus, Maddison and Krause 2021): Gumbel-softmax with straight-through, its derivative averaged over M noises that would
 * have given the same bits,
 *
 *     g = a 1/M sum_m s_m (1 - s_m) / t,     s_m = sigmoid(z_m / t),
 *
 * and of softmax units the same with `diag(s_m) - s_m s_m^T` in place of `s_m (1 - s_m)`, `s_m = softmax(z_m / t)`; `z_m` drawn anew given
 * the bits, and held fixed where the derivative is taken. A reward that was observed is learned as by straight-through.
 *
 * Biased, with the mean of Gumbel-softmax and no more variance at one layer. Cost: as that, and M noises a unit, formed on the host.
 */
import { defineEstimator } from "./estimator.ts";
import { count, positive } from "./options.ts";
import { prepareRelaxedUnits, withNoise } from "./relaxed-units.ts";
import { prepareSurrogate } from "./surrogate.ts";

/** `g = a 1/M sum_m s_m (1 - s_m) / t`: Paulus et al. 2021, equation 10. */
export const gumbelRao = defineEstimator({
  name: "gumbel-rao",
  title: "Gumbel-Rao",
  paper: "Paulus, Maddison and Krause 2021",
  unbiased: false,
  why: "it has the mean of Gumbel-softmax, which takes the slope of a relaxed unit for that of the unit",
  needs: { knows: [] },
  baseline: true,
  cost: "forward pass + one transposed product",
  options: {
    temperature: positive({ default: 0.5, says: "of the relaxed units" }),
    noises: count({ least: 1, default: 10, says: "noises that the derivative is averaged over" }),
  },

  prepare(problem, { temperature, noises }) {
    const { backend, layers } = problem.network;
    const B = problem.input.rows;
    // The first B rows draw the bits.
    const kept = layers.map(({ width }) => backend.matrix((1 + noises) * B, width));
    const prepared = prepareSurrogate("gumbel-rao", problem, (pass) => {
      const parts = layers.map(({ index, width }) => {
        const [shown, one] = [0, 1].map(() => backend.matrix(B, width));
        const relaxed = prepareRelaxedUnits(backend, pass.layers[index], kept[index], temperature, shown);
        return { relaxed, one };
      });
      return ({ index }, a, out) => {
        const { relaxed, one } = parts[index];
        backend.fill(out, 0);
        for (let m = 1; m <= noises; m++) {
          relaxed.relaxGivenBits(m);
          relaxed.through(a, 1 / noises, one);
          backend.addScaled(one, 1, out);
        }
      };
    });
    return withNoise(backend, prepared, kept);
  },
});
