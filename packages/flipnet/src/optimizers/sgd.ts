import { type LearningRate, type OptimizerFactory, ratesOf, settingsOf } from "./optimizer.ts";

/** SGD's settings. */
export interface SgdOptions {
  learningRate: LearningRate;
}

/**
 * Stochastic gradient ascent: `w += rate * gradient`.
 *
 * @throws InputError for a setting that it does not have or that cannot be used
 */
export function sgd(options: SgdOptions): OptimizerFactory {
  const { learningRate } = settingsOf("sgd", {}, options);
  return (backend, parameters) => {
    const rates = ratesOf(learningRate, parameters);
    return {
      description: { name: "sgd", learningRate: rates },
      state: {},
      step(gradients) {
        for (let i = 0; i < parameters.length; i++)
          backend.addScaled(gradients[i], rates[i], parameters[i].block);
      },
    };
  };
}
