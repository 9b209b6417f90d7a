/** A network that learns: estimator, gradient and optimizer put together. */
import type { Matrix, Sums } from "../backend/backend.ts";
import type { Estimator, PreparedEstimator, Problem } from "../estimators/estimator.ts";
import { type Gradient, prepareGradient } from "../estimators/gradient.ts";
import type { Tensor } from "../formats/safetensors.ts";
import type { Draws } from "../network/draws.ts";
import type { Network } from "../network/network.ts";
import type { Optimizer } from "../optimizers/optimizer.ts";
import { readBlocks, takeTensor, tensorOf, writeBlocks } from "./parameters.ts";

export class Learner {
  readonly network: Network;
  readonly estimator: PreparedEstimator;
  readonly #optimizer: Optimizer;
  readonly #gradient: Gradient;

  constructor(estimator: Estimator, problem: Problem, optimizer: Optimizer) {
    this.network = problem.network;
    this.estimator = estimator.prepare(problem);
    this.#optimizer = optimizer;
    this.#gradient = prepareGradient(problem.network, this.estimator.credits);
  }

  /** Samples the network on the input as it stands. */
  sample(draws: Draws): void {
    this.estimator.sample(draws);
  }

  /**
   * Learns from the rewards as they stand. `step` counts optimizer steps from 1. The gradient's variance goes to
   * `sums`, if any: see `Gradient.addVariance`.
   */
  learn(step: number, sums?: Sums): void {
    this.estimator.assign();
    this.#gradient.compute();
    if (sums !== undefined) this.#gradient.addVariance(sums, step);
    this.#optimizer.step(this.#gradient.blocks, step);
  }

  /** Parameters, optimizer state and running baselines as named tensors. */
  async tensors(): Promise<Record<string, Tensor>> {
    const { network } = this;
    const tensors: Record<string, Tensor> = {};
    for (const [prefix, blocks] of this.#blocks()) await readBlocks(network, prefix, blocks, tensors);
    for (const [name, matrix] of Object.entries(this.estimator.state)) {
      const data = await network.backend.read(matrix);
      tensors[`estimator.${name}`] = tensorOf(network.backend, [matrix.rows, matrix.columns], data);
    }
    return tensors;
  }

  /** Puts back what `tensors` gave. Throws `InputError` where something is missing or has another shape. */
  restore(tensors: Record<string, Tensor>): void {
    const { network } = this;
    for (const [prefix, blocks] of this.#blocks()) writeBlocks(network, prefix, blocks, tensors);
    for (const [name, matrix] of Object.entries(this.estimator.state)) {
      const { data } = takeTensor(tensors, `estimator.${name}`, [matrix.rows, matrix.columns]);
      network.backend.write(matrix, data as ArrayLike<number>);
    }
  }

  /** Everything laid out as the layers' blocks, by the prefix of its tensors' names. */
  #blocks(): [string, readonly Matrix[]][] {
    const parameters = this.network.layers.map(({ block }) => block);
    const state = Object.entries(this.#optimizer.state);
    return [
      ["", parameters],
      ...state.map(([name, blocks]): [string, readonly Matrix[]] => [`optimizer.${name}.`, blocks]),
    ];
  }
}
