/** A graph of ONNX operations, put together one after the other. */
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor, OnnxType, OnnxValue } from "../formats/onnx.ts";

/** The name of what an operation gives, or of an input, a weight or a constant. */
export type Value = string;

/** A graph that is not a model yet: who made it is for others to say. */
export type OnnxGraph = Pick<OnnxModel, "inputs" | "outputs" | "weights" | "nodes">;

export class GraphBuilder implements OnnxGraph {
  readonly inputs: OnnxValue[] = [];
  readonly outputs: OnnxValue[] = [];
  readonly weights: OnnxTensor[] = [];
  readonly nodes: OnnxNode[] = [];

  /** Something that whoever runs the graph has to give. */
  input(name: string, type: OnnxType, shape: OnnxValue["shape"], doc: string): Value {
    this.inputs.push({ name, type, shape, doc });
    return name;
  }

  /** Gives a value to whoever runs the graph, under a name. */
  output(name: string, value: Value, type: OnnxType, shape: OnnxValue["shape"], doc: string): void {
    this.nodes.push({ name, op: "Identity", inputs: [value], outputs: [name], attributes: {} });
    this.outputs.push({ name, type, shape, doc });
  }

  /** Float32 numbers that were learned. */
  weight(name: string, shape: readonly number[], data: Float32Array): Value {
    this.weights.push({ name, shape, data });
    return name;
  }

  /** Float32 numbers; one of them, as a scalar, where it is not a list. */
  floats(values: number | readonly number[]): Value {
    return this.#constant(values, Float32Array.from([values].flat()));
  }

  /** Whole numbers, such as sizes and axes. */
  ints(values: number | readonly number[]): Value {
    return this.#constant(values, BigInt64Array.from([values].flat(), BigInt));
  }

  #constant(values: number | readonly number[], data: OnnxTensor["data"]): Value {
    const shape = typeof values === "number" ? [] : [values.length];
    const name = `${data instanceof Float32Array ? "float" : "int"}${shape.length > 0 ? "s" : ""}:${values}`;
    if (!this.weights.some((known) => known.name === name)) this.weights.push({ name, shape, data });
    return name;
  }

  /** What an operation gives, called after it, after `about` and after its place in the graph. */
  apply(
    op: string,
    about: string,
    inputs: readonly Value[],
    attributes: Record<string, OnnxAttribute> = {},
  ): Value {
    const name = `${about}/${op}.${this.nodes.length}`;
    this.nodes.push({ name, op, inputs, outputs: [name], attributes });
    return name;
  }
}
