/**
 * L2 regularisation, coupled: the penalty `beta |W|^2` is part of what the optimizer climbs, `gradient - 2 beta W`, and
 * so goes through Adam's moments (Weight Maximization paper, equation 22). Biases are free. The credits of hidden units
 * come from the gradient without it.
 */
import type { Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { OptimizerFactory } from "./optimizer.ts";

/** One weight of the penalty for all layers, or one for each linear map: a network's layers, input side first. */
export type L2 = number | readonly number[];

/** The weight of each layer; an `InputError` where there are not as many as layers, or one is negative. */
export function l2ByLayer(l2: L2, layers: number): number[] {
  const weights = typeof l2 === "number" ? new Array<number>(layers).fill(l2) : [...l2];
  if (weights.length !== layers) {
    throw new InputError(
      `there are ${weights.length} L2 weights for ${layers} layers; expected one, or one a layer`,
    );
  }
  for (const value of weights) {
    if (!(Number.isFinite(value) && value >= 0)) {
      throw new InputError(`the L2 weight is ${value}; expected a number from 0 on`);
    }
  }
  return weights;
}

/** `optimizer` on the gradient of the objective less the penalty. It is added to the gradient that `step` is given. */
export function withL2(optimizer: OptimizerFactory, l2: L2): OptimizerFactory {
  return (backend, parameters) => {
    const inner = optimizer(backend, parameters);
    // Parameters with a rate of their own are an estimator's, and free.
    const places = [...parameters.keys()].filter((place) => parameters[place].rate === undefined);
    const weightsByLayer = l2ByLayer(l2, places.length);
    const penalised = weightsByLayer
      .map((beta, i) => ({ beta, place: places[i] }))
      .filter(({ beta }) => beta > 0);
    // A block is the weights, then the bias.
    const weightsOf = (block: Matrix, place: number) =>
      backend.view(block, 0, 1, block.columns - parameters[place].width);
    const weights = parameters.map(({ block }, place) => weightsOf(block, place));
    let seen: readonly Matrix[] | undefined;
    let slopes: readonly Matrix[] = [];
    const { description } = inner;
    return {
      ...(description && { description: { ...description, l2: weightsByLayer } }),
      state: inner.state,
      step(gradients, step, from = 0, to = parameters.length) {
        if (gradients !== seen) {
          seen = gradients;
          slopes = gradients.map(weightsOf);
        }
        for (const { beta, place } of penalised) {
          if (place < from || place >= to) continue;
          backend.addScaled(weights[place], -2 * beta, slopes[place]);
        }
        inner.step(gradients, step, from, to);
      },
    };
  };
}
