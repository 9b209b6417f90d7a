/**
 * NVIL, neural variational inference and learning (Mnih and Gregor 2014): REINFORCE whose signal is centred by a network of the
 * input and a running average, and divided by its running deviation where that is above 1,
 *
 *     g = (f - C(x) - c) (b - p) / max(1, sqrt(v)),
 *
 * `f` over the components downstream of the layer, or a reward; each signal has a `C`, a `c` and a `v` of its own. `C` learns by least
 * squares; `c` follows the mean of `f - C(x)`, `v` the mean of its squared distance from `c`. All three are of the past. What the objective
 * owes directly to a layer's logits is divided likewise, so that the credit stays a multiple of the gradient.
 *
 * Unbiased but for that positive factor, one a layer. Cost: a forward pass and the network's, there and back.
 */
import type { Matrix } from "../backend/backend.ts";
import type { Layer } from "../network/network.ts";
import type { BaselineRule } from "./baseline.ts";
import { defineEstimator } from "./estimator.ts";
import { networkBaseline } from "./network-baseline.ts";
import { count, flag, number, positive } from "./options.ts";
import { prepareSinglePass } from "./single-pass.ts";

/** `g = (f - C(x) - c) (b - p) / max(1, sqrt(v))`: Mnih and Gregor 2014, algorithm 1. */
export const nvil = defineEstimator({
  name: "nvil",
  title: "NVIL",
  paper: "Mnih and Gregor 2014, algorithm 1",
  unbiased: true,
  why: "what is subtracted and divided by is of the past; the latter only changes the step's length",
  needs: { knows: [] },
  baseline: false,
  explores: true,
  cost: "forward pass + a network of the input, forward and back",
  options: {
    hidden: count({ least: 0, default: 100, says: "hidden units of the baseline's network; 0: linear" }),
    rate: positive({ default: 1e-3, says: "the network's learning rate" }),
    decay: number({ from: 0, below: 1, default: 0.8, says: "decay of the running mean and variance" }),
    normalise: flag({ default: true, says: "divide by the running deviation where it is above 1" }),
  },

  prepare(problem, { hidden, rate, decay, normalise }) {
    const { backend } = problem.network;
    const network = networkBaseline({ hidden: hidden === 0 ? [] : [hidden], learningRate: rate });
    /** Of each signal that there is: writes what its credits are multiplied with, [B, 1]. */
    const factorOf: (() => Matrix)[] = [];
    const rule: BaselineRule = {
      prepare(pass, name, own) {
        const inner = network.prepare(pass, name, own);
        const [rest, shifted, factor] = [0, 1, 2].map(() => backend.matrix(pass.batchSize, 1));
        const state = backend.matrix(1, 2);
        const [mean, square] = [0, 1].map((place) => backend.view(state, place, 1, 1));
        const [one, scale] = [0, 1].map(() => backend.matrix(1, 1));
        backend.fill(one, 1);
        factorOf.push(() => {
          backend.maximum(square, one, scale);
          backend.signedPower(scale, -0.5, 1, scale);
          backend.broadcast(scale, factor);
          return factor;
        });
        return {
          ...inner,
          state,
          subtract(signal, out) {
            inner.subtract(signal, rest);
            backend.subtractBaseline(rest, mean, out);
          },
          adapt(signal) {
            backend.subtractBaseline(signal, mean, shifted);
            inner.adapt!(shifted);
            backend.subtractBaseline(rest, mean, shifted);
            backend.multiply(shifted, shifted, shifted);
            backend.trackMean(shifted, decay, square);
            backend.trackMean(rest, decay, mean);
          },
        };
      },
    };
    const { credits, evaluation, signals, score, weigh, signal, estimator } = prepareSinglePass({
      ...problem,
      baseline: rule,
    });
    // Layers with the same components share a signal; they were prepared in the layers' order.
    const distinct = [...new Set(credits.map(({ layer }) => signals.of(layer)))].filter(Boolean);
    const divide = (layer: Layer, g: Matrix) => {
      const place = distinct.indexOf(signals.of(layer));
      if (normalise && place >= 0) backend.scaleRows(g, factorOf[place](), g);
    };
    return estimator(
      () => {
        for (const { layer, g } of credits) {
          score(layer, g);
          weigh(g, signals.of(layer));
          evaluation.addDirectGradient(layer, g);
          divide(layer, g);
        }
      },
      {
        score() {
          for (const { layer, g } of credits) {
            score(layer, g);
            divide(layer, g);
          }
        },
        signal,
        weigh(given) {
          for (const { g } of credits) weigh(g, given);
        },
      },
    );
  },
});
