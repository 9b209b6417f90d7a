/** Hidden layers as people say them. */
import { InputError } from "../formats/errors.ts";
import type { LayerSpec } from "./network.ts";

/**
 * The width of a Bernoulli layer; or its units, with how many choices each of them has where they are softmax, and the
 * layers that feed it, `"input"` or an earlier layer's number from 0, where that is not the layer before alone.
 */
export type HiddenLayer =
  | number
  | {
      readonly units: number;
      readonly choices?: number | undefined;
      readonly parents?: readonly ("input" | number)[] | undefined;
    };

/** A hidden layer in full. @throws InputError for what is neither a number nor an object */
export function hiddenSpec(layer: HiddenLayer): LayerSpec {
  if (typeof layer === "number") return { kind: "bernoulli", units: layer };
  if (typeof layer !== "object" || layer === null || !Array.isArray(layer.parents ?? [])) {
    throw new InputError(
      `a hidden layer is ${JSON.stringify(layer)}; expected its width, or { units, choices, parents }`,
    );
  }
  const { units, choices, parents } = layer;
  const shape =
    choices === undefined ? { kind: "bernoulli" as const } : { kind: "softmax" as const, choices };
  return { ...shape, units, ...(parents && { parents }) };
}

/**
 * Hidden layers and the output that reads the last one, and all others that feed no layer; and the input, if it may `skip`
 * them.
 */
export function withOutput(hidden: readonly HiddenLayer[], output: LayerSpec, skip = false): LayerSpec[] {
  const layers = hidden.map(hiddenSpec);
  const fed = new Set(layers.flatMap(({ parents }, index) => parents ?? [index - 1]));
  const last = layers.flatMap((_, index) => (fed.has(index) ? [] : [index]));
  const parents = skip && layers.length > 0 ? ["input" as const, ...last] : last;
  return [...layers, parents.length > 1 ? { ...output, parents } : output];
}

/** `200`, `softmax:20x10`, and either with what feeds it: `100@input+0`. */
const layerText =
  /^(?:softmax:(?<softmax>[1-9]\d*)x(?<choices>\d+)|(?<bernoulli>[1-9]\d*))(?:@(?<parents>.+))?$/;

/** The layer that a text says, `200`, `softmax:20x10` or `100@input+0`; undefined where it says none. */
export function parseHidden(text: string): HiddenLayer | undefined {
  const { softmax, bernoulli, choices, parents } = layerText.exec(text)?.groups ?? {};
  const fedBy = parents?.split("+").map((from) => (/^\d+$/.test(from) ? Number(from) : from));
  if (fedBy?.some((from) => typeof from === "string" && from !== "input")) return undefined;
  if (choices === undefined ? bernoulli === undefined : Number(choices) < 2) return undefined;
  return {
    units: Number(softmax ?? bernoulli),
    ...(choices !== undefined && { choices: Number(choices) }),
    ...(fedBy && { parents: fedBy as ("input" | number)[] }),
  };
}

/** A hidden layer in few characters: `200`, of softmax units `20x10`, with what feeds it `100@input+0`. */
export function hiddenName(layer: HiddenLayer): string {
  const { units, choices, parents } = hiddenSpec(layer);
  const name = choices === undefined ? `${units}` : `${units}x${choices}`;
  return parents === undefined ? name : `${name}@${parents.join("+")}`;
}
