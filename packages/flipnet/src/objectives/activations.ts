/**
 * What a function component makes of its logit: `eta` in `eta(w . x + b)` (HNCA paper, appendix H, algorithm 3). A
 * scalar function is all that it takes; those that have kernels are much faster.
 */

import { type Backend, immediate, type Matrix, type Outcome } from "../backend/backend.ts";
import { softplus } from "../backend/softplus.ts";
import { InputError } from "../formats/errors.ts";
import { chosenAt } from "../network/choice-laws.ts";
import type { Edge, Layer } from "../network/network.ts";
import {
  addFlipEntropy,
  addLikelihoodDifferences,
  computeScore,
  flipLogLikelihood,
  type Pass,
} from "../network/pass.ts";
import { prepareAdditions } from "./what-if.ts";

/** A function of a logit and, where the components have one, of a target: a bit, or any number that was given. */
export interface Activation {
  /** `eta(logit, target)`, a finite number; the target is 0 where there is none. */
  value(logit: number, target: number): number;
  /** Its derivative by the logit. Absent: not known, and the parameters behind it stay as they are. */
  slope?(logit: number, target: number): number;
  /** Its derivative by the target, where that is what a layer did. Absent: not known. */
  targetSlope?(logit: number, target: number): number;
  /** Whether the parameters behind it learn by its slope; default: where it has one. */
  readonly learns?: boolean;
  /** The same by a backend's operations; undefined where they do not serve. */
  kernels?(logits: Logits): ActivationKernels | undefined;
}

/** The logits of one pass. */
export interface Logits {
  readonly pass: Pass;
  /** What they are linear in. */
  readonly parents: readonly Edge[];
  /** [B, width] */
  readonly logits: Matrix;
  /** [B, width] */
  readonly target: Matrix | undefined;
  /** The layer whose bits the target is. */
  readonly targetLayer: Layer | undefined;
  /** The layer of the network whose logits these are; undefined for those of the objective's own. */
  readonly layer: Layer | undefined;
}

/** An activation on a batch. */
export interface ActivationKernels {
  /** `value[b] = sum_j eta(l[b, j], t[b, j])`, [B, 1]. The logits are up to date. */
  evaluate(value: Matrix): void;
  /** `out +=` what each unit of the parent behind `edge` is worth to that sum: see `Component.addDifferences`. */
  addParentDifferences(edge: Edge, out: Matrix): void;
  /** `out +=` what each target is worth to that sum, where the target is what a layer did. */
  addTargetDifferences(out: Matrix): void;
  /** `g (+)= d eta / dl`, [B, width]. Absent: not known. */
  slope?(g: Matrix, accumulate: boolean): void;
  /** `out += d eta / dt`, [B, width], where the target is what a layer did. Absent: not known. */
  addTargetSlopes?(out: Matrix): void;
  /** `out = d^2 eta / dl^2`, [B, width]. Absent: not known. */
  curvature?(out: Matrix): void;
  /** `d^2 eta / dl dt`, where `eta` is linear in the target. Absent: it is not. */
  readonly mixed?: number | undefined;
}

const sigmoid = (l: number): number => (l >= 0 ? 1 / (1 + Math.exp(-l)) : Math.exp(l) / (1 + Math.exp(l)));

/** Whether each logit is that of a Bernoulli unit, as a backend's operations have it. */
const bernoulliOnly = ({ layer, targetLayer }: Logits): boolean =>
  layer?.kind !== "softmax" && targetLayer?.kind !== "softmax";

/** `log P(target)` of a Bernoulli unit with that logit: `t l - log(1 + e^l)`. */
export const logLikelihood: Activation = {
  value: (l, t) => t * l - softplus(l),
  slope: (l, t) => t - sigmoid(l),
  targetSlope: (l) => l,
  kernels(site) {
    const { pass, logits, target } = site;
    if (target === undefined || !bernoulliOnly(site)) return undefined;
    const { backend } = pass.network;
    const [p, q] = [0, 1].map(() => backend.matrix(pass.batchSize, logits.columns));
    const outcome: Outcome = { kind: "bernoulli", choices: 1, logits, p, q, bits: target };
    const logLikelihoodOf = prepareLogLikelihood(site, outcome);
    return {
      evaluate(value) {
        backend.sigmoid(logits, p, q);
        logLikelihoodOf(value);
      },
      addParentDifferences: (edge, out) => addLikelihoodDifferences(pass, edge, outcome, out),
      addTargetDifferences(out) {
        backend.addScaled(logits, 1, out); // log p - log (1 - p)
      },
      addTargetSlopes: (out) => backend.addScaled(logits, 1, out),
      slope: likelihoodSlope(pass, outcome),
      curvature(out) {
        backend.fill(out, 1);
        backend.meanSlope(out, p, q, -1, out);
      },
      mixed: 1,
    };
  },
};

