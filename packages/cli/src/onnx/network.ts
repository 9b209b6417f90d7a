/**
 * A network as a graph of ONNX operations: what it is fed, its front end, then layer by layer the logits, the law and what
 * the units do; at last the action and the log-probabilities of all actions.
 */
import { InputError } from "flipnet/internal/formats/errors";
import { type Convolution, isConvolution } from "flipnet/internal/front-ends/convolutions";
import type { FrontEnd, Parameters } from "flipnet/internal/front-ends/front-end";
import { isCentre, isRectified } from "flipnet/internal/front-ends/rectified";
import type { Layer, Linear, Network } from "flipnet/internal/network/network";
import type { OnnxGraph, Value } from "./builder.ts";
import { type Drawn, type DrawOptions, type Units, UnitsBuilder } from "./units.ts";

/** What the graph's input is. */
export type InputKind =
  /** Numbers that the network reads as they are; bits as 0 and 1 whatever their coding. */
  | "numbers"
  /** Images that are binarised in the graph: each number from 0 to 1 is the probability of a 1. */
  | "images";

/** Parameters by their names, as they lie in their blocks. */
type Blocks = Readonly<Record<string, Float32Array>>;

/** Reads parameters from their backend; float64 ones are rounded. */
export async function readParameters(
  { backend }: Network,
  parameters: readonly Parameters[],
): Promise<Blocks> {
  const blocks: Record<string, Float32Array> = {};
  for (const { name, block } of parameters) blocks[name] = Float32Array.from(await backend.read(block));
  return blocks;
}

/**
 * The graph of a network whose last layer's outcome is an action: one softmax unit, or one Bernoulli unit. Inputs are `input`
 * [batch, inputs] and, of a graph with noise, one for each layer; outputs are `action`, `logProbabilities` of all actions,
 * and `hidden.N` of each hidden layer as its children see it.
 *
 * @throws InputError for a network with several output units, or with a front end of another kind than convolutions or rectifiers
 */
export async function networkGraph(
  network: Network,
  { input, ...draws }: DrawOptions & { input: InputKind },
): Promise<OnnxGraph> {
  const { layers, front } = network;
  const output = layers[layers.length - 1];
  if (output.units !== 1) {
    throw new InputError(`the network has ${output.units} output units; expected one, which is the action`);
  }
  const blocks = await readParameters(network, [...layers, ...(front?.parameters ?? [])]);
  const graph = new UnitsBuilder(draws);

  const seen = addInput(graph, network, input);
  const features = front === undefined ? seen : addFront(graph, front, seen, blocks);
  const shown = [graph.shown("input", features, network.inputCoding)];
  for (const layer of layers) {
    const units = unitsOf(layer, layer === output ? "action" : `hidden.${layer.index}`);
    const logits = addLogits(graph, units.name, layer, blocks, (from) => shown[from + 1]);
    if (layer === output) addAction(graph, units, logits);
    else shown.push(addLayer(graph, network, units, logits).shown);
  }
  return graph;
}

/** The units of a layer under a name. */
export const unitsOf = ({ kind, units, choices }: Layer, name: string): Units => ({
  name,
  kind,
  units,
  choices,
});

/** What the network is fed, [batch, inputs], before anything reads it in its coding. */
export function addInput(graph: UnitsBuilder, { inputs, inputCoding }: Network, kind: InputKind): Value {
  const doc =
    kind === "images"
      ? "Images, pixel by pixel: from 0 to 1 (intensity / 255), the probability of the pixel to be on. Bits stay what they are."
      : inputCoding === "real"
        ? "Real numbers."
        : "Bits, 0 or 1.";
  const given = graph.input("input", "float", ["batch", inputs], doc);
  if (kind === "numbers") return given;
  return graph.drawBits({ name: "input", kind: "bernoulli", units: inputs, choices: 1 }, given);
}

/**
 * A front end of convolutions, or of leaky rectifiers and what centres their inputs.
 *
 * @throws InputError for parameters of other kinds
 */
export function addFront(graph: UnitsBuilder, front: FrontEnd, seen: Value, blocks: Blocks): Value {
  const { parameters, outputs } = front;
  const convolutions = parameters.filter(isConvolution);
  if (convolutions.length > 0 && convolutions.length === parameters.length) {
    return addConvolutions(graph, convolutions, outputs, seen, blocks);
  }
  let x = seen;
  for (const one of parameters) {
    const { name, block, width } = one;
    if (isCentre(one)) {
      x = graph.apply("Sub", name, [x, graph.weight(name, [1, block.columns], blocks[name])]);
    } else if (isRectified(one)) {
      const rows = block.columns / width - 1;
      const W = graph.weight(`${name}.weights`, [rows, width], blocks[name].subarray(0, rows * width));
      const bias = graph.weight(`${name}.bias`, [width], blocks[name].slice(-width));
      x = graph.apply("Gemm", name, [x, W, bias]);
      x = graph.apply("LeakyRelu", name, [x], { alpha: { float: one.slope } });
    } else {
      const names = parameters.map((each) => each.name);
      throw new InputError(
        `the front end's parameters are [${names}]; expected those of convolutions, or of rectifiers, alone`,
      );
    }
  }
  return x;
}

