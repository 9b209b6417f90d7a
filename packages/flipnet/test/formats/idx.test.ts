import { crc32, gzipSync, inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { InputError } from "../../src/formats/errors.ts";
import { IdxError, idxHeader, parseIdx, writeIdx } from "../../src/formats/idx.ts";

// Two images of 1 x 3 pixels.
const known = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 10, 20, 30, 40, 50, 255);

const message = (bytes: Uint8Array) =>
  parseIdx(bytes, "file").then(
    () => expect.fail("parseIdx took the bytes"),
    (error) => {
      expect(error).toBeInstanceOf(IdxError);
      expect(error).toBeInstanceOf(InputError);
      return error.message;
    },
  );

/** The known bytes with one of them changed. */
const changed = (index: number, value: number) => known.with(index, value);

describe("known bytes", () => {
  it("are read", async () => {
    expect(await parseIdx(known, "file")).toEqual({
      shape: [2, 1, 3],
      data: Uint8Array.of(10, 20, 30, 40, 50, 255),
    });
  });

  it("are written", () => {
    expect(writeIdx([2, 1, 3], Uint8Array.of(10, 20, 30, 40, 50, 255))).toEqual(known);
    expect(idxHeader([2, 1, 3])).toEqual(known.subarray(0, 16));
  });

  it("are read where they lie, without a copy, in the middle of a buffer or in a Node Buffer", async () => {
    const within = new Uint8Array(100);
    within.set(known, 7);
    const { data } = await parseIdx(within.subarray(7, 7 + known.length), "file");
    expect(data).toEqual(known.slice(16));
    expect(data.buffer).toBe(within.buffer);
    expect((await parseIdx(Buffer.from(known), "file")).data.constructor).toBe(Uint8Array);
  });

  it("are read from gzip", async () => {
    expect(await parseIdx(gzipSync(known), "file")).toEqual(await parseIdx(known, "file"));
  });
});

/** A stream as browsers, Deno and later versions of Node have it: what follows the first member is an error. */
class Strict extends TransformStream<Uint8Array, Uint8Array> {
  constructor() {
    const parts: Uint8Array[] = [];
    super({
      transform(part) {
        parts.push(part);
      },
      flush(controller) {
        const bytes = Buffer.concat(parts);
        const { buffer, engine } = inflateRawSync(bytes.subarray(10), { info: true } as never) as unknown as {
          buffer: Buffer;
          engine: { bytesWritten: number };
        };
        const end = 10 + engine.bytesWritten;
        if (bytes.readUInt32LE(end) !== crc32(buffer)) throw new TypeError("checksum");
        if (bytes.length !== end + 8) throw new TypeError("junk after the end");
        controller.enqueue(new Uint8Array(buffer));
      },
    });
  }
}

describe.each([
  ["this host's streams", globalThis.DecompressionStream],
  ["streams that refuse what follows", Strict],
])("gzip of several members, by %s", (_, Stream) => {
  beforeEach(() => {
    vi.stubGlobal("DecompressionStream", Stream);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  // Bytes that look like the beginning of a member, stored as they are: level 0 does not compress.
  const data = Uint8Array.from({ length: 4000 }, (_, i) => [0x1f, 0x8b, 8, 0, i & 255][i % 5]).fill(7, 200);
  const whole = writeIdx([40, 10, 10], data);
  const members = (ends: number[], level: number) =>
    Buffer.concat(ends.map((end, i) => gzipSync(whole.subarray(ends[i - 1] ?? 0, end), { level })));

  it.each([
    [[whole.length]],
    [[9, whole.length]],
    [[300, 301, 302, whole.length]],
    [[0, 2000, 2000, whole.length, whole.length]],
  ])("is read: %j", async (ends) => {
    for (const level of [0, 6])
      expect(await parseIdx(members(ends, level), "file")).toEqual({ shape: [40, 10, 10], data });
  });

  it("with something else behind, or cut short, is refused", async () => {
    const two = members([2000, whole.length], 6);
    const first = members([2000], 6).length;
    expect(await message(Buffer.concat([two, Buffer.from("tail")]))).toBe(
      `file is corrupt: what follows its first ${first} bytes is not a whole member of a gzip file`,
    );
    expect(await message(two.subarray(0, two.length - 3))).toMatch("is not a whole member of a gzip file");
    expect(await message(two.subarray(0, first))).toMatch("file is cut short: 2000 bytes, expected 4016");
  });
});

it("gzip of far more than its header speaks of is not unpacked", async () => {
  const bomb = gzipSync(Buffer.concat([known, new Uint8Array(200 * 2 ** 20)]));
  const before = process.memoryUsage().arrayBuffers;
  expect(await message(bomb)).toMatch(
    /^file goes on after its items: \d+ bytes or more, expected 22, as its header says$/,
  );
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * 2 ** 20);
  expect(await message(gzipSync(new Uint8Array(50 * 2 ** 20).fill(1)))).toMatch("begins with 01 01 01 01");
});

it("gzip that looks like many members is not tried for ever", async () => {
  const bytes = Uint8Array.from({ length: 4_000_000 }, (_, i) => [0x1f, 0x8b, 8, 0][i % 4]);
  const began = performance.now();
  expect(await message(bytes)).toMatch("not a gzip file, whole and");
  expect(performance.now() - began).toBeLessThan(20_000);
});

it("what is written is read back, plain or gzip", async () => {
  const array = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 }).chain((shape) => {
    const length = shape.reduce((a, b) => a * b, 1);
    return fc.record({
      shape: fc.constant(shape),
      data: fc.uint8Array({ minLength: length, maxLength: length }),
    });
  });
  await fc.assert(
    fc.asyncProperty(array, fc.boolean(), async ({ shape, data }, compress) => {
      const bytes = writeIdx(shape, data);
      expect(await parseIdx(compress ? gzipSync(bytes) : bytes, "file")).toEqual({ shape, data });
    }),
  );
});

