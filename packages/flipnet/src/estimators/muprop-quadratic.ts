/**
 * MuProp taken to second order, layer by layer. A layer's mean-field pass begins at the layer, given what its parents did; `p`
 * are its probabilities, `v = b - p`, `J(a)` what lies downstream with `a` in the place of its bits and means below. The
 * control variate is the expansion about `p`, its quadratic part that of the components which read the layer and that no child
 * leads to (`A` their Hessian: for an auto-encoder, of the layer's own reconstruction):
 *
 *     g = (f(b) - z - J - J'.v - v.A v / 2 - c) v + p q J' + p q (q - p) diag(A) / 2,
 *     E[v_i J'.v] = p q J'_i,    E[v_i v.A v] = A_ii p q (q - p),    z = sum_m J'_m . v_m,
 *
 * `z` over all layers below, each with its own expansion: given what they depend on, its expectation is 0. So nothing is
 * asked about flips.
 *
 * Unbiased. The linear part, about one mean-field pass for all layers, is MuProp's (Gu, Levine, Sutskever and Mnih 2016); the
 * rest was derived here, and whether it is published elsewhere was not searched.
 */
import { computeScore, createPass, samplePass } from "../network/pass.ts";
import { placeOf } from "../objectives/objective.ts";
import { defineEstimator } from "./estimator.ts";
import { prepareMeanField } from "./mean-field.ts";
import { downstream } from "./resampling.ts";
import { prepareGivenSignals } from "./signals.ts";

/** MuProp with an expansion a layer, and a quadratic part where it is cheap. */
export const mupropQuadratic = defineEstimator({
  name: "muprop-quadratic",
  title: "Quadratic MuProp",
  paper: "derived here, after Gu, Levine, Sutskever and Mnih 2016",
  unbiased: true,
  why: "what the control variates subtract is added as their expectation, layer by layer",
  needs: { knows: ["evaluations", "slopes"], bernoulli: "all" },
  baseline: true,
  cost: "forward pass + a mean-field pass from each layer on, forward and back",

  prepare(problem) {
    const { network, input, objective } = problem;
    const { backend, layers } = network;
    const pass = createPass(network, input);
    const evaluation = objective.prepare(pass);

    const parts = layers.map((layer) => {
      const matrix = () => backend.matrix(input.rows, layer.width);
      const [score, bent, diagonal, g] = [0, 1, 2, 3].map(matrix);
      const field = prepareMeanField(pass, objective, layer, true);
      const [value, linear] = [0, 1].map(() => backend.matrix(input.rows, 1));
      const below = layers.filter((other) => field.means.own.includes(other));
      const sampled = downstream(evaluation.components, layer);
      const bending = field.components.flatMap((one) =>
        placeOf(one, layer) === "direct" && one.curvature !== undefined ? [one.curvature] : [],
      );
      const slopes = field.slopes.of[layer.index]!;
      /** The only direction in which something moves. */
      const directions = layers.map((one) => (one === layer ? score : undefined));
      const residual = {
        value,
        evaluate() {
          backend.fill(value, 0);
          for (const component of sampled) backend.addScaled(component.value, 1, value);
          for (const component of field.components) backend.addScaled(component.value, -1, value);
          for (const { index } of [layer, ...below]) backend.addScaled(parts[index].linear, -1, value);
          backend.fill(bent, 0);
          for (const curvature of bending) curvature.addSlopeChanges(layer, directions, bent);
          backend.addScaled(bent, -1.5, bent); // - A v / 2
          backend.rowDots(bent, score, "real", value, true);
        },
      };
      return { layer, field, slopes, score, bent, bending, diagonal, g, linear, residual };
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
        for (const component of evaluation.components) component.evaluate();
        for (const { layer, field, slopes, score, linear } of parts) {
          field.compute();
          computeScore(backend, pass.layers[layer.index], score);
          backend.rowDots(slopes, score, "real", linear, false);
        }
        for (const residual of residuals) residual.evaluate();
        signals.compute();
        for (const { layer, slopes, score, bent, bending, diagonal, g } of parts) {
          const { p, q } = pass.layers[layer.index];
          // p q (J' + (q - p) diag(A) / 2)
          backend.fill(diagonal, 0);
          for (const curvature of bending) curvature.addDiagonal(layer, diagonal);
          backend.subtract(q, p, bent);
          backend.multiply(diagonal, bent, diagonal);
          backend.copy(slopes, bent);
          backend.addScaled(diagonal, 0.5, bent);
          backend.localExpectation(p, q, bent, g);
          backend.scaleRows(score, signals.of(layer)!, bent);
          backend.addScaled(bent, 1, g);
          evaluation.addDirectGradient(layer, g);
        }
      },
      adapt: () => signals.adapt(),
    };
  },
});
