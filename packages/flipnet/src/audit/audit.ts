/**
 * The audit: the exact gradient of a small network, and the exact mean, bias and variance of every estimator of it,
 * by enumerating everything that can happen, or with a standard error, by simulation, where that cannot be done; of a
 * network too large for an exact gradient, by how far its estimators are from one that is known to be unbiased. The
 * estimators are run by the very code that trains with them; only their draws come from the enumeration.
 */

import type { ImmediateBackend } from "../backend/backend.ts";
import { checked } from "../backend/checked.ts";
import { createReferenceBackend } from "../backend/reference.ts";
import type { Baseline } from "../estimators/baseline.ts";
import { type Estimator, labelOf } from "../estimators/estimator.ts";
import { misfit } from "../estimators/needs.ts";
import { parseEstimatorText } from "../estimators/options.ts";
import { createEstimator, estimators as registry } from "../estimators/registry.ts";
import { InputError } from "../formats/errors.ts";
import { suggestion } from "../formats/nearest.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { prepareSteps } from "./adaptation.ts";
import { type BanditSpec, parseBanditSpec } from "./bandit-spec.ts";
import { type BanditAnswers, banditSubject } from "./bandit-subject.ts";
import { type ElboSpec, looksLikeElbo, parseElboSpec } from "./elbo-spec.ts";
import { type ElboAnswers, elboSubject } from "./elbo-subject.ts";
import { EnumeratedDraws, NotEnumerable } from "./enumeration.ts";
import { type FunctionSpec, looksLikeFunction, parseFunctionSpec } from "./function-spec.ts";
import { type FunctionAnswers, functionSubject } from "./function-subject.ts";
import { type ParameterArrays, toArrays } from "./layout.ts";
import type { Moments } from "./moments.ts";
import { looksLikeProcess, type ProcessSpec, parseProcessSpec } from "./process-spec.ts";
import { type ProcessAnswers, processSubject } from "./process-subject.ts";
import { enumerate, prepareRun } from "./run.ts";
import {
  checkSimulation,
  type SimulationOptions,
  simulate,
  simulateTruth,
  type Truth,
} from "./simulation.ts";
import type { Subject } from "./subject.ts";

/** What the audit found about one estimator, of its gradient of a single example. */
export interface EstimatorAudit {
  mean: ParameterArrays;
  /** Population variance; the choice of the context or image is part of it. */
  variance: ParameterArrays;
  /** Mean of `variance` over all parameters: the gradient variance of both papers. */
  meanVariance: number;
  /** Largest absolute difference between `mean` and the exact gradient, or the reference's mean. */
  bias: number;
  method: "enumeration" | "simulation";
  /** A simulation's only, as the four that follow: how many gradients were drawn. */
  samples?: number;
  /** The largest standard error of any number in `mean`, or of its difference from the reference's: `bias` compares to it. */
  standardError?: number;
  /** The largest distance of any number in `mean` from the exact gradient or the reference's, in standard errors of its own. */
  largestZ?: number;
  /** Standard error of `meanVariance`. */
  meanVarianceError?: number;
  /**
   * Of two steps, where they were asked for: the largest bias of the second, given any outcome of the first, after which
   * baselines moved.
   */
  nextBias?: number;
  /** `bias` of what the objective's own parameters learn from the same draws: decoder and prior, or components. */
  decoderBias?: number;
}

/** What a report says of the estimators. */
interface Findings {
  /** By name. */
  estimators: Record<string, EstimatorAudit>;
  /** Estimators that nobody asked for by name and that cannot serve here, with the reason. */
  leftOut: Record<string, string>;
}

/** What the audit of a bandit found: plain JSON. */
export interface BanditReport extends BanditAnswers, Findings {}

/** What the audit of an ELBO found: plain JSON. The estimators' arrays cover the encoder. */
export interface ElboReport extends ElboAnswers, Findings {}

/** What the audit of a known function found: plain JSON. The estimators' arrays cover the network. */
export interface FunctionReport extends FunctionAnswers, Findings {}

/** What the audit of a decision process found: plain JSON. */
export interface ProcessReport extends ProcessAnswers, Findings {}

