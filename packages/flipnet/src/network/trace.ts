/** One pass through a network: what every layer's law was and what it did. */
import type { FlipTables, Matrix, Outcome } from "../backend/backend.ts";
import type { FrontPass } from "../front-ends/front-end.ts";
import type { Draws, Site } from "./draws.ts";
import { independent, type Law } from "./laws.ts";
import { descendants, type Edge, type Layer, type Linear, type Network } from "./network.ts";

/** A layer's outcome on a batch: logits, probabilities and bits, each [B, width]. */
export type Activity = Outcome;

/** The buffers of one pass; filled by `samplePass`. */
export interface Trace {
  readonly network: Network;
  readonly batchSize: number;
  /** [B, inputs] */
  readonly input: Matrix;
  /** What layers see as their input: the input itself, or what the front end makes of it. */
  readonly features: Matrix;
  /** The front end on this pass; absent where there is none, or another pass has run it. */
  readonly front?: FrontPass;
  /** One a layer, in the network's order. */
  readonly layers: readonly Activity[];
  /** Layers that are sampled in this pass, in their order; what the others did is another pass's. */
  readonly own: readonly Layer[];
  /** The sites its draws are asked for at, one a layer, and the laws of independent units there. */
  readonly sites: readonly Site[];
  readonly laws: readonly Law[];
  /** What was asked for about edges; it goes stale when the trace is sampled again. */
  readonly flips: Map<Edge, Flips>;
}

/** What another outcome of the units behind an edge would do to those before it, each part computed once a pass. */
interface Flips {
  readonly tables: FlipTables;
  tablesFresh: boolean;
  /** [B, I] see `flipLogLikelihood`, the function. */
  logLikelihood: Matrix | undefined;
  logLikelihoodFresh: boolean;
}

/**
 * The buffers of one pass over a batch whose input stands in `input` [B, inputs]. `features` are those of another pass
 * over the same batch, sampled before this one.
 */
export function createTrace(network: Network, input: Matrix, branch = 0, features?: Matrix): Trace {
  const batchSize = input.rows;
  const front = features === undefined ? network.front?.prepare(input) : undefined;
  const seen = features ?? front?.output ?? input;
  const layers = network.layers.map((layer) => createActivity({ network, batchSize }, layer));
  return {
    network,
    batchSize,
    input,
    features: seen,
    ...(front && { front }),
    layers,
    own: network.layers,
    sites: sitesOf(network, branch),
    laws: lawsOf(network, layers),
    flips: new Map(),
  };
}

/**
 * A pass in which one layer's outcome, and all that lies downstream of it, is its own. The law of that layer itself and
 * everything else it shares with `trace`. To be sampled once `trace` has been.
 */
export function forkTrace(trace: Trace, first: Layer, branch: number): Trace {
  const below = descendants(first);
  const layers = trace.layers.map((activity, index) => {
    if (below.has(index)) return createActivity(trace, trace.network.layers[index]);
    const { rows, columns } = activity.bits;
    return index === first.index
      ? { ...activity, bits: trace.network.backend.matrix(rows, columns) }
      : activity;
  });
  const { front, ...shared } = trace;
  return {
    ...shared,
    layers,
    own: trace.network.layers.filter(({ index }) => below.has(index)),
    sites: sitesOf(trace.network, branch),
    laws: lawsOf(trace.network, layers),
    flips: new Map(),
  };
}

const sitesOf = ({ layers }: Network, branch: number, time = 0): Site[] =>
  layers.map((layer) => ({ layer, branch, time }));

const lawsOf = ({ backend }: Network, layers: readonly Activity[]): Law[] =>
  layers.map((activity) => independent(backend, activity));

function createActivity(
  { network: { backend }, batchSize }: Pick<Trace, "network" | "batchSize">,
  { kind, choices, width }: Layer,
): Activity {
  const matrix = () => backend.matrix(batchSize, width);
  const p = matrix();
  const q = kind === "bernoulli" ? matrix() : p;
  return { kind, choices, logits: matrix(), p, q, bits: matrix() };
}

/** What a parent shows: the input or what the front end made of it, or a layer's bits. */
export const shown = (trace: Trace, from: number): Matrix =>
  from < 0 ? trace.features : trace.layers[from].bits;

/** `out = W x + c`, [B, width], the parents' values being those of the pass. */
export function computeLogits(trace: Trace, { bias, parents, addsInput }: Linear, out: Matrix): void {
  const { backend } = trace.network;
  backend.broadcast(bias, out);
  if (addsInput) backend.addScaled(trace.features, 1, out);
  for (const { from, coding, weights } of parents) backend.product(shown(trace, from), coding, weights, out);
}

