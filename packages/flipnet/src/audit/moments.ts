/** Exact mean and variance of an estimator's gradient of one example, from the credits of weighted states. */
import type { Coding, ImmediateBackend } from "../backend/backend.ts";
import type { Linear } from "../network/network.ts";
import { type Credit, type Pass, shown } from "../network/pass.ts";
import { fromBlock, type LayerValues, toBlock } from "./layout.ts";

/** Of one linear map. */
export interface Moments {
  mean: LayerValues;
  variance: LayerValues;
  /** Largest absolute difference between `mean` and the exact gradient. */
  bias: number;
}

/** One linear map's sums, each laid out as its block of parameters: [inputs + 1, width]. */
interface Sums {
  readonly linear: Linear;
  readonly exact: Float64Array;
  readonly mean: Float64Array;
  /** About `exact`, which for an unbiased rule is the mean: nothing cancels. */
  readonly square: Float64Array;
}

export class MomentSums {
  readonly #backend: ImmediateBackend;
  readonly #sums: readonly Sums[];
  #total = 0;

  /** `exact`: the exact gradient of each of `linears`. */
  constructor(backend: ImmediateBackend, linears: readonly Linear[], exact: readonly LayerValues[]) {
    this.#backend = backend;
    this.#sums = linears.map((linear, i) => {
      const block = toBlock(exact[i]);
      const zeros = () => new Float64Array(block.length);
      return { linear, exact: block, mean: zeros(), square: zeros() };
    });
  }

  /**
   * Adds a batch of states: an estimator's credits as they stand, and each state's weight, `weights` [B].
   * @returns of each linear map, [B]: the squared distance of each state's gradient from the exact one
   */
  add(credits: readonly Credit[], weights: Float64Array): Float64Array[] {
    for (const weight of weights) this.#total += weight;
    return this.#sums.map(({ linear, exact, mean, square }) => {
      const distances = new Float64Array(weights.length);
      const terms = credits
        .filter((credit) => credit.linear === linear)
        .map(({ g, pass }) => ({ g: this.#backend.readNow(g), x: this.#inputs(linear, pass) }));
      const gradient = new Float64Array(exact.length);
      const J = linear.width;
      const rows = exact.length / J;
      for (let b = 0; b < weights.length; b++) {
        // What cannot happen has no say, not even where its credit is 0 / 0.
        if (weights[b] === 0) continue;
        gradient.fill(0);
        for (const { g, x } of terms) {
          for (let i = 0; i < rows; i++) {
            for (let j = 0; j < J; j++) gradient[i * J + j] += x[b * rows + i] * g[b * J + j];
          }
        }
        for (let e = 0; e < gradient.length; e++) {
          const distance = (gradient[e] - exact[e]) ** 2;
          mean[e] += weights[b] * gradient[e];
          square[e] += weights[b] * distance;
          distances[b] += distance;
        }
      }
      return distances;
    });
  }

  /** [B, inputs + 1] what the logits are linear in: the parents' values and a 1 for the bias. */
  #inputs(linear: Linear, pass: Pass): Float64Array {
    const width = linear.parents.reduce((sum, { weights }) => sum + weights.rows, 1);
    const x = new Float64Array(pass.batchSize * width).fill(1);
    let offset = 0;
    for (const { from, coding, weights } of linear.parents) {
      const I = weights.rows;
      const values = this.#backend.readNow(shown(pass, from));
      for (let b = 0; b < pass.batchSize; b++) {
        for (let i = 0; i < I; i++) x[b * width + offset + i] = decode(values[b * I + i], coding);
      }
      offset += I;
    }
    return x;
  }

  /** The moments of each linear map, once every state has been added. `total`: what the weights sum up to. */
  result(total = 1): Moments[] {
    // Float32 probabilities miss 1 by some 1e-7 a unit; a draw that was left out misses it by much more.
    if (!(Math.abs(this.#total / total - 1) < 1e-4)) {
      throw new Error(`the enumerated states have a total probability of ${this.#total} instead of ${total}`);
    }
    return this.#sums.map(({ linear, exact, mean, square }) => {
      const means = mean.map((sum) => sum / total);
      const errors = means.map((value, e) => value - exact[e]);
      const variance = square.map((sum, e) => Math.max(0, sum / total - errors[e] ** 2));
      return {
        mean: fromBlock(means, linear.width),
        variance: fromBlock(variance, linear.width),
        bias: errors.reduce((largest, error) => Math.max(largest, Math.abs(error)), 0),
      };
    });
  }
}

const decode = (value: number, coding: Coding): number => (coding === "plus-minus" ? 2 * value - 1 : value);
