import { GeneratedDraws } from "../packages/flipnet/dist/index.js";

/** The next step of a training at every call, with its metrics and without what a run does around it. */
export function drive(backend, { task, learner }, draws = new GeneratedDraws(backend, 0)) {
  const metrics = 2 * learner.parameters.length;
  const sums = backend.sums(metrics + task.metrics.length);
  let done = 0;
  return () => {
    const place = done % task.stepsPerEpoch;
    if (place === 0) task.startEpoch(done / task.stepsPerEpoch);
    task.load(place);
    draws.startStep(++done);
    learner.sample(draws);
    task.score?.(learner.estimator.pass);
    // One example has no variance.
    learner.learn(done, task.batchSize === 1 ? undefined : sums);
    task.addMetrics(learner.estimator.evaluation, sums, metrics);
  };
}
