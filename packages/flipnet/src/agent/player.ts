/**
 * Plays contexts and learns from their rewards, on batches of one size.
 *
 * The reward of the rows that stand in the buffers is learned from in place. That of a row that was played long ago is
 * learned from what was kept of it: the context, what every unit did, its credit for a signal of 1 and the baseline, all of
 * that moment. So rewards may come in any order, whenever: the estimate stays that of the gradient at the parameters of
 * the decision, without bias, whatever the delays depend on.
 */
import type { ImmediateBackend, Matrix, Outcome, Scope } from "../backend/backend.ts";
import type { Baseline } from "../estimators/baseline.ts";
import type { PreparedEstimator, Scores } from "../estimators/estimator.ts";
import { InputError } from "../formats/errors.ts";
import { type Draws, GeneratedDraws } from "../network/draws.ts";
import { Exploration } from "../network/exploration.ts";
import type { Network } from "../network/network.ts";
import { RowChoice } from "../network/row-choice.ts";
import { rewardObjective } from "../objectives/reward.ts";
import type { Optimizer, OptimizerFactory } from "../optimizers/optimizer.ts";
import { Learner } from "../training/learner.ts";
import { type Encouraged, withBonus } from "./bonus.ts";
import { type Pulled, withPull } from "./pull.ts";
import type { Settings } from "./settings.ts";

/** Numbers in a backend's own precision. */
export type Numbers = Float32Array | Float64Array;

/** One row that was played. */
export interface Played {
  readonly action: number;
  /** Of the action, given what the coins did. */
  readonly probability: number;
  readonly floor: number;
}

/** A row that was played, and what there is to redo it. */
export interface Past extends Played {
  readonly allowed?: readonly number[];
  /** Of its draws. */
  readonly step: number;
  /** See `Player.keep`. */
  readonly kept: Numbers;
  /** Whether some of its reward was learned from. */
  readonly rewarded: boolean;
  /** Rows that it was one of; absent: it is a row by itself. */
  readonly rows?: number;
}

/** Draws by steps. */
export interface SteppedDraws extends Draws {
  startStep(step: number): void;
}

export class Player {
  readonly learner: Learner;
  /** How many numbers are kept of a row. */
  readonly length: number;
  readonly #backend: ImmediateBackend;
  readonly #input: Matrix;
  readonly #reward: Matrix;
  readonly #signal: Matrix;
  readonly #draws: SteppedDraws;
  readonly #output: Outcome;
  /** Room to read what the output did. */
  readonly #room: Float64Array;
  readonly #exploration: Exploration | RowChoice | undefined;
  /** Rows together are one decision, or each is one. */
  readonly #decisions: number;
  readonly #actions: number;
  readonly #settings: Settings;
  /** Absent where the estimator's credit is not linear in the reward: it learns in place only. */
  readonly #scores: Scores | undefined;
  readonly #bonus: Encouraged["bonus"] | undefined;
  /** What is kept of a row after its baseline, from `at` on: the input, each layer's bits and scores. Room to read it. */
  readonly #parts: readonly { readonly matrix: Matrix; readonly room: Float64Array; readonly at: number }[];
  readonly #NumbersOf: typeof Float32Array | typeof Float64Array;
  /** What was kept of the row that stands in the buffers, its scores included. */
  #here: Numbers | undefined;
  /** What is taken of memory at the first use belongs to it; absent: to the backend. */
  readonly #scope: Scope | undefined;

