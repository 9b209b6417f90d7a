/** Examples with a right answer, as a bandit: the network answers and is told only whether that was right. */
import type { Backend, Matrix, Sums } from "flipnet/internal/backend/backend";
import type { Pass } from "flipnet/internal/network/pass";
import type { Evaluation, Objective } from "flipnet/internal/objectives/objective";
import { rewardObjective } from "flipnet/internal/objectives/reward";
import { deriveKey, type Key, newKey, uniformAt } from "flipnet/internal/random/threefry";
import type { Task } from "flipnet/internal/tasks/task";
import { type Digits, learned, side } from "../shared/digits.ts";
import type { Shape } from "./spec.ts";

/** Where examples come from: drawn anew every step, so there is nothing to go through. */
export interface Source {
  readonly inputs: number;
  /** What a wrong answer earns; a right one earns 1. */
  readonly wrong: number;
  /** Writes the `place`-th example of a step from `at` on, and gives its right answer. `key`: the step's. */
  draw(key: Key, place: number, out: Float64Array, at: number): number;
}

/** The class, 0 or 1, of a point in the square from -1 to 1. */
export function classOf(shape: Shape, x: number, y: number): number {
  if (shape === "xor") return x * y > 0 ? 1 : 0;
  const radius = Math.hypot(x, y);
  if (shape === "circle") return radius < 0.8 ? 1 : 0;
  const turns = Math.atan2(y, x) / (2 * Math.PI) + 0.9 * radius;
  return turns - Math.floor(turns) < 0.5 ? 1 : 0;
}

/** Points, evenly over the square. */
export const pointsOf = (shape: Shape): Source => ({
  inputs: 2,
  wrong: -1,
  draw(key, place, out, at) {
    out[at] = 2 * uniformAt(key, 2 * place) - 1;
    out[at + 1] = 2 * uniformAt(key, 2 * place + 1) - 1;
    return classOf(shape, out[at], out[at + 1]);
  },
});

/** Digits of those that are learned from. A wrong guess earns nothing, as with MNIST on the command line. */
export const digitsOf = ({ images, labels }: Digits): Source => ({
  inputs: side * side,
  wrong: 0,
  draw(key, place, out, at) {
    const image = Math.floor(learned * uniformAt(key, place));
    for (let e = 0; e < side * side; e++) out[at + e] = images[image * side * side + e] / 255;
    return labels[image];
  },
});

/** Such examples on a backend. */
export class Guessing implements Task {
  readonly backend: Backend;
  readonly batchSize: number;
  readonly input: Matrix;
  readonly objective: Objective;
  readonly stepsPerEpoch = 1_000_000;
  readonly metrics = ["onlineReward"];
  /** The right answer of each example of the batch. */
  readonly answers: Float64Array;
  readonly source: Source;
  readonly #seed: number;
  readonly #key = newKey();
  readonly #seen: Float64Array;
  readonly #target: Matrix;
  readonly #reward: Matrix;

  constructor(backend: Backend, source: Source, batchSize: number, seed: number) {
    this.backend = backend;
    this.batchSize = batchSize;
    this.source = source;
    this.#seed = seed;
    this.#seen = new Float64Array(source.inputs * batchSize);
    this.answers = new Float64Array(batchSize);
    this.input = backend.matrix(batchSize, source.inputs);
    this.#target = backend.matrix(batchSize, 1);
    this.#reward = backend.matrix(batchSize, 1);
    this.objective = rewardObjective(this.#reward);
  }

  startEpoch(): void {}

  load(step: number): void {
    deriveKey(this.#seed, "task", step, this.#key);
    const { inputs } = this.source;
    for (let i = 0; i < this.batchSize; i++) {
      this.answers[i] = this.source.draw(this.#key, i, this.#seen, i * inputs);
    }
    this.backend.write(this.input, this.#seen);
    this.backend.write(this.#target, this.answers);
  }

  score({ layers }: Pass): void {
    const { bits } = layers[layers.length - 1];
    this.backend.rewardByLabel(bits, this.#target, this.#reward, this.source.wrong);
  }

  addMetrics(_evaluation: Evaluation, sums: Sums, first: number): void {
    this.backend.addMean(this.#reward, sums, first);
  }

  async evaluate(): Promise<Record<string, number>> {
    return {};
  }
}
