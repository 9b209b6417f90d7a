/**
 * Other samples: what leave-one-out, DisARM and ARM share. For each layer, K passes differ in what the layer did and in
 * all that lies downstream of it, and agree on everything else; the layer is credited by how the components downstream
 * of it differ between them. With `"partial"` the first of them is the main pass itself (HNCA paper, appendix J); with
 * `"fresh"` all are partial passes of their own, and the main pass serves the objective only (Dong, Mnih and Tucker's
 * code). All are evaluated at the parameters before the update (D-23).
 */
import type { Backend, Matrix } from "../backend/backend.ts";
import type { Draws } from "../network/draws.ts";
import type { Layer } from "../network/network.ts";
import { createPass, forkPass, type Pass, samplePass } from "../network/pass.ts";
import { type Component, placeOf } from "../objectives/objective.ts";
import type { PreparedEstimator, Problem } from "./estimator.ts";
import { count, oneOf, type ValuesOf } from "./options.ts";

/** One of a layer's passes. */
export interface Branch {
  readonly pass: Pass;
  /** The components downstream of the layer, on this pass. */
  readonly components: readonly Component[];
  /** [B, 1] room for `advantageOf`. */
  readonly advantage: Matrix;
}

/** A layer with its passes. */
export interface Resampled {
  readonly layer: Layer;
  readonly branches: readonly Branch[];
  /** [B, width] the layer's credit, for the estimator to fill. */
  readonly g: Matrix;
}

/** The options of estimators that resample each layer. */
export const resampleOptions = {
  samples: count({ least: 2, default: 2, says: "samples of each layer, the main pass among them" }),
  resample: oneOf(["partial", "fresh"], {
    default: "partial",
    says: "where the other samples come from: partial passes from each layer on beside the main pass, or partial passes for all of them",
  }),
};

type Resample = ValuesOf<typeof resampleOptions>["resample"];

/** The components on a pass that a layer can influence. */
export const downstream = (components: readonly Component[], layer: Layer): readonly Component[] =>
  components.filter((component) => placeOf(component, layer) !== "upstream");

/**
 * An estimator that credits each layer by the passes that differ in it.
 *
 * @param options.samples passes of each layer, one number or by the layer
 * @param options.draw draws what the layer does in each of its branches, whose law stands in all of them; default:
 *   independently
 * @param options.credit fills the layer's `g` from the branches, all components being evaluated
 */
export function prepareResampling(
  { network, input, objective }: Problem,
  { samples, resample }: { samples: number | ((layer: Layer) => number); resample: Resample },
  credit: (resampled: Resampled) => void,
  prepareDraw: (resampled: Resampled) => (draws: Draws) => void = independently,
): PreparedEstimator {
  const { backend, layers } = network;
  const main = createPass(network, input);
  const evaluation = objective.prepare(main);
  const counts = layers.map((layer) => (typeof samples === "number" ? samples : samples(layer)));
  const most = Math.max(...counts);
  const resampled = layers.map((layer): Resampled => {
    const branches = Array.from({ length: counts[layer.index] }, (_, k): Branch => {
      const isMain = resample === "partial" && k === 0;
      const pass = isMain ? main : forkPass(main, layer, 1 + most * layer.index + k);
      const { components } = isMain ? evaluation : objective.prepare(pass);
      return {
        pass,
        components: downstream(components, layer),
        advantage: backend.matrix(input.rows, 1),
      };
    });
    return { layer, branches, g: backend.matrix(input.rows, layer.width) };
  });
  const drawLayer = resampled.map(prepareDraw);

  return {
    pass: main,
    evaluation,
    credits: resampled.map(({ layer, g }) => ({ linear: layer, g, pass: main })),
    state: {},
    sample(draws) {
      if (resample === "fresh") samplePass(main, draws);
      else samplePass(main, draws, (index) => drawLayer[index](draws));
      for (const { layer, branches } of resampled) {
        if (resample === "fresh") drawLayer[layer.index](draws);
        for (const { pass } of branches) if (pass !== main) samplePass(pass, draws);
      }
    },
    credit() {
      for (const component of evaluation.components) component.evaluate();
      for (const one of resampled) {
        for (const { pass, components } of one.branches) {
          if (pass !== main) for (const component of components) component.evaluate();
        }
        credit(one);
        evaluation.addDirectGradient(one.layer, one.g);
      }
    },
  };
}

const independently =
  ({ layer: { index }, branches }: Resampled) =>
  (draws: Draws): void => {
    for (const { pass } of branches) draws.draw(pass.sites[index], pass.laws[index]);
  };

/** One of several samples: its components, evaluated, and room for its advantage. */
export interface Compared {
  readonly components: readonly Pick<Component, "value">[];
  readonly advantage: Matrix;
}

/** Fills the advantage of sample `k`, `(f_k - mean of the others' f) / K`, [B, 1]. Those of all K sum up to 0. */
export function advantageOf(backend: Backend, samples: readonly Compared[], k: number): Matrix {
  const K = samples.length;
  const { advantage, components } = samples[k];
  backend.fill(advantage, 0);
  for (const { value } of components) backend.addScaled(value, 1 / K, advantage);
  for (let other = 0; other < K; other++) {
    if (other === k) continue;
    for (const { value } of samples[other].components) {
      backend.addScaled(value, -1 / (K * (K - 1)), advantage);
    }
  }
  return advantage;
}

/**
 * What of K samples leave-one-out makes, `1/K sum_k (f_k - mean of the other f) (b_k - p)`, into a layer's `g`. The
 * differences sum up to 0, so `p` drops out, and any one of the samples may be subtracted from all.
 */
export function prepareLeaveOneOut(
  { network: { backend, layers }, input }: Problem,
  samples: number,
): (resampled: Resampled) => void {
  const room = layers.map(({ width }) => (samples > 2 ? backend.matrix(input.rows, width) : undefined));
  return ({ layer: { index }, branches, g }) => {
    const bitsOf = (k: number) => branches[k].pass.layers[index].bits;
    for (let k = 0; k < samples - 1; k++) {
      const term = k === 0 ? g : room[index]!;
      backend.subtract(bitsOf(k), bitsOf(samples - 1), term);
      backend.scaleRows(term, advantageOf(backend, branches, k), term);
      if (k > 0) backend.addScaled(term, 1, g);
    }
  };
}
