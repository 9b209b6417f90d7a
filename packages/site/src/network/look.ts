/** What there is to see of a training where it stands. */

import { exactBandit } from "flipnet/internal/audit/bandit-exact";
import type { BanditSpec } from "flipnet/internal/audit/bandit-spec";
import { parseBanditSpec } from "flipnet/internal/audit/bandit-spec";
import { fromBlock, toBlock } from "flipnet/internal/audit/layout";
import type { Estimator } from "flipnet/internal/estimators/estimator";
import { hnca } from "flipnet/internal/estimators/hnca";
import { GeneratedDraws } from "flipnet/internal/network/draws";
import { createPass, samplePass } from "flipnet/internal/network/pass";
import { rewardObjective } from "flipnet/internal/objectives/reward";
import type { Lane } from "./lane.ts";
import {
  type ChildView,
  type Cloud,
  type LaneView,
  type LayerView,
  side,
  type UnitView,
} from "./question.ts";

const sigmoid = (l: number): number => 1 / (1 + Math.exp(-l));

/** One row of a matrix of that many columns. */
const rowOf = (values: Float64Array, row: number, columns: number): number[] =>
  Array.from(values.subarray(row * columns, (row + 1) * columns));

/** Layers on one example: laws, bits, credits. */
export function layersOf({ backend, learner: { network, estimator } }: Lane, row: number): LayerView[] {
  const { pass, credits } = estimator;
  return network.layers.map((layer, l) => {
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

/** [layer] weights [input][unit], one after the other. */
export const weightsOf = ({ backend, learner: { network } }: Lane): number[][] =>
  network.layers.map(({ parents }) => parents.flatMap(({ weights }) => Array.from(backend.readNow(weights))));

/** What a coin's children did, and what that says about it: by hand, in float64, from weights and logits. */
export function unitOf(
  lane: Lane,
  layers: readonly LayerView[],
  row: number,
  [l, j]: readonly [number, number],
): UnitView | undefined {
  const layer = layers[l];
  if (layer === undefined || j >= layer.p.length) return undefined;
  const prior = layer.p[j];
  const bit = layer.bits[j];
  const credit = layer.credit[j];
  const below = lane.learner.network.layers[l + 1];
  if (below === undefined) return { prior, bit, children: [], posterior: bit, credit };
  const { backend } = lane;
  const logits = rowOf(backend.readNow(lane.learner.estimator.pass.layers[l + 1].logits), row, below.width);
  const weights = backend.readNow(below.parents[0].weights);
  const shown = 2 * bit - 1;
  const children = logits.map((logit, k): ChildView => {
    const weight = weights[j * below.width + k];
    const did = layers[l + 1].bits[k];
    const likely = (value: number) => {
      const on = logit + weight * (value - shown);
      return sigmoid(did === 1 ? on : -on);
    };
    return { bit: did, weight, ifOn: likely(1), ifOff: likely(-1) };
  });
  const odds = children.reduce((product, { ifOn, ifOff }) => product * (ifOn / ifOff), prior / (1 - prior));
  return { prior, bit, children, posterior: odds / (1 + odds), credit };
}

/** Passes whose mean is the probability of answering on. */
const passes = 8;

/** What the network says all over the square. */
export function prepareField({ backend, learner: { network } }: Lane, seed: number) {
  const input = backend.matrix(side * side, 2);
  const points = new Float64Array(2 * side * side);
  for (let i = 0; i < side * side; i++) {
    points[2 * i] = (2 * (i % side)) / (side - 1) - 1;
    points[2 * i + 1] = (2 * Math.floor(i / side)) / (side - 1) - 1;
  }
  backend.write(input, points);
  const pass = createPass(network, input);
  const draws = new GeneratedDraws(backend, seed, "test");
  const last = pass.layers[network.layers.length - 1];
  return () => {
    const mean = new Float32Array(side * side);
    let sample = new Float32Array();
    for (let n = 0; n < passes; n++) {
      draws.startStep(n);
      samplePass(pass, draws);
      backend.readNow(last.p).forEach((p, i) => {
        mean[i] += p / passes;
      });
      if (n === 0) sample = Float32Array.from(backend.readNow(last.bits));
    }
    return { mean, sample };
  };
}

/** The network as it stands, facing one example, as the audit reads it. */
export function specOf(
  { backend, learner: { network } }: Lane,
  input: readonly number[],
  answer: number,
): BanditSpec {
  return {
    units: "plus-minus",
    layers: network.layers.map(({ block, width }) => ({
      kind: "bernoulli",
      ...fromBlock(backend.readNow(block), width),
    })),
    contexts: [input],
    reward: [answer === 1 ? [-1, 1] : [1, -1]],
  };
}

const gradients = 200;
/** Of HNCA, where too many hidden coins leave nothing exact. */
const averaged = 100;
/** Hidden outcomes that are gone through for an exact gradient. */
const mostStates = 2 ** 14;

/** 200 gradients of one example, each from a pass of its own, beside the true one. Their memory is given back. */
export function cloudOf(lane: Lane, input: readonly number[], answer: number, seed: number): Cloud {
  const scope = lane.backend.scope();
  const cloud = scope.run(() => drawCloud(lane, input, answer, seed));
  scope.release();
  return cloud;
}

function drawCloud(lane: Lane, input: readonly number[], answer: number, seed: number): Cloud {
  const { backend } = lane;
  const { network } = lane.learner;
  const hidden = network.layers.reduce((sum, { units }) => sum + units, 0);
  const spec = specOf(lane, input, answer);

  const draw = (estimator: Estimator, batches: number, first: number): Float64Array[] => {
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
    const found: Float64Array[] = [];
    for (let batch = 0; batch < batches; batch++) {
      draws.startStep(first + batch);
      prepared.sample(draws);
      const acts = backend.readNow(prepared.pass.layers[network.layers.length - 1].bits);
      backend.write(
        reward,
        acts.map((act) => (act === answer ? 1 : -1)),
      );
      prepared.credit();
      for (let row = 0; row < gradients; row++) {
        found.push(
          Float64Array.from(
            network.layers.flatMap((layer, l) => {
              const g = new Float64Array(layer.width);
              for (const credit of prepared.credits) {
                if (credit.linear !== layer) continue;
                rowOf(backend.readNow(credit.g), row, layer.width).forEach((value, j) => {
                  g[j] += value;
                });
              }
              const x =
                l === 0
                  ? input
                  : rowOf(
                      backend.readNow(prepared.pass.layers[l - 1].bits),
                      row,
                      network.layers[l - 1].width,
                    ).map((bit) => 2 * bit - 1);
              return [...x, 1].flatMap((value) => Array.from(g, (one) => one * value));
            }),
          ),
        );
      }
    }
    return found;
  };

  const exact = 2 ** hidden <= mostStates;
  const truth = exact
    ? Float64Array.from(exactBandit(parseBanditSpec(spec)).flatMap((layer) => Array.from(toBlock(layer))))
    : draw(hnca, averaged, 1000).reduce(
        (sum, one) => sum.map((value, i) => value + one[i] / (averaged * gradients)),
        new Float64Array(network.size),
      );
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const length = Math.sqrt(dot(truth, truth));
  const along = truth.map((value) => value / length);
  // Any direction across: signs that go on and off, less what they have along the gradient.
  const signs = truth.map((_, i) => ((i * 2654435761) >>> 31 ? 1 : -1));
  const overlap = dot(signs, along);
  const rest = signs.map((value, i) => value - overlap * along[i]);
  const size = Math.sqrt(dot(rest, rest));
  const across = rest.map((value) => value / size);
  const points = draw(lane.estimator, 1, 0).map((one): [number, number] => [
    dot(one, along),
    dot(one, across),
  ]);
  return { points, truth: length, ...(!exact && { drawn: averaged * gradients }) };
}

/** A lane that could not be opened. */
export const refusedLane = (name: string, refused: string): LaneView => ({
  name,
  refused,
  layers: [],
  weights: [],
  reward: 0,
  curve: { right: new Float32Array(), variance: new Float32Array() },
});
