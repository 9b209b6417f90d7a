import { InputError } from "flipnet/internal/formats/errors";
import { describe, expect, it } from "vitest";
import { encodeOnnx, type OnnxModel } from "../../src/formats/onnx.ts";

const tiny: OnnxModel = {
  name: "tiny",
  doc: "what it is",
  producer: { name: "me", version: "1" },
  metadata: { key: "value" },
  inputs: [
    { name: "x", type: "float", shape: ["batch", 2], doc: "in" },
    { name: "count", type: "int64", shape: [], doc: "n" },
  ],
  outputs: [{ name: "a", type: "int64", shape: [1, 1], doc: "öut" }],
  weights: [
    { name: "w", shape: [2, 1], data: Float32Array.of(0.5, -2) },
    { name: "shape", shape: [2], data: BigInt64Array.of(-1n, 1n) },
  ],
  nodes: [
    { name: "first", op: "MatMul", inputs: ["x", "w"], outputs: ["y"], attributes: {} },
    {
      name: "second",
      op: "RandomUniformLike",
      inputs: ["y"],
      outputs: ["u"],
      attributes: { seed: { float: 3 } },
    },
    { name: "third", op: "Less", inputs: ["u", "y"], outputs: ["on"], attributes: {} },
    { name: "fourth", op: "Cast", inputs: ["on"], outputs: ["bits"], attributes: { to: { type: "float" } } },
    {
      name: "fifth",
      op: "Transpose",
      inputs: ["bits"],
      outputs: ["z"],
      attributes: { perm: { ints: [1, 0] } },
    },
    { name: "sixth", op: "ArgMax", inputs: ["z"], outputs: ["a"], attributes: { axis: { int: -1 } } },
  ],
};

describe("encodeOnnx", () => {
  it("writes the bytes that the onnx package for Python (1.19.0) writes for the same model", () => {
    const expected =
      "CAgSAm1lGgExMgp3aGF0IGl0IGlzOusCChgKAXgKAXcSAXkaBWZpcnN0IgZNYXRNdWwKMQoBeRIBdRoGc2Vjb25kIhFSYW5k" +
      "b21Vbmlmb3JtTGlrZSoOCgRzZWVkFQAAQECgAQEKFwoBdQoBeRICb24aBXRoaXJkIgRMZXNzCiMKAm9uEgRiaXRzGgZmb3Vy" +
      "dGgiBENhc3QqCQoCdG8YAaABAgoqCgRiaXRzEgF6GgVmaWZ0aCIJVHJhbnNwb3NlKg0KBHBlcm1AAUAAoAEHCisKAXoSAWEa" +
      "BXNpeHRoIgZBcmdNYXgqFAoEYXhpcxj///////////8BoAECEgR0aW55KhMIAggBEAFCAXdKCAAAAD8AAADAKh0IAhAHQgVz" +
      "aGFwZUoQ//////////8BAAAAAAAAAFocCgF4EhMKEQgBEg0KBxIFYmF0Y2gKAggCGgJpbloSCgVjb3VudBIGCgQIBxIAGgFu" +
      "YhkKAWESDgoMCAcSCAoCCAEKAggBGgTDtnV0QgIQEXIMCgNrZXkSBXZhbHVl";
    expect(Buffer.from(encodeOnnx(tiny)).toString("base64")).toBe(expected);
  });

  it("writes weights that are a view into other numbers", () => {
    const data = Float32Array.of(9, 0.5, -2, 9).subarray(1, 3);
    const [w, shape] = tiny.weights;
    expect(encodeOnnx({ ...tiny, weights: [{ ...w, data }, shape] })).toEqual(encodeOnnx(tiny));
  });

  it("refuses what no protobuf message can hold", () => {
    const data = new Float32Array(2 ** 24);
    const weights = Array.from({ length: 32 }, (_, i) => ({ name: `${i}`, shape: [data.length], data }));
    expect(() => encodeOnnx({ ...tiny, weights })).toThrow(InputError);
    expect(() => encodeOnnx({ ...tiny, weights })).toThrow(
      "the weights take 2147483648 bytes; expected at most 2147483647, as ONNX holds",
    );
  });
});
