/** Which format a file has, by its first bytes; and where its bytes come from. */
import { createReadStream } from "node:fs";
import { open as openFile, readFile, stat } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { createGunzip, gunzipSync } from "node:zlib";
import { InputError } from "flipnet/internal/formats/errors";
import { csvSource, delimiterOf } from "./csv.ts";
import { npySource, npzSource } from "./npy.ts";
import { parquetSource } from "./parquet.ts";
import type { Input, Source } from "./source.ts";

/** A format, if these are the first bytes of a file in it. */
type Format = (beginning: Uint8Array, input: Input) => Source | undefined;

const beginsWith = (text: string, source: (input: Input) => Source): Format => {
  const magic = Uint8Array.from(text, (c) => c.charCodeAt(0));
  return (beginning, input) => (magic.every((byte, i) => beginning[i] === byte) ? source(input) : undefined);
};

/** All formats; what is none of the first is text. */
const formats: readonly Format[] = [
  beginsWith("PAR1", parquetSource),
  beginsWith("\x93NUMPY", npySource),
  beginsWith("PK\x03\x04", npzSource),
  (beginning, input) => {
    const strange = [...beginning.subarray(0, 512)].find((byte) => byte < 9 || (byte > 13 && byte < 32));
    if (strange !== undefined || beginning.length === 0) return undefined;
    return csvSource(input, delimiterOf(new TextDecoder().decode(beginning)));
  },
];

/**
 * The table in a file, or on standard input (`-`), plain or gzip.
 *
 * @throws InputError for what cannot be read, is empty, or in no known format
 */
export async function openTable(path: string): Promise<Source> {
  const input = path === "-" ? await standardInput() : fileInput(path);
  const beginning = await beginningOf(input);
  if (beginning.length === 0) throw new InputError(`${input.path} is empty; expected a table`);
  for (const format of formats) {
    const source = format(beginning, input);
    if (source !== undefined) return source;
  }
  const first = [...beginning.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  throw new InputError(
    `${input.path} begins with the bytes ${first}; expected CSV or TSV, Parquet, or a NumPy array (.npy, .npz)`,
  );
}

/** Enough to see what it is: the first line among it. */
async function beginningOf(input: Input): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of input.stream()) {
    parts.push(part);
    length += part.length;
    if (length >= 65536) break;
  }
  return Buffer.concat(parts);
}

function unreadable(path: string, cause: unknown): InputError {
  const reason = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
  return new InputError(`${path} cannot be read (${reason})`, { cause });
}

function fileInput(path: string): Input {
  async function isGzip(): Promise<boolean> {
    const file = await openFile(path);
    try {
      const { buffer: found, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
      return bytesRead === 2 && found[0] === 0x1f && found[1] === 0x8b;
    } finally {
      await file.close();
    }
  }
  async function* stream() {
    try {
      const plain = createReadStream(path);
      yield* (await isGzip()) ? plain.on("error", () => {}).pipe(createGunzip()) : plain;
    } catch (cause) {
      throw unreadable(path, cause);
    }
  }
  async function parts() {
    const { size } = await stat(path);
    return {
      length: size,
      async read(start: number, end: number) {
        // A damaged file may ask for more than it has.
        const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - start));
        const file = await openFile(path);
        try {
          const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
          return bytes.subarray(0, bytesRead);
        } catch (cause) {
          throw unreadable(path, cause);
        } finally {
          await file.close();
        }
      },
    };
  }
  return {
    path,
    stream,
    parts,
    bytes: async () => {
      try {
        return (await isGzip()) ? await buffer(stream()) : await readFile(path);
      } catch (cause) {
        throw cause instanceof InputError ? cause : unreadable(path, cause);
      }
    },
  };
}

/** It can be read once, and its beginning says what it is: so all of it is kept. */
async function standardInput(): Promise<Input> {
  const path = "standard input";
  const piped = await buffer(process.stdin);
  let bytes: Buffer;
  try {
    bytes = piped[0] === 0x1f && piped[1] === 0x8b ? gunzipSync(piped) : piped;
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return {
    path,
    bytes: async () => bytes,
    async *stream() {
      yield bytes;
    },
  };
}
