import { type LearningRate, type OptimizerFactory, ratesByLayer } from "./optimizer.ts";

/** SGD's settings. */
export interface SgdOptions {
  learningRate: LearningRate;
}

/** Stochastic gradient ascent: `w += rate * gradient`. Throws `InputError` for a rate that is no positive number. */
export function sgd({ learningRate }: SgdOptions): OptimizerFactory {
  return (backend, parameters) => {
    const rates = ratesByLayer(learningRate, parameters.length);
    return {
      state: {},
      step(gradients) {
        for (let i = 0; i < parameters.length; i++)
          backend.addScaled(gradients[i], rates[i], parameters[i].block);
      },
    };
  };
}
