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
import { Multiplexer } from "flipnet/internal/tasks/multiplexer";
import type { Task } from "flipnet/internal/tasks/task";
import { Learner } from "flipnet/internal/training/learner";
import { Plane } from "./plane.ts";
import { batchSize, type Setting } from "./spec.ts";

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

function taskOf(backend: Backend, { task, seed }: Setting): Task {
  if (task !== "wire") return new Plane(backend, task, batchSize, seed);
  const steps = 1_000_000;
  return new Multiplexer(backend, { k: addressBits, batchSize, steps, recordEvery: steps, seed });
}

/** A network of the setting, with its first weights. */
export function networkOf(backend: Backend, { task, hidden, seed }: Setting): Network {
  const isPlane = task !== "wire";
  const network = createNetwork(backend, {
    inputs: isPlane ? 2 : addressBits + 2 ** addressBits,
    inputKind: isPlane ? "real" : "signs",
    units: "plus-minus",
    layers: [...hidden, 1].map((units) => ({ kind: "bernoulli", units })),
  });
  initialiseWeights(backend, network.layers, seed, isPlane ? "half-spaces" : "glorot");
  return network;
}

/** A training and where it stands. */
export class Lane {
  readonly backend: ImmediateBackend;
  readonly estimator: Estimator;
  readonly learner: Learner;
  readonly task: Task;
  /** Of every step that was ever done. */
  readonly right: number[] = [];
  readonly variance: number[] = [];
  /** Steps done. */
  step = 0;
  readonly #draws: GeneratedDraws;
  readonly #sums;
  readonly #snapshots = new Map<number, Record<string, Tensor>>();

  private constructor(backend: ImmediateBackend, setting: Setting, estimator: Estimator) {
    this.backend = backend;
    this.estimator = estimator;
    this.task = taskOf(backend, setting);
    this.task.startEpoch(0);
    const network = networkOf(backend, setting);
    const { input, objective } = this.task;
    const baseline = estimator.baseline ? setting.baseline : "none";
    const problem = { network, input, objective, baseline, baselineDecay: 0.99 } as const;
    this.learner = new Learner(estimator, problem, adam({ learningRate: setting.rate }));
    this.#draws = new GeneratedDraws(backend, setting.seed);
    this.#sums = backend.sums(2 * this.learner.parameters.length + this.task.metrics.length);
  }

  /** @throws InputError where the estimator cannot serve */
  static async open(setting: Setting, name: string): Promise<Lane> {
    const lane = new Lane(await openBackend(), setting, createEstimator(parseEstimatorText(name)));
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
      // The mean reward is from -1 to 1.
      const right = (found[found.length - 1] + 1) / 2;
      const before = this.right.at(-1) ?? 0.5;
      this.right.push(decay * before + (1 - decay) * right);
    }
    if (this.step % between === 0 && !this.#snapshots.has(this.step)) {
      this.#snapshots.set(this.step, await this.learner.tensors());
    }
  }
}
