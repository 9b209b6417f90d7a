/**
 * The grid world in whole episodes: these end in the far corner, or after `horizon` steps.
 *
 * A batch is `batchSize` episodes side by side, as horizon x batchSize rows, time by time; the reward of a row is what
 * its episode earns from there on, its return to go. Rows behind the end of an episode count nothing. Where episodes
 * begin is a function of seed and step, so nothing has to be saved.
 *
 * One episode is one example: the gradient's variance is that of episodes.
 */

import type { Backend, Matrix, Sums } from "../backend/backend.ts";
import { gridWorld as environment } from "../environments/grid-world.ts";
import type { Examples } from "../estimators/gradient.ts";
import { count } from "../estimators/options.ts";
import { type Names, pick, refuseUnknown } from "../formats/options.ts";
import { withOutput } from "../network/hidden.ts";
import { createNetwork, type NetworkSpec } from "../network/network.ts";
import type { Evaluation, Objective } from "../objectives/objective.ts";
import { rewardObjective } from "../objectives/reward.ts";
import { deriveKey, newKey, uniformAt } from "../random/threefry.ts";
import { type CommonSettings, defineTask, overAllSteps } from "./definition.ts";
import { type Act, readActions, type Task } from "./task.ts";

/** How large the world is, and how long it is lived in. */
export interface GridWorldOptions {
  /** Rows and columns, 2 at least. */
  size: number;
  /** Steps after which an episode ends. */
  horizon: number;
  /** Episodes side by side. */
  batchSize: number;
  /** Optimizer steps in all; each is one batch of episodes. */
  steps: number;
  /** Steps between two records. */
  recordEvery: number;
  seed: number;
}

const optionNames: Names<GridWorldOptions> = {
  size: 1,
  horizon: 1,
  batchSize: 1,
  steps: 1,
  recordEvery: 1,
  seed: 1,
};

/** The grid world on a backend. */
export class GridWorld implements Task {
  readonly backend: Backend;
  readonly batchSize: number;
  readonly input: Matrix;
  readonly objective: Objective;
  readonly weights: Matrix;
  readonly examples: Examples;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  readonly metrics = ["return", "length"];
  readonly #options: GridWorldOptions;
  /** [T B, 1] returns to go. */
  readonly #returns: Matrix;
  /** [B, 1] of whole episodes. */
  readonly #return: Matrix;
  readonly #length: Matrix;
  readonly #key = newKey();
  /** No step is left to chance. */
  readonly #nothing = () => 0;
  #epoch = 0;

  constructor(backend: Backend, options: GridWorldOptions) {
    refuseUnknown("GridWorld", optionNames, options);
    const { size, horizon, batchSize, steps, recordEvery } = options;
    const rows = horizon * batchSize;
    this.backend = backend;
    this.batchSize = rows;
    this.stepsPerEpoch = recordEvery;
    this.totalSteps = steps;
    this.#options = options;
    this.input = backend.matrix(rows, 2 * size);
    this.weights = backend.matrix(rows, 1);
    this.examples = { rows: horizon, stride: batchSize };
    this.#returns = backend.matrix(rows, 1);
    this.objective = rewardObjective(this.#returns);
    this.#return = backend.matrix(batchSize, 1);
    this.#length = backend.matrix(batchSize, 1);
  }

  startEpoch(epoch: number): void {
    this.#epoch = epoch;
  }

  play(act: Act, step: number): void {
    const { size, horizon: T, batchSize: B, seed } = this.#options;
    deriveKey(seed, "task", this.#epoch * this.stepsPerEpoch + step, this.#key);
    const world = environment(size, T);
    const cells = Array.from({ length: B }, () => new Float64Array(world.stateSize));
    cells.forEach((cell, b) => {
      world.reset(cell, () => uniformAt(this.#key, b));
    });
    const rewards = new Float64Array(T * B);
    const alive = new Float64Array(T * B);
    for (let t = 0; t < T; t++) {
      const seen = new Float64Array(B * world.inputs);
      cells.forEach((cell, b) => {
        world.observe(cell, seen, b * world.inputs);
      });
      this.backend.write(this.input, seen, t * seen.length);
      const actions = readActions(this.backend, act(t * B, B));
      for (let b = 0; b < B; b++) {
        if (world.ended(cells[b])) continue;
        alive[t * B + b] = 1;
        rewards[t * B + b] = world.step(cells[b], actions[b], this.#nothing);
      }
    }
    const lengths = new Float64Array(B);
    for (let row = T * B - 1; row >= 0; row--) {
      rewards[row] += rewards[row + B] ?? 0;
      lengths[row % B] += alive[row];
    }
    this.backend.write(this.weights, alive);
    this.backend.write(this.#returns, rewards);
    this.backend.write(this.#return, rewards.subarray(0, B));
    this.backend.write(this.#length, lengths);
  }

  addMetrics(_evaluation: Evaluation, sums: Sums, first: number): void {
    this.backend.addMean(this.#return, sums, first);
    this.backend.addMean(this.#length, sums, first + 1);
  }

  async evaluate(): Promise<Record<string, number>> {
    return {};
  }
}

/** The network: what is seen of a cell, hidden layers, and one softmax unit over the moves. */
function networkFor({ size, horizon, hidden, units }: CommonSettings & Sizes): NetworkSpec {
  const { inputs, inputKind, actions } = environment(size, horizon);
  const output = { kind: "softmax", units: 1, choices: actions } as const;
  return { inputs, inputKind, units, layers: withOutput(hidden, output) };
}

type Sizes = Pick<GridWorldOptions, "size" | "horizon">;

/** The grid world. */
export const gridWorld = defineTask({
  name: "grid-world",
  title: "Grid world",
  says: "A network of coin flips walks over a board, step by step, and is paid for arriving.",
  offers: ["reward"],
  settings: {
    size: count({ least: 2, default: 5, says: "rows and columns of the board" }),
    horizon: count({ least: 1, default: 20, says: "steps after which an episode ends" }),
    steps: count({ least: 1, default: 600, says: "length of the run, each step a batch of episodes" }),
    recordEvery: count({ least: 1, default: 100, says: "steps between two records" }),
  },
  usual: { estimator: "hnca", hidden: [32], units: "plus-minus", batchSize: 32, learningRate: 0.01 },
  data: "none",
  length: "steps",
  metrics: [
    { name: "return", title: "return", short: "return", digits: 3 },
    { name: "length", title: "length of an episode", short: "length", digits: 2 },
    {
      name: "meanReturn",
      title: "return, whole run",
      digits: 3,
      of: (records) => overAllSteps(records, "return"),
    },
  ],
  curves: [
    {
      title: "Return",
      solid: "return",
      domain: (points) => [Math.floor(5 * Math.min(...points.map(({ value }) => value))) / 5, 1],
      axis: ".1f",
      digits: 3,
    },
  ],
  note: "The return is of whole episodes, and their length in steps.",
  create: (backend, settings) => ({
    task: new GridWorld(backend, pick(optionNames, settings)),
    network: createNetwork(backend, networkFor(settings)),
  }),
  learned: async (backend, settings) => ({
    network: createNetwork(backend, networkFor(settings)),
    input: "numbers",
  }),
});
