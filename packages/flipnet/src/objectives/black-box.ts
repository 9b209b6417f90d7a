/**
 * A function of your own, of everything that the network sampled: one number an example, no matter how it comes about.
 * It runs on the host, a batch at a time: one of the three places where a step may be read from within.
 */

import { immediate, type Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { isWhole } from "../formats/whole.ts";
import type { Layer } from "../network/network.ts";
import type { Pass } from "../network/pass.ts";
import { type Component, layersRead, type Objective, unitOf } from "./objective.ts";
import { prepareAdditions, whatIf } from "./what-if.ts";

/** What a network saw and did, as numbers; the arrays are used again at the next call. */
export interface Sample {
  /** Examples, `B`. */
  readonly batchSize: number;
  /** [B, inputs] row by row: what the network saw. */
  readonly input: Float64Array;
  /**
   * One a layer, [B, width] row by row: what its units did, 0 or 1 whatever their coding; of softmax units one bit a
   * choice. To look at a layer that the function says it does not read is an `InputError`.
   */
  readonly layers: readonly Float64Array[];
}

/** Writes one finite number an example into `values` [B]; higher is better. It must not change the sample. */
export type BlackBox = (sample: Sample, values: Float64Array) => void;

/** What is known of a black box. */
export interface BlackBoxOptions {
  /** Its name in messages; default "black box". */
  name?: string;
  /** Numbers of the layers that it reads; default all. Fewer are better: units that cannot influence it ignore it. */
  reads?: readonly number[];
  /**
   * Whether f-HNCA may ask what each unit that it reads is worth, by calling it again with the unit flipped: one call
   * for every Bernoulli unit, one less than its choices for every softmax unit. Default: it is credited as one number,
   * by REINFORCE where it reads a unit and by HNCA below that.
   */
  differences?: boolean;
}

const optionNames: Names<BlackBoxOptions> = { name: 1, reads: 1, differences: 1 };

/**
 * The objective whose only component is `f`.
 *
 * @throws InputError once it is prepared, for a layer that does not exist or a backend that cannot be read within a step;
 * when it runs, where `f` looks at a unit of a layer that it does not read, or gives a number that is not finite
 */
export function blackBoxObjective(f: BlackBox, options: BlackBoxOptions = {}): Objective {
  refuseUnknown("blackBoxObjective", optionNames, options);
  const { name = "black box", differences = false } = options;
  return {
    linears: [],
    prepare(pass) {
      const reads = options.reads ?? [...pass.layers.keys()];
      checkReads(name, reads, pass);
      const { evaluate, addDifferences } = prepareCalls(f, { name, reads }, pass);
      const value = pass.network.backend.matrix(pass.batchSize, 1);
      const component: Component = {
        name,
        reads,
        value,
        evaluate: () => evaluate(value),
        ...(differences ? { addDifferences } : {}),
      };
      return { components: [component], addDirectGradient() {}, credits: [], differentiate() {} };
    },
  };
}

/** Throws `InputError` where a component says that it reads a layer that is not there. */
function checkReads(name: string, reads: readonly number[], { layers }: Pass): void {
  const wrong = reads.find((layer) => !isWhole(layer, 0, layers.length - 1));
  if (wrong === undefined) return;
  throw new InputError(
    `the component "${name}" says that it reads layer ${wrong}; expected a number from 0 to ${layers.length - 1}`,
  );
}

/** Stands for a layer that a function does not read: whoever looks at it is told. */
function unseen(said: Pick<Component, "name" | "reads">, layer: Layer): Float64Array {
  return new Proxy(new Float64Array(), {
    get(_, key) {
      const what =
        typeof key === "string" && /^\d+$/.test(key) ? unitOf(layer, Number(key)) : `layer ${layer.index}`;
      throw new InputError(
        `the component "${said.name}" looks at ${what}, and says that it reads ${layersRead(said)}`,
      );
    },
  });
}

/** Calls on the sample as it is, and with one unit after the other changed. */
function prepareCalls(f: BlackBox, said: Pick<Component, "name" | "reads">, pass: Pass) {
  const { name, reads } = said;
  const { network, batchSize, input } = pass;
  const backend = immediate(network.backend);
  const numbers = (columns: number) => new Float64Array(batchSize * columns);
  const sample: Sample = {
    batchSize,
    input: numbers(network.inputs),
    layers: network.layers.map((layer) =>
      reads.includes(layer.index) ? numbers(layer.width) : unseen(said, layer),
    ),
  };
  const [before, after] = [numbers(1), numbers(1)];
  const additionTo = prepareAdditions(backend, batchSize);
  const call = (values: Float64Array) => {
    f(sample, values);
    for (let b = 0; b < batchSize; b++) {
      if (Number.isFinite(values[b])) continue;
      throw new InputError(
        `the component "${name}" is ${values[b]} on example ${b}; expected a finite number`,
      );
    }
    return values;
  };
  const again = () => call(after);

  return {
    evaluate(value: Matrix) {
      backend.readNow(input, sample.input);
      for (const index of reads) backend.readNow(pass.layers[index].bits, sample.layers[index]);
      backend.write(value, call(before));
    },
    addDifferences(layer: Layer, out: Matrix) {
      const { numbers, addTo } = additionTo(layer.width);
      whatIf(layer, sample.layers[layer.index], before, again, numbers);
      addTo(out);
    },
  };
}
