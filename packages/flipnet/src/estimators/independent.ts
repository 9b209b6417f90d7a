/**
 * Two full, independent passes, each one the other's baseline: what VarGrad and one form of leave-one-out share. Each
 * score belongs to its own parents, so that a layer has two terms.
 */
import type { Layer } from "../network/network.ts";
import { createTrace, samplePass } from "../network/trace.ts";
import type { Component } from "../objectives/objective.ts";
import type { PreparedEstimator, Problem } from "./estimator.ts";

/** `credited` says which components count towards a layer's signal. */
export function independentPasses(
  { network, input, objective }: Problem,
  credited: (component: Component, layer: Layer) => boolean,
): PreparedEstimator {
  const { backend, layers } = network;
  const B = input.rows;
  const trace = createTrace(network, input);
  const passes = [trace, createTrace(network, input, 1, trace.features)].map((trace, branch) => {
    return { trace, evaluation: objective.prepare(trace), sign: branch === 0 ? 1 : -1 };
  });
  const credits = layers.flatMap((layer) =>
    passes.map(({ trace, evaluation, sign }) => ({
      linear: layer,
      layer,
      g: backend.matrix(B, layer.width),
      trace,
      sign,
      components: evaluation.components.filter((component) => credited(component, layer)),
      signal: backend.matrix(B, 1),
    })),
  );
  const [{ evaluation }] = passes;
  return {
    trace,
    evaluation,
    credits,
    state: {},
    sample(draws) {
      for (const pass of passes) samplePass(pass.trace, draws);
    },
    assign() {
      for (const pass of passes) for (const component of pass.evaluation.components) component.evaluate();
      for (let i = 0; i < credits.length; i += 2) {
        const [one, other] = [credits[i], credits[i + 1]];
        for (const [credit, rival] of [
          [one, other],
          [other, one],
        ]) {
          const { layer, g, signal } = credit;
          const { bits, p } = credit.trace.layers[layer.index];
          backend.fill(signal, 0);
          for (const { value } of credit.components) backend.addScaled(value, 0.5, signal);
          for (const { value } of rival.components) backend.addScaled(value, -0.5, signal);
          backend.subtract(bits, p, g);
          backend.scaleRows(g, signal, g);
        }
        // Direct gradients are trained with the first pass alone, as with all the other methods.
        evaluation.addDirectGradient(one.layer, one.g);
      }
    },
  };
}
