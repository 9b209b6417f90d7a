/**
 * The learning signal of a layer: the sum of the components that it is credited with, less a baseline, [B, 1]. A running
 * average starts at 0; the old value is used and then updated with the batch's mean, so that it never depends on the
 * sample it is subtracted from and the estimate stays unbiased (HNCA paper, appendices E and J; D-7, D-21). Each layer
 * tracks its own sum; layers that are credited with the same components share one.
 */
import type { Matrix } from "../backend/backend.ts";
import type { Layer } from "../network/network.ts";
import { type Component, type Place, placeOf } from "../objectives/objective.ts";
import type { Problem } from "./estimator.ts";

export interface Signals {
  /** A layer's signal, valid after `update`; undefined where no component counts. */
  of(layer: Layer): Matrix | undefined;
  readonly state: Readonly<Record<string, Matrix>>;
  /** Computes the signals from the components as they stand, then updates the baselines. */
  update(): void;
}

interface Signal {
  readonly name: string;
  readonly components: readonly Component[];
  readonly sum: Matrix;
  readonly values: Matrix;
  readonly average: Matrix | undefined;
}

/** `credited` says in which places a component counts towards a layer's signal. */
export function prepareSignals(
  { network, baseline, baselineDecay }: Problem,
  components: readonly Component[],
  credited: readonly Place[],
): Signals {
  const { backend, layers } = network;
  const byComponents = new Map<string, Signal>();
  const byLayer = layers.map((layer): Signal | undefined => {
    const counted = components.filter((component) => credited.includes(placeOf(network, component, layer)));
    if (counted.length === 0) return undefined;
    const key = counted.map(({ name }) => name).join();
    let signal = byComponents.get(key);
    if (signal === undefined) {
      const B = counted[0].value.rows;
      const sum = counted.length === 1 ? counted[0].value : backend.matrix(B, 1);
      const average = baseline === "none" ? undefined : backend.matrix(1, 1);
      if (average !== undefined && typeof baseline === "number") backend.fill(average, baseline);
      const values = average === undefined ? sum : backend.matrix(B, 1);
      signal = { name: `baseline.${layer.index}`, components: counted, sum, values, average };
      byComponents.set(key, signal);
    }
    return signal;
  });
  const signals = [...byComponents.values()];
  const state: Record<string, Matrix> = {};
  for (const { name, average } of signals) {
    if (baseline === "running-average" && average !== undefined) state[name] = average;
  }

  return {
    of: (layer) => byLayer[layer.index]?.values,
    state,
    update() {
      for (const { components, sum, values, average } of signals) {
        if (components.length > 1) {
          backend.fill(sum, 0);
          for (const { value } of components) backend.addScaled(value, 1, sum);
        }
        if (average !== undefined) {
          backend.subtractBaseline(sum, average, values);
          if (baseline === "running-average") backend.trackMean(sum, baselineDecay, average);
        }
      }
    },
  };
}
