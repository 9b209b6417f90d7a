// IDX, the format of the MNIST files: two zero bytes, a type code, the number of dimensions, every dimension as a
// big-endian u32, then the items, last dimension fastest. http://yann.lecun.com/exdb/mnist/ describes it.

import { bytesOf } from "./bytes.ts";
import { InputError } from "./errors.ts";
import { isWhole } from "./whole.ts";

/** An array of bytes, last dimension fastest: `data.length` is the product of `shape`. */
export type IdxArray = { shape: number[]; data: Uint8Array };

/** A file that is not a whole IDX file of unsigned bytes. */
export class IdxError extends InputError {
  override name = "IdxError";
}

/** Numbers of any type, as an IDX file has them. */
export type IdxNumbers = { shape: number[]; data: ArrayLike<number> };

const UNSIGNED_BYTE = 0x08;

/** Types of items: bytes of one, and how it is read. */
const types: Readonly<Record<number, { size: number; read: (view: DataView, at: number) => number }>> = {
  8: { size: 1, read: (view, at) => view.getUint8(at) },
  9: { size: 1, read: (view, at) => view.getInt8(at) },
  11: { size: 2, read: (view, at) => view.getInt16(at) },
  12: { size: 4, read: (view, at) => view.getInt32(at) },
  13: { size: 4, read: (view, at) => view.getFloat32(at) },
  14: { size: 8, read: (view, at) => view.getFloat64(at) },
};

/**
 * Reads an IDX file of numbers of any type, plain or compressed with gzip.
 *
 * @param file the whole file
 * @param name what to call the file in messages
 * @throws IdxError as `parseIdx` does, but for the type
 */
export async function parseIdxNumbers(file: Uint8Array | ArrayBuffer, name: string): Promise<IdxNumbers> {
  const { shape, type, data } = await parse(file, name);
  if (type === UNSIGNED_BYTE) return { shape, data };
  const { size, read } = types[type];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return {
    shape,
    data: Float64Array.from({ length: data.length / size }, (_, item) => read(view, item * size)),
  };
}

/**
 * Reads an IDX file of unsigned bytes, plain or compressed with gzip (known by its first bytes, not by its name).
 *
 * @param file the whole file; when it is plain, `data` is a view into it
 * @param name what to call the file in messages
 * @throws IdxError if it is not IDX, holds another type than unsigned bytes, has a dimension of 0, is cut short or goes
 * on after its items, or if the gzip data is corrupt
 */
export async function parseIdx(file: Uint8Array | ArrayBuffer, name: string): Promise<IdxArray> {
  const { shape, data } = await parse(file, name, [UNSIGNED_BYTE]);
  return { shape, data };
}

/** A file's shape, type, and the bytes of its items. */
async function parse(
  file: Uint8Array | ArrayBuffer,
  name: string,
  known: readonly number[] = Object.keys(types).map(Number),
): Promise<IdxArray & { type: number }> {
  const bytes = bytesOf(file, name);
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? await gunzip(bytes, name) : bytes;
  checkStart(plain, name);
  const [, , type, rank] = plain;
  if (!known.includes(type)) {
    const expected =
      known.length === 1 ? "0x08 (unsigned bytes)" : known.map((one) => `0x${hex(one)}`).join(", ");
    throw new IdxError(`${name} holds items of type 0x${hex(type)}, expected ${expected}`);
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

  const expected = header + types[type].size * product(shape);
  if (plain.length !== expected) {
    const problem = plain.length < expected ? "is cut short" : "goes on after its items";
    throw new IdxError(
      `${name} ${problem}: ${plain.length} bytes, expected ${expected} for shape [${shape}]`,
    );
  }
  // Not `subarray`, which would keep a Node Buffer a Buffer.
  return { shape, type, data: new Uint8Array(plain.buffer, plain.byteOffset + header, expected - header) };
}

function checkStart(plain: Uint8Array, name: string): void {
  if (plain.length >= 4 && plain[0] === 0 && plain[1] === 0) return;
  const start = [...plain.subarray(0, 4)].map(hex).join(" ") || "nothing";
  throw new IdxError(
    `${name} is not an IDX file: it begins with ${start}, expected 00 00, a type and a rank`,
  );
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
    if (!isWhole(size, 1, 2 ** 32 - 1)) {
      throw new RangeError(`a dimension of an IDX array is an integer from 1 to 2^32 - 1, not ${size}`);
    }
    view.setUint32(4 + 4 * i, size);
  });
  return header;
}

