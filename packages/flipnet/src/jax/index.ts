/**
 * `flipnet/jax`: any differentiable function written with jax-js (the package `@jax-js/jax`) as a front end. Its `vjp`
 * does the work.
 */
import { init, type Array as JaxArray, numpy, vjp } from "@jax-js/jax";
import type { ImmediateBackend } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { type FrontEnd, functionFrontEnd } from "../front-ends/front-end.ts";

export type { FrontEnd, FrontPass, Parameters } from "../front-ends/front-end.ts";

/** A jax-js function of parameters and inputs. */
export interface JaxFunction {
  /** Shape of one example's input. */
  shape: readonly number[];
  /** Numbers that it gives an example. */
  outputs: number;
  /** Initial values by name. They are taken over: a value that is wanted later too is given as `value.ref`. */
  parameters: Readonly<Record<string, JaxArray>>;
  /**
   * From parameters and inputs `[examples, ...shape]` to outputs, `outputs` an example in any shape. Like every function
   * of jax-js it takes over what it is given: what it uses twice it takes as `x.ref` first.
   */
  apply(parameters: Record<string, JaxArray>, inputs: JaxArray): JaxArray;
}

/** Of jax-js's derivative: the gradient of each parameter by the credit of the outputs. */
type Back = ((credit: JaxArray) => [Record<string, JaxArray>]) & { dispose(): void };

/**
 * A front end from a function of jax-js, in float32 on its WebAssembly device. Parameters learn and are saved as all
 * others are, under `front.NAME`.
 *
 * @throws InputError for widths that cannot be or parameters that are no arrays of jax-js, and, when it runs, for outputs of
 * another length
 */
export async function jaxFrontEnd(
  backend: ImmediateBackend,
  { shape, outputs, parameters, apply }: JaxFunction,
): Promise<FrontEnd> {
  const device = "wasm";
  await init(device);
  const arrayOf = (values: ArrayLike<number>, shape: readonly number[]) =>
    numpy.array(Float32Array.from(values), { shape: [...shape], device });
  const names = Object.keys(parameters);
  const shapes = names.map((name) => {
    const { shape } = parameters[name];
    if (Array.isArray(shape)) return [...shape];
    throw new InputError(`the front end's parameter "${name}" has no shape; expected an array of jax-js`);
  });

  return functionFrontEnd(backend, {
    inputs: shape.reduce((product, length) => product * length, 1),
    outputs,
    parameters: Object.fromEntries(names.map((name) => [name, parameters[name].dataSync()])),
    pass(examples) {
      let back: Back | undefined;
      let outputShape: number[] = [];
      return {
        forward(inputs, values) {
          back?.dispose();
          const x = arrayOf(inputs, [examples, ...shape]);
          const given = names.map((name, i) => [name, arrayOf(values[name], shapes[i])]);
          const derivative = vjp(
            (all: Record<string, JaxArray>) => apply(all, x),
            [Object.fromEntries(given)],
          );
          const y: JaxArray = derivative[0];
          back = derivative[1] as unknown as Back;
          outputShape = y.shape;
          return y.dataSync() as Float32Array;
        },
        backward(credit) {
          const [gradients] = back!(arrayOf(credit, outputShape));
          return Object.fromEntries(names.map((name) => [name, gradients[name].dataSync() as Float32Array]));
        },
      };
    },
  });
}
