/**
 * MuProp (Gu, Levine, Sutskever and Mnih 2016): a control variate that is the objective's first-order expansion about a
 * mean-field pass, `m` the units' means there,
 *
 *     g = (f(b) - f(m) - a . (b - m)) (b - p) + a dE[b]/dl,     a = df/dm,
 *
 * `f` over the components downstream of the layer, `a` with all that lies between: backpropagation through the means.
 * The last term is what the subtracted one has for its mean, exactly, at the pass's own `p`; so any `a` is unbiased, and a
 * baseline may be subtracted from what is left. On functions that are linear in the layer's units the first term is 0.
 *
 * Unbiased. Cost: a mean-field pass, forward and back. Differs from the authors: no learned scale of the control variate.
 */
import { computeScore, createMeanPass, createPass, runMeans, samplePass } from "../network/pass.ts";
import { throughLaw } from "./backpropagation.ts";
import { defineEstimator } from "./estimator.ts";
import { prepareMeanSlopes } from "./mean-field.ts";
import { downstream } from "./resampling.ts";
import { prepareGivenSignals } from "./signals.ts";

/** `g = (f(b) - f(m) - a . (b - m)) (b - p) + a dE[b]/dl`: Gu et al. 2016, equation 10. */
export const muprop = defineEstimator({
  name: "muprop",
  title: "MuProp",
  paper: "Gu, Levine, Sutskever and Mnih 2016",
  unbiased: true,
  why: "what the control variate subtracts is added as its expectation",
  needs: { knows: ["evaluations", "slopes"] },
  baseline: true,
  cost: "forward pass + a mean-field pass, forward and back",

  prepare(problem) {
    const { network, input, objective } = problem;
    const { backend, layers } = network;
    const matrix = (columns: number) => backend.matrix(input.rows, columns);
    const pass = createPass(network, input);
    const means = createMeanPass(pass);
    const evaluation = objective.prepare(pass);
    const expansion = objective.prepare(means);

    const slopesAt = prepareMeanSlopes(means, expansion.components, layers);
    const parts = layers.map((layer) => {
      const { bits } = pass.layers[layer.index];
      const { bits: mean } = means.layers[layer.index];
      const sampled = downstream(evaluation.components, layer);
      const expected = downstream(expansion.components, layer);
      const slopes = slopesAt.of[layer.index]!;
      const [difference, g] = [0, 1].map(() => matrix(layer.width));
      const value = matrix(1);
      const linear = matrix(1);
      const residual = {
        value,
        evaluate() {
          backend.subtract(bits, mean, difference);
          backend.rowDots(slopes, difference, "real", linear, false);
          backend.fill(value, 0);
          for (const component of sampled) backend.addScaled(component.value, 1, value);
          for (const component of expected) backend.addScaled(component.value, -1, value);
          backend.addScaled(linear, -1, value);
        },
      };
      return { layer, slopes, through: difference, g, residual };
    });
    const residuals = parts.map(({ residual }) => residual);
    const values = residuals.map(({ value }) => value);
    const signals = prepareGivenSignals(problem, pass, values);

    return {
      pass,
      evaluation,
      credits: parts.map(({ layer, g }) => ({ linear: layer, g, pass })),
      state: signals.state,
      parameters: signals.parameters,
      gradients: signals.gradients,
      sample: (draws) => samplePass(pass, draws),
      credit() {
        runMeans(means);
        for (const { components } of [evaluation, expansion]) {
          for (const component of components) component.evaluate();
        }
        slopesAt.compute();
        for (const residual of residuals) residual.evaluate();
        signals.compute();
        for (const { layer, slopes, through, g } of parts) {
          computeScore(backend, pass.layers[layer.index], g);
          backend.scaleRows(g, signals.of(layer)!, g);
          throughLaw(pass, layer, slopes, through);
          backend.addScaled(through, 1, g);
          evaluation.addDirectGradient(layer, g);
        }
      },
      adapt: () => signals.adapt(),
    };
  },
});
