/**
 * What an estimator is: a way to compute a *credit* `g[b, j]` for every unit `j` on every example `b`, its estimate
 * of dJ/dl (J the objective, maximised; l the unit's logit), with the pass whose parents' values it belongs to.
 * Everything after that, gradient, variance and optimizer step, is shared by all of them.
 */
import type { Matrix } from "../backend/backend.ts";
import type { Draws } from "../network/draws.ts";
import type { Network } from "../network/network.ts";
import type { Credit, Trace } from "../network/trace.ts";
import type { Evaluation, Objective } from "../objectives/objective.ts";

/** `"running-average"`: of the past signals. A number: that constant. */
export type Baseline = "none" | "running-average" | number;

/** What some estimators can be told beside their problem; see each estimator's `options`. */
export interface EstimatorOptions {
  /**
   * HNCA: hold the posterior fixed, as in the paper; default true. False is what its released code for convolutions does:
   * automatic differentiation goes through the posterior too, which is biased (D-31). Bernoulli units only.
   */
  readonly stopGradient?: boolean;
  /** f-HNCA: credit components that no child leads to without the children; default true. */
  readonly childPruning?: boolean;
  /** f-HNCA: count components upstream of a unit too; default false. */
  readonly fullReward?: boolean;
  /**
   * Leave-one-out, DisARM, ARM: where the second sample comes from. `"partial"` (default): one partial pass from each
   * layer on, beside the main pass. `"fresh"`: two of them, the main pass serving the decoder only. `"independent"`
   * (leave-one-out only): a second full pass.
   */
  readonly resample?: "partial" | "fresh" | "independent";
  /** Weight Maximization: how hidden units learn from the reward that each gets; default "reinforce". */
  readonly hiddenRule?: "reinforce" | "direct-gradient" | "classification" | "reward-penalty";
  /** Reward-penalty rules: the share of the penalty, from 0 to 1; they cannot do without. */
  readonly lambda?: number;
  /**
   * Weight Maximization with the hidden rule "reward-penalty": `"mixture"` (default) of the rules of REINFORCE and of
   * classification, as in the paper's words, or its `"analogue"` for one unit (equation 6), weighted by the reward.
   */
  readonly penalty?: "mixture" | "analogue";
  /** Weight Maximization: the p of the p-norm whose change is the reward, at least 1; default 2. */
  readonly norm?: number;
  /** Weight Maximization: the change to first order (equation 15, default) or the change itself (equation 12). */
  readonly normChange?: "approximate" | "exact";
  /** The exact change: the rate of the change, one or one a layer; in the paper that is the learning rate. */
  readonly normRate?: number | readonly number[];
}

/** What an estimator is prepared for. */
export interface Problem {
  readonly network: Network;
  /** [B, inputs] the batch's input; filled by the caller before `sample`. */
  readonly input: Matrix;
  readonly objective: Objective;
  readonly baseline: Baseline;
  /** Decay of the running average; 0.99 in both papers. */
  readonly baselineDecay: number;
  readonly options: EstimatorOptions;
}

/** An estimator with its buffers, for one network and one batch size. Neither method allocates or reads back. */
export interface PreparedEstimator {
  /** The main pass; its output is the action. */
  readonly trace: Trace;
  /** The objective on the main pass; all of its components are evaluated by `assign`. */
  readonly evaluation: Evaluation;
  /** One entry a layer; two where a rule has two terms that belong to different inputs. */
  readonly credits: readonly Credit[];
  /** What has to be saved beside parameters and optimizer: running baselines, by name. */
  readonly state: Readonly<Record<string, Matrix>>;
  /** Runs the pass or passes; all randomness is here. */
  sample(draws: Draws): void;
  /** Computes the credits from what was sampled (and rewarded). Parameters are those of the sampling. */
  assign(): void;
}

/** One estimator, as the registry lists it. */
export interface Estimator {
  readonly name: string;
  readonly title: string;
  /** Where it comes from, with equation numbers. */
  readonly paper: string;
  readonly unbiased: boolean;
  /** Why it is biased or not, in one sentence. */
  readonly why: string;
  /** What it must be told or be able to do. */
  readonly needs: string;
  /** Work of a step beside the forward pass. */
  readonly cost: string;
  readonly tasks: readonly ("bandit" | "multiplexer" | "vae")[];
  /** The options it takes; absent: none. */
  readonly options?: readonly (keyof EstimatorOptions)[];
  /** Settings of its options that have a name of their own in audits. */
  readonly variants?: readonly { readonly name: string; readonly options: EstimatorOptions }[];
  /** Throws `InputError` for a problem or options that it cannot serve. */
  prepare(problem: Problem): PreparedEstimator;
}
