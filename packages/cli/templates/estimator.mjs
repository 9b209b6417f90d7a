// An estimator of your own: what every unit is credited with. It runs as it is:
//
//     flipnet train --estimator ./estimator.mjs --epochs 1
//     flipnet audit network.json --estimators ./estimator.mjs,hnca
//
// This one is REINFORCE, g = (f - c) (b - p), with a clip as its only option.
import { count, defineEstimator, prepareSinglePass } from "flipnet/estimators";

export default defineEstimator({
  name: "mine",
  title: "Mine",
  paper: "none yet",
  // What the audit holds it to, and why it should be so.
  unbiased: true,
  why: "the expected score times the objective is the gradient",
  // What it must know of the objective: "reward" or nothing, "components", "evaluations", "slopes".
  needs: { knows: [] },
  baseline: true,
  cost: "a forward pass",
  // flipnet train --estimator ./estimator.mjs:scale=2
  options: { scale: count({ least: 1, default: 1, says: "times the credit" }) },

  prepare(problem, { scale }) {
    const { backend } = problem.network;
    const { score, linearEstimator } = prepareSinglePass(problem);
    // The credit is linear in the learning signal: `out` is what it is per unit of signal, [B, units].
    return linearEstimator((layer, out) => {
      score(layer, out);
      if (scale > 1) backend.addScaled(out, scale - 1, out);
    });
  },
});
