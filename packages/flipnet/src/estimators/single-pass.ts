/** What estimators that make one pass share: its buffers, the layers' signals, a credit a layer. */
import type { Matrix } from "../backend/backend.ts";
import type { Layer } from "../network/network.ts";
import { type Credit, createPass, type Pass, samplePass } from "../network/pass.ts";
import { type Component, type Evaluation, placeOf } from "../objectives/objective.ts";
import type { PreparedEstimator, Problem } from "./estimator.ts";
import { prepareSignals, type Signals } from "./signals.ts";

export interface SinglePass {
  readonly pass: Pass;
  readonly evaluation: Evaluation;
  readonly signals: Signals;
  /** One a layer, in the network's order; `g` [B, width] is for the estimator to fill. */
  readonly credits: readonly (Credit & { readonly layer: Layer })[];
  /** `g = (f - c) (bit - p)` for a layer, `f - c` a signal, its own unless another is given: REINFORCE. */
  reinforce(layer: Layer, g: Matrix, signal?: Matrix): void;
  /** The estimator; `credit` fills the credits, components and signals being up to date. */
  estimator(credit: () => void): PreparedEstimator;
}

/** `credited` says which components count towards a layer's signal; default: all that it can influence. */
export function prepareSinglePass(
  problem: Problem,
  credited: (component: Component, layer: Layer) => boolean = (component, layer) =>
    placeOf(component, layer) !== "upstream",
): SinglePass {
  const { network, input, objective } = problem;
  const { backend } = network;
  const pass = createPass(network, input);
  const evaluation = objective.prepare(pass);
  const signals = prepareSignals(problem, evaluation.components, credited);
  const credits = network.layers.map((layer) => ({
    layer,
    linear: layer,
    g: backend.matrix(input.rows, layer.width),
    pass,
  }));
  return {
    pass,
    evaluation,
    signals,
    credits,
    reinforce(layer, g, signal = signals.of(layer)) {
      if (signal === undefined) {
        backend.fill(g, 0);
        return;
      }
      const { bits, p } = pass.layers[layer.index];
      backend.subtract(bits, p, g);
      backend.scaleRows(g, signal, g);
    },
    estimator: (credit) => ({
      pass,
      evaluation,
      credits,
      state: signals.state,
      sample: (draws) => samplePass(pass, draws),
      credit() {
        for (const component of evaluation.components) component.evaluate();
        signals.update();
        credit();
      },
    }),
  };
}