/** What stands for an exact gradient that has too many states: the mean of an unbiased estimator, by draws of its own. */
export interface Reference {
  /** Its name. */
  estimator: string;
  samples: number;
  /** Weights and bias of each layer. */
  mean: ParameterArrays;
  /** The largest of any number in `mean`. */
  standardError: number;
}

/** What a simulation found on a network that is too large for an exact gradient: plain JSON. */
export interface SimulatedReport extends Findings {
  reference: Reference;
}

/** What an audit can be asked about. */
export type AuditSpec = BanditSpec | ElboSpec | FunctionSpec | ProcessSpec;

/** What an audit found. */
export type AuditReport = BanditReport | ElboReport | FunctionReport | ProcessReport | SimulatedReport;

/** How to audit. */
export interface AuditOptions {
  /** Where the estimators run. Default: the float64 reference. */
  backend?: ImmediateBackend;
  /** Names, with options if need be as in `reinforce-loo:samples=4`, or estimators of your own. Default: all that can serve. */
  estimators?: readonly (string | Estimator)[];
  /** In place of the spec's own, where the estimator takes one. */
  baseline?: Baseline;
  /** 2: also whether a second step is unbiased once baselines have moved. Default: 1. */
  steps?: 1 | 2;
  /** Simulates all estimators. Default: those only that draw what has no end of outcomes, where they are asked for by name. */
  simulate?: SimulationOptions;
  /**
   * An `InputError` where network or estimator has more states than this. Where all is simulated, a network of more is
   * audited without its exact gradient: see `SimulatedReport`. Default: 2^24.
   */
  maximumStates?: number;
  /** Called about a hundred times. */
  onProgress?: (progress: AuditProgress) => void;
}

const optionNames: Names<AuditOptions> = {
  backend: 1,
  estimators: 1,
  baseline: 1,
  steps: 1,
  simulate: 1,
  maximumStates: 1,
  onProgress: 1,
};

/** How to audit a network that has an exact gradient. */
export type ExactAuditOptions = Omit<AuditOptions, "simulate"> & { simulate?: never };

/** How far an audit is. */
export interface AuditProgress {
  /** States or samples. */
  done: number;
  total: number;
  /** Whose they are; absent: the exact gradient's. */
  estimator?: string;
  /** At the pace so far. */
  secondsLeft: number;
}

/**
 * Audits estimators on a small contextual bandit, a small variational auto-encoder, a known function of all units of a
 * small network, or a small decision process.
 *
 * An unbiased estimator shows a bias of rounding size: with rewards of about 1, below 1e-12 in float64 and 1e-5 in
 * float32.
 *
 * @param spec plain JSON will do: it is checked
 * @throws InputError where the spec or an estimator's name makes no sense, or there are too many states
 */
