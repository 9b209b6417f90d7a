/**
 * K full, independent passes, each with the mean of the others for its baseline: what VarGrad and one form of
 * leave-one-out share. Each score belongs to its own parents, so that a layer has K terms.
 */
import type { Layer } from "../network/network.ts";
import { computeScore, createPass, samplePass } from "../network/pass.ts";
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
  const main = createPass(network, input);
  const others = Array.from({ length: samples - 1 }, (_, k) =>
    createPass(network, input, k + 1, main.features),
  );
  const passes = [main, ...others].map((pass) => ({ pass, evaluation: objective.prepare(pass) }));
  const [{ evaluation }] = passes;
  const parts = layers.map((layer) => ({
    layer,
    terms: passes.map(({ pass, evaluation }) => ({
      linear: layer,
      pass,
      g: backend.matrix(B, layer.width),
      components: evaluation.components.filter((component) => credited(component, layer)),
      advantage: backend.matrix(B, 1),
    })),
  }));
  return {
    pass: main,
    evaluation,
    credits: parts.flatMap(({ terms }) => terms),
    state: {},
    sample(draws) {
      for (const { pass } of passes) samplePass(pass, draws);
    },
    credit() {
      for (const { evaluation } of passes)
        for (const component of evaluation.components) component.evaluate();
      for (const { layer, terms } of parts) {
        terms.forEach(({ pass, g }, k) => {
          computeScore(backend, pass.layers[layer.index], g);
          backend.scaleRows(g, advantageOf(backend, terms, k), g);
        });
        // Direct gradients are trained with the first pass alone, as with all the other methods.
        evaluation.addDirectGradient(layer, terms[0].g);
      }
    },
  };
}
