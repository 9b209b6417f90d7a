/**
 * K full, independent passes, each with the mean of the others for its baseline: what VarGrad and one form of
 * leave-one-out share. Each score belongs to its own parents, so that a layer has K terms.
 */
import type { Layer } from "../network/network.ts";
import { createTrace, samplePass } from "../network/trace.ts";
import type { Component } from "../objectives/objective.ts";
import type { PreparedEstimator, Problem } from "./estimator.ts";
import { advantageOf } from "./resampling.ts";

/** `credited` says which components count towards a layer's signal. */
export function independentPasses(
  { network, input, objective }: Problem,
  samples: number,
  credited: (component: Component, layer: Layer) => boolean,
): PreparedEstimator {
  const { backend, layers } = network;
  const B = input.rows;
  const main = createTrace(network, input);
  const others = Array.from({ length: samples - 1 }, (_, k) =>
    createTrace(network, input, k + 1, main.features),
  );
  const passes = [main, ...others].map((trace) => ({ trace, evaluation: objective.prepare(trace) }));
  const [{ evaluation }] = passes;
  const parts = layers.map((layer) => ({
    layer,
    terms: passes.map(({ trace, evaluation }) => ({
      linear: layer,
      trace,
      g: backend.matrix(B, layer.width),
      components: evaluation.components.filter((component) => credited(component, layer)),
      advantage: backend.matrix(B, 1),
    })),
  }));
  return {
    trace: main,
    evaluation,
    credits: parts.flatMap(({ terms }) => terms),
    state: {},
    sample(draws) {
      for (const { trace } of passes) samplePass(trace, draws);
    },
    assign() {
      for (const { evaluation } of passes)
        for (const component of evaluation.components) component.evaluate();
      for (const { layer, terms } of parts) {
        terms.forEach(({ trace, g }, k) => {
          const { bits, p } = trace.layers[layer.index];
          backend.subtract(bits, p, g);
          backend.scaleRows(g, advantageOf(backend, terms, k), g);
        });
        // Direct gradients are trained with the first pass alone, as with all the other methods.
        evaluation.addDirectGradient(layer, terms[0].g);
      }
    },
  };
}
