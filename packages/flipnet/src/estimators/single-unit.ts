/** What the rules for one unit share: they look at the sign of its reward only. */
import { createPass, samplePass } from "../network/pass.ts";
import type { PreparedEstimator, Problem } from "./estimator.ts";

/** `g` is `rewarded` times the step towards the action where the reward is positive, `punished` times that away. */
export function prepareSingleUnit(
  { network, input, objective }: Problem,
  { rewarded, punished, paperScale }: { rewarded: number; punished: number; paperScale: number },
): PreparedEstimator {
  const { backend } = network;
  const [unit] = network.layers;
  const pass = createPass(network, input);
  const evaluation = objective.prepare(pass);
  const [reward] = evaluation.components;
  const g = backend.matrix(input.rows, unit.width);
  return {
    pass,
    evaluation,
    credits: [{ linear: unit, g, pass, paperScale }],
    state: {},
    sample: (draws) => samplePass(pass, draws),
    credit() {
      reward.evaluate();
      const { bits, p } = pass.layers[0];
      backend.rewardPenalty(bits, p, reward.value, rewarded, punished, g);
    },
  };
}
