/** The training loop. */
import type { Backend, Sums } from "../backend/backend.ts";
import { InputError, RunError } from "../formats/errors.ts";
import type { Tensor } from "../formats/safetensors.ts";
import { isWhole } from "../formats/whole.ts";
import { GeneratedDraws } from "../network/draws.ts";
import { initialiseWeights } from "../network/network.ts";
import { remedyFor } from "../optimizers/optimizer.ts";
import type { Task } from "../tasks/task.ts";
import { Acting } from "./acting.ts";
import type { Learner } from "./learner.ts";
import { refuseStrangers, takeTensor, tensorOf } from "./parameters.ts";

/** One epoch's metrics, flat: what `metrics.jsonl` holds. */
export interface EpochRecord {
  type: "epoch";
  /** Counts from 1. */
  epoch: number;
  /** Optimizer steps so far. */
  step: number;
  /**
   * Mean over the epoch's steps and over all parameters of the per-example gradient's variance (D-11). The share of a
   * front end's parameters is measured at every 50th step.
   */
  gradientVariance: number | null;
  /** Natural logarithm of that. Both are null where a batch is one example; this one also where that is 0. */
  logGradientVariance: number | null;
  /** Wall time of a training step in milliseconds, data included, evaluation not. */
  msPerStep: number;
  /** `onlineAccuracy`, `testAccuracy`, ...; `gradientVariance.NAME` for each layer and each part of a front end. */
  [metric: string]: number | string | null;
}

/** Where training stands. */
export interface Progress {
  epoch: number;
  epochs: number;
  /** Steps done in this epoch. */
  step: number;
  stepsPerEpoch: number;
  /** Means over the epoch so far: `onlineAccuracy`, ... */
  metrics: Record<string, number>;
  /** Whether held-out data is gone through, after the epoch's last step. */
  evaluating: boolean;
}

/** What happens between steps. */
export interface TrainingHooks {
  /**
   * Called about every `pauseMilliseconds` between two steps, and while a long evaluation lasts: to show progress, save
   * a checkpoint or, by returning false, to stop. Between two epochs the consumer of the records can do the same.
   */
  pause?: (progress: Progress) => Promise<boolean> | boolean;
  /** Default 100. */
  pauseMilliseconds?: number;
}

/** A gradient or a parameter that is NaN or infinite. The message names the layer and the step. */
export class DivergedError extends RunError {
  override name = "DivergedError";
}

/**
 * Steps from one at which the variance of a front end's gradient is measured to the next, the first one being that of an
 * epoch. It costs as much as the front end's own work, and one batch tells nearly as much as its neighbours.
 */
const frontVarianceEvery = 50;

/** Milliseconds between two calls of `pause`. */
const defaultPause = 100;

/** Lets timers, signals and input run. */
const othersTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** Training of a learner on a task. All of its state is in its tensors: it can stop between any two steps. */
export class Training {
  readonly learner: Learner;
  readonly task: Task;
  /** Optimizer steps done. */
  step = 0;
  /** Finished epochs: those that have a record. One whose steps are done has none while it is measured. */
  epoch = 0;
  readonly #backend: Backend;
  readonly #seed: number;
  readonly #draws: GeneratedDraws;
  readonly #acting: Acting;
  /** Two slots for the variance of each gradient, then the task's metrics: sums over the epoch so far. */
  readonly #sums: Sums;
  #milliseconds = 0;

  constructor(learner: Learner, task: Task, seed: number) {
    this.learner = learner;
    this.task = task;
    this.#backend = task.backend;
    this.#seed = seed;
    this.#draws = new GeneratedDraws(task.backend, seed);
    this.#acting = new Acting(learner, this.#draws);
    this.#sums = task.backend.sums(2 * learner.parameters.length + task.metrics.length);
  }

  /** Gives the parameters, all zero before, their initial values: see `initialiseWeights` and `Task.initialise`. A prior is fair coins. */
  initialise(): this {
    const { parameters, network } = this.learner;
    const law = network.front === undefined ? "glorot" : "truncated-normal";
    initialiseWeights(this.#backend, parameters, this.#seed, law);
    this.task.initialise?.();
    return this;
  }

  /**
   * Steps of an epoch, numbered from 0: fewer in the last one where the task ends within it, and none where it has ended before.
   */
  #stepsOf(epoch: number): number {
    const { stepsPerEpoch, totalSteps = Infinity } = this.task;
    const end = this.task.finished?.() ? this.step : totalSteps;
    return Math.min(stepsPerEpoch, end - epoch * stepsPerEpoch);
  }

