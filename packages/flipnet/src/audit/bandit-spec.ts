/**
 * What an audit is asked: a small network with its parameters, what it sees and what its actions earn, as JSON.
 * Parameters are laid out as in both papers, one row a unit.
 */
import type { Baseline } from "../estimators/baseline.ts";
import { InputError } from "../formats/errors.ts";
import { isWhole } from "../formats/whole.ts";
import { checkAllowed } from "../network/exploration.ts";
import { type LayerSpec, type NetworkSpec, networkShapes, type Units } from "../network/network.ts";
import type { Exploring, Setting } from "./exact.ts";
import type { LayerValues } from "./layout.ts";
import { asArray, asNumber, asNumbers, asObject, asOneOf, asTable, checkLength, show } from "./readers.ts";

/** A reward that is drawn: `values[k]` with probability `probabilities[k]`, which sum to 1. */
export interface RandomReward {
  values: readonly number[];
  probabilities: readonly number[];
}

/** A layer and its parameters. */
export interface AuditLayer {
  /** [unit][input], the inputs of several parents one after the other; a softmax unit has one row a choice. */
  weights: readonly (readonly number[])[];
  /** One a row of weights. */
  bias: readonly number[];
  /** Default: softmax for the last layer, Bernoulli for the others. */
  kind?: "bernoulli" | "softmax";
  /** Choices of each softmax unit. Default in the last layer: one for each row; a hidden layer must say. */
  choices?: number;
  /** Layers that feed this one, `"input"` or an earlier layer's number from 0. Default: the layer before. */
  parents?: readonly ("input" | number)[];
}

/** A contextual bandit: the last layer is one unit, and its choice is the action (Bernoulli: 0 off, 1 on). */
export interface BanditSpec {
  /** How Bernoulli units show their bit to their children. */
  units: Units;
  layers: readonly AuditLayer[];
  /** Equally likely; bits or real numbers. */
  contexts: readonly (readonly number[])[];
  /** [context][action] */
  reward: readonly (readonly (number | RandomReward)[])[];
  /** A constant that is subtracted from the reward in every layer; default 0. */
  baseline?: number;
  /**
   * [context][action] features of each action, as many actions in every context. Then the last layer is one unit that scores
   * an action, by its context's numbers and its own features, and one is chosen by the softmax over these scores.
   */
  actions?: readonly (readonly (readonly number[])[])[];
  /** Floor under the actions' probabilities: of so many actions any is drawn, from 0 to 1; default 0. */
  floor?: number;
  /** [context] numbers of the actions that are allowed; default: all. */
  allowed?: readonly (readonly number[])[];
}

/** A checked `BanditSpec` with its defaults filled in. */
export interface Bandit extends Setting {
  /** [context][action] */
  readonly rewards: readonly (readonly RandomReward[])[];
  readonly baseline: Baseline | undefined;
  /** Actions of a decision whose features are told: then a context has the inputs of all of them, one after the other. */
  readonly rows?: number;
}

/** Checks an audit's spec. Throws an `InputError` that names the value that cannot be used. */
export function parseBanditSpec(value: unknown): Bandit {
  const spec = asObject(value, "the spec", [
    "units",
    "layers",
    "contexts",
    "reward",
    "baseline",
    "actions",
    "floor",
    "allowed",
  ]);
  const rows = spec.actions === undefined ? undefined : parseRows(spec.contexts, spec.actions);
  const { network, parameters, contexts } =
    rows === undefined ? parseNetwork(spec, "softmax") : parseChoice(spec, rows);
  const actions = rows?.[0].length ?? countActions(network);
  const reward = asArray(spec.reward, "reward");
  checkLength(reward, "reward", contexts.length, "one for each context");
  const rewards = reward.map((row, c) => {
    const entries = asArray(row, `reward[${c}]`);
    checkLength(entries, `reward[${c}]`, actions, "one for each action");
    return entries.map((entry, a) => parseReward(entry, `reward[${c}][${a}]`));
  });

  const baseline = spec.baseline === undefined ? undefined : asNumber(spec.baseline, "baseline");
  const bandit = { network, parameters, contexts, rewards, baseline, ...(rows && { rows: actions }) };
  if (rows !== undefined && spec.allowed !== undefined) {
    throw new InputError(
      "the spec has actions and allowed; expected actions without those that are not allowed",
    );
  }
  const choices = rows === undefined ? networkShapes(network).at(-1)!.choices : actions;
  const exploring = parseExploring(spec, contexts.length, choices);
  return { ...bandit, ...(exploring && { exploring }) };
}

