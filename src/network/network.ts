/** Networks of stochastic layers: their shape, and their parameters on a backend. */
import type { Backend, Coding, Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { deriveKey, newKey, uniformAt } from "../random/threefry.ts";

/** How Bernoulli units show their bit to their children: {0, 1} or {-1, +1}. */
export type Units = "zero-one" | "plus-minus";

/** A layer of stochastic units, each linear in its parents: logits `l = W x + c`. */
export interface LayerSpec {
  kind: "bernoulli" | "softmax";
  /** Number of units. A softmax unit picks one of `choices` and shows its children one-hot bits. */
  units: number;
  /** Choices a softmax unit has, at least 2; absent for Bernoulli units. */
  choices?: number;
  /** Layers that feed this one, `"input"` or an earlier layer's number. Default: the layer before. */
  parents?: readonly ("input" | number)[];
}

/** The shape of a network. */
export interface NetworkSpec {
  /** Width of the input. */
  inputs: number;
  /** Bits (0 or 1), bits that are read as -1 and +1, or real numbers; default bits. */
  inputKind?: "bits" | "signs" | "real";
  /** Coding of Bernoulli units; softmax units always show {0, 1}. */
  units: Units;
  layers: readonly LayerSpec[];
}

/** One parent's part of a layer. */
export interface Edge {
  /** The parent: a layer's number, or -1 for the input. */
  readonly from: number;
  readonly coding: Coding;
  /** [I, J], a view into the layer's block of parameters. */
  readonly weights: Matrix;
}

/** Something linear in layers' bits, with parameters of its own: logits `W x + c`. */
export interface Linear {
  /** What its tensors are called in files: `layers.0`, `decoder.1`, `prior`. */
  readonly name: string;
  /** Columns of its logits. */
  readonly width: number;
  readonly parents: readonly Edge[];
  /** [1, width], a view into the block. */
  readonly bias: Matrix;
  /** [1, n] all of its parameters: each parent's weights in turn, row-major, then the bias. */
  readonly block: Matrix;
}

/** A layer of stochastic units; its width is `units * choices`. */
export interface Layer extends Linear {
  readonly index: number;
  readonly kind: "bernoulli" | "softmax";
  readonly units: number;
  /** 1 for Bernoulli units. */
  readonly choices: number;
  /** The layers it feeds, and by which edge. */
  readonly children: readonly { readonly layer: Layer; readonly edge: Edge }[];
}

/** A network with its parameters on a backend. */
export interface Network {
  readonly spec: NetworkSpec;
  readonly backend: Backend;
  readonly inputs: number;
  readonly inputCoding: Coding;
  readonly layers: readonly Layer[];
  /** Number of parameters. */
  readonly size: number;
}

interface Shape {
  units: number;
  choices: number;
  width: number;
  parents: number[];
  parentWidths: number[];
  size: number;
}

const inputCodings = { bits: "zero-one", signs: "plus-minus", real: "real" } as const;

const isCount = (n: unknown): boolean => Number.isSafeInteger(n) && (n as number) >= 1;

/** The sizes that a spec implies; an `InputError` where it makes no network. */
export function networkShapes(spec: NetworkSpec): Shape[] {
  if (!isCount(spec.inputs)) {
    throw new InputError(`the network has ${spec.inputs} inputs; expected a whole number of at least 1`);
  }
  if (spec.layers.length === 0) throw new InputError("the network has no layers; expected at least one");
  const shapes: Shape[] = [];
  spec.layers.forEach((layer, index) => {
    const name = `layer ${index + 1}`;
    if (!isCount(layer.units)) {
      throw new InputError(`${name} has ${layer.units} units; expected a whole number of at least 1`);
    }
    const choices = layer.kind === "softmax" ? (layer.choices ?? Number.NaN) : 1;
    if (layer.kind === "softmax" && !(isCount(choices) && choices >= 2)) {
      throw new InputError(`${name} is softmax with ${layer.choices} choices; expected at least 2`);
    }
    const parents = (layer.parents ?? [index === 0 ? "input" : index - 1]).map((parent) => {
      const from = parent === "input" ? -1 : parent;
      if (!Number.isInteger(from) || from < -1 || from >= index) {
        throw new InputError(
          `${name} has the parent ${parent}; expected "input" or an earlier layer's number`,
        );
      }
      return from;
    });
    if (parents.length === 0 || new Set(parents).size !== parents.length) {
      throw new InputError(`${name} has the parents [${layer.parents}]; expected one or more different ones`);
    }
    const width = layer.units * choices;
    const parentWidths = parents.map((from) => (from < 0 ? spec.inputs : shapes[from].width));
    const size = (parentWidths.reduce((a, b) => a + b, 0) + 1) * width;
    shapes.push({ units: layer.units, choices, width, parents, parentWidths, size });
  });
  shapes.slice(0, -1).forEach((_, index) => {
    if (!shapes.some((later) => later.parents.includes(index))) {
      throw new InputError(`layer ${index + 1} feeds no other layer; only the last layer may`);
    }
  });
  return shapes;
}

/** A linear map with all parameters zero, from parents of `rows` columns each. */
export function createLinear(
  backend: Backend,
  name: string,
  parents: readonly { from: number; coding: Coding; rows: number }[],
  width: number,
): Linear {
  const inputs = parents.reduce((sum, { rows }) => sum + rows, 0);
  const block = backend.matrix(1, (inputs + 1) * width);
  let offset = 0;
  const edges = parents.map(({ from, coding, rows }): Edge => {
    const weights = backend.view(block, offset, rows, width);
    offset += rows * width;
    return { from, coding, weights };
  });
  return { name, width, parents: edges, bias: backend.view(block, offset, 1, width), block };
}

/** A network with all parameters zero. Throws `InputError` where the spec makes no network. */
export function createNetwork(backend: Backend, spec: NetworkSpec): Network {
  const shapes = networkShapes(spec);
  const inputCoding = inputCodings[spec.inputKind ?? "bits"];
  const childrenOf: { layer: Layer; edge: Edge }[][] = shapes.map(() => []);
  const layers: Layer[] = [];
  shapes.forEach(({ units, choices, width, parents, parentWidths }, index) => {
    const edges = parents.map((from, i) => {
      const coding = from < 0 ? inputCoding : spec.layers[from].kind === "softmax" ? "zero-one" : spec.units;
      return { from, coding, rows: parentWidths[i] };
    });
    const children = childrenOf[index];
    const linear = createLinear(backend, `layers.${index}`, edges, width);
    const layer: Layer = { ...linear, index, kind: spec.layers[index].kind, units, choices, children };
    for (const edge of layer.parents) if (edge.from >= 0) childrenOf[edge.from].push({ layer, edge });
    layers.push(layer);
  });
  const size = shapes.reduce((sum, shape) => sum + shape.size, 0);
  return { spec, backend, inputs: spec.inputs, inputCoding, layers, size };
}

/**
 * Draws the weights from U(-r, r), r = sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010), the fan in being all
 * parents' columns and the fan out its own; biases are 0 (both papers' code, D-1). The numbers are a function of the
 * seed and of each one's place in the list.
 */
export function initialiseWeights(backend: Backend, linears: readonly Linear[], seed: number): void {
  const key = newKey();
  linears.forEach(({ block, width }, place) => {
    deriveKey(seed, "weights", place, key);
    const fanIn = block.columns / width - 1;
    const limit = Math.sqrt(6 / (fanIn + width));
    const initial = new Float64Array(block.columns);
    for (let e = 0; e < fanIn * width; e++) initial[e] = limit * (2 * uniformAt(key, e) - 1);
    backend.write(block, initial);
  });
}
