/** What there is to see of a training where it stands. */

import { exactBandit } from "flipnet/internal/audit/bandit-exact";
import type { BanditSpec } from "flipnet/internal/audit/bandit-spec";
import { parseBanditSpec } from "flipnet/internal/audit/bandit-spec";
import { fromBlock, toBlock } from "flipnet/internal/audit/layout";
import { gridWorld } from "flipnet/internal/environments/grid-world";
import type { Estimator, PreparedEstimator } from "flipnet/internal/estimators/estimator";
import { hnca } from "flipnet/internal/estimators/hnca";
import { GeneratedDraws } from "flipnet/internal/network/draws";
import { createPass, samplePass } from "flipnet/internal/network/pass";
import { rewardObjective } from "flipnet/internal/objectives/reward";
import { readActions } from "flipnet/internal/tasks/task";
import type { Lane } from "./lane.ts";
import {
  type ChildView,
  type Cloud,
  type Field,
  type LaneView,
  type LayerView,
  side,
  type UnitView,
  type Walk,
} from "./question.ts";
import { board, type TaskName } from "./spec.ts";

const sigmoid = (l: number): number => 1 / (1 + Math.exp(-l));

/** One row of a matrix of that many columns. */
const rowOf = (values: Float64Array, row: number, columns: number): number[] =>
  Array.from(values.subarray(row * columns, (row + 1) * columns));

/** An estimator that has credited a batch, and the row of it that is looked at. */
export interface Seen {
  readonly prepared: PreparedEstimator;
  readonly row: number;
}

/** A row of the step that the training stands before. */
export const seenBy = (lane: Lane, row: number): Seen => ({ prepared: lane.learner.estimator, row });

/** What the network sees of it, as its coins read it. */
export function inputOf({ backend }: Lane, { prepared: { pass }, row }: Seen): number[] {
  const { inputs, inputCoding } = pass.network;
  const stored = rowOf(backend.readNow(pass.input), row, inputs);
  return inputCoding === "plus-minus" ? stored.map((value) => 2 * value - 1) : stored;
}

/** What it earned. */
export const rewardOf = ({ backend }: Lane, { prepared, row }: Seen): number =>
  prepared.evaluation.components.map(({ value }) => backend.readNow(value)[row])[0];

/** Layers on one example: laws, bits, credits. */
export function layersOf(lane: Lane, { prepared, row }: Seen): LayerView[] {
  const { backend } = lane;
  const { pass, credits } = prepared;
  return pass.network.layers.map((layer, l) => {
    const { p, bits } = pass.layers[l];
    const credit = new Array<number>(layer.width).fill(0);
    for (const { linear, g } of credits) {
      if (linear !== layer) continue;
      rowOf(backend.readNow(g), row, layer.width).forEach((value, j) => {
        credit[j] += value;
      });
    }
    return {
      p: rowOf(backend.readNow(p), row, layer.width),
      bits: rowOf(backend.readNow(bits), row, layer.width),
      credit,
    };
  });
}

/** [layer] weights [input][unit], one after the other; none to the pixels of an image, which are too many for lines. */
export const weightsOf = ({ backend, learner: { network } }: Lane, isImage: boolean): Float32Array[] =>
  network.layers.map(({ parents: [{ weights }] }, l) =>
    isImage && l === 0 ? new Float32Array() : Float32Array.from(backend.readNow(weights)),
  );

/** The probability of a choice, given the logits of all of them. */
function softmaxAt(logits: readonly number[], chosen: number): number {
  return 1 / logits.reduce((sum, logit) => sum + Math.exp(logit - logits[chosen]), 0);
}

/** What a coin's children did, and what that says about it: by hand, in float64, from weights and logits. */
export function unitOf(
  lane: Lane,
  layers: readonly LayerView[],
  { prepared, row }: Seen,
  [l, j]: readonly [number, number],
  /** What the last layer's choices are called. */
  names: readonly string[],
  isImage = false,
): UnitView | undefined {
  const layer = layers[l];
  if (layer === undefined || j >= layer.p.length) return undefined;
  const { backend, learner } = lane;
  const prior = layer.p[j];
  const bit = layer.bits[j];
  const credit = layer.credit[j];
  const own = learner.network.layers[l];
  const image =
    isImage && l === 0
      ? Float32Array.from(backend.readNow(own.parents[0].weights)).filter((_, e) => e % own.width === j)
      : undefined;
  const below = learner.network.layers[l + 1];
  if (below === undefined) return { prior, bit, children: [], posterior: bit, credit, image };
  const logits = rowOf(backend.readNow(prepared.pass.layers[l + 1].logits), row, below.width);
  const all = backend.readNow(below.parents[0].weights);
  const weights = rowOf(all, j, below.width);
  const did = layers[l + 1].bits;
  /** Logits had the coin shown that, -1 or +1. */
  const had = (value: number) => logits.map((logit, k) => logit + weights[k] * (value - (2 * bit - 1)));
  const [on, off] = [had(1), had(-1)];
  const children: ChildView[] =
    below.kind === "softmax"
      ? [did.indexOf(1)].map((chosen) => ({
          did: names[chosen],
          ifOn: softmaxAt(on, chosen),
          ifOff: softmaxAt(off, chosen),
        }))
      : did.map((value, k) => {
          const sign = value === 1 ? 1 : -1;
          return {
            did: value === 1 ? "on" : "off",
            ifOn: sigmoid(sign * on[k]),
            ifOff: sigmoid(sign * off[k]),
          };
        });
  const odds = children.reduce((product, { ifOn, ifOff }) => product * (ifOn / ifOff), prior / (1 - prior));
  return { prior, bit, children, posterior: odds / (1 + odds), credit, image };
}

