/**
 * The audit: the exact gradient of a small network, and the exact mean, bias and variance of every estimator of it,
 * by enumerating everything that can happen. The estimators are run by the very code that trains with them; only
 * their draws come from the enumeration.
 */
import type { ImmediateBackend, Matrix } from "../backend/backend.ts";
import { createReferenceBackend } from "../backend/reference.ts";
import type { Estimator, Problem } from "../estimators/estimator.ts";
import { estimators as registry } from "../estimators/registry.ts";
import { InputError } from "../formats/errors.ts";
import { suggestion } from "../formats/nearest.ts";
import { createNetwork, type Network } from "../network/network.ts";
import { rewardObjective } from "../objectives/reward.ts";
import { EnumeratedDraws } from "./enumeration.ts";
import { countStates, exactGradient } from "./exact.ts";
import { type LayerValues, type ParameterArrays, toArrays, toBlock } from "./layout.ts";
import { MomentSums, type Moments } from "./moments.ts";
import { type Bandit, type BanditSpec, parseBanditSpec } from "./spec.ts";

/** What the audit found about one estimator, of its gradient of a single example. */
export interface EstimatorAudit {
  mean: ParameterArrays;
  /** Population variance; the choice of the context is part of it. */
  variance: ParameterArrays;
  /** Mean of `variance` over all parameters: the gradient variance of both papers. */
  meanVariance: number;
  /** Largest absolute difference between `mean` and the exact gradient. */
  bias: number;
  method: "enumeration" | "simulation";
  /** Of `bias`; a simulation's only. */
  standardError?: number;
}

/** What an audit found: plain JSON. */
export interface AuditReport {
  /** Gradient of the expected reward. */
  exact: ParameterArrays;
  /** By name. */
  estimators: Record<string, EstimatorAudit>;
}

/** How to audit. */
export interface AuditOptions {
  /** Where the estimators run. Default: the float64 reference. */
  backend?: ImmediateBackend;
  /** Names from the registry, or estimators of your own. Default: all that can learn a bandit. */
  estimators?: readonly (string | Estimator)[];
  /** An `InputError` where an estimator has more states than this. Default: 2^24. */
  maximumStates?: number;
  /** Called with the states done and in all, about a hundred times. */
  onProgress?: (progress: { done: number; total: number }) => void;
}

/** States in one batch: enough for the kernels, and a batch's matrices still fit in a cache. */
const largestBatch = 1024;

/**
 * Audits estimators on a small contextual bandit.
 *
 * An unbiased estimator shows a bias of rounding size: with rewards of about 1, below 1e-12 in float64 and 1e-5 in
 * float32.
 *
 * @param spec plain JSON will do: it is checked
 * @throws InputError where the spec or an estimator's name makes no sense, or there are too many states
 */
export function audit(spec: BanditSpec, options: AuditOptions = {}): AuditReport {
  const { backend = createReferenceBackend(), maximumStates = 2 ** 24, onProgress } = options;
  const bandit = parseBanditSpec(spec);
  const states = countStates(bandit);
  refuseTooMany(states, maximumStates, "the network");

  const network = createNetwork(backend, bandit.network);
  network.layers.forEach((layer, l) => {
    backend.write(layer.block, toBlock(bandit.parameters[l]));
  });
  const runs = chooseEstimators(options.estimators).map((estimator) => {
    const run = prepareRun(backend, network, bandit, estimator);
    refuseTooMany(run.draws.states, maximumStates, `the estimator ${estimator.name}`);
    return run;
  });

  const total = runs.reduce((sum, { draws }) => sum + draws.states, states);
  let done = 0;
  let reported = 0;
  function advance(count: number): void {
    done += count;
    if (done < total && done - reported < total / 100) return;
    reported = done;
    onProgress?.({ done, total });
  }

  const exact = exactGradient(bandit, () => advance(1));
  const report: AuditReport = { exact: toArrays(exact), estimators: {} };
  for (const run of runs) {
    const { mean, variance, meanVariance, bias } = enumerate(run, exact, advance);
    report.estimators[run.estimator.name] = {
      mean: toArrays(mean),
      variance: toArrays(variance),
      meanVariance,
      bias,
      method: "enumeration",
    };
  }
  return report;
}

