// Steps through the public API of revision 5736f2a and before: an estimator is an object, its options stand beside it.

export const fits = ({ hnca }) => typeof hnca === "object";

/**
 * A function that takes the next step of a training: without what a run does around it, its metrics included.
 *
 * @param row `{ task, estimator: { name, ...options }, ...settings }`
 * @param age what to do with the learner after the first step
 * @returns undefined where the library has no such estimator
 */
export async function createStep(library, backend, data, { task, estimator, ...settings }, age) {
  const { name, ...options } = estimator;
  const found = library.findEstimator(name);
  if (found === undefined) return undefined;
  const optimizer = library.adam({ learningRate: 1e-3 });
  const told = { ...settings, estimator: found, options, optimizer };
  const training = {
    bandit: () => library.createBanditTraining(backend, data, told),
    vae: () => library.createVaeTraining(backend, data, told),
    multiplexer: () => library.createMultiplexerTraining(backend, told),
  }[task]();
  const step = drive(library, backend, training);
  step();
  await age?.(training.learner);
  return step;
}

function drive(library, backend, { task, learner }) {
  const draws = new library.GeneratedDraws(backend, 0);
  const metrics = 2 * learner.parameters.length;
  const sums = backend.sums(metrics + task.metrics.length);
  let done = 0;
  return () => {
    const place = done % task.stepsPerEpoch;
    if (place === 0) task.startEpoch(done / task.stepsPerEpoch);
    task.load(place);
    draws.startStep(++done);
    learner.sample(draws);
    task.score(learner.estimator.trace);
    // One example has no variance.
    learner.learn(done, task.batchSize === 1 ? undefined : sums);
    task.addMetrics(learner.estimator.evaluation, sums, metrics);
  };
}

/** A new agent that learns with the estimator of that name. */
export function createAgent(library, backend, { estimator, ...options }) {
  return library.createAgent({ ...options, estimator: library.findEstimator(estimator) }, backend);
}
