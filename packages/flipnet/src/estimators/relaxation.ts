/**
 * What REBAR and RELAX share: functions `c` of relaxed units as control variates,
 *
 *     g = (f(b) - c(z~)) (b - p) + dc(z)/dl - dc(z~)/dl,
 *
 * `z` the logits with the logistic noise that draws the bits, of softmax units the Gumbel noise, `z~` the same from noise drawn anew given the
 * bits, which moves with `l` as well: dropping that makes a bias. `f` is over the components downstream of the layer; of what is left a
 * baseline may be subtracted. What `c` has for parameters learns downhill on the mean of `g^2`. Softmax units whose choice is rewarded by
 * somebody else, actions, are credited by their score alone.
 */
import type { Matrix } from "../backend/backend.ts";
import type { Parameters } from "../front-ends/front-end.ts";
import type { Layer } from "../network/network.ts";
import { computeScore, createPass, forkMeanPass, type Pass, runMeans, samplePass } from "../network/pass.ts";
import { prepareBackpropagation } from "./backpropagation.ts";
import type { PreparedEstimator, Problem } from "./estimator.ts";
import { number, positive } from "./options.ts";
import { keepingUniforms, prepareRelaxedUnits, type RelaxedUnits } from "./relaxed-units.ts";
import { downstream } from "./resampling.ts";
import { prepareGivenSignals } from "./signals.ts";

/** What a layer shows where it is relaxed. */
export interface Relaxed extends Pick<RelaxedUnits, "pull" | "push"> {
  /** [B, J] `s = sigmoid(z / t)`, or `softmax(z / t)`. */
  readonly shown: Matrix;
}

/** A layer that is to have a control variate. */
export interface Place {
  readonly problem: Problem;
  readonly layer: Layer;
  readonly pass: Pass;
  /** From `z`, and from `z~`. */
  readonly free: Relaxed;
  readonly given: Relaxed;
}

/** A function of a relaxed layer, on one pass. */
export interface ControlVariate {
  /** [B, 1] `c(z~)`. */
  readonly value: Matrix;
  /** [B, J] `dc(z)/dl - dc(z~)/dl`. */
  readonly slopes: Matrix;
  readonly parameters: readonly Parameters[];
  /** One for each of the parameters: uphill on minus the mean of `g^2`, valid after `learn`. */
  readonly gradients: readonly Matrix[];
  /** Computes both at the relaxed units as they stand. */
  evaluate(): void;
  /** From the credit `g` and the layer's score, both [B, J]. */
  learn(g: Matrix, score: Matrix): void;
}

/** The options that both have. */
export const relaxationOptions = {
  temperature: positive({ default: 0.5, says: "of the relaxed units" }),
  start: number({ from: -10, to: 10, default: 1, says: "the coefficient of the relaxed objective at first" }),
};

/**
 * The estimator with these control variates.
 *
 * @param controls of a layer
 */