  constructor(
    backend: ImmediateBackend,
    network: Network,
    settings: Settings,
    baseline: Baseline,
    optimizer: OptimizerFactory | Optimizer,
    rows: number,
    scope?: Scope,
    draws: SteppedDraws = new GeneratedDraws(backend, settings.seed),
  ) {
    const { actions, baselineDecay, floor, pull, entropyBonus } = settings;
    const estimator = entropyBonus > 0 ? withBonus(settings.estimator, entropyBonus) : settings.estimator;
    this.#settings = settings;
    this.#draws = draws;
    this.#backend = backend;
    this.#scope = scope;
    this.#decisions = actions === undefined ? 1 : rows;
    this.#actions = actions ?? rows;
    this.#input = backend.matrix(rows, network.inputs);
    this.#reward = backend.matrix(rows, 1);
    this.#signal = backend.matrix(rows, 1);
    if (actions === undefined) this.#exploration = new RowChoice(backend, 1, rows);
    else if (estimator.explores) this.#exploration = new Exploration(backend, rows, actions);
    else if (floor !== 0) {
      throw new InputError(`${estimator.name} cannot learn under a floor; expected hnca or reinforce`);
    }
    const objective = rewardObjective(this.#reward);
    const exploration = this.#exploration;
    const problem = { network, input: this.#input, objective, baseline, baselineDecay };
    this.learner = new Learner(
      pull > 0 && this.#decisions === 1 ? withPull(estimator, pull * rows) : estimator,
      { ...problem, ...(exploration && { exploration }) },
      optimizer,
    );
    const { pass, scores } = this.learner.estimator;
    const credits = this.learner.estimator.credits.slice(0, pass.layers.length);
    this.#output = pass.layers[pass.layers.length - 1];
    this.#room = new Float64Array(this.#decisions * this.#actions);
    this.#scores = scores;
    this.#bonus = (this.learner.estimator as Partial<Encouraged>).bonus;
    const filled = [...credits, ...(this.#bonus?.credits ?? [])];
    const matrices = [this.#input, ...pass.layers.map(({ bits }) => bits), ...filled.map(({ g }) => g)];
    let length = 1;
    this.#parts = matrices.map((matrix) => {
      const part = { matrix, room: new Float64Array(matrix.rows * matrix.columns), at: length };
      length += part.room.length;
      return part;
    });
    this.length = length;
    this.#NumbersOf = backend.features.dtype === "F32" ? Float32Array : Float64Array;
  }

  /** Whether what is kept of a row is enough to learn from. */
  get keeps(): boolean {
    return this.#scores !== undefined;
  }

  /**
   * Samples an action for each context, one of those allowed if it is said which; or one of the rows that `actions` with these
   * features make of one context. `step` decides the draws.
   */
  play(
    contexts: readonly ArrayLike<number>[],
    step: number,
    floor: number,
    allowed?: readonly number[],
    actions?: readonly ArrayLike<number>[],
  ): number[] {
    this.#here = undefined;
    this.#see(contexts, actions);
    for (let d = 0; d < this.#decisions; d++) this.#exploration?.set(d, floor, allowed);
    this.#draws.startStep(step);
    this.#run(() => this.learner.sample(this.#draws));
    const done = this.#backend.readNow(this.#output.bits, this.#room);
    return contexts.map((_, d) => done.indexOf(1, d * this.#actions) - d * this.#actions);
  }

  #see(contexts: readonly ArrayLike<number>[], actions: readonly ArrayLike<number>[] | undefined): void {
    const { rows, columns } = this.#input;
    for (let row = 0; row < rows; row++) {
      const context = contexts[actions === undefined ? row : 0];
      this.#backend.write(this.#input, context, row * columns);
      if (actions) this.#backend.write(this.#input, actions[row], row * columns + context.length);
    }
  }

  /** What the first row's action was drawn with, given what the coins did. */
  probability(action: number): number {
    return this.#backend.readNow(this.#exploration?.law ?? this.#output.p, this.#room)[action];
  }

  /** Learns from the rewards of the rows that were played last. `step` counts what was learned from, from 1. */
  learn(rewards: readonly number[], step: number): void {
    this.#backend.write(this.#reward, rewards);
    this.#run(() => this.learner.learn(step));
  }

  /** Gives back its memory: it may not be used any more. */
  release(): void {
    this.#scope?.release();
  }

  /** What has to be kept of the one row that was played last. */
  keep(): Numbers {
    const kept = new this.#NumbersOf(this.length);
    this.#scores!.score();
    this.#bonus?.compute();
    kept[0] = this.#baseline();
    for (const { matrix, room, at } of this.#parts) kept.set(this.#backend.readNow(matrix, room), at);
    this.#here = kept;
    return kept;
  }

  /** Whether numbers of its length can be what `keep` gave of a row in which that was the action: bits are bits. */
  couldKeep(kept: Numbers, action: number): boolean {
    const { layers } = this.learner.estimator.pass;
    const bits = this.#parts.slice(1, 1 + layers.length);
    const last = bits[bits.length - 1];
    const first = kept.indexOf(1, last.at) - last.at;
    return first === action && bits.every(({ at, room }) => kept.subarray(at, at + room.length).every(isBit));
  }

  /**
   * Learns from the reward of a row that was played some time ago; or from more of it, where some was learned from
   * already: then no baseline is subtracted any more.
   */
  learnLate(past: Past, reward: number, step: number): void {
    const { kept, rewarded: more } = past;
    const { lateRewards, pull } = this.#settings;
    if (kept !== this.#here) this.#putBack(kept);
    this.#here = undefined;
    const { learner } = this;
    const estimator = learner.estimator as Partial<Pulled> & PreparedEstimator;
    if (pull > 0) this.#pull(estimator as Pulled, past);
    const weight =
      lateRewards === "redone" ? Math.min(this.#settings.weightClip, this.#redo(past) / past.probability) : 1;
    const rounded = this.#NumbersOf === Float32Array ? Math.fround(reward) : reward;
    // A baseline that learns does so from what it says now.
    const now = more || estimator.parameters?.length ? this.#baseline() : 0;
    // The gradient is the mean of all rows', and those of a decision add up.
    const { rows } = this.#signal;
    this.#backend.fill(this.#signal, rows * weight * (rounded - (more ? 0 : kept[0])));
    this.#scores!.weigh(this.#signal);
    if (!more) this.#bonus?.add();
    // More of a reward moves the baseline from where it is now, as if it had come with the first.
    this.#backend.fill(this.#reward, rounded + (more ? now : 0));
    learner.climb(step);
  }

  /**
   * Learns from an action that somebody else chose: what it earned, or, without a reward, that it was chosen.
   *
   * @param weigh what the credit is multiplied by, from the probability of the action, given the coins that `step` gives
   */
  learnOther(
    context: ArrayLike<number>,
    past: Omit<Past, "kept" | "rewarded" | "probability">,
    reward: number | undefined,
    weigh: (probability: number) => number,
    step: number,
    actions?: readonly ArrayLike<number>[],
  ): void {
    this.#here = undefined;
    this.#see([context], actions);
    const weight = weigh(this.#redo(past));
    if (this.#settings.pull > 0) (this.learner.estimator as Pulled).stay();
    const baseline = this.#baseline();
    this.#backend.fill(
      this.#signal,
      this.#signal.rows * weight * (reward === undefined ? 1 : reward - baseline),
    );
    this.#scores!.weigh(this.#signal);
    if (reward !== undefined) this.#bonus?.add();
    // What is imitated says nothing about rewards: the baseline stays.
    this.#backend.fill(this.#reward, reward ?? baseline);
    this.learner.climb(step);
  }

  /**
   * Passes by today's weights, with the draws of a step, and makes its scores those of an action of the past: times
   * `p~_now(a | coins of now) / p~_then(a | coins of then)`, whose numerator this gives, they are unbiased for the gradient
   * at today's parameters. No weight of the coins is needed: the same uniforms make today's coins as likely as they are.
   */
  #redo({ action, floor, allowed, step }: Omit<Past, "kept" | "rewarded" | "probability">): number {
    const output = this.#output;
    this.#exploration?.set(0, floor, allowed);
    this.#draws.startStep(step);
    this.learner.sample({
      draw: (site, law) => {
        if (site.layer.children.length > 0) this.#draws.draw(site, law);
        else this.#backend.write(output.bits, oneHot(action, this.#actions));
      },
    });
    this.#scores!.score();
    this.#bonus?.compute();
    return this.probability(action);
  }

  #pull(estimator: Pulled, { kept, floor, allowed, rewarded }: Past): void {
    if (rewarded) {
      estimator.stay();
      return;
    }
    this.#exploration?.set(0, floor, allowed);
    estimator.pull((layer, bits) => {
      const { at, room } = this.#parts[1 + layer];
      this.#backend.write(bits, kept.subarray(at, at + room.length));
    });
  }

  #putBack(kept: Numbers): void {
    for (const { matrix, room, at } of this.#parts) {
      this.#backend.write(matrix, kept.subarray(at, at + room.length));
    }
  }

  #run(work: () => void): void {
    if (this.#scope === undefined) work();
    else this.#scope.run(work);
  }

  /** What would be subtracted from a reward: of several rows the mean. */
  #baseline(): number {
    this.#backend.fill(this.#reward, 0);
    const signal = this.#backend.readNow(this.#scores!.signal());
    return -signal.reduce((sum, one) => sum + one, 0) / signal.length;
  }
}

const isBit = (x: number): boolean => x === 0 || x === 1;

function oneHot(action: number, actions: number): number[] {
  const bits = new Array<number>(actions).fill(0);
  bits[action] = 1;
  return bits;
}
