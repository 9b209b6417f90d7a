/**
 * Rows of numbers with known classes, as a table's preparation makes them, and what tasks on them share: batches of shuffled
 * rows, one softmax unit over the classes, and how well the network says the classes of held-out rows.
 */
import type { Backend, Matrix, Sums } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { TableData } from "../formats/table-data.ts";
import { GeneratedDraws } from "../network/draws.ts";
import { withOutput } from "../network/hidden.ts";
import type { Network, NetworkSpec } from "../network/network.ts";
import { createPass, type Pass, samplePass } from "../network/pass.ts";
import type { Evaluation, Objective } from "../objectives/objective.ts";
import { deriveKey, newKey, permutation } from "../random/threefry.ts";
import { accuracyMetrics } from "./accuracy.ts";
import type { CommonSettings, TaskMetric, UsualForData } from "./definition.ts";
import { checkBatchSize, testBatches } from "./images.ts";
import type { Moment, Task } from "./task.ts";

/** @throws InputError for rows that do not fit each other */
function checkTable({ train, test, width, classes }: TableData): void {
  if (!(classes >= 2)) throw new InputError(`the table has ${classes} classes; expected at least 2`);
  for (const [what, { count, inputs, labels, weights }] of Object.entries({ training: train, test })) {
    if (count < 1) throw new InputError(`the table has no ${what} rows; expected at least 1`);
    if (inputs.length !== count * width || labels.length !== count) {
      throw new InputError(
        `the ${what} rows are ${inputs.length} numbers and ${labels.length} labels; expected ${count} of ${width}, one label each`,
      );
    }
    const wrong = labels.find((label) => label >= classes);
    if (wrong !== undefined) {
      throw new InputError(`a ${what} row has the label ${wrong}; expected labels below ${classes}`);
    }
    if (weights !== undefined && weights.length !== count) {
      throw new InputError(`the ${what} rows have ${weights.length} weights; expected ${count}`);
    }
  }
}

/** Passes behind each class that is said of a held-out row. */
const samples = 10;

/** What is maximised, and what fills it in. */
export interface TableGoal {
  readonly objective: Objective;
  /** What is known of a batch beforehand: its labels. */
  load?(labels: Float32Array): void;
  /** What is told afterwards: [B, 1] whether each guess was right. */
  score?(right: Matrix): void;
}

/** A table as a task. */
export class TableTask implements Task {
  readonly backend: Backend;
  readonly batchSize: number;
  readonly input: Matrix;
  readonly objective: Objective;
  readonly weights?: Matrix;
  readonly stepsPerEpoch: number;
  readonly metrics = ["onlineAccuracy"];
  readonly #data: TableData;
  readonly #goal: TableGoal;
  readonly #seed: number;
  readonly #order: Uint32Array;
  readonly #labels: Matrix;
  readonly #right: Matrix;
  /** A batch, on its way to the backend. */
  readonly #rows: Float32Array;
  readonly #numbers: Float32Array;
  #test: { network: Network; probabilities: Probabilities } | undefined;

  /** @throws InputError for a table that cannot be used, or has fewer rows than a batch */
  constructor(backend: Backend, data: TableData, { batchSize, seed }: CommonSettings, goal: TableGoal) {
    checkTable(data);
    checkBatchSize(batchSize, data.train.count, "training rows");
    this.backend = backend;
    this.batchSize = batchSize;
    this.#data = data;
    this.#goal = goal;
    this.#seed = seed;
    this.objective = goal.objective;
    this.stepsPerEpoch = Math.floor(data.train.count / batchSize);
    this.input = backend.matrix(batchSize, data.width);
    this.#labels = backend.matrix(batchSize, 1);
    this.#right = backend.matrix(batchSize, 1);
    if (data.train.weights !== undefined) this.weights = backend.matrix(batchSize, 1);
    this.#order = Uint32Array.from({ length: data.train.count }, (_, row) => row);
    this.#rows = new Float32Array(batchSize * data.width);
    this.#numbers = new Float32Array(batchSize);
  }

