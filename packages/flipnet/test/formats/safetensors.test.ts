import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/formats/errors.ts";
import { decode, encode, SafetensorsError, type Tensor } from "../../src/formats/safetensors.ts";

const f32 = (shape: number[], ...data: number[]): Tensor => ({
  dtype: "F32",
  shape,
  data: Float32Array.from(data),
});
const u8 = (shape: number[], ...data: number[]): Tensor => ({
  dtype: "U8",
  shape,
  data: Uint8Array.from(data),
});

/** A file by hand: the header as it is, then `data` bytes of zeros. */
function file(header: string | object, data = 0): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data);
  bytes[0] = json.length % 256;
  bytes[1] = json.length / 256;
  bytes.set(json, 8);
  return bytes;
}

const contents = ({ tensors, metadata }: ReturnType<typeof decode>) => ({
  tensors: { ...tensors },
  metadata,
});

it("writes the published layout, byte by byte", () => {
  const bytes = encode({ a: u8([1], 9), b: f32([2], 1, -2) }, { k: "v" });
  const header =
    '{"__metadata__":{"k":"v"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},' +
    '"a":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}}     ';
  expect(Buffer.from(bytes).toString("latin1")).toBe(
    "\x88\0\0\0\0\0\0\0" + // 136
      header +
      "\0\0\x80\x3f" + // 1
      "\0\0\0\xc0" + // -2
      "\x09",
  );
});

// safetensors 0.8.0, numpy 2.4.6: save({"layer.weights": float32 [[1.5, -2], [0.25, 3]], "step": uint32 7,
// "mask": uint8 [1, 0, 255], "mean": float64 [0.1], "signs": int32 [-1, 2]}, {"format": "np", "naïve": "✓"})
const fromPython = Buffer.from(
  "58010000000000007b225f5f6d657461646174615f5f223a7b22666f726d6174223a226e70222c226e61c3af7665223a22e29c93227d2c" +
    "226d65616e223a7b226474797065223a22463634222c227368617065223a5b315d2c22646174615f6f666673657473223a5b302c385d" +
    "7d2c226c617965722e77656967687473223a7b226474797065223a22463332222c227368617065223a5b322c325d2c22646174615f6f" +
    "666673657473223a5b382c32345d7d2c2273746570223a7b226474797065223a22553332222c227368617065223a5b5d2c2264617461" +
    "5f6f666673657473223a5b32342c32385d7d2c227369676e73223a7b226474797065223a22493332222c227368617065223a5b325d2c" +
    "22646174615f6f666673657473223a5b32382c33365d7d2c226d61736b223a7b226474797065223a225538222c227368617065223a5b" +
    "335d2c22646174615f6f666673657473223a5b33362c33395d7d7d9a9999999999b93f0000c03f000000c00000803e0000404007000000" +
    "ffffffff020000000100ff",
  "hex",
);

it("reads what Python writes", () => {
  expect(contents(decode(fromPython, "file"))).toEqual({
    tensors: {
      mean: { dtype: "F64", shape: [1], data: Float64Array.of(0.1) },
      "layer.weights": f32([2, 2], 1.5, -2, 0.25, 3),
      step: { dtype: "U32", shape: [], data: Uint32Array.of(7) },
      signs: { dtype: "I32", shape: [2], data: Int32Array.of(-1, 2) },
      mask: u8([3], 1, 0, 255),
    },
    metadata: { format: "np", naïve: "✓" },
  });
});

it("writes the very bytes that Python writes", () => {
  const { tensors, metadata } = decode(fromPython, "file");
  expect(Buffer.from(encode(tensors, metadata)).equals(fromPython)).toBe(true);
});

describe("memory", () => {
  const bytes = encode({ w: f32([2], 1, -2), m: u8([1], 9) });

  it("of an aligned file is shared", () => {
    expect(decode(bytes, "file").tensors.w.data.buffer).toBe(bytes.buffer);
  });

  it.each([1, 2, 3, 4, 8])("of a file that lies at byte %d is copied where it must be", (offset) => {
    const within = new Uint8Array(bytes.length + 16);
    within.set(bytes, offset);
    const expected = contents(decode(bytes, "file"));
    expect(contents(decode(within.subarray(offset, offset + bytes.length), "file"))).toEqual(expected);
    expect(contents(decode(Buffer.from(within.buffer, offset, bytes.length), "file"))).toEqual(expected);
  });

  it("of a tensor that its own file does not align is copied", () => {
    const header = {
      m: { dtype: "U8", shape: [1], data_offsets: [0, 1] },
      w: { dtype: "F64", shape: [1], data_offsets: [1, 9] },
    };
    expect(decode(file(header, 9), "file").tensors.w.data).toEqual(Float64Array.of(0));
  });
});