/** A digit of one's own, seen, guessed and credited by the network as it stands. Its memory is given back. */
export function lookAtOwn<T>(
  lane: Lane,
  { pixels, means }: { readonly pixels: readonly number[]; readonly means: number },
  seed: number,
  look: (seen: Seen) => T,
): T {
  const { backend, learner, estimator } = lane;
  const scope = backend.scope();
  const found = scope.run(() => {
    const { network } = learner;
    const input = backend.matrix(1, network.inputs);
    backend.write(
      input,
      Array.from({ length: network.inputs }, (_, e) => pixels[e] ?? 0),
    );
    const reward = backend.matrix(1, 1);
    const objective = rewardObjective(reward);
    const problem = { network, input, objective, baseline: "none", baselineDecay: 0.99 } as const;
    const prepared = estimator.prepare(problem);
    const draws = new GeneratedDraws(backend, seed, "images");
    draws.startStep(lane.step + 1);
    prepared.sample(draws);
    const [action] = readActions(backend, prepared.pass.layers[network.layers.length - 1].bits);
    backend.write(reward, [action === means ? 1 : 0]);
    prepared.credit();
    return look({ prepared, row: 0 });
  });
  scope.release();
  return found;
}

/** The episode that a row of a walk's step belongs to. Rows are moments of all episodes, time by time. */
export function walkOf({ backend, task }: Lane, row: number): Walk & { readonly row: number } {
  const { size, episodes } = board;
  const alive = backend.readNow(task.weights!);
  const seen = backend.readNow(task.input);
  const episode = row % episodes;
  const cells: number[] = [];
  let last = 0;
  for (let t = 0; t < board.horizon; t++) {
    const at = t * episodes + episode;
    const cell = rowOf(seen, at, 2 * size);
    cells.push(size * cell.indexOf(1) + cell.indexOf(1, size) - size);
    if (alive[at] === 0) break;
    last = t;
  }
  const at = Math.min(Math.floor(row / episodes), last);
  return { cells, at, row: at * episodes + episode };
}

/** Passes whose mean is what the network says. */
const passes = 8;
/** Copies of a digit. */
const copies = 32;

/** What the network says: see `Field`. Gives it for an example, where it is one's. */
export function prepareField({ backend, learner: { network } }: Lane, task: TaskName, seed: number) {
  const points = pointsFor(task);
  const input = backend.matrix(
    points === undefined ? copies : points.length / network.inputs,
    network.inputs,
  );
  if (points !== undefined) backend.write(input, points);
  const pass = createPass(network, input);
  const draws = new GeneratedDraws(backend, seed, "test");
  const { p, bits } = pass.layers[network.layers.length - 1];
  return (example: readonly number[]): Field => {
    if (points === undefined) backend.write(input, Array.from({ length: copies }, () => example).flat());
    const length = points === undefined ? p.columns : p.rows * p.columns;
    const mean = new Float32Array(length);
    let sample = new Float32Array();
    for (let n = 0; n < passes; n++) {
      draws.startStep(n);
      samplePass(pass, draws);
      const all = backend.readNow(p);
      all.forEach((value, i) => {
        mean[i % length] += (value * length) / (passes * all.length);
      });
      if (n === 0) sample = Float32Array.from(backend.readNow(bits).subarray(0, length));
    }
    return { mean, sample };
  };
}

/** Where the network is asked, one after the other; undefined where it is asked about the example that is shown. */
function pointsFor(task: TaskName): Float64Array | undefined {
  if (task === "digits") return undefined;
  if (task === "walk") {
    const world = gridWorld(board.size, board.horizon);
    const points = new Float64Array(board.size ** 2 * world.inputs);
    for (let cell = 0; cell < board.size ** 2; cell++)
      world.observe(Float64Array.of(cell), points, cell * world.inputs);
    return points;
  }
  return Float64Array.from({ length: 2 * side * side }, (_, e) => {
    const i = e >> 1;
    return (2 * (e % 2 === 0 ? i % side : Math.floor(i / side))) / (side - 1) - 1;
  });
}

