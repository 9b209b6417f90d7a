// What choices cost: hidden softmax units of N choices each at the same total width, two layers of 200 columns on MNIST,
// 50 examples. HNCA asks of every unit what each of its N choices would have done to its children; the forward pass adds
// up one row of weights a unit, the choice made. So between two such layers messages cost N times a forward pass, up to
// a constant (HNCA paper, appendix D). And what it costs an auto-encoder of such layers under f-HNCA to know how entropies
// would change, beside taking -log q for them.

import {
  adam,
  createBanditTraining,
  createVaeTraining,
  createWasmBackend,
  findEstimator,
} from "../packages/flipnet/dist/index.js";
import { loadLabelledImages } from "../packages/flipnet/dist/node/index.js";
import { deriveKey, newKey, uniformAt } from "../packages/flipnet/dist/random/threefry.js";
import { drive } from "./drive.mjs";
import { spread, takeTurns } from "./lib/measure.mjs";
import { number } from "./lib/table.mjs";

const width = 200;
const batch = 50;
const choices = [1, 2, 5, 10, 20];

/** Training of one rule; of Bernoulli units where N is 1. */
async function stepsOf(rule, images, kernels, N) {
  const backend = await createWasmBackend({ kernels });
  const layer = N === 1 ? width : { units: width / N, choices: N };
  const training = createBanditTraining(backend, images, {
    estimator: findEstimator(rule),
    optimizer: adam({ learningRate: 1e-3 }),
    hidden: [layer, layer],
    batchSize: batch,
    limit: 2000,
  });
  return { call: drive(backend, training) };
}

const dice = { units: 20, choices: 10 };
const encoders = {
  "50, 20x10": [50, dice],
  "20x10, 50": [dice, 50],
  "20x10, 20x10": [dice, dice],
  "200, 200": [200, 200],
};

/** Training of an auto-encoder under f-HNCA. */
async function autoEncoderOf(hidden, entropy, images, kernels) {
  const backend = await createWasmBackend({ kernels });
  const training = createVaeTraining(backend, images, {
    estimator: findEstimator("f-hnca"),
    optimizer: adam({ learningRate: 1e-3 }),
    hidden,
    entropy,
    batchSize: batch,
    limit: 2000,
  });
  return { call: drive(backend, training) };
}

/** Forward product and messages between two layers: `[forward, messages]`. */
async function operationsOf(kernels, N) {
  const backend = await createWasmBackend({ kernels });
  const key = deriveKey(1, "test", N, newKey());
  let drawn = 0;
  const filled = (rows, columns, value) => {
    const m = backend.matrix(rows, columns);
    backend.write(
      m,
      Array.from({ length: rows * columns }, () => value(uniformAt(key, drawn++))),
    );
    return m;
  };
  const units = width / N;
  const parents = backend.matrix(batch, width);
  if (N === 1)
    backend.sampleBernoulli(
      filled(batch, width, () => 0.5),
      filled(batch, width, (u) => u),
      parents,
    );
  else
    backend.sampleCategorical(
      filled(batch, width, () => 1 / N),
      N,
      filled(batch, units, (u) => u),
      parents,
    );
  const weights = filled(width, width, (u) => 0.2 * u - 0.1);
  const logits = backend.matrix(batch, width);
  const p = backend.matrix(batch, width);
  const out = backend.matrix(batch, width);
  backend.product(parents, "zero-one", weights, logits);
  const child =
    N === 1
      ? { kind: "bernoulli", choices: 1, logits, p, q: backend.matrix(batch, width) }
      : { kind: "softmax", choices: N, logits, p, q: p };
  child.bits = backend.matrix(batch, width);
  if (N === 1) {
    backend.sigmoid(logits, p, child.q);
    backend.sampleBernoulli(
      p,
      filled(batch, width, (u) => u),
      child.bits,
    );
  } else {
    backend.softmax(logits, N, p);
    backend.sampleCategorical(
      p,
      N,
      filled(batch, units, (u) => u),
      child.bits,
    );
  }
  const tables = backend.flipTables(weights, "zero-one");
  const messages = () => {
    backend.refreshFlipTables(tables);
    if (N === 1) backend.flipLogLikelihood(parents, tables, child, out, false);
    else backend.switchLogLikelihood(parents, N, tables, child, out, false);
  };
  return [{ call: () => backend.product(parents, "zero-one", weights, logits) }, { call: messages }];
}

/**
 * `data`: `[{ choices, reinforce, hnca, ratio, forward, messages, factor }]`: milliseconds of steps and their ratio,
 * microseconds of a forward product and of the messages back, and the ratio of these. `encoders`: `[{ name, sampled,
 * analytic, ratio }]`, milliseconds of steps.
 */
export async function benchmarkSoftmax({ kernels, quick }) {
  const images = await loadLabelledImages();
  const data = [];
  for (const N of choices) {
    const samples = [
      await stepsOf("reinforce", images, kernels, N),
      await stepsOf("hnca", images, kernels, N),
      ...(await operationsOf(kernels, N)),
    ];
    const times = takeTurns(samples, { rounds: quick ? 7 : 21, milliseconds: 4 });
    const over = (i, j) => spread(times[i].map((time, round) => time / times[j][round]));
    const [reinforce, hnca] = [0, 1].map((i) => spread(times[i].map((ns) => ns / 1e6)));
    const [forward, messages] = [2, 3].map((i) => spread(times[i].map((ns) => ns / 1e3)));
    data.push({ choices: N, reinforce, hnca, ratio: over(1, 0), forward, messages, factor: over(3, 2) });
  }
  const encoderTimes = [];
  for (const [name, hidden] of Object.entries(encoders)) {
    const samples = [];
    for (const entropy of ["sampled", "analytic"]) {
      samples.push(await autoEncoderOf(hidden, entropy, images, kernels));
    }
    const [sampled, analytic] = takeTurns(samples, { rounds: quick ? 7 : 21, milliseconds: 4 });
    const ratio = spread(analytic.map((time, round) => time / sampled[round]));
    const inMs = (times) => spread(times.map((ns) => ns / 1e6));
    encoderTimes.push({ name, sampled: inMs(sampled), analytic: inMs(analytic), ratio });
  }
  return {
    data,
    encoders: encoderTimes,
    tables: [
      [
        `Softmax hidden units: two layers of ${width} columns, N choices a unit (1: Bernoulli units)`,
        [
          ["N", "REINFORCE, ms", "HNCA, ms", "ratio", "forward, µs", "messages, µs", "ratio", "ratio / N"],
          ...data.map(({ choices: N, reinforce, hnca, ratio, forward, messages, factor }) => [
            `${N}`,
            ...[reinforce, hnca, ratio, forward, messages, factor].map(({ median }) => number(median)),
            number(factor.median / N),
          ]),
        ],
      ],
      [
        "Auto-encoders under f-HNCA, ms a step: sampled and analytic entropies",
        [
          ["hidden", "sampled", "analytic", "ratio"],
          ...encoderTimes.map(({ name, ...times }) => [
            name,
            ...Object.values(times).map(({ median }) => number(median)),
          ]),
        ],
      ],
    ],
    timings: [
      ...encoderTimes.map(({ name, analytic }) => ({
        what: `softmax: f-HNCA, encoder ${name}`,
        unit: "ms",
        ...analytic,
      })),
      ...data.flatMap(({ choices: N, reinforce, hnca }) => [
        { what: `softmax: REINFORCE, ${N} choices`, unit: "ms", ...reinforce },
        { what: `softmax: HNCA, ${N} choices`, unit: "ms", ...hnca },
      ]),
    ],
    targets: [],
  };
}
