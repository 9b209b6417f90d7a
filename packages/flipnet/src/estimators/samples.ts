/**
 * Several samples for rules that credit one pass: K independent passes, each of whose signals has the mean of the other passes'
 * for its baseline (leave-one-out); the credit is the mean over them. What the objective itself learns is the first pass's.
 */
import type { Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { BaselineRule } from "./baseline.ts";
import type { PreparedEstimator, Problem } from "./estimator.ts";
import { checkComponents } from "./needs.ts";
import { count } from "./options.ts";

/** The option of estimators that can credit several samples. */
export const sampleOptions = {
  samples: count({
    least: 1,
    default: 1,
    says: "passes, each with the mean of the others for its baseline; more than 1 where the objective is a known function",
  }),
};

/**
 * An estimator of K samples, of `prepareOne`, which makes one pass by `prepareSinglePass`. Of one sample: that itself.
 *
 * @throws InputError, for several, where a baseline was asked for, the last layer explores, or a component was observed
 */
export function prepareSamples(
  name: string,
  problem: Problem,
  K: number,
  prepareOne: (problem: Problem) => PreparedEstimator,
): PreparedEstimator {
  if (K === 1) return prepareOne(problem);
  const { network, baseline } = problem;
  const { backend } = network;
  if (baseline !== "none") {
    throw new InputError(
      `a baseline was asked for, and the samples of ${name} are ${K}; expected none, as they are each other's`,
    );
  }
  if (problem.exploration !== undefined) {
    throw new InputError(`the samples of ${name} are ${K}; expected 1 under a floor or a mask of actions`);
  }
  const evaluate: (() => void)[] = [];
  const leaveOneOut = leaveOneOutBaseline(K);
  const prepared: PreparedEstimator[] = [];
  for (let branch = 0; branch < K; branch++) {
    const sample = { branch, features: prepared[0]?.pass.features, evaluate };
    prepared.push(prepareOne({ ...problem, baseline: leaveOneOut, sample }));
  }
  const [main] = prepared;
  checkComponents({ name, needs: { knows: ["evaluations"] } }, network, main.evaluation.components);
  const credits = prepared.flatMap((one) => one.credits);
  return {
    pass: main.pass,
    evaluation: main.evaluation,
    credits,
    state: {},
    sample(draws) {
      for (const one of prepared) one.sample(draws);
    },
    credit() {
      for (const sumUp of evaluate) sumUp();
      for (const one of prepared) one.credit();
      for (const { g } of credits) backend.addScaled(g, 1 / K - 1, g);
    },
  };
}

/** Of each signal: the mean of the same signal of the other samples. */
function leaveOneOutBaseline(K: number): BaselineRule {
  const byName = new Map<string, Matrix[]>();
  return {
    prepare({ network: { backend } }, name, own) {
      const samples = byName.get(name) ?? [];
      byName.set(name, samples);
      samples.push(own);
      return {
        subtract(signal, out) {
          backend.copy(signal, out);
          for (const other of samples) if (other !== own) backend.addScaled(other, -1 / (K - 1), out);
        },
      };
    },
  };
}
