/** What several rules ask of a network or an option; each check throws an `InputError` that says what is wrong. */
import { InputError } from "../formats/errors.ts";
import type { Layer, Network } from "../network/network.ts";
import { type Component, layersRead } from "../objectives/objective.ts";

/** The share of the penalty in a reward-penalty rule. */
export function checkLambda(lambda: number | undefined): number {
  if (lambda === undefined) {
    throw new InputError(
      "reward-penalty needs lambda, the share of the penalty; expected a number from 0 to 1",
    );
  }
  if (!(lambda >= 0 && lambda <= 1)) {
    throw new InputError(`lambda is ${lambda}; expected a number from 0 to 1`);
  }
  return lambda;
}

/** All layers but the last must be Bernoulli. */
export function requireBernoulliHidden(name: string, { layers }: Network): void {
  const softmax = layers.slice(0, -1).find(({ kind }) => kind === "softmax");
  if (softmax !== undefined) {
    throw new InputError(`${name} needs Bernoulli hidden units, and ${softmax.name} is softmax`);
  }
}

/** Whatever is credited must depend on what the last layer did, and on nothing else that the network did. */
export function requireOutputReward(
  name: string,
  { layers }: Network,
  components: readonly Component[],
): void {
  const output = layers.length - 1;
  const other = components.find(({ reads }) => reads.length !== 1 || reads[0] !== output);
  if (other !== undefined) {
    throw new InputError(
      `${name} learns from what the last layer earns, and the component "${other.name}" reads ${layersRead(other)}; f-hnca takes any function`,
    );
  }
}

/** The network must be one unit that chooses between two actions; returns its layer. */
export function requireSingleUnit(name: string, { layers }: Network): Layer {
  const [unit] = layers;
  const found =
    layers.length > 1
      ? `the network has ${layers.length} layers`
      : unit.units > 1
        ? `the network has ${unit.units} of them`
        : `it has ${unit.choices} actions`;
  if (layers.length > 1 || unit.units > 1 || unit.choices > 2) {
    throw new InputError(`${name} is a rule for one unit with two actions; ${found}`);
  }
  return unit;
}
