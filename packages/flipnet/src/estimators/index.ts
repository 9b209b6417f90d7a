/** `flipnet/estimators`: what estimators are made of, for one of your own. */

export { checked } from "../backend/checked.ts";
export type { Draws, Site } from "../network/draws.ts";
// What an estimator is, and its options as data.
export { antithetic, independent, type Law, repelling, type Toss, type Tosser } from "../network/laws.ts";
export {
  type Credit,
  codingOf,
  computeLaw,
  computeLogits,
  computeScore,
  createMeanPass,
  createPass,
  flipLogLikelihood,
  forkPass,
  type Pass,
  runMeans,
  samplePass,
  shown,
} from "../network/pass.ts";
export { type Component, childrenTowards, type Evaluation, placeOf } from "../objectives/objective.ts";
export { type Pair, pairOptions, prepareAntitheticPairs } from "./antithetic-pairs.ts";
export {
  addOwnSlopes,
  type Backpropagation,
  prepareBackpropagation,
  type Through,
  throughLaw,
} from "./backpropagation.ts";
export { type BaselineRule, type PreparedBaseline, prepareBaseline } from "./baseline.ts";
export { type Children, prepareChildren } from "./children.ts";
export {
  type Definition,
  defineEstimator,
  type Estimator,
  type EstimatorKind,
  type PreparedEstimator,
  type Problem,
  type Scores,
} from "./estimator.ts";
export { independentPasses } from "./independent.ts";
export { describeNeeds, type Knowledge, misfit, type Needs } from "./needs.ts";
export {
  count,
  flag,
  number,
  type Option,
  type Options,
  oneOf,
  only,
  rates,
  type ValuesOf,
} from "./options.ts";
export {
  advantageOf,
  type Branch,
  downstream,
  prepareLeaveOneOut,
  prepareResampling,
  type Resampled,
  resampleOptions,
} from "./resampling.ts";
export { prepareSignals, type Signals } from "./signals.ts";
export { prepareSinglePass, type SinglePass } from "./single-pass.ts";
