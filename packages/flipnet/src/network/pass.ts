/** One pass through a network: what every layer's law was and what it did. */
import type { Backend, Coding, FlipTables, Matrix, Outcome } from "../backend/backend.ts";
import type { FrontPass } from "../front-ends/front-end.ts";
import type { Draws, Site } from "./draws.ts";
import type { Choosing } from "./exploration.ts";
import { independent, type Law } from "./laws.ts";
import { descendants, type Edge, type Layer, type Linear, type Network } from "./network.ts";

/** The buffers of one pass; filled by `samplePass`. */
export interface Pass {
  readonly network: Network;
  readonly batchSize: number;
  /**
   * What units show: the bits that they drew; or their means, as though they were what they are on average, and then the
   * outcomes' `bits` hold fractions.
   */
  readonly shows: "bits" | "means";
  /** [B, inputs] */
  readonly input: Matrix;
  /** What layers see as their input: the input itself, or what the front end makes of it. */
  readonly features: Matrix;
  /** The front end on this pass; absent where there is none, or another pass has run it. */
  readonly front?: FrontPass;
  /** One a layer, in the network's order. */
  readonly layers: readonly Outcome[];
  /** Of a pass of means, one a layer, [B, width]: what children read, -1 to +1 for {-1,+1} units. */
  readonly means?: readonly Matrix[];
  /** Layers that are sampled in this pass, in their order; what the others did is another pass's. */
  readonly own: readonly Layer[];
  /** The sites its draws are asked for at, one a layer, and the laws of independent units there. */
  readonly sites: readonly Site[];
  readonly laws: readonly Law[];
  /** How the last layer explores; absent: it does what its softmax says. */
  readonly exploration?: Choosing;
  /** What was asked for about edges; it goes stale when the pass is sampled again. */
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
export function createPass(network: Network, input: Matrix, branch = 0, features?: Matrix): Pass {
  const batchSize = input.rows;
  if (network.inputCoding !== "real") network.backend.expectBits(input);
  const front = features === undefined ? network.front?.prepare(input) : undefined;
  const seen = features ?? front?.output ?? input;
  const layers = network.layers.map((layer) => createOutcome({ network, batchSize }, layer));
  return {
    network,
    batchSize,
    shows: "bits",
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

/** The same pass with a last layer that explores. Throws `InputError` where that cannot choose an action. */
export const explorePass = (pass: Pass, exploration: Choosing): Pass => ({
  ...pass,
  laws: exploration.bind(pass.network, pass.layers),
  exploration,
});

/**
 * A mean-field pass over the batch of `pass`, after it: every unit shows its mean given what its parents show. It draws
 * nothing; `runMeans` fills it. Operations on bits refuse it.
 */
export function createMeanPass({ network, input, features }: Pass): Pass {
  const { backend, spec } = network;
  const pass = createPass(network, input, 0, features);
  const means = pass.layers.map(({ kind, bits }) =>
    kind === "bernoulli" && spec.units === "plus-minus" ? backend.matrix(bits.rows, bits.columns) : bits,
  );
  return { ...pass, shows: "means", means };
}

/** Fills a mean-field pass, layer by layer. */
export function runMeans(pass: Pass): void {
  const { backend, layers } = pass.network;
  for (const layer of layers) if (!pass.own.includes(layer)) showMeans(pass, layer);
  for (const layer of pass.own) {
    computeLaw(pass, layer);
    const { p, bits } = pass.layers[layer.index];
    backend.copy(p, bits);
    showMeans(pass, layer);
  }
}

/**
 * A mean-field pass from a layer on: what this layer shows is its mean under the law that it has on `pass`, what lies below
 * follows from that, and all the rest is as it was sampled. `runMeansFrom` fills it once `pass` is sampled; `runMeans`, where
 * the layer is to show numbers that the caller has written into its `bits`.
 */
export function forkMeanPass(pass: Pass, first: Layer): Pass {
  const { backend, spec } = pass.network;
  const forked = forkPass(pass, first, 0);
  const means = forked.layers.map(({ kind, bits }) =>
    kind === "bernoulli" && spec.units === "plus-minus" ? backend.matrix(bits.rows, bits.columns) : bits,
  );
  return { ...forked, shows: "means", means };
}

/** Fills a mean-field pass from a layer on. */
export function runMeansFrom(pass: Pass, first: Layer): void {
  const { p, bits } = pass.layers[first.index];
  pass.network.backend.copy(p, bits);
  runMeans(pass);
}

/** Puts what children read of a layer beside the fractions in its `bits`. */
export function showMeans({ network: { backend }, layers, means }: Pass, { index }: Layer): void {
  const { bits } = layers[index];
  const shown = means![index];
  if (shown === bits) return;
  backend.fill(shown, -1);
  backend.addScaled(bits, 2, shown);
}

/**
 * A pass in which one layer's outcome, and all that lies downstream of it, is its own. The law of that layer itself and
 * everything else it shares with `pass`. To be sampled once `pass` has been.
 */
export function forkPass(pass: Pass, first: Layer, branch: number): Pass {
  const below = descendants(first);
  const layers = pass.layers.map((activity, index) => {
    if (below.has(index)) return createOutcome(pass, pass.network.layers[index]);
    const { rows, columns } = activity.bits;
    return index === first.index
      ? { ...activity, bits: pass.network.backend.matrix(rows, columns) }
      : activity;
  });
  const { front, ...shared } = pass;
  return {
    ...shared,
    layers,
    own: pass.network.layers.filter(({ index }) => below.has(index)),
    sites: sitesOf(pass.network, branch),
    laws: lawsOf(pass.network, layers),
    flips: new Map(),
  };
}

/** Some rows of a pass, on the same buffers, from row `first` on; their draws are those of a time of their own. */
export function partOfPass(pass: Pass, first: number, rows: number, time: number): Pass {
  const { network } = pass;
  const part = (m: Matrix) => network.backend.view(m, first * m.columns, rows, m.columns);
  const input = part(pass.input);
  const front = network.front?.prepare(input);
  const layers = pass.layers.map((activity) => {
    const [logits, p, bits] = [activity.logits, activity.p, activity.bits].map(part);
    const q = activity.q === activity.p ? p : part(activity.q);
    return { ...activity, logits, p, q, bits };
  });
  return {
    network,
    batchSize: rows,
    shows: pass.shows,
    input,
    features: front?.output ?? input,
    ...(front && { front }),
    layers,
    own: network.layers,
    sites: sitesOf(network, 0, time),
    laws: lawsOf(network, layers),
    flips: new Map(),
  };
}

const sitesOf = ({ layers }: Network, branch: number, time = 0): Site[] =>
  layers.map((layer) => ({ layer, branch, time }));

const lawsOf = ({ backend }: Network, layers: readonly Outcome[]): Law[] =>
  layers.map((activity) => independent(backend, activity));

function createOutcome(
  { network: { backend }, batchSize }: Pick<Pass, "network" | "batchSize">,
  { kind, choices, width }: Layer,
): Outcome {
  const matrix = () => backend.matrix(batchSize, width);
  const p = matrix();
  const q = kind === "bernoulli" ? matrix() : p;
  return { kind, choices, logits: matrix(), p, q, bits: matrix() };
}

/** What a parent shows: the input or what the front end made of it, or a layer's bits or means. Read in `codingOf`. */
export const shown = (pass: Pass, from: number): Matrix =>
  from < 0 ? pass.features : (pass.means?.[from] ?? pass.layers[from].bits);

/** How what stands behind an edge is read on a pass. */
export const codingOf = ({ shows }: Pass, { from, coding }: Edge): Coding =>
  shows === "means" && from >= 0 ? "real" : coding;

/** `out = W x + c`, [B, width], the parents' values being those of the pass. */
export function computeLogits(pass: Pass, { bias, parents, addsInput }: Linear, out: Matrix): void {
  const { backend } = pass.network;
  backend.broadcast(bias, out);
  if (addsInput) backend.addScaled(pass.features, 1, out);
  for (const edge of parents)
    backend.product(shown(pass, edge.from), codingOf(pass, edge), edge.weights, out);
}

/** Logits and probabilities of one layer from what its parents did. */
export function computeLaw(pass: Pass, layer: Layer): void {
  const { backend } = pass.network;
  const { logits, p, q } = pass.layers[layer.index];
  computeLogits(pass, layer, logits);
  const explores = explorationOf(pass, layer.index);
  explores?.mask(logits);
  if (layer.kind === "bernoulli") backend.sigmoid(logits, p, q);
  else backend.softmax(logits, layer.choices, p);
  explores?.mix(p);
}

/** Of the last layer, where it explores. */
const explorationOf = ({ exploration, layers }: Pass, index: number): Choosing | undefined =>
  index === layers.length - 1 ? exploration : undefined;

/** `out = d log P(what a layer did) / dl`, [B, width]: bit less probability, exact where that is nearly nothing. */
export function computeScore(backend: Backend, { kind, choices, p, q, bits }: Outcome, out: Matrix): void {
  if (kind === "bernoulli") backend.score(bits, p, q, out);
  else backend.choiceScore(bits, choices, p, out);
}

/** Samples the layers of a pass, one after the other; `draw` says how, by default each layer by itself. */
export function samplePass(
  pass: Pass,
  draws: Draws,
  draw = (index: number): void => draws.draw(pass.sites[index], pass.laws[index]),
): void {
  for (const flips of pass.flips.values()) flips.tablesFresh = flips.logLikelihoodFresh = false;
  pass.front?.forward();
  const stands = draws.stands?.(pass.sites[0].branch) ?? false;
  for (const layer of pass.own) {
    if (!stands) computeLaw(pass, layer);
    draw(layer.index);
    explorationOf(pass, layer.index)?.measure(pass.layers[layer.index]);
  }
}

function flipsOf(pass: Pass, edge: Edge): Flips {
  const { backend } = pass.network;
  let flips = pass.flips.get(edge);
  if (flips === undefined) {
    if (pass.shows === "means") throw new TypeError("the pass is one of means, and only bits can flip");
    if (edge.coding === "real") throw new TypeError("the edge comes from real inputs, which cannot flip");
    const tables = backend.flipTables(edge.weights, edge.coding);
    flips = { tables, tablesFresh: false, logLikelihood: undefined, logLikelihoodFresh: false };
    pass.flips.set(edge, flips);
  }
  if (!flips.tablesFresh) {
    backend.refreshFlipTables(flips.tables);
    flips.tablesFresh = true;
  }
  return flips;
}

/** The flip tables of an edge from a layer; allocated on first use. */
export const flipTables = (pass: Pass, edge: Edge): FlipTables => flipsOf(pass, edge).tables;

/**
 * The log-likelihood of what a layer did, by the outcomes of the units behind one of its edges: Bernoulli units on less
 * off, each choice of softmax units less the one made; [B, I], to be read only.
 */
export function flipLogLikelihood(pass: Pass, edge: Edge, child: number): Matrix {
  const { backend } = pass.network;
  const flips = flipsOf(pass, edge);
  const { kind, choices, bits } = pass.layers[edge.from];
  flips.logLikelihood ??= backend.matrix(bits.rows, bits.columns);
  if (!flips.logLikelihoodFresh) {
    const [outcome, out] = [pass.layers[child], flips.logLikelihood];
    if (kind === "bernoulli") backend.flipLogLikelihood(bits, flips.tables, outcome, out, false);
    else backend.switchLogLikelihood(bits, choices, flips.tables, outcome, out, false);
    const explores = explorationOf(pass, child);
    if (explores?.floored) {
      backend.mixtureLikelihood(out, explores.odds, kind === "bernoulli" ? bits : undefined, out);
    }
    flips.logLikelihoodFresh = true;
  }
  return flips.logLikelihood;
}

/** Adds what each outcome of the units behind an edge is worth to the log-likelihood of what is linear in them. */
export function addLikelihoodDifferences(pass: Pass, edge: Edge, child: Outcome, out: Matrix): void {
  const { backend } = pass.network;
  const { kind, choices, bits } = pass.layers[edge.from];
  const tables = flipTables(pass, edge);
  if (kind === "bernoulli") backend.flipLogLikelihood(bits, tables, child, out, true);
  else backend.switchLogLikelihood(bits, choices, tables, child, out, true);
}

/** Adds the same differences of the child layer's entropy to `out`. Between Bernoulli units the log-likelihood comes along. */
export function addFlipEntropy(pass: Pass, edge: Edge, child: number, out: Matrix): void {
  const { backend } = pass.network;
  const flips = flipsOf(pass, edge);
  const { kind, choices, bits } = pass.layers[edge.from];
  if (kind === "softmax" || pass.layers[child].kind === "softmax") {
    backend.entropyDifferences(bits, choices, flips.tables, pass.layers[child], out, true);
    return;
  }
  flips.logLikelihood ??= backend.matrix(bits.rows, bits.columns);
  backend.flipEntropy(bits, flips.tables, pass.layers[child], out, true, flips.logLikelihood);
  flips.logLikelihoodFresh = true;
}

/** An estimate of dJ/dl for the logits `l` of a linear map, with the pass its parents' values come from. */
export interface Credit {
  readonly linear: Linear;
  /** [B, width] */
  readonly g: Matrix;
  readonly pass: Pass;
  /**
   * What a paper's rule had too much, or too little, to be on the gradient's scale, and `g` is divided by: `g` times
   * this is the paper's update. Absent: 1. Null: no one number, as the layer's children differ in theirs.
   */
  readonly paperScale?: number | null;
}
