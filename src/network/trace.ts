/** One pass through a network: what every layer's law was and what it did. */
import type { Matrix, Outcome } from "../backend/backend.ts";
import type { Draws, Site } from "./draws.ts";
import type { Layer, Linear, Network } from "./network.ts";

/** A layer's outcome on a batch: logits, probabilities and bits, each [B, width]. */
export type Activity = Outcome;

export interface Trace {
  readonly network: Network;
  readonly batchSize: number;
  /** [B, inputs] */
  readonly input: Matrix;
  /** One a layer, in the network's order. */
  readonly layers: readonly Activity[];
  /** The sites its draws are asked for at, one a layer. */
  readonly sites: readonly Site[];
}

/** The buffers of one pass over a batch whose input stands in `input` [B, inputs]. */
export function createTrace(network: Network, input: Matrix, branch = 0): Trace {
  const batchSize = input.rows;
  const { backend } = network;
  const layers = network.layers.map((layer): Activity => {
    const matrix = () => backend.matrix(batchSize, layer.width);
    const p = matrix();
    const q = layer.kind === "bernoulli" ? matrix() : p;
    return { kind: layer.kind, choices: layer.choices, logits: matrix(), p, q, bits: matrix() };
  });
  return { network, batchSize, input, layers, sites: network.layers.map((layer) => ({ layer, branch })) };
}

/** What a parent shows: the input, or a layer's bits. */
export const shown = (trace: Trace, from: number): Matrix =>
  from < 0 ? trace.input : trace.layers[from].bits;

/** Logits and probabilities of one layer from what its parents did. */
export function computeLaw(trace: Trace, layer: Layer): void {
  const { backend } = trace.network;
  const activity = trace.layers[layer.index];
  backend.broadcast(layer.bias, activity.logits);
  for (const edge of layer.parents) {
    backend.product(shown(trace, edge.from), edge.coding, edge.weights, activity.logits);
  }
  if (layer.kind === "bernoulli") backend.sigmoid(activity.logits, activity.p, activity.q);
  else backend.softmax(activity.logits, layer.choices, activity.p);
}

/** Samples the whole network, layer by layer. */
export function samplePass(trace: Trace, draws: Draws): void {
  for (const layer of trace.network.layers) {
    computeLaw(trace, layer);
    draws.sample(trace.sites[layer.index], trace.layers[layer.index]);
  }
}

/** An estimate of dJ/dl for the logits `l` of a linear map, with the pass its parents' values come from. */
export interface Credit {
  readonly linear: Linear;
  /** [B, width] */
  readonly g: Matrix;
  readonly trace: Trace;
}