/** [context][action] what the network sees of each action: the context's numbers and its features. */
function parseRows(contexts: unknown, actions: unknown): number[][][] {
  const seen = asTable(contexts, "contexts");
  const lists = asArray(actions, "actions");
  checkLength(lists, "actions", seen.length, "one list for each context");
  const rows = lists.map((list, c) =>
    asTable(list, `actions[${c}]`).map((features) => [...seen[c], ...features]),
  );
  const [first] = rows;
  rows.forEach((list, c) => {
    checkLength(list, `actions[${c}]`, first.length, "as many actions as the first context has");
    list.forEach((row, a) => {
      checkLength(row, `actions[${c}][${a}] with its context`, first[0].length, "as the first one has");
    });
  });
  if (first.length < 2) throw new InputError("actions[0] has 1 action; expected at least 2");
  return rows;
}

/** A network that scores rows, and contexts of all rows of a decision. */
function parseChoice(spec: Record<string, unknown>, rows: readonly number[][][]): Setting {
  const setting = parseNetwork({ ...spec, contexts: rows.flat() }, "bernoulli");
  const { kind, units } = setting.network.layers.at(-1)!;
  if (kind !== "bernoulli" || units !== 1) {
    throw new InputError(`the last layer has ${units} ${kind} units; expected one, which scores an action`);
  }
  return { ...setting, contexts: rows.map((list) => list.flat()) };
}

function parseExploring(
  { floor, allowed }: Partial<Record<"floor" | "allowed", unknown>>,
  contexts: number,
  actions: number,
): Exploring | undefined {
  if (floor === undefined && allowed === undefined) return undefined;
  if (actions === 1)
    throw new InputError("the last layer is bernoulli; only softmax actions have floors and masks");
  const under = floor === undefined ? 0 : asNumber(floor, "floor");
  if (!(under >= 0 && under <= 1)) throw new InputError(`floor is ${under}; expected a number from 0 to 1`);
  if (allowed === undefined) return { floor: under, allowed: undefined };
  const rows = asArray(allowed, "allowed");
  checkLength(rows, "allowed", contexts, "one for each context");
  const lists = rows.map((row, c) => asNumbers(row, `allowed[${c}]`));
  for (const list of lists) checkAllowed(list, actions);
  return { floor: under, allowed: lists };
}

/** The actions that the last layer can take. Throws an `InputError` where it is not one unit. */
export function countActions(network: NetworkSpec): number {
  const { units, choices } = networkShapes(network).at(-1)!;
  if (units === 1) return Math.max(2, choices);
  throw new InputError(`the last layer has ${units} units; expected one, whose choice is the action`);
}

/**
 * A network with its parameters and what it sees, which the spec calls `seen`; `lastKind` is what the last layer is
 * unless it says otherwise.
 */
