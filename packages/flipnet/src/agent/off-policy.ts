/**
 * What a policy would have earned, from the log of another: inverse propensity scores (IPS), the same normalised by the
 * sum of their weights (SNIPS), and the doubly robust estimator (DR: Dudik, Langford and Li 2011, equation 2), whose model
 * of the rewards is fitted on the other half of the log.
 */
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { isWhole } from "../formats/whole.ts";
import { deriveKey, newKey, uniformAt } from "../random/threefry.ts";
import type { Among } from "./decisions.ts";

/** One decision that was logged, with what it earned. */
export interface LoggedDecision extends Among {
  /** By which an agent that learned from it knows it again. */
  readonly id?: string;
  readonly context: ArrayLike<number>;
  readonly action: number;
  /** Of the action, when it was chosen: that of a decision given its coins, or the action's own. */
  readonly probability: number;
  readonly reward: number;
}

/** The probability of every action in a context; for an agent `({ context, allowed, actions }) => agent.probabilities(context, { allowed, actions }).probabilities`. */
export type Policy = (decision: LoggedDecision) => ArrayLike<number>;

/** A number, and the interval that holds what it estimates 95 times out of 100. */
export interface Estimate {
  readonly value: number;
  readonly interval: readonly [number, number];
}

/** What a policy would have earned, a decision. */
export interface PolicyValue {
  /** Mean of `w R`, `w = pi(a | x) / probability`: unbiased. */
  readonly ips: Estimate;
  /** `sum w R / sum w`: less variance, a bias that vanishes with the log's length. */
  readonly snips: Estimate;
  /** Mean of `sum_a pi(a | x) r(x, a) + w (R - r(x, a))`: unbiased whatever the model `r`. */
  readonly dr: Estimate;
  /** Mean of what was earned. */
  readonly logged: Estimate;
  /** `(sum w)^2 / sum w^2`: so many decisions of its own the log is worth. */
  readonly effectiveSampleSize: number;
  readonly largestWeight: number;
  readonly decisions: number;
}

/** How to evaluate. */
export interface EvaluateOptions {
  /** Bootstrap samples behind the intervals; default 1000. */
  bootstrap?: number;
  /** Of the bootstrap; default 0. */
  seed?: number;
}

const optionNames: Names<EvaluateOptions> = { bootstrap: 1, seed: 1 };

/**
 * What `policy` would have earned in the place of the one that wrote the log. The policy must not have learned from this
 * log, and everything that it may do must have had a chance: a floor, or a mask that both have.
 *
 * @throws InputError for a log that is empty, or a decision that cannot be
 */
export function evaluatePolicy(
  decisions: readonly LoggedDecision[],
  policy: Policy,
  options: EvaluateOptions = {},
): PolicyValue {
  refuseUnknown("evaluatePolicy", optionNames, options);
  const { bootstrap = 1000, seed = 0 } = options;
  if (!isWhole(bootstrap, 1)) {
    throw new InputError(`bootstrap is ${bootstrap}; expected a whole number from 1 on`);
  }
  if (typeof policy !== "function") {
    throw new InputError(
      `the policy is ${typeof policy}; expected a function of a decision that gives the probability of every action, such as (one) => agent.probabilities(one.context).probabilities`,
    );
  }
  const n = decisions.length;
  if (n < 2) throw new InputError(`the log has ${n} decisions with rewards; expected at least 2`);
  decisions.forEach((one, i) => {
    checkLogged(one, `decision ${i}`);
  });
  const laws = decisions.map((one) => Array.from(policy(one)));
  const weights = decisions.map(({ action, probability }, i) => {
    if (!(action < laws[i].length)) {
      throw new InputError(`decision ${i} has the action ${action}; the policy knows ${laws[i].length}`);
    }
    return laws[i][action] / probability;
  });
  const rewards = decisions.map(({ reward }) => reward);
  const model =
    decisions[0].actions === undefined ? crossFitted(decisions, laws[0].length) : crossFittedRows(decisions);
  const robust = decisions.map(({ action, reward }, i) => {
    const direct = laws[i].reduce((sum, p, k) => (p > 0 ? sum + p * model(i, k) : sum), 0);
    return direct + weights[i] * (reward - model(i, action));
  });
  const gained = weights.map((w, i) => w * rewards[i]);
  const samples: Record<"ips" | "snips" | "dr" | "logged", number[]> = {
    ips: [],
    snips: [],
    dr: [],
    logged: [],
  };
  const key = newKey();
  for (let b = 0; b < bootstrap; b++) {
    deriveKey(seed, "test", b, key);
    let [gain, weight, both, earned] = [0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const drawn = Math.floor(uniformAt(key, i) * n);
      gain += gained[drawn];
      weight += weights[drawn];
      both += robust[drawn];
      earned += rewards[drawn];
    }
    samples.ips.push(gain / n);
    samples.snips.push(weight > 0 ? gain / weight : 0);
    samples.dr.push(both / n);
    samples.logged.push(earned / n);
  }
  const total = sum(weights);
  const estimate = (value: number, drawn: number[]): Estimate => ({ value, interval: middle(drawn) });
  return {
    ips: estimate(sum(gained) / n, samples.ips),
    snips: estimate(total > 0 ? sum(gained) / total : 0, samples.snips),
    dr: estimate(sum(robust) / n, samples.dr),
    logged: estimate(sum(rewards) / n, samples.logged),
    effectiveSampleSize: total > 0 ? total ** 2 / sum(weights.map((w) => w * w)) : 0,
    largestWeight: weights.reduce((a, b) => Math.max(a, b), 0),
    decisions: n,
  };
}

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