  /**
   * Trains until `epochs` epochs are done in all, or the task's steps, yielding a record after each; ends early when
   * `pause` says so.
   * @throws DivergedError when a gradient is not finite
   */
  async *run(epochs: number, hooks: TrainingHooks = {}): AsyncGenerator<EpochRecord> {
    const { task } = this;
    const { pauseMilliseconds = defaultPause } = hooks;
    for (;;) {
      const { epoch } = this;
      if (epoch >= epochs || this.#stepsOf(epoch) <= 0) return;
      task.startEpoch(epoch);
      for (let first = this.step - epoch * task.stepsPerEpoch; first < this.#stepsOf(epoch); ) {
        const started = performance.now();
        let now: number;
        do {
          this.#step(first++);
          now = performance.now();
        } while (first < this.#stepsOf(epoch) && now < started + pauseMilliseconds);
        this.#milliseconds += now - started;
        if (first === this.#stepsOf(epoch)) break;
        if (!(await this.#pause(hooks, epochs, epoch))) return;
      }
      const record = await this.#record(hooks, epochs);
      if (record === undefined) return;
      yield record;
    }
  }

  /**
   * What the task measures after the last epoch, of which there is one at least, where its record has none of it: see
   * `Task.evaluateEvery`. Undefined where `pause` stopped it.
   */
  async evaluate(hooks: TrainingHooks = {}): Promise<Record<string, number> | undefined> {
    return this.#isMeasured(this.epoch) ? {} : this.#evaluate(hooks, this.epoch, this.epoch - 1);
  }

  /** Whether there are measurements after so many epochs. */
  #isMeasured(epochs: number): boolean {
    return epochs % (this.task.evaluateEvery ?? 1) === 0;
  }

  /** `epoch` is numbered from 0. */
  async #evaluate(
    hooks: TrainingHooks,
    epochs: number,
    epoch: number,
  ): Promise<Record<string, number> | undefined> {
    const { pauseMilliseconds = defaultPause } = hooks;
    let last = performance.now();
    return this.task.evaluate(this.learner.network, { epoch, step: this.step }, async () => {
      if (performance.now() < last + pauseMilliseconds) return true;
      const goOn = await this.#pause(hooks, epochs, epoch);
      last = performance.now();
      return goOn;
    });
  }

  /** A step, for the memory that it takes: see `planMemory`. */
  rehearse(): void {
    this.#step(0);
  }

  /** Whether a batch is one example, which has no variance. */
  get #isSingle(): boolean {
    const { batchSize, examples } = this.task;
    return batchSize === (examples?.rows ?? 1);
  }

  #step(stepOfEpoch: number): void {
    const { task, learner } = this;
    this.step++;
    this.#draws.startStep(this.step);
    if (task.play === undefined) {
      task.load?.(stepOfEpoch);
      learner.sample(this.#draws);
      task.score?.(learner.estimator.pass);
    } else {
      this.#acting.start();
      task.play(this.#acting.act, stepOfEpoch);
      this.#acting.end();
    }
    const measuresFront = stepOfEpoch % frontVarianceEvery === 0;
    learner.learn(this.step, this.#isSingle ? undefined : this.#sums, measuresFront);
    task.addMetrics(learner.estimator.evaluation, this.#sums, 2 * learner.parameters.length);
  }

  async #pause({ pause }: TrainingHooks, epochs: number, epoch: number): Promise<boolean> {
    const sums = await this.#checkedSums();
    await othersTurn();
    if (pause === undefined) return true;
    const step = this.step - epoch * this.task.stepsPerEpoch;
    const stepsPerEpoch = this.#stepsOf(epoch);
    const metrics = this.#means(sums, step);
    return pause({
      epoch: epoch + 1,
      epochs,
      step,
      stepsPerEpoch,
      metrics,
      evaluating: step === stepsPerEpoch,
    });
  }

  async #checkedSums(): Promise<Float64Array> {
    const sums = await this.#backend.readSums(this.#sums);
    this.learner.parameters.forEach(({ name }, place) => {
      const step = sums[2 * place + 1];
      if (step > 0) {
        throw new DivergedError(
          `the gradient of ${name} is not finite at step ${step}: ${remedyFor(this.learner.optimizer)}`,
        );
      }
    });
    return sums;
  }

  #means(sums: Float64Array, steps: number): Record<string, number> {
    const first = 2 * this.learner.parameters.length;
    return Object.fromEntries(this.task.metrics.map((name, i) => [name, sums[first + i] / steps]));
  }

  /** Undefined where `pause` stopped the evaluation. */
  async #record(hooks: TrainingHooks, epochs: number): Promise<EpochRecord | undefined> {
    const { learner, epoch } = this;
    const { layers, front } = learner.network;
    const steps = this.#stepsOf(epoch);
    const sums = await this.#checkedSums();
    const single = this.#isSingle;
    if (single) await this.tensors(); // No variance has told of a number that is not finite.
    const { firstOfFront } = learner;
    const frontSteps = Math.ceil(steps / frontVarianceEvery);
    const variances = [
      ...layers.map(({ name, block }, i) => ({ name, block, sum: sums[2 * i] / steps })),
      ...(front?.parameters ?? []).map(({ name, block }, i) => ({
        name,
        block,
        sum: sums[2 * (firstOfFront + i)] / frontSteps,
      })),
    ];
    const gradientVariance = variances.reduce((total, { sum }) => total + sum, 0) / learner.varianceCount;
    const measured = this.#isMeasured(epoch + 1) ? await this.#evaluate(hooks, epochs, epoch) : {};
    if (measured === undefined) return undefined;
    await othersTurn();
    const byName = variances.map(({ name, block, sum }) => [
      `gradientVariance.${name}`,
      single ? null : sum / block.columns,
    ]);
    const record = {
      type: "epoch",
      epoch: epoch + 1,
      step: this.step,
      ...this.#means(sums, steps),
      ...measured,
      gradientVariance: single ? null : gradientVariance,
      logGradientVariance: single || gradientVariance === 0 ? null : Math.log(gradientVariance),
      ...Object.fromEntries(byName),
      msPerStep: this.#milliseconds / steps,
    } satisfies EpochRecord as EpochRecord;
    this.#backend.writeSums(this.#sums, new Float64Array(this.#sums.length));
    this.#milliseconds = 0;
    this.epoch++;
    return record;
  }

  /** Everything that a later `restore` needs, as named tensors. @throws DivergedError when a number is not finite */
  async tensors(): Promise<Record<string, Tensor>> {
    const sums = await this.#checkedSums();
    const tensors = await this.learner.tensors();
    for (const [name, { data }] of Object.entries(tensors)) {
      if (!data.every(Number.isFinite)) {
        const remedy = remedyFor(this.learner.optimizer);
        throw new DivergedError(`${name} is not finite at step ${this.step}: ${remedy}`);
      }
    }
    for (const [name, matrix] of Object.entries(this.task.state ?? {})) {
      const data = await this.#backend.read(matrix);
      tensors[`task.${name}`] = tensorOf(this.#backend, [matrix.rows, matrix.columns], data);
    }
    for (const [name, data] of Object.entries(this.task.numbers ?? {})) {
      tensors[`task.${name}`] = { dtype: "F64", shape: [data.length], data: data.slice() };
    }
    const progress = { step: this.step, epoch: this.epoch, milliseconds: this.#milliseconds };
    for (const [name, value] of Object.entries(progress)) {
      tensors[`training.${name}`] = { dtype: "F64", shape: [1], data: Float64Array.of(value) };
    }
    tensors["training.sums"] = { dtype: "F64", shape: [sums.length], data: Float64Array.from(sums) };
    return tensors;
  }

  /**
   * Goes back to where `tensors` was called.
   *
   * @throws InputError where something is missing or has another shape, is nothing of this training's, or where the
   * optimizer was another
   */
  restore(tensors: Record<string, Tensor>): void {
    const left = { ...tensors };
    const progress = this.#takeProgress(left);
    this.learner.restore(left);
    for (const [name, matrix] of Object.entries(this.task.state ?? {})) {
      const { data } = takeTensor(left, `task.${name}`, [matrix.rows, matrix.columns]);
      this.#backend.write(matrix, data as ArrayLike<number>);
    }
    for (const [name, data] of Object.entries(this.task.numbers ?? {})) {
      data.set(takeTensor(left, `task.${name}`, [data.length]).data as Float64Array);
    }
    this.#checkProgress(progress);
    refuseStrangers(left);
    this.step = progress.step;
    this.epoch = progress.epoch;
    this.#milliseconds = progress.milliseconds;
    this.#backend.writeSums(this.#sums, progress.sums);
  }

  /** Throws `InputError` for a place that no training of the task comes to. */
  #checkProgress({ step, epoch, milliseconds }: { step: number; epoch: number; milliseconds: number }): void {
    const { stepsPerEpoch, totalSteps } = this.task;
    const isPlace =
      isWhole(step, 0) &&
      isWhole(epoch, 0) &&
      (step >= epoch * stepsPerEpoch || step === totalSteps || this.task.finished?.() === true) &&
      step <= (epoch + 1) * stepsPerEpoch &&
      milliseconds >= 0;
    if (isPlace) return;
    throw new InputError(
      `the checkpoint stands at step ${step}, with ${epoch} epochs of ${stepsPerEpoch} steps done in ${milliseconds} ms; expected a place that a training comes to`,
    );
  }

  #takeProgress(left: Record<string, Tensor>) {
    const length = this.#sums.length;
    const numbers = (name: string, count: number) => takeTensor(left, name, [count]).data as Float64Array;
    if (!("training.progress" in left)) {
      const [step, epoch, milliseconds] = ["step", "epoch", "milliseconds"].map(
        (name) => numbers(`training.${name}`, 1)[0],
      );
      return { step, epoch, milliseconds, sums: numbers("training.sums", length) };
    }
    // Once all stood in one list, without the number of finished epochs: one whose steps are done is not finished while
    // its time is still kept.
    const [step, milliseconds, ...sums] = numbers("training.progress", 2 + length);
    const { stepsPerEpoch } = this.task;
    const pending = step % stepsPerEpoch === 0 && milliseconds > 0;
    const done =
      step === this.task.totalSteps ? Math.ceil(step / stepsPerEpoch) : Math.floor(step / stepsPerEpoch);
    return { step, epoch: pending ? done - 1 : done, milliseconds, sums: Float64Array.from(sums) };
  }
}
