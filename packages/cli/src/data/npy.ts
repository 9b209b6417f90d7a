/**
 * NumPy's arrays (`.npy`, format versions 1 to 3) and their archives (`.npz`). The first dimension counts rows: an array
 * [n] is a column with the array's name, one of [n, k] is k columns `name.0` to `name.k-1`.
 */
import { basename } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import { MOST_INFLATION } from "flipnet/internal/formats/idx";
import { isWhole } from "flipnet/internal/formats/whole";
import type { Cell } from "flipnet/internal/tables/column";
import type { Chunk, Input, Source } from "./source.ts";

/** One array in a file. */
export function npySource(input: Input): Source {
  const { path } = input;
  return {
    path,
    format: "NumPy array",
    async *chunks(wanted): AsyncGenerator<Chunk> {
      const name = basename(path).replace(/\.npy(\.gz)?$/, "");
      yield* columnsOf(parseNpy(await input.bytes(), path), name === "-" ? "x" : name, wanted);
    },
  };
}

/** Several arrays with the same number of rows. */
export function npzSource(input: Input): Source {
  const { path } = input;
  return {
    path,
    format: "NumPy archive",
    async *chunks(wanted): AsyncGenerator<Chunk> {
      for (const [name, bytes] of await arraysIn(await input.bytes(), path)) {
        yield* columnsOf(parseNpy(bytes, `${path}, ${name}.npy`), name, wanted);
      }
    },
  };
}

/**
 * The files of an archive's arrays, by the arrays' names.
 *
 * @throws InputError for what is no archive, or has none
 */
export async function arraysIn(bytes: Uint8Array, path: string): Promise<Map<string, Uint8Array>> {
  const { unzipSync } = await import("fflate");
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      // Memory is taken for what the archive says of itself.
      filter({ name, size, originalSize }) {
        const there = Math.min(size, bytes.length);
        if (originalSize <= MOST_INFLATION * there) return true;
        throw new Error(`${name} is to have ${originalSize} bytes, which ${there} cannot unpack to`);
      },
    });
  } catch (cause) {
    throw new InputError(`${path} cannot be read as a zip archive (${(cause as Error).message})`, { cause });
  }
  const arrays = Object.entries(files).flatMap(([name, array]) =>
    name.endsWith(".npy") ? [[name.slice(0, -4), array] as const] : [],
  );
  if (arrays.length === 0) {
    throw new InputError(`${path} is a zip archive without arrays; expected one that numpy.savez wrote`);
  }
  return new Map(arrays);
}

/**
 * An array's numbers in C's order, whatever its own.
 *
 * @throws InputError for an array of something else
 */
export function numbersIn(
  { shape, fortran, type, at }: NpyArray,
  path: string,
): { shape: number[]; data: ArrayLike<number> } {
  const [rows, ...others] = shape;
  const width = others.reduce((product, n) => product * n, 1);
  const data = type === "u1" ? new Uint8Array(rows * width) : new Float64Array(rows * width);
  for (let c = 0; c < width; c++) {
    const place = fortran ? inFortran(c, others) * rows : c;
    for (let row = 0; row < rows; row++) {
      const cell = at(fortran ? place + row : row * width + c);
      if (typeof cell === "string") {
        throw new InputError(`${path} holds text; expected numbers`);
      }
      data[row * width + c] = Number(cell);
    }
  }
  return { shape: [...shape], data };
}

/** An array as it stands in a file. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly fortran: boolean;
  /** As NumPy calls it, `u1` say. */
  readonly type: string;
  /** In the order of the file. */
  at(element: number): Cell;
}

const magic = "\x93NUMPY";
/** Letters of a header that a message shows. */
const mostShown = 200;