/** The middle 95 of 100. */
function middle(drawn: number[]): [number, number] {
  drawn.sort((a, b) => a - b);
  const at = (share: number) => drawn[Math.min(drawn.length - 1, Math.floor(share * drawn.length))];
  return [at(0.025), at(0.975)];
}

/** Whether an action of that probability may have been played. A rounded 1 may be a little more. */
export const isProbability = (value: unknown): boolean =>
  typeof value === "number" && value > 0 && value < 1.001;

/** @throws InputError for a decision that was never made */
export function checkLogged(
  { context, action, probability, reward }: LoggedDecision,
  name = "the logged decision",
): void {
  if (!isProbability(probability)) {
    throw new InputError(`${name} has the probability ${probability}; expected a number above 0, at most 1`);
  }
  if (!isWhole(action, 0)) {
    throw new InputError(`${name} has the action ${action}; expected a whole number from 0 on`);
  }
  if (!Number.isFinite(reward)) throw new InputError(`${name} has the reward ${reward}; expected a number`);
  if (!(context?.length >= 0)) throw new InputError(`${name} has no context; expected a list of numbers`);
}

/** Contexts beyond this many numbers are not modelled: then the model is each action's mean. */
const mostFeatures = 200;

/** What an action would earn on a decision, by ridge regression on the decisions of the other half. */
function crossFitted(decisions: readonly LoggedDecision[], actions: number) {
  const { length } = decisions[0].context;
  const inputs = length > mostFeatures ? 0 : length;
  const features = ({ context }: LoggedDecision) => [1, ...Array.from(context).slice(0, inputs)];
  const halves = [0, 1].map((half) => {
    const others = decisions.filter((_, i) => i % 2 !== half);
    const all = sum(others.map(({ reward }) => reward)) / others.length;
    return Array.from({ length: actions }, (_, k) => {
      const rows = others.filter(({ action }) => action === k);
      // About the mean: what was never tried earns that.
      return {
        all,
        beta: ridge(
          rows.map(features),
          rows.map(({ reward }) => reward - all),
        ),
      };
    });
  });
  return (i: number, action: number): number => {
    const { all, beta } = halves[i % 2][action];
    return features(decisions[i]).reduce((value, x, f) => value + x * (beta[f] ?? 0), all);
  };
}

/** The same where actions have features: one regression for all of them, on the context, the features and their products. */
function crossFittedRows(decisions: readonly LoggedDecision[]) {
  const { context, actions: [first] = [] } = decisions[0];
  const [inputs, features] = [context.length, first.length];
  const products = inputs * features <= mostFeatures;
  const seen = ({ context, actions }: LoggedDecision, action: number) => {
    const [x, z] = [Array.from(context), Array.from(actions?.[action] ?? [])];
    const crossed = products ? x.flatMap((one) => z.map((other) => one * other)) : [];
    return [1, ...(inputs > mostFeatures ? [] : x), ...(features > mostFeatures ? [] : z), ...crossed];
  };
  const halves = [0, 1].map((half) => {
    const others = decisions.filter((_, i) => i % 2 !== half);
    const all = sum(others.map(({ reward }) => reward)) / others.length;
    const rows = others.map((one) => seen(one, one.action));
    const rest = others.map(({ reward }) => reward - all);
    return { all, beta: ridge(rows, rest) };
  });
  return (i: number, action: number): number => {
    const { all, beta } = halves[i % 2];
    return seen(decisions[i], action).reduce((value, x, f) => value + x * beta[f], all);
  };
}

/** `(X'X + I) b = X'y`, by Cholesky's factors. */
function ridge(X: readonly number[][], y: readonly number[]): number[] {
  const m = X[0]?.length ?? 0;
  const A = Array.from({ length: m }, (_, i) =>
    Array.from({ length: m }, (_, j): number => (i === j ? 1 : 0)),
  );
  const b = new Array<number>(m).fill(0);
  X.forEach((row, r) => {
    for (let i = 0; i < m; i++) {
      b[i] += row[i] * y[r];
      for (let j = 0; j <= i; j++) A[i][j] += row[i] * row[j];
    }
  });
  for (let i = 0; i < m; i++) {
    for (let j = 0; j <= i; j++) {
      let left = A[i][j];
      for (let k = 0; k < j; k++) left -= A[i][k] * A[j][k];
      A[i][j] = i === j ? Math.sqrt(left) : left / A[j][j];
    }
  }
  for (let i = 0; i < m; i++) {
    for (let k = 0; k < i; k++) b[i] -= A[i][k] * b[k];
    b[i] /= A[i][i];
  }
  for (let i = m - 1; i >= 0; i--) {
    for (let k = i + 1; k < m; k++) b[i] -= A[k][i] * b[k];
    b[i] /= A[i][i];
  }
  return b;
}
