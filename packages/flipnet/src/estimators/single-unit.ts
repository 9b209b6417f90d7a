/** What the rules for one unit share: they look at the sign of its reward only. */
import { computeScore, createPass, samplePass } from "../network/pass.ts";
import type { PreparedEstimator, Problem } from "./estimator.ts";

/**
 * `g` is the score of the better action, the one that was taken where the reward is positive, else the other one: `rewarded`
 * times that, or `punished` times.
 */
export function prepareSingleUnit(
  { network, input, objective }: Problem,
  { rewarded, punished, paperScale }: { rewarded: number; punished: number; paperScale: number },
): PreparedEstimator {
  const { backend } = network;
  const [unit] = network.layers;
  const pass = createPass(network, input);
  const evaluation = objective.prepare(pass);
  const [reward] = evaluation.components;
  const { bits } = pass.layers[0];
  const g = backend.matrix(input.rows, unit.width);
  const better = { ...pass.layers[0], bits: backend.matrix(input.rows, unit.width) };
  const weight = backend.matrix(input.rows, 1);
  return {
    pass,
    evaluation,
    credits: [{ linear: unit, g, pass, paperScale }],
    state: {},
    sample: (draws) => samplePass(pass, draws),
    credit() {
      reward.evaluate();
      backend.betterAction(bits, reward.value, rewarded, punished, better.bits, weight);
      computeScore(backend, better, g);
      backend.scaleRows(g, weight, g);
    },
  };
}
