/**
 * flipnet: networks of discrete stochastic units, and the rules that train them.
 *
 * It runs in Node and in browsers alike. Data files are read by `flipnet/node`; runs and commands are in `@flipnet/cli`.
 */

// An agent that learns online.
export { withActions } from "./agent/actions.ts";
export {
  Agent,
  createAgent,
  type DecideOptions,
  type LearnLoggedOptions,
  type ProbabilityOptions,
  type TimeOptions,
} from "./agent/agent.ts";
export { Challenger, type ChallengerOptions, type ChallengerReport } from "./agent/challenger.ts";
export { type Closed, type Decision, DecisionError } from "./agent/decisions.ts";
export { type LearnFromLogOptions, learnFromLog } from "./agent/learn-from-log.ts";
export { loadAgent, loadSequentialAgent } from "./agent/load.ts";
export {
  type Estimate,
  type EvaluateOptions,
  evaluatePolicy,
  type LoggedDecision,
  type Policy,
  type PolicyValue,
} from "./agent/off-policy.ts";
export type { Likelihoods } from "./agent/oracle.ts";
export { type AgentEvent, type DecisionEvent, type RewardEvent, replayEvents } from "./agent/replay.ts";
export {
  createSequentialAgent,
  type OutcomeOptions,
  SequentialAgent,
  type SequentialAgentOptions,
  type SequentialDecideOptions,
  type SequentialDecision,
} from "./agent/sequential.ts";
export type { AgentBaseline, AgentOptions, Floor } from "./agent/settings.ts";
// The audit.
export {
  type AuditOptions,
  type AuditProgress,
  type AuditReport,
  type AuditSpec,
  audit,
  type BanditReport,
  type ElboReport,
  type EstimatorAudit,
  type ExactAuditOptions,
  type FunctionReport,
  type ProcessReport,
  type Reference,
  type SimulatedReport,
} from "./audit/audit.ts";
export type { AuditLayer, BanditSpec, RandomReward } from "./audit/bandit-spec.ts";
export type { DecoderLayer, ElboSpec } from "./audit/elbo-spec.ts";
export { formatAudit } from "./audit/format.ts";
export type { FunctionSpec, LinearComponentSpec, TableComponentSpec } from "./audit/function-spec.ts";
export type { ProcessSpec } from "./audit/process-spec.ts";
export type { SimulationOptions } from "./audit/simulation.ts";
// Backends.
export type { Backend, ImmediateBackend, Matrix, Outcome } from "./backend/backend.ts";
export { createReferenceBackend } from "./backend/reference.ts";
export { createWasmBackend, type WasmBackend, type WasmOptions } from "./backend/wasm.ts";
// Environments.
export type { Environment, Uniforms } from "./environments/environment.ts";
export { environments, findEnvironment } from "./environments/registry.ts";
export { type Steppable, type SteppableOptions, type Stepped, steppable } from "./environments/steppable.ts";
export { arm } from "./estimators/arm.ts";
export { arms } from "./estimators/arms.ts";
export { arsm } from "./estimators/arsm.ts";
// Estimators and optimizers.
export type { Baseline, BaselineRule, PreparedBaseline } from "./estimators/baseline.ts";
export { carms } from "./estimators/carms.ts";
export { classification } from "./estimators/classification.ts";
export { concrete } from "./estimators/concrete.ts";
export { disarm } from "./estimators/disarm.ts";
export { disarmSb } from "./estimators/disarm-sb.ts";
export { disarmTree } from "./estimators/disarm-tree.ts";
export { doubleCv } from "./estimators/double-cv.ts";
export type {
  Definition,
  Estimator,
  EstimatorKind,
  PreparedEstimator,
  Problem,
  Scores,
} from "./estimators/estimator.ts";
export { labelOf } from "./estimators/estimator.ts";
export { fHnca } from "./estimators/f-hnca.ts";
export { fHncaLinear } from "./estimators/f-hnca-linear.ts";
export { go } from "./estimators/go.ts";
export { type Gradient, prepareGradient } from "./estimators/gradient.ts";
export { gumbelRao } from "./estimators/gumbel-rao.ts";
export { gumbelSoftmax } from "./estimators/gumbel-softmax.ts";
export { hnca } from "./estimators/hnca.ts";
export { localDisarm } from "./estimators/local-disarm.ts";
export { localExpectation } from "./estimators/local-expectation.ts";
export { muprop } from "./estimators/muprop.ts";
export { mupropQuadratic } from "./estimators/muprop-quadratic.ts";
export { type Knowledge, misfit, type Needs } from "./estimators/needs.ts";
export { type NetworkBaselineOptions, networkBaseline } from "./estimators/network-baseline.ts";
export { nvil } from "./estimators/nvil.ts";
export { rebar } from "./estimators/rebar.ts";
export { createEstimator, estimators, findEstimator } from "./estimators/registry.ts";
export { reinforce } from "./estimators/reinforce.ts";
export { reinforceLoo } from "./estimators/reinforce-loo.ts";
export { reinmax } from "./estimators/reinmax.ts";
export { relax } from "./estimators/relax.ts";
export { rewardPenalty } from "./estimators/reward-penalty.ts";
export { rodeo } from "./estimators/rodeo.ts";
export { straightThrough } from "./estimators/straight-through.ts";
export { ugc } from "./estimators/ugc.ts";
export { vargrad } from "./estimators/vargrad.ts";
export { vimco } from "./estimators/vimco.ts";
export { weightMax } from "./estimators/weight-max.ts";
export { weightMaxUnbiased } from "./estimators/weight-max-unbiased.ts";
// Formats.
export { InputError, RunError } from "./formats/errors.ts";
export { type IdxArray, parseIdx, writeIdx } from "./formats/idx.ts";
export { type LabelledImages, labelledImages } from "./formats/labelled-images.ts";
export {
  decode as decodeSafetensors,
  encode as encodeSafetensors,
  type Tensor,
} from "./formats/safetensors.ts";
// Differentiable networks in front of stochastic layers.
export { type ConvolutionOptions, convolutions } from "./front-ends/convolutions.ts";
export { type DenseOptions, denseFrontEnd } from "./front-ends/dense.ts";
export {
  type FrontEnd,
  type FrontEndFunctions,
  type FrontEndPassFunctions,
  type FrontPass,
  functionFrontEnd,
  type NamedValues,
  type Parameters,
} from "./front-ends/front-end.ts";
export { type RectifiedOptions, rectifiedFrontEnd } from "./front-ends/rectified.ts";
// What runs have learned.
export {
  type Codes,
  loadModel,
  Model,
  type ModelFiles,
  type ModelOptions,
  type Predictions,
} from "./model/model.ts";
export { type Draws, GeneratedDraws, GivenDraws, type Site } from "./network/draws.ts";
export type { HiddenLayer } from "./network/hidden.ts";
// Networks.
export {
  createNetwork,
  type Edge,
  initialiseWeights,
  type Layer,
  type LayerSpec,
  type Linear,
  type Network,
  type NetworkSpec,
  type Units,
} from "./network/network.ts";
export { type Credit, createMeanPass, createPass, type Pass, runMeans, samplePass } from "./network/pass.ts";
// Objectives.
export {
  type Activation,
  type ActivationKernels,
  entropy,
  type Logits,
  logLikelihood,
  surprisal,
} from "./objectives/activations.ts";
export {
  type BlackBox,
  type BlackBoxOptions,
  blackBoxObjective,
  type Sample,
} from "./objectives/black-box.ts";
export { type CheckOptions, checkObjective } from "./objectives/check.ts";
export { type ComponentsOptions, componentsObjective, createReadout } from "./objectives/components.ts";
export {
  createDecoder,
  type Decoder,
  type DecoderOptions,
  type ElboOptions,
  elboObjective,
} from "./objectives/elbo.ts";
export { type NonlinearOptions, nonlinearObjective } from "./objectives/nonlinear.ts";
export {
  type Component,
  type Evaluation,
  type Objective,
  type Place,
  placeOf,
  sumOf,
} from "./objectives/objective.ts";
export { knownRewardObjective, rewardObjective } from "./objectives/reward.ts";
export type { Weight } from "./objectives/weighted.ts";
export { type AdamOptions, adam } from "./optimizers/adam.ts";
export { type L2, withL2 } from "./optimizers/l2.ts";
export type { LearningRate, Optimizer, OptimizerFactory } from "./optimizers/optimizer.ts";
export { type SgdOptions, sgd } from "./optimizers/sgd.ts";
// Random numbers.
export { generator } from "./random/threefry.ts";
// Tables.
export type { Cell } from "./tables/column.ts";
export type { Preparation } from "./tables/prepare.ts";
export type { Cells } from "./tables/table.ts";
// Tasks.
export { type BanditData, type BanditOptions, ContextualBandit } from "./tasks/bandit.ts";
export {
  type CommonSettings,
  defineTask,
  type ImageData,
  type Learned,
  type MetricRecord,
  type TaskCurve,
  type TaskDefinition,
  type TaskMetric,
} from "./tasks/definition.ts";
export { GridWorld, type GridWorldOptions, gridWorld } from "./tasks/grid-world.ts";
export { Multiplexer, type MultiplexerOptions } from "./tasks/multiplexer.ts";
export { defineObjective, type OwnObjective } from "./tasks/own-objective.ts";
export { tasks } from "./tasks/registry.ts";
export { type Act, type Moment, readActions, type Task } from "./tasks/task.ts";
export { type VaeOptions, VariationalAutoEncoder } from "./tasks/vae.ts";
export {
  type DrawnImages,
  type ReconstructedImages,
  reconstruct,
  sampleImages,
  type Vae,
} from "./tasks/vae-images.ts";
// Training.
export { type BanditTrainingOptions, createBanditTraining } from "./training/bandit.ts";
export { type ControlTrainingOptions, createControlTraining } from "./training/control.ts";
export { createTraining, type Learning } from "./training/create.ts";
export { Learner, type LearnerOptions } from "./training/learner.ts";
export { createMultiplexerTraining, type MultiplexerTrainingOptions } from "./training/multiplexer.ts";
export { type Played, playEpisode } from "./training/play.ts";
export {
  DivergedError,
  type EpochRecord,
  type Progress,
  Training,
  type TrainingHooks,
} from "./training/training.ts";
export { createVaeTraining, loadVae, type VaeTrainingOptions } from "./training/vae.ts";
