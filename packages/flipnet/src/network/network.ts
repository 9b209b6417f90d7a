/** Networks of stochastic layers: their shape, and their parameters on a backend. */
import type { Backend, Coding, Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { isWhole } from "../formats/whole.ts";
import type { FrontEnd, Parameters } from "../front-ends/front-end.ts";
import { deriveKey, type Key, newKey, uniformAt } from "../random/threefry.ts";

/** How Bernoulli units show their bit to their children: {0, 1} or {-1, +1}. */
export type Units = "zero-one" | "plus-minus";

/** A layer of stochastic units, each linear in its parents: logits `l = W x + c`. */
export interface LayerSpec {
  kind: "bernoulli" | "softmax";
  /** Number of units. A softmax unit picks one of `choices` and shows its children one-hot bits. */
  units: number;
  /** Choices a softmax unit has, at least 2; absent for Bernoulli units. */
  choices?: number;
  /**
   * Whether the last choice's logit is 0 for good, so that the others are log odds against it: the reference category of
   * a multinomial logit. Absent: every choice has a logit that learns.
   */
  reference?: boolean;
  /** Layers that feed this one, `"input"` or an earlier layer's number. Default: the layer before. */
  parents?: readonly ("input" | number)[];
}

/** The shape of a network. */
export interface NetworkSpec {
  /** Width of the input; behind a front end, what that gives. */
  inputs: number;
  /**
   * Bits (0 or 1), bits that are read as -1 and +1, or real numbers; default bits. Or the logits of the first layer,
   * one input a column, which is then linear in nothing: `l = x + c`.
   */
  inputKind?: "bits" | "signs" | "real" | "logits";
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
export interface Linear extends Parameters {
  readonly parents: readonly Edge[];
  /** [1, width], a view into the block. In that come first each parent's weights in turn, row-major. */
  readonly bias: Matrix;
  /** Whether the network's input is added to its logits: a first layer whose logits are given. */
  readonly addsInput?: true;
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
  /** Width of what is put in. */
  readonly inputs: number;
  /** How layers read the input, or what the front end made of it. */
  readonly inputCoding: Coding;
  /** What stands between the input and the layers. */
  readonly front?: FrontEnd;
  readonly layers: readonly Layer[];
  /** Number of parameters, the front end's included. */
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

const inputCodings = { bits: "zero-one", signs: "plus-minus", real: "real", logits: "real" } as const;

/** Throws `InputError` for a word that is none of those known. */
function checkWord(what: string, word: unknown, known: readonly string[]): void {
  if (known.includes(word as string)) return;
  throw new InputError(`${what} is ${JSON.stringify(word)}; expected one of ${known.join(", ")}`);
}

/** The sizes that a spec implies; an `InputError` where it makes no network. */
export function networkShapes(spec: NetworkSpec): Shape[] {
  checkWord("units", spec.units, ["plus-minus", "zero-one"]);
  checkWord("inputKind", spec.inputKind ?? "bits", Object.keys(inputCodings));
  if (!isWhole(spec.inputs, 1)) {
    throw new InputError(`the network has ${spec.inputs} inputs; expected a whole number of at least 1`);
  }
  if (spec.layers.length === 0) throw new InputError("the network has no layers; expected at least one");
  const shapes: Shape[] = [];
  spec.layers.forEach((layer, index) => {
    const name = `layer ${index}`;
    checkWord(`the kind of ${name}`, layer.kind, ["bernoulli", "softmax"]);
    if (!isWhole(layer.units, 1)) {
      throw new InputError(`${name} has ${layer.units} units; expected a whole number of at least 1`);
    }
    const choices = layer.kind === "softmax" ? (layer.choices ?? Number.NaN) : 1;
    if (layer.reference && layer.kind !== "softmax") {
      throw new InputError(`${name} has a reference and is ${layer.kind}; expected softmax`);
    }
    if (layer.kind === "softmax" && !isWhole(choices, 2)) {
      throw new InputError(`${name} is softmax with ${layer.choices} choices; expected at least 2`);
    }
    const parents = (layer.parents ?? [index === 0 ? "input" : index - 1]).map((parent) => {
      const from = parent === "input" ? -1 : parent;
      if (!isWhole(from, -1, index - 1)) {
        throw new InputError(
          `${name} has the parent ${parent}; expected "input" or an earlier layer's number, from 0 on`,
        );
      }
      return from;
    });
    if (parents.length === 0 || new Set(parents).size !== parents.length) {
      throw new InputError(`${name} has the parents [${layer.parents}]; expected one or more different ones`);
    }
    const width = layer.units * choices;
    if (spec.inputKind === "logits" && parents.includes(-1)) {
      if (index > 0 || width !== spec.inputs) {
        throw new InputError(
          `${name} takes ${spec.inputs} logits as its input; expected the first layer, and as many as its ${shapes[0]?.width ?? width} columns`,
        );
      }
      parents.length = 0;
    }
    const parentWidths = parents.map((from) => (from < 0 ? spec.inputs : shapes[from].width));
    const size = (parentWidths.reduce((a, b) => a + b, 0) + 1) * width;
    shapes.push({ units: layer.units, choices, width, parents, parentWidths, size });
  });
  shapes.slice(0, -1).forEach((_, index) => {
    if (!shapes.some((later) => later.parents.includes(index))) {
      throw new InputError(`layer ${index} feeds no other layer; only the last layer may`);
    }
  });
  return shapes;
}

/** Numbers of all layers that a layer can influence. */
export function descendants({ children }: Layer, found = new Set<number>()): Set<number> {
  for (const { layer } of children) {
    if (found.has(layer.index)) continue;
    found.add(layer.index);
    descendants(layer, found);
  }
  return found;
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

/**
 * A network with all parameters zero, but for the front end's, which are as they are. Throws `InputError` where the spec
 * makes no network, or none behind the front end.
 */
export function createNetwork(backend: Backend, spec: NetworkSpec, front?: FrontEnd): Network {
  const shapes = networkShapes(spec);
  if (front !== undefined) checkFront(spec, front);
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
    const addsInput = index === 0 && spec.inputKind === "logits";
    const { kind, reference } = spec.layers[index];
    const layer: Layer = {
      ...linear,
      ...(reference && { fixed: Array.from({ length: units }, (_, unit) => (unit + 1) * choices - 1) }),
      index,
      kind,
      units,
      choices,
      children,
      ...(addsInput && { addsInput }),
    };
    for (const edge of layer.parents) if (edge.from >= 0) childrenOf[edge.from].push({ layer, edge });
    layers.push(layer);
  });
  const parts: readonly Parameters[] = [...layers, ...(front?.parameters ?? [])];
  const size = parts.reduce((sum, { block }) => sum + block.columns, 0);
  const inputs = front?.inputs ?? spec.inputs;
  return { spec, backend, inputs, inputCoding, ...(front && { front }), layers, size };
}

function checkFront({ inputs, inputKind = "bits" }: NetworkSpec, { outputs }: FrontEnd): void {
  if (inputs !== outputs) {
    throw new InputError(
      `the network takes ${inputs} inputs; expected ${outputs}, which its front end gives`,
    );
  }
  if (inputKind !== "real" && inputKind !== "logits") {
    throw new InputError(
      `the network's inputs are ${inputKind}; expected real or logits, as a front end gives`,
    );
  }
}

/**
 * What weights are drawn from: `"glorot"` U(-r, r), r = sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010; both papers'
 * code, D-1); `"truncated-normal"` a normal distribution with standard deviation 1 / sqrt(fan in), cut off at two of them
 * (the HNCA paper's code for convolutions, D-30). `"half-spaces"`, for Bernoulli units: U(-r, r), r = 4.5 sqrt(3 / fan in), biases
 * U(-4.5 sqrt 3, 4.5 sqrt 3), so that inputs of about unit size give a unit logits of about 6: most inputs lie well on one side of
 * where it turns over, and what it shows is hardly noise.
 */
export type WeightLaw = "glorot" | "truncated-normal" | "half-spaces";

/**
 * Draws the weights of linear maps, the fan in being all parents' columns and the fan out its own; biases are 0 unless the
 * law says otherwise. The
 * numbers are a function of the seed and of each one's place in the list. Parameters that are no linear map's stay.
 */
export function initialiseWeights(
  backend: Backend,
  parameters: readonly Parameters[],
  seed: number,
  law: WeightLaw = "glorot",
): void {
  const key = newKey();
  parameters.forEach(({ block, width, fixed = [] }, place) => {
    if (width === 0) return;
    deriveKey(seed, "weights", place, key);
    const fanIn = block.columns / width - 1;
    const initial = new Float64Array(block.columns);
    const weights = initial.subarray(0, fanIn * width);
    if (law === "glorot") drawUniform(key, Math.sqrt(6 / (fanIn + width)), weights);
    else if (law === "truncated-normal") drawTruncatedNormal(key, 1 / Math.sqrt(fanIn), weights);
    else {
      drawUniform(key, 4.5 * Math.sqrt(3), initial);
      for (let e = 0; e < weights.length; e++) weights[e] /= Math.sqrt(fanIn);
    }
    for (const column of fixed) for (let e = column; e < initial.length; e += width) initial[e] = 0;
    backend.write(block, initial);
  });
}

function drawUniform(key: Key, limit: number, into: Float64Array): void {
  for (let e = 0; e < into.length; e++) into[e] = limit * (2 * uniformAt(key, e) - 1);
}

/** By rejection: z uniform from -2 to 2 stays with probability e^(-z^2 / 2). */
function drawTruncatedNormal(key: Key, deviation: number, into: Float64Array): void {
  let tried = 0;
  for (let e = 0; e < into.length; tried += 2) {
    const z = 4 * uniformAt(key, tried) - 2;
    if (uniformAt(key, tried + 1) < exponential((-z * z) / 2)) into[e++] = deviation * z;
  }
}

/** `e^x` from -2 to 0 by its series: engines differ in `Math.exp`. */
function exponential(x: number): number {
  let sum = 1;
  for (let n = 20; n >= 1; n--) sum = 1 + (x / n) * sum;
  return sum;
}