/** Logits and probabilities of one layer from what its parents did. */
export function computeLaw(trace: Trace, layer: Layer): void {
  const { backend } = trace.network;
  const { logits, p, q } = trace.layers[layer.index];
  computeLogits(trace, layer, logits);
  if (layer.kind === "bernoulli") backend.sigmoid(logits, p, q);
  else backend.softmax(logits, layer.choices, p);
}

/** Samples the layers of a pass, one after the other; `draw` says how, by default each layer by itself. */
export function samplePass(
  trace: Trace,
  draws: Draws,
  draw = (index: number): void => draws.draw(trace.sites[index], trace.laws[index]),
): void {
  for (const flips of trace.flips.values()) flips.tablesFresh = flips.logLikelihoodFresh = false;
  trace.front?.forward();
  for (const layer of trace.own) {
    computeLaw(trace, layer);
    draw(layer.index);
  }
}

function flipsOf(trace: Trace, edge: Edge): Flips {
  const { backend } = trace.network;
  let flips = trace.flips.get(edge);
  if (flips === undefined) {
    if (edge.coding === "real") throw new TypeError("the edge comes from real inputs, which cannot flip");
    const tables = backend.flipTables(edge.weights, edge.coding);
    flips = { tables, tablesFresh: false, logLikelihood: undefined, logLikelihoodFresh: false };
    trace.flips.set(edge, flips);
  }
  if (!flips.tablesFresh) {
    backend.refreshFlipTables(flips.tables);
    flips.tablesFresh = true;
  }
  return flips;
}

/** The flip tables of an edge from a layer; allocated on first use. */
export const flipTables = (trace: Trace, edge: Edge): FlipTables => flipsOf(trace, edge).tables;

/**
 * The log-likelihood of what a layer did, by the outcomes of the units behind one of its edges: Bernoulli units on less
 * off, each choice of softmax units less the one made; [B, I], to be read only.
 */
export function flipLogLikelihood(trace: Trace, edge: Edge, child: number): Matrix {
  const { backend } = trace.network;
  const flips = flipsOf(trace, edge);
  const { kind, choices, bits } = trace.layers[edge.from];
  flips.logLikelihood ??= backend.matrix(bits.rows, bits.columns);
  if (!flips.logLikelihoodFresh) {
    const [outcome, out] = [trace.layers[child], flips.logLikelihood];
    if (kind === "bernoulli") backend.flipLogLikelihood(bits, flips.tables, outcome, out, false);
    else backend.switchLogLikelihood(bits, choices, flips.tables, outcome, out, false);
    flips.logLikelihoodFresh = true;
  }
  return flips.logLikelihood;
}

/** Adds what each outcome of the units behind an edge is worth to the log-likelihood of what is linear in them. */
export function addLikelihoodDifferences(trace: Trace, edge: Edge, child: Outcome, out: Matrix): void {
  const { backend } = trace.network;
  const { kind, choices, bits } = trace.layers[edge.from];
  const tables = flipTables(trace, edge);
  if (kind === "bernoulli") backend.flipLogLikelihood(bits, tables, child, out, true);
  else backend.switchLogLikelihood(bits, choices, tables, child, out, true);
}

/** Adds the same differences of the child layer's entropy to `out`. Between Bernoulli units the log-likelihood comes along. */
export function addFlipEntropy(trace: Trace, edge: Edge, child: number, out: Matrix): void {
  const { backend } = trace.network;
  const flips = flipsOf(trace, edge);
  const { kind, choices, bits } = trace.layers[edge.from];
  if (kind === "softmax" || trace.layers[child].kind === "softmax") {
    backend.entropyDifferences(bits, choices, flips.tables, trace.layers[child], out, true);
    return;
  }
  flips.logLikelihood ??= backend.matrix(bits.rows, bits.columns);
  backend.flipEntropy(bits, flips.tables, trace.layers[child], out, true, flips.logLikelihood);
  flips.logLikelihoodFresh = true;
}

/** An estimate of dJ/dl for the logits `l` of a linear map, with the pass its parents' values come from. */
export interface Credit {
  readonly linear: Linear;
  /** [B, width] */
  readonly g: Matrix;
  readonly trace: Trace;
  /**
   * What a paper's rule had too much, or too little, to be on the gradient's scale, and `g` is divided by: `g` times
   * this is the paper's update. Absent: 1. Null: no one number, as the layer's children differ in theirs.
   */
  readonly paperScale?: number | null;
}
