/** What an optimizer is. All of them maximise: they move uphill along the gradient. */
import type { Backend, Matrix } from "../backend/backend.ts";
import { completeOptions, type Options, perLayer, type ValuesOf } from "../estimators/options.ts";
import { InputError } from "../formats/errors.ts";
import type { Parameters } from "../front-ends/front-end.ts";

/** One learning rate for all parameters, or one for each linear map: a network's layers, input side first. */
export type LearningRate = number | readonly number[];

/** An optimizer with its state, bound to parameters. */
export interface Optimizer {
  /**
   * Its name and settings, as plain JSON: they are saved with what it has learned, and whoever goes on from there must
   * have the same. Absent: they are not known, and not compared.
   */
  readonly description?: Readonly<Record<string, unknown>>;
  /** What has to be saved, laid out as the blocks of parameters: name -> one matrix each. */
  readonly state: Readonly<Record<string, readonly Matrix[]>>;
  /** Updates all parameters. `step` counts from 1. */
  step(gradients: readonly Matrix[], step: number): void;
}

/** Binds an optimizer to parameters: a network's layers, and what its objective adds. */
export type OptimizerFactory = (backend: Backend, parameters: readonly Parameters[]) => Optimizer;

/** The setting that every optimizer has. */
export const learningRateOption = perLayer({ default: undefined, says: "the rate, one or one a layer" });

/**
 * An optimizer's settings, all of them.
 *
 * @throws InputError for a setting that it does not have, or a value that cannot be used
 */
export function settingsOf<O extends Options>(
  name: string,
  described: O,
  given: object & { readonly learningRate: LearningRate },
): ValuesOf<O> & { readonly learningRate: LearningRate } {
  const settings = completeOptions(name, { ...described, learningRate: learningRateOption }, { ...given });
  if (settings.learningRate === undefined) {
    throw new InputError(`${name} has no learningRate; expected ${learningRateOption.expected}`);
  }
  return settings as never;
}

/** The rate of each layer; an `InputError` where there are not as many as layers. */
export function ratesByLayer(rate: LearningRate, layers: number): number[] {
  const rates = typeof rate === "number" ? new Array<number>(layers).fill(rate) : [...rate];
  if (rates.length !== layers) {
    throw new InputError(
      `there are ${rates.length} learning rates for ${layers} layers; expected one, or one a layer`,
    );
  }
  return rates;
}
