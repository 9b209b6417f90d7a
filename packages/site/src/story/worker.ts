/** Audits the same coins at many weights: for curves. */
import { audit } from "flipnet/internal/audit/audit";
import { misfit } from "flipnet/internal/estimators/needs";
import { parseEstimatorText } from "flipnet/internal/estimators/options";
import { createEstimator } from "flipnet/internal/estimators/registry";
import type { Coins } from "../audit/question.ts";
import { answering } from "../shared/ask.ts";

/** Coins at each weight, and the estimators to audit there. */
export interface Sweep {
  readonly coins: readonly Coins[];
  readonly estimators: readonly string[];
}

/** [estimator][weight] */
export interface Swept {
  readonly bias: readonly (readonly number[])[];
  readonly variance: readonly (readonly number[])[];
}

answering(({ coins, estimators }: Sweep): Swept => {
  const found = estimators.map((name) => {
    const isBandit = misfit(createEstimator(parseEstimatorText(name)), ["reward"]) === undefined;
    return coins.map(({ bandit, known }) => {
      const { estimators } = audit(isBandit ? bandit : known, { estimators: [name] });
      return Object.values(estimators)[0];
    });
  });
  return {
    bias: found.map((row) => row.map(({ bias }) => bias)),
    variance: found.map((row) => row.map(({ meanVariance }) => meanVariance)),
  };
});
