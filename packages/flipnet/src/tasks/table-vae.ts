/**
 * A discrete hierarchical variational auto-encoder of a table's rows: a code of coins for each row, from which its columns
 * are said again, each by the likelihood that suits it (`objectives/table-bound.ts`).
 */
import type { Backend, Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { PlainRows, RowData } from "../formats/table-data.ts";
import { hiddenSpec } from "../network/hidden.ts";
import { createNetwork, type Network } from "../network/network.ts";
import { createTableDecoder, type TableDecoder, tableBound } from "../objectives/table-bound.ts";
import { deriveKey, newKey, permutation } from "../random/threefry.ts";
import {
  AutoEncoder,
  autoEncoderCurves,
  autoEncoderMetrics,
  autoEncoderOptions,
  type Batches,
  oneBoundSample,
} from "./auto-encoder.ts";
import { type CommonSettings, defineTask } from "./definition.ts";

/** Rows in an order, each `copies` times in a row. */
class RowBatches implements Batches {
  readonly count: number;
  readonly #backend: Backend;
  readonly #inputs: Float32Array;
  readonly #width: number;
  readonly #copies: number;
  readonly #isTest: boolean;
  readonly #order: Uint32Array;
  readonly #weights: { into: Matrix; all: Float32Array; room: Float32Array } | undefined;
  /** A batch on its way to the backend, by its rows. */
  readonly #rooms = new Map<number, Float32Array>();

  /**
   * @param part training rows are shuffled every epoch
   * @param into what each row counts; absent: it counts 1
   */
  constructor(
    backend: Backend,
    { count, inputs, weights }: PlainRows,
    width: number,
    part: "train" | "test",
    copies = 1,
    into?: Matrix,
  ) {
    this.#isTest = part === "test";
    this.count = count;
    this.#backend = backend;
    this.#inputs = inputs;
    this.#width = width;
    this.#copies = copies;
    this.#weights = into && { into, all: weights!, room: new Float32Array(into.rows) };
    this.#order = Uint32Array.from({ length: count }, (_, row) => row);
  }

  startEpoch(seed: number, epoch: number): void {
    if (this.#isTest) return;
    permutation(deriveKey(seed, "shuffle", epoch, newKey()), this.#order);
  }

  load(first: number, input: Matrix): void {
    const width = this.#width;
    let room = this.#rooms.get(input.rows);
    if (room === undefined) {
      room = new Float32Array(input.rows * width);
      this.#rooms.set(input.rows, room);
    }
    const weights = this.#weights;
    for (let b = 0; b < input.rows; b++) {
      const row = this.#order[Math.floor((first + b) / this.#copies)];
      if (weights !== undefined) weights.room[b] = weights.all[row];
      const from = row * width;
      for (let i = 0; i < width; i++) room[b * width + i] = this.#inputs[from + i];
    }
    this.#backend.write(input, room);
    if (weights !== undefined) this.#backend.write(weights.into, weights.room);
  }
}

/** @throws InputError for rows that do not fit each other */
function checkRows({ train, test, width, groups }: RowData): void {
  for (const [what, { count, inputs, weights }] of Object.entries({ training: train, test })) {
    if (count < 1) throw new InputError(`the table has no ${what} rows; expected at least 1`);
    if (inputs.length !== count * width) {
      throw new InputError(`the ${what} rows are ${inputs.length} numbers; expected ${count} of ${width}`);
    }
    if (weights !== undefined && weights.length !== count) {
      throw new InputError(`the ${what} rows have ${weights.length} weights; expected ${count}`);
    }
  }
  const columns = groups.flatMap((group) => group.columns).toSorted((a, b) => a - b);
  if (columns.length === width && columns.every((column, i) => column === i)) return;
  throw new InputError(
    `the groups have the columns ${columns.join(", ")}; expected each of 0 to ${width - 1} once`,
  );
}

/** An encoder over a row's numbers. */
const rowEncoder = (
  backend: Backend,
  inputs: number,
  { hidden, units }: Pick<CommonSettings, "hidden" | "units">,
): Network => createNetwork(backend, { inputs, inputKind: "real", units, layers: hidden.map(hiddenSpec) });

/** A table's rows as an auto-encoder's task. */
export class TableAutoEncoder extends AutoEncoder {
  readonly decoder: TableDecoder;

  /** @throws InputError for rows or numbers that cannot be used */
  constructor(encoder: Network, data: RowData, options: ConstructorParameters<typeof AutoEncoder>[1]) {
    checkRows(data);
    const { backend } = encoder;
    const decoder = createTableDecoder(encoder, data.groups);
    const { samples = autoEncoderOptions.samples.default } = options;
    const weights = data.train.weights && backend.matrix(options.batchSize * samples, 1);
    super(encoder, options, {
      weights,
      train: new RowBatches(backend, data.train, data.width, "train", samples, weights),
      test: new RowBatches(backend, data.test, data.width, "test"),
      what: "training rows",
      boundOf: (entropy, klWeight) => tableBound(encoder, decoder, entropy, klWeight),
    });
    this.decoder = decoder;
  }
}

/** The auto-encoder of tables. */
export const tableVae = defineTask({
  name: "table-vae",
  title: "Auto-encoder of a table",
  says: "A network of coin flips sees a row of a table and makes a code of it, from which another network says the row again.",
  offers: ["components", "evaluations", "slopes"],
  settings: autoEncoderOptions,
  usual: { estimator: "f-hnca", hidden: [32], units: "plus-minus", batchSize: 50, learningRate: 3e-3 },
  data: "rows",
  length: "epochs",
  metrics: autoEncoderMetrics,
  curves: autoEncoderCurves,
  note: "Bounds are in nats a row; numbers count by their density, standardised, so a bound may be above 0.",
  create(backend, settings, data: RowData) {
    const network = rowEncoder(backend, data.width, settings);
    return { network, task: new TableAutoEncoder(network, data, settings) };
  },
  cheap: oneBoundSample,
  learned: async (backend, settings, shapeOf) => ({
    network: rowEncoder(backend, shapeOf("layers.0.weights")[1], settings),
    input: "numbers",
  }),
});
