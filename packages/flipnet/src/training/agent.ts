/** A contextual-bandit agent that learns online: it acts, is told the reward, and learns. */
import type { ImmediateBackend, Matrix } from "../backend/backend.ts";
import { createWasmBackend } from "../backend/wasm.ts";
import type { Baseline } from "../estimators/baseline.ts";
import type { Estimator } from "../estimators/estimator.ts";
import { hnca } from "../estimators/hnca.ts";
import { parseEstimatorText } from "../estimators/options.ts";
import { createEstimator, labelOf } from "../estimators/registry.ts";
import { InputError } from "../formats/errors.ts";
import { decode, encode } from "../formats/safetensors.ts";
import { GeneratedDraws } from "../network/draws.ts";
import { type HiddenLayer, withOutput } from "../network/hidden.ts";
import { createNetwork, initialiseWeights, type Network, type Units } from "../network/network.ts";
import { rewardObjective } from "../objectives/reward.ts";
import { adam } from "../optimizers/adam.ts";
import type { Optimizer, OptimizerFactory } from "../optimizers/optimizer.ts";
import { generator } from "../random/threefry.ts";
import { Learner } from "./learner.ts";
import { refuseStrangers } from "./parameters.ts";

/** What an agent is made of. */
export interface AgentOptions {
  /** Numbers in a context. */
  inputs: number;
  /** Number of actions, at least 2. */
  actions: number;
  /** Hidden layers: widths of Bernoulli layers, or more about them; default [32]. */
  hidden?: readonly HiddenLayer[];
  /** Real numbers (default), or bits, which must be 0 or 1 and are faster. */
  inputKind?: "real" | "bits";
  /** Coding of hidden units; default "plus-minus". */
  units?: Units;
  /** Default HNCA. */
  estimator?: Estimator;
  /** Default Adam with learning rate 0.01. The same one has to be given to `loadAgent`. */
  optimizer?: OptimizerFactory;
  /** Default "running-average". */
  baseline?: Baseline;
  /** Default 0.99. */
  baselineDecay?: number;
  /** Decides initial weights and every draw; whole number, default 0. */
  seed?: number;
}

type Settings = Required<Omit<AgentOptions, "optimizer">>;

/** A new agent, on the wasm backend unless another is given. Throws `InputError` for options that make no network. */
export async function createAgent(options: AgentOptions, backend?: ImmediateBackend): Promise<Agent> {
  return new Agent(backend ?? (await createWasmBackend()), options);
}

/**
 * The agent whose `save` gave `bytes`, on the wasm backend unless another is given; it goes on bit for bit on a
 * backend of the same kind. `optimizer` is the one it was created with. Throws `InputError` for bytes that hold no
 * agent, or one that had another optimizer.
 */
export async function loadAgent(
  bytes: Uint8Array,
  optimizer?: OptimizerFactory,
  backend?: ImmediateBackend,
): Promise<Agent> {
  return Agent.load(backend ?? (await createWasmBackend()), bytes, optimizer);
}

/** Buffers for batches of one size. */
interface Batch {
  readonly input: Matrix;
  readonly reward: Matrix;
  readonly learner: Learner;
}

/** An agent; `createAgent` and `loadAgent` make one. */
export class Agent {
  readonly #backend: ImmediateBackend;
  readonly #settings: Settings;
  readonly #network: Network;
  readonly #optimizer: Optimizer;
  readonly #draws: GeneratedDraws;
  readonly #batches = new Map<number, Batch>();
  /** The batch whose running baseline is the current one. */
  #current: Batch;
  /** Rows that have acted and wait for their rewards. */
  #waiting = 0;
  #acted = 0;
  #learned = 0;

