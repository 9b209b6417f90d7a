/**
 * What a run has learned, as functions: in Node from its folder (`loadModel` of `flipnet/node`), elsewhere from the bytes of its
 * files.
 */
import type { Backend } from "../backend/backend.ts";
import { createWasmBackend } from "../backend/wasm.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { decode } from "../formats/safetensors.ts";
import { isWhole } from "../formats/whole.ts";
import { GeneratedDraws } from "../network/draws.ts";
import type { Network } from "../network/network.ts";
import { computeLaw, createPass, samplePass } from "../network/pass.ts";
import { createTableDecoder, linearsOf, type TableDecoder } from "../objectives/table-bound.ts";
import { cellsOf, groupsOf, inputsIn, type Preparation, parsePreparation } from "../tables/prepare.ts";
import { type Cells, type Table, tableOf } from "../tables/table.ts";
import type { CommonSettings, TaskDefinition } from "../tasks/definition.ts";
import { testBatches } from "../tasks/images.ts";
import { findTask } from "../tasks/registry.ts";
import { largestOf, prepareProbabilities } from "../tasks/table.ts";
import { writeBlocks } from "../training/parameters.ts";
import { sampleRows } from "./sample-rows.ts";

/** The files of a run that hold what it has learned. */
export interface ModelFiles {
  /** `config.json`: its text, or what it says. */
  readonly config: string | Readonly<Record<string, unknown>>;
  /** `checkpoints/latest.safetensors`. */
  readonly checkpoint: Uint8Array;
  /** `preparation.json`, of a run on a table. */
  readonly preparation?: string | object | undefined;
}

/** How a model computes. */
export interface ModelOptions {
  /** Default: the kernels that the host has, on memory of the model's own. */
  readonly backend?: Backend | undefined;
  /** Of a network with convolutions, the images' `[height, width]` or `[height, width, channels]`; default: they are square. */
  readonly shape?: readonly number[] | undefined;
}

const optionNames: Names<ModelOptions> = { backend: 1, shape: 1 };

/** What is said of each row. */
export interface Predictions {
  readonly classes: readonly string[];
  /** [rows] the place of the most probable class. */
  readonly best: readonly number[];
  /** [rows, classes] each class's probability, on average over the passes, and the standard error of that. */
  readonly mean: Float64Array;
  readonly standardError: Float64Array;
}

/** What the hidden units make of each row. */
export interface Codes {
  readonly rows: number;
  /** One for each unit: its layer, its place in it, and how many choices it has, 2 for a coin. */
  readonly units: readonly { readonly layer: number; readonly unit: number; readonly choices: number }[];
  /** [rows, units] what each unit does: 0 or 1, or its choice. */
  readonly values: Uint16Array;
}

/** Images as bytes from 0 to 255, one after the other. */
export type Images = Uint8Array;

