/**
 * Local expectation gradients, naively (Titsias and Lázaro-Gredilla 2015): every unit's expectation over its own
 * outcomes, all else being as it was,
 *
 *     g_k = sum_m P(unit did m | Markov blanket) d log P(m) / dl_k f(m),     d log P(m) / dl_k = 1[m = k] - p_k,
 *
 * with `f` evaluated anew for every outcome of every unit, and the laws of the children that lead to it (without any, the
 * posterior is the prior). f-HNCA computes the same from one message an edge: this is its check, and the way to have it for
 * functions that have no such message. A reward that was observed cannot be evaluated again: where it reads the unit,
 * REINFORCE.
 *
 * Unbiased. Cost: one evaluation of everything below the unit for every unit, on the host.
 */
import { immediate } from "../backend/backend.ts";
import { softplus } from "../backend/softplus.ts";
import type { Layer } from "../network/network.ts";
import { type Component, childrenTowards } from "../objectives/objective.ts";
import { prepareTries } from "../objectives/what-if.ts";
import { groupByChildren } from "./children.ts";
import { defineEstimator } from "./estimator.ts";
import { prepareSinglePass } from "./single-pass.ts";

/** `g = sum over outcomes of P(outcome | Markov blanket) score(outcome) f(outcome)`: Titsias and Lázaro-Gredilla 2015. */
export const localExpectation = defineEstimator({
  name: "local-expectation",
  title: "Local expectation gradients",
  paper: "Titsias and Lázaro-Gredilla 2015; HNCA paper, equation 5",
  unbiased: true,
  why: "it is REINFORCE's expectation given all other units",
  needs: { knows: [] },
  baseline: true,
  cost: "a pass over what lies below it for every unit, on the host",

  prepare(problem) {
    const { network, input } = problem;
    const backend = immediate(network.backend);
    const isScalar = ({ reads, observed }: Component, { index }: Layer) =>
      observed === true && reads.includes(index);
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
    const tryUnits = prepareTries(pass);
    const rows = input.rows;
    const numbers = (columns: number) => new Float64Array(rows * columns);

    /** The sum of some components, as they stand. */
    function sumOf(list: readonly Component[]): () => Float64Array {
      const [sum, one] = [numbers(1), numbers(1)];
      return () => {
        sum.fill(0);
        for (const { value, evaluate } of list) {
          evaluate();
          backend.readNow(value, one);
          for (let b = 0; b < rows; b++) sum[b] += one[b];
        }
        return sum;
      };
    }

    /** The log-likelihood of what children did, by their logits as they stand: they are finite where probabilities are 0. */
    function likelihoodOf(children: Layer["children"]): () => Float64Array {
      const sum = numbers(1);
      const laws = children.map(({ layer: { index, width, choices } }) => {
        return {
          activity: pass.layers[index],
          width,
          choices,
          bits: numbers(width),
          logits: numbers(width),
        };
      });
      return () => {
        sum.fill(0);
        for (const { activity, width, choices, bits, logits } of laws) {
          backend.readNow(activity.bits, bits);
          backend.readNow(activity.logits, logits);
          for (let e = 0; e < bits.length; e += choices) {
            sum[Math.floor(e / width)] +=
              choices === 1
                ? -softplus(bits[e] === 1 ? -logits[e] : logits[e])
                : logits[bits.indexOf(1, e)] - logSum(logits.subarray(e, e + choices));
          }
        }
        return sum;
      };
    }

    const parts = credits.map(({ layer, g }) => {
      const { index, width } = layer;
      const known = evaluation.components.filter((component) => !isScalar(component, layer));
      const scalars = evaluation.components.filter((component) => isScalar(component, layer));
      const reading = (list: readonly Component[]) => list.filter(({ reads }) => reads.includes(index));
      const tried = (f: () => Float64Array) => ({ f, worth: numbers(width) });
      const groups = groupByChildren(known, (component) => childrenTowards(component, layer));
      const sets = groups.map(({ among, components }, place) => ({
        // What no child leads to has no signal: a constant would cancel.
        sum: among.length > 0 ? signals.sum(`baseline.${index}.${place}`, components) : undefined,
        signal: numbers(1),
        function: tried(sumOf(reading(components))),
        likelihood: tried(likelihoodOf(among)),
      }));
      return {
        layer,
        g,
        sets,
        bits: numbers(width),
        p: numbers(width),
        q: numbers(width),
        found: numbers(width),
        scalar: signals.sum(`baseline.${index}.scalar`, scalars),
        score: backend.matrix(rows, width),
      };
    });

    return estimator(() => {
      for (const { layer, g, sets, bits, p, q, found, scalar, score } of parts) {
        const law = pass.layers[layer.index];
        backend.readNow(law.bits, bits);
        backend.readNow(law.p, p);
        backend.readNow(law.q, q);
        found.fill(0);
        for (const { sum, signal, function: tried, likelihood } of sets) {
          for (const { f, worth } of [tried, likelihood]) tryUnits(layer, f, worth);
          if (sum !== undefined) backend.readNow(sum, signal);
          for (let e = 0; e < found.length; e += layer.choices) {
            const possible = possibilities(layer, e, bits, p, q, tried.worth, likelihood.worth);
            const credit = expectation(possible, signal[Math.floor(e / layer.width)]);
            const columns = layer.kind === "bernoulli" ? credit.slice(1) : credit;
            for (let k = 0; k < columns.length; k++) found[e + k] += columns[k];
          }
        }
        backend.write(g, found);
        if (scalar !== undefined) {
          scoreOf(layer, score);
          weigh(score, scalar);
          backend.addScaled(score, 1, g);
        }
        evaluation.addDirectGradient(layer, g);
      }
    });
  },
});

/** One thing that a unit could have done; what it would be worth is relative to what it did. */
interface Possibility {
  readonly prior: number;
  readonly worth: number;
  /** Log-likelihood of the children. */
  readonly likelihood: number;
}

/** All that the unit whose columns begin at `e` could have done; of a Bernoulli unit the last one is to be on. */
function possibilities(
  { choices }: Layer,
  e: number,
  bits: Float64Array,
  p: Float64Array,
  q: Float64Array,
  worth: Float64Array,
  likelihood: Float64Array,
): Possibility[] {
  if (choices > 1) {
    return Array.from({ length: choices }, (_, k) => {
      return { prior: p[e + k], worth: worth[e + k], likelihood: likelihood[e + k] };
    });
  }
  return [0, 1].map((outcome) => {
    const changed = outcome - bits[e];
    return {
      prior: outcome === 1 ? p[e] : q[e],
      worth: changed * worth[e],
      likelihood: changed * likelihood[e],
    };
  });
}

/** The credit of each outcome of one unit, `signal` being what the components are worth as it is. */
function expectation(possible: readonly Possibility[], signal: number): number[] {
  const largest = Math.max(...possible.map(({ likelihood }) => likelihood));
  const joint = possible.map(({ prior, likelihood }) => prior * Math.exp(likelihood - largest));
  const total = joint.reduce((a, b) => a + b, 0);
  const terms = possible.map(({ worth }, m) => (joint[m] / total) * (signal + worth));
  const mean = terms.reduce((a, b) => a + b, 0);
  return possible.map(({ prior }, k) => terms[k] - prior * mean);
}

/** log sum_k e^(x_k) */
function logSum(x: Float64Array): number {
  const largest = Math.max(...x);
  return largest + Math.log(x.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}
