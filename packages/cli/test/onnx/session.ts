/** Running graphs in ONNX Runtime, which knows nothing of flipnet. */
import * as ort from "onnxruntime-web";
import { encodeOnnx } from "../../src/formats/onnx.ts";
import type { OnnxGraph } from "../../src/onnx/builder.ts";

ort.env.wasm.numThreads = 1;

/** The bytes of a graph's model. */
export function modelOf({ inputs, outputs, weights, nodes }: OnnxGraph): Uint8Array {
  const producer = { name: "flipnet", version: "test" };
  return encodeOnnx({ inputs, outputs, weights, nodes, name: "test", doc: "", metadata: {}, producer });
}

/** The shapes of what a model gives for no rows. */
export async function shapesOfNothing(model: Uint8Array): Promise<Record<string, readonly number[]>> {
  const session = await ort.InferenceSession.create(model);
  const feeds = session.inputMetadata.map((one) => {
    const [, width] = one.isTensor ? one.shape : [];
    return [one.name, new ort.Tensor("float32", new Float32Array(0), [0, width as number])];
  });
  const found = await session.run(Object.fromEntries(feeds));
  return Object.fromEntries(Object.entries(found).map(([name, { dims }]) => [name, dims]));
}

/** A session of a model: from columns of numbers by name, `rows` rows each, to such columns. */
export async function load(model: Uint8Array) {
  const session = await ort.InferenceSession.create(model);

  return async (given: Record<string, ArrayLike<number>>, rows: number) => {
    const feeds = Object.entries(given).map(([name, values]) => {
      const tensor =
        name === "count"
          ? new ort.Tensor("int64", [BigInt(values[0])], [])
          : new ort.Tensor("float32", Float32Array.from(values), [rows, values.length / rows]);
      return [name, tensor];
    });
    const found = await session.run(Object.fromEntries(feeds));
    const numbers = Object.entries(found).map(([name, { data }]) => [
      name,
      Float64Array.from(data as ArrayLike<number | bigint>, Number),
    ]);
    return Object.fromEntries(numbers) as Record<string, Float64Array>;
  };
}

/** Where two lists of numbers differ: nowhere, is what is expected. (`toEqual` takes long for long ones.) */
export function differences(found: ArrayLike<number>, expected: ArrayLike<number>): number[] {
  const length = Math.max(found.length, expected.length);
  return Array.from({ length }, (_, e) => e).filter((e) => found[e] !== expected[e]);
}
