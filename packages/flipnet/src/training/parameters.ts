/**
 * Parameters as named tensors. In memory a linear map is one block: each parent's weights `[I, J]` in turn, then the bias.
 * In files and reports weights are `[unit, input]` as in the papers' pseudocode, parents' inputs side by side.
 */
import type { Backend, Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { Tensor } from "../formats/safetensors.ts";
import type { Parameters } from "../front-ends/front-end.ts";

/** What tensors are called in messages, unless they are something else. */
export const checkpoint = "the checkpoint";

/** Float64 values in the backend's own precision, ready for a file. */
export const tensorOf = (backend: Backend, shape: number[], data: ArrayLike<number>): Tensor =>
  backend.features.dtype === "F64"
    ? { dtype: "F64", shape, data: Float64Array.from(data) }
    : { dtype: "F32", shape, data: Float32Array.from(data) };

/** A text, ready for a file. */
export function textTensor(text: string): Tensor {
  const data = new TextEncoder().encode(text);
  return { dtype: "U8", shape: [data.length], data };
}

/** Splits a block into weights [unit][input] and bias. */
export function splitBlock(
  { width: J }: Parameters,
  block: Float64Array,
): { weights: Float64Array; bias: Float64Array } {
  const inputs = block.length / J - 1;
  const weights = new Float64Array(inputs * J);
  for (let i = 0; i < inputs; i++) for (let j = 0; j < J; j++) weights[j * inputs + i] = block[i * J + j];
  return { weights, bias: block.slice(inputs * J) };
}

/** The inverse of `splitBlock`. */
export function joinBlock(
  { width: J }: Parameters,
  weights: ArrayLike<number>,
  bias: ArrayLike<number>,
): Float64Array {
  const inputs = weights.length / J;
  const block = new Float64Array((inputs + 1) * J);
  for (let i = 0; i < inputs; i++) for (let j = 0; j < J; j++) block[i * J + j] = weights[j * inputs + i];
  block.set(bias, inputs * J);
  return block;
}

/**
 * Reads matrices laid out as the blocks into tensors `${prefix}${name}.weights` and `.bias`; into `${prefix}${name}`
 * where they are no linear map's.
 */
export async function readBlocks(
  backend: Backend,
  parameters: readonly Parameters[],
  prefix: string,
  blocks: readonly Matrix[],
  into: Record<string, Tensor>,
): Promise<void> {
  for (const [i, part] of parameters.entries()) {
    const { width } = part;
    const name = prefix + part.name;
    const block = await backend.read(blocks[i]);
    if (width === 0) {
      into[name] = tensorOf(backend, [block.length], block);
      continue;
    }
    const { weights, bias } = splitBlock(part, block);
    into[`${name}.weights`] = tensorOf(backend, [width, weights.length / width], weights);
    into[`${name}.bias`] = tensorOf(backend, [width], bias);
  }
}

/** Writes tensors that `readBlocks` made back, and takes them out of `from`. Throws `InputError` where one is missing or has another shape. */
export function writeBlocks(
  backend: Backend,
  parameters: readonly Parameters[],
  prefix: string,
  blocks: readonly Matrix[],
  from: Record<string, Tensor>,
  what = checkpoint,
): void {
  for (const [i, part] of parameters.entries()) {
    const { width, block } = part;
    const name = prefix + part.name;
    if (width === 0) {
      backend.write(blocks[i], takeTensor(from, name, [block.columns], what).data as ArrayLike<number>);
      continue;
    }
    const weights = takeTensor(from, `${name}.weights`, [width, block.columns / width - 1], what);
    const bias = takeTensor(from, `${name}.bias`, [width], what);
    backend.write(blocks[i], joinBlock(part, weights.data, bias.data));
  }
}

/** Takes the numbers of that name and shape out of `from`. Throws `InputError` where there are none. */
export function takeTensor(
  from: Record<string, Tensor>,
  name: string,
  shape: readonly number[],
  what = checkpoint,
): Tensor {
  const tensor = from[name];
  if (tensor === undefined) throw new InputError(`${what} has no tensor ${name}`);
  if (tensor.shape.join() !== shape.join()) {
    throw new InputError(`${what}'s ${name} has shape [${tensor.shape}]; expected [${shape}]`);
  }
  if (tensor.dtype !== "F32" && tensor.dtype !== "F64") {
    throw new InputError(`${what}'s ${name} is ${tensor.dtype}; expected F32 or F64`);
  }
  const wrong = tensor.data.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw new InputError(`${what}'s ${name} has ${tensor.data[wrong]} in it; expected numbers`);
  }
  delete from[name];
  return tensor;
}

/** Throws `InputError` for tensors that nobody has taken. */
export function refuseStrangers(left: Record<string, Tensor>, what = checkpoint): void {
  const [name] = Object.keys(left);
  if (name !== undefined) {
    throw new InputError(`${what} has the tensor ${name}, which belongs to nothing that is trained here`);
  }
}