export function audit(spec: BanditSpec, options?: ExactAuditOptions): BanditReport;
export function audit(spec: ElboSpec, options?: ExactAuditOptions): ElboReport;
export function audit(spec: FunctionSpec, options?: ExactAuditOptions): FunctionReport;
export function audit(spec: ProcessSpec, options?: ExactAuditOptions): ProcessReport;
export function audit(spec: AuditSpec, options?: AuditOptions): AuditReport;
export function audit(spec: AuditSpec, options: AuditOptions = {}): AuditReport {
  refuseUnknown("audit", optionNames, options);
  const { backend: given, maximumStates = 2 ** 24, steps = 1, onProgress } = options;
  const backend = given === undefined ? createReferenceBackend() : checked(given);
  if (steps !== 1 && steps !== 2) throw new InputError(`the steps are ${steps}; expected 1 or 2`);
  const settings = checkSimulation(options.simulate ?? {});
  const subject = subjectOf(spec, backend, options.baseline);
  const reference =
    options.simulate !== undefined && subject.states > maximumStates ? referenceFor(subject) : undefined;
  if (reference === undefined)
    refuseTooMany(subject.states, maximumStates, "the network", ", or to simulate");

  const plans = new Map<string, Plan>();
  const leftOut: Record<string, string> = {};
  for (const { name, estimator } of choose(subject, options.estimators)) {
    try {
      const plan = planOf(subject, estimator, options);
      if (options.simulate === undefined) refuseTooMany(plan.states, maximumStates, `the estimator ${name}`);
      plans.set(name, plan);
    } catch (error) {
      if (options.estimators !== undefined || !(error instanceof InputError)) throw error;
      leftOut[name] = error.message;
    }
  }

  const before = reference === undefined ? subject.states : settings.samples;
  const total = [...plans.values()].reduce((sum, { states }) => sum + states, before);
  const begun = performance.now();
  let done = 0;
  let reported = 0;
  const advanceFor = (estimator?: string) => (count: number) => {
    done += count;
    if (done < total && done - reported < total / 100) return;
    reported = done;
    const secondsLeft = ((performance.now() - begun) / 1000 / done) * (total - done);
    onProgress?.({ done, total, ...(estimator !== undefined && { estimator }), secondsLeft });
  };

  const { truth, answers } =
    reference === undefined
      ? exactTruth(subject, advanceFor())
      : truthBy(reference, subject, settings, advanceFor(`${reference.name}, the reference`));
  const estimators: Record<string, EstimatorAudit> = {};
  for (const [name, plan] of plans) estimators[name] = plan.run(truth, advanceFor(name));
  return { ...answers, estimators, leftOut } as AuditReport;
}

function exactTruth(subject: Subject<object>, advance: (states: number) => void) {
  const { gradient, answers } = subject.exact(() => advance(1));
  return { truth: { gradient }, answers };
}

/**
 * What the others are held against where there is no exact gradient, the first that can serve: a plain score function,
 * which is unbiased whatever is maximised, with less variance where it can evaluate several samples.
 */
const references = ["reinforce-loo:samples=4", "reinforce"];

function referenceFor(subject: Subject): Candidate {
  const served = references.map(candidateOf).find(({ estimator }) => {
    if (misfit(estimator, subject.offers) !== undefined) return false;
    try {
      subject.prepare(estimator, new EnumeratedDraws(), 1);
      return true;
    } catch (error) {
      if (error instanceof InputError) return false;
      throw error;
    }
  });
  if (served === undefined) {
    throw new InputError(
      `the network has no exact gradient, and neither of ${references.join(" and ")} serves it`,
    );
  }
  return served;
}

function truthBy(
  { name, estimator }: Candidate,
  subject: Subject,
  settings: ReturnType<typeof checkSimulation>,
  advance: (samples: number) => void,
) {
  const { samples, standardError, ...truth } = simulateTruth(subject, estimator, settings, advance);
  const mean = toArrays(truth.gradient.slice(0, subject.network.layers.length));
  const reference: Reference = { estimator: name, samples, mean, standardError };
  return { truth, answers: { reference } };
}

function subjectOf(
  spec: AuditSpec,
  backend: ImmediateBackend,
  baseline: Baseline | undefined,
): Subject<BanditAnswers | ElboAnswers | FunctionAnswers | ProcessAnswers> {
  const own = baseline === undefined ? {} : { baseline };
  if (looksLikeElbo(spec)) return elboSubject(backend, { ...parseElboSpec(spec), ...own });
  if (looksLikeFunction(spec)) return functionSubject(backend, { ...parseFunctionSpec(spec), ...own });
  if (looksLikeProcess(spec)) return processSubject(backend, { ...parseProcessSpec(spec), ...own });
  return banditSubject(backend, { ...parseBanditSpec(spec), ...own });
}

/** What is to be done for one estimator. */
interface Plan {
  /** States or samples. */
  readonly states: number;
  run(truth: Truth, advance: (states: number) => void): EstimatorAudit;
}