  /** Throws `InputError` for options that make no network. Weights are Glorot-uniform, biases 0. */
  constructor(backend: ImmediateBackend, options: AgentOptions) {
    const { optimizer = adam({ learningRate: 0.01 }), ...rest } = options;
    this.#settings = {
      hidden: [32],
      inputKind: "real",
      units: "plus-minus",
      estimator: hnca,
      baseline: "running-average",
      baselineDecay: 0.99,
      seed: 0,
      ...rest,
    };
    const { inputs, actions, hidden, inputKind, units, seed } = this.#settings;
    this.#backend = backend;
    this.#network = createNetwork(backend, {
      inputs,
      inputKind,
      units,
      layers: withOutput(hidden, { kind: "softmax", units: 1, choices: actions }),
    });
    initialiseWeights(backend, this.#network.layers, seed);
    this.#optimizer = optimizer(backend, this.#network.layers);
    this.#draws = new GeneratedDraws(backend, seed);
    this.#current = this.#batch(1);
  }

  /** Samples an action, 0 to `actions - 1`, for a context of `inputs` numbers. */
  act(context: ArrayLike<number>): number {
    return this.actBatch([context])[0];
  }

  /** Learns from the reward of the last action. */
  learn(reward: number): void {
    this.learnBatch([reward]);
  }

  /** An action for each context. Throws `RangeError` for a context of another length or with a number it cannot be. */
  actBatch(contexts: readonly ArrayLike<number>[]): number[] {
    const { inputs, actions, inputKind } = this.#settings;
    if (contexts.length === 0) throw new RangeError("there are no contexts; expected at least one");
    contexts.forEach((context, b) => {
      if (context.length !== inputs) {
        throw new RangeError(`context ${b} has ${context.length} numbers; expected ${inputs}`);
      }
      for (let i = 0; i < inputs; i++) {
        const value = context[i];
        if (inputKind === "bits" ? value !== 0 && value !== 1 : !Number.isFinite(value)) {
          const expected = inputKind === "bits" ? "0 or 1" : "a finite number";
          throw new RangeError(`context ${b} has ${value} at place ${i}; expected ${expected}`);
        }
      }
    });
    const batch = this.#batch(contexts.length);
    contexts.forEach((context, b) => {
      this.#backend.write(batch.input, context, b * inputs);
    });
    this.#draws.startStep(++this.#acted);
    batch.learner.sample(this.#draws);
    this.#current = batch;
    this.#waiting = contexts.length;
    const { layers } = batch.learner.estimator.pass;
    const bits = this.#backend.readNow(layers[layers.length - 1].bits);
    return contexts.map((_, b) => bits.subarray(b * actions, (b + 1) * actions).indexOf(1));
  }

  /** Learns from the rewards of the last actions, one each. Throws `RangeError` if there are more or fewer. */
  learnBatch(rewards: readonly number[]): void {
    if (rewards.length !== this.#waiting) {
      throw new RangeError(
        `there are ${rewards.length} rewards; expected ${this.#waiting}, one for each action`,
      );
    }
    rewards.forEach((reward, b) => {
      if (!Number.isFinite(reward))
        throw new RangeError(`reward ${b} is ${reward}; expected a finite number`);
    });
    this.#waiting = 0;
    this.#backend.write(this.#current.reward, rewards);
    this.#current.learner.learn(++this.#learned);
  }

  /** The agent as a safetensors file; see `loadAgent`. Actions that wait for a reward are forgotten. */
  async save(): Promise<Uint8Array> {
    const { estimator, ...settings } = this.#settings;
    return encode(await this.#current.learner.tensors(), {
      agent: JSON.stringify({ ...settings, estimator: labelOf(estimator) }),
      acted: `${this.#acted}`,
      learned: `${this.#learned}`,
      generator,
    });
  }

  /** The agent that `save` gave. Throws `InputError` for bytes that are no agent or do not fit the optimizer. */
  static load(backend: ImmediateBackend, bytes: Uint8Array, optimizer?: OptimizerFactory): Agent {
    const { tensors, metadata } = decode(bytes, "the agent");
    if (metadata.agent === undefined)
      throw new InputError("the file holds no agent; expected one that save() made");
    if (metadata.generator !== generator) {
      throw new InputError(`the agent was made with generator ${metadata.generator}; expected ${generator}`);
    }
    const { estimator: label, ...settings } = JSON.parse(metadata.agent);
    const estimator = createEstimator(parseEstimatorText(label));
    const agent = new Agent(backend, { ...settings, estimator, ...(optimizer && { optimizer }) });
    agent.#current.learner.restore(tensors);
    refuseStrangers(tensors);
    agent.#acted = Number(metadata.acted);
    agent.#learned = Number(metadata.learned);
    return agent;
  }

  /** The buffers for that many rows, with the running baseline as it is. */
  #batch(rows: number): Batch {
    let batch = this.#batches.get(rows);
    if (batch === undefined) {
      const { estimator, inputs, baseline, baselineDecay } = this.#settings;
      const input = this.#backend.matrix(rows, inputs);
      const reward = this.#backend.matrix(rows, 1);
      const objective = rewardObjective(reward);
      const problem = { network: this.#network, input, objective, baseline, baselineDecay };
      batch = { input, reward, learner: new Learner(estimator, problem, this.#optimizer) };
      this.#batches.set(rows, batch);
    }
    const before = this.#current ?? batch;
    if (before !== batch) {
      for (const [name, matrix] of Object.entries(batch.learner.estimator.state)) {
        this.#backend.write(matrix, this.#backend.readNow(before.learner.estimator.state[name]));
      }
    }
    return batch;
  }
}
