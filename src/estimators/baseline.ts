/**
 * The signal of a bandit estimator: the reward less a baseline, the same for every layer. A running average starts at
 * 0; the old value is used and then updated with the batch's mean, so that it never depends on the sample it is
 * subtracted from and the estimate stays unbiased (HNCA paper, appendix E; D-7).
 */
import type { Matrix } from "../backend/backend.ts";
import type { Problem } from "./estimator.ts";

export interface Signal {
  /** [B, 1] */
  readonly values: Matrix;
  readonly state: Readonly<Record<string, Matrix>>;
  /** Computes the signal of the rewards as they stand, then updates the baseline. */
  update(): void;
}

export function prepareSignal({ network, reward, baseline, baselineDecay }: Problem): Signal {
  const { backend } = network;
  if (baseline === "none") return { values: reward, state: {}, update() {} };
  const values = backend.matrix(reward.rows, 1);
  const average = backend.matrix(1, 1);
  if (typeof baseline === "number") backend.fill(average, baseline);
  return {
    values,
    state: baseline === "running-average" ? { baseline: average } : {},
    update() {
      backend.subtractBaseline(reward, average, values);
      if (baseline === "running-average") backend.trackMean(reward, baselineDecay, average);
    },
  };
}
