/**
 * REINFORCE (Williams 1992): every unit is credited with the reward of the whole network times its own score,
 * `g = (R - c) (b - p)`; for a softmax unit `(R - c) (onehot - p)`. HNCA paper, section 1 and appendix A; Weight
 * Maximization paper, equation 3.
 *
 * Unbiased. Cost beside the forward pass: one elementwise operation a layer.
 */

import { createTrace, samplePass } from "../network/trace.ts";
import { prepareSignal } from "./baseline.ts";
import type { Estimator } from "./estimator.ts";

export const reinforce: Estimator = {
  name: "reinforce",
  title: "REINFORCE",
  paper: "Williams 1992; HNCA paper, section 1 and appendix A",
  unbiased: true,
  why: "the expected score times the reward is the gradient (likelihood ratio)",
  needs: "a reward for the action",
  cost: "forward pass",
  tasks: ["bandit", "multiplexer"],

  prepare(problem) {
    const { network, input } = problem;
    const { backend } = network;
    const trace = createTrace(network, input);
    const signal = prepareSignal(problem);
    const credits = network.layers.map((layer) => ({
      layer,
      g: backend.matrix(input.rows, layer.width),
      trace,
    }));

    return {
      trace,
      credits,
      state: signal.state,
      sample: (draws) => samplePass(trace, draws),
      assign() {
        signal.update();
        for (const { layer, g } of credits) {
          const { bits, p } = trace.layers[layer.index];
          backend.subtract(bits, p, g);
          backend.scaleRows(g, signal.values, g);
        }
      },
    };
  },
};
