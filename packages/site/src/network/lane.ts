/**
 * One training, which can be asked for any of its steps. Every draw is a function of seed, step and place, so a step back is a
 * snapshot from before it and the same steps again: to the bit.
 */
import type { Backend, ImmediateBackend } from "flipnet/internal/backend/backend";
import { createReferenceBackend } from "flipnet/internal/backend/reference";
import { createWasmBackend } from "flipnet/internal/backend/wasm";
import type { Estimator } from "flipnet/internal/estimators/estimator";
import { parseEstimatorText } from "flipnet/internal/estimators/options";
import { createEstimator } from "flipnet/internal/estimators/registry";
import type { Tensor } from "flipnet/internal/formats/safetensors";
import { GeneratedDraws } from "flipnet/internal/network/draws";
import { createNetwork, initialiseWeights, type Network } from "flipnet/internal/network/network";
import { adam } from "flipnet/internal/optimizers/adam";
import { GridWorld } from "flipnet/internal/tasks/grid-world";
import { Multiplexer } from "flipnet/internal/tasks/multiplexer";
import type { Task } from "flipnet/internal/tasks/task";
import { Acting } from "flipnet/internal/training/acting";
import { Learner } from "flipnet/internal/training/learner";
import type { Digits } from "../shared/digits.ts";
import { digitsOf, Guessing, pointsOf } from "./guessing.ts";
import { batchSize, board, isPlane, type Setting, words } from "./spec.ts";

/** Steps from one snapshot to the next: a step back costs at most so many forward. */
const between = 25;

/** What the online accuracy remembers of the step before. */
const decay = 0.98;

/** The bits of the address of "find the wire". */
const addressBits = 2;

/** Kernels where the browser allows them, and plain JavaScript otherwise: everything works, slower. */
async function openBackend(): Promise<ImmediateBackend> {
  try {
    // The same bits on every machine, so that an address shows everyone the same.
    return await createWasmBackend({ kernels: "portable" });
  } catch {
    return createReferenceBackend();
  }
}

/** Steps that nobody will do: none of these tasks ends. */
const steps = 1_000_000;

function taskOf(backend: Backend, { task, seed }: Setting, digits?: Digits): Task {
  if (isPlane(task)) return new Guessing(backend, pointsOf(task), batchSize, seed);
  if (task === "digits") return new Guessing(backend, digitsOf(digits!), batchSize, seed);
  if (task === "walk") {
    const { size, horizon, episodes } = board;
    return new GridWorld(backend, { size, horizon, batchSize: episodes, steps, recordEvery: steps, seed });
  }
  return new Multiplexer(backend, { k: addressBits, batchSize, steps, recordEvery: steps, seed });
}

/** A network of the setting, with its first weights. */
export function networkOf(backend: Backend, { task, hidden, seed }: Setting, inputs: number): Network {
  const choices = words[task].length;
  const network = createNetwork(backend, {
    inputs,
    inputKind: isPlane(task) ? "real" : task === "wire" ? "signs" : "bits",
    units: "plus-minus",
    layers: [
      ...hidden.map((units) => ({ kind: "bernoulli" as const, units })),
      choices === 2 ? { kind: "bernoulli", units: 1 } : { kind: "softmax", units: 1, choices },
    ],
  });
  initialiseWeights(backend, network.layers, seed, isPlane(task) ? "half-spaces" : "glorot");
  return network;
}

/** What is drawn as the score of a step, from its mean reward; and what blind guesses come to. */
const scores: Record<"signs" | "digits" | "walk", { of: (reward: number) => number; blind: number }> = {
  // The mean reward is from -1 to 1.
  signs: { of: (reward) => (reward + 1) / 2, blind: 0.5 },
  digits: { of: (reward) => reward, blind: 0.1 },
  // What an episode earns.
  walk: { of: (reward) => reward, blind: -0.5 },
};

/** A training and where it stands. */
export class Lane {
  readonly backend: ImmediateBackend;
  readonly estimator: Estimator;
  readonly learner: Learner;
  readonly task: Task;
  /** Of every step that was ever done: the part of answers that were right, or what an episode earned; a running mean. */
  readonly right: number[] = [];
  readonly variance: number[] = [];
  /** Steps done. */
  step = 0;
  readonly #setting: Setting;
  readonly #draws: GeneratedDraws;
  readonly #acting: Acting;
  readonly #sums;
  readonly #snapshots = new Map<number, Record<string, Tensor>>();

  private constructor(
    backend: ImmediateBackend,
    setting: Setting,
    estimator: Estimator,
    digits: Digits | undefined,
  ) {
    this.backend = backend;
    this.estimator = estimator;
    this.#setting = setting;
    this.task = taskOf(backend, setting, digits);
    this.task.startEpoch(0);
    const { input, objective, weights, examples } = this.task;
    const network = networkOf(backend, setting, input.columns);
    const baseline = estimator.baseline ? setting.baseline : "none";
    const problem = { network, input, objective, baseline, baselineDecay: 0.99 } as const;
    this.learner = new Learner(estimator, problem, adam({ learningRate: setting.rate }), {
      weights,
      examples,
    });
    this.#draws = new GeneratedDraws(backend, setting.seed);
    this.#acting = new Acting(this.learner, this.#draws);
    this.#sums = backend.sums(2 * this.learner.parameters.length + this.task.metrics.length);
  }

  /**
   * @param digits for the task of that name
   * @throws InputError where the estimator cannot serve
   */
  static async open(setting: Setting, name: string, digits?: Digits): Promise<Lane> {
    const lane = new Lane(await openBackend(), setting, createEstimator(parseEstimatorText(name)), digits);
    lane.#snapshots.set(0, await lane.learner.tensors());
    return lane;
  }

  /** Stands after so many steps, and has sampled and credited the next one without learning from it. */
  async goTo(step: number): Promise<void> {
    if (step < this.step) {
      const from = Math.floor(step / between) * between;
      // `restore` takes out of the record what it puts back.
      this.learner.restore({ ...this.#snapshots.get(from)! });
      this.step = from;
    }
    while (this.step < step) await this.#forward();
    this.#sample();
    this.learner.estimator.credit();
  }

  #sample(): void {
    this.#draws.startStep(this.step + 1);
    if (this.task.play !== undefined) {
      this.#acting.start();
      this.task.play(this.#acting.act, this.step);
      this.#acting.end();
      return;
    }
    this.task.load?.(this.step);
    this.learner.sample(this.#draws);
    this.task.score?.(this.learner.estimator.pass);
  }

  async #forward(): Promise<void> {
    const sums = this.#sums;
    this.#sample();
    this.backend.writeSums(sums, new Float64Array(sums.length));
    this.learner.learn(this.step + 1, sums);
    this.task.addMetrics(this.learner.estimator.evaluation, sums, 2 * this.learner.parameters.length);
    this.step++;
    if (this.right.length < this.step) {
      const found = await this.backend.readSums(sums);
      const variance = this.learner.parameters.reduce((sum, _, i) => sum + found[2 * i], 0);
      this.variance.push(Math.log(variance / this.learner.varianceCount));
      const { task } = this.#setting;
      const score = scores[task === "digits" || task === "walk" ? task : "signs"];
      const before = this.right.at(-1) ?? score.blind;
      const reward = found[2 * this.learner.parameters.length];
      this.right.push(decay * before + (1 - decay) * score.of(reward));
    }
    if (this.step % between === 0 && !this.#snapshots.has(this.step)) {
      this.#snapshots.set(this.step, await this.learner.tensors());
    }
  }
}
