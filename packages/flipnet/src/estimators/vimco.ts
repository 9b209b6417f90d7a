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
import { computeScore, samplePass } from "../network/pass.ts";
import { defineEstimator } from "./estimator.ts";
import { count } from "./options.ts";
import { prepareSampleBound } from "./sample-bound.ts";

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

  prepare(problem, { samples: K }) {
    const { backend } = problem.network;
    const B = problem.input.rows;
    const bound = prepareSampleBound("vimco", problem, K);
    const { samples, evaluation } = bound;
    const signal = backend.matrix(B, 1);
    const signals = new Float64Array(B);
    return {
      pass: samples[0].pass,
      evaluation,
      credits: samples.flatMap(({ terms }) => terms),
      state: {},
      sample(draws) {
        for (const { pass } of samples) samplePass(pass, draws);
      },
      credit() {
        bound.evaluate();
        samples.forEach((sample, k) => {
          for (let b = 0; b < B; b++) {
            let others = 0;
            for (let j = 0; j < K; j++) if (j !== k) others += samples[j].f[b];
            signals[b] = bound.value[b] - bound.valueWith(b, k, others / (K - 1));
          }
          backend.write(signal, signals);
          for (const { linear: layer, g } of sample.terms) {
            computeScore(backend, sample.pass.layers[layer.index], g);
            backend.scaleRows(g, signal, g);
          }
          bound.addShares(sample);
        });
      },
    };
  },
});
