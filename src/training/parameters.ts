/**
 * Parameters as named tensors. In memory a layer is one block: each parent's weights `[I, J]` in turn, then the bias.
 * In files and reports weights are `[unit, input]` as in the papers' pseudocode, parents' inputs side by side.
 */
import type { Backend, Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { Tensor } from "../formats/safetensors.ts";
import type { Layer, Network } from "../network/network.ts";

/** Float64 values in the backend's own precision, ready for a file. */
export const tensorOf = (backend: Backend, shape: number[], data: ArrayLike<number>): Tensor =>
  backend.kernels === "float64"
    ? { dtype: "F64", shape, data: Float64Array.from(data) }
    : { dtype: "F32", shape, data: Float32Array.from(data) };

/** Splits a layer's block into weights [unit][input] and bias. */
export function splitBlock(layer: Layer, block: Float64Array): { weights: Float64Array; bias: Float64Array } {
  const J = layer.width;
  const inputs = block.length / J - 1;
  const weights = new Float64Array(inputs * J);
  for (let i = 0; i < inputs; i++) for (let j = 0; j < J; j++) weights[j * inputs + i] = block[i * J + j];
  return { weights, bias: block.slice(inputs * J) };
}

/** The inverse of `splitBlock`. */
export function joinBlock(layer: Layer, weights: ArrayLike<number>, bias: ArrayLike<number>): Float64Array {
  const J = layer.width;
  const inputs = weights.length / J;
  const block = new Float64Array((inputs + 1) * J);
  for (let i = 0; i < inputs; i++) for (let j = 0; j < J; j++) block[i * J + j] = weights[j * inputs + i];
  block.set(bias, inputs * J);
  return block;
}

/** Reads matrices laid out as the layers' blocks into tensors `${prefix}layers.N.weights` and `.bias`. */
export async function readBlocks(
  network: Network,
  prefix: string,
  blocks: readonly Matrix[],
  into: Record<string, Tensor>,
): Promise<void> {
  const { backend } = network;
  for (const layer of network.layers) {
    const block = await backend.read(blocks[layer.index]);
    const { weights, bias } = splitBlock(layer, block);
    const name = `${prefix}layers.${layer.index}`;
    into[`${name}.weights`] = tensorOf(backend, [layer.width, weights.length / layer.width], weights);
    into[`${name}.bias`] = tensorOf(backend, [layer.width], bias);
  }
}

/** Writes tensors that `readBlocks` made back. Throws `InputError` where one is missing or has another shape. */
export function writeBlocks(
  network: Network,
  prefix: string,
  blocks: readonly Matrix[],
  from: Record<string, Tensor>,
): void {
  for (const layer of network.layers) {
    const name = `${prefix}layers.${layer.index}`;
    const inputs = layer.block.columns / layer.width - 1;
    const weights = takeTensor(from, `${name}.weights`, [layer.width, inputs]);
    const bias = takeTensor(from, `${name}.bias`, [layer.width]);
    network.backend.write(blocks[layer.index], joinBlock(layer, weights.data, bias.data));
  }
}

/** The tensor of that name and shape. Throws `InputError` where there is none. */
export function takeTensor(from: Record<string, Tensor>, name: string, shape: readonly number[]): Tensor {
  const tensor = from[name];
  if (tensor === undefined) throw new InputError(`the checkpoint has no tensor ${name}`);
  if (tensor.shape.join() !== shape.join()) {
    throw new InputError(`the checkpoint's ${name} has shape [${tensor.shape}]; expected [${shape}]`);
  }
  return tensor;
}