  startEpoch(epoch: number): void {
    permutation(deriveKey(this.#seed, "shuffle", epoch, newKey()), this.#order);
  }

  load(step: number): void {
    const { width, train } = this.#data;
    const first = step * this.batchSize;
    for (let b = 0; b < this.batchSize; b++) {
      const row = this.#order[first + b];
      for (let i = 0; i < width; i++) this.#rows[b * width + i] = train.inputs[row * width + i];
      this.#numbers[b] = train.labels[row];
    }
    this.backend.write(this.input, this.#rows);
    this.backend.write(this.#labels, this.#numbers);
    this.#goal.load?.(this.#numbers);
    if (this.weights === undefined) return;
    for (let b = 0; b < this.batchSize; b++) this.#numbers[b] = train.weights![this.#order[first + b]];
    this.backend.write(this.weights, this.#numbers);
  }

  score(pass: Pass): void {
    this.backend.rewardByLabel(outputOf(pass).bits, this.#labels, this.#right);
    this.#goal.score?.(this.#right);
  }

  addMetrics(_evaluation: Evaluation, sums: Sums, first: number): void {
    this.backend.addMean(this.#right, sums, first);
  }

  /** How often the class that is most probable on average over some passes is the right one; and the log loss. */
  async evaluate(network: Network, { epoch }: Moment): Promise<Record<string, number>> {
    const { test, classes } = this.#data;
    if (this.#test?.network !== network) {
      this.#test = { network, probabilities: prepareProbabilities(network, test.count, this.#seed) };
    }
    const { mean } = await this.#test.probabilities(test.inputs, samples, epoch);
    let [right, loss] = [0, 0];
    for (let row = 0; row < test.count; row++) {
      const law = mean.subarray(row * classes, (row + 1) * classes);
      if (largestOf(law) === test.labels[row]) right++;
      loss -= Math.log(Math.max(law[test.labels[row]], 1e-30));
    }
    return { testAccuracy: right / test.count, testLogLoss: loss / test.count };
  }
}

const outputOf = ({ layers }: Pass) => layers[layers.length - 1];

/** The place of the largest number, the first of several. */
export const largestOf = (numbers: ArrayLike<number>): number => {
  let found = 0;
  for (let k = 1; k < numbers.length; k++) if (numbers[k] > numbers[found]) found = k;
  return found;
};

/**
 * The mean of each class's probability over some passes, and the standard error of that, each [count, classes].
 *
 * @param inputs [count, width]
 * @param time other times, other draws
 */
export type Probabilities = (
  inputs: Float32Array,
  samples: number,
  time?: number,
) => Promise<{ mean: Float64Array; standardError: Float64Array }>;

/** Buffers to ask a network about `count` rows. */
export function prepareProbabilities(network: Network, count: number, seed: number): Probabilities {
  const { backend, inputs: width } = network;
  const batches = testBatches(count).map(({ rows, starts }) => {
    const pass = createPass(network, backend.matrix(rows, width));
    return { rows, starts, pass, draws: new GeneratedDraws(backend, seed, "test") };
  });
  return async (inputs, samples, time = 0) => {
    const classes = network.layers[network.layers.length - 1].width;
    const [mean, square] = [0, 1].map(() => new Float64Array(count * classes));
    for (const { rows, starts, pass, draws } of batches) {
      for (const first of starts) {
        backend.write(pass.input, inputs.subarray(first * width, (first + rows) * width));
        for (let sample = 0; sample < samples; sample++) {
          draws.startStep((time * count + first) * samples + sample);
          samplePass(pass, draws);
          const p = await backend.read(outputOf(pass).p);
          for (let e = 0; e < rows * classes; e++) {
            mean[first * classes + e] += p[e];
            square[first * classes + e] += p[e] ** 2;
          }
        }
      }
    }
    for (let e = 0; e < mean.length; e++) {
      mean[e] /= samples;
      const variance = Math.max(0, square[e] / samples - mean[e] ** 2);
      square[e] = samples > 1 ? Math.sqrt(variance / (samples - 1)) : Number.NaN;
    }
    return { mean, standardError: square };
  };
}

/**
 * How to learn from a table where nobody says: enough steps for any, small batches of small tables, and two coins an input,
 * within bounds. Found on the tables of docs/data.md, one rule for all.
 */
export function usualForTable({ train, width }: TableData): UsualForData {
  const batchSize = Math.max(1, Math.min(50, Math.floor(train.count / 8)));
  const units = 32 * Math.ceil((2 * width) / 32);
  return {
    hidden: [Math.min(256, Math.max(64, units))],
    batchSize,
    learningRate: 3e-3,
    epochs: Math.min(1000, Math.max(10, Math.ceil((3000 * batchSize) / train.count))),
  };
}

/** The network: the row as real numbers, hidden layers, and one softmax unit over the classes. */
export const tableNetwork = (
  { width, classes }: Pick<TableData, "width" | "classes">,
  { hidden, units }: Pick<CommonSettings, "hidden" | "units">,
): NetworkSpec => ({
  inputs: width,
  inputKind: "real",
  units,
  layers: withOutput(hidden, { kind: "softmax", units: 1, choices: classes }),
});

/** Sizes of a network as its tensors say them. */
export const sizesIn = (
  hidden: CommonSettings["hidden"],
  shapeOf: (tensor: string) => readonly number[],
) => ({
  width: shapeOf("layers.0.weights")[1],
  classes: shapeOf(`layers.${hidden.length}.bias`)[0],
});

/** Beside accuracies, how sure the network was: minus the mean of log P(right class). */
export const tableMetrics: readonly TaskMetric[] = [
  ...accuracyMetrics,
  { name: "testLogLoss", title: "test log loss", digits: 3 },
];