function chooseEstimators(wanted: AuditOptions["estimators"]): readonly Estimator[] {
  const known = registry.filter(({ tasks }) => tasks.includes("bandit"));
  if (wanted === undefined) return known;
  return wanted.map((one) => {
    if (typeof one !== "string") return one;
    const found = known.find(({ name }) => name === one);
    if (found !== undefined) return found;
    const names = known.map(({ name }) => name);
    throw new InputError(`"${one}" is not an estimator for a bandit; ${suggestion(one, names)}`);
  });
}

function refuseTooMany(states: number, limit: number, what: string): void {
  if (states <= limit) return;
  const [count, most] = [states, limit].map((n) => {
    if (Number.isSafeInteger(n)) return n.toLocaleString("en");
    return Number.isFinite(n) ? `about ${n.toPrecision(2)}` : "more than 1e308";
  });
  throw new InputError(`${what} has ${count} states to enumerate; expected at most ${most}`);
}

/** An estimator and the states it has on a bandit. */
interface Run {
  readonly backend: ImmediateBackend;
  readonly network: Network;
  readonly bandit: Bandit;
  readonly estimator: Estimator;
  readonly draws: EnumeratedDraws;
  /** Places of the digits for the context and for the value that a random reward takes. */
  readonly contextDigit: number;
  readonly rewardDigit: number;
}

/** Finds out what an estimator draws, by a dry run of its passes. */
function prepareRun(backend: ImmediateBackend, network: Network, bandit: Bandit, estimator: Estimator): Run {
  const draws = new EnumeratedDraws(backend);
  const contextDigit = draws.addDigit(bandit.contexts.length);
  const rewardDigit = draws.addDigit(Math.max(...bandit.rewards.flat().map(({ values }) => values.length)));
  const run = { backend, network, bandit, estimator, draws, contextDigit, rewardDigit };
  estimator.prepare(createProblem(run, backend.matrix(1, 1))).sample(draws);
  return run;
}

const createProblem = ({ backend, network, bandit }: Run, reward: Matrix): Problem => ({
  network,
  input: backend.matrix(reward.rows, network.inputs),
  objective: rewardObjective(reward),
  baseline: bandit.baseline ?? "none",
  baselineDecay: 0.99,
  options: {},
});

/** Runs an estimator over all its states. */
function enumerate(run: Run, exact: readonly LayerValues[], advance: (states: number) => void): Moments {
  const { backend, network, bandit, draws } = run;
  const rows = Math.min(draws.states, largestBatch);
  const rewards = backend.matrix(rows, 1);
  const problem = createProblem(run, rewards);
  const prepared = run.estimator.prepare(problem);
  const { bits: action } = prepared.trace.layers[network.layers.length - 1];
  const sums = new MomentSums(backend, network, exact);
  const batch = Array.from({ length: rows }, (_, row) => row);

  for (let first = 0; first < draws.states; first += rows) {
    draws.start(first, rows);
    const contexts = batch.map((row) => draws.digit(row, run.contextDigit));
    backend.write(
      problem.input,
      contexts.flatMap((c) => bandit.contexts[c]),
    );
    prepared.sample(draws);

    const actions = backend.readNow(action);
    const reward = new Float64Array(rows);
    const weights = draws.weights.map((weight, row) => {
      const chosen = actions.subarray(row * action.columns, (row + 1) * action.columns);
      const { values, probabilities } = bandit.rewards[contexts[row]][toAction(chosen)];
      const k = draws.digit(row, run.rewardDigit);
      // A reward with fewer values than another has none at its last digits: states that cannot happen.
      reward[row] = values[k] ?? 0;
      return (weight * (probabilities[k] ?? 0)) / bandit.contexts.length;
    });
    backend.write(rewards, reward);
    prepared.assign();
    sums.add(prepared.credits, weights);
    advance(Math.min(rows, draws.states - first));
  }
  return sums.result();
}

/** The number of an action: where the one-hot bit is, or a single unit's bit itself. */
const toAction = (bits: Float64Array): number => (bits.length === 1 ? bits[0] : bits.indexOf(1));
