// IDX, the format of the MNIST files: two zero bytes, a type code, the number of dimensions, every dimension as a
// big-endian u32, then the items, last dimension fastest. http://yann.lecun.com/exdb/mnist/ describes it.

import { InputError } from "./errors.ts";

/** An array of bytes, last dimension fastest: `data.length` is the product of `shape`. */
export type IdxArray = { shape: number[]; data: Uint8Array };

/** A file that is not a whole IDX file of unsigned bytes. */
export class IdxError extends InputError {
  override name = "IdxError";
}

const UNSIGNED_BYTE = 0x08;

/**
 * Reads an IDX file of unsigned bytes, plain or compressed with gzip (known by its first bytes, not by its name).
 *
 * @param bytes the whole file; when it is plain, `data` is a view into it
 * @param name what to call the file in messages
 * @throws IdxError if it is not IDX, holds another type than unsigned bytes, has a dimension of 0, is cut short or goes
 * on after its items, or if the gzip data is corrupt
 */
export async function parseIdx(bytes: Uint8Array, name: string): Promise<IdxArray> {
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? await gunzip(bytes, name) : bytes;
  if (plain.length < 4 || plain[0] !== 0 || plain[1] !== 0) {
    const start = [...plain.subarray(0, 4)].map(hex).join(" ") || "nothing";
    throw new IdxError(
      `${name} is not an IDX file: it begins with ${start}, expected 00 00, a type and a rank`,
    );
  }
  const [, , type, rank] = plain;
  if (type !== UNSIGNED_BYTE) {
    throw new IdxError(`${name} holds items of type 0x${hex(type)}, expected 0x08 (unsigned bytes)`);
  }
  if (rank === 0) throw new IdxError(`${name} has 0 dimensions, expected at least 1`);

  const header = 4 + 4 * rank;
  if (plain.length < header) {
    throw new IdxError(`${name} is cut short: ${plain.length} bytes, expected a header of ${header}`);
  }
  const view = new DataView(plain.buffer, plain.byteOffset, header);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  if (shape.includes(0))
    throw new IdxError(`${name} has shape [${shape}], expected every dimension to be at least 1`);

  const expected = header + product(shape);
  if (plain.length !== expected) {
    const problem = plain.length < expected ? "is cut short" : "goes on after its items";
    throw new IdxError(
      `${name} ${problem}: ${plain.length} bytes, expected ${expected} for shape [${shape}]`,
    );
  }
  // Not `subarray`, which would keep a Node Buffer a Buffer.
  return { shape, data: new Uint8Array(plain.buffer, plain.byteOffset + header, expected - header) };
}

/**
 * The bytes of a plain IDX file of unsigned bytes.
 *
 * @throws RangeError if the shape cannot be written (see `idxHeader`) or does not fit the data
 */
export function writeIdx(shape: readonly number[], data: Uint8Array): Uint8Array {
  const header = idxHeader(shape);
  if (product(shape) !== data.length) {
    throw new RangeError(`shape [${shape}] holds ${product(shape)} items, but there are ${data.length}`);
  }
  const file = new Uint8Array(header.length + data.length);
  file.set(header);
  file.set(data, header.length);
  return file;
}

/**
 * What stands before the items in an IDX file of unsigned bytes.
 *
 * @throws RangeError unless there are 1 to 255 dimensions, each an integer from 1 to 2^32 - 1
 */
export function idxHeader(shape: readonly number[]): Uint8Array {
  if (shape.length < 1 || shape.length > 255) {
    throw new RangeError(`an IDX array has 1 to 255 dimensions, not ${shape.length}`);
  }
  const header = new Uint8Array(4 + 4 * shape.length);
  header[2] = UNSIGNED_BYTE;
  header[3] = shape.length;
  const view = new DataView(header.buffer);
  shape.forEach((size, i) => {
    if (!(Number.isInteger(size) && size >= 1 && size < 2 ** 32)) {
      throw new RangeError(`a dimension of an IDX array is an integer from 1 to 2^32 - 1, not ${size}`);
    }
    view.setUint32(4 + 4 * i, size);
  });
  return header;
}

async function gunzip(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  try {
    const compressed = new Blob([bytes as Uint8Array<ArrayBuffer>]);
    const plain = compressed.stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  } catch (cause) {
    throw new IdxError(`${name} is corrupt: its ${bytes.length} bytes are not a whole gzip file`, { cause });
  }
}

const hex = (byte: number) => byte.toString(16).padStart(2, "0");

const product = (shape: readonly number[]) => shape.reduce((items, size) => items * size, 1);