describe("what is encoded is decoded", () => {
  const items = {
    F64: (n: number) => fc.float64Array({ minLength: n, maxLength: n }),
    F32: (n: number) => fc.float32Array({ minLength: n, maxLength: n }),
    U32: (n: number) => fc.uint32Array({ minLength: n, maxLength: n }),
    I32: (n: number) => fc.int32Array({ minLength: n, maxLength: n }),
    U8: (n: number) => fc.uint8Array({ minLength: n, maxLength: n }),
  };
  const tensor = fc
    .tuple(fc.constantFrom("F64", "F32", "U32", "I32", "U8"), fc.array(fc.nat(4), { maxLength: 3 }))
    .chain(([dtype, shape]) => {
      const length = shape.reduce((a, b) => a * b, 1);
      return items[dtype](length).map((data) => ({ dtype, shape, data }) as Tensor);
    });
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("__proto__", "constructor", "0", '"}{'),
  );

  it("whatever the tensors, their names and the metadata", () => {
    const tensors = fc.dictionary(
      text.filter((name) => name !== "__metadata__"),
      tensor,
    );
    fc.assert(
      fc.property(tensors, fc.dictionary(text, text), (tensors, metadata) => {
        const bytes = encode(tensors, metadata);
        const decoded = decode(bytes, "file");
        expect(Object.entries(decoded.tensors).sort()).toEqual(Object.entries(tensors).sort());
        expect(Object.entries(decoded.metadata).sort()).toEqual(Object.entries(metadata).sort());
        expect(decode(Buffer.from(bytes), "file")).toEqual(decoded);
        for (const { data } of Object.values(decoded.tensors)) expect(data.buffer).toBe(bytes.buffer);
      }),
    );
  });

  it("to the bit, NaN and -0 too", () => {
    const bits = Uint32Array.of(0x7fc00001, 0xffc00000, 0x80000000, 0x7f800000, 1);
    const decoded = decode(
      encode({ w: { dtype: "F32", shape: [5], data: new Float32Array(bits.buffer) } }),
      "f",
    );
    const { data } = decoded.tensors.w;
    expect(new Uint32Array(data.buffer, data.byteOffset, 5)).toEqual(bits);
  });

  it("when a tensor is a view into a larger array, there is none, or the metadata is long", () => {
    const data = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    expect(decode(encode({ w: { dtype: "F32", shape: [2], data } }), "file").tensors.w).toEqual(
      f32([2], 2, 3),
    );
    expect(contents(decode(encode({}), "file"))).toEqual({ tensors: {}, metadata: {} });
    const config = '"\\'.repeat(1e6);
    expect(decode(encode({}, { config }), "file").metadata.config === config).toBe(true);
  });
});

describe("encode refuses", () => {
  it.each<[string, Record<string, Tensor>, Record<string, string>, string]>([
    ["__metadata__ as a name", { __metadata__: u8([1], 1) }, {}, "a tensor cannot be called __metadata__"],
    ["a shape that does not fit", { w: f32([2, 2], 1) }, {}, "tensor w has 1 items, but its shape is [2,2]"],
    ["sizes below 0", { w: f32([-1, -1], 1) }, {}, "tensor w has 1 items, but its shape is [-1,-1]"],
    [
      "another array",
      { w: { ...f32([1], 1), dtype: "F64" } as Tensor },
      {},
      "tensor w is not an array of F64",
    ],
    ["metadata of numbers", {}, { k: 1 as unknown as string }, "metadata k is a number, expected a string"],
  ])("%s", (_, tensors, metadata, message) => {
    expect(() => encode(tensors, metadata)).toThrow(message);
  });
});

