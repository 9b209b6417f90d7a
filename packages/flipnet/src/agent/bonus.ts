/** A bonus for being undecided: the entropy of the softmax over the actions, given the coins. */
import type { Estimator, PreparedEstimator } from "../estimators/estimator.ts";
import { fHnca } from "../estimators/f-hnca.ts";
import { choiceEntropy } from "../objectives/choices.ts";
import { componentsObjective } from "../objectives/components.ts";

/** An estimator whose gradient may be added the bonus's. */
export interface Encouraged extends PreparedEstimator {
  readonly bonus: {
    /** One a layer, filled by `compute`: the bonus is a known function, so they need no reward. */
    readonly credits: PreparedEstimator["credits"];
    /** Computes them for what stands in the main pass. */
    compute(): void;
    /** Adds them, weighed, to the credits of the main pass. */
    add(): void;
  };
}

/** An estimator with a bonus of `weight` nats' worth, credited by f-HNCA: without bias, and without a signal. */
export const withBonus = (estimator: Estimator, weight: number): Estimator => ({
  ...estimator,
  prepare(problem): Encouraged {
    const { network } = problem;
    const { backend, layers } = network;
    const main = estimator.prepare(problem);
    const entropy = componentsObjective(network, layers[layers.length - 1], choiceEntropy, {
      name: "entropy",
    });
    const known = fHnca.prepare({ ...problem, objective: entropy, baseline: "none" });
    const compute = (): void => {
      known.sample({
        draw: ({ layer: { index } }) =>
          backend.copy(main.pass.layers[index].bits, known.pass.layers[index].bits),
      });
      known.credit();
    };
    const add = (): void => {
      known.credits.forEach(({ g }, layer) => {
        backend.addScaled(g, weight, main.credits[layer].g);
      });
    };
    return {
      ...main,
      bonus: { credits: known.credits, compute, add },
      credit() {
        main.credit();
        compute();
        add();
      },
    };
  },
});
