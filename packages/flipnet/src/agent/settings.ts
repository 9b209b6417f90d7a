/** What an agent is made of: options as users write them, checked at the door, and settings as they are saved. */
import type { Baseline } from "../estimators/baseline.ts";
import { type Estimator, labelOf } from "../estimators/estimator.ts";
import { hnca } from "../estimators/hnca.ts";
import { type NetworkBaselineOptions, networkBaseline } from "../estimators/network-baseline.ts";
import {
  completeOptions,
  count,
  flag,
  type NamedOptions,
  number,
  type Option,
  oneOf,
  parseEstimatorText,
} from "../estimators/options.ts";
import { InputError } from "../formats/errors.ts";
import { type HiddenLayer, withOutput } from "../network/hidden.ts";
import { type LayerSpec, type NetworkSpec, networkShapes, type Units } from "../network/network.ts";
import { adam } from "../optimizers/adam.ts";
import type { OptimizerFactory } from "../optimizers/optimizer.ts";

/** What an agent is made of. */
export interface AgentOptions {
  /** Numbers in a context. */
  inputs: number;
  /** Number of actions, at least 2. */
  actions?: number;
  /**
   * In place of `actions`: numbers in the features of an action. Then a decision says what its actions are, as many as it
   * likes, and one network scores each of them by the context and its features.
   */
  actionInputs?: number;
  /** Hidden layers: widths of Bernoulli layers, or more about them; default [32]. */
  hidden?: readonly HiddenLayer[];
  /** Whether the output reads the context too, beside the coins; default true. */
  skip?: boolean;
  /** Real numbers (default), or bits, which must be 0 or 1 and are faster. */
  inputKind?: "real" | "bits";
  /** Coding of hidden units; default "plus-minus". */
  units?: Units;
  /** Default HNCA. Decisions need one whose credit is linear in the reward, as HNCA's and REINFORCE's are. */
  estimator?: Estimator;
  /** Default Adam, its learning rates those of `usualOptimizer`. */
  optimizer?: OptimizerFactory;
  /** Default "running-average". `{ hidden, learningRate }`: a network of these layers, see `networkBaseline`. */
  baseline?: AgentBaseline;
  /** Of the running average; default 0.99. */
  baselineDecay?: number;
  /** Decides initial weights and every draw; whole number, default 0. */
  seed?: number;
  /**
   * So many actions are drawn from all that are allowed alike, so that none is ever forgotten: from 0 (default) to 1. Or
   * from `from` at the first decision down towards `to`, half of the way after `halfLife` decisions.
   */
  floor?: Floor;
  /**
   * What an entropy of one nat of the softmax over the actions is worth, in rewards; default 0. It is credited by the coins
   * of the decision and learned with its first reward.
   */
  entropyBonus?: number;
  /** Rewards beyond are clipped to these, the least and the most; default: none is. */
  rewardRange?: readonly [number, number];
  /**
   * How a reward is credited that comes late: with what the decision would have been credited with at once, `"stored"`
   * (default); or by the coins that its draws give by today's weights, `"redone"`. See `docs/agent.md`.
   */
  lateRewards?: "stored" | "redone";
  /** The largest weight of a decision that is redone; default 5. */
  weightClip?: number;
  /** How strongly late rewards also pull towards what was played; default 0. */
  pull?: number;
  /** What a decision learns from: its `"first"` reward (default), or the `"sum"` of all until it expires. */
  rewards?: "first" | "sum";
  /** Milliseconds from a decision to its expiry; default: it never expires. */
  expireAfter?: number;
  /** The reward of a decision that expires without one; default 0. */
  defaultReward?: number;
  /** Decisions that may wait for a reward; one more, and the oldest expires early. Default 10,000. */
  maxPending?: number;
}

/** A floor under the actions' probabilities, or one that falls. */
export type Floor = number | { readonly from: number; readonly to: number; readonly halfLife: number };

