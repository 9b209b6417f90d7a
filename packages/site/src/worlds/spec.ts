/** Three coins as the audit reads them. */
import type { Coins } from "../audit/question.ts";
import { decimal, decimals, estimatorNames, hiddenParts, oneOf } from "../shared/state.ts";

/** How the coins listen to each other. */
export const shapes = { pair: "Two to one", chain: "In a row" } as const;

/** What a teacher may hide. */
export const parts = {
  table: "The table",
  bars: "Bias and variance",
  rewards: "Rewards and baseline",
} as const;

/** The state of the page. */
export const fields = {
  shape: oneOf("pair", ["pair", "chain"]),
  /** The logit of each coin where those it listens to are off. */
  lean: decimals([0.5, -0.5, -0.5], -4, 4),
  /** Of the two arrows, in the order of the coins that they come from. */
  weight: decimals([2, -0.5], -6, 6),
  /** Where the last coin is off, and on. */
  reward: decimals([0, 1], -3, 3),
  baseline: decimal(0, -3, 3),
  estimators: estimatorNames(["reinforce", "hnca"], 4),
  hide: hiddenParts(["table", "bars", "rewards"]),
};

/** The numbers that make the coins. */
export interface Setting {
  readonly shape: keyof typeof shapes;
  readonly lean: readonly number[];
  readonly weight: readonly number[];
  readonly reward: readonly number[];
  readonly baseline: number;
}

/** The bandit, and the same with its reward as a function. The context is one bit that is always on and never listened to. */
export function coinsOf({
  shape,
  lean: [a, b, c],
  weight: [first, second],
  reward,
  baseline,
}: Setting): Coins {
  const layers =
    shape === "pair"
      ? [
          { weights: [[0], [0]], bias: [a, b] },
          { weights: [[first, second]], bias: [c] },
        ]
      : [
          { weights: [[0]], bias: [a] },
          { weights: [[first]], bias: [b] },
          { weights: [[second]], bias: [c] },
        ];
  const shared = { units: "zero-one" as const, contexts: [[1]], ...(baseline !== 0 && { baseline }) };
  const last = layers.length - 1;
  const [off, on] = reward;
  return {
    bandit: {
      ...shared,
      layers: layers.map((layer, l) => (l === last ? { kind: "bernoulli" as const, ...layer } : layer)),
      reward: [[off, on]],
    },
    known: {
      ...shared,
      layers,
      components: [{ name: "reward", reads: [last], weights: [[on - off]], bias: [off], eta: "identity" }],
    },
  };
}
