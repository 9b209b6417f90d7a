/** What the pages ask about a few coins, and what they get. */
import type { BanditSpec } from "flipnet/internal/audit/bandit-spec";
import type { FunctionSpec } from "flipnet/internal/audit/function-spec";
import type { World } from "flipnet/internal/audit/worlds";

/** Coins as a bandit, and the same with its reward as a known function, for estimators that need one. */
export interface Coins {
  readonly bandit: BanditSpec;
  readonly known: FunctionSpec;
}

/** Coins, and the estimators to set beside each other. */
export interface Question extends Coins {
  readonly estimators: readonly string[];
}

/** One estimator's answer. */
export interface Found {
  readonly name: string;
  /** Why it cannot serve; then there is nothing else. */
  readonly refused?: string;
  /** Which spec it was audited on. */
  readonly subject?: "bandit" | "known";
  readonly bias?: number;
  readonly meanVariance?: number;
  /** Where it was simulated: of how many gradients, and the largest standard error of a mean. */
  readonly samples?: number;
  readonly standardError?: number;
  /** [coin] of the credit: the gradient by the coin's own logit. */
  readonly mean?: readonly number[];
  readonly variance?: readonly number[];
  /** Absent where it draws what has no end of outcomes. */
  readonly worlds?: readonly World[];
}

/** The answer to a question. */
export interface Answer {
  /** [coin] the exact gradient by the coin's own logit. */
  readonly exact: readonly number[];
  readonly estimators: readonly Found[];
  /** All that there are, for menus. */
  readonly registry: readonly Listed[];
}

/** What is said of an estimator. */
export interface Listed {
  readonly name: string;
  readonly title: string;
  readonly paper: string;
  readonly unbiased: boolean;
  readonly why: string;
}
