/**
 * What an estimator is: a way to compute a *credit* `g[b, j]` for every unit `j` on every example `b`, its estimate
 * of dJ/dl (J the objective, maximised; l the unit's logit), with the pass whose parents' values it belongs to.
 * Everything after that, gradient, variance and optimizer step, is shared by all of them.
 */
import type { Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { Parameters } from "../front-ends/front-end.ts";
import type { Draws } from "../network/draws.ts";
import type { Choosing } from "../network/exploration.ts";
import type { Network } from "../network/network.ts";
import type { Credit, Pass } from "../network/pass.ts";
import type { Evaluation, Objective } from "../objectives/objective.ts";
import type { Baseline } from "./baseline.ts";
import { checkComponents, checkNetwork, type Needs } from "./needs.ts";
import {
  completeOptions,
  estimatorText,
  type GivenOptions,
  type NamedOptions,
  type Options,
  type ValuesOf,
} from "./options.ts";

/** What an estimator is prepared for. */
export interface Problem {
  readonly network: Network;
  /** [B, inputs] the batch's input; filled by the caller before `sample`. */
  readonly input: Matrix;
  readonly objective: Objective;
  readonly baseline: Baseline;
  /** Decay of the running average; 0.99 in both papers. */
  readonly baselineDecay: number;
  /** How the last layer explores; filled by the caller before `sample`. Absent: it does what its softmax says. */
  readonly exploration?: Choosing;
  /** Which of an estimator's several samples it is for: see `prepareSamples`. Absent: there is one. */
  readonly sample?: OneOfSamples;
}

/** One of several samples that one estimator credits together. */
export interface OneOfSamples {
  /** Number of its pass. */
  readonly branch: number;
  /** What another pass over the same batch makes of the input; undefined for the first. */
  readonly features: Matrix | undefined;
  /** Of each sample: evaluates the components and adds up the signals. All come before any `credit`. */
  readonly evaluate: (() => void)[];
}

/** A rule whose credit is linear in one learning signal for all layers. */
export interface Scores {
  /** Fills the credits with those for a signal of 1. Pure. */
  score(): void;
  /** [B, 1] the output's signal as components and baseline stand: what `credit` would weigh with. Pure. */
  signal(): Matrix;
  /** Multiplies each row of the credits with its signal, [B, 1]. */
  weigh(signal: Matrix): void;
}

/**
 * A rule by which every unit learns from a signal of its own, the last layer's being the reward: what a hidden unit earns
 * follows from how the weights to its children have just learned.
 */
export interface OwnSignals {
  /** Fills the credits with every unit's own score. Pure. */
  score(): void;
  /**
   * Writes or adds what the units of a layer earn, `out` [I, 1], of the weights to one of its children as they stand,
   * [I, J], and of what these were to learn, `change` [I, J].
   */
  earn(weights: Matrix, change: Matrix, out: Matrix, accumulate: boolean): void;
}

/** An estimator with its buffers, for one network and one batch size. No method allocates or reads back. */
export interface PreparedEstimator {
  /** The main pass; its output is the action. */
  readonly pass: Pass;
  /** The objective on the main pass; all of its components are evaluated by `credit`. */
  readonly evaluation: Evaluation;
  /** One entry a layer; two where a rule has two terms that belong to different inputs. */
  readonly credits: readonly Credit[];
  /** What has to be saved beside parameters and optimizer: running baselines, by name. */
  readonly state: Readonly<Record<string, Matrix>>;
  /** Parameters of its own, which learn with the network's: a network as a baseline. Absent: none. */
  readonly parameters?: readonly Parameters[];
  /** One for each of these, laid out as its block; valid after `adapt`. Uphill. */
  readonly gradients?: readonly Matrix[];
  /** Credit and signal apart, where the credit is linear in it. */
  readonly scores?: Scores;
  /** Where every unit learns from a signal of its own. */
  readonly own?: OwnSignals;
  /** Runs the pass or passes; all randomness is here. */
  sample(draws: Draws): void;
  /**
   * Computes the credits from what was sampled (and rewarded). Pure: the same draws, the same credits. Parameters are
   * those of the sampling.
   */
  credit(): void;
  /**
   * Moves what the estimator remembers or learns, baselines among it, after `credit`. Training calls it, an audit does
   * not. Absent: there is nothing to move.
   */
  adapt?(): void;
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
  /** Whether it credits what was drawn under a floor or a mask as exactly as anything else. Absent: it refuses. */
  readonly explores?: true;
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
  (options?: GivenOptions<O>): Estimator;
}

/** What an estimator is made of. */
export interface Definition<O extends Options> extends Description {
  /** What it can be told; absent: nothing. */
  readonly options?: O;
  /** Settings of these that have a name of their own in audits. */
  readonly variants?: readonly ({ readonly name: string } & GivenOptions<O>)[];
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
  function withOptions(given: GivenOptions<O> = {}): Estimator {
    const options = completeOptions(description.name, takes, given);
    return {
      ...description,
      takes,
      options,
      variants: variants as readonly NamedOptions[],
      prepare(problem) {
        checkBaseline(description, problem.baseline);
        checkExploration(description, problem);
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

function checkExploration({ name, explores }: Description, { exploration }: Problem): void {
  if (exploration === undefined || explores) return;
  throw new InputError(
    exploration.among === "rows"
      ? `${name} cannot choose among rows; expected reinforce, nvil or hnca`
      : `${name} cannot learn under a floor or a mask of actions; expected reinforce, nvil, hnca or f-hnca`,
  );
}

function checkBaseline({ name, baseline: takes }: Description, baseline: Baseline): void {
  if (takes || baseline === "none") return;
  const given = typeof baseline === "object" ? "a rule" : baseline;
  throw new InputError(`the baseline is ${given}; expected none, as ${name} has no use for one`);
}

/** What an estimator is told beside the defaults. */
export function toldOptions({ takes, options }: Estimator): Readonly<Record<string, unknown>> {
  const told = Object.entries(options).filter(
    ([key, value]) => value !== undefined && value !== takes[key].default,
  );
  return Object.fromEntries(told);
}

/** An estimator's name with the options that it is told: `"reinforce-loo:samples=4"`. */
export const labelOf = (estimator: Estimator): string =>
  estimatorText({ name: estimator.name, ...toldOptions(estimator) });
