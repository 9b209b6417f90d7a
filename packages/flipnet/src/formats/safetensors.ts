// safetensors: named arrays in one file that Python, Rust and JavaScript read alike. A u64 header length, a JSON header,
// then the items of every tensor in C order; everything is little-endian, as is every engine flipnet runs on, so that
// typed arrays are used as they are. https://github.com/huggingface/safetensors describes it.

import { bytesOf } from "./bytes.ts";
import { InputError } from "./errors.ts";
import { repeatedKey } from "./repeated-key.ts";
import { isWhole } from "./whole.ts";

const arrays = {
  F64: Float64Array,
  F32: Float32Array,
  U32: Uint32Array,
  I32: Int32Array,
  U8: Uint8Array,
};

export type DType = keyof typeof arrays;

/** An array of numbers in C order: `data.length` is the product of `shape` (1 where the shape is empty). */
export type Tensor = {
  [D in DType]: { dtype: D; shape: readonly number[]; data: InstanceType<(typeof arrays)[D]> };
}[DType];

/** Bytes that are not a safetensors file, or not one of the types in `DType`. */
export class SafetensorsError extends InputError {
  override name = "SafetensorsError";
}

/**
 * The bytes of a safetensors file. The same tensors in the same order give the same bytes.
 *
 * @param tensors by name
 * @param metadata kept in the header; values are strings, as the format demands
 * @throws RangeError if a tensor is called `__metadata__`, or its data is not what its dtype and shape say
 * @throws TypeError if a value of the metadata is not a string
 */
export function encode(tensors: Record<string, Tensor>, metadata: Record<string, string> = {}): Uint8Array {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string")
      throw new TypeError(`metadata ${key} is a ${typeof value}, expected a string`);
  }
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    if (name === "__metadata__") throw new RangeError("a tensor cannot be called __metadata__");
    if (!(data instanceof arrays[dtype])) throw new RangeError(`tensor ${name} is not an array of ${dtype}`);
    if (!isCounts(shape) || product(shape) !== data.length) {
      throw new RangeError(`tensor ${name} has ${data.length} items, but its shape is [${shape}]`);
    }
  }

  // The format allows no gaps, so wide items come first: that aligns every tensor to its own items.
  const ordered = Object.entries(tensors).sort(
    ([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT,
  );
  let end = 0;
  const entries = ordered.map(([name, { dtype, shape, data }]) => {
    const begin = end;
    end += data.byteLength;
    return [name, { dtype, shape, data_offsets: [begin, end] }];
  });
  const json = new TextEncoder().encode(
    JSON.stringify(Object.fromEntries([["__metadata__", metadata], ...entries])),
  );

  const start = Math.ceil((8 + json.length) / 8) * 8;
  const file = new Uint8Array(start + end).fill(0x20, 8 + json.length, start);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true);
  file.set(json, 8);
  let offset = start;
  for (const [, { data }] of ordered) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return file;
}

/**
 * Reads a safetensors file.
 *
 * @param file the whole file; tensors are views into it where they are aligned to their items, else copies
 * @param name what to call the file in messages
 * @returns the tensors by name, in an object without a prototype, and the metadata
 * @throws SafetensorsError if anything is not as the format has it, down to a gap between two tensors or a name that
 * stands twice, or if a dtype is none of `DType`
 */
export function decode(
  file: Uint8Array | ArrayBuffer,
  name: string,
): { tensors: Record<string, Tensor>; metadata: Record<string, string> } {
  const bytes = bytesOf(file, name);
  const fail = (problem: string, options?: ErrorOptions): never => {
    throw new SafetensorsError(`${name} cannot be read as safetensors: ${problem}`, options);
  };

  if (bytes.length < 8) fail(`it has ${bytes.length} bytes, expected 8 or more`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > bytes.length - 8) fail(`its header has ${length} bytes, expected at most ${bytes.length - 8}`);
  const start = 8 + Number(length);
  const body = bytes.subarray(start);

  const header = parseHeader(bytes.subarray(8, start), fail);
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isObject(metadata)) return fail(`__metadata__ is ${JSON.stringify(metadata)}, expected an object`);
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string") fail(`metadata ${key} is ${JSON.stringify(value)}, expected a string`);
  }

  const infos = Object.entries(entries).map(([tensor, entry]) => {
    const { dtype, shape, data_offsets: offsets } = isObject(entry) ? entry : {};
    if (!isDType(dtype)) {
      const known = Object.keys(arrays).join(", ");
      return fail(`tensor ${tensor} has dtype ${JSON.stringify(dtype)}, expected one of ${known}`);
    }
    if (!isCounts(shape)) {
      return fail(`tensor ${tensor} has shape ${JSON.stringify(shape)}, expected a list of sizes`);
    }
    if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1] || offsets[1] > body.length) {
      const range = `a begin and an end between 0 and ${body.length}`;
      return fail(`tensor ${tensor} has data_offsets ${JSON.stringify(offsets)}, expected ${range}`);
    }
    const [begin, end] = offsets;
    const expected = product(shape) * arrays[dtype].BYTES_PER_ELEMENT;
    if (end - begin !== expected) {
      fail(`tensor ${tensor} has ${end - begin} bytes, expected ${expected} for ${dtype} [${shape}]`);
    }
    return { tensor, dtype, shape, begin, end };
  });

  infos.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  for (const info of infos) {
    const { tensor, begin } = info;
    if (begin !== end) fail(`tensor ${tensor} begins at byte ${begin} of the data, expected ${end}`);
    end = info.end;
  }
  if (end !== body.length) fail(`its tensors end at byte ${end} of the data, expected ${body.length}`);

  const tensors: Record<string, Tensor> = Object.create(null);
  for (const { tensor, dtype, shape, begin, end } of infos) {
    const TypedArray = arrays[dtype];
    const view = body.subarray(begin, end);
    const items = view.byteOffset % TypedArray.BYTES_PER_ELEMENT === 0 ? view : new Uint8Array(view);
    const data = new TypedArray(items.buffer as ArrayBuffer, items.byteOffset, product(shape));
    tensors[tensor] = { dtype, shape, data } as Tensor;
  }
  return { tensors, metadata: metadata as Record<string, string> };
}

type Fail = (problem: string, options?: ErrorOptions) => never;

function parseHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let header: unknown;
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (cause) {
    return fail(`its header is not JSON (${(cause as Error).message})`, { cause });
  }
  if (!isObject(header)) return fail(`its header begins with ${text.slice(0, 8)}, expected a JSON object`);
  const twice = repeatedKey(text);
  if (twice !== undefined) fail(`${twice} stands twice in its header, expected once`);
  return header;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isDType = (value: unknown): value is DType => typeof value === "string" && Object.hasOwn(arrays, value);

const isCounts = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((size) => isWhole(size, 0));

const product = (shape: readonly number[]) => shape.reduce((items, size) => items * size, 1);