describe("decode refuses", () => {
  const entry = (begin: number, end: number) => ({
    dtype: "U8",
    shape: [end - begin],
    data_offsets: [begin, end],
  });
  const w = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
  const range = "expected a begin and an end between 0 and 4";

  it.each<[string, Uint8Array, string]>([
    ["an empty file", new Uint8Array(), "it has 0 bytes, expected 8 or more"],
    [
      "a long header",
      Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 123, 125),
      "its header has 3 bytes, expected at most 2",
    ],
    [
      "a huge header",
      new Uint8Array(16).fill(255),
      "its header has 18446744073709551615 bytes, expected at most 8",
    ],
    ["no JSON", file('{"w":'), "its header is not JSON ("],
    ["no JSON, with line breaks", file('{"w":\n\nx'), "its header is not JSON ("],
    ["an empty header", file(""), "its header is not JSON ("],
    ["bytes that are not UTF-8", file("{}").with(8, 255), "its header is not JSON ("],
    ["a list", file("[1,2]"), "its header begins with [1,2], expected a JSON object"],
    ["null", file("null"), "its header begins with null, expected a JSON object"],
    ["metadata that is a list", file({ __metadata__: [] }), "__metadata__ is [], expected an object"],
    ["metadata of numbers", file({ __metadata__: { k: 1 } }), "metadata k is 1, expected a string"],
    [
      "an unknown dtype",
      file({ w: { ...w, dtype: "BF16" } }, 4),
      'tensor w has dtype "BF16", expected one of F64, F32, U32, I32, U8',
    ],
    [
      "a dtype that every object has",
      file({ w: { ...w, dtype: "toString" } }, 4),
      'tensor w has dtype "toString"',
    ],
    ["no dtype", file({ w: {} }), "tensor w has dtype undefined"],
    ["no object", file({ w: 5 }), "tensor w has dtype undefined"],
    [
      "a bad shape",
      file({ w: { ...w, shape: [-1] } }, 4),
      "tensor w has shape [-1], expected a list of sizes",
    ],
    [
      "a fraction",
      file({ w: { ...w, shape: [0.5, 2] } }, 4),
      "tensor w has shape [0.5,2], expected a list of sizes",
    ],
    ["no shape", file({ w: { ...w, shape: 1 } }, 4), "tensor w has shape 1, expected a list of sizes"],
    [
      "no offsets",
      file({ w: { ...w, data_offsets: undefined } }, 4),
      `tensor w has data_offsets undefined, ${range}`,
    ],
    [
      "three offsets",
      file({ w: { ...w, data_offsets: [0, 4, 4] } }, 4),
      `tensor w has data_offsets [0,4,4], ${range}`,
    ],
    [
      "offsets that run back",
      file({ w: { ...w, data_offsets: [4, 0] } }, 4),
      `tensor w has data_offsets [4,0], ${range}`,
    ],
    [
      "offsets beyond the file",
      file({ w: { ...w, data_offsets: [4, 8] } }, 4),
      `tensor w has data_offsets [4,8], ${range}`,
    ],
    ["another length", file({ w: { ...w, shape: [2] } }, 4), "tensor w has 4 bytes, expected 8 for F32 [2]"],
    [
      "sizes beyond numbers",
      file({ w: { ...w, shape: [2 ** 52, 2 ** 52] } }, 4),
      "tensor w has 4 bytes, expected 8",
    ],
    [
      "tensors that overlap",
      file({ a: entry(0, 4), b: entry(2, 6) }, 6),
      "tensor b begins at byte 2 of the data, expected 4",
    ],
    ["a tensor within another", file({ a: entry(0, 6), b: entry(2, 4) }, 6), "tensor b begins at byte 2"],
    [
      "a gap",
      file({ a: entry(0, 2), b: entry(3, 6) }, 6),
      "tensor b begins at byte 3 of the data, expected 2",
    ],
    ["a gap at the start", file({ b: entry(3, 6) }, 6), "tensor b begins at byte 3 of the data, expected 0"],
    [
      "data after the last tensor",
      file({ a: entry(0, 2) }, 6),
      "its tensors end at byte 2 of the data, expected 6",
    ],
    [
      "a name that stands twice",
      file(`{"w":${JSON.stringify(w)}, "\\u0077" : ${JSON.stringify(w)}}`, 4),
      "w stands twice in its header, expected once",
    ],
    ["metadata that stands twice", file('{"__metadata__":{"k":"v","k":"v"}}'), "k stands twice"],
  ])("%s", (_, bytes, message) => {
    const read = () => decode(bytes, "file");
    expect(read).toThrow(SafetensorsError);
    expect(read).toThrow(InputError);
    expect(read).not.toThrow(/\n/);
    expect(read).toThrow(`file cannot be read as safetensors: ${message}`);
  });

  it("any damage with a SafetensorsError, if it notices", () => {
    const bytes = encode({ w: f32([2], 1, -2), m: u8([3], 1, 2, 3) }, { config: "{}" });
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, to, cut) => {
        try {
          decode(bytes.with(at, to).subarray(0, bytes.length - (cut % 3 === 0 ? cut : 0)), "file");
        } catch (error) {
          expect(error).toBeInstanceOf(SafetensorsError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
