/**
 * HNCA on a known function (Young 2022, section 2, equations 5 and 6, algorithm 4; appendices G to K). `f` is a sum of
 * components, and a unit credits each according to where it stands:
 *
 *     direct only:  p q (f1 - f0)                      the expectation over the unit alone,
 *     both:         (1 - p) p' f1 - p (1 - p') f0      p' = P(unit on | Markov blanket),
 *     mediated:     (p' - p) f.
 *
 * With `s = p' - p` and the difference `d = f1 - f0`, `both` equals `p q d + s (f + (q - bit) d)`, `f` as observed: so
 * one sum of differences serves the first two, and one signal the last two. The baseline is subtracted from that
 * signal. Of a softmax unit, `d_k` being what choice `k` would add, these are `p_k (d_k - sum_m p_m d_m)` and
 * `s_k (f + d_k) - p_k sum_m s_m d_m`. What the objective owes directly to a layer's own logits is added. Units without
 * children take the exact expectation over themselves.
 *
 * A component whose differences are not known is one number, whatever it reads: REINFORCE where it reads the unit,
 * HNCA where only the children lead to it. So of a bandit's reward f-HNCA makes HNCA.
 *
 * The posterior is that given the children which lead to the component, of several the right ones (footnote 6; appendix
 * G): a layer has a signal, with a baseline of its own, for each such set.
 *
 * With K samples the credit is the mean over K passes, the baseline of each signal being the mean of the other passes'.
 *
 * Unbiased, component by component with no more variance than REINFORCE (theorem 3). Cost beside the forward pass: a
 * message from every child and every component that reads the unit. Ablations (appendix K): without child pruning,
 * components that are only direct are credited through the children too; with full reward, upstream ones as well.
 */
import type { Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { Layer } from "../network/network.ts";
import { type Component, childrenTowards, placeOf } from "../objectives/objective.ts";
import { groupByChildren, prepareChildren } from "./children.ts";
import { defineEstimator, type PreparedEstimator, type Problem } from "./estimator.ts";
import { flag } from "./options.ts";
import { prepareSamples, sampleOptions } from "./samples.ts";
import { prepareSinglePass } from "./single-pass.ts";

/** HNCA on a known function: HNCA paper, equations 5 and 6. */
export const fHnca = defineEstimator({
  name: "f-hnca",
  title: "f-HNCA",
  paper: "Young 2022 (HNCA paper), equations 5 and 6, algorithm 4",
  unbiased: true,
  why: "each component is REINFORCE's expectation given the unit's Markov blanket",
  needs: { knows: ["components"] },
  baseline: true,
  explores: true,
  cost: "forward pass + one message to every parent, of the encoder and of the components",
  options: {
    ...sampleOptions,
    childPruning: flag({
      default: true,
      says: "credit components that no child leads to without the children",
    }),
    fullReward: flag({
      default: false,
      says: "count components upstream of a unit too; then nothing is pruned",
    }),
  },
  variants: [
    { name: "f-hnca-no-child-pruning", childPruning: false },
    { name: "f-hnca-full-reward", childPruning: false, fullReward: true },
  ],

  prepare: (problem, options) =>
    prepareSamples("f-hnca", problem, options.samples, (one) => prepareOne(one, options)),
});

interface Ablations {
  readonly childPruning: boolean;
  readonly fullReward: boolean;
}

function prepareOne(problem: Problem, { childPruning, fullReward }: Ablations): PreparedEstimator {
  const { network, input, exploration } = problem;
  if (exploration?.among === "rows") {
    throw new InputError("f-hnca cannot choose among rows; expected hnca or reinforce");
  }
  const { backend } = network;
  const everyChild = !childPruning || fullReward;
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
  const { components } = evaluation;
  const children = prepareChildren(pass);

  const parts = credits.map(({ layer, g }) => {
    const matrix = () => backend.matrix(input.rows, layer.width);
    const reads = (component: Component) => component.reads.includes(layer.index);
    const isScalar = (component: Component) => reads(component) && component.addDifferences === undefined;
    /** The children that a component is credited through. */
    const through = (component: Component): Layer["children"] => {
      if (isScalar(component) || (!fullReward && placeOf(component, layer) === "upstream")) return [];
      return everyChild ? layer.children : childrenTowards(component, layer);
    };
    const groups = groupByChildren(components, through).filter(({ among }) => among.length > 0);
    const sets = groups.map(({ among, components }, place) => {
      const both = components.filter(reads);
      return {
        among,
        signal: signals.sum(`baseline.${layer.index}${place === 0 ? "" : `.${place}`}`, components)!,
        both,
        bothDifference: both.length > 0 ? matrix() : undefined,
      };
    });
    const scalars = components.filter(isScalar);
    return {
      layer,
      g,
      difference: matrix(),
      /** Components that are direct only. */
      only: components.filter((one) => reads(one) && !isScalar(one) && through(one).length === 0),
      /** Those that count through children, by which. */
      sets,
      shift: sets.length > 0 ? matrix() : undefined,
      scalar: signals.sum(`baseline.${layer.index}.scalar`, scalars),
      score: scalars.length > 0 ? matrix() : undefined,
    };
  });
  const addDifferences = (layer: Layer, list: readonly Component[], out: Matrix): void => {
    for (const component of list) component.addDifferences!(layer, out);
  };

  return estimator(() => {
    for (const { layer, g, difference, only, sets, shift, scalar, score } of parts) {
      const { bits, p, q } = pass.layers[layer.index];
      const { choices } = layer;
      const isBernoulli = layer.kind === "bernoulli";
      backend.fill(difference, 0);
      addDifferences(layer, only, difference);
      for (const { both, bothDifference } of sets) {
        if (bothDifference === undefined) continue;
        backend.fill(bothDifference, 0);
        addDifferences(layer, both, bothDifference);
        backend.addScaled(bothDifference, 1, difference);
      }
      if (isBernoulli) backend.localExpectation(p, q, difference, g);
      else backend.softmaxSlope(p, choices, difference, g);
      if (layer.children.length === 0) exploration?.slope(g);
      for (const { among, signal, bothDifference } of sets) {
        children.posteriorMinusPrior(layer, shift!, among);
        if (isBernoulli) backend.addHindsight(shift!, signal, q, bits, bothDifference, g);
        else backend.addChoiceHindsight(shift!, signal, p, choices, bothDifference, g);
      }
      if (score !== undefined) {
        scoreOf(layer, score);
        weigh(score, scalar);
        backend.addScaled(score, 1, g);
      }
      evaluation.addDirectGradient(layer, g);
    }
  });
}