export function parseNetwork(
  spec: Partial<Record<"units" | "layers" | "contexts", unknown>>,
  lastKind: "bernoulli" | "softmax",
  seen = "contexts",
): Setting {
  const units = asOneOf(spec.units, "units", ["zero-one", "plus-minus"]);

  const contexts = asTable(spec.contexts, seen);
  const inputs = contexts[0].length;
  contexts.forEach((context, c) => {
    checkLength(context, `${seen}[${c}]`, inputs, `as the first ${seen.slice(0, -1)} has`);
  });

  const layers = asArray(spec.layers, "layers");
  const parsed = layers.map((layer, l) => {
    const last = l === layers.length - 1;
    return parseLayer(layer, `layers[${l}]`, last, last ? lastKind : "bernoulli");
  });
  const bits = contexts.every((context) => context.every((x) => x === 0 || x === 1));
  const network: NetworkSpec = {
    inputs,
    inputKind: bits ? "bits" : "real",
    units,
    layers: parsed.map(({ shape }) => shape),
  };
  const shapes = networkShapes(network);
  shapes.forEach(({ parentWidths }, l) => {
    const width = parentWidths.reduce((a, b) => a + b, 0);
    checkInputs(parsed[l].values, `layers[${l}]`, width, "input");
  });
  return { network, parameters: parsed.map(({ values }) => values), contexts };
}

/** A layer and its parameters; whether its parents exist, `networkShapes` says. */
export function parseLayer(
  value: unknown,
  name: string,
  last: boolean,
  defaultKind: "bernoulli" | "softmax" = last ? "softmax" : "bernoulli",
): { shape: LayerSpec; values: LayerValues } {
  const layer = asObject(value, name, ["weights", "bias", "kind", "choices", "parents"]);
  const weights = asTable(layer.weights, `${name}.weights`);
  const bias = asNumbers(layer.bias, `${name}.bias`);
  checkLength(bias, `${name}.bias`, weights.length, "one for each row of weights");

  const kind = asOneOf(layer.kind ?? defaultKind, `${name}.kind`, ["bernoulli", "softmax"]);
  const parents = layer.parents === undefined ? {} : { parents: asArray(layer.parents, `${name}.parents`) };
  const shape = { kind, ...(parents as Pick<LayerSpec, "parents">) };

  if (kind === "bernoulli") {
    if (layer.choices !== undefined) {
      throw new InputError(`${name} is bernoulli and has ${name}.choices; only softmax layers have choices`);
    }
    return { shape: { ...shape, units: weights.length }, values: { weights, bias } };
  }
  const choices = (layer.choices ?? (last ? weights.length : undefined)) as number;
  if (!isWhole(choices, 2)) {
    throw new InputError(
      `${name}.choices is ${show(choices)}; expected a whole number of at least 2, as the layer is softmax`,
    );
  }
  const units = weights.length / choices;
  if (!Number.isInteger(units)) {
    throw new InputError(
      `${name}.weights has ${weights.length} rows; expected ${choices} for each softmax unit`,
    );
  }
  return { shape: { ...shape, units, choices }, values: { weights, bias } };
}

/** Every row has one weight for each input. */
export function checkInputs({ weights }: LayerValues, name: string, inputs: number, of: string): void {
  weights.forEach((row, r) => {
    checkLength(row, `${name}.weights[${r}]`, inputs, `one for each ${of}`);
  });
}

function parseReward(value: unknown, name: string): RandomReward {
  if (typeof value !== "object") return { values: [asNumber(value, name)], probabilities: [1] };
  const reward = asObject(value, name, ["values", "probabilities"]);
  const values = asNumbers(reward.values, `${name}.values`);
  const probabilities = asNumbers(reward.probabilities, `${name}.probabilities`);
  checkLength(probabilities, `${name}.probabilities`, values.length, "one for each value");
  checkDistribution(probabilities, `${name}.probabilities`);
  return { values, probabilities };
}

/** Throws an `InputError` for numbers that are no probabilities of all that can happen. */
export function checkDistribution(probabilities: readonly number[], name: string): void {
  const sum = probabilities.reduce((a, b) => a + b, 0);
  if (Math.abs(sum - 1) <= 1e-9 && probabilities.every((p) => p >= 0)) return;
  throw new InputError(`${name} is ${show(probabilities)}; expected numbers of at least 0 that sum to 1`);
}
