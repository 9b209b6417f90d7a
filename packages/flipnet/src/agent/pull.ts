/** A pull towards what was played: it keeps a learner of late rewards near the decisions that these belong to. */
import type { Matrix } from "../backend/backend.ts";
import type { Estimator, PreparedEstimator } from "../estimators/estimator.ts";
import { reinforce } from "../estimators/reinforce.ts";

/** An estimator whose gradient may be added the score, by the parameters of today, of what was done in the past. */
export interface Pulled extends PreparedEstimator {
  /** Adds the score of what was played, weighed with the pull: `play` writes what a layer did into its bits. */
  pull(play: (layer: number, bits: Matrix) => void): void;
  /** Adds nothing, until the next pull. */
  stay(): void;
}

/**
 * An estimator with such a pull: with what was played at parameters `old`, its mean is `-pull grad KL(old || now)`, of
 * coins and action together. It does not depend on where the rewards' zero lies.
 */
export const withPull = (estimator: Estimator, pull: number): Estimator => ({
  ...estimator,
  prepare(problem): Pulled {
    const { backend } = problem.network;
    const main = estimator.prepare(problem);
    const past = reinforce.prepare({ ...problem, baseline: "none" });
    const weight = backend.matrix(problem.input.rows, 1);
    backend.fill(weight, pull);
    function stay(): void {
      for (const { g } of past.credits) backend.fill(g, 0);
    }
    return {
      ...main,
      credits: [...main.credits, ...past.credits],
      credit() {
        main.credit();
        stay();
      },
      stay,
      pull(play) {
        past.sample({ draw: ({ layer: { index } }) => play(index, past.pass.layers[index].bits) });
        past.scores!.score();
        past.scores!.weigh(weight);
      },
    };
  },
});