/** The entropy in nats of a Bernoulli unit with that logit. */
export const entropy: Activation = {
  value: (l) => softplus(l) - l * sigmoid(l),
  slope: (l) => -l * sigmoid(l) * sigmoid(-l),
  kernels(site) {
    const { pass, layer } = site;
    if (layer === undefined || !bernoulliOnly(site)) return undefined;
    const { backend } = pass.network;
    const outcome = pass.layers[layer.index];
    let spread: Matrix | undefined;
    return {
      evaluate: (value) => backend.entropy(outcome, value),
      addParentDifferences: (edge, out) => addFlipEntropy(pass, edge, layer.index, out),
      addTargetDifferences() {},
      slope(g, accumulate) {
        if (!accumulate) backend.fill(g, 0);
        backend.addEntropyGradient(outcome.logits, outcome.p, outcome.q, g);
      },
      // -p q (1 + l (q - p)), as p q changes by p q (q - p)
      curvature(out) {
        const { logits, p, q } = outcome;
        spread ??= backend.matrix(pass.batchSize, layer.width);
        backend.subtract(q, p, spread);
        backend.fill(out, 1);
        backend.multiplyAdd(logits, spread, out);
        backend.meanSlope(out, p, q, -1, out);
      },
    };
  },
};

/** `-log q` of what a layer itself did: its entropy, sampled. Nothing learns by its slope, whose expectation is 0 (D-14). */
export const surprisal: Activation = {
  value: (l, t) => softplus(l) - t * l,
  slope: (l, t) => sigmoid(l) - t,
  targetSlope: (l) => -l,
  learns: false,
  kernels(site) {
    const { pass, layer, logits, targetLayer } = site;
    if (layer === undefined || targetLayer !== layer || !bernoulliOnly(site)) return undefined;
    const { backend } = pass.network;
    const outcome = pass.layers[layer.index];
    const logLikelihoodOf = prepareLogLikelihood(site, outcome);
    return {
      evaluate(value) {
        logLikelihoodOf(value);
        backend.addScaled(value, -2, value);
      },
      addParentDifferences: (edge, out) =>
        backend.addScaled(flipLogLikelihood(pass, edge, layer.index), -1, out),
      addTargetDifferences: (out) => backend.addScaled(logits, -1, out),
      addTargetSlopes: (out) => backend.addScaled(logits, -1, out),
      slope: surprisalSlope(pass, outcome),
      curvature(out) {
        backend.fill(out, 1);
        backend.meanSlope(out, outcome.p, outcome.q, 1, out);
      },
      mixed: -1,
    };
  },
};

/**
 * What `Backend.logLikelihood` gives, with fractions for bits where the pass shows means: it is linear in them, so it is
 * found from that of one outcome, all units off or at their first choice.
 */
export function prepareLogLikelihood(
  { pass, targetLayer }: Pick<Logits, "pass" | "targetLayer">,
  outcome: Outcome,
): (value: Matrix) => void {
  const { backend } = pass.network;
  if (pass.shows === "bits" || targetLayer === undefined)
    return (value) => backend.logLikelihood(outcome, value);
  const { logits, bits: fractions, choices } = outcome;
  const { rows, columns } = fractions;
  const first = backend.matrix(rows, columns);
  if (choices > 1) {
    backend.write(
      first,
      Array.from({ length: rows * columns }, (_, e) => (e % choices === 0 ? 1 : 0)),
    );
  }
  const less = backend.matrix(rows, columns);
  const known = { ...outcome, bits: first };
  return (value) => {
    backend.logLikelihood(known, value);
    backend.subtract(fractions, first, less);
    backend.rowDots(less, logits, "real", value, true);
  };
}

type Slope = NonNullable<ActivationKernels["slope"]>;

/** Of a log-likelihood by its logits: `bit - p`, exact where that is nearly nothing, or, of means, `fraction - p`. */
export function likelihoodSlope(pass: Pass, outcome: Outcome): Slope {
  const { backend } = pass.network;
  const { bits, p } = outcome;
  return (g, accumulate) => {
    if (accumulate) addDifference(backend, bits, p, g);
    else if (pass.shows === "means") backend.subtract(bits, p, g);
    else computeScore(backend, outcome, g);
  };
}

