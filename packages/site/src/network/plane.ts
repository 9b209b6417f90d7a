/** Points of a square, each with a class, as a bandit: the network names the class and is told whether that was right. */
import type { Backend, Matrix, Sums } from "flipnet/internal/backend/backend";
import type { Pass } from "flipnet/internal/network/pass";
import type { Evaluation, Objective } from "flipnet/internal/objectives/objective";
import { rewardObjective } from "flipnet/internal/objectives/reward";
import { deriveKey, newKey, uniformAt } from "flipnet/internal/random/threefry";
import type { Task } from "flipnet/internal/tasks/task";

/** The shapes that classes have. */
export type Shape = "xor" | "circle" | "spiral";

/** The class, 0 or 1, of a point in the square from -1 to 1. */
export function classOf(shape: Shape, x: number, y: number): number {
  if (shape === "xor") return x * y > 0 ? 1 : 0;
  const radius = Math.hypot(x, y);
  if (shape === "circle") return radius < 0.8 ? 1 : 0;
  const turns = Math.atan2(y, x) / (2 * Math.PI) + 0.9 * radius;
  return turns - Math.floor(turns) < 0.5 ? 1 : 0;
}

/** Drawn anew every step, evenly over the square: there is nothing to go through. */
export class Plane implements Task {
  readonly backend: Backend;
  readonly batchSize: number;
  readonly input: Matrix;
  readonly objective: Objective;
  readonly stepsPerEpoch = 1_000_000;
  readonly metrics = ["onlineReward"];
  readonly #shape: Shape;
  readonly #seed: number;
  readonly #key = newKey();
  readonly #points: Float64Array;
  readonly #classes: Float64Array;
  readonly #target: Matrix;
  readonly #reward: Matrix;

  constructor(backend: Backend, shape: Shape, batchSize: number, seed: number) {
    this.backend = backend;
    this.batchSize = batchSize;
    this.#shape = shape;
    this.#seed = seed;
    this.#points = new Float64Array(2 * batchSize);
    this.#classes = new Float64Array(batchSize);
    this.input = backend.matrix(batchSize, 2);
    this.#target = backend.matrix(batchSize, 1);
    this.#reward = backend.matrix(batchSize, 1);
    this.objective = rewardObjective(this.#reward);
  }

  startEpoch(): void {}

  load(step: number): void {
    deriveKey(this.#seed, "task", step, this.#key);
    for (let i = 0; i < this.batchSize; i++) {
      const x = 2 * uniformAt(this.#key, 2 * i) - 1;
      const y = 2 * uniformAt(this.#key, 2 * i + 1) - 1;
      this.#points[2 * i] = x;
      this.#points[2 * i + 1] = y;
      this.#classes[i] = classOf(this.#shape, x, y);
    }
    this.backend.write(this.input, this.#points);
    this.backend.write(this.#target, this.#classes);
  }

  /** +1 for the right class, -1 for the other. */
  score({ layers }: Pass): void {
    this.backend.rewardByLabel(layers[layers.length - 1].bits, this.#target, this.#reward, -1);
  }

  addMetrics(_evaluation: Evaluation, sums: Sums, first: number): void {
    this.backend.addMean(this.#reward, sums, first);
  }

  async evaluate(): Promise<Record<string, number>> {
    return {};
  }
}
