/**
 * The exact gradient of an expectation over a network, by differentiating the sum over everything that can happen:
 *
 *     J = mean over contexts of sum_k1 P(k1) sum_k2 P(k2 | k1) ... f(context, k1, k2, ...).
 *
 * No score, no baseline, no estimator, and none of the backend's operations: an error there cannot hide here.
 */
import type { NetworkSpec } from "../network/network.ts";
import { dot, sigmoid, softmax } from "./arithmetic.ts";
import type { LayerValues } from "./layout.ts";

/** A network with its parameters, and what it sees, equally likely. */
export interface Setting {
  readonly network: NetworkSpec;
  /** One entry a layer. */
  readonly parameters: readonly LayerValues[];
  readonly contexts: readonly (readonly number[])[];
  /** How the last layer, one softmax unit, is drawn beside its softmax. */
  readonly exploring?: Exploring;
}

/** A floor under the probabilities of actions, and masks. */
export interface Exploring {
  readonly floor: number;
  /** [context] numbers of actions; undefined: all are allowed. */
  readonly allowed: readonly (readonly number[])[] | undefined;
}

/** What a way in which everything can come out is worth: `shown` is what each layer shows, `reach` its probability. */
export type Worth = (context: number, shown: readonly (readonly number[])[], reach: number) => number;

/** Number of ways in which contexts and units can come out. */
export const countStates = ({ network, contexts }: Setting): number =>
  network.layers.reduce((product, { units, choices = 2 }) => product * choices ** units, contexts.length);

export const zeros = ({ weights, bias }: LayerValues): LayerValues => ({
  weights: weights.map((row) => row.map(() => 0)),
  bias: bias.map(() => 0),
});

/** Adds the slope of a logit to the gradient of the parameters that it is linear in. */
export function addSlope(gradient: LayerValues, row: number, x: readonly number[], slope: number): void {
  gradient.bias[row] += slope;
  x.forEach((value, i) => {
    gradient.weights[row][i] += slope * value;
  });
}

/** Adds `by` times one layer's values to another's. */
export function addScaled(sum: LayerValues, { weights, bias }: LayerValues, by: number): void {
  bias.forEach((value, row) => {
    sum.bias[row] += by * value;
    weights[row].forEach((weight, i) => {
      sum.weights[row][i] += by * weight;
    });
  });
}

/**
 * J, and dJ/d(weights and bias) of each layer, laid out as they are. `worth` is called once for every state.
 */
export function exactGradient(
  { network, parameters, contexts, exploring }: Setting,
  worth: Worth,
): { value: number; gradient: LayerValues[] } {
  const { layers } = network;
  const gradient = parameters.map(zeros);
  /** What a unit shows its children when it comes out as `k`. */
  const shows = (index: number, k: number): number[] => {
    const { kind, choices = 2 } = layers[index];
    if (kind === "softmax") return Array.from({ length: choices }, (_, choice) => (choice === k ? 1 : 0));
    return [network.units === "plus-minus" ? 2 * k - 1 : k];
  };

  /** Along the way that is being followed: the context, what each layer read, its laws and what it showed. */
  let context = 0;
  const inputs: number[][] = [];
  const laws: number[][][] = [];
  const shown: number[][] = [];

  /** What the floor gives to every action. */
  function floorOf(actions: number): number[] {
    const { floor, allowed } = exploring!;
    const list = allowed?.[context] ?? Array.from({ length: actions }, (_, k) => k);
    return Array.from({ length: actions }, (_, k) => (list.includes(k) ? floor / list.length : 0));
  }

  function startLayer(index: number): void {
    const { kind, units, choices = 1, parents = [index === 0 ? "input" : index - 1] } = layers[index];
    const { weights, bias } = parameters[index];
    const input = parents.flatMap((from) => (from === "input" ? contexts[context] : shown[from]));
    const logits = weights.map((row, r) => bias[r] + dot(row, input));
    inputs[index] = input;
    shown[index] = [];
    const allowed = index === layers.length - 1 ? exploring?.allowed?.[context] : undefined;
    if (allowed !== undefined)
      logits.forEach((_, k) => {
        if (!allowed.includes(k)) logits[k] = -Infinity;
      });
    laws[index] = Array.from({ length: units }, (_, unit) =>
      kind === "softmax"
        ? softmax(logits.slice(unit * choices, (unit + 1) * choices))
        : [sigmoid(-logits[unit]), sigmoid(logits[unit])],
    );
  }

  /**
   * Expectation once all units before `unit` of layer `index` have come out, which has the probability `reach`.
   * On the way back, adds what this unit's law contributes to the gradient.
   */
  function follow(index: number, unit: number, reach: number): number {
    if (index === layers.length) return worth(context, shown, reach);
    const { kind, units } = layers[index];
    if (unit === units) return follow(index + 1, 0, reach);
    if (unit === 0) startLayer(index);

    const law = laws[index][unit];
    const width = kind === "softmax" ? law.length : 1;
    const floor = exploring !== undefined && index === layers.length - 1 ? floorOf(law.length) : undefined;
    const values = law.map((own, k) => {
      const probability = floor === undefined ? own : (1 - exploring!.floor) * own + floor[k];
      shown[index].splice(unit * width, width, ...shows(index, k));
      return follow(index, unit + 1, reach * probability);
    });
    if (kind === "softmax" && exploring !== undefined && index === layers.length - 1) {
      const own = 1 - exploring.floor;
      const mean = dot(law, values);
      law.forEach((probability, k) => {
        addSlope(gradient[index], k, inputs[index], reach * own * probability * (values[k] - mean));
      });
      return own * mean + dot(floorOf(law.length), values);
    }
    const expected = dot(law, values);
    if (kind === "softmax") {
      law.forEach((probability, k) => {
        const slope = reach * probability * (values[k] - expected);
        addSlope(gradient[index], unit * width + k, inputs[index], slope);
      });
    } else {
      addSlope(gradient[index], unit, inputs[index], reach * law[0] * law[1] * (values[1] - values[0]));
    }
    return expected;
  }

  let value = 0;
  for (; context < contexts.length; context++) {
    value += follow(0, 0, 1 / contexts.length) / contexts.length;
  }
  return { value, gradient };
}
