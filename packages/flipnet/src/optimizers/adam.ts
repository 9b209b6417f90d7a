import { flag, number, positive } from "../estimators/options.ts";
import { type OptimizerFactory, type Schedule, scheduleOf, settingsOf } from "./optimizer.ts";

/** Adam's settings. */
export interface AdamOptions extends Schedule {
  /** Decay of the mean gradient, default 0.9. */
  beta1?: number;
  /** Decay of the mean squared gradient, default 0.999. */
  beta2?: number;
  /** Added outside the square root, default 1e-8 (D-6). */
  epsilon?: number;
  /**
   * Correct the bias of both means as though every step were the first; default false. The HNCA paper's code for
   * convolutions never counts its steps (D-33).
   */
  frozen?: boolean;
}

/** Adam's settings beside its rate, as data. */
export const adamOptions = {
  beta1: number({ from: 0, below: 1, default: 0.9, says: "the decay of the mean gradient" }),
  beta2: number({ from: 0, below: 1, default: 0.999, says: "the decay of the mean squared gradient" }),
  epsilon: positive({ default: 1e-8, says: "what is added outside the square root" }),
  frozen: flag({ default: false, says: "correct both means as though every step were the first" }),
};

/** `base^n` by squaring: `Math.pow` may differ from engine to engine. */
function power(base: number, n: number): number {
  let result = 1;
  for (let square = base, left = n; left > 0; left = Math.floor(left / 2), square *= square) {
    if (left % 2 === 1) result *= square;
  }
  return result;
}

/**
 * Adam (Kingma and Ba 2015, algorithm 1), uphill. Tiny moments are flushed to zero: see `Backend.adam`.
 *
 * @throws InputError for a setting that it does not have or that cannot be used
 */
export function adam(options: AdamOptions): OptimizerFactory {
  const settings = settingsOf("adam", adamOptions, options);
  const { beta1, beta2, epsilon, frozen } = settings;
  return (backend, parameters) => {
    const rates = scheduleOf(settings, parameters);
    const m = parameters.map(({ block }) => backend.matrix(1, block.columns));
    const v = parameters.map(({ block }) => backend.matrix(1, block.columns));
    const options = { rate: 0, beta1, beta2, epsilon, correction1: 0, correction2: 0 };
    return {
      description: { name: "adam", ...settings, ...rates.said },
      state: { m, v },
      step(gradients, step, from = 0, to = parameters.length) {
        options.correction1 = 1 - power(beta1, frozen ? 1 : step);
        options.correction2 = 1 - power(beta2, frozen ? 1 : step);
        for (let i = from; i < to; i++) {
          options.rate = rates.at(i, step);
          backend.adam(parameters[i].block, gradients[i], m[i], v[i], options);
        }
      },
    };
  };
}