/** How many times larger than its compressed form deflate can make anything: the most that it has. */
export const MOST_INFLATION = 1032;
/** Places that look like the beginning of a member and are none, one after another; by chance there is one in 100 MB. */
const MOST_MISTAKEN = 100;

/**
 * The bytes of a gzip file, of all of its members (RFC 1952, 2.2), as far as the IDX header that they begin with says
 * that there are any.
 */
async function gunzip(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  const plain = new Inflated(bytes.length, name);
  for (let start = 0; start < bytes.length; ) {
    // Streams of most hosts refuse what follows a member, and tell nobody where it ends: so its end is where another one
    // may begin, or the file ends, and its checksum and length say whether that is so.
    let end = start;
    for (let tries = 0; ; tries++) {
      end = nextMember(bytes, end + 1);
      const before = plain.length;
      if (await inflate(bytes.subarray(start, end), plain)) break;
      plain.length = before;
      if (end < bytes.length && tries < MOST_MISTAKEN) continue;
      throw new IdxError(
        start === 0
          ? `${name} is corrupt: its ${bytes.length} bytes are not a gzip file, whole and with nothing behind it`
          : `${name} is corrupt: what follows its first ${start} bytes is not a whole member of a gzip file`,
      );
    }
    start = end;
  }
  return plain.bytes();
}

/** Where from `start` on a member of a gzip file may begin; the length of the file where nothing looks like it. */
function nextMember(bytes: Uint8Array, start: number): number {
  for (let i = bytes.indexOf(0x1f, start); i !== -1; i = bytes.indexOf(0x1f, i + 1)) {
    if (bytes[i + 1] === 0x8b && bytes[i + 2] === 8 && bytes[i + 3] < 0x20) return i;
  }
  return bytes.length;
}

/** Adds what one member holds. @returns whether it is a whole one and nothing else */
async function inflate(member: Uint8Array, plain: Inflated): Promise<boolean> {
  const before = plain.length;
  const reader = new Blob([member as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"))
    .getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      plain.add(value);
    }
  } catch (error) {
    await reader.cancel().catch(() => {});
    if (error instanceof IdxError) throw error;
    return false;
  }
  // Some hosts pass over what follows; the last four bytes say how long it is.
  const { buffer, byteOffset, length } = member;
  return new DataView(buffer, byteOffset).getUint32(length - 4, true) === (plain.length - before) % 2 ** 32;
}

/** What comes out of a gzip file: never more than its header speaks of. */
class Inflated {
  length = 0;
  readonly #compressed: number;
  readonly #name: string;
  #bytes = new Uint8Array(2 ** 16);
  /** Once the header is there: the length of it all. */
  #expected: number | undefined;

  constructor(compressed: number, name: string) {
    this.#compressed = compressed;
    this.#name = name;
  }

  add(chunk: Uint8Array): void {
    const length = this.length + chunk.length;
    if (length > this.#bytes.length) this.#grow(length);
    this.#bytes.set(chunk, this.length);
    this.length = length;
    this.#expected ??= expectedLength(this.bytes());
    if (this.#expected !== undefined && length > this.#expected) {
      checkStart(this.bytes(), this.#name);
      throw new IdxError(
        `${this.#name} goes on after its items: ${length} bytes or more, expected ${this.#expected}, as its header says`,
      );
    }
  }

  /** To the length that is expected at once, where the file can have it. */
  #grow(length: number): void {
    const { length: old } = this.#bytes;
    const expected = this.#expected ?? 0;
    const likely = expected <= MOST_INFLATION * this.#compressed ? expected : 0;
    const grown = new Uint8Array(Math.max(length, likely, 2 * old));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }
}

/** The length of an IDX file that begins so; 0 for none, undefined where that cannot be told yet. */
function expectedLength(start: Uint8Array): number | undefined {
  if (start.length < 4) return undefined;
  if (start[0] !== 0 || start[1] !== 0) return 0;
  const header = 4 + 4 * start[3];
  if (start.length < header) return undefined;
  const view = new DataView(start.buffer, start.byteOffset, header);
  const items = product(Array.from({ length: start[3] }, (_, i) => view.getUint32(4 + 4 * i)));
  return header + (types[start[2]]?.size ?? 1) * items;
}

const hex = (byte: number) => byte.toString(16).padStart(2, "0");

const product = (shape: readonly number[]) => shape.reduce((items, size) => items * size, 1);
