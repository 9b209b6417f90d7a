// What a training step of the HNCA paper's figure 5 costs, and what share of it the convolutions are: two 3 x 3
// convolutions of 16 channels, 200 Bernoulli units, ten actions, 50 examples of MNIST. Steps and their parts take turns.

import {
  adam,
  convolutions,
  createBanditTraining,
  createWasmBackend,
  findEstimator,
  GeneratedDraws,
} from "../packages/flipnet/dist/index.js";
import { loadLabelledImages } from "../packages/flipnet/dist/node/index.js";
import { drive } from "./drive.mjs";
import { spread, takeTurns } from "./lib/measure.mjs";
import { number, range } from "./lib/table.mjs";

const [B, places, features, hidden] = [50, 24 * 24, 24 * 24 * 16, 200];
/** Operations of one pass through the two convolutions, and of one product of the first layer. */
const convolved = 2 * B * (26 * 26 * 9 + places * 9 * 16) * 16;
const multiplied = 2 * B * features * hidden;
/** Milliseconds that a step may take on one core of a 2.5 GHz Skylake-class server. */
const most = 60;

function trainingOf(backend, images, rule) {
  return createBanditTraining(backend, images, {
    estimator: findEstimator(rule),
    optimizer: adam({ learningRate: 1e-4 }),
    front: convolutions(backend, { shape: [28, 28], channels: [16, 16] }),
    hidden: [hidden],
    batchSize: B,
    limit: 2000,
  });
}

/** `{ what, call, operations? }`: whole steps, a step that also measures the front end's variance, and parts. */
function samplesOf(backend, images) {
  const trainings = ["hnca", "reinforce"].map((rule) => trainingOf(backend, images, rule));
  const steps = trainings.map((training, i) => ({
    what: `${["HNCA", "REINFORCE"][i]}, a step`,
    call: drive(backend, training),
  }));
  const measured = trainingOf(backend, images, "hnca");
  const draws = new GeneratedDraws(backend, 0);
  const sums = backend.sums(2 * measured.learner.parameters.length);
  measured.task.startEpoch(0);
  measured.task.load(0);
  draws.startStep(1);
  const withVariance = () => {
    measured.learner.sample(draws);
    measured.learner.learn(1, sums, true);
  };
  const [{ learner }] = trainings;
  const { pass, credits } = learner.estimator;
  const [{ g }] = credits;
  const [{ weights }] = learner.network.layers[0].parents;
  const credit = backend.matrix(B, features);
  const gradient = backend.matrix(features, hidden);
  const logits = backend.matrix(B, hidden);
  const blocks = learner.parameters.map(({ block }) => block);
  const moments = blocks.map(({ columns }) => [0, 1, 2].map(() => backend.matrix(1, columns)));
  const step = { rate: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, correction1: 0.1, correction2: 0.001 };
  return [
    ...steps,
    { what: "HNCA, a step that measures the convolutions' variance", call: withVariance },
    { what: "convolutions, forward", call: () => pass.front.forward(), operations: convolved },
    // Not through the first one to the image.
    {
      what: "convolutions, backward",
      call: () => pass.front.backward(credit),
      operations: convolved + 2 * B * places * 9 * 16 * 16,
    },
    {
      what: "first layer's logits",
      call: () => backend.product(pass.features, "real", weights, logits),
      operations: multiplied,
    },
    {
      what: "first layer's gradient",
      call: () => backend.outerProduct(pass.features, "real", g, gradient, false),
      operations: multiplied,
    },
    {
      what: "credit of the features",
      call: () => backend.transposedProduct(g, weights, credit, false),
      operations: multiplied,
    },
    {
      what: "Adam",
      call: () => {
        for (const [i, block] of blocks.entries()) backend.adam(block, ...moments[i], step);
      },
    },
  ];
}

/** `data`: `[{ what, milliseconds, gflops?, share }]`, the share being that of HNCA's step. */
export async function benchmarkConvolution({ kernels, quick }) {
  const backend = await createWasmBackend({ kernels });
  const samples = samplesOf(backend, await loadLabelledImages());
  const times = takeTurns(samples, { rounds: quick ? 5 : 21, milliseconds: 2 });
  const data = samples.map(({ what, operations }, i) => {
    const milliseconds = spread(times[i].map((nanoseconds) => nanoseconds / 1e6));
    const share = spread(times[i].map((nanoseconds, turn) => nanoseconds / times[0][turn])).median;
    const gflops = operations && operations / milliseconds.median / 1e6;
    return { what, milliseconds, share, ...(gflops && { gflops }) };
  });
  const convolutionsShare = data
    .filter(({ what }) => what.startsWith("convolutions,"))
    .reduce((sum, { share }) => sum + share, 0);
  return {
    tables: [
      [
        "Figure 5's network: ms with quartiles, batches of 50",
        [
          ["", "ms", "GFLOP/s", "share of HNCA's step"],
          ...data.map(({ what, milliseconds, gflops, share }) => [
            what,
            range(milliseconds),
            gflops === undefined ? "" : number(gflops),
            `${Math.round(100 * share)} %`,
          ]),
          ["convolutions together", "", "", `${Math.round(100 * convolutionsShare)} %`],
        ],
      ],
    ],
    timings: data.map(({ what, milliseconds }) => ({
      what: `figure 5: ${what}`,
      unit: "ms",
      ...milliseconds,
    })),
    targets: data.slice(0, 2).map(({ what, milliseconds }) => ({
      what: `figure 5's network: ${what}, ms`,
      measured: milliseconds.median,
      atMost: most,
    })),
    data: { rows: data, convolutionsShare },
  };
}
