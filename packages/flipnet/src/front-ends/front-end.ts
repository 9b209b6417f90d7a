/**
 * Front ends: differentiable networks whose outputs feed a network of stochastic layers. Two functions are all that is
 * asked of one: `forward`, from inputs to outputs, and `backward`, from the credit of those outputs to the gradients of
 * its parameters. Its outputs are features that the first layers are linear in, or those layers' logits themselves.
 *
 * The credit that comes back is what an estimator says of the logits, a constant as far as the front end is concerned:
 * the stop-gradient of the HNCA paper's appendix F comes with the interface.
 */
import type { ImmediateBackend, Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { isWhole } from "../formats/whole.ts";

/** Parameters that learn together, under a name. */
export interface Parameters {
  /** What their tensors are called in files: `layers.0`, `convolutions.1`, `front.kernel`. */
  readonly name: string;
  /** [1, n] all of them. */
  readonly block: Matrix;
  /**
   * Columns of a map `W x + c` whose weights, one row an input, come first and whose biases last. 0 for numbers that are
   * no such map: all of them count as weights.
   */
  readonly width: number;
  /** A learning rate of their own; absent: the optimizer's. */
  readonly rate?: number;
  /** What that moves to, where rates move; absent: it stays. */
  readonly rateEnd?: number;
  /** Columns of the map that stay 0, weights and bias. */
  readonly fixed?: readonly number[];
}

/** A differentiable network on a backend. */
export interface FrontEnd {
  /** Numbers it takes an example. */
  readonly inputs: number;
  /** Numbers it gives an example. */
  readonly outputs: number;
  readonly parameters: readonly Parameters[];
  /** Buffers for batches that stand in `input` [B, inputs]. */
  prepare(input: Matrix): FrontPass;
}

/** A front end on one batch. `backward` is called after `forward`, if at all, the input being what it was. */
export interface FrontPass {
  /** [B, outputs], valid after `forward`. */
  readonly output: Matrix;
  /** One for each of the parameters, laid out as its block; valid after `backward`. */
  readonly gradients: readonly Matrix[];
  forward(): void;
  /**
   * From dJ/d output, [B, outputs], to the mean over the examples of dJ/d parameters; and where `inputCredit` is given,
   * [B, inputs], to dJ/d input. Uphill. Throws `InputError` for the latter where it is not known.
   */
  backward(credit: Matrix, inputCredit?: Matrix): void;
}

/** A front end of one's own, in plain arrays: see `functionFrontEnd`. */
export interface FrontEndFunctions {
  /** Numbers it takes an example. */
  inputs: number;
  /** Numbers it gives an example. */
  outputs: number;
  /** What its parameters' names begin with in files; default "front". */
  name?: string;
  /** Initial values, by name; in files they are called `front.NAME`. */
  parameters: Readonly<Record<string, ArrayLike<number>>>;
  /** The two functions for batches of `examples`; what `forward` has to remember for `backward` is their own. */
  pass(examples: number): FrontEndPassFunctions;
}

/** Values of parameters, or their gradients, by name. */
export type NamedValues = Readonly<Record<string, ArrayLike<number>>>;

/** The two functions of a front end, for one batch size. */
export interface FrontEndPassFunctions {
  /** From inputs `[examples, inputs]`, row by row, to outputs `[examples, outputs]`. */
  forward(inputs: Float64Array, parameters: Readonly<Record<string, Float64Array>>): ArrayLike<number>;
  /**
   * From `credit` `[examples, outputs]`, which is to climb, to the gradient of `sum(credit * outputs)` by every
   * parameter: a vector-Jacobian product at the inputs and parameters of the last `forward`.
   */
  backward(credit: Float64Array): NamedValues;
  /**
   * The same to the inputs, `[examples, inputs]`. Absent: not known, and whoever needs slopes by the inputs, as MuProp
   * behind a decoder, cannot have it.
   */
  backwardToInputs?(credit: Float64Array): ArrayLike<number>;
}

/**
 * A front end from two functions on plain arrays, which run on the host.
 *
 * @throws InputError for widths that cannot be, and, when it runs, for results of a wrong length
 */
export function functionFrontEnd(backend: ImmediateBackend, functions: FrontEndFunctions): FrontEnd {
  const { inputs, outputs, name: prefix = "front" } = functions;
  for (const [name, width] of Object.entries({ inputs, outputs })) {
    if (!isWhole(width, 1)) {
      throw new InputError(`the front end has ${width} ${name}; expected a whole number of at least 1`);
    }
  }
  const names = Object.keys(functions.parameters);
  const parameters = names.map((name): Parameters => {
    const initial = functions.parameters[name];
    const block = backend.matrix(1, initial.length);
    backend.write(block, initial);
    return { name: `${prefix}.${name}`, block, width: 0 };
  });

  /** Writes what a function gave. */
  const take = (what: string, values: ArrayLike<number> | undefined, into: Matrix): void => {
    const expected = into.rows * into.columns;
    if (values?.length !== expected) {
      const found = values === undefined ? "nothing" : `${values.length} numbers`;
      throw new InputError(`the front end gave ${found} for ${what}; expected ${expected}`);
    }
    backend.write(into, values);
  };

  return {
    inputs,
    outputs,
    parameters,
    prepare(input) {
      const { forward, backward, backwardToInputs } = functions.pass(input.rows);
      const output = backend.matrix(input.rows, outputs);
      const gradients = parameters.map(({ block }) => backend.matrix(1, block.columns));
      return {
        output,
        gradients,
        forward() {
          const values = parameters.map(({ block }, i) => [names[i], backend.readNow(block)]);
          take("its outputs", forward(backend.readNow(input), Object.fromEntries(values)), output);
        },
        backward(credit, inputCredit) {
          const each = backend.readNow(credit);
          if (inputCredit !== undefined) {
            if (backwardToInputs === undefined) {
              throw new InputError(
                "the front end does not say its slopes by the inputs; expected backwardToInputs",
              );
            }
            take("the credit of its inputs", backwardToInputs(each), inputCredit);
          }
          const found = backward(each.map((g) => g / input.rows));
          names.forEach((name, i) => {
            take(`the gradient of ${name}`, found[name], gradients[i]);
          });
        },
      };
    },
  };
}
