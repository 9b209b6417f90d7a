// How the time and the memory of a step grow with the batch, with the width and the depth of a network and with the
// number of classes: HNCA and REINFORCE on bandits, f-HNCA in auto-encoders. One thing grows at a time; the others are
// 50 examples, two layers of 200 units, ten classes, and 784 pixels always. Then what the rules for auto-encoders cost
// beyond REINFORCE as layers are added: leave-one-out and DisARM draw everything below a layer anew for every layer.

import {
  adam,
  createBanditTraining,
  createVaeTraining,
  createWasmBackend,
  findEstimator,
} from "../packages/flipnet/dist/index.js";
import { loadLabelledImages } from "../packages/flipnet/dist/node/index.js";
import { drive } from "./drive.mjs";
import { exponentOf } from "./lib/fit.mjs";
import { spread, takeTurns } from "./lib/measure.mjs";
import { number } from "./lib/table.mjs";

const layers = [1, 2, 3, 4, 5, 6, 7, 8];
const usual = { batch: 50, width: 200, depth: 2, classes: 10 };
const onBandit = (rule) => ({ rule, create: createBanditTraining });
const inAutoEncoder = (rule) => ({ rule, create: createVaeTraining });
const both = [onBandit("reinforce"), onBandit("hnca"), inAutoEncoder("f-hnca")];
const axes = {
  batch: { what: "batch", sizes: [1, 3, 10, 30, 100, 300, 1000], rules: both },
  width: { what: "width", sizes: [50, 100, 200, 400, 800, 1600], rules: both },
  depth: { what: "depth", sizes: layers, rules: both },
  classes: { what: "classes", sizes: [2, 10, 30, 100, 300, 1000], rules: both.slice(0, 2) },
  "depth of auto-encoders": {
    what: "depth",
    sizes: layers,
    rules: ["reinforce", "f-hnca", "reinforce-loo", "disarm"].map(inAutoEncoder),
    beyond: "reinforce",
  },
};

/** A training of its own backend: `{ call, bytes() }`, the memory being what its images do not take. */
async function trainingOf({ rule, create }, images, kernels, { batch, width, depth, classes }) {
  const backend = await createWasmBackend({ kernels });
  const data = { train: { ...images.train, classes }, test: { ...images.test, classes } };
  const training = create(backend, data, {
    estimator: findEstimator(rule),
    optimizer: adam({ learningRate: 1e-3 }),
    hidden: Array(depth).fill(width),
    batchSize: batch,
    limit: 2000,
  });
  const bytes = () => {
    const { data, ...rest } = backend.features.memory.used;
    return Object.values(rest).reduce((sum, part) => sum + part, 0);
  };
  return { call: drive(backend, training), bytes };
}

/**
 * `data`: `[{ axis, rule, sizes, milliseconds, megabytes, time, memory }]`: medians of a step's time with quartiles,
 * memory in 10^6 bytes, and the exponents of both as lib/fit.mjs has them.
 */
export async function benchmarkGrowth({ kernels, quick }) {
  const images = await loadLabelledImages();
  const curves = [];
  for (const [axis, { what, sizes, rules, beyond }] of Object.entries(axes)) {
    const grown = rules.map(({ rule }) => ({ axis, rule, sizes, milliseconds: [], megabytes: [] }));
    for (const size of sizes) {
      const samples = [];
      for (const rule of rules) {
        samples.push(await trainingOf(rule, images, kernels, { ...usual, [what]: size }));
      }
      const times = takeTurns(samples, { rounds: quick ? 5 : 11, milliseconds: 2 });
      grown.forEach(({ milliseconds, megabytes }, i) => {
        milliseconds.push(spread(times[i].map((nanoseconds) => nanoseconds / 1e6)));
        megabytes.push(samples[i].bytes() / 1e6);
      });
    }
    const least = grown.find(({ rule }) => rule === beyond);
    for (const curve of grown) {
      const medians = curve.milliseconds.map(({ median }) => median);
      const extra = least && medians.map((median, i) => median - least.milliseconds[i].median);
      curves.push({
        ...curve,
        time: exponentOf(sizes, medians),
        memory: exponentOf(sizes, curve.megabytes),
        ...(extra && curve !== least && { extra, extraTime: exponentOf(sizes, extra) }),
      });
    }
  }
  return {
    data: curves,
    tables: [...Object.keys(axes).flatMap((axis) => tablesOf(axis, curves)), exponents(curves)],
    timings: curves.flatMap(({ axis, rule, sizes, milliseconds }) =>
      sizes.map((size, i) => ({ what: `growth: ${rule}, ${axis} ${size}`, unit: "ms", ...milliseconds[i] })),
    ),
    targets: [],
  };
}

function tablesOf(axis, all) {
  const curves = all.filter((curve) => curve.axis === axis);
  return [
    [
      `Growth with ${axis}: ms a step, and 10^6 bytes`,
      [
        [axis, ...curves.flatMap(({ rule, extra }) => [`${rule}, ms`, ...(extra ? ["beyond"] : []), "MB"])],
        ...axes[axis].sizes.map((size, i) => [
          `${size}`,
          ...curves.flatMap(({ milliseconds, extra, megabytes }) => [
            number(milliseconds[i].median),
            ...(extra ? [number(extra[i])] : []),
            number(megabytes[i]),
          ]),
        ]),
      ],
    ],
  ];
}

function exponents(curves) {
  const withError = ({ exponent, error }) => `${exponent.toFixed(2)} ± ${error.toFixed(2)}`;
  return [
    "Growth: exponents, by least squares in logarithms over the upper half of the sizes, with standard errors",
    [
      ["", "rule", "over", "time", "memory", "time beyond REINFORCE"],
      ...curves.map(({ axis, rule, time, memory, extraTime }) => [
        axis,
        rule,
        `${time.from} to ${time.to}`,
        withError(time),
        withError(memory),
        extraTime ? withError(extraTime) : "",
      ]),
    ],
  ];
}
