/**
 * Expansions about means: what MuProp and its relatives take for control variates. On a pass of means the objective is a
 * smooth function of what the units show, and its derivatives are had by backpropagation, the second ones in one direction
 * by differentiating that once more.
 */
import type { Matrix } from "../backend/backend.ts";
import type { Layer, Network } from "../network/network.ts";
import { forkMeanPass, type Pass, runMeansFrom } from "../network/pass.ts";
import type { Component, Objective } from "../objectives/objective.ts";
import { prepareBackpropagation, throughLaw } from "./backpropagation.ts";
import { downstream } from "./resampling.ts";

/** A {-1,+1} unit goes from -1 to +1 where its bit goes from 0 to 1. */
const stepOf = ({ coding }: { coding: string }): number => (coding === "plus-minus" ? 2 : 1);

/** Slopes on a pass of means. */
export interface MeanSlopes {
  /** [B, width] by a layer's number: the derivative of the sum by what the layer shows. */
  readonly of: readonly (Matrix | undefined)[];
  /** Computes them, the components being evaluated. */
  compute(): void;
}

/**
 * The slopes of the sum of `components` by what each of `layers` shows, through all that lies between: backpropagation
 * through the means. `layers` are in the network's order, with all that lies below each.
 */
export function prepareMeanSlopes(
  means: Pass,
  components: readonly Component[],
  layers: readonly Layer[],
): MeanSlopes {
  const { slopes, run } = prepareBackpropagation(means, components, undefined, layers);
  return { of: slopes, compute: run };
}

/** The expansion of what lies downstream of a layer, about the layer's means. */
export interface MeanField {
  readonly means: Pass;
  /** The components downstream of the layer, on that pass. */
  readonly components: readonly Component[];
  /** Of the layers below it; of the layer itself where they were asked for. */
  readonly slopes: MeanSlopes;
  /** Runs the means, evaluates the components, computes the slopes; the pass behind it is sampled. */
  compute(): void;
  /**
   * `out += H direction`, `H` the Hessian of the sum of the components by what the layer shows, as far as components know their
   * curvature. Both [B, width]. Bernoulli units.
   */
  addHessianProduct(direction: Matrix, out: Matrix): void;
}

/** @param own whether the slopes of the layer itself are wanted */
export function prepareMeanField(pass: Pass, objective: Objective, layer: Layer, own: boolean): MeanField {
  const means = forkMeanPass(pass, layer);
  const { components } = objective.prepare(means);
  const below = downstream(components, layer);
  const slopes = prepareMeanSlopes(means, below, own ? [layer, ...means.own] : means.own);
  const addHessianProduct = prepareHessianProduct(means, below, layer, slopes);
  return {
    means,
    components: below,
    slopes,
    compute() {
      runMeansFrom(means, layer);
      for (const component of below) component.evaluate();
      slopes.compute();
    },
    addHessianProduct,
  };
}

/** Forward through the means, then back: each layer's change of slope comes from its components and its children's. */
function prepareHessianProduct(
  means: Pass,
  components: readonly Component[],
  first: Layer,
  slopes: MeanSlopes,
): MeanField["addHessianProduct"] {
  const { backend } = means.network;
  const layers = [first, ...means.own];
  interface Room {
    readonly direction: Matrix;
    readonly logits: Matrix;
    readonly slope: Matrix;
    readonly credit: Matrix;
    readonly through: Matrix;
  }
  let rooms: Room[] | undefined;
  const directions: (Matrix | undefined)[] = [];

  function makeRooms(): Room[] {
    const made: Room[] = [];
    for (const { index, width } of layers) {
      const [direction, logits, slope, credit, through] = [0, 1, 2, 3, 4].map(() =>
        backend.matrix(means.batchSize, width),
      );
      made[index] = { direction, logits, slope, credit, through };
    }
    return made;
  }

  /** How the means below move. */
  function forward(rooms: Room[], direction: Matrix): void {
    directions[first.index] = direction;
    for (const layer of means.own) {
      const { logits, direction: moved } = rooms[layer.index];
      backend.fill(logits, 0);
      for (const edge of layer.parents) {
        const from = directions[edge.from];
        if (from === undefined) continue;
        const { through } = rooms[edge.from];
        backend.copy(from, through);
        if (stepOf(edge) > 1) backend.addScaled(from, 1, through);
        backend.product(through, "real", edge.weights, logits);
      }
      throughLaw(means, layer, logits, moved);
      directions[layer.index] = moved;
    }
  }

  return (direction, out) => {
    rooms ??= makeRooms();
    forward(rooms, direction);
    for (const layer of layers.toReversed()) {
      const { slope, through } = rooms[layer.index];
      backend.fill(slope, 0);
      for (const { reads, curvature } of components) {
        if (reads.includes(layer.index)) curvature?.addSlopeChanges(layer, directions, slope);
      }
      for (const { layer: child, edge } of layer.children) {
        // d(p q a) = p q ((q - p) dl a + da)
        const { logits, slope: change, credit } = rooms[child.index];
        const { p, q } = means.layers[child.index];
        backend.subtract(q, p, credit);
        backend.multiply(credit, logits, credit);
        backend.multiply(credit, slopes.of[child.index]!, credit);
        backend.addScaled(change, 1, credit);
        throughLaw(means, child, credit, credit);
        backend.transposedProduct(credit, edge.weights, through, false);
        backend.addScaled(through, stepOf(edge), slope);
      }
    }
    backend.addScaled(rooms[first.index].slope, 1, out);
  };
}

/** Whether what lies downstream of a layer has anything to do with another one. */
export function isFreeOf(
  { layers }: Network,
  components: readonly Component[],
  layer: Layer,
  other: Layer,
  own: readonly Layer[],
): boolean {
  const readers = [layer, ...own].flatMap(({ parents }) => parents.map(({ from }) => from));
  const read = downstream(components, layer).flatMap(({ reads }) => reads);
  return ![...readers, ...read].some((from) => layers[from] === other);
}
