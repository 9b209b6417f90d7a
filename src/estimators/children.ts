/**
 * What a unit's children say about it: the posterior over its outcomes given its Markov blanket, less the prior. This
 * is the message that HNCA and f-HNCA pass from children to parents (HNCA paper, equation 2 and algorithm 1).
 */
import type { Matrix } from "../backend/backend.ts";
import type { Layer } from "../network/network.ts";
import { flipLogLikelihood, type Trace } from "../network/trace.ts";

export interface Children {
  /**
   * Log-likelihood of the children's outcomes, [B, width], for a layer that has children: a Bernoulli unit on less
   * off; each choice of a softmax unit less the one it made. To be read only; it stands until the trace is sampled again.
   */
  logLikelihoodRatios(layer: Layer): Matrix;
  /** `P(unit | Markov blanket) - P(unit | parents)` into `out` [B, width], for a layer that has children. */
  posteriorMinusPrior(layer: Layer, out: Matrix): void;
}

export function prepareChildren(trace: Trace): Children {
  const { network, batchSize } = trace;
  const { backend } = network;
  const sums = network.layers.map(({ children, width }) =>
    children.length > 1 ? backend.matrix(batchSize, width) : undefined,
  );
  function logLikelihoodRatios(layer: Layer): Matrix {
    const sum = sums[layer.index];
    if (sum === undefined) {
      const [{ layer: child, edge }] = layer.children;
      return flipLogLikelihood(trace, edge, child.index);
    }
    backend.fill(sum, 0);
    for (const { layer: child, edge } of layer.children) {
      backend.addScaled(flipLogLikelihood(trace, edge, child.index), 1, sum);
    }
    return sum;
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
