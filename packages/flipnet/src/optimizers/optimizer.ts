/** What an optimizer is. All of them maximise: they move uphill along the gradient. */
import type { Backend, Matrix } from "../backend/backend.ts";
import {
  completeOptions,
  count,
  type Option,
  type Options,
  perLayer,
  type ValuesOf,
} from "../estimators/options.ts";
import { InputError } from "../formats/errors.ts";
import type { Parameters } from "../front-ends/front-end.ts";

/**
 * One learning rate for all parameters; or one for each linear map, a network's layers first, input side first; or rates
 * by the parameters' names or what these begin with, as in `{ default: 1e-4, prior: 1e-2, "layers.0": 1e-3 }`.
 * Parameters that come with a rate of their own keep it, unless it is said by name.
 */
export type LearningRate = number | readonly number[] | RatesByName;

/** Rates by name: `"layers.0"` before `"layers"` before `"default"`, which must be there. */
export interface RatesByName {
  readonly default: number;
  readonly [name: string]: number;
}

/** An optimizer with its state, bound to parameters. */
export interface Optimizer {
  /**
   * Its name and settings, as plain JSON: they are saved with what it has learned, and whoever goes on from there must
   * have the same. Absent: they are not known, and not compared.
   */
  readonly description?: Readonly<Record<string, unknown>>;
  /** What has to be saved, laid out as the blocks of parameters: name -> one matrix each. */
  readonly state: Readonly<Record<string, readonly Matrix[]>>;
  /**
   * Updates all parameters, or those from place `from` on and before `to`, by the gradients at the same places. `step` counts
   * from 1.
   */
  step(gradients: readonly Matrix[], step: number, from?: number, to?: number): void;
}

/** What to try where numbers have left the finite ones. */
export const remedyFor = ({ description }: Optimizer): string =>
  [description?.l2].flat().some((weight) => Number(weight) > 0)
    ? "try a lower learning rate or less L2"
    : "try a lower learning rate";

/** Binds an optimizer to parameters: a network's layers, and what its objective adds. */
export type OptimizerFactory = (backend: Backend, parameters: readonly Parameters[]) => Optimizer;

/** The setting that every optimizer has. */
export const learningRateOption = withNames(
  perLayer({ default: undefined, says: "the rate, one, one a layer, or by name" }),
);

/** Settings of a rate that moves, which every optimizer has too. */
export const scheduleOptions = {
  learningRateEnd: withNames(
    perLayer({
      default: undefined,
      says: "the rate that the first one moves to, linearly; one, or one a layer",
    }),
  ),
  learningRateSteps: count({ least: 1, default: undefined, says: "steps until a rate has come to its end" }),
};

/** Rates that may move: linearly from `learningRate` to `learningRateEnd` in so many steps, where they stay. */
export interface Schedule {
  readonly learningRate: LearningRate;
  readonly learningRateEnd?: LearningRate | undefined;
  readonly learningRateSteps?: number | undefined;
}

/** The same option, which may also be numbers by name, one of them called "default". */
function withNames<T>(option: Option<T>): Option<T | RatesByName> {
  return {
    ...option,
    expected: `${option.expected}, or rates by name, default among them`,
    accepts: (value) =>
      option.accepts(value) ||
      (typeof value === "object" &&
        value !== null &&
        !Array.isArray(value) &&
        "default" in value &&
        Object.values(value).every((one) => typeof one === "number" && option.accepts(one))),
  };
}

/**
 * An optimizer's settings, all of them.
 *
 * @throws InputError for a setting that it does not have, or a value that cannot be used
 */
export function settingsOf<O extends Options>(
  name: string,
  described: O,
  given: object & { readonly learningRate: LearningRate },
): ValuesOf<O> & Schedule {
  const all = { ...described, ...scheduleOptions, learningRate: learningRateOption };
  const settings = completeOptions(name, all, { ...given });
  if (settings.learningRate === undefined) {
    throw new InputError(`${name} has no learningRate; expected ${learningRateOption.expected}`);
  }
  if (settings.learningRateEnd !== undefined && settings.learningRateSteps === undefined) {
    throw new InputError(
      `${name} has a learningRateEnd and no learningRateSteps; expected ${scheduleOptions.learningRateSteps.expected}`,
    );
  }
  return settings as never;
}

/**
 * The rates of parameters at a step, counted from 1, and what a description says of them.
 *
 * @throws InputError as `ratesOf` does
 */
export function scheduleOf(
  { learningRate, learningRateEnd, learningRateSteps }: Schedule,
  parameters: readonly Parameters[],
): { readonly said: Schedule; at(place: number, step: number): number } {
  const rates = ratesOf(learningRate, parameters);
  const atEnd = parameters.map(({ rate, rateEnd = rate, ...part }): Parameters => {
    return rateEnd === undefined ? part : { ...part, rate: rateEnd };
  });
  const ends = ratesOf(learningRateEnd ?? learningRate, atEnd);
  if (learningRateSteps === undefined) return { said: { learningRate: rates }, at: (place) => rates[place] };
  return {
    said: { learningRate: rates, learningRateEnd: ends, learningRateSteps },
    at: (place, step) =>
      rates[place] + (ends[place] - rates[place]) * (Math.min(step, learningRateSteps) / learningRateSteps),
  };
}

/**
 * The rate of each of the parameters. Throws `InputError` where a list has not as many as there are without a rate of their
 * own, or a name is none of theirs.
 */
export function ratesOf(rate: LearningRate, parameters: readonly Parameters[]): number[] {
  return typeof rate === "object" && !isList(rate) ? byName(rate, parameters) : byPlace(rate, parameters);
}

const isList = (rate: readonly number[] | RatesByName): rate is readonly number[] => Array.isArray(rate);

function byPlace(rate: number | readonly number[], parameters: readonly Parameters[]): number[] {
  const shared = parameters.filter((part) => part.rate === undefined);
  if (typeof rate !== "number" && rate.length !== shared.length) {
    throw new InputError(
      `there are ${rate.length} learning rates for ${shared.length} layers; expected one, or one a layer`,
    );
  }
  return parameters.map(
    (part) => part.rate ?? (typeof rate === "number" ? rate : rate[shared.indexOf(part)]),
  );
}

function byName(rates: RatesByName, parameters: readonly Parameters[]): number[] {
  const used = new Set(["default"]);
  const found = parameters.map(({ name, rate }) => {
    for (let prefix = name; prefix !== ""; prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf(".")))) {
      if (!Object.hasOwn(rates, prefix)) continue;
      used.add(prefix);
      return rates[prefix];
    }
    return rate ?? rates.default;
  });
  const unused = Object.keys(rates).find((name) => !used.has(name));
  if (unused !== undefined) {
    throw new InputError(
      `there is a learning rate for "${unused}"; expected default, or of ${parameters.map(({ name }) => name).join(", ")}`,
    );
  }
  return found;
}
