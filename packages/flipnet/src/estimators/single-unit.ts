/** What the rules for one unit share: they look at the sign of its reward only. */
import { createTrace, samplePass } from "../network/trace.ts";
import type { PreparedEstimator, Problem } from "./estimator.ts";

/** `g` is `rewarded` times the step towards the action where the reward is positive, `punished` times that away. */
export function prepareSingleUnit(
  { network, input, objective }: Problem,
  { rewarded, punished, paperScale }: { rewarded: number; punished: number; paperScale: number },
): PreparedEstimator {
  const { backend } = network;
  const [unit] = network.layers;
  const trace = createTrace(network, input);
  const evaluation = objective.prepare(trace);
  const [reward] = evaluation.components;
  const g = backend.matrix(input.rows, unit.width);
  return {
    trace,
    evaluation,
    credits: [{ linear: unit, g, trace, paperScale }],
    state: {},
    sample: (draws) => samplePass(trace, draws),
    assign() {
      reward.evaluate();
      const { bits, p } = trace.layers[0];
      backend.rewardPenalty(bits, p, reward.value, rewarded, punished, g);
    },
  };
}
