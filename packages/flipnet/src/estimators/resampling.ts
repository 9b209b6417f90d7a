/**
 * Second samples: what leave-one-out, DisARM and ARM share. For each layer two passes differ in what the layer did and
 * in all that lies downstream of it, and agree on everything else; the layer is credited by how the components downstream of it differ between the two. With
 * `"partial"` the first of the two is the main pass itself (HNCA paper, appendix J); with `"fresh"` both are partial
 * passes of their own (Dong, Mnih and Tucker's code). All branches are evaluated at the parameters before the update
 * (D-23).
 */
import type { Matrix } from "../backend/backend.ts";
import type { Draws } from "../network/draws.ts";
import type { Layer } from "../network/network.ts";
import { createTrace, forkTrace, samplePass, type Trace } from "../network/trace.ts";
import { type Component, type Evaluation, placeOf } from "../objectives/objective.ts";
import type { Problem } from "./estimator.ts";
import { oneOf } from "./options.ts";

/** One layer's pair of passes. */
export interface Pair {
  readonly layer: Layer;
  readonly first: Trace;
  readonly second: Trace;
  /** [B, 1] `(f1 - f2) / 2`, over the components downstream of the layer; valid after `compare`. */
  readonly halfDifference: Matrix;
}

export interface Resampling {
  readonly trace: Trace;
  readonly evaluation: Evaluation;
  readonly pairs: readonly Pair[];
  sample(draws: Draws): void;
  /** Evaluates the objective on the main pass and compares each layer's two passes. */
  compare(): void;
}

/** Draws both outcomes of a layer, whose law stands in both passes. */
export type DrawPair = (draws: Draws, pair: Pair) => void;

/** The components on a pass that a layer can influence. */
export const downstream = (components: readonly Component[], layer: Layer): readonly Component[] =>
  components.filter((component) => placeOf(component, layer) !== "upstream");

/** The option of estimators that draw antithetic pairs. */
export const resampleOption = oneOf(["partial", "fresh"], {
  default: "partial",
  says: "where second samples come from: beside the main pass one partial pass from each layer on, or two",
});

export function prepareResampling(
  { network, input, objective }: Problem,
  resample: "partial" | "fresh",
  drawPair: DrawPair,
): Resampling {
  const { backend, layers } = network;
  const trace = createTrace(network, input);
  const evaluation = objective.prepare(trace);
  const pairs = layers.map((layer) => {
    const branch = 1 + 2 * layer.index;
    const first = resample === "partial" ? trace : forkTrace(trace, layer, branch);
    const second = forkTrace(trace, layer, branch + 1);
    const componentsOf = (pass: Trace) =>
      downstream((pass === trace ? evaluation : objective.prepare(pass)).components, layer);
    const halfDifference = backend.matrix(input.rows, 1);
    return { layer, first, second, halfDifference, ones: componentsOf(first), others: componentsOf(second) };
  });

  return {
    trace,
    evaluation,
    pairs,
    sample(draws) {
      if (resample === "fresh") samplePass(trace, draws);
      else samplePass(trace, draws, (index) => drawPair(draws, pairs[index]));
      for (const pair of pairs) {
        if (resample === "fresh") {
          drawPair(draws, pair);
          samplePass(pair.first, draws);
        }
        samplePass(pair.second, draws);
      }
    },
    compare() {
      for (const component of evaluation.components) component.evaluate();
      for (const { first, halfDifference, ones, others } of pairs) {
        backend.fill(halfDifference, 0);
        for (const component of ones) {
          if (first !== trace) component.evaluate();
          backend.addScaled(component.value, 0.5, halfDifference);
        }
        for (const component of others) {
          component.evaluate();
          backend.addScaled(component.value, -0.5, halfDifference);
        }
      }
    },
  };
}
