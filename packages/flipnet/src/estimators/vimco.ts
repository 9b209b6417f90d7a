/**
 * VIMCO (Mnih and Rezende 2016): climbs the bound that K samples give,
 *
 *     L = log (1/K sum_k w_k),     w_k = e^(f_k),     f = log p(x, b) - log q(b | x),
 *
 * which is above the evidence lower bound and below log p(x) (Burda, Grosse and Salakhutdinov 2016). Each sample has for its
 * baseline the bound with its own `f_k` replaced by the mean of the others',
 *
 *     g_k = (L - L_(-k)) (b_k - p_k) + w_k / (sum_j w_j) df_k / dl,
 *
 * `f` the whole objective. What the objective itself learns, decoder and prior, is weighted by `w_k / sum w` likewise.
 *
 * Unbiased for that bound, which is another objective than the others'. Cost: K - 1 more full passes, and what the objective
 * learns from all of them.
 */
import { immediate, type Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { computeScore, createPass, samplePass } from "../network/pass.ts";
import type { Evaluation } from "../objectives/objective.ts";
import { defineEstimator } from "./estimator.ts";
import { count } from "./options.ts";

/** `g_k = (L - L_(-k)) (b_k - p_k) + w_k / (sum w) df_k / dl`: Mnih and Rezende 2016, equations 8 to 10. */
export const vimco = defineEstimator({
  name: "vimco",
  title: "VIMCO",
  paper: "Mnih and Rezende 2016, equations 8 to 10",
  unbiased: false,
  why: "it is unbiased for the bound of K samples, which lies above that of one",
  needs: { knows: ["evaluations"] },
  baseline: false,
  cost: "a forward pass a sample, and the objective's own gradients of each",
  options: { samples: count({ least: 2, default: 5, says: "samples of the bound, each a full pass" }) },

  prepare({ network, input, objective }, { samples: K }) {
    const { backend, layers } = network;
    const host = immediate(backend);
    const B = input.rows;
    const main = createPass(network, input);
    const passes = [
      main,
      ...Array.from({ length: K - 1 }, (_, k) => createPass(network, input, k + 1, main.features)),
    ];
    const samples = passes.map((pass) => ({
      pass,
      evaluation: objective.prepare(pass),
      terms: layers.map((layer) => ({ linear: layer, pass, g: backend.matrix(B, layer.width) })),
      /** [B, 1] `L - L_(-k)`, and its share of all weights. */
      signal: backend.matrix(B, 1),
      share: backend.matrix(B, 1),
      f: new Float64Array(B),
    }));
    const [{ evaluation: first }] = samples;
    const ofLaw = first.components.find((component) => component.ofLaw);
    if (ofLaw !== undefined) {
      throw new InputError(
        `"${ofLaw.name}" is a function of a law, and vimco weighs what was drawn; expected sampled entropies`,
      );
    }
    const slopes = layers.map(({ width }) => backend.matrix(B, width));
    const [one, all, signals, shares] = [0, 1, 2, 3].map(() => new Float64Array(B));
    const logs = new Float64Array(K);

    function weigh(): void {
      for (const { evaluation, f } of samples) {
        f.fill(0);
        for (const { value } of evaluation.components) {
          host.readNow(value, one);
          for (let b = 0; b < B; b++) f[b] += one[b];
        }
      }
      for (let b = 0; b < B; b++) all[b] = logMeanAt(b, -1);
      samples.forEach(({ f, signal, share }, k) => {
        for (let b = 0; b < B; b++) {
          signals[b] = all[b] - logMeanAt(b, k);
          shares[b] = Math.exp(f[b] - all[b]) / K;
        }
        backend.write(signal, signals);
        backend.write(share, shares);
      });
    }

    /** The bound on example `b`, the `f` of sample `without` being replaced by the mean of the others. */
    function logMeanAt(b: number, without: number): number {
      let sum = 0;
      for (let k = 0; k < K; k++) {
        logs[k] = samples[k].f[b];
        if (k !== without) sum += logs[k];
      }
      if (without >= 0) logs[without] = sum / (K - 1);
      let largest = -Infinity;
      for (let k = 0; k < K; k++) largest = Math.max(largest, logs[k]);
      let total = 0;
      for (let k = 0; k < K; k++) total += Math.exp(logs[k] - largest);
      return largest + Math.log(total / K);
    }

    return {
      pass: main,
      evaluation: weighted(samples),
      credits: samples.flatMap(({ terms }) => terms),
      state: {},
      sample(draws) {
        for (const { pass } of samples) samplePass(pass, draws);
      },
      credit() {
        for (const { evaluation } of samples)
          for (const component of evaluation.components) component.evaluate();
        weigh();
        for (const { pass, evaluation, terms, signal, share } of samples) {
          for (const { linear: layer, g } of terms) {
            computeScore(backend, pass.layers[layer.index], g);
            backend.scaleRows(g, signal, g);
            const own = slopes[layer.index];
            backend.fill(own, 0);
            evaluation.addLogitSlopes?.(layer, own);
            backend.scaleRows(own, share, own);
            backend.addScaled(own, 1, g);
          }
        }
      },
    };

    /** The objective on the main pass, whose own parameters learn from all samples, by their shares. */
    function weighted(
      all: readonly { readonly evaluation: Evaluation; readonly share: Matrix }[],
    ): Evaluation {
      const fronts = (first.fronts ?? []).map((front) => ({
        ...front,
        gradients: front.gradients.map(({ rows, columns }) => backend.matrix(rows, columns)),
      }));
      return {
        ...first,
        credits: all.flatMap(({ evaluation }) => evaluation.credits),
        fronts,
        differentiate() {
          for (const { evaluation, share } of all) evaluation.differentiate(share);
          fronts.forEach(({ gradients }, i) => {
            gradients.forEach((sum, j) => {
              backend.fill(sum, 0);
              for (const { evaluation } of all) backend.addScaled(evaluation.fronts![i].gradients[j], 1, sum);
            });
          });
        },
      };
    }
  },
});