/** A baseline that can be saved. */
export type AgentBaseline = Extract<Baseline, string | number> | NetworkBaselineOptions;

/** All options of an agent but the optimizer. */
export type Settings = Required<Omit<AgentOptions, "optimizer" | Unsaid>> & Pick<AgentOptions, Unsaid>;

type Unsaid = "actions" | "actionInputs" | "expireAfter" | "rewardRange";

/** The largest size of a context's numbers and of rewards: products of two of them, squared, stay finite in float32. */
export const largest = 1e9;

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const isShare = (value: unknown): value is number => typeof value === "number" && value >= 0 && value <= 1;

/** Whether something is a number that a context or a reward may have. */
export const isSmall = (value: unknown): boolean =>
  typeof value === "number" && value >= -largest && value <= largest;

const anything = <T>(usual: T, expected: string, accepts: (value: unknown) => boolean): Option<T> => ({
  kind: "word",
  default: usual,
  expected,
  says: "",
  accepts,
});

/** A number that may be a reward. */
const rewardOption = number({ from: -largest, to: largest, default: 0, says: "" });

/** An agent's options, as data. */
export const described = {
  inputs: count({ least: 1, default: undefined, says: "" }),
  actions: count({ least: 2, default: undefined, says: "" }),
  actionInputs: count({ least: 1, default: undefined, says: "" }),
  hidden: anything<readonly HiddenLayer[]>([32], "a list of hidden layers", Array.isArray),
  skip: flag({ default: true, says: "" }),
  inputKind: oneOf(["real", "bits"], { default: "real", says: "" }),
  units: oneOf(["plus-minus", "zero-one"], { default: "plus-minus", says: "" }),
  estimator: anything<Estimator>(
    hnca,
    "an estimator, such as hnca, which flipnet exports",
    (value) => typeof (value as Estimator | null)?.prepare === "function",
  ),
  optimizer: anything<OptimizerFactory | undefined>(
    undefined,
    "an optimizer, such as adam({ learningRate: 0.01 })",
    (value) => typeof value === "function",
  ),
  baseline: anything<AgentBaseline>(
    "running-average",
    "none, running-average, a number or a network's { hidden, learningRate }",
    (value) =>
      value === "none" ||
      value === "running-average" ||
      Number.isFinite(value) ||
      (isObject(value) && !("prepare" in value)),
  ),
  baselineDecay: number({ from: 0, below: 1, default: 0.99, says: "" }),
  seed: count({ least: 0, default: 0, says: "" }),
  floor: anything<Floor>(
    0,
    "a number from 0 to 1, or { from, to, halfLife }",
    (value) =>
      isShare(value) ||
      (isObject(value) &&
        Object.keys(value).sort().join() === "from,halfLife,to" &&
        isShare((value as Exclude<Floor, number>).from) &&
        isShare((value as Exclude<Floor, number>).to) &&
        (value as Exclude<Floor, number>).halfLife > 0),
  ),
  entropyBonus: number({ from: 0, to: largest, default: 0, says: "" }),
  rewardRange: anything<readonly [number, number] | undefined>(
    undefined,
    "the least and the most, [least, most]",
    (value) =>
      Array.isArray(value) && value.length === 2 && value.every((one) => isSmall(one)) && value[0] < value[1],
  ),
  lateRewards: oneOf(["stored", "redone"], { default: "stored", says: "" }),
  weightClip: number({ from: 1, default: 5, says: "" }),
  pull: number({ from: 0, to: 100, default: 0, says: "" }),
  rewards: oneOf(["first", "sum"], { default: "first", says: "" }),
  expireAfter: number({ from: 0, default: undefined, says: "" }),
  defaultReward: rewardOption,
  maxPending: count({ least: 1, default: 10_000, says: "" }),
};

/**
 * All settings of an agent, and its optimizer if that is said.
 *
 * @throws InputError for an option that there is not, or a value that cannot be used
 */
