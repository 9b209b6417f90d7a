/** Audits a few coins by the library's own audit, while the page goes on. */
import { audit } from "flipnet/internal/audit/audit";
import { parseBanditSpec } from "flipnet/internal/audit/bandit-spec";
import { banditSubject } from "flipnet/internal/audit/bandit-subject";
import { NotEnumerable } from "flipnet/internal/audit/enumeration";
import { parseFunctionSpec } from "flipnet/internal/audit/function-spec";
import { functionSubject } from "flipnet/internal/audit/function-subject";
import type { ParameterArrays } from "flipnet/internal/audit/layout";
import { type World, worldsOf } from "flipnet/internal/audit/worlds";
import { createReferenceBackend } from "flipnet/internal/backend/reference";
import { misfit } from "flipnet/internal/estimators/needs";
import { parseEstimatorText } from "flipnet/internal/estimators/options";
import { createEstimator, estimators } from "flipnet/internal/estimators/registry";
import { InputError } from "flipnet/internal/formats/errors";
import { answering } from "../shared/ask.ts";
import type { Answer, Found, Listed, Question } from "./question.ts";

const registry: Listed[] = estimators.map(({ name, title, paper, unbiased, why }) => ({
  name,
  title,
  paper,
  unbiased,
  why,
}));

/** Gradients that are drawn where they cannot be gone through: few enough to follow a slider. */
const samples = 2 ** 14;

/** Of each coin: a layer's biases are its coins' own logits. */
const byCoin = (arrays: ParameterArrays): number[] =>
  arrays.filter((_, i) => i % 2 === 1).flatMap((bias) => bias as number[]);

function find(question: Question, name: string): Found {
  try {
    const estimator = createEstimator(parseEstimatorText(name));
    const isBandit = misfit(estimator, ["reward"]) === undefined;
    const spec = isBandit ? question.bandit : question.known;
    const subject = () => {
      const backend = createReferenceBackend();
      return isBandit
        ? banditSubject(backend, parseBanditSpec(question.bandit))
        : functionSubject(backend, parseFunctionSpec(question.known));
    };
    let worlds: World[] | undefined;
    try {
      worlds = worldsOf(subject(), estimator);
    } catch (error) {
      if (!(error instanceof NotEnumerable)) throw error;
    }
    const report = audit(spec, {
      estimators: [name],
      ...(worlds === undefined && { simulate: { samples } }),
    });
    const [found] = Object.values(report.estimators);
    return {
      name,
      subject: isBandit ? "bandit" : "known",
      bias: found.bias,
      meanVariance: found.meanVariance,
      mean: byCoin(found.mean),
      variance: byCoin(found.variance),
      ...(worlds && { worlds }),
      ...(found.samples !== undefined && { samples: found.samples, standardError: found.standardError! }),
    };
  } catch (error) {
    if (error instanceof InputError) return { name, refused: error.message };
    throw error;
  }
}

answering((question: Question): Answer => {
  const report = audit(question.bandit, { estimators: ["reinforce"] });
  return {
    exact: byCoin(report.exact),
    estimators: question.estimators.map((name) => find(question, name)),
    registry,
  };
});
