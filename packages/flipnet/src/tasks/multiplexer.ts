/**
 * The k-bit multiplexer (Barto 1985; Weight Maximization paper, section 6): the input is an address of k bits, most
 * significant first, then 2^k bits of data, all fair; the action should be the bit at the address. The reward is +1
 * if it is and -1 if not. There are no data to go through: batches are drawn anew, and an epoch is no more than the
 * steps between two records.
 */

import type { Backend, Matrix, Sums } from "../backend/backend.ts";
import { createReferenceBackend } from "../backend/reference.ts";
import { count } from "../estimators/options.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, pick, refuseUnknown } from "../formats/options.ts";
import { isWhole } from "../formats/whole.ts";
import { type HiddenLayer, withOutput } from "../network/hidden.ts";
import { createNetwork, type Network, type NetworkSpec, type Units } from "../network/network.ts";
import { computeLaw, createPass, type Pass } from "../network/pass.ts";
import type { Evaluation, Objective } from "../objectives/objective.ts";
import { rewardObjective } from "../objectives/reward.ts";
import { deriveKey, newKey } from "../random/threefry.ts";
import { defineTask, type MetricRecord, overAllSteps } from "./definition.ts";
import type { Moment, Task } from "./task.ts";

/** How large the multiplexer is, and how long it is played. */
export interface MultiplexerOptions {
  /** Bits of the address, 1 to 24. */
  k: number;
  /** Inputs a step. */
  batchSize: number;
  /** Steps in all; what is left over after whole epochs makes a shorter one. */
  steps: number;
  /** Steps between two records. */
  recordEvery: number;
  seed: number;
}

const optionNames: Names<MultiplexerOptions> = { k: 1, batchSize: 1, steps: 1, recordEvery: 1, seed: 1 };

/** Batch means that `last100` is the mean of (D-54). */
const recent = 100;

/** The exact expected reward is formed where inputs and hidden units have at most so many states together. */
const mostStates = 2 ** 16;

/** Inputs of a k-bit multiplexer. Throws `InputError` for a `k` that makes none, or too many to hold. */
export function multiplexerInputs(k: number): number {
  if (!isWhole(k, 1, 24)) {
    throw new InputError(
      `k is ${k}; expected a whole number from 1 to 24: the inputs are k + 2^k, and more cannot be held`,
    );
  }
  return k + 2 ** k;
}

/** The multiplexer on a backend. */
export class Multiplexer implements Task {
  readonly backend: Backend;
  readonly batchSize: number;
  readonly input: Matrix;
  readonly objective: Objective;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  readonly metrics = ["onlineReward"];
  /** [1, 100] the mean rewards of the last batches, that of step `n` at place `n mod 100`. */
  readonly state: { readonly recent: Matrix };
  readonly #k: number;
  readonly #seed: number;
  readonly #key = newKey();
  readonly #target: Matrix;
  readonly #reward: Matrix;
  /** The places of `state.recent`, one by one. */
  readonly #places: readonly Matrix[];
  #epoch = 0;
  /** Of the step that was loaded last, from 0. */
  #step = 0;
  #everything: Everything | undefined;

