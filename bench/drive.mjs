// A training step without what a run does around it.
import { GeneratedDraws } from "../dist/index.js";

/** The next step of a training, metrics included, at every call. */
export function drive(backend, { task, learner }) {
  const draws = new GeneratedDraws(backend, 0);
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
    learner.learn(done, sums);
    task.addMetrics(learner.estimator.evaluation, sums, metrics);
  };
}
