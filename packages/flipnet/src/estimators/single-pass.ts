/** What estimators that make one pass share: its buffers, the layers' signals, a credit a layer. */
import type { Matrix } from "../backend/backend.ts";
import type { Layer } from "../network/network.ts";
import {
  type Credit,
  computeScore,
  createPass,
  explorePass,
  type Pass,
  samplePass,
} from "../network/pass.ts";
import { type Component, type Evaluation, placeOf } from "../objectives/objective.ts";
import type { PreparedEstimator, Problem, Scores } from "./estimator.ts";
import { prepareSignals, type Signals } from "./signals.ts";

/** One pass with what an estimator needs to credit it. */
export interface SinglePass {
  readonly pass: Pass;
  readonly evaluation: Evaluation;
  readonly signals: Signals;
  /** One a layer, in the network's order; `g` [B, width] is for the estimator to fill. */
  readonly credits: readonly (Credit & { readonly layer: Layer })[];
  /** `g = d log P(what the layer did) / dl`: bit less probability; with exploration, its share of that. */
  score(layer: Layer, g: Matrix): void;
  /** `g = signal g` row by row; 0 where there is no signal, as nothing that counts depends on the layer. */
  weigh(g: Matrix, signal: Matrix | undefined): void;
  /** `Scores.signal`. */
  signal(): Matrix;
  /** The estimator; `credit` fills the credits, components and signals being up to date. */
  estimator(credit: () => void, scores?: Scores): PreparedEstimator;
  /**
   * The estimator whose credit is linear in each layer's signal: `score` fills `g` with the credit for a signal of 1.
   * What components owe directly to a layer's logits is added.
   */
  linearEstimator(score: (layer: Layer, g: Matrix) => void): PreparedEstimator;
}

/** `credited` says which components count towards a layer's signal; default: all that it can influence. */
export function prepareSinglePass(
  problem: Problem,
  credited: (component: Component, layer: Layer) => boolean = (component, layer) =>
    placeOf(component, layer) !== "upstream",
): SinglePass {
  const { network, input, objective, exploration, sample } = problem;
  const { backend } = network;
  const plain = createPass(network, input, sample?.branch, sample?.features);
  const pass = exploration === undefined ? plain : explorePass(plain, exploration);
  const evaluation = objective.prepare(pass);
  const signals = prepareSignals(problem, pass, evaluation.components, credited);
  const credits = network.layers.map((layer) => ({
    layer,
    linear: layer,
    g: backend.matrix(input.rows, layer.width),
    pass,
  }));

  function weigh(g: Matrix, signal: Matrix | undefined): void {
    if (signal === undefined) backend.fill(g, 0);
    else backend.scaleRows(g, signal, g);
  }

  function sumUp(): void {
    for (const component of evaluation.components) component.evaluate();
    signals.sumUp();
  }
  sample?.evaluate.push(sumUp);

  function evaluate(): void {
    if (sample === undefined) sumUp();
    signals.subtract();
  }

  function signal(): Matrix {
    evaluate();
    return signals.of(network.layers[network.layers.length - 1])!;
  }

  const estimator = (credit: () => void, scores?: Scores): PreparedEstimator => ({
    pass,
    evaluation,
    credits,
    state: signals.state,
    parameters: signals.parameters,
    gradients: signals.gradients,
    ...(scores && { scores }),
    sample: (draws) => samplePass(pass, draws),
    credit() {
      evaluate();
      credit();
    },
    adapt: () => signals.adapt(),
  });

  return {
    pass,
    evaluation,
    signals,
    credits,
    score(layer, g) {
      computeScore(backend, pass.layers[layer.index], g);
      if (layer.index === network.layers.length - 1) exploration?.score(g);
    },
    weigh,
    signal,
    estimator,
    linearEstimator(score) {
      const scoreAll = () => {
        for (const { layer, g } of credits) score(layer, g);
      };
      const credit = () => {
        for (const { layer, g } of credits) {
          score(layer, g);
          weigh(g, signals.of(layer));
          evaluation.addDirectGradient(layer, g);
        }
      };
      return estimator(credit, {
        score: scoreAll,
        signal,
        weigh: (signal) => {
          for (const { g } of credits) weigh(g, signal);
        },
      });
    },
  };
}
