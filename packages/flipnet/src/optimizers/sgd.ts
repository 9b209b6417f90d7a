import { type OptimizerFactory, type Schedule, scheduleOf, settingsOf } from "./optimizer.ts";

/** SGD's settings. */
export type SgdOptions = Schedule;

/**
 * Stochastic gradient ascent: `w += rate * gradient`.
 *
 * @throws InputError for a setting that it does not have or that cannot be used
 */
export function sgd(options: SgdOptions): OptimizerFactory {
  const settings = settingsOf("sgd", {}, options);
  return (backend, parameters) => {
    const rates = scheduleOf(settings, parameters);
    return {
      description: { name: "sgd", ...rates.said },
      state: {},
      step(gradients, step, from = 0, to = parameters.length) {
        for (let i = from; i < to; i++) {
          backend.addScaled(gradients[i], rates.at(i, step), parameters[i].block);
        }
      },
    };
  };
}
