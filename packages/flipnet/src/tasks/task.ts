/** What a task is while it is trained on: batches, what comes of what the network did with them, how it is measured. */
import { type Backend, immediate, type Matrix, type Sums } from "../backend/backend.ts";
import type { Examples } from "../estimators/gradient.ts";
import type { Network } from "../network/network.ts";
import type { Pass } from "../network/pass.ts";
import type { Evaluation, Objective } from "../objectives/objective.ts";
import type { TraceOptions, Transitions } from "./transitions.ts";

/**
 * Lets the network act on `rows` rows of the batch from row `first` on, whose input has been filled in, and gives what
 * the last layer did there: bits [rows, width]. Without numbers it is the whole batch. Every row acts once a step, in
 * their order; rows that act later in a step draw at a later time.
 */
export type Act = (first?: number, rows?: number) => Matrix;

/** Where a training stands when a task is measured. */
export interface Moment {
  /** The epoch that was done last, from 0. */
  readonly epoch: number;
  /** Optimizer steps done. */
  readonly step: number;
}

/**
 * A task on a backend, for one batch size. A step of it is `load`, the network's sample and `score` or, where what is
 * seen later depends on what was done before, `play`.
 *
 * All that a task has counted and must know after a stop is in `state`, or follows from the numbers that it is given.
 */
export interface Task {
  readonly backend: Backend;
  /** Rows of a batch. */
  readonly batchSize: number;
  /** Which rows are of one example: samples of one image, the steps of one episode. Absent: every row is one. */
  readonly examples?: Examples;
  /** [B, inputs] the batch's input. */
  readonly input: Matrix;
  readonly objective: Objective;
  /** [B, 1] what each row counts in the gradient, filled in with its reward; absent: 1. */
  readonly weights?: Matrix;
  readonly stepsPerEpoch: number;
  /** Steps after which training ends, in the middle of an epoch perhaps. Absent: it may go on for ever. */
  readonly totalSteps?: number;
  /** Whether there is nothing more to learn from, however many steps are left: training ends there, with a record. */
  finished?(): boolean;
  /** What the metrics remember beyond an epoch, by name: saved with a training. */
  readonly state?: Readonly<Record<string, Matrix>>;
  /** The same of what lives on the host. */
  readonly numbers?: Readonly<Record<string, Float64Array>>;
  /** Where it is learned from temporal differences: what `score` fills in, and how. */
  readonly steps?: { readonly transitions: Transitions; readonly traces: TraceOptions };
  /** What is accumulated at every step: one name for each sum; its mean over the epoch's steps is reported. */
  readonly metrics: readonly string[];
  /** Gives parameters initial values that the data says, once weights are drawn. Absent: there are none. */
  initialise?(): void;
  /** Prepares an epoch: numbered from 0; the same epoch is always the same. */
  startEpoch(epoch: number): void;
  /** Fills `input` with the batch of a step of this epoch, 0 <= step < stepsPerEpoch. */
  load?(step: number): void;
  /** Fills in the reward of what the network did, where the objective is one. */
  score?(pass: Pass): void;
  /**
   * In place of `load` and `score`: fills in some rows of `input`, lets the network `act` on them, goes on with what
   * came of it until every row has acted, and fills in the rewards.
   *
   * Once before training it is called on a backend where every matrix reads as zeros: to know the memory that a step
   * takes.
   */
  play?(act: Act, step: number): void;
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
    moment: Moment,
    goOn?: () => Promise<boolean>,
  ): Promise<Record<string, number> | undefined>;
}

/**
 * The actions that bits of an output layer are, one a row: the choice of a softmax unit, or the bit of a Bernoulli unit.
 *
 * @throws InputError for a backend that answers later
 */
export function readActions(backend: Backend, bits: Matrix): Uint32Array {
  const values = immediate(backend).readNow(bits);
  const { rows, columns } = bits;
  if (columns === 1) return Uint32Array.from(values);
  return Uint32Array.from({ length: rows }, (_, row) =>
    Math.max(0, values.subarray(row * columns, (row + 1) * columns).indexOf(1)),
  );
}
