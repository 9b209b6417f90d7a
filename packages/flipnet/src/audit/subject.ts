/** What estimators are audited on. */
import type { ImmediateBackend } from "../backend/backend.ts";
import type { Estimator, PreparedEstimator } from "../estimators/estimator.ts";
import type { Knowledge } from "../estimators/needs.ts";
import type { Draws } from "../network/draws.ts";
import type { Linear, Network } from "../network/network.ts";
import type { Credit } from "../network/pass.ts";
import type { LayerValues } from "./layout.ts";

/** What an estimator draws, and beside it the world's own chance: which context is seen, what an action earns. */
export interface AuditDraws extends Draws {
  /**
   * One of `sides` outcomes for every row, 0 to `sides - 1`: with the probabilities `laws[row]`, of which missing ones
   * are 0; without laws all are equally likely.
   */
  choose(name: string, sides: number, laws?: readonly (readonly number[])[]): Int32Array;
}

/** A small network with its parameters, what it sees and what it is to maximise. */
export interface Subject<Answers = unknown> {
  /** What is known of what it maximises. */
  readonly offers: readonly Knowledge[];
  readonly backend: ImmediateBackend;
  readonly network: Network;
  /** All that learns: the network's layers, then the objective's own linear maps. */
  readonly linears: readonly Linear[];
  /** Ways in which one pass can come out. */
  readonly states: number;
  /** The exact gradient of each of `linears`, and what a report says of it; `visited` is called after each state. */
  exact(visited: () => void): { gradient: readonly LayerValues[]; answers: Answers };
  /** An estimator on a batch of `rows` states, drawn from `draws`. */
  prepare(estimator: Estimator, draws: AuditDraws, rows: number): Trial;
}

/** An estimator on a batch of states. */
export interface Trial {
  readonly prepared: PreparedEstimator;
  /** Of all `linears`; valid after `run`. */
  readonly credits: readonly Credit[];
  /** Plays the batch as the draws have it: what is seen, what every unit does, what it is credited with. */
  run(): void;
}
