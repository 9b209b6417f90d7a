/**
 * Function components `eta(w . x + b)` (HNCA paper, appendix H, algorithm 3): `x` what layers and the input show, `w`
 * and `b` parameters that learn with the network by their direct gradient (the last sum of equation 6), `eta` any
 * function of the logit. What f-HNCA asks of them, what each would be worth with one unit flipped, costs no more than a
 * call of `eta` an edge: `w . x + b` changes by one weight.
 */

import type { Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { isWhole } from "../formats/whole.ts";
import { createLinear, type Edge, type Layer, type Linear, type Network } from "../network/network.ts";
import { type Credit, computeLogits, type Pass } from "../network/pass.ts";
import { type Activation, type ActivationKernels, type Logits, scalarKernels } from "./activations.ts";
import type { UnitFunction } from "./choices.ts";
import type { Component, Curvature, Objective } from "./objective.ts";
import { type Weight, weighted, whole } from "./weighted.ts";

/** What the components are beside their logits. */
export interface ComponentsOptions {
  /** Their name in messages and metrics, together; default that of the linear map. */
  name?: string;
  /**
   * What `eta` gets beside the logit, one number a column: the `"input"`, what a layer did (its number), or numbers
   * that the caller fills in before the step, [B, width].
   */
  target?: "input" | number | Matrix;
  /** What they count; default: whole. */
  weight?: Readonly<Weight> | undefined;
}

const optionNames: Names<ComponentsOptions> = { name: 1, target: 1, weight: 1 };

/**
 * A linear map from what layers and the input show, all parameters zero; `initialiseWeights` draws them.
 *
 * @param name what its tensors are called in files
 * @param reads `"input"` or layers' numbers, all different
 * @param width number of components
 * @throws InputError for a layer that is not there
 */
export function createReadout(
  network: Network,
  name: string,
  reads: readonly ("input" | number)[],
  width: number,
): Linear {
  const { backend, layers, inputs, inputCoding, spec } = network;
  if (!isWhole(width, 1)) {
    throw new InputError(`${name} has ${width} columns; expected a whole number of at least 1`);
  }
  if (new Set(reads).size !== reads.length) {
    throw new InputError(`${name} reads [${reads}]; expected different ones`);
  }
  const parents = reads.map((from) => {
    if (from === "input") return { from: -1, coding: inputCoding, rows: inputs };
    const layer = layers[from];
    if (layer === undefined) throw new InputError(`${name} reads layer ${from}; ${layersOf(network)}`);
    const coding = layer.kind === "softmax" ? ("zero-one" as const) : spec.units;
    return { from, coding, rows: layer.width };
  });
  return createLinear(backend, name, parents, width);
}

/** What a layer may be called. */
export const layersOf = ({ layers }: Network) => `expected a layer's number, 0 to ${layers.length - 1}`;

/**
 * The sum over the columns of a linear map of `eta(logit, target)`, as an objective. Its parameters learn if `eta` has
 * a slope. The map may be a layer of the network itself: then these are functions of its law (an entropy, say), and
 * their slope adds to the layer's credit.
 *
 * @throws InputError for a target that is not there, does not fit, or is also read
 */
export function componentsObjective(
  network: Network,
  linear: Linear,
  eta: Activation | UnitFunction,
  options: ComponentsOptions = {},
): Objective {
  refuseUnknown("componentsObjective", optionNames, options);
  const { name = linear.name, target, weight } = options;
  const layer = network.layers.find((one) => one === linear);
  const learns = eta.learns ?? eta.slope !== undefined;
  const { parents, width } = linear;
  const layersRead = parents.map(({ from }) => from).filter((from) => from >= 0);
  const { targetLayer, targetOf } = findTarget(network, name, width, target, layersRead);
  const reads = [...layersRead, ...(targetLayer === undefined ? [] : [targetLayer.index])];
  reads.sort((a, b) => a - b);

  return {
    linears: learns && layer === undefined ? [linear] : [],
    prepare(pass) {
      const { backend } = network;
      const matrix = (columns: number) => backend.matrix(pass.batchSize, columns);
      const site: Logits = {
        pass,
        parents,
        layer,
        logits: layer === undefined ? matrix(width) : pass.layers[layer.index].logits,
        target: targetOf(pass),
        targetLayer,
      };
      const own = "value" in eta ? (eta.kernels?.(site) ?? scalarKernels(eta, site)) : eta.kernels(site);
      const value = matrix(1);
      const { kernels, unweighted } = weighted(backend, own, weight, pass.batchSize);
      const component: Component = {
        name,
        reads,
        value,
        ...(unweighted && { unweighted }),
        evaluate() {
          if (layer === undefined) computeLogits(pass, linear, site.logits);
          kernels.evaluate(value);
        },
        addDifferences({ index }: Layer, out) {
          if (index === target) kernels.addTargetDifferences(out);
          else kernels.addParentDifferences(parents.find(({ from }) => from === index)!, out);
        },
        ...(slopesKnown(kernels, targetLayer) && { addSlopes: prepareSlopes(site, kernels) }),
        ...(curvatureKnown(kernels, targetLayer) && { curvature: prepareCurvature(site, kernels) }),
        ...(layer === undefined &&
          targetLayer &&
          kernels.mixed !== undefined && {
            linearIn: { layer: targetLayer.index, parents, weight: weight ?? whole },
          }),
        ...(learns && layer !== undefined && { ofLaw: true as const }),
      };
      const credits: Credit[] = learns && layer === undefined ? [{ linear, g: matrix(width), pass }] : [];
      return {
        components: [component],
        credits,
        addDirectGradient(one, g) {
          if (learns && one === layer) kernels.slope!(g, true);
        },
        addLogitSlopes(one, g) {
          if (one === layer) kernels.slope?.(g, true);
        },
        differentiate(weights) {
          for (const { g } of credits) {
            kernels.slope!(g, false);
            if (weights !== undefined) backend.scaleRows(g, weights, g);
          }
        },
      };
    },
  };
}

const slopesKnown = (kernels: ActivationKernels, targetLayer: Layer | undefined): boolean =>
  kernels.slope !== undefined && (targetLayer === undefined || kernels.addTargetSlopes !== undefined);

const curvatureKnown = (kernels: ActivationKernels, targetLayer: Layer | undefined): boolean =>
  kernels.curvature !== undefined && (targetLayer === undefined || kernels.mixed !== undefined);

/** `Component.addSlopes`: through the weights of what reads the layer, and by the target. Room is made on first use. */
function prepareSlopes(
  { pass, parents, logits, targetLayer }: Logits,
  kernels: ActivationKernels,
): NonNullable<Component["addSlopes"]> {
  const { backend } = pass.network;
  let slopes: Matrix | undefined;
  const through = new Map<Edge, Matrix>();
  return ({ index, width }, out) => {
    if (index === targetLayer?.index) return kernels.addTargetSlopes!(out);
    const edge = parents.find(({ from }) => from === index)!;
    slopes ??= backend.matrix(pass.batchSize, logits.columns);
    kernels.slope!(slopes, false);
    const credit = through.get(edge) ?? backend.matrix(pass.batchSize, width);
    through.set(edge, credit);
    backend.transposedProduct(slopes, edge.weights, credit, false);
    // A {-1,+1} unit goes from -1 to +1 where its bit goes from 0 to 1.
    backend.addScaled(credit, edge.coding === "plus-minus" ? 2 : 1, out);
  };
}

/** `Component.curvature`: through the weights of what reads the layer, there and back. Room is made on first use. */
function prepareCurvature(
  { pass, parents, logits, targetLayer }: Logits,
  kernels: ActivationKernels,
): Curvature {
  const { backend } = pass.network;
  const rooms = new Map<string, Matrix>();
  /** A matrix of its own for every use. */
  function room(name: string, rows: number, columns: number): Matrix {
    const found = rooms.get(name) ?? backend.matrix(rows, columns);
    rooms.set(name, found);
    return found;
  }
  const scaleOf = ({ coding }: Edge) => (coding === "plus-minus" ? 2 : 1);
  const perColumn = (name: string) => room(name, pass.batchSize, logits.columns);
  const perUnit = (name: string, { from, weights }: Edge) =>
    room(`${name}.${from}`, pass.batchSize, weights.rows);

  /** How the logits move. */
  function logitChanges(directions: readonly (Matrix | undefined)[]): Matrix {
    const changes = perColumn("changes");
    backend.fill(changes, 0);
    for (const edge of parents) {
      const direction = directions[edge.from];
      if (direction === undefined) continue;
      const moved = perUnit("moved", edge);
      backend.copy(direction, moved);
      if (scaleOf(edge) > 1) backend.addScaled(direction, 1, moved);
      backend.product(moved, "real", edge.weights, changes);
    }
    return changes;
  }

  return {
    addSlopeChanges({ index }, directions, out) {
      const changes = logitChanges(directions);
      if (index === targetLayer?.index) {
        backend.addScaled(changes, kernels.mixed!, out);
        return;
      }
      const edge = parents.find(({ from }) => from === index)!;
      const slopes = perColumn("slopes");
      kernels.curvature!(slopes);
      backend.multiply(slopes, changes, slopes);
      const target = targetLayer && directions[targetLayer.index];
      if (target !== undefined) backend.addScaled(target, kernels.mixed!, slopes);
      const through = perUnit("through", edge);
      backend.transposedProduct(slopes, edge.weights, through, false);
      backend.addScaled(through, scaleOf(edge), out);
    },
    addDiagonal({ index }, out) {
      if (index === targetLayer?.index) return;
      const edge = parents.find(({ from }) => from === index)!;
      const { weights } = edge;
      const squares = room(`squares.${index}`, weights.rows, weights.columns);
      backend.multiply(weights, weights, squares);
      const slopes = perColumn("slopes");
      kernels.curvature!(slopes);
      const through = perUnit("through", edge);
      backend.transposedProduct(slopes, squares, through, false);
      backend.addScaled(through, scaleOf(edge) ** 2, out);
    },
  };
}

/** The layer that a target is, if it is one, and the target's numbers on a pass. Throws `InputError`. */
export function findTarget(
  network: Network,
  name: string,
  width: number,
  target: ComponentsOptions["target"],
  reads: readonly number[],
): { targetLayer: Layer | undefined; targetOf: (pass: Pass) => Matrix | undefined } {
  const targetLayer = typeof target === "number" ? network.layers[target] : undefined;
  if (typeof target === "number" && targetLayer === undefined) {
    throw new InputError(`the target of "${name}" is layer ${target}; ${layersOf(network)}`);
  }
  if (targetLayer !== undefined && reads.includes(targetLayer.index)) {
    throw new InputError(`"${name}" reads layer ${target}, which is its target too; expected another`);
  }
  function targetOf({ input, layers, batchSize }: Pass): Matrix | undefined {
    const found = target === "input" ? input : typeof target === "number" ? layers[target].bits : target;
    if (found !== undefined && (found.rows !== batchSize || found.columns !== width)) {
      throw new InputError(
        `the target of "${name}" is [${found.rows}, ${found.columns}]; expected [${batchSize}, ${width}], one number a component`,
      );
    }
    return found;
  }
  return { targetLayer, targetOf };
}
