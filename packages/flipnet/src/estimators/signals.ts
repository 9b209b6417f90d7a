/**
 * The learning signal of a layer: the sum of the components that it is credited with, less a baseline, [B, 1]. Each layer
 * tracks its own sum; layers that are credited with the same components share one.
 */
import type { Matrix } from "../backend/backend.ts";
import type { Parameters } from "../front-ends/front-end.ts";
import type { Layer } from "../network/network.ts";
import type { Pass } from "../network/pass.ts";
import type { Component } from "../objectives/objective.ts";
import { type PreparedBaseline, prepareBaseline } from "./baseline.ts";
import type { Problem } from "./estimator.ts";

/** The learning signals of a network's layers. */
export interface Signals {
  /** A layer's signal, valid after `compute`; undefined where no component counts. */
  of(layer: Layer): Matrix | undefined;
  /** The signal of some components, under a name of its own; to be asked for before the first `compute`. */
  sum(name: string, components: readonly Component[]): Matrix | undefined;
  /** Running averages, by name. */
  readonly state: Readonly<Record<string, Matrix>>;
  /** Of baselines that learn. */
  readonly parameters: readonly Parameters[];
  /** One for each of the parameters, valid after `adapt`. */
  readonly gradients: readonly Matrix[];
  /** Computes the signals from the components as they stand: `sumUp`, then `subtract`. */
  compute(): void;
  /** Adds up the components of each. */
  sumUp(): void;
  /** Subtracts the baselines. */
  subtract(): void;
  /** Moves the baselines towards what the signals were. */
  adapt(): void;
}

interface Signal {
  readonly components: readonly Component[];
  readonly sum: Matrix;
  readonly values: Matrix;
  readonly baseline: PreparedBaseline | undefined;
}

/** `credited` says which components count towards a layer's signal. */
export function prepareSignals(
  { network, baseline, baselineDecay }: Problem,
  pass: Pass,
  components: readonly Component[],
  credited: (component: Component, layer: Layer) => boolean,
): Signals {
  const { backend, layers } = network;
  const byComponents = new Map<string, Signal>();
  const signals: Signal[] = [];
  const state: Record<string, Matrix> = {};
  const parameters: Parameters[] = [];
  const gradients: Matrix[] = [];

  function prepare(name: string, counted: readonly Component[]): Signal {
    const B = counted[0].value.rows;
    const sum = counted.length === 1 ? counted[0].value : backend.matrix(B, 1);
    const prepared = prepareBaseline(baseline, baselineDecay, pass, name, sum);
    if (prepared?.state !== undefined) state[name] = prepared.state;
    parameters.push(...(prepared?.parameters ?? []));
    gradients.push(...(prepared?.gradients ?? []));
    const values = prepared === undefined ? sum : backend.matrix(B, 1);
    return { components: counted, sum, values, baseline: prepared };
  }

  function sum(name: string, counted: readonly Component[]): Matrix | undefined {
    if (counted.length === 0) return undefined;
    const key = counted.map((component) => components.indexOf(component)).join();
    let signal = byComponents.get(key);
    if (signal === undefined) {
      signal = prepare(name, counted);
      byComponents.set(key, signal);
      signals.push(signal);
    }
    return signal.values;
  }

  function sumUp(): void {
    for (const { components, sum } of signals) {
      if (components.length === 1) continue;
      backend.fill(sum, 0);
      for (const { value } of components) backend.addScaled(value, 1, sum);
    }
  }

  function subtract(): void {
    for (const { sum, values, baseline } of signals) baseline?.subtract(sum, values);
  }

  const byLayer = layers.map((layer) => {
    const counted = components.filter((component) => credited(component, layer));
    return sum(`baseline.${layer.index}`, counted);
  });

  return {
    of: (layer) => byLayer[layer.index],
    sum,
    state,
    parameters,
    gradients,
    compute() {
      sumUp();
      subtract();
    },
    sumUp,
    subtract,
    adapt() {
      for (const { sum, baseline } of signals) baseline?.adapt?.(sum);
    },
  };
}

/** The same where each layer has a signal that somebody else computes: `values`, one a layer, [B, 1]. */
export function prepareGivenSignals(problem: Problem, pass: Pass, values: readonly Matrix[]): Signals {
  const given = values.map(
    (value, index): Component => ({ name: `signal.${index}`, reads: [index], value, evaluate() {} }),
  );
  return prepareSignals(problem, pass, given, (one, { index }) => one === given[index]);
}
