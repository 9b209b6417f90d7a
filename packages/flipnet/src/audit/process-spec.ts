/**
 * What an audit of a decision process is asked: a few states, what each shows the network, where actions lead, what they
 * earn, and for how long; as JSON.
 */
import type { Baseline } from "../estimators/baseline.ts";
import { InputError } from "../formats/errors.ts";
import { isWhole } from "../formats/whole.ts";
import type { Units } from "../network/network.ts";
import {
  type AuditLayer,
  checkDistribution,
  countActions,
  parseNetwork,
  type RandomReward,
} from "./bandit-spec.ts";
import type { Setting } from "./exact.ts";
import { asArray, asNumber, asNumbers, asObject, checkLength, show } from "./readers.ts";

/** A Markov decision process with a table for everything; the last layer is one unit, whose choice is the action. */
export interface ProcessSpec {
  /** How Bernoulli units show their bit to their children. */
  units: Units;
  layers: readonly AuditLayer[];
  /** What the network sees in each state; bits or real numbers. */
  observations: readonly (readonly number[])[];
  /** Probability that an episode begins in each state; default: all the same. */
  start?: readonly number[];
  /** [state][action][next state]: probabilities. */
  transitions: readonly (readonly (readonly number[])[])[];
  /** [state][action] */
  rewards: readonly (readonly number[])[];
  /** Steps of an episode. */
  horizon: number;
  /** A constant that is subtracted from every step's return to go; default 0. */
  baseline?: number;
  /** What a reward counts for each step that it comes later, in the return and its gradient; default 1. */
  gamma?: number;
  /** Steps are credited with TD(lambda)'s sum of errors; 1, the default, is the return to go less the critic's value. */
  lambda?: number;
  /** What a critic says of each state; default 0 everywhere, which is none. */
  values?: readonly number[];
  /** Whether the t-th step counts gamma^t, as the gradient has it (default), or not, as everyone does it. */
  discountStates?: boolean;
  /** Whether what the critic says of the state behind the last step is added, as at a time limit; default false. */
  bootstrap?: boolean;
}

/** States with their probabilities: only those that can be. */
export type Successors = RandomReward;

/** A checked `ProcessSpec` with its defaults filled in; its contexts are the observations. */
export interface Process extends Setting {
  readonly start: Successors;
  /** [state][action] */
  readonly successors: readonly (readonly Successors[])[];
  /** [state][action] */
  readonly rewards: readonly (readonly number[])[];
  readonly horizon: number;
  readonly baseline: Baseline | undefined;
  readonly gamma: number;
  readonly lambda: number;
  readonly values: readonly number[];
  readonly discountStates: boolean;
  readonly bootstrap: boolean;
}

const keys = [
  "units",
  "layers",
  "observations",
  "start",
  "transitions",
  "rewards",
  "horizon",
  "baseline",
  "gamma",
  "lambda",
  "values",
  "discountStates",
  "bootstrap",
] as const;

/** Whether a spec means to be one of a decision process. */
export const looksLikeProcess = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  ["observations", "transitions", "horizon"].some((key) => key in value);

/** Checks an audit's spec. Throws an `InputError` that names the value that cannot be used. */
export function parseProcessSpec(value: unknown): Process {
  const spec = asObject(value, "the spec", keys);
  const { units, layers, observations } = spec;
  const setting = parseNetwork({ units, layers, contexts: observations }, "softmax", "observations");
  const states = setting.contexts.length;
  const actions = countActions(setting.network);

  function parseSuccessors(value: unknown, name: string): Successors {
    const probabilities = asNumbers(value, name);
    checkLength(probabilities, name, states, "one for each state");
    checkDistribution(probabilities, name);
    const values = [...probabilities.keys()].filter((s) => probabilities[s] > 0);
    return { values, probabilities: values.map((s) => probabilities[s]) };
  }

  const perState = <T>(value: unknown, name: string, parse: (row: unknown, name: string) => T): T[] => {
    const rows = asArray(value, name);
    checkLength(rows, name, states, "one for each state");
    return rows.map((row, s) => parse(row, `${name}[${s}]`));
  };
  const successors = perState(spec.transitions, "transitions", (row, name) => {
    const entries = asArray(row, name);
    checkLength(entries, name, actions, "one for each action");
    return entries.map((entry, a) => parseSuccessors(entry, `${name}[${a}]`));
  });
  const rewards = perState(spec.rewards, "rewards", (row, name) => {
    const numbers = asNumbers(row, name);
    checkLength(numbers, name, actions, "one for each action");
    return numbers;
  });
  const start =
    spec.start === undefined
      ? { values: [...Array(states).keys()], probabilities: Array<number>(states).fill(1 / states) }
      : parseSuccessors(spec.start, "start");
  const horizon = asNumber(spec.horizon, "horizon");
  if (!isWhole(horizon, 1)) {
    throw new InputError(`horizon is ${show(horizon)}; expected a whole number of at least 1`);
  }
  const baseline = spec.baseline === undefined ? undefined : asNumber(spec.baseline, "baseline");
  const [gamma, lambda] = (["gamma", "lambda"] as const).map((name) => {
    const number = spec[name] === undefined ? 1 : asNumber(spec[name], name);
    if (number >= 0 && number <= 1) return number;
    throw new InputError(`${name} is ${show(number)}; expected a number from 0 to 1`);
  });
  const values = spec.values === undefined ? Array<number>(states).fill(0) : asNumbers(spec.values, "values");
  checkLength(values, "values", states, "one for each state");
  const flag = (name: "discountStates" | "bootstrap", usual: boolean): boolean => {
    const value = spec[name] ?? usual;
    if (typeof value === "boolean") return value;
    throw new InputError(`${name} is ${show(value)}; expected true or false`);
  };
  const [discountStates, bootstrap] = [flag("discountStates", true), flag("bootstrap", false)];
  const learning = { baseline, gamma, lambda, values, discountStates, bootstrap };
  return { ...setting, start, successors, rewards, horizon, ...learning };
}