  /** Throws `InputError` for a number that cannot be. */
  constructor(backend: Backend, options: MultiplexerOptions) {
    refuseUnknown("Multiplexer", optionNames, options);
    const { k, batchSize, steps, recordEvery, seed } = options;
    const inputs = multiplexerInputs(k);
    for (const [name, value] of Object.entries({ "the batch size": batchSize, steps, recordEvery })) {
      if (!isWhole(value, 1)) {
        throw new InputError(`${name} is ${value}; expected a whole number from 1 on`);
      }
    }
    this.backend = backend;
    this.batchSize = batchSize;
    this.stepsPerEpoch = recordEvery;
    this.totalSteps = steps;
    this.#k = k;
    this.#seed = seed;
    this.input = backend.matrix(batchSize, inputs);
    this.#target = backend.matrix(batchSize, 1);
    this.#reward = backend.matrix(batchSize, 1);
    this.objective = rewardObjective(this.#reward);
    this.state = { recent: backend.matrix(1, recent) };
    this.#places = Array.from({ length: recent }, (_, place) => backend.view(this.state.recent, place, 1, 1));
  }

  startEpoch(epoch: number): void {
    this.#epoch = epoch;
  }

  load(stepOfEpoch: number): void {
    this.#step = this.#epoch * this.stepsPerEpoch + stepOfEpoch;
    deriveKey(this.#seed, "task", this.#step, this.#key);
    this.backend.fairBits(this.#key, this.input);
    this.backend.addressedBit(this.input, this.#k, this.#target);
  }

  score({ layers }: Pass): void {
    this.backend.rewardByLabel(layers[layers.length - 1].bits, this.#target, this.#reward, -1);
  }

  addMetrics(_evaluation: Evaluation, sums: Sums, first: number): void {
    this.backend.addMean(this.#reward, sums, first);
    // With nothing kept of what stood there, the tracked mean is the batch's.
    this.backend.trackMean(this.#reward, 0, this.#places[this.#step % recent]);
  }

  /**
   * `last100`, the mean reward of the last 100 batches; and `expectedReward`, over all inputs and all that the hidden
   * units can do, where these are few enough: 2^16 states.
   */
  async evaluate(network: Network, { step }: Moment): Promise<Record<string, number>> {
    const means = (await this.backend.read(this.state.recent)).subarray(0, Math.max(1, step));
    const last100 = means.reduce((a, b) => a + b, 0) / means.length;
    if (this.#everything?.network !== network) this.#everything = prepareEverything(network, this.#k);
    const expectedReward = await this.#everything.expectedReward?.();
    return expectedReward === undefined ? { last100 } : { last100, expectedReward };
  }
}

interface Everything {
  readonly network: Network;
  /** Absent where there is too much to go through. */
  readonly expectedReward?: () => Promise<number>;
}

/** All inputs with all outcomes of the hidden units, which must be Bernoulli, as rows of passes. */
function prepareEverything(network: Network, k: number): Everything {
  const { backend, inputs, layers } = network;
  const hidden = layers.slice(0, -1);
  const output = layers[layers.length - 1];
  const bits = hidden.reduce((sum, { width }) => sum + width, inputs);
  if (2 ** bits > mostStates || layers.some(({ kind }) => kind === "softmax")) return { network };

  const rows = Math.min(2 ** bits, 1024);
  const pass = createPass(network, backend.matrix(rows, inputs));
  const target = backend.matrix(rows, 1);
  const logs = hidden.map(() => backend.matrix(rows, 1));
  /** Writes bit `i` of the states `first`, `first + 1`, ... into columns, from bit `offset` on. */
  const writeBits = (m: Matrix, first: number, offset: number) => {
    const values = new Float64Array(rows * m.columns);
    for (let e = 0; e < values.length; e++) {
      const state = first + Math.floor(e / m.columns);
      values[e] = (state >>> (offset + (e % m.columns))) & 1;
    }
    backend.write(m, values);
  };

  async function expectedReward(): Promise<number> {
    let expected = 0;
    for (let first = 0; first < 2 ** bits; first += rows) {
      writeBits(pass.input, first, 0);
      let offset = inputs;
      for (const [l, layer] of hidden.entries()) {
        const activity = pass.layers[l];
        writeBits(activity.bits, first, offset);
        offset += layer.width;
        computeLaw(pass, layer);
        backend.logLikelihood(activity, logs[l]);
      }
      computeLaw(pass, output);
      backend.addressedBit(pass.input, k, target);
      const [p, right] = await Promise.all([pass.layers[output.index].p, target].map((m) => backend.read(m)));
      const logOf = await Promise.all(logs.map((m) => backend.read(m)));
      for (let row = 0; row < rows; row++) {
        const probability = Math.exp(logOf.reduce((sum, log) => sum + log[row], 0)) / 2 ** inputs;
        expected += probability * (right[row] > 0 ? 2 * p[row] - 1 : 1 - 2 * p[row]);
      }
    }
    return expected;
  }
  return { network, expectedReward };
}

/** The network: {-1,+1} inputs, hidden layers, and one Bernoulli unit, whose bit is the action. */
export const multiplexerNetwork = ({
  k,
  hidden = [64, 32],
  units = "plus-minus",
}: {
  readonly k: number;
  readonly hidden?: readonly HiddenLayer[] | undefined;
  readonly units?: Units | undefined;
}): NetworkSpec => ({
  inputs: multiplexerInputs(k),
  inputKind: "signs",
  units,
  layers: withOutput(hidden, { kind: "bernoulli", units: 1 }),
});

/** The steps after which the last 100 batches had half of the highest reward; infinite where they never did. */
function stepsToHalf(records: readonly MetricRecord[]): number | undefined {
  if (typeof records[0]?.last100 !== "number") return undefined;
  return records.find(({ last100 }) => Number(last100) >= 0.5)?.step ?? Infinity;
}

/** The multiplexer. */
export const multiplexer = defineTask({
  name: "multiplexer",
  title: "Multiplexer",
  says: "A network of coin flips sees an address and data, names the bit at the address, and is told only whether it was right.",
  offers: ["reward"],
  settings: {
    k: count({
      least: 1,
      most: 24,
      default: 5,
      expected: "a whole number from 1 to 24: the inputs are k + 2^k",
      says: "bits of the address",
    }),
    steps: count({ least: 1, default: 312_500, says: "length of the run" }),
    recordEvery: count({ least: 1, default: 2500, says: "steps between two records" }),
  },
  usual: {
    estimator: "weight-max",
    hidden: [64, 32],
    units: "plus-minus",
    batchSize: 128,
    learningRate: 0.01,
  },
  data: "none",
  length: "steps",
  metrics: [
    {
      name: "last100",
      title: "reward, last 100 batches",
      short: "reward",
      meanwhile: "onlineReward",
      digits: 3,
    },
    {
      name: "meanReward",
      title: "reward, whole run",
      digits: 3,
      of: (records) => overAllSteps(records, "onlineReward"),
    },
    { name: "stepsToHalf", title: "steps to reward 0.5 (median)", of: stepsToHalf },
  ],
  curves: [
    {
      title: "Reward, last 100 batches",
      solid: "last100",
      domain: (points) => [Math.floor(5 * Math.min(...points.map(({ value }) => value))) / 5, 1],
      axis: ".1f",
      digits: 3,
    },
  ],
  create: (backend, settings) => ({
    task: new Multiplexer(backend, pick(optionNames, settings)),
    network: createNetwork(backend, multiplexerNetwork(settings)),
  }),
  async cases({ k, seed }, count) {
    const backend = createReferenceBackend();
    const input = backend.matrix(count, multiplexerInputs(k));
    const target = backend.matrix(count, 1);
    backend.fairBits(deriveKey(seed, "test", 0, newKey()), input);
    backend.addressedBit(input, k, target);
    const bits = Array.from(backend.readNow(input), (bit) => 2 * bit - 1);
    return {
      inputs: Array.from({ length: count }, (_, i) => bits.slice(i * input.columns, (i + 1) * input.columns)),
      rewards: Array.from(backend.readNow(target), (bit) =>
        [0, 1].map((action) => (action === bit ? 1 : -1)),
      ),
    };
  },
  learned: async (backend, settings) => ({
    network: createNetwork(backend, multiplexerNetwork(settings)),
    input: "numbers",
  }),
});