/** Enumerates where it can. Throws what the estimator throws at a problem that it cannot serve. */
function planOf(
  subject: Subject,
  estimator: Estimator,
  { simulate: simulation, steps = 1, estimators: asked }: AuditOptions,
): Plan {
  const layers = subject.network.layers.length;
  if (simulation === undefined) {
    try {
      const run = prepareRun(subject, estimator);
      const next = steps === 2 ? prepareSteps(subject, estimator) : undefined;
      return {
        states: run.states + (next?.states ?? 0),
        run({ gradient: exact }, advance) {
          const found = summarise(enumerate(run, exact, advance), layers);
          if (next === undefined) return found;
          // One that remembers nothing does the same again.
          return { ...found, nextBias: next.states === 0 ? found.bias : next.bias(exact, advance) };
        },
      };
    } catch (error) {
      if (!(error instanceof NotEnumerable)) throw error;
      if (asked === undefined) {
        throw new InputError(
          `${estimator.name} draws what has no end of outcomes: asked for by name it is simulated`,
        );
      }
    }
  }
  const settings = checkSimulation(simulation ?? {});
  if (steps === 2) {
    throw new InputError(
      `${estimator.name} is simulated; expected one whose draws can be enumerated, for two steps`,
    );
  }
  // Whether it can serve shows before anything is computed.
  subject.prepare(estimator, new EnumeratedDraws(), 1);
  return {
    states: settings.samples,
    run(truth, advance) {
      const { moments, ...errors } = simulate(subject, estimator, truth, settings, advance);
      return { ...summarise(moments, layers), method: "simulation", ...errors };
    },
  };
}

/** An estimator under the name that the report has it by. */
interface Candidate {
  readonly name: string;
  readonly estimator: Estimator;
}

/** What was asked for; or all that can serve, the variants that have names of their own among them. */
function choose({ offers }: Subject, wanted: AuditOptions["estimators"]): readonly Candidate[] {
  if (wanted === undefined)
    return candidates().filter(({ estimator }) => misfit(estimator, offers) === undefined);
  return wanted.map((one) => {
    const found = typeof one === "string" ? candidateOf(one) : { name: labelOf(one), estimator: one };
    const reason = misfit(found.estimator, offers);
    if (reason === undefined) return found;
    const names = candidates()
      .filter(({ estimator }) => misfit(estimator, offers) === undefined)
      .map(({ name }) => name);
    throw new InputError(`${reason}; ${suggestion(found.name, names)}`);
  });
}

const candidates = (): Candidate[] =>
  registry.flatMap((kind) => {
    const variants = kind.variants.map(({ name, ...options }) => ({ name, estimator: kind(options) }));
    // One that needs options has a variant of its own name.
    const plain = variants.some(({ name }) => name === kind.name)
      ? []
      : [{ name: kind.name, estimator: kind }];
    return [...plain, ...variants];
  });

/** A variant's name, or an estimator's with options: `"reinforce-loo:samples=4"`. */
function candidateOf(text: string): Candidate {
  const variant = candidates().find(({ name }) => name === text);
  if (variant !== undefined) return variant;
  const names = candidates().map(({ name }) => name);
  return { name: text, estimator: createEstimator(parseEstimatorText(text), names) };
}

function refuseTooMany(states: number, limit: number, what: string, instead = ""): void {
  if (states <= limit) return;
  const [count, most] = [states, limit].map((n) => {
    if (Number.isSafeInteger(n)) return n.toLocaleString("en");
    return Number.isFinite(n) ? `about ${n.toPrecision(2)}` : "more than 1e308";
  });
  throw new InputError(`${what} has ${count} states to enumerate; expected at most ${most}${instead}`);
}

/** The moments of the first `layers` linear maps, which the estimator credits, and those of the objective's own. */
function summarise(moments: readonly Moments[], layers: number): EstimatorAudit {
  const own = moments.slice(0, layers);
  const variance = toArrays(own.map((one) => one.variance));
  const all = variance.flat(2);
  const largestBias = (list: readonly Moments[]) => Math.max(...list.map(({ bias }) => bias));
  return {
    mean: toArrays(own.map(({ mean }) => mean)),
    variance,
    meanVariance: all.reduce((sum, one) => sum + one, 0) / all.length,
    bias: largestBias(own),
    method: "enumeration",
    ...(moments.length > layers ? { decoderBias: largestBias(moments.slice(layers)) } : {}),
  };
}
