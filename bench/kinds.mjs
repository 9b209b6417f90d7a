// The papers' steps with every kind of kernels that this host has, in turns in one process: what wide vectors are worth.

import { kernelsHere } from "../packages/flipnet/dist/backend/kinds.js";
import {
  adam,
  convolutions,
  createBanditTraining,
  createEstimator,
  createMultiplexerTraining,
  createVaeTraining,
  createWasmBackend,
} from "../packages/flipnet/dist/index.js";
import { loadLabelledImages } from "../packages/flipnet/dist/node/index.js";
import { drive } from "./drive.mjs";
import { age } from "./lib/age.mjs";
import { spread, takeTurns } from "./lib/measure.mjs";
import { number, range } from "./lib/table.mjs";

const optimizer = adam({ learningRate: 1e-3 });
const estimator = (name) => createEstimator({ name });

/** By name: a training on a backend, and how many times as fast as relaxed kernels each width is to make it. */
const steps = {
  "HNCA, bandit, 3 x 200": {
    make: (backend, data) =>
      createBanditTraining(backend, data, { ...images("hnca"), hidden: [200, 200, 200] }),
    targets: { "native-256": 1.7, "native-512": 2.2 },
  },
  "REINFORCE, bandit, 3 x 200": {
    make: (backend, data) =>
      createBanditTraining(backend, data, { ...images("reinforce"), hidden: [200, 200, 200] }),
  },
  "f-HNCA, auto-encoder, 1 x 200": {
    make: (backend, data) => createVaeTraining(backend, data, { ...images("f-hnca"), hidden: [200] }),
  },
  "f-HNCA, auto-encoder, 3 x 200": {
    make: (backend, data) =>
      createVaeTraining(backend, data, { ...images("f-hnca"), hidden: [200, 200, 200] }),
    targets: { "native-256": 1.8, "native-512": 2.4 },
  },
  "HNCA behind two convolutions (Figure 5)": {
    make: (backend, data) => {
      const front = convolutions(backend, { shape: [28, 28], channels: [16, 16] });
      return createBanditTraining(backend, data, { ...images("hnca"), front, hidden: [200] });
    },
    targets: { "native-256": 1.8, "native-512": 2.4 },
  },
  "Weight Maximization, 5-bit multiplexer, batch of 128": {
    make: (backend) => {
      const rule = { estimator: estimator("weight-max"), optimizer, k: 5, batchSize: 128 };
      return createMultiplexerTraining(backend, { ...rule, steps: 1e9, recordEvery: 1000 });
    },
  },
};
const images = (name) => ({ estimator: estimator(name), optimizer, limit: 2000 });

/** `data`: `[{ step, kernels, milliseconds, faster }]`, the last two with quartiles; faster than with relaxed kernels. */
export async function benchmarkKinds({ quick }) {
  const data = await loadLabelledImages();
  const kinds = kernelsHere();
  const found = [];
  for (const [step, { make }] of Object.entries(steps)) {
    const samples = [];
    for (const kernels of kinds) {
      const backend = await createWasmBackend({ kernels });
      const training = make(backend, data);
      const call = drive(backend, training);
      for (let i = 0; i < 20; i++) call();
      if (!step.includes("multiplexer")) await age(training.learner, data.train);
      samples.push({ kernels, call });
    }
    const times = takeTurns(samples, { rounds: quick ? 15 : 41, milliseconds: 20 });
    const base = times[kinds.indexOf("relaxed")] ?? times[0];
    for (const [i, { kernels }] of samples.entries()) {
      found.push({
        step,
        kernels,
        milliseconds: spread(times[i].map((nanoseconds) => nanoseconds / 1e6)),
        faster: spread(times[i].map((nanoseconds, round) => base[round] / nanoseconds)),
      });
    }
  }
  return {
    data: found,
    timings: found.map(({ step, kernels, milliseconds }) => ({
      what: `step: ${step}, ${kernels}`,
      unit: "ms",
      ...milliseconds,
    })),
    tables: [
      [
        "Steps with every kind of kernels, in turns",
        [
          ["step", "kernels", "ms (quartiles)", "least", "times as fast as relaxed (quartiles)"],
          ...found.map(({ step, kernels, milliseconds, faster }) => [
            step,
            kernels,
            range(milliseconds),
            number(milliseconds.least),
            range(faster),
          ]),
        ],
      ],
    ],
    targets: found.flatMap(({ step, kernels, faster }) => {
      const atLeast = steps[step].targets?.[kernels];
      return atLeast === undefined
        ? []
        : [{ what: `${step}: ${kernels} / relaxed`, measured: faster.median, atLeast }];
    }),
  };
}
