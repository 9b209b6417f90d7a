/**
 * REBAR (Tucker, Mnih, Maddison, Lawson and Sohl-Dickstein 2017): the objective with relaxed units as a control variate,
 *
 *     g = (f(b) - eta f(s~)) (b - p) + eta df(s)/dl - eta df(s~)/dl,     s = sigmoid(z / t),     z = l - logit(u),
 *
 * `z` the logistic noise that draws the bits, `s~` the same from noise drawn anew given the bits, which moves with `l` as well:
 * dropping that makes a bias. `f` over the components downstream of the layer, deeper layers showing their means given
 * the relaxed one. Of what is left a baseline may be subtracted. `eta`, one number a layer, learns: downhill on the mean of `g^2`.
 *
 * Unbiased, whatever `eta` and the temperature `t` are. Cost: two mean-field passes from every layer on, forward and back; its noise is formed on the
 * host. Differs from the authors: the temperature is set.
 */
import type { Matrix } from "../backend/backend.ts";
import { computeScore, createPass, forkMeanPass, runMeans, samplePass } from "../network/pass.ts";
import type { Component } from "../objectives/objective.ts";
import { prepareBackpropagation } from "./backpropagation.ts";
import { defineEstimator } from "./estimator.ts";
import { keepingNoise, prepareNoise } from "./logistic-noise.ts";
import { number, positive } from "./options.ts";
import { downstream } from "./resampling.ts";
import { prepareSignals } from "./signals.ts";

/** `g = (f(b) - eta f(s~)) (b - p) + eta df(s)/dl - eta df(s~)/dl`: Tucker et al. 2017, equation 7. */
export const rebar = defineEstimator({
  name: "rebar",
  title: "REBAR",
  paper: "Tucker, Mnih, Maddison, Lawson and Sohl-Dickstein 2017, equation 7",
  unbiased: true,
  why: "what the relaxed objective subtracts is added as its reparameterised gradient",
  needs: { knows: ["evaluations", "slopes"], bernoulli: "all" },
  baseline: true,
  cost: "forward pass + two mean-field passes from each layer on, forward and back",
  options: {
    temperature: positive({ default: 0.5, says: "of the relaxed units" }),
    start: number({ from: -10, to: 10, default: 1, says: "the coefficient of the control variate at first" }),
    rate: positive({ default: 1e-3, says: "its learning rate" }),
  },

  prepare(problem, { temperature, start, rate }) {
    const { network, input, objective } = problem;
    const { backend, layers } = network;
    const B = input.rows;
    const pass = createPass(network, input);
    const evaluation = objective.prepare(pass);

    const parts = layers.map((layer) => {
      const { index, width } = layer;
      const matrix = (columns = width) => backend.matrix(B, columns);
      const kept = backend.matrix(2 * B, width);
      const outcome = pass.layers[index];
      const noise = prepareNoise(backend, outcome, kept);
      const law = keepingNoise(backend, outcome, kept);

      /** The objective with the layer relaxed: its value and, down to the layer's logits but for dz/dl, its slope. */
      const relaxation = () => {
        const fork = forkMeanPass(pass, layer);
        const counted = downstream(objective.prepare(fork).components, layer);
        const back = prepareBackpropagation(fork, counted, undefined, [layer, ...fork.own]);
        const shown = fork.layers[index].bits;
        const [rest, value, slope, cooled] = [matrix(), matrix(1), matrix(), matrix()];
        return {
          value,
          slope,
          run() {
            backend.fill(cooled, 0);
            backend.addScaled(noise.z, 1 / temperature, cooled);
            backend.sigmoid(cooled, shown, rest);
            runMeans(fork);
            for (const component of counted) component.evaluate();
            back.run();
            sum(counted, value);
            backend.meanSlope(back.slopes[index], shown, rest, 1 / temperature, slope);
          },
        };
      };
      const eta = backend.matrix(1, 1);
      backend.fill(eta, start);
      const residual = matrix(1);
      return {
        layer,
        law,
        noise,
        free: relaxation(),
        given: relaxation(),
        sampled: downstream(evaluation.components, layer),
        parameters: { name: `estimator.rebar.${index}`, block: eta, width: 0, rate },
        gradient: backend.matrix(1, 1),
        residual: {
          name: `residual.${index}`,
          reads: [index],
          value: residual,
          evaluate() {},
        } satisfies Component,
        /** `eta` on every row, and the credit's derivative by it. */
        spread: matrix(1),
        unit: matrix(),
        room: matrix(),
        score: matrix(),
        dots: matrix(1),
        g: matrix(),
      };
    });
    const residuals = parts.map(({ residual }) => residual);
    const signals = prepareSignals(problem, pass, residuals, (one, { index }) => one === residuals[index]);

    function sum(components: readonly Component[], out: Matrix): void {
      backend.fill(out, 0);
      for (const { value } of components) backend.addScaled(value, 1, out);
    }

    return {
      pass,
      evaluation,
      credits: parts.map(({ layer, g }) => ({ linear: layer, g, pass })),
      state: signals.state,
      parameters: [...parts.map(({ parameters }) => parameters), ...signals.parameters],
      gradients: [...parts.map(({ gradient }) => gradient), ...signals.gradients],
      sample(draws) {
        samplePass(pass, draws, (index) => draws.draw(pass.sites[index], parts[index].law));
      },
      credit() {
        for (const component of evaluation.components) component.evaluate();
        for (const { noise, free, given, residual, sampled, parameters, spread, dots } of parts) {
          noise.relax();
          free.run();
          noise.relaxGivenBits(1);
          given.run();
          backend.broadcast(parameters.block, spread);
          sum(sampled, residual.value);
          backend.multiply(given.value, spread, dots);
          backend.addScaled(dots, -1, residual.value);
        }
        signals.compute();
        for (const { layer, noise, free, given, spread, unit, room, score, dots, g } of parts) {
          computeScore(backend, pass.layers[layer.index], score);
          backend.multiply(given.slope, noise.slope, room);
          backend.subtract(free.slope, room, unit);
          backend.scaleRows(unit, spread, g);
          backend.scaleRows(score, signals.of(layer)!, room);
          backend.addScaled(room, 1, g);
          // The credit's derivative by eta: df(s)/dl - df(s~)/dl - f(s~) (b - p).
          backend.scaleRows(score, given.value, room);
          backend.addScaled(room, -1, unit);
          backend.rowDots(g, unit, "real", dots, false);
          evaluation.addDirectGradient(layer, g);
        }
      },
      adapt() {
        for (const { dots, gradient, layer } of parts) {
          backend.columnMeans(dots, gradient, false);
          backend.addScaled(gradient, -2 / layer.width - 1, gradient); // uphill on -mean(g^2)
        }
        signals.adapt();
      },
    };
  },
});
