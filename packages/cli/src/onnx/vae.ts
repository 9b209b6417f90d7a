/** A discrete variational auto-encoder as graphs of ONNX operations: its parts by themselves, or all together. */
import { decoderParameters } from "flipnet/internal/objectives/elbo";
import type { Vae } from "flipnet/internal/tasks/vae-images";
import type { OnnxGraph, Value } from "./builder.ts";
import { addFront, addInput, addLayer, addLogits, readParameters, unitsOf } from "./network.ts";
import { type DrawOptions, type Units, UnitsBuilder } from "./units.ts";

/**
 * `"encoder"`: from images to codes. `"decoder"`: from the topmost layer's code to images. `"generator"`: images out of
 * nothing, the topmost code being drawn from the prior. `"autoencoder"`: from images to codes and, from the first layer's,
 * back to images; with what the sample is worth to the evidence lower bound.
 */
export const vaeParts = ["autoencoder", "encoder", "decoder", "generator"] as const;
export type VaePart = (typeof vaeParts)[number];

/** The graph of a part. */
export async function vaeGraph(
  { encoder, decoder }: Vae,
  { part, ...draws }: DrawOptions & { part: VaePart },
): Promise<OnnxGraph> {
  const graph = new UnitsBuilder(draws);
  const { layers } = encoder;
  const top = layers.length - 1;
  const pixels: Units = { name: "image", kind: "bernoulli", units: encoder.inputs, choices: 1 };
  const codes = layers.map((layer, l) => unitsOf(layer, `hidden.${l}`));
  const linears = [...decoder.layers, decoder.prior];
  const { front } = encoder;
  const parameters = [...layers, ...(front?.parameters ?? []), ...decoderParameters(decoder)];
  const blocks = await readParameters(encoder, parameters);

  /** The decoder's logits of layer `l`, or of the image where that is -1, given what the layer above shows. */
  function predict(l: number, above?: Value): Value {
    const features =
      l < 0 && decoder.front !== undefined ? addFront(graph, decoder.front, bitsOf(above!), blocks) : above;
    return addLogits(
      graph,
      `predicted.${(codes[l] ?? pixels).name}`,
      linears[l + 1],
      blocks,
      () => features!,
    );
  }

  /** Bits as 0 and 1 of what the first layer shows. */
  function bitsOf(shown: Value): Value {
    if (layers[0].kind === "softmax" || encoder.spec.units === "zero-one") return shown;
    const half = graph.weight("half", [1], Float32Array.of(0.5));
    const halved = graph.apply("Mul", "bits", [shown, half]);
    return graph.apply("Add", "bits", [halved, half]);
  }

  function encode() {
    const image = addInput(graph, encoder, "images");
    const shown = [front === undefined ? image : addFront(graph, front, image, blocks)];
    const drawn = layers.map((layer, l) => {
      const logits = addLogits(graph, codes[l].name, layer, blocks, (from) => shown[from + 1]);
      const outcome = { logits, ...addLayer(graph, encoder, codes[l], logits) };
      shown.push(outcome.shown);
      return outcome;
    });
    return { image, drawn };
  }

  /** Draws layer `l` from its logits, then what is below it, down to the image. */
  function decode(l: number, logits: Value): void {
    for (; l >= 0; l--) logits = predict(l - 1, addLayer(graph, encoder, codes[l], logits).shown);
    const { units } = pixels;
    const p = graph.probabilities(pixels, logits);
    graph.output("probabilities", p, "float", ["batch", units], "Probability of each pixel to be on.");
    if (draws.graph === "mean-field") return;
    graph.output(
      "image",
      graph.draw(pixels, p).bits,
      "float",
      ["batch", units],
      "Pixels drawn with it: 0 or 1.",
    );
  }

  /** log p(image, codes) - log q(codes | image). */
  function addElbo(image: Value, drawn: ReturnType<typeof encode>["drawn"], seen: Value): void {
    const likelihood = codes.map((units, l) =>
      graph.logLikelihood(units, predict(l, drawn[l + 1]?.shown), drawn[l].bits),
    );
    const encoded = codes.map((units, l) => graph.logLikelihood(units, drawn[l].logits, drawn[l].bits));
    const joint = graph.apply("Sum", "elbo", [graph.logLikelihood(pixels, seen, image), ...likelihood]);
    const elbo = graph.apply("Sub", "elbo", [joint, graph.apply("Sum", "elbo", encoded)]);
    graph.output(
      "elbo",
      elbo,
      "float",
      ["batch"],
      "log p(image, codes) - log q(codes | image) in nats: its mean over draws is the evidence lower bound, and the log of the mean of its exponential over many of one image's is close to log p(image).",
    );
  }

  if (part === "generator") {
    const logits = predict(top);
    decode(top, draws.graph === "noise" ? logits : repeat(graph, logits, layers[top].width));
  } else if (part === "decoder") {
    const doc = "What the topmost layer's units show, in their coding.";
    decode(top - 1, predict(top - 1, graph.input("code", "float", ["batch", layers[top].width], doc)));
  } else {
    const { image, drawn } = encode();
    if (part === "encoder") return graph;
    const seen = predict(-1, drawn[0].shown);
    decode(-1, seen);
    if (draws.graph !== "mean-field") addElbo(image, drawn, seen);
  }
  return graph;
}

/** As many rows as whoever runs the graph wants, all of them alike. */
function repeat(graph: UnitsBuilder, row: Value, width: number): Value {
  const count = graph.input("count", "int64", [], "Number of images.");
  const rows = graph.apply("Reshape", "count", [count, graph.ints([1])]);
  const shape = graph.apply("Concat", "count", [rows, graph.ints([width])], { axis: { int: 0 } });
  return graph.apply("Expand", "count", [row, shape]);
}
