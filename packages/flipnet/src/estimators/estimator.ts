/**
 * What an estimator is: a way to compute a *credit* `g[b, j]` for every unit `j` on every example `b`, its estimate
 * of dJ/dl (J the objective, maximised; l the unit's logit), with the pass whose parents' values it belongs to.
 * Everything after that, gradient, variance and optimizer step, is shared by all of them.
 */
import type { Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { Draws } from "../network/draws.ts";
import type { Network } from "../network/network.ts";
import type { Credit, Pass } from "../network/pass.ts";
import type { Evaluation, Objective } from "../objectives/objective.ts";
import { checkComponents, checkNetwork, type Needs } from "./needs.ts";
import { completeOptions, type NamedOptions, type Options, type ValuesOf } from "./options.ts";

/** `"running-average"`: of the past signals. A number: that constant. */
export type Baseline = "none" | "running-average" | number;

/** What an estimator is prepared for. */
export interface Problem {
  readonly network: Network;
  /** [B, inputs] the batch's input; filled by the caller before `sample`. */
  readonly input: Matrix;
  readonly objective: Objective;
  readonly baseline: Baseline;
  /** Decay of the running average; 0.99 in both papers. */
  readonly baselineDecay: number;
}

/** An estimator with its buffers, for one network and one batch size. Neither method allocates or reads back. */
export interface PreparedEstimator {
  /** The main pass; its output is the action. */
  readonly pass: Pass;
  /** The objective on the main pass; all of its components are evaluated by `credit`. */
  readonly evaluation: Evaluation;
  /** One entry a layer; two where a rule has two terms that belong to different inputs. */
  readonly credits: readonly Credit[];
  /** What has to be saved beside parameters and optimizer: running baselines, by name. */
  readonly state: Readonly<Record<string, Matrix>>;
  /** Runs the pass or passes; all randomness is here. */
  sample(draws: Draws): void;
  /** Computes the credits from what was sampled (and rewarded). Parameters are those of the sampling. */
  credit(): void;
}

/** What is said of an estimator, whatever its options. */
interface Description {
  readonly name: string;
  readonly title: string;
  /** Where it comes from, with equation numbers. */
  readonly paper: string;
  readonly unbiased: boolean;
  /** Why it is biased or not, in one sentence. */
  readonly why: string;
  /** What it must know of the objective, and which units it serves. */
  readonly needs: Needs;
  /** Whether it subtracts a baseline from its learning signals. */
  readonly baseline: boolean;
  /** Work of a step beside the forward pass. */
  readonly cost: string;
}

/** An estimator with its options, ready for any problem that it can serve. */
export interface Estimator extends Description {
  /** What it can be told. */
  readonly takes: Options;
  /** What it is told: a value for each of these. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Settings of its options that have a name of their own in audits. */
  readonly variants: readonly NamedOptions[];
  /** Throws `InputError` for a problem that it cannot serve. */
  prepare(problem: Problem): PreparedEstimator;
}

/** An estimator with its usual options; called, the same with others: `weightMax({ norm: 3 })`. */
export interface EstimatorKind<O extends Options = Options> extends Estimator {
  /** @throws InputError for an option that it does not take, or a value that cannot be used */
  (options?: Partial<ValuesOf<O>>): Estimator;
}

/** What an estimator is made of. */
export interface Definition<O extends Options> extends Description {
  /** What it can be told; absent: nothing. */
  readonly options?: O;
  /** Settings of these that have a name of their own in audits. */
  readonly variants?: readonly ({ readonly name: string } & Partial<ValuesOf<O>>)[];
  /** Network, baseline and options have been checked; throws `InputError` for what else cannot be served. */
  prepare(problem: Problem, options: ValuesOf<O>): PreparedEstimator;
}

/** An estimator of that definition. */
// biome-ignore lint/complexity/noBannedTypes: an estimator without options
export function defineEstimator<O extends Options = {}>({
  options: takes = {} as O,
  variants = [],
  prepare,
  ...description
}: Definition<O>): EstimatorKind<O> {
  function withOptions(given: Partial<ValuesOf<O>> = {}): Estimator {
    const options = completeOptions(description.name, takes, given);
    return {
      ...description,
      takes,
      options,
      variants: variants as readonly NamedOptions[],
      prepare(problem) {
        checkBaseline(description, problem.baseline);
        checkNetwork(description, problem.network);
        const prepared = prepare(problem, options);
        checkComponents(description, problem.network, prepared.evaluation.components);
        return prepared;
      },
    };
  }
  // A function has a name of its own, which a plain assignment cannot replace.
  return Object.defineProperties(withOptions, Object.getOwnPropertyDescriptors(withOptions())) as never;
}

function checkBaseline({ name, baseline: takes }: Description, baseline: Baseline): void {
  if (takes || baseline === "none") return;
  throw new InputError(`the baseline is ${baseline}; expected none, as ${name} has no use for one`);
}
