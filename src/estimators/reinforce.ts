/**
 * REINFORCE (Williams 1992): a unit is credited with what lies downstream of it times its own score,
 * `g = (f - c) (b - p)`; for a softmax unit `(f - c) (onehot - p)`. In a bandit `f` is the reward, the same for every
 * unit (HNCA paper, section 1 and appendix A; Weight Maximization paper, equation 3); of a known function it is the
 * sum of the components that the layer can influence (HNCA paper, section 2.2).
 *
 * Unbiased. Cost beside the forward pass: one elementwise operation a layer.
 */
import { createTrace, samplePass } from "../network/trace.ts";
import type { Estimator } from "./estimator.ts";
import { prepareSignals } from "./signals.ts";

/** `g = (f - c) (b - p)`: Williams 1992; HNCA paper, appendix A. */
export const reinforce: Estimator = {
  name: "reinforce",
  title: "REINFORCE",
  paper: "Williams 1992; HNCA paper, section 1 and appendix A",
  unbiased: true,
  why: "the expected score times the objective is the gradient (likelihood ratio)",
  needs: "a reward for the action, or a known function",
  cost: "forward pass",
  tasks: ["bandit", "multiplexer", "vae"],

  prepare(problem) {
    const { network, input, objective } = problem;
    const { backend } = network;
    const trace = createTrace(network, input);
    const evaluation = objective.prepare(trace);
    const signals = prepareSignals(problem, evaluation.components, ["direct", "mediated", "both"]);
    const credits = network.layers.map((layer) => ({
      linear: layer,
      g: backend.matrix(input.rows, layer.width),
      trace,
    }));

    return {
      trace,
      evaluation,
      credits,
      state: signals.state,
      sample: (draws) => samplePass(trace, draws),
      assign() {
        for (const component of evaluation.components) component.evaluate();
        signals.update();
        for (const { linear: layer, g } of credits) {
          const { bits, p } = trace.layers[layer.index];
          const signal = signals.of(layer);
          if (signal === undefined) {
            backend.fill(g, 0); // Nothing lies downstream of it.
          } else {
            backend.subtract(bits, p, g);
            backend.scaleRows(g, signal, g);
          }
          evaluation.addDirectGradient(layer, g);
        }
      },
    };
  },
};
