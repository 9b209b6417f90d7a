/** What an optimizer is. All of them maximise: they move uphill along the gradient. */
import type { Backend, Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { Parameters } from "../front-ends/front-end.ts";

/** One learning rate for all parameters, or one for each linear map: a network's layers, input side first. */
export type LearningRate = number | readonly number[];

/** An optimizer with its state, bound to parameters. */
export interface Optimizer {
  /** What has to be saved, laid out as the blocks of parameters: name -> one matrix each. */
  readonly state: Readonly<Record<string, readonly Matrix[]>>;
  /** Updates all parameters. `step` counts from 1. */
  step(gradients: readonly Matrix[], step: number): void;
}

/** Binds an optimizer to parameters: a network's layers, and what its objective adds. */
export type OptimizerFactory = (backend: Backend, parameters: readonly Parameters[]) => Optimizer;

/** The rate of each layer; an `InputError` where there are not as many as layers, or one is no positive number. */
export function ratesByLayer(rate: LearningRate, layers: number): number[] {
  const rates = typeof rate === "number" ? new Array<number>(layers).fill(rate) : [...rate];
  if (rates.length !== layers) {
    throw new InputError(
      `there are ${rates.length} learning rates for ${layers} layers; expected one, or one a layer`,
    );
  }
  for (const value of rates) {
    if (!(Number.isFinite(value) && value > 0)) {
      throw new InputError(`the learning rate is ${value}; expected a positive number`);
    }
  }
  return rates;
}
