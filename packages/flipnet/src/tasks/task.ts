/** What a task is: batches, the reward of what the network did with them, and how it is measured. */
import type { Backend, Matrix, Sums } from "../backend/backend.ts";
import type { Network } from "../network/network.ts";
import type { Pass } from "../network/pass.ts";
import type { Evaluation, Objective } from "../objectives/objective.ts";

/** A task on a backend, for one batch size. */
export interface Task {
  readonly backend: Backend;
  readonly batchSize: number;
  /** [B, inputs] the batch's input. */
  readonly input: Matrix;
  readonly objective: Objective;
  readonly stepsPerEpoch: number;
  /** Steps after which training ends, in the middle of an epoch perhaps. Absent: it may go on for ever. */
  readonly totalSteps?: number;
  /** What the metrics remember beyond an epoch, by name: saved with a training. */
  readonly state?: Readonly<Record<string, Matrix>>;
  /** What is accumulated at every step: one name for each sum; its mean over the epoch's steps is reported. */
  readonly metrics: readonly string[];
  /** Prepares an epoch: numbered from 0; the same epoch is always the same. */
  startEpoch(epoch: number): void;
  /** Fills `input` with the batch of a step of this epoch, 0 <= step < stepsPerEpoch. */
  load(step: number): void;
  /** Fills in the reward of what the network did, where the objective is one. */
  score(pass: Pass): void;
  /** Adds this step's metrics to `sums`, from `first` on, the objective being evaluated. */
  addMetrics(evaluation: Evaluation, sums: Sums, first: number): void;
  /** Epochs between two calls of `evaluate`; absent: 1. */
  readonly evaluateEvery?: number;
  /**
   * Measures what is not accumulated, on held-out data say; metric name -> value. What takes long asks `goOn` now and
   * then, and gives up, with undefined, where that says false.
   */
  evaluate(
    network: Network,
    epoch: number,
    goOn?: () => Promise<boolean>,
  ): Promise<Record<string, number> | undefined>;
}