export function settingsOf(options: AgentOptions): { settings: Settings; optimizer?: OptimizerFactory } {
  if (!isObject(options)) {
    throw new InputError(`the agent's options are ${String(options)}; expected at least { inputs, actions }`);
  }
  const { optimizer, ...settings } = completeOptions("the agent", described, { ...options });
  const { inputs, actions, actionInputs, entropyBonus } = settings;
  if (inputs === undefined) {
    throw new InputError(`inputs of the agent is missing; expected ${described.inputs.expected}`);
  }
  if (actions === undefined && actionInputs === undefined) {
    throw new InputError(
      `actions of the agent is missing; expected ${described.actions.expected}, or actionInputs`,
    );
  }
  if (actions !== undefined && actionInputs !== undefined) {
    throw new InputError("the agent has actions and actionInputs; expected one of them");
  }
  if (actionInputs !== undefined && entropyBonus > 0) {
    throw new InputError(
      `entropyBonus of the agent is ${entropyBonus}; expected 0, as its actions have features`,
    );
  }
  return { settings: settings as Settings, ...(optimizer && { optimizer }) };
}

/** The floor of a decision, after so many others. */
export function floorAt({ floor }: Pick<Settings, "floor">, decisions: number): number {
  if (typeof floor === "number") return floor;
  const { from, to, halfLife } = floor;
  return to + (from - to) / (1 + decisions / halfLife);
}

/** The network that the settings mean: an output of one softmax unit, whose choice is the action, or one that scores a row. */
export function specOf({
  inputs,
  inputKind,
  units,
  hidden,
  skip,
  actions,
  actionInputs = 0,
}: Settings): NetworkSpec {
  const output: LayerSpec =
    actions === undefined ? { kind: "bernoulli", units: 1 } : { kind: "softmax", units: 1, choices: actions };
  return { inputs: inputs + actionInputs, inputKind, units, layers: withOutput(hidden, output, skip) };
}

/** By how much a step of Adam moves the logits of unit inputs, were its signs drawn alike. */
const logitStep = 0.02;

/**
 * The optimizer of an agent that is given none: Adam, which moves every weight by about its rate whatever the gradient's size.
 * So that a step moves the logits of a layer alike, however much it reads, the rate is 0.02 / sqrt(fan in).
 */
export const usualOptimizer = (settings: Settings): OptimizerFactory =>
  adam({
    learningRate: networkShapes(specOf(settings)).map(
      ({ parentWidths }) => logitStep / Math.sqrt(parentWidths.reduce((sum, width) => sum + width, 0)),
    ),
  });

/** The baseline that the settings mean. */
export const baselineOf = ({ baseline }: Settings): Baseline =>
  typeof baseline === "object" ? networkBaseline(baseline) : baseline;

/** Settings as text, for a file. */
export const settingsText = <Of extends { readonly estimator: Estimator }>({
  estimator,
  ...settings
}: Of): string => JSON.stringify({ ...settings, estimator: labelOf(estimator) });

/**
 * The settings that a text gives. Throws `InputError` for one that `settingsText` did not make.
 *
 * @param create the registry's `createEstimator`: who only makes agents need not have all estimators
 */
export function parseSettings(text: string, create: (named: NamedOptions) => Estimator): Settings {
  const parsed = parseJson(text, "its settings");
  if (!isObject(parsed)) throw new InputError(`the file of the agent is damaged: its settings are ${text}`);
  const { estimator, ...settings } = parsed as Record<string, unknown>;
  // Agents from before there was a choice read the coins alone.
  const options = { skip: false, ...settings, estimator: create(parseEstimatorText(String(estimator))) };
  return settingsOf(options as unknown as AgentOptions).settings;
}

/** JSON of an agent's file. Throws `InputError` for a text that is none. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InputError(`the file of the agent is damaged: ${what} are no JSON`);
  }
}
