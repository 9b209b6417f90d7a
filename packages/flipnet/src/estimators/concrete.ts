/**
 * Concrete units (Maddison, Mnih and Teh 2017; Gumbel-softmax without straight-through: Jang, Gu and Poole 2017): every
 * Bernoulli unit shows `s = sigmoid(z / t)` in place of its bit, `z = l - logit(u)`, every softmax unit `s = softmax(z / t)` in place of its
 * choice, `z_k = l_k - log(-log u_k)`, and the objective is differentiated through all of it,
 *
 *     g = a s (1 - s) / t + df/dl,     of softmax units  g_k = s_k (a_k - sum_m s_m a_m) / t + df/dl_k.
 *
 * The action, and what the objective itself learns, are those of the bits that the same noise draws.
 *
 * Biased: it is unbiased for the relaxed network, which nears the network as the temperature `t` falls, while the variance rises. Cost: a second
 * forward pass and its way back; its noise is formed on the host.
 */
import { computeLaw, createMeanPass, createPass, samplePass, showMeans } from "../network/pass.ts";
import { prepareBackpropagation } from "./backpropagation.ts";
import { defineEstimator } from "./estimator.ts";
import { positive } from "./options.ts";
import { prepareRelaxedUnits, withNoise } from "./relaxed-units.ts";

/** `g = a s (1 - s) / t + df/dl`, on relaxed units: Maddison et al. 2017, Concrete and binary Concrete. */
export const concrete = defineEstimator({
  name: "concrete",
  title: "Concrete",
  paper: "Maddison, Mnih and Teh 2017; Jang, Gu and Poole 2017",
  unbiased: false,
  why: "it is unbiased for the relaxed network",
  needs: { knows: ["evaluations", "slopes"] },
  baseline: false,
  cost: "two forward passes + one back",
  options: { temperature: positive({ default: 0.5, says: "of the relaxed units" }) },

  prepare({ network, input, objective }, { temperature }) {
    const { backend, layers } = network;
    const matrix = (columns: number) => backend.matrix(input.rows, columns);
    const pass = createPass(network, input);
    const evaluation = objective.prepare(pass);
    const relaxed = createMeanPass(pass);
    const { components, addDirectGradient, addLogitSlopes = addDirectGradient } = objective.prepare(relaxed);
    const parts = layers.map((layer) => {
      const kept = matrix(layer.width);
      const outcome = relaxed.layers[layer.index];
      const units = prepareRelaxedUnits(backend, outcome, kept, temperature, outcome.bits);
      return { layer, kept, units, g: matrix(layer.width) };
    });
    const back = prepareBackpropagation(relaxed, components, ({ index }, a, out) => {
      parts[index].units.through(a, 1, out);
    });
    return withNoise(
      backend,
      {
        pass,
        evaluation,
        credits: parts.map(({ layer, g }) => ({ linear: layer, g, pass: relaxed })),
        state: {},
        sample: (draws) => samplePass(pass, draws),
        credit() {
          for (const component of evaluation.components) component.evaluate();
          for (const { layer, units } of parts) {
            computeLaw(relaxed, layer);
            units.relax();
            showMeans(relaxed, layer);
          }
          for (const component of components) component.evaluate();
          back.run();
          for (const { layer, g } of parts) {
            backend.copy(back.credits[layer.index], g);
            addLogitSlopes(layer, g);
          }
        },
      },
      parts.map(({ kept }) => kept),
    );
  },
});
