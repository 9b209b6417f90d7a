/**
 * An objective of one's own as a task: a network of coins whose last layer is what a function reads, and that function,
 * whose expectation is maximised. It may see numbers that are made anew at every step, or nothing.
 */
import type { Backend, Matrix, Sums } from "../backend/backend.ts";
import { count } from "../estimators/options.ts";
import { InputError } from "../formats/errors.ts";
import { isWhole } from "../formats/whole.ts";
import { type HiddenLayer, hiddenSpec, withOutput } from "../network/hidden.ts";
import { createNetwork, type Network } from "../network/network.ts";
import type { Evaluation, Objective } from "../objectives/objective.ts";
import { deriveKey, newKey, uniformAt } from "../random/threefry.ts";
import { type CommonSettings, defineTask, overAllSteps } from "./definition.ts";
import type { Task } from "./task.ts";

/** A function of what a network does, as a file's default export has it. */
export interface OwnObjective {
  /** What it is, in a few words. */
  readonly title: string;
  /** Numbers that the network sees in a row; at least 1. */
  readonly inputs: number;
  /** The last layer: a width of coins, or units and choices as in `"softmax:1x4"`. Hidden layers are a setting. */
  readonly output: HiddenLayer;
  /**
   * Fills the batch's rows [B, inputs] with real numbers; `random()` is a number in [0, 1), decided by seed and step. Absent:
   * all of them are 0.
   */
  see?(rows: Float64Array, random: () => number): void;
  /** What is maximised: `blackBoxObjective` of any function, or one that says more of itself. */
  maximise(network: Network): Objective;
}

/** An objective of one's own, checked by the compiler. */
export const defineObjective = (objective: OwnObjective): OwnObjective => objective;

/** Whether a file exports one. */
export const isOwnObjective = (value: unknown): value is OwnObjective =>
  typeof value === "object" &&
  value !== null &&
  "output" in value &&
  typeof (value as OwnObjective).maximise === "function";

/** @throws InputError for numbers that cannot be */
function checkObjective({ title, inputs, output }: OwnObjective): void {
  if (typeof title !== "string" || title === "") {
    throw new InputError(`the objective's title is ${JSON.stringify(title)}; expected a few words`);
  }
  if (!isWhole(inputs, 1)) {
    throw new InputError(`the objective's inputs are ${inputs}; expected a whole number from 1 on`);
  }
  if (typeof output === "number" && !isWhole(output, 1)) {
    throw new InputError(`the objective's output is ${output}; expected a whole number of units from 1 on`);
  }
}

interface Lengths {
  readonly steps: number;
  readonly recordEvery: number;
}

class OwnTask implements Task {
  readonly backend: Backend;
  readonly batchSize: number;
  readonly input: Matrix;
  readonly objective: Objective;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  readonly metrics = ["value"];
  readonly #own: OwnObjective;
  readonly #seed: number;
  readonly #rows: Float64Array;
  readonly #key = newKey();
  #epoch = 0;

  constructor(network: Network, own: OwnObjective, settings: CommonSettings & Lengths) {
    const { backend } = network;
    this.backend = backend;
    this.batchSize = settings.batchSize;
    this.stepsPerEpoch = settings.recordEvery;
    this.totalSteps = settings.steps;
    this.input = backend.matrix(settings.batchSize, own.inputs);
    this.objective = own.maximise(network);
    this.#own = own;
    this.#seed = settings.seed;
    this.#rows = new Float64Array(settings.batchSize * own.inputs);
  }

  startEpoch(epoch: number): void {
    this.#epoch = epoch;
  }

  load(step: number): void {
    if (this.#own.see === undefined) return;
    deriveKey(this.#seed, "task", this.#epoch * this.stepsPerEpoch + step, this.#key);
    let index = 0;
    this.#own.see(this.#rows, () => uniformAt(this.#key, index++));
    this.backend.write(this.input, this.#rows);
  }

  addMetrics({ components }: Evaluation, sums: Sums, first: number): void {
    for (const component of components) {
      component.evaluate();
      this.backend.addMean(component.value, sums, first);
    }
  }

  async evaluate(): Promise<Record<string, number>> {
    return {};
  }
}

/** Objectives of one's own. */
export const ownObjective = defineTask({
  name: "objective",
  title: "Objective of one's own",
  says: "A network of coin flips maximises the expectation of a function that a file has.",
  offers: ["components", "evaluations", "slopes"],
  settings: {
    steps: count({ least: 1, default: 2000, says: "length of the run" }),
    recordEvery: count({ least: 1, default: 200, says: "steps between two records" }),
  },
  usual: { estimator: "f-hnca", hidden: [16], units: "plus-minus", batchSize: 32, learningRate: 0.01 },
  data: "objective",
  length: "steps",
  metrics: [
    { name: "value", title: "value", short: "value", digits: 4 },
    {
      name: "meanValue",
      title: "value, whole run",
      digits: 4,
      of: (records) => overAllSteps(records, "value"),
    },
  ],
  curves: [
    {
      title: "Value",
      solid: "value",
      domain(points) {
        const values = points.map(({ value }) => value);
        return [Math.min(...values), Math.max(...values)];
      },
      axis: "~g",
      digits: 4,
    },
  ],
  create(backend, settings, own: OwnObjective) {
    checkObjective(own);
    const { hidden, units } = settings;
    const network = createNetwork(backend, {
      inputs: own.inputs,
      inputKind: "real",
      units,
      layers: withOutput(hidden, hiddenSpec(own.output)),
    });
    return { network, task: new OwnTask(network, own, settings) };
  },
  learned: async () => {
    throw new InputError(
      "the network of an objective of one's own has no graph; expected --format safetensors, its parameters",
    );
  },
});
