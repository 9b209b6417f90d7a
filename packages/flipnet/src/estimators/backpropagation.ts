/**
 * Backpropagation through a pass, of bits or of means: how the objective changes with what every unit shows, all that lies
 * between included. What stands for the derivative of a unit's outcome by its logit is what estimators differ in.
 */
import type { Matrix } from "../backend/backend.ts";
import type { Layer } from "../network/network.ts";
import type { Pass } from "../network/pass.ts";
import type { Component } from "../objectives/objective.ts";

/** Writes `a`, an outcome's slope, carried on to the logits of its layer: `out = a db/dl`, [B, width]. */
export type Through = (layer: Layer, a: Matrix, out: Matrix) => void;

/** Slopes and credits by a layer's number. */
export interface Backpropagation {
  /** [B, width] df/db, valid after `run`. */
  readonly slopes: readonly Matrix[];
  /** [B, width] df/dl, valid after `run`. */
  readonly credits: readonly Matrix[];
  /** From the last layer to the first; the components are up to date. */
  run(): void;
}

/** `out = a dE[b]/dl`, by the law on a pass: `p q a`, or through a softmax. */
export function throughLaw(
  { network, layers }: Pass,
  { kind, index, choices }: Layer,
  a: Matrix,
  out: Matrix,
) {
  const { p, q } = layers[index];
  if (kind === "bernoulli") network.backend.meanSlope(a, p, q, 1, out);
  else network.backend.softmaxSlope(p, choices, a, out);
}

/** Adds the slopes by what a layer shows of the components that read it, everything else being as the pass has it. */
export function addOwnSlopes(components: readonly Component[], layer: Layer, out: Matrix): void {
  for (const component of components) {
    if (component.reads.includes(layer.index)) component.addSlopes!(layer, out);
  }
}

/**
 * Buffers for one pass.
 *
 * @param through default: by every layer's law on the pass
 * @param layers where to go, input side first, with each all of its children; default: everywhere
 */
export function prepareBackpropagation(
  pass: Pass,
  components: readonly Component[],
  through: Through = (layer, a, out) => throughLaw(pass, layer, a, out),
  layers: readonly Layer[] = pass.network.layers,
): Backpropagation {
  const { network, batchSize } = pass;
  const { backend } = network;
  const matrices = () => {
    const all: Matrix[] = [];
    for (const { index, width } of layers) all[index] = backend.matrix(batchSize, width);
    return all;
  };
  const [slopes, credits, rooms] = [matrices(), matrices(), matrices()];
  const fromOutput = layers.toReversed();
  return {
    slopes,
    credits,
    run() {
      for (const layer of fromOutput) {
        const { index } = layer;
        backend.fill(slopes[index], 0);
        addOwnSlopes(components, layer, slopes[index]);
        for (const { layer: child, edge } of layer.children) {
          backend.transposedProduct(credits[child.index], edge.weights, rooms[index], false);
          // A {-1,+1} unit goes from -1 to +1 where its bit goes from 0 to 1.
          backend.addScaled(rooms[index], edge.coding === "plus-minus" ? 2 : 1, slopes[index]);
        }
        through(layer, slopes[index], credits[index]);
      }
    },
  };
}
