/** One coin, and one that listens to it and acts, as the audit reads them. */
import type { Coins } from "../audit/question.ts";
import { decimal, hiddenParts, whole } from "../shared/state.ts";

/** What a teacher may hide. */
export const parts = { numbers: "Means and variances", history: "All flips so far" } as const;

/** The state of the page: the first flip has been made, so that there is something to see. */
export const fields = {
  seed: whole(1, 0, 999_999),
  step: whole(1, 0, 100_000),
  /** The coin's logit. */
  lean: decimal(0.4, -2, 2),
  /** What the coin being on adds to the logit of the one that listens, half of it either way. */
  weight: decimal(1.5, -5, 5),
  hide: hiddenParts(["numbers", "history"]),
};

/** The reward is +1 where the coin that listens is on, -1 where it is off. */
export function coinOf(lean: number, weight: number): Coins {
  const layers = [
    { weights: [[0]], bias: [lean] },
    { weights: [[weight]], bias: [-weight / 2] },
  ];
  const shared = { units: "zero-one" as const, contexts: [[1]] };
  return {
    bandit: {
      ...shared,
      layers: [layers[0], { kind: "bernoulli", ...layers[1] }],
      reward: [[-1, 1]],
    },
    known: {
      ...shared,
      layers,
      components: [{ name: "reward", reads: [1], weights: [[2]], bias: [-1], eta: "identity" }],
    },
  };
}
