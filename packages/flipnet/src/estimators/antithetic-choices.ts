/**
 * Antithetic pairs of softmax units (Dong, Mnih and Tucker 2021): a unit's choice is made by binary forks, a balanced tree of
 * them or a stick that is broken, and the pair goes down by an antithetic pair of coins at each. A fork whose side is `b`,
 * 1 for left with probability `P`, has
 *
 *     where both samples come to it:  (f1 - f2) / 2 (b1 - b2) max(P, 1 - P),
 *     where one does:                 +-(f1 - f2) / 2 (b - P),    + of the first, - of the second,
 *
 * as the other sample does not depend on that coin; from there it goes to the softmax's logits, by how the fork's logit
 * `log sum_left e^l - log sum_right e^l` changes with them: by `p_k` over the sum of its side. Bernoulli units are one fork: DisARM.
 */
import { immediate, type Matrix } from "../backend/backend.ts";
import { antitheticChoices, chosenAt, massOf, type Tree } from "../network/choice-laws.ts";
import { antithetic } from "../network/laws.ts";
import {
  type Pair,
  type pairOptions,
  prepareAntitheticPairs,
  prepareDisarmFactor,
} from "./antithetic-pairs.ts";
import type { PreparedEstimator, Problem } from "./estimator.ts";
import type { ValuesOf } from "./options.ts";

/** An estimator that credits softmax units by pairs down a tree of their choices, and Bernoulli units as DisARM does. */
export function prepareAntitheticChoices(
  problem: Problem,
  options: ValuesOf<typeof pairOptions>,
  treeOf: (choices: number) => Tree,
): PreparedEstimator {
  const { network, input } = problem;
  const { layers } = network;
  const backend = immediate(network.backend);
  const ofBernoulli = prepareDisarmFactor(problem);
  const trees = new Map(layers.map(({ choices }) => [choices, treeOf(choices)]));
  const rooms = layers.map(({ kind, width }) =>
    kind === "softmax" ? [0, 1, 2, 3].map(() => new Float64Array(input.rows * width)) : [],
  );

  function ofChoices({ layer: { index, choices }, first, second }: Pair, out: Matrix): void {
    const [p, ones, twos, g] = rooms[index];
    const tree = trees.get(choices)!;
    backend.readNow(first.pass.layers[index].p, p);
    backend.readNow(first.pass.layers[index].bits, ones);
    backend.readNow(second.pass.layers[index].bits, twos);
    g.fill(0);
    for (let at = 0; at < g.length; at += choices) {
      addFactor(tree, p, at, chosenAt(ones, at, choices), chosenAt(twos, at, choices), g);
    }
    backend.write(out, g);
  }

  return prepareAntitheticPairs(
    problem,
    options,
    (pair, out) => (pair.layer.kind === "bernoulli" ? ofBernoulli : ofChoices)(pair, out),
    {
      law: (on, outcome, second) =>
        outcome.kind === "bernoulli"
          ? antithetic(on, outcome, second)
          : antitheticChoices(on, outcome, second, trees.get(outcome.choices)!),
    },
  );
}

/** Adds what multiplies half the difference for one unit whose samples are `one` and `two`. */
function addFactor(tree: Tree, p: Float64Array, at: number, one: number, two: number, g: Float64Array): void {
  for (const { first, middle, end } of tree) {
    const [oneComes, twoComes] = [one >= first && one < end, two >= first && two < end];
    if (!oneComes && !twoComes) continue;
    const [left, right] = [massOf(p, at, first, middle), massOf(p, at, middle, end)];
    if (left === 0 || right === 0) continue; // that coin has one side
    const [P, Q] = [left / (left + right), right / (left + right)];
    const score = (choice: number) => (choice < middle ? Q : -P);
    const credit =
      oneComes && twoComes
        ? (Number(one < middle) - Number(two < middle)) * Math.max(P, Q)
        : oneComes
          ? score(one)
          : -score(two);
    for (let k = first; k < middle; k++) g[at + k] += (credit * p[at + k]) / left;
    for (let k = middle; k < end; k++) g[at + k] -= (credit * p[at + k]) / right;
  }
}
