/**
 * Straight-through backpropagation (Hinton 2012; Bengio, Leonard and Courville 2013; Weight Maximization paper, section
 * 5.2): the output unit learns by REINFORCE, and its credit is backpropagated as though every unit showed its mean,
 * the derivative of what it shows by its logit being that of the mean,
 *
 *     g_i = E'[x_i] sum_j W_ij g_j,     E'[x] = p q, of {-1,+1} units 2 p q,
 *
 * and for a softmax unit `g_k = p_k (a_k - sum_m p_m a_m)`, `a = W g`.
 *
 * Biased, but for one layer under a function that is linear in each unit. By theorem 2 it is Weight Maximization with
 * direct gradient. Cost beside the forward pass: one product with the weights transposed.
 */
import type { Matrix } from "../backend/backend.ts";
import type { Layer } from "../network/network.ts";
import { defineEstimator } from "./estimator.ts";
import { prepareSinglePass } from "./single-pass.ts";

/** `g_i = E'[x_i] sum_j W_ij g_j`: Weight Maximization paper, section 5.2. */
export const straightThrough = defineEstimator({
  name: "straight-through",
  title: "Straight-through",
  paper: "Hinton 2012; Bengio, Leonard and Courville 2013; Weight Maximization paper, equations 110 to 130",
  unbiased: false,
  why: "it takes the slope at the sampled bits for the difference between a unit on and off",
  needs: { knows: ["reward"] },
  baseline: true,
  cost: "forward pass + one transposed product",

  prepare(problem) {
    const { network } = problem;
    const { backend } = network;
    const { pass, credits, signals, score, weigh, signal, estimator } = prepareSinglePass(problem);
    const fromOutput = [...credits].reverse();
    const bernoulliSlope = network.spec.units === "plus-minus" ? 2 : 1;
    /** Without a signal: for one of 1. */
    function backpropagate(signalOf?: (layer: Layer) => Matrix | undefined): void {
      for (const { layer, g } of fromOutput) {
        if (layer.children.length === 0) {
          score(layer, g);
          if (signalOf !== undefined) weigh(g, signalOf(layer));
          continue;
        }
        layer.children.forEach(({ layer: child, edge }, i) => {
          backend.transposedProduct(credits[child.index].g, edge.weights, g, i > 0);
        });
        const { p, q } = pass.layers[layer.index];
        if (layer.kind === "bernoulli") backend.meanSlope(g, p, q, bernoulliSlope, g);
        else backend.softmaxSlope(p, layer.choices, g, g);
      }
    }
    return estimator(() => backpropagate(signals.of), {
      score: () => backpropagate(),
      signal,
      weigh: (signal) => {
        for (const { g } of credits) weigh(g, signal);
      },
    });
  },
});
