// Trainings that are given the same time of the processor.
import { adam, createVaeTraining, createWasmBackend } from "../../packages/flipnet/dist/index.js";

/** Milliseconds of the processor. */
export const clock = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** The papers' settings: batches of 50, Adam at `rate`, a running average where one is taken. Others come over these. */
export const trainingOf = (backend, data, estimator, { rate, ...settings }) =>
  createVaeTraining(backend, data, {
    batchSize: 50,
    boundSamples: 1,
    evaluateEvery: 1e9,
    estimator,
    baseline: estimator.baseline ? "running-average" : "none",
    optimizer: adam({ learningRate: rate }),
    ...settings,
  });

/** Nats of entropy that each layer of coins has, mean over the last batch. */
function entropiesOf(backend, { learner }) {
  const { components } = learner.estimator.evaluation;
  return learner.network.layers.map((_, l) => {
    const { value, unweighted = value } = components.find(({ name }) => name === `entropy.${l}`);
    const nats = backend.readNow(unweighted);
    return nats.reduce((sum, one) => sum + one, 0) / nats.length;
  });
}

/**
 * How far trainings get from the same weights in so many seconds of the processor each, evaluation not counted: steps, test
 * ELBO and entropies after each turn. They take turns, so that what else the machine does is shared by all.
 *
 * @param some each with a name, an estimator, and settings of its own
 */
export async function equalTimes(some, data, { seconds, turns, ...settings }) {
  const runners = [];
  for (const { name, estimator, ...own } of some) {
    const backend = await createWasmBackend();
    const training = trainingOf(backend, data, estimator, { ...settings, ...own });
    runners.push({ name, backend, training, spent: 0, turns: [] });
  }
  for (let turn = 1; turn <= turns; turn++) {
    for (const runner of runners) {
      const { backend, training } = runner;
      const begun = clock() - runner.spent;
      const pause = () => clock() - begun < (1000 * seconds * turn) / turns;
      for await (const _ of training.run(1e6, { pauseMilliseconds: 10, pause }));
      runner.spent = clock() - begun;
      const { task, learner, step } = training;
      const { testElbo } = await task.evaluate(learner.network, { epoch: 0, step });
      const entropies = entropiesOf(backend, training);
      runner.turns.push({ seconds: runner.spent / 1000, steps: step, testElbo, entropies });
    }
  }
  return runners.map(({ name, backend, turns }) => {
    backend.close();
    const { steps, seconds, testElbo } = turns[turns.length - 1];
    process.stderr.write(
      `${name}: ${steps} steps in ${seconds.toFixed(1)} s, test ELBO ${testElbo.toFixed(1)}\n`,
    );
    return { name, turns };
  });
}
