/** A network that learns: estimator, gradient and optimizer put together. */

import type { Matrix, Sums } from "../backend/backend.ts";
import type { Estimator, PreparedEstimator, Problem } from "../estimators/estimator.ts";
import { type FrontGradient, prepareFrontGradient } from "../estimators/front-gradient.ts";
import { type Examples, type Gradient, prepareGradient } from "../estimators/gradient.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import type { Tensor } from "../formats/safetensors.ts";
import type { Parameters } from "../front-ends/front-end.ts";
import type { Draws } from "../network/draws.ts";
import type { Network } from "../network/network.ts";
import type { Credit } from "../network/pass.ts";
import { adam } from "../optimizers/adam.ts";
import type { Optimizer, OptimizerFactory } from "../optimizers/optimizer.ts";
import { sgd } from "../optimizers/sgd.ts";
import { checkpoint, readBlocks, takeTensor, tensorOf, textTensor, writeBlocks } from "./parameters.ts";

/** How a learner uses its estimator's credits. */
export interface LearnerOptions {
  /**
   * Whether to learn by the papers' own updates where they are multiples of the gradient (`Credit.paperScale`). It
   * matters beside a penalty such as L2, and without Adam. The gradient's variance is that of the credits.
   */
  paperScale?: boolean;
  /**
   * What the variance of all parameters' gradients is divided by; default: their number. The HNCA paper's code for
   * convolutions has 10,329 in place of 1,847,890 (D-34).
   */
  varianceCount?: number | undefined;
  /** [B, 1] what each row counts in the gradient; absent: 1. */
  weights?: Matrix | undefined;
  /** Which rows are of one example; default: every row is one. The gradient's variance is that of examples. */
  examples?: Examples | undefined;
}

const optionNames: Names<LearnerOptions> = { paperScale: 1, varianceCount: 1, weights: 1, examples: 1 };

/** Learns on batches of one size. */
export class Learner {
  readonly network: Network;
  readonly estimator: PreparedEstimator;
  /** What the summed variance of all gradients is divided by. */
  readonly varianceCount: number;
  /** All that learns: the network's layers, what the objective adds, the front end's, the estimator's own. */
  readonly parameters: readonly Parameters[];
  readonly optimizer: Optimizer;
  /** The place of the front end's first one. */
  readonly firstOfFront: number;
  readonly #gradient: Gradient;
  readonly #front: FrontGradient | undefined;
  /** Of the objective's own differentiable networks. */
  readonly #direct: readonly Matrix[];
  /** Of the estimator's own parameters. */
  readonly #own: readonly Matrix[];
  /** Of all parameters, in their order. */
  readonly #gradients: readonly Matrix[];
  readonly #weights: Matrix | undefined;
  /** Gradients that the papers have larger, and by how many times themselves. */
  readonly #larger: readonly { readonly block: Matrix; readonly by: number }[];

