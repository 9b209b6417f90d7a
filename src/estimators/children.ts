/**
 * What a unit's children say about it: the posterior over its outcomes given its Markov blanket, less the prior. This
 * is the message that HNCA and f-HNCA pass from children to parents (HNCA paper, equation 2 and algorithm 1).
 */
import type { Matrix } from "../backend/backend.ts";
import type { Layer } from "../network/network.ts";
import { flipTables, type Trace } from "../network/trace.ts";

export interface Children {
  /**
   * Log-likelihood of the children's outcomes, [B, width], for a layer that has children: a Bernoulli unit on less
   * off; each choice of a softmax unit less the one it made. It stands until the layer is asked for again.
   */
  logLikelihoodRatios(layer: Layer): Matrix;
  /** `P(unit | Markov blanket) - P(unit | parents)` into `out` [B, width], for a layer that has children. */
  posteriorMinusPrior(layer: Layer, out: Matrix): void;
}

export function prepareChildren(trace: Trace): Children {
  const { network, batchSize } = trace;
  const { backend } = network;
  const deltas = network.layers.map(({ children, width }) =>
    children.length > 0 ? backend.matrix(batchSize, width) : undefined,
  );
  function logLikelihoodRatios(layer: Layer): Matrix {
    const { bits } = trace.layers[layer.index];
    const delta = deltas[layer.index]!;
    layer.children.forEach(({ layer: child, edge }, i) => {
      const outcome = trace.layers[child.index];
      if (layer.kind === "bernoulli") {
        backend.flipLogLikelihood(bits, flipTables(trace, edge), outcome, delta, i > 0);
      } else {
        backend.switchLogLikelihood(bits, layer.choices, edge.weights, outcome, delta, i > 0);
      }
    });
    return delta;
  }
  return {
    logLikelihoodRatios,
    posteriorMinusPrior(layer, out) {
      const { p, q } = trace.layers[layer.index];
      const delta = logLikelihoodRatios(layer);
      if (layer.kind === "bernoulli") backend.posteriorMinusPrior(p, q, delta, out);
      else backend.choicePosteriorMinusPrior(p, layer.choices, delta, out);
    },
  };
}