/** Of a surprisal by its logits: `p - bit`. */
export function surprisalSlope({ network: { backend } }: Pass, { bits, p }: Outcome): Slope {
  return (g, accumulate) => {
    if (accumulate) addDifference(backend, p, bits, g);
    else backend.subtract(p, bits, g);
  };
}

function addDifference(backend: Backend, a: Matrix, b: Matrix, g: Matrix): void {
  backend.addScaled(a, 1, g);
  backend.addScaled(b, -1, g);
}

/** By calling the scalar functions on the host: once an example and edge, where differences are asked for. */
export function scalarKernels(
  { value: eta, slope, targetSlope }: Activation,
  { pass, parents, logits, target, targetLayer }: Logits,
): ActivationKernels {
  const { network, batchSize } = pass;
  const backend = immediate(network.backend);
  const width = logits.columns;
  const l = new Float64Array(batchSize * width);
  const t = new Float64Array(l.length);
  const each = new Float64Array(l.length);
  const sums = new Float64Array(batchSize);
  const additionTo = prepareAdditions(backend, batchSize);
  const behind = parents
    .filter(({ from }) => from >= 0)
    .map((edge) => {
      const parent = network.layers[edge.from];
      return {
        edge,
        choices: parent.choices,
        bits: new Float64Array(batchSize * parent.width),
        weights: new Float64Array(parent.width * width),
        step: edge.coding === "plus-minus" ? 2 : 1,
      };
    });
  const targetChoices = targetLayer?.choices ?? 1;

  return {
    evaluate(value) {
      backend.readNow(logits, l);
      if (target !== undefined) backend.readNow(target, t);
      sums.fill(0);
      for (let e = 0; e < l.length; e++) {
        each[e] = eta(l[e], t[e]);
        sums[Math.floor(e / width)] += each[e];
        if (Number.isFinite(each[e])) continue;
        throw new InputError(
          `eta is ${each[e]} at the logit ${l[e]}, target ${t[e]}; expected a finite number`,
        );
      }
      backend.write(value, sums);
    },

    addParentDifferences(edge, out) {
      const { choices, bits, weights, step } = behind.find((one) => one.edge === edge)!;
      backend.readNow(pass.layers[edge.from].bits, bits);
      backend.readNow(edge.weights, weights);
      const I = out.columns;
      const { numbers, addTo } = additionTo(I);
      for (let e = 0; e < bits.length; e++) {
        const b = Math.floor(e / I);
        const i = e % I;
        // A Bernoulli unit flips: its weights go in or out. A softmax unit's choice takes another's place.
        const sign = choices === 1 && bits[e] === 1 ? -1 : 1;
        const factor = choices === 1 ? sign * step : 1;
        const left =
          choices === 1 ? -1 : (i - (i % choices) + chosenAt(bits, e - (e % choices), choices)) * width;
        let gain = 0;
        for (let j = 0, at = b * width; j < width; j++, at++) {
          const shift = factor * weights[i * width + j] - (left < 0 ? 0 : weights[left + j]);
          gain += eta(l[at] + shift, t[at]) - each[at];
        }
        numbers[e] = sign * gain;
      }
      addTo(out);
    },

    addTargetDifferences(out) {
      const { numbers, addTo } = additionTo(width);
      const on = (e: number) => eta(l[e], 1) - eta(l[e], 0);
      for (let e = 0; e < l.length; e++) {
        const unit = e - (e % targetChoices);
        numbers[e] = targetChoices === 1 ? on(e) : on(e) - on(unit + chosenAt(t, unit, targetChoices));
      }
      addTo(out);
    },

    ...(slope && {
      slope(g: Matrix, accumulate: boolean) {
        const { numbers, addTo } = additionTo(width);
        for (let e = 0; e < l.length; e++) numbers[e] = slope(l[e], t[e]);
        if (!accumulate) backend.fill(g, 0);
        addTo(g);
      },
    }),
    ...(targetSlope && {
      addTargetSlopes(out: Matrix) {
        const { numbers, addTo } = additionTo(width);
        for (let e = 0; e < l.length; e++) numbers[e] = targetSlope(l[e], t[e]);
        addTo(out);
      },
    }),
  };
}