/** @throws InputError for what is no array of numbers, booleans or text */
export function parseNpy(bytes: Uint8Array, path: string): NpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { buffer, byteOffset } = bytes;
  const latin = (from: number, to: number) =>
    Buffer.from(buffer, byteOffset, bytes.length).toString("latin1", from, to);
  if (bytes.length < (bytes[6] === 1 ? 10 : 12) || latin(0, 6) !== magic) {
    throw new InputError(`${path} does not begin as a NumPy array does; expected what numpy.save writes`);
  }
  const [length, start] = bytes[6] === 1 ? [view.getUint16(8, true), 10] : [view.getUint32(8, true), 12];
  const header = latin(start, start + length);
  const said = header.trim().slice(0, mostShown);
  const descr = /'descr': '([<>|=]?)([a-zA-Z])(\d+)'/.exec(header);
  const shape = /'shape': \(([^)]*)\)/
    .exec(header)?.[1]
    .split(",")
    .filter((n) => n.trim() !== "")
    .map(Number);
  const fortran = /'fortran_order': True/.test(header);
  if (shape === undefined || shape.length === 0) {
    throw new InputError(`${path} has no rows: its header is ${said}`);
  }
  if (!shape.every((n) => isWhole(n, 1))) {
    throw new InputError(
      `${path} has the shape (${shape.join(", ")}); expected whole numbers from 1 on: its header is ${said}`,
    );
  }
  if (descr === null) {
    throw new InputError(`${path} holds objects or structures: its header is ${said}; expected numbers`);
  }
  const [, order, kind, size] = descr;
  const width = kind === "U" ? 4 * Number(size) : Number(size);
  const read = readers[`${kind}${kind === "U" || kind === "S" ? "" : size}`];
  if (read === undefined || width === 0) {
    throw new InputError(
      `${path} holds items of the type ${kind}${size}; expected numbers, booleans or text`,
    );
  }
  const count = shape.reduce((product, n) => product * n, 1);
  const first = start + length;
  if (bytes.length < first + count * width) {
    throw new InputError(
      `${path} is cut short: ${bytes.length} bytes; expected ${first + count * width}, as its shape (${shape.join(", ")}) says`,
    );
  }
  return {
    shape,
    fortran,
    type: `${kind}${size}`,
    at: (e) => read(view, first + e * width, order !== ">", width, path),
  };
}

/** The bytes of a file with an array of bytes. */
export function encodeNpy(shape: readonly number[], data: Uint8Array | Uint16Array): Uint8Array {
  const descr = data instanceof Uint8Array ? "|u1" : "<u2";
  const said = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const header = `${said.padEnd(Math.ceil((said.length + 11) / 64) * 64 - 11)}\n`;
  const bytes = new Uint8Array(10 + header.length + data.byteLength);
  bytes.set(Uint8Array.from(`${magic}\x01\x00`, (c) => c.charCodeAt(0)));
  new DataView(bytes.buffer).setUint16(8, header.length, true);
  bytes.set(new TextEncoder().encode(header), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + header.length);
  return bytes;
}

type Read = (view: DataView, at: number, little: boolean, width: number, path: string) => Cell;

/** By NumPy's name of a type. */
const readers: Readonly<Record<string, Read | undefined>> = {
  b1: (view, at) => view.getUint8(at) !== 0,
  i1: (view, at) => view.getInt8(at),
  u1: (view, at) => view.getUint8(at),
  i2: (view, at, little) => view.getInt16(at, little),
  u2: (view, at, little) => view.getUint16(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  i8: (view, at, little) => view.getBigInt64(at, little),
  u8: (view, at, little) => view.getBigUint64(at, little),
  f2: (view, at, little) => half(view.getUint16(at, little)),
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
  U: (view, at, little, width, path) => {
    let text = "";
    for (let k = 0; k < width; k += 4) {
      const point = view.getUint32(at + k, little);
      if (point > 0x10ffff) {
        throw new InputError(
          `${path} has a text with the code point 0x${point.toString(16)}; expected at most 0x10ffff`,
        );
      }
      if (point !== 0) text += String.fromCodePoint(point);
    }
    return text;
  },
  S: (view, at, _little, width) =>
    new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at, width)).replace(/\0+$/, ""),
};

/** IEEE 754 half precision. */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** Cells of one chunk. */
const atOnce = 65536;

function* columnsOf(array: NpyArray, name: string, wanted: (column: string) => boolean): Generator<Chunk> {
  const { shape, fortran, at } = array;
  const [rows, ...others] = shape;
  const width = others.reduce((product, n) => product * n, 1);
  for (let c = 0; c < width; c++) {
    const column = others.length === 0 ? name : `${name}.${c}`;
    if (!wanted(column)) continue;
    for (let first = 0; first === 0 || first < rows; first += atOnce) {
      const cells = Array.from({ length: Math.min(atOnce, rows - first) }, (_, r) =>
        at(fortran ? inFortran(c, others) * rows + first + r : (first + r) * width + c),
      );
      yield { column, first, cells };
    }
  }
}

/** The place in Fortran's order, rows apart, of the element that is `c`-th in C's. */
function inFortran(c: number, shape: readonly number[]): number {
  let [place, rest] = [0, c];
  const digits = shape.toReversed().map((n) => {
    const digit = rest % n;
    rest = Math.floor(rest / n);
    return digit;
  });
  digits.reverse();
  let stride = 1;
  digits.forEach((digit, i) => {
    place += digit * stride;
    stride *= shape[i];
  });
  return place;
}