/** The network as it stands, facing one example, as the audit reads it. `wrong`: what a wrong answer earns. */
export function specOf(
  { backend, learner: { network } }: Lane,
  input: readonly number[],
  answer: number,
  wrong = -1,
): BanditSpec {
  const last = network.layers[network.layers.length - 1];
  return {
    units: "plus-minus",
    layers: network.layers.map(({ kind, block, width }) => ({
      kind,
      ...fromBlock(backend.readNow(block), width),
    })),
    contexts: [input],
    reward: [Array.from({ length: Math.max(2, last.width) }, (_, a) => (a === answer ? 1 : wrong))],
  };
}

const gradients = 200;
/** Of HNCA, where too many hidden coins leave nothing exact. */
const averaged = 100;
/** Hidden outcomes that are gone through for an exact gradient. */
const mostStates = 2 ** 14;

/** 200 gradients of one example, each from a pass of its own, beside the true one. Their memory is given back. */
export function cloudOf(
  lane: Lane,
  input: readonly number[],
  answer: number,
  seed: number,
  wrong = -1,
): Cloud {
  const scope = lane.backend.scope();
  const cloud = scope.run(() => drawCloud(lane, input, answer, seed, wrong));
  scope.release();
  return cloud;
}

function drawCloud(lane: Lane, input: readonly number[], answer: number, seed: number, wrong: number): Cloud {
  const { backend } = lane;
  const { network } = lane.learner;
  const hidden = network.layers.reduce((sum, { units }) => sum + units, 0);

  /** Draws batches of gradients, from the batch `first` on; each is all parameters' in a row. */
  function draw(estimator: Estimator, batches: number, first: number, each: (g: Float64Array) => void): void {
    const seen = backend.matrix(gradients, network.inputs);
    // Signs are bits where the library keeps them.
    const stored = network.inputCoding === "plus-minus" ? input.map((value) => (value + 1) / 2) : input;
    backend.write(seen, Array.from({ length: gradients }, () => stored).flat());
    const reward = backend.matrix(gradients, 1);
    const prepared = estimator.prepare({
      network,
      input: seen,
      objective: rewardObjective(reward),
      baseline: "none",
      baselineDecay: 0.99,
    });
    const draws = new GeneratedDraws(backend, seed, "test");
    for (let batch = 0; batch < batches; batch++) {
      draws.startStep(first + batch);
      prepared.sample(draws);
      const { layers } = prepared.pass;
      const acts = readActions(backend, layers[network.layers.length - 1].bits);
      backend.write(
        reward,
        Float64Array.from(acts, (act) => (act === answer ? 1 : wrong)),
      );
      prepared.credit();
      const bits = layers.map((layer) => backend.readNow(layer.bits));
      const credits = prepared.credits.map(({ linear, g }) => ({ linear, g: backend.readNow(g) }));
      for (let row = 0; row < gradients; row++) {
        const found = new Float64Array(network.size);
        let at = 0;
        for (const [l, layer] of network.layers.entries()) {
          const g = new Float64Array(layer.width);
          for (const credit of credits) {
            if (credit.linear !== layer) continue;
            for (let j = 0; j < g.length; j++) g[j] += credit.g[row * g.length + j];
          }
          const x =
            l === 0 ? input : rowOf(bits[l - 1], row, network.layers[l - 1].width).map((bit) => 2 * bit - 1);
          for (const value of [...x, 1]) for (const one of g) found[at++] = one * value;
        }
        each(found);
      }
    }
  }

  const exact = 2 ** hidden <= mostStates;
  const truth = new Float64Array(network.size);
  if (exact) {
    const spec = parseBanditSpec(specOf(lane, input, answer, wrong));
    truth.set(exactBandit(spec).flatMap((layer) => Array.from(toBlock(layer))));
  } else {
    draw(hnca, averaged, 1000, (one) => {
      for (let i = 0; i < truth.length; i++) truth[i] += one[i] / (averaged * gradients);
    });
  }
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const length = Math.sqrt(dot(truth, truth));
  const along = truth.map((value) => value / length);
  // Any direction across: signs that go on and off, less what they have along the gradient.
  const signs = truth.map((_, i) => ((i * 2654435761) >>> 31 ? 1 : -1));
  const overlap = dot(signs, along);
  const rest = signs.map((value, i) => value - overlap * along[i]);
  const size = Math.sqrt(dot(rest, rest));
  const across = rest.map((value) => value / size);
  const points: [number, number][] = [];
  draw(lane.estimator, 1, 0, (one) => points.push([dot(one, along), dot(one, across)]));
  return { points, truth: length, ...(!exact && { drawn: averaged * gradients }) };
}

/** A lane that could not be opened. */
export const refusedLane = (name: string, refused: string): LaneView => ({
  name,
  refused,
  input: [],
  layers: [],
  reward: 0,
});
