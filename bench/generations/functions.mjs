// Steps through the public API of today: an estimator is a function of its options.
import { drive } from "../drive.mjs";

export const fits = ({ hnca }) => typeof hnca === "function";

/**
 * A function that takes the next step of a training: without what a run does around it, its metrics included.
 *
 * @param row `{ task, estimator: { name, ...options }, ...settings }`
 * @param age what to do with the learner after the first step
 * @returns undefined where the library has no such estimator
 */
export async function createStep(library, backend, data, { task, estimator, ...settings }, age) {
  const { name, ...options } = estimator;
  const kind = library.findEstimator(name);
  if (kind === undefined) return undefined;
  const told = { ...settings, estimator: kind(options), optimizer: library.adam({ learningRate: 1e-3 }) };
  const training = {
    bandit: () => library.createBanditTraining(backend, data, told),
    vae: () => library.createVaeTraining(backend, data, told),
    multiplexer: () => library.createMultiplexerTraining(backend, told),
  }[task]();
  const step = drive(backend, training, new library.GeneratedDraws(backend, 0));
  step();
  await age?.(training.learner);
  return step;
}

/** A new agent that learns with the estimator of that name: the network of all generations, without what its output reads now. */
export function createAgent(library, backend, { estimator, rows: _, ...options }) {
  return library.createAgent(
    { ...options, skip: false, estimator: library.findEstimator(estimator) },
    backend,
  );
}
