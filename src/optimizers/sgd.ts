import { type LearningRate, type OptimizerFactory, ratesByLayer } from "./optimizer.ts";

export interface SgdOptions {
  learningRate: LearningRate;
}

/** Stochastic gradient ascent: `w += rate * gradient`. Throws `InputError` for a rate that is no positive number. */
export function sgd({ learningRate }: SgdOptions): OptimizerFactory {
  return ({ backend, layers }) => {
    const rates = ratesByLayer(learningRate, layers.length);
    return {
      state: {},
      step(gradients) {
        for (const { index, block } of layers) backend.addScaled(gradients[index], rates[index], block);
      },
    };
  };
}
