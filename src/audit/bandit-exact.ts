/**
 * The exact gradient of a bandit's expected reward, by differentiating the sum over everything that can happen:
 *
 *     J = mean over contexts of sum_k1 P(k1) sum_k2 P(k2 | k1) ... R(context, action).
 *
 * No score, no baseline, no estimator, and none of the backend's operations: an error there cannot hide here.
 */
import { dot, sigmoid, softmax } from "./arithmetic.ts";
import type { Bandit, RandomReward } from "./bandit-spec.ts";
import type { LayerValues } from "./layout.ts";

const mean = ({ values, probabilities }: RandomReward): number => dot(values, probabilities);

/** Number of ways in which contexts and units can come out. */
export const countStates = ({ network, contexts }: Bandit): number =>
  network.layers.reduce((product, { units, choices = 2 }) => product * choices ** units, contexts.length);

/**
 * dJ/d(weights and bias) of each layer, laid out as they are.
 * @param visited called after each state
 */
export function exactGradient(
  { network, parameters, contexts, rewards }: Bandit,
  visited: () => void = () => {},
): LayerValues[] {
  const { layers } = network;
  const gradient = parameters.map(({ weights, bias }) => ({
    weights: weights.map((row) => row.map(() => 0)),
    bias: bias.map(() => 0),
  }));
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

  function startLayer(index: number): void {
    const { kind, units, choices = 1, parents = [index === 0 ? "input" : index - 1] } = layers[index];
    const { weights, bias } = parameters[index];
    const input = parents.flatMap((from) => (from === "input" ? contexts[context] : shown[from]));
    const logits = weights.map((row, r) => bias[r] + dot(row, input));
    inputs[index] = input;
    shown[index] = [];
    laws[index] = Array.from({ length: units }, (_, unit) =>
      kind === "softmax"
        ? softmax(logits.slice(unit * choices, (unit + 1) * choices))
        : [sigmoid(-logits[unit]), sigmoid(logits[unit])],
    );
  }

  function addSlope(index: number, row: number, slope: number): void {
    gradient[index].bias[row] += slope;
    const weights = gradient[index].weights[row];
    inputs[index].forEach((x, i) => {
      weights[i] += slope * x;
    });
  }

  /**
   * Expected reward once all units before `unit` of layer `index` have come out, which has the probability `reach`.
   * On the way back, adds what this unit's law contributes to the gradient.
   */
  function follow(index: number, unit: number, reach: number, action: number): number {
    if (index === layers.length) {
      visited();
      return mean(rewards[context][action]);
    }
    const { kind, units } = layers[index];
    if (unit === units) return follow(index + 1, 0, reach, action);
    if (unit === 0) startLayer(index);

    const law = laws[index][unit];
    const width = kind === "softmax" ? law.length : 1;
    const values = law.map((probability, k) => {
      shown[index].splice(unit * width, width, ...shows(index, k));
      return follow(index, unit + 1, reach * probability, k);
    });
    const expected = dot(law, values);
    if (kind === "softmax") {
      law.forEach((probability, k) => {
        addSlope(index, unit * width + k, reach * probability * (values[k] - expected));
      });
    } else {
      addSlope(index, unit, reach * law[0] * law[1] * (values[1] - values[0]));
    }
    return expected;
  }

  for (context = 0; context < contexts.length; context++) follow(0, 0, 1 / contexts.length, 0);
  return gradient;
}
