/** All estimators. Adding one is a file and a line here. */
import { InputError } from "../formats/errors.ts";
import { suggestion } from "../formats/nearest.ts";
import { arm } from "./arm.ts";
import { arms } from "./arms.ts";
import { arsm } from "./arsm.ts";
import { carms } from "./carms.ts";
import { classification } from "./classification.ts";
import { concrete } from "./concrete.ts";
import { disarm } from "./disarm.ts";
import { disarmSb } from "./disarm-sb.ts";
import { disarmTree } from "./disarm-tree.ts";
import { doubleCv } from "./double-cv.ts";
import type { Estimator, EstimatorKind } from "./estimator.ts";
import { fHnca } from "./f-hnca.ts";
import { fHncaLinear } from "./f-hnca-linear.ts";
import { go } from "./go.ts";
import { gumbelRao } from "./gumbel-rao.ts";
import { gumbelSoftmax } from "./gumbel-softmax.ts";
import { hnca } from "./hnca.ts";
import { localDisarm } from "./local-disarm.ts";
import { localExpectation } from "./local-expectation.ts";
import { muprop } from "./muprop.ts";
import { mupropQuadratic } from "./muprop-quadratic.ts";
import { type Knowledge, misfit } from "./needs.ts";
import { nvil } from "./nvil.ts";
import type { NamedOptions } from "./options.ts";
import { rebar } from "./rebar.ts";
import { reinforce } from "./reinforce.ts";
import { reinforceLoo } from "./reinforce-loo.ts";
import { reinmax } from "./reinmax.ts";
import { relax } from "./relax.ts";
import { rewardPenalty } from "./reward-penalty.ts";
import { rodeo } from "./rodeo.ts";
import { straightThrough } from "./straight-through.ts";
import { ugc } from "./ugc.ts";
import { vargrad } from "./vargrad.ts";
import { vimco } from "./vimco.ts";
import { weightMax } from "./weight-max.ts";
import { weightMaxUnbiased } from "./weight-max-unbiased.ts";

/** Every estimator, in the order in which tables list them. */
export const estimators: readonly EstimatorKind[] = [
  reinforce,
  nvil,
  hnca,
  fHnca,
  fHncaLinear,
  localExpectation,
  go,
  reinforceLoo,
  disarm,
  arm,
  arms,
  disarmTree,
  disarmSb,
  carms,
  arsm,
  ugc,
  doubleCv,
  rodeo,
  vargrad,
  vimco,
  localDisarm,
  muprop,
  mupropQuadratic,
  rebar,
  relax,
  weightMax,
  weightMaxUnbiased,
  straightThrough,
  reinmax,
  concrete,
  gumbelSoftmax,
  gumbelRao,
  classification,
  rewardPenalty,
];

/** Those that can serve where so much is known of the objective. */
export const estimatorsFor = (offers: readonly Knowledge[]): EstimatorKind[] =>
  estimators.filter((one) => misfit(one, offers) === undefined);

/** The estimator of that name, or undefined. */
export const findEstimator = (name: string): EstimatorKind | undefined =>
  estimators.find((estimator) => estimator.name === name);

/**
 * The estimator of a name, with these options.
 *
 * @param known what to suggest where the name is none
 * @throws InputError for a name that is none, an option that it does not take, or a value that cannot be used
 */
export function createEstimator(
  { name, ...options }: NamedOptions,
  known: readonly string[] = estimators.map((estimator) => estimator.name),
): Estimator {
  const kind = findEstimator(name);
  if (kind === undefined) throw new InputError(`"${name}" is no estimator; ${suggestion(name, known)}`);
  return kind(options);
}
