/**
 * What a unit's children say about it: the posterior over its outcomes given its Markov blanket, less the prior. This
 * is the message that HNCA and f-HNCA pass from children to parents (HNCA paper, equation 2 and algorithm 1). Where not
 * all children lead to what is credited, those that do are enough (footnote 6 and the end of appendix G).
 */
import type { Matrix } from "../backend/backend.ts";
import type { Layer } from "../network/network.ts";
import { flipLogLikelihood, type Pass } from "../network/pass.ts";
import type { Component } from "../objectives/objective.ts";

/** A layer's children, or some of them. */
type ChildSet = Layer["children"];

/** What children say, layer by layer; for one pass. */
export interface Children {
  /**
   * Log-likelihood of what children did, [B, width], default all of the layer's: of a Bernoulli unit on less off; of a
   * softmax unit each choice less the one it made. To be read only; it stands until it is asked for again, of the same
   * layer, or the pass is sampled again.
   */
  logLikelihoodRatios(layer: Layer, among?: ChildSet): Matrix;
  /** `P(unit | its parents, those children, their other parents) - P(unit | its parents)` into `out` [B, width]. */
  posteriorMinusPrior(layer: Layer, out: Matrix, among?: ChildSet): void;
}

/** Components that lead through the same children, and these. */
export interface ChildGroup {
  readonly among: ChildSet;
  readonly components: readonly Component[];
}

/** Components by the children that they are credited through: the set has a posterior, and a signal, of its own. */
export function groupByChildren(
  components: readonly Component[],
  through: (component: Component) => ChildSet,
): ChildGroup[] {
  const groups = new Map<string, { among: ChildSet; components: Component[] }>();
  for (const component of components) {
    const among = through(component);
    const key = among.map((child) => child.layer.index).join();
    const group = groups.get(key) ?? { among, components: [] };
    groups.set(key, group);
    group.components.push(component);
  }
  return [...groups.values()];
}

/** Buffers for one pass; to be asked once it is sampled. */
export function prepareChildren(pass: Pass): Children {
  const { network, batchSize } = pass;
  const { backend } = network;
  const sums = network.layers.map(({ children, width }) =>
    children.length > 1 ? backend.matrix(batchSize, width) : undefined,
  );
  function logLikelihoodRatios(layer: Layer, among = layer.children): Matrix {
    if (among.length === 1) {
      const [{ layer: child, edge }] = among;
      return flipLogLikelihood(pass, edge, child.index);
    }
    const sum = sums[layer.index]!;
    backend.fill(sum, 0);
    for (const { layer: child, edge } of among) {
      backend.addScaled(flipLogLikelihood(pass, edge, child.index), 1, sum);
    }
    return sum;
  }
  return {
    logLikelihoodRatios,
    posteriorMinusPrior(layer, out, among) {
      const { p, q } = pass.layers[layer.index];
      const delta = logLikelihoodRatios(layer, among);
      if (layer.kind === "bernoulli") backend.posteriorMinusPrior(p, q, delta, out);
      else backend.choicePosteriorMinusPrior(p, layer.choices, delta, out);
    },
  };
}