/** Reads a run's files. @throws InputError for what is none, or a task whose model does nothing that is offered here */
export async function loadModel(files: ModelFiles, options: ModelOptions = {}): Promise<Model> {
  refuseUnknown("loadModel", optionNames, options);
  const { backend } = options;
  const config: Record<string, unknown> = { ...parse(files.config, "config.json") };
  const task = typeof config.task === "string" ? findTask(config.task) : undefined;
  if (task === undefined) {
    throw new InputError(
      `config.json is of the task ${JSON.stringify(config.task)}; expected that of a run of this version`,
    );
  }
  if (task.data === "none") {
    throw new InputError(
      `the run's task is "${task.name}"; expected one that learns from data: a table or images`,
    );
  }
  const { tensors } = decode(files.checkpoint, "the checkpoint");
  const isTable = task.data !== "images";
  if (isTable && files.preparation === undefined) {
    throw new InputError("the preparation is missing; expected preparation.json of the run's folder");
  }
  const preparation = isTable
    ? parsePreparation(parse(files.preparation!, "preparation.json"), "preparation.json")
    : undefined;
  const used = backend ?? (await createWasmBackend());
  try {
    const settings = config as Record<string, unknown> & CommonSettings;
    const shapeOf = (name: string) => {
      if (name in tensors) return tensors[name].shape;
      throw new InputError(`the checkpoint has no ${name}, which a run of this config has`);
    };
    const { network } = await task.learned(used, settings, shapeOf, async () => {
      const shape = options.shape ?? squareOf(settings, shapeOf);
      // Of images only the shape is asked for here.
      const pixels = shape.reduce((product, length) => product * length, 1);
      return { count: 0, pixels, shape, classes: 0, images: new Uint8Array(), labels: new Uint8Array() };
    });
    const seen = network.front?.outputs ?? network.inputs;
    if (seen !== shapeOf("layers.0.weights")[1]) {
      throw new InputError(
        `the images' shape makes ${seen} features; expected ${shapeOf("layers.0.weights")[1]}, as the checkpoint has`,
      );
    }
    const decoder = task.data === "rows" ? createTableDecoder(network, groupsOf(preparation!)) : undefined;
    const front = network.front?.parameters ?? [];
    const linears = [...network.layers, ...front, ...(decoder ? linearsOf(decoder) : [])];
    writeBlocks(
      used,
      linears,
      "",
      linears.map(({ block }) => block),
      { ...tensors },
    );
    return new Model(task, network, preparation, decoder, backend === undefined);
  } catch (error) {
    if (backend === undefined) used.close();
    if (error instanceof InputError) throw error;
    // Of settings that no run has: what was to be made of them is not there.
    throw new InputError(`config.json describes no network that could be made: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** The shape of square images, as convolutions' weights and what the first layer reads say it. */
function squareOf(
  settings: Readonly<Record<string, unknown>>,
  shapeOf: (tensor: string) => readonly number[],
): readonly number[] {
  const { convolutions = [], kernelSize = 3 } = settings as {
    convolutions?: readonly number[];
    kernelSize?: number;
  };
  const features = shapeOf("layers.0.weights")[1];
  const side = Math.sqrt(features / convolutions[convolutions.length - 1]);
  if (!Number.isInteger(side)) {
    throw new InputError("the images are not square; expected their shape, as in { shape: [32, 24] }");
  }
  const whole = side + convolutions.length * (kernelSize - 1);
  return [whole, whole, shapeOf("convolutions.0.weights")[1] / kernelSize ** 2];
}

function parse(value: string | object, name: string): object {
  if (typeof value !== "string") return value;
  try {
    const found: unknown = JSON.parse(value);
    if (typeof found === "object" && found !== null) return found;
  } catch {
    // said below
  }
  throw new InputError(`${name} is damaged; expected JSON, as the run's folder has it`);
}

/** A trained network and what it is asked. */
export class Model {
  /** The task that it learned, by its name. */
  readonly task: string;
  readonly network: Network;
  /** How a table's columns become numbers; undefined for images. */
  readonly preparation: Preparation | undefined;
  readonly #definition: TaskDefinition;
  readonly #decoder: TableDecoder | undefined;
  readonly #ownsBackend: boolean;

  /** Use `loadModel`. */
  constructor(
    definition: TaskDefinition,
    network: Network,
    preparation: Preparation | undefined,
    decoder: TableDecoder | undefined,
    ownsBackend: boolean,
  ) {
    this.task = definition.name;
    this.network = network;
    this.preparation = preparation;
    this.#definition = definition;
    this.#decoder = decoder;
    this.#ownsBackend = ownsBackend;
  }

  /** Gives the memory back. */
  close(): void {
    if (this.#ownsBackend) this.network.backend.close();
  }

  /**
   * The classes of rows, each with its probability on average over some passes.
   *
   * @throws InputError for a model that says no classes, or rows that lack what it learned from
   */
  async predict(
    rows: Cells | Table | Images,
    { samples = 100, seed = 0 }: { samples?: number; seed?: number } = {},
  ): Promise<Predictions> {
    const { network, preparation } = this;
    const { kind, units, choices } = network.layers[network.layers.length - 1];
    if (this.#says === "codes" || kind !== "softmax" || units !== 1) {
      throw new InputError(
        `the model is one of the task "${this.task}", which says no classes; expected one of "table-labels" or "table-bandit"`,
      );
    }
    if (!isWhole(samples, 2)) {
      throw new InputError(`there are ${samples} samples; expected a whole number of at least 2`);
    }
    const inputs = this.#inputsOf(rows);
    const count = inputs.length / network.inputs;
    const ask = prepareProbabilities(network, count, seed);
    const { mean, standardError } = await ask(inputs, samples);
    const best = Array.from({ length: count }, (_, row) =>
      largestOf(mean.subarray(row * choices, (row + 1) * choices)),
    );
    const classes = preparation?.target?.classes ?? Array.from({ length: choices }, (_, k) => String(k));
    return { classes, best, mean, standardError };
  }

  /**
   * The code of rows: what each hidden unit does. Without a seed it is what is most probable, layer by layer; with one,
   * what is drawn.
   *
   * @throws InputError for rows that lack what the model learned from
   */
  async encode(rows: Cells | Table | Images, { seed }: { seed?: number } = {}): Promise<Codes> {
    const { network } = this;
    const { backend, inputs: width } = network;
    const inputs = this.#inputsOf(rows);
    const count = inputs.length / width;
    const hidden = this.#says === "codes" ? network.layers : network.layers.slice(0, -1);
    const units = hidden.flatMap(({ index, units, choices }) =>
      Array.from({ length: units }, (_, unit) => ({ layer: index, unit, choices: Math.max(2, choices) })),
    );
    if (units.length === 0) throw new InputError("the model has no hidden units, and so no code");
    const values = new Uint16Array(count * units.length);
    const scope = backend.scope();
    try {
      for (const { rows, starts } of testBatches(count)) {
        const pass = scope.run(() => createPass(network, backend.matrix(rows, width)));
        const draws = new GeneratedDraws(backend, seed ?? 0, "test");
        for (const first of starts) {
          backend.write(pass.input, inputs.subarray(first * width, (first + rows) * width));
          draws.startStep(first);
          if (seed !== undefined) samplePass(pass, draws);
          else pass.front?.forward();
          let place = 0;
          for (const layer of hidden) {
            if (seed === undefined) computeLaw(pass, layer);
            const { p, bits } = pass.layers[layer.index];
            const numbers = await backend.read(seed === undefined ? p : bits);
            const shown = new Float32Array(numbers.length);
            for (let e = 0; e < numbers.length; e += layer.choices) {
              const unit = numbers.subarray(e, e + layer.choices);
              const made = layer.choices === 1 ? Number(unit[0] >= 0.5) : largestOf(unit);
              shown[layer.choices === 1 ? e : e + made] = layer.choices === 1 ? made : 1;
              const row = Math.floor(e / layer.width);
              values[(first + row) * units.length + place + (e % layer.width) / layer.choices] = made;
            }
            if (seed === undefined) backend.write(bits, shown);
            place += layer.units;
          }
        }
      }
    } finally {
      scope.release();
    }
    return { rows: count, units, values };
  }

  /**
   * Rows that an auto-encoder of a table draws, column by column; null where a value is missing.
   *
   * @throws InputError for another model
   */
  async sample({
    count = 1,
    seed = 0,
  }: {
    count?: number;
    seed?: number;
  } = {}): Promise<{ name: string; cells: (number | string | null)[] }[]> {
    if (this.#decoder === undefined) {
      throw new InputError(
        `the model is one of the task "${this.task}"; expected "table-vae", which draws rows`,
      );
    }
    if (!isWhole(count, 1)) {
      throw new InputError(`the number of rows is ${count}; expected a whole number from 1 on`);
    }
    return cellsOf(this.preparation!, await sampleRows(this.network, this.#decoder, { count, seed }));
  }

  get #says(): "classes" | "codes" {
    return this.#definition.draws || this.#definition.data === "rows" ? "codes" : "classes";
  }

  /** [rows, inputs] */
  #inputsOf(rows: Cells | Table | Images): Float32Array {
    if (this.preparation !== undefined) {
      if (rows instanceof Uint8Array) {
        throw new InputError("the model learned from a table; expected rows with its columns");
      }
      return inputsIn(isTable(rows) ? rows : tableOf(rows), this.preparation);
    }
    const pixels = this.network.inputs;
    if (!(rows instanceof Uint8Array)) {
      throw new InputError("the model learned from images; expected their bytes");
    }
    if (rows.length === 0 || rows.length % pixels !== 0) {
      throw new InputError(
        `the images have ${rows.length} bytes; expected a multiple of ${pixels}, one a pixel`,
      );
    }
    return Float32Array.from(rows, (byte) => (byte >= 128 ? 1 : 0));
  }
}

const isTable = (rows: Cells | Table): rows is Table =>
  typeof rows === "object" &&
  rows !== null &&
  "columns" in rows &&
  Array.isArray(rows.columns) &&
  typeof (rows as Table).rows === "number";
