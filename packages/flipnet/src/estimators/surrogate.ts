/**
 * Backpropagation through what was sampled: what straight-through, ReinMax and the relaxed estimators share. The objective's
 * slopes are taken at the bits, and something that is known stands for the derivative of a bit by its logit. A reward that was observed has no
 * slopes: the layer that it reads learns it by REINFORCE, and what lies before by that credit.
 */
import type { Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { Pass } from "../network/pass.ts";
import { type Component, placeOf } from "../objectives/objective.ts";
import { prepareBackpropagation, type Through, throughLaw } from "./backpropagation.ts";
import type { PreparedEstimator, Problem } from "./estimator.ts";
import { prepareSinglePass } from "./single-pass.ts";

/**
 * @param name in messages
 * @param prepareThrough what stands for `db/dl` on a pass: see `Through`; default: that of the unit's mean
 * @throws InputError for a component that is known and does not say its slopes
 */
export function prepareSurrogate(
  name: string,
  problem: Problem,
  prepareThrough: (pass: Pass) => Through = (pass) => (layer, a, out) => throughLaw(pass, layer, a, out),
): PreparedEstimator {
  const { network } = problem;
  const { backend } = network;
  const { pass, evaluation, credits, signals, score, weigh, signal, estimator } = prepareSinglePass(
    problem,
    (component, layer) => component.observed === true && placeOf(component, layer) !== "upstream",
  );
  const known = evaluation.components.filter(({ observed }) => !observed);
  const silent = known.find(({ reads, addSlopes }) => reads.length > 0 && addSlopes === undefined);
  if (silent !== undefined) {
    throw new InputError(`"${silent.name}" does not say its slopes, which ${name} needs`);
  }
  const observed = evaluation.components.filter((component) => component.observed);
  const reads = (component: Component, index: number) => component.reads.includes(index);
  const through = prepareThrough(pass);
  const scores: (Matrix | undefined)[] = credits.map(({ layer, g }) =>
    observed.some((component) => reads(component, layer.index))
      ? backend.matrix(g.rows, g.columns)
      : undefined,
  );
  let weighted = true;
  const back = prepareBackpropagation(pass, known, (layer, a, out) => {
    through(layer, a, out);
    const own = scores[layer.index];
    if (own === undefined) return;
    score(layer, own);
    if (weighted) weigh(own, signals.of(layer));
    backend.addScaled(own, 1, out);
  });
  const run = (isWeighted: boolean) => {
    weighted = isWeighted;
    back.run();
    for (const { layer, g } of credits) backend.copy(back.credits[layer.index], g);
  };
  return estimator(
    () => {
      run(true);
      for (const { layer, g } of credits) evaluation.addDirectGradient(layer, g);
    },
    // One signal for all layers: where a reward is all there is.
    known.length > 0
      ? undefined
      : {
          score: () => run(false),
          signal,
          weigh(given) {
            for (const { g } of credits) weigh(g, given);
          },
        },
  );
}
