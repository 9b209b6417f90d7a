/** Hidden layers as people say them. */
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

/** A hidden layer in full. */
export function hiddenSpec(layer: HiddenLayer): LayerSpec {
  if (typeof layer === "number") return { kind: "bernoulli", units: layer };
  const { units, choices, parents } = layer;
  const shape =
    choices === undefined ? { kind: "bernoulli" as const } : { kind: "softmax" as const, choices };
  return { ...shape, units, ...(parents && { parents }) };
}

/** Hidden layers and the output that reads the last one, and all others that feed no layer. */
export function withOutput(hidden: readonly HiddenLayer[], output: LayerSpec): LayerSpec[] {
  const layers = hidden.map(hiddenSpec);
  const fed = new Set(layers.flatMap(({ parents }, index) => parents ?? [index - 1]));
  const parents = layers.flatMap((_, index) => (fed.has(index) ? [] : [index]));
  return [...layers, parents.length > 1 ? { ...output, parents } : output];
}

/** A hidden layer in few characters: `200`, or of softmax units `20x10`. */
export function hiddenName(layer: HiddenLayer): string {
  const { units, choices } = hiddenSpec(layer);
  return choices === undefined ? `${units}` : `${units}x${choices}`;
}
