/**
 * The learning signal of a layer: the sum of the components that it is credited with, less a baseline, [B, 1]. A running
 * average starts at 0; the old value is used and then updated with the batch's mean, so that it never depends on the
 * sample it is subtracted from and the estimate stays unbiased (HNCA paper, appendices E and J; D-7, D-21). Each layer
 * tracks its own sum; layers that are credited with the same components share one.
 */
import type { Matrix } from "../backend/backend.ts";
import type { Layer } from "../network/network.ts";
import type { Component } from "../objectives/objective.ts";
import type { Problem } from "./estimator.ts";

export interface Signals {
  /** A layer's signal, valid after `update`; undefined where no component counts. */
  of(layer: Layer): Matrix | undefined;
  /** The signal of some components, under a name of its own; to be asked for before the first `update`. */
  sum(name: string, components: readonly Component[]): Matrix | undefined;
  readonly state: Readonly<Record<string, Matrix>>;
  /** Computes the signals from the components as they stand, then updates the baselines. */
  update(): void;
}

interface Signal {
  readonly components: readonly Component[];
  readonly sum: Matrix;
  readonly values: Matrix;
  readonly average: Matrix | undefined;
}

/** `credited` says which components count towards a layer's signal. */
export function prepareSignals(
  { network, baseline, baselineDecay }: Problem,
  components: readonly Component[],
  credited: (component: Component, layer: Layer) => boolean,
): Signals {
  const { backend, layers } = network;
  const byComponents = new Map<string, Signal>();
  const signals: Signal[] = [];
  const state: Record<string, Matrix> = {};

  function sum(name: string, counted: readonly Component[]): Matrix | undefined {
    if (counted.length === 0) return undefined;
    const key = counted.map((component) => component.name).join();
    let signal = byComponents.get(key);
    if (signal === undefined) {
      const B = counted[0].value.rows;
      const sum = counted.length === 1 ? counted[0].value : backend.matrix(B, 1);
      const average = baseline === "none" ? undefined : backend.matrix(1, 1);
      if (average !== undefined && typeof baseline === "number") backend.fill(average, baseline);
      if (average !== undefined && baseline === "running-average") state[name] = average;
      const values = average === undefined ? sum : backend.matrix(B, 1);
      signal = { components: counted, sum, values, average };
      byComponents.set(key, signal);
      signals.push(signal);
    }
    return signal.values;
  }

  const byLayer = layers.map((layer) => {
    const counted = components.filter((component) => credited(component, layer));
    return sum(`baseline.${layer.index}`, counted);
  });

  return {
    of: (layer) => byLayer[layer.index],
    sum,
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