describe("one clear sentence for", () => {
  it("what is not IDX", async () => {
    expect(await message(new TextEncoder().encode("<!DOCTYPE html>"))).toBe(
      "file is not an IDX file: it begins with 3c 21 44 4f, expected 00 00, a type and a rank",
    );
    expect(await message(new Uint8Array())).toMatch("begins with nothing");
    expect(await message(known.subarray(0, 3))).toMatch("begins with 00 00 08,");
    expect(await message(changed(1, 1))).toMatch("begins with 00 01 08 03,");
  });

  it("another type", async () => {
    expect(await message(changed(2, 0x0d))).toBe(
      "file holds items of type 0x0d, expected 0x08 (unsigned bytes)",
    );
  });

  it("no dimensions", async () => {
    expect(await message(changed(3, 0))).toBe("file has 0 dimensions, expected at least 1");
  });

  it("a dimension of 0", async () => {
    expect(await message(changed(11, 0))).toBe(
      "file has shape [2,0,3], expected every dimension to be at least 1",
    );
  });

  it("a file cut short", async () => {
    expect(await message(known.subarray(0, 9))).toBe("file is cut short: 9 bytes, expected a header of 16");
    expect(await message(known.subarray(0, 21))).toBe(
      "file is cut short: 21 bytes, expected 22 for shape [2,1,3]",
    );
    expect(await message(changed(4, 255))).toMatch(/^file is cut short: 22 bytes, expected \d+ for shape/);
  });

  it("a file that goes on", async () => {
    expect(await message(Uint8Array.of(...known, 0))).toBe(
      "file goes on after its items: 23 bytes, expected 22 for shape [2,1,3]",
    );
  });

  it("corrupt gzip", async () => {
    const whole = gzipSync(known);
    expect(await message(whole.subarray(0, whole.length - 9))).toBe(
      `file is corrupt: its ${whole.length - 9} bytes are not a gzip file, whole and with nothing behind it`,
    );
    expect(await message(whole.subarray(0, 2))).toMatch("corrupt");
    // The check sum, just before the length.
    expect(await message(whole.fill(0, whole.length - 8, whole.length - 4))).toMatch("corrupt");
    expect(await message(gzipSync("no IDX"))).toMatch("begins with 6e 6f 20 49,");
  });

  it("any damage: reading either gives an array that fits its shape or an IdxError", async () => {
    const damage = fc.record({ at: fc.nat(known.length - 1), to: fc.nat(255), cut: fc.nat(known.length) });
    await fc.assert(
      fc.asyncProperty(damage, fc.boolean(), async ({ at, to, cut }, compress) => {
        const bytes = compress ? gzipSync(known) : Uint8Array.from(known);
        bytes[at] = to;
        const result = await parseIdx(bytes.subarray(0, bytes.length - cut), "file").catch((error) => error);
        if (!(result instanceof IdxError)) {
          expect(result.data.length).toBe(result.shape.reduce((a: number, b: number) => a * b, 1));
        }
      }),
    );
  });

  it("a shape that cannot be written", () => {
    expect(() => writeIdx([], new Uint8Array(1))).toThrow("an IDX array has 1 to 255 dimensions, not 0");
    expect(() => writeIdx(new Array(256).fill(1), new Uint8Array(1))).toThrow("not 256");
    expect(() => writeIdx([2, 0], new Uint8Array())).toThrow("an integer from 1 to 2^32 - 1, not 0");
    expect(() => writeIdx([1.5], new Uint8Array(1))).toThrow("not 1.5");
    expect(() => writeIdx([2 ** 32], new Uint8Array(1))).toThrow("not 4294967296");
    expect(() => writeIdx([2, 3], new Uint8Array(5))).toThrow("shape [2,3] holds 6 items, but there are 5");
  });
});
