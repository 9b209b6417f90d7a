/**
 * GO, "gradient of the objective" (Cong, Zhao, Bai and Carin 2019): with its choices in an order, a unit's distribution function `F`
 * moves, and what lies between each choice and the next moves with it,
 *
 *     g = -dF(z)/dl / p_z (f(z + 1) - f(z)),     of a Bernoulli unit:  1[b = 0] p (f(on) - f(off)),
 *
 * nothing of the last choice, whose `F` is 1. All other units are as they were drawn; where the unit's children lead to a component, they
 * are so given the choice that was made, and its worth at the next one is weighed by the likelihood ratio, `e^delta f(z + 1) - f(z)`.
 * A component whose differences are not known, a reward say, is credited by the score.
 *
 * Unbiased. f-HNCA is its expectation given the unit's Markov blanket, looks at both sides and costs the same: never more variance.
 * Cost beside the forward pass: f-HNCA's messages; the credits are formed on the host.
 */
import { immediate, type Matrix } from "../backend/backend.ts";
import { chosenAt } from "../network/choice-laws.ts";
import type { Layer } from "../network/network.ts";
import { type Component, childrenTowards, placeOf } from "../objectives/objective.ts";
import { groupByChildren, prepareChildren } from "./children.ts";
import { defineEstimator } from "./estimator.ts";
import { prepareSinglePass } from "./single-pass.ts";

/** `g = -dF(z)/dl / p_z (f(z + 1) - f(z))`: Cong, Zhao, Bai and Carin 2019, theorem 1. */
export const go = defineEstimator({
  name: "go",
  title: "GO",
  paper: "Cong, Zhao, Bai and Carin 2019, theorem 1",
  unbiased: true,
  why: "summation by parts over a unit's choices turns its score into differences",
  needs: { knows: ["components"] },
  baseline: true,
  cost: "forward pass + one message to every parent, of the encoder and of the components",

  prepare(problem) {
    const { network, input } = problem;
    const backend = immediate(network.backend);
    const rows = input.rows;
    const {
      pass,
      evaluation,
      signals,
      credits,
      score: scoreOf,
      weigh,
      estimator,
    } = prepareSinglePass(
      problem,
      () => false, // A layer has a signal for each set of its children.
    );
    const children = prepareChildren(pass);
    const numbers = (columns: number) => new Float64Array(rows * columns);

    const parts = credits.map(({ layer, g }) => {
      const { index, width } = layer;
      const reads = (component: Component) => component.reads.includes(index);
      const isScalar = (component: Component) => reads(component) && component.addDifferences === undefined;
      const known = evaluation.components.filter(
        (component) => !isScalar(component) && placeOf(component, layer) !== "upstream",
      );
      const groups = groupByChildren(known, (component) => childrenTowards(component, layer));
      const scalars = evaluation.components.filter(isScalar);
      return {
        layer,
        g,
        sets: groups.map(({ among, components }, place) => ({
          among,
          // What no child leads to has no signal: a constant would cancel.
          sum: among.length > 0 ? signals.sum(`baseline.${index}.${place}`, components) : undefined,
          both: components.filter(reads),
        })),
        difference: backend.matrix(rows, width),
        differences: numbers(width),
        deltas: numbers(width),
        signal: numbers(1),
        bits: numbers(width),
        p: numbers(width),
        found: numbers(width),
        scalar: signals.sum(`baseline.${index}.scalar`, scalars),
        score: backend.matrix(rows, width),
      };
    });

    return estimator(() => {
      for (const part of parts) {
        const { layer, g, sets, difference, differences, deltas, signal, bits, p, found, scalar } = part;
        const law = pass.layers[layer.index];
        backend.readNow(law.bits, bits);
        backend.readNow(law.p, p);
        found.fill(0);
        for (const { among, sum, both } of sets) {
          backend.fill(difference, 0);
          for (const component of both) component.addDifferences!(layer, difference);
          backend.readNow(difference, differences);
          if (sum === undefined) {
            deltas.fill(0);
            signal.fill(0);
          } else {
            backend.readNow(children.logLikelihoodRatios(layer, among), deltas);
            backend.readNow(sum, signal);
          }
          addCredits(layer, { bits, p, differences, deltas, signal }, found);
        }
        backend.write(g, found);
        if (scalar !== undefined) addScore(layer, scalar, part.score, g);
        evaluation.addDirectGradient(layer, g);
      }
    });

    function addScore(layer: Layer, signal: Matrix, score: Matrix, g: Matrix): void {
      scoreOf(layer, score);
      weigh(score, signal);
      backend.addScaled(score, 1, g);
    }
  },
});

/** What a layer did, and what its other outcomes would be worth, relative to what it did. */
interface Found {
  readonly bits: Float64Array;
  readonly p: Float64Array;
  readonly differences: Float64Array;
  /** Log-likelihood of the children. */
  readonly deltas: Float64Array;
  /** [B] what the components are worth as it is. */
  readonly signal: Float64Array;
}

function addCredits(
  { width, choices }: Layer,
  { bits, p, differences, deltas, signal }: Found,
  found: Float64Array,
): void {
  for (let e = 0; e < found.length; e += choices) {
    const f = signal[Math.floor(e / width)];
    const gain = (next: number) => Math.exp(deltas[next]) * (f + differences[next]) - f;
    if (choices === 1) {
      if (bits[e] === 0) found[e] += p[e] * gain(e);
      continue;
    }
    const made = chosenAt(bits, e, choices);
    if (made === choices - 1) continue;
    let below = 0;
    for (let k = 0; k <= made; k++) below += p[e + k];
    const worth = gain(e + made + 1) / p[e + made];
    for (let k = 0; k < choices; k++) found[e + k] -= ((k <= made ? 1 : 0) - below) * p[e + k] * worth;
  }
}
