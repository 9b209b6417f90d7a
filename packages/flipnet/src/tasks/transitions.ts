/** What is learned from where what is done now decides what is seen next. */
import type { Matrix } from "../backend/backend.ts";

/** What a step of every episode was: filled in by a task, row by row, once the actor has acted. */
export interface Transitions {
  /** [B, n] what the critic reads before and after the step. */
  readonly state: Matrix;
  readonly next: Matrix;
  readonly rewards: Float64Array;
  /** gamma, or 0 behind an episode's end. */
  readonly discounts: Float64Array;
  /** What the step counts: 1, or gamma^t; 0 where the episode is over and waits for others. */
  readonly weights: Float64Array;
  /** Whether the step was an episode's first. */
  readonly first: readonly boolean[];
  /** Whether parameters move after this step. */
  moves: boolean;
}

/** How an actor and its critic learn. */
export interface TraceOptions {
  /** Traces of the actor fade by this times gamma a step. */
  readonly traceLambda: number;
  readonly criticLambda: number;
  readonly gamma: number;
  /** Widths of the critic's hidden layers; none: it is linear. Absent: there is no critic. */
  readonly critic?: readonly number[] | undefined;
  /** What its hidden units make of their logit `l`: `tanh(l / 2)`, the default, or `ln(1 + e^l)`. */
  readonly criticActivation?: "tanh" | "softplus";
  /** One, or one for each of its layers, input side first. */
  readonly criticRate: number | readonly number[];
  /** What that moves to with the actor's; absent: it stays. */
  readonly criticRateEnd?: number | readonly number[] | undefined;
}