  /** `optimizer` is bound to the learner's own parameters, or is one that several learners of a network share. */
  constructor(
    estimator: Estimator,
    problem: Problem,
    optimizer: OptimizerFactory | Optimizer,
    options: LearnerOptions = {},
  ) {
    refuseUnknown("the learner", optionNames, options);
    const { paperScale = false, varianceCount = problem.network.size, weights, examples } = options;
    const { network, objective } = problem;
    this.varianceCount = varianceCount;
    this.#weights = weights;
    this.network = network;
    const { backend } = network;
    const linears = [...network.layers, ...objective.linears];
    const fronts = [...(objective.fronts ?? []), ...(network.front ? [network.front] : [])];
    this.estimator = estimator.prepare(problem);
    const { parameters: own = [], gradients: ownGradients = [] } = this.estimator;
    const before = [...linears, ...fronts.flatMap(({ parameters }) => parameters)];
    this.parameters = [...before, ...own];
    this.firstOfFront = before.length - (network.front?.parameters.length ?? 0);
    checkNames(this.parameters);
    this.optimizer = typeof optimizer === "function" ? optimizer(backend, this.parameters) : optimizer;
    const { pass, evaluation } = this.estimator;
    const credits = [...this.estimator.credits, ...evaluation.credits];
    this.#gradient = prepareGradient(backend, linears, credits, network.layers.length, examples);
    this.#front = pass.front && prepareFrontGradient(pass, pass.front, this.estimator.credits);
    this.#direct = (evaluation.fronts ?? []).flatMap(({ gradients }) => gradients);
    const front = this.#front?.blocks ?? [];
    this.#gradients = [...this.#gradient.blocks, ...this.#direct, ...front, ...ownGradients];
    this.#own = ownGradients;
    const sources = this.#gradients.map((block, place) => {
      if (place < linears.length) return credits.filter(({ linear }) => linear === linears[place]);
      return front.includes(block) ? this.#front!.credits : [];
    });
    this.#larger = this.#gradients
      .map((block, place) => ({
        block,
        by: paperScale ? scaleOf(sources[place], this.parameters[place].name) - 1 : 0,
      }))
      .filter(({ by }) => by !== 0);
  }

  /** Parameters, their gradients, and what the optimizer remembers of them. */
  get blocks(): readonly Matrix[] {
    return [...this.#gradients, ...this.#blocks().flatMap(([, blocks]) => blocks)];
  }

  /** Samples the network on the input as it stands. */
  sample(draws: Draws): void {
    this.estimator.sample(draws);
  }

  /**
   * Learns from the rewards as they stand. `step` counts optimizer steps from 1. The gradient's variance goes to
   * `sums`, if any: see `Gradient.addVariance`; that of the front end, where `measuresFront`, at the cost of a step.
   */
  learn(step: number, sums?: Sums, measuresFront = false): void {
    this.estimator.credit();
    this.climb(step, sums, measuresFront);
  }

  /** The rest of `learn`: from credits as they stand, whoever filled them. */
  climb(step: number, sums?: Sums, measuresFront = false): void {
    this.estimator.evaluation.differentiate(this.#weights);
    if (this.#weights !== undefined) {
      for (const { g } of this.estimator.credits) this.network.backend.scaleRows(g, this.#weights, g);
    }
    this.#gradient.compute();
    this.#front?.compute();
    this.estimator.adapt?.();
    if (sums !== undefined) {
      this.#gradient.addVariance(sums, step);
      let place = this.#gradient.blocks.length;
      for (const block of this.#direct) {
        this.network.backend.checkFinite(block, sums, 2 * place++ + 1, step);
      }
      if (measuresFront) this.#front?.addVariance(sums, 2 * place, step);
      else this.#front?.checkFinite(sums, 2 * place, step);
      place += this.#front?.blocks.length ?? 0;
      for (const block of this.#own) this.network.backend.checkFinite(block, sums, 2 * place++ + 1, step);
    }
    for (const { block, by } of this.#larger) this.network.backend.addScaled(block, by, block);
    this.optimizer.step(this.#gradients, step);
  }

  /** Parameters, optimizer state and running baselines as named tensors. */
  async tensors(): Promise<Record<string, Tensor>> {
    const { backend } = this.network;
    const tensors: Record<string, Tensor> = {};
    for (const [prefix, blocks] of this.#blocks()) {
      await readBlocks(backend, this.parameters, prefix, blocks, tensors);
    }
    for (const [name, matrix] of Object.entries(this.estimator.state)) {
      const data = await backend.read(matrix);
      tensors[`estimator.${name}`] = tensorOf(backend, [matrix.rows, matrix.columns], data);
    }
    const { description } = this.optimizer;
    if (description !== undefined) tensors[described] = textTensor(JSON.stringify(description));
    return tensors;
  }

  /**
   * Puts back what `tensors` gave, and takes it out of the record that it is given. Throws `InputError` where something
   * is missing or has another shape, or the optimizer was another.
   *
   * @param what the tensors are called in messages
   */
  restore(tensors: Record<string, Tensor>, what = checkpoint): void {
    const { backend } = this.network;
    checkOptimizer(this.optimizer, tensors, what);
    for (const [prefix, blocks] of this.#blocks()) {
      writeBlocks(backend, this.parameters, prefix, blocks, tensors, what);
    }
    for (const [name, matrix] of Object.entries(this.estimator.state)) {
      const { data } = takeTensor(tensors, `estimator.${name}`, [matrix.rows, matrix.columns], what);
      backend.write(matrix, data as ArrayLike<number>);
    }
  }

  /** Everything laid out as the blocks, by the prefix of its tensors' names. */
  #blocks(): [string, readonly Matrix[]][] {
    const parameters = this.parameters.map(({ block }) => block);
    const state = Object.entries(this.optimizer.state);
    return [
      ["", parameters],
      ...state.map(([name, blocks]): [string, readonly Matrix[]] => [`optimizer.${name}.`, blocks]),
    ];
  }
}

/** By how much a paper's updates are larger than the gradients that credits make. */
function scaleOf(credits: readonly Credit[], name: string): number {
  const [scale = 1, ...others] = new Set(credits.map(({ paperScale = 1 }) => paperScale));
  if (scale !== null && others.length === 0) return scale;
  throw new InputError(`${name} has no one scale in the paper: its children lie at different depths`);
}

/** Parameters go by their names into files. */
function checkNames(parameters: readonly Parameters[]): void {
  const names = parameters.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new InputError(`two sets of parameters are called "${twice}"`);
}

/** The tensor that names the optimizer and its settings, in JSON; checkpoints from before it have none. */
const described = "optimizer";

/**
 * The optimizer that saved tensors were learned with, where they name Adam or SGD; undefined where they do not. `layers` is
 * how many share its rates: those of parameters with a rate of their own come from these.
 */
export function optimizerIn(
  tensors: Record<string, Tensor>,
  layers: number,
  what = checkpoint,
): OptimizerFactory | undefined {
  const saved = tensors[described];
  if (saved === undefined) return undefined;
  const { name, learningRate, learningRateEnd, ...settings } = descriptionIn(saved, what);
  if (!Array.isArray(learningRate)) throw new InputError(`${what}'s ${described} has no learningRate`);
  const ofLayers = (rates: unknown) => (Array.isArray(rates) ? rates.slice(0, layers) : undefined);
  const options = {
    ...settings,
    learningRate: learningRate.slice(0, layers),
    learningRateEnd: ofLayers(learningRateEnd),
  };
  if ("l2" in settings) return undefined;
  return name === "adam" ? adam(options) : name === "sgd" ? sgd(options) : undefined;
}

/** What a file says of its optimizer; an `InputError` for a text that is none. */
function descriptionIn({ data }: Tensor, what: string): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(new TextDecoder().decode(data as Uint8Array));
    if (typeof found === "object" && found !== null) return found as Record<string, unknown>;
  } catch {}
  throw new InputError(`${what}'s ${described} is not the description of an optimizer`);
}

/** Takes it; throws `InputError` where it is not this optimizer's. */
function checkOptimizer(
  { description, state }: Optimizer,
  tensors: Record<string, Tensor>,
  what: string,
): void {
  const saved = tensors[described];
  if (saved === undefined || description === undefined) {
    const stranger = Object.keys(tensors).find(
      (name) => name.startsWith("optimizer.") && !(name.split(".")[1] in state),
    );
    if (stranger === undefined) return;
    throw new InputError(`${what} has ${stranger}, which this optimizer does not have: it was another`);
  }
  delete tensors[described];
  const was = descriptionIn(saved, what);
  if (JSON.stringify(was) === JSON.stringify(description)) return;
  const [key] = Object.keys({ ...was, ...description }).filter(
    (key) => JSON.stringify(was[key]) !== JSON.stringify(description[key]),
  );
  throw new InputError(
    `${what} was made with another optimizer: its ${key} was ${JSON.stringify(was[key])}, and is ${JSON.stringify(description[key])} here`,
  );
}
