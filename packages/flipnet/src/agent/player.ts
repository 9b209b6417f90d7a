/**
 * Plays contexts and learns from their rewards, on batches of one size.
 *
 * The reward of the rows that stand in the buffers is learned from in place. That of a row that was played long ago is
 * learned from what was kept of it: the context, what every unit did, its credit for a signal of 1 and the baseline, all of
 * that moment. So rewards may come in any order, whenever: the estimate stays that of the gradient at the parameters of
 * the decision, without bias, whatever the delays depend on.
 */
import type { ImmediateBackend, Matrix, Scope } from "../backend/backend.ts";
import type { Baseline } from "../estimators/baseline.ts";
import type { Scores } from "../estimators/estimator.ts";
import { GeneratedDraws } from "../network/draws.ts";
import type { Network } from "../network/network.ts";
import { rewardObjective } from "../objectives/reward.ts";
import type { Optimizer, OptimizerFactory } from "../optimizers/optimizer.ts";
import { Learner } from "../training/learner.ts";
import type { Settings } from "./settings.ts";

/** Numbers in a backend's own precision. */
export type Numbers = Float32Array | Float64Array;

/** One row that was played. */
export interface Played {
  readonly action: number;
  /** Of the action, given what the coins did. */
  readonly probability: number;
}

export class Player {
  readonly learner: Learner;
  /** How many numbers are kept of a row. */
  readonly length: number;
  readonly #backend: ImmediateBackend;
  readonly #input: Matrix;
  readonly #reward: Matrix;
  readonly #signal: Matrix;
  readonly #draws: GeneratedDraws;
  /** Absent where the estimator's credit is not linear in the reward: it learns in place only. */
  readonly #scores: Scores | undefined;
  /** What is kept of a row after its baseline, and room to read it. */
  readonly #parts: readonly { readonly matrix: Matrix; readonly room: Float64Array }[];
  readonly #NumbersOf: typeof Float32Array | typeof Float64Array;
  /** What was kept of the row that stands in the buffers, its scores included. */
  #here: Numbers | undefined;
  /** What is taken of memory at the first use belongs to it; absent: to the backend. */
  readonly #scope: Scope | undefined;

  constructor(
    backend: ImmediateBackend,
    network: Network,
    { estimator, inputs, baselineDecay, seed }: Settings,
    baseline: Baseline,
    optimizer: OptimizerFactory | Optimizer,
    rows: number,
    scope?: Scope,
  ) {
    this.#backend = backend;
    this.#scope = scope;
    this.#input = backend.matrix(rows, inputs);
    this.#reward = backend.matrix(rows, 1);
    this.#signal = backend.matrix(rows, 1);
    this.#draws = new GeneratedDraws(backend, seed);
    const objective = rewardObjective(this.#reward);
    const problem = { network, input: this.#input, objective, baseline, baselineDecay };
    this.learner = new Learner(estimator, problem, optimizer);
    const { pass, credits, scores } = this.learner.estimator;
    this.#scores = scores;
    const matrices = [this.#input, ...pass.layers.map(({ bits }) => bits), ...credits.map(({ g }) => g)];
    this.#parts = matrices.map((matrix) => ({
      matrix,
      room: new Float64Array(matrix.rows * matrix.columns),
    }));
    this.length = matrices.reduce((sum, { columns }) => sum + columns, 1);
    this.#NumbersOf = backend.features.dtype === "F32" ? Float32Array : Float64Array;
  }

  /** Whether what is kept of a row is enough to learn from. */
  get keeps(): boolean {
    return this.#scores !== undefined;
  }

  /** Samples an action for each context; `step` decides the draws. */
  play(contexts: readonly ArrayLike<number>[], step: number): Played[] {
    this.#here = undefined;
    contexts.forEach((context, b) => {
      this.#backend.write(this.#input, context, b * this.#input.columns);
    });
    this.#draws.startStep(step);
    this.#run(() => this.learner.sample(this.#draws));
    const { layers } = this.learner.estimator.pass;
    const { bits, p } = layers[layers.length - 1];
    const [done, law] = [this.#backend.readNow(bits), this.#backend.readNow(p)];
    return contexts.map((_, b) => {
      const chosen = done.indexOf(1, b * bits.columns);
      return { action: chosen - b * bits.columns, probability: law[chosen] };
    });
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
    kept[0] = this.#baseline();
    let at = 1;
    for (const { matrix, room } of this.#parts) {
      kept.set(this.#backend.readNow(matrix, room), at);
      at += room.length;
    }
    this.#here = kept;
    return kept;
  }

  /**
   * Learns from the reward of a row of which this was kept; or from more of it, where some was learned from already:
   * then no baseline is subtracted any more.
   */
  learnLate(kept: Numbers, reward: number, more: boolean, step: number): void {
    if (kept !== this.#here) this.#putBack(kept);
    this.#here = undefined;
    const { learner } = this;
    const rounded = this.#NumbersOf.of(reward)[0];
    // A baseline that learns does so from what it says now.
    const now = more || learner.estimator.parameters?.length ? this.#baseline() : 0;
    this.#backend.write(this.#signal, [rounded - (more ? 0 : kept[0])]);
    this.#scores!.weigh(this.#signal);
    // More of a reward moves the baseline from where it is now, as if it had come with the first.
    this.#backend.write(this.#reward, [rounded + (more ? now : 0)]);
    learner.climb(step);
  }

  #putBack(kept: Numbers): void {
    let at = 1;
    for (const { matrix, room } of this.#parts) {
      this.#backend.write(matrix, kept.subarray(at, at + room.length));
      at += room.length;
    }
  }

  #run(work: () => void): void {
    if (this.#scope === undefined) work();
    else this.#scope.run(work);
  }

  /** What would be subtracted from a reward. */
  #baseline(): number {
    this.#backend.fill(this.#reward, 0);
    return -this.#backend.readNow(this.#scores!.signal())[0];
  }
}