/** Convolutions, each with its rectifier: from images with the channels of a pixel side by side to such images. */
function addConvolutions(
  graph: UnitsBuilder,
  convolutions: readonly Convolution[],
  outputs: number,
  images: Value,
  blocks: Blocks,
): Value {
  const { height, width, channels } = convolutions[0].window;
  const byPixel = graph.apply("Reshape", "image", [images, graph.ints([0, height, width, channels])]);
  let x = graph.apply("Transpose", "image", [byPixel], { perm: { ints: [0, 3, 1, 2] } });
  for (const convolution of convolutions) {
    const { name, window, width: units } = convolution;
    const { weights, bias } = convolutionWeights(convolution, blocks[name]);
    const shape = [units, window.channels, window.kernel, window.kernel];
    const W = graph.weight(`${name}.weights`, shape, weights);
    x = graph.apply("Conv", name, [x, W, graph.weight(`${name}.bias`, [units], bias)]);
    x = graph.apply("Relu", name, [x]);
  }
  const byPlace = graph.apply("Transpose", "features", [x], { perm: { ints: [0, 2, 3, 1] } });
  return graph.apply("Reshape", "features", [byPlace, graph.ints([0, outputs])]);
}

/** From [row, column, channel][unit] to [unit][channel][row, column]. */
function convolutionWeights({ window: { kernel, channels }, width: J }: Convolution, block: Float32Array) {
  const places = kernel ** 2;
  const bias = block.subarray(places * channels * J);
  const weights = block.slice(0, places * channels * J).map((_, e) => {
    const place = e % places;
    const channel = Math.floor(e / places) % channels;
    const unit = Math.floor(e / (places * channels));
    return block[(place * channels + channel) * J + unit];
  });
  return { weights, bias };
}

/** `W x + c`, [batch, width]: `shown` says what each parent shows. Without parents [1, width]. */
export function addLogits(
  graph: UnitsBuilder,
  name: string,
  { name: tensor, parents, width, addsInput }: Linear,
  blocks: Blocks,
  shown: (from: number) => Value,
): Value {
  const block = blocks[tensor];
  let offset = 0;
  let sum = graph.weight(`${tensor}.bias`, parents.length > 0 ? [width] : [1, width], block.slice(-width));
  for (const { from, weights } of parents) {
    const { rows } = weights;
    const W = block.subarray(offset, offset + rows * width);
    offset += W.length;
    const which = parents.length > 1 ? `.${from < 0 ? "input" : from}` : "";
    const weight = graph.weight(`${tensor}.weights${which}`, [rows, width], W);
    sum = graph.apply("Gemm", name, [shown(from), weight, sum]);
  }
  return addsInput ? graph.apply("Add", name, [shown(-1), sum]) : sum;
}

/** What a hidden layer does; it goes out under its name, as its children see it. */
export function addLayer(
  graph: UnitsBuilder,
  { spec }: Network,
  units: Units,
  logits: Value,
): Drawn & { shown: Value } {
  const { name, kind } = units;
  const drawn = graph.draw(units, graph.probabilities(units, logits));
  const shown = graph.shown(name, drawn.bits, kind === "softmax" ? "zero-one" : spec.units);
  const width = units.units * units.choices;
  graph.output(name, shown, "float", ["batch", width], docOf(graph, units, spec.units));
  return { ...drawn, shown };
}

function docOf(graph: UnitsBuilder, { kind, choices }: Units, coding: string): string {
  const what =
    kind === "softmax"
      ? `one-hot, ${choices} columns a unit`
      : coding === "plus-minus"
        ? "-1 or +1"
        : "0 or 1";
  return graph.kind === "mean-field"
    ? `Means of what the units show (${what}), their parents showing theirs.`
    : `What the units show: ${what}.`;
}

/** The output unit: its outcome is the action. In a mean-field graph the most probable one. */
function addAction(graph: UnitsBuilder, units: Units, logits: Value): void {
  const { name, kind, choices } = units;
  const flat = (values: Value, shape: readonly number[]) =>
    graph.apply("Reshape", name, [values, graph.ints(shape)]);
  const actions = kind === "softmax" ? choices : 2;
  // No size is left to be inferred: of no rows that cannot be.
  const logs = flat(graph.logProbabilities(units, logits), [0, actions]);
  let action: Value;
  if (graph.kind === "mean-field") {
    action = graph.apply("ArgMax", name, [logs], { axis: { int: 1 }, keepdims: { int: 0 } });
  } else {
    const { bits, choices: chosen } = graph.draw(units, graph.probabilities(units, logits));
    action = flat(chosen ?? graph.apply("Cast", name, [bits], { to: { type: "int64" } }), [0]);
  }
  const how = graph.kind === "mean-field" ? "The most probable action" : "The action that was drawn";
  graph.output("action", action, "int64", ["batch"], `${how}, 0 to ${actions - 1}.`);
  graph.output(
    "logProbabilities",
    logs,
    "float",
    ["batch", actions],
    "Natural logarithms of the actions' probabilities, given what the hidden units did.",
  );
}
