// ONNX: a graph of standard operations with its weights in one file, which many runtimes can run. A file is one protobuf
// message, `ModelProto`; https://github.com/onnx/onnx/blob/main/onnx/onnx.proto has its fields, whose numbers stand here.
// Only what a plain graph needs is written: float32, int64 and boolean tensors, no functions, no subgraphs.

import { InputError } from "flipnet/internal/formats/errors";
import { PbfWriter } from "pbf";

/** Element types, by their number in `TensorProto.DataType`. */
const types = { float: 1, int64: 7, bool: 9 } as const;
export type OnnxType = keyof typeof types;

/** Weights or constants: float32 or int64, in C order. */
export interface OnnxTensor {
  name: string;
  shape: readonly number[];
  data: Float32Array | BigInt64Array;
}

/** An input or an output of the graph. A string in its shape names a size that is known when the graph runs. */
export interface OnnxValue {
  name: string;
  type: OnnxType;
  shape: readonly (number | string)[];
  doc: string;
}

/** A setting of an operation. A list is one of whole numbers. */
export type OnnxAttribute =
  | { int: number }
  | { float: number }
  | { ints: readonly number[] }
  | { type: OnnxType };

/** One operation; inputs and outputs are names of values. */
export interface OnnxNode {
  name: string;
  op: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** A model of one graph. Every value has one name and is written once; nodes come after those whose outputs they read. */
export interface OnnxModel {
  name: string;
  doc: string;
  inputs: readonly OnnxValue[];
  outputs: readonly OnnxValue[];
  weights: readonly OnnxTensor[];
  nodes: readonly OnnxNode[];
  /** What made the file. */
  producer: { name: string; version: string };
  /** Texts by name, for whoever looks into the file. */
  metadata: Readonly<Record<string, string>>;
}

/** Version 17 of the operations, and 8 of the format, which came with it: runtimes of 2022 and later read both. */
export const opset = 17;
const irVersion = 8;

/** What protobuf, and so a reader, takes at most. */
const mostBytes = 2 ** 31 - 1;

/** The bytes of an ONNX file. @throws InputError for weights beyond the 2 GiB that the format holds */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const bytes = model.weights.reduce((sum, { data }) => sum + data.byteLength, 0);
  if (bytes > mostBytes) {
    throw new InputError(`the weights take ${bytes} bytes; expected at most ${mostBytes}, as ONNX holds`);
  }
  const file = new PbfWriter();
  writeModel(model, file);
  return file.finish();
}

function writeModel(model: OnnxModel, file: PbfWriter): void {
  file.writeVarintField(1, irVersion);
  file.writeStringField(2, model.producer.name);
  file.writeStringField(3, model.producer.version);
  file.writeStringField(6, model.doc);
  file.writeMessage(7, writeGraph, model);
  file.writeMessage(8, (version, set) => set.writeVarintField(2, version), opset);
  for (const entry of Object.entries(model.metadata)) file.writeMessage(14, writeEntry, entry);
}

function writeEntry([key, value]: [string, string], entry: PbfWriter): void {
  entry.writeStringField(1, key);
  entry.writeStringField(2, value);
}

function writeGraph({ nodes, name, weights, inputs, outputs }: OnnxModel, graph: PbfWriter): void {
  for (const node of nodes) graph.writeMessage(1, writeNode, node);
  graph.writeStringField(2, name);
  for (const tensor of weights) graph.writeMessage(5, writeTensor, tensor);
  for (const value of inputs) graph.writeMessage(11, writeValue, value);
  for (const value of outputs) graph.writeMessage(12, writeValue, value);
}

function writeNode({ name, op, inputs, outputs, attributes }: OnnxNode, node: PbfWriter): void {
  for (const input of inputs) node.writeStringField(1, input);
  for (const output of outputs) node.writeStringField(2, output);
  node.writeStringField(3, name);
  node.writeStringField(4, op);
  for (const entry of Object.entries(attributes)) node.writeMessage(5, writeAttribute, entry);
}

function writeAttribute([name, value]: [string, OnnxAttribute], attribute: PbfWriter): void {
  attribute.writeStringField(1, name);
  if ("float" in value) {
    attribute.writeFloatField(2, value.float);
    attribute.writeVarintField(20, 1);
  } else if ("ints" in value) {
    for (const int of value.ints) attribute.writeVarintField(8, int);
    attribute.writeVarintField(20, 7);
  } else {
    attribute.writeVarintField(3, "int" in value ? value.int : types[value.type]);
    attribute.writeVarintField(20, 2);
  }
}

function writeTensor({ name, shape, data }: OnnxTensor, tensor: PbfWriter): void {
  for (const size of shape) tensor.writeVarintField(1, size);
  tensor.writeVarintField(2, data instanceof Float32Array ? types.float : types.int64);
  tensor.writeStringField(8, name);
  // Little-endian, as is every engine flipnet runs on.
  tensor.writeBytesField(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function writeValue({ name, type, shape, doc }: OnnxValue, value: PbfWriter): void {
  value.writeStringField(1, name);
  value.writeMessage(2, writeType, { type, shape });
  value.writeStringField(3, doc);
}

function writeType({ type, shape }: Pick<OnnxValue, "type" | "shape">, message: PbfWriter): void {
  message.writeMessage(
    1,
    (_, tensor) => {
      tensor.writeVarintField(1, types[type]);
      tensor.writeMessage(2, writeShape, shape);
    },
    undefined,
  );
}

function writeShape(shape: OnnxValue["shape"], message: PbfWriter): void {
  for (const size of shape) {
    message.writeMessage(
      1,
      (size, dimension) => {
        if (typeof size === "string") dimension.writeStringField(2, size);
        else dimension.writeVarintField(1, size);
      },
      size,
    );
  }
}