export function prepareRelaxation(
  problem: Problem,
  temperature: number,
  controls: (place: Place) => readonly ControlVariate[],
): PreparedEstimator {
  const { network, input, objective } = problem;
  const { backend, layers } = network;
  const B = input.rows;
  const pass = createPass(network, input);
  const evaluation = objective.prepare(pass);

  const isAction = ({ kind, index }: Layer) =>
    kind === "softmax" &&
    evaluation.components.some(({ observed, reads }) => observed && reads.includes(index));
  const parts = layers.map((layer) => {
    const matrix = (columns = layer.width) => backend.matrix(B, columns);
    return {
      layer,
      components: downstream(evaluation.components, layer),
      relaxed: isAction(layer) ? undefined : prepareRelaxed(layer),
      residual: matrix(1),
      score: matrix(),
      room: matrix(),
      /** The credit without what the objective owes directly to the logits, which no control variate touches. */
      own: matrix(),
      g: matrix(),
    };
  });
  const residuals = parts.map(({ residual }) => residual);
  const signals = prepareGivenSignals(problem, pass, residuals);
  const variates = parts.flatMap(({ relaxed }) => relaxed?.variates ?? []);

  /** The noise of a layer, its relaxed units, and the control variates on them. */
  function prepareRelaxed(layer: Layer) {
    const kept = backend.matrix(2 * B, layer.width);
    const outcome = pass.layers[layer.index];
    const [free, given] = [0, 1].map(() => {
      const shown = backend.matrix(B, layer.width);
      return { shown, ...prepareRelaxedUnits(backend, outcome, kept, temperature, shown) };
    });
    const variates = controls({ problem, layer, pass, free, given });
    return {
      law: keepingUniforms(backend, outcome, kept),
      variates,
      evaluate() {
        free.relax();
        given.relaxGivenBits(1);
        for (const variate of variates) variate.evaluate();
      },
    };
  }

  return {
    pass,
    evaluation,
    credits: parts.map(({ layer, g }) => ({ linear: layer, g, pass })),
    state: signals.state,
    parameters: [...variates.flatMap(({ parameters }) => parameters), ...signals.parameters],
    gradients: [...variates.flatMap(({ gradients }) => gradients), ...signals.gradients],
    sample(draws) {
      samplePass(pass, draws, (index) =>
        draws.draw(pass.sites[index], parts[index].relaxed?.law ?? pass.laws[index]),
      );
    },
    credit() {
      for (const component of evaluation.components) component.evaluate();
      for (const { components, relaxed, residual } of parts) {
        backend.fill(residual, 0);
        for (const { value } of components) backend.addScaled(value, 1, residual);
        relaxed?.evaluate();
        for (const { value } of relaxed?.variates ?? []) backend.addScaled(value, -1, residual);
      }
      signals.compute();
      for (const { layer, relaxed, score, own, g } of parts) {
        computeScore(backend, pass.layers[layer.index], score);
        backend.scaleRows(score, signals.of(layer)!, own);
        for (const { slopes } of relaxed?.variates ?? []) backend.addScaled(slopes, 1, own);
        backend.copy(own, g);
        evaluation.addDirectGradient(layer, g);
      }
    },
    adapt() {
      for (const { relaxed, own, score } of parts) {
        for (const { learn } of relaxed?.variates ?? []) learn(own, score);
      }
      signals.adapt();
    },
  };
}

/**
 * The objective with the layer relaxed and deeper layers showing their means, times a coefficient that learns. Undefined where
 * some of it was observed, or does not say its slopes.
 */
export function relaxedObjective(
  { problem: { objective, network }, layer, pass, free, given }: Place,
  { name, start, rate }: { name: string; start: number; rate: number },
): ControlVariate | undefined {
  const { backend } = network;
  const B = pass.batchSize;
  const matrix = (columns = layer.width) => backend.matrix(B, columns);

  const prepareAt = (point: Relaxed) => {
    const fork = forkMeanPass(pass, layer);
    const counted = downstream(objective.prepare(fork).components, layer);
    if (counted.some(({ observed, addSlopes }) => observed || addSlopes === undefined)) return undefined;
    const back = prepareBackpropagation(fork, counted, undefined, [layer, ...fork.own]);
    const [value, slope] = [matrix(1), matrix()];
    return {
      value,
      slope,
      run() {
        backend.copy(point.shown, fork.layers[layer.index].bits);
        runMeans(fork);
        backend.fill(value, 0);
        for (const component of counted) {
          component.evaluate();
          backend.addScaled(component.value, 1, value);
        }
        back.run();
        point.pull(back.slopes[layer.index], slope);
      },
    };
  };
  const [at, anew] = [free, given].map(prepareAt);
  if (at === undefined || anew === undefined) return undefined;
  const eta = backend.matrix(1, 1);
  backend.fill(eta, start);
  const gradient = backend.matrix(1, 1);
  const [spread, value, dots] = [matrix(1), matrix(1), matrix(1)];
  const [unit, slopes, room] = [matrix(), matrix(), matrix()];
  return {
    value,
    slopes,
    parameters: [{ name, block: eta, width: 0, rate }],
    gradients: [gradient],
    evaluate() {
      at.run();
      anew.run();
      backend.broadcast(eta, spread);
      backend.multiply(anew.value, spread, value);
      backend.subtract(at.slope, anew.slope, unit);
      backend.scaleRows(unit, spread, slopes);
    },
    learn(g, score) {
      // The credit's derivative by eta: df(s)/dl - df(s~)/dl - f(s~) (b - p).
      backend.scaleRows(score, anew.value, room);
      backend.subtract(unit, room, room);
      backend.rowDots(g, room, "real", dots, false);
      backend.columnMeans(dots, gradient, false);
      backend.addScaled(gradient, -2 / layer.width - 1, gradient); // uphill on -mean(g^2)
    },
  };
}
