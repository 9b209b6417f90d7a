// How the time and the memory of a step grow with the batch, with the width and the depth of a network and with the
// number of classes: HNCA and REINFORCE on bandits, f-HNCA in auto-encoders. One thing grows at a time; the others are
// 50 examples, two layers of 200 units, ten classes, and 784 pixels always.
import {
  adam,
  createBanditTraining,
  createVaeTraining,
  createWasmBackend,
  findEstimator,
} from "../dist/index.js";
import { loadLabelledImages } from "../dist/node/index.js";
import { drive } from "./drive.mjs";
import { exponentOf } from "./lib/fit.mjs";
import { spread, takeTurns } from "./lib/measure.mjs";
import { number } from "./lib/table.mjs";

const axes = {
  batch: [1, 3, 10, 30, 100, 300, 1000],
  width: [50, 100, 200, 400, 800, 1600],
  depth: [1, 2, 3, 4, 5, 6, 7, 8],
  classes: [2, 10, 30, 100, 300, 1000],
};
const usual = { batch: 50, width: 200, depth: 2, classes: 10 };
const rules = {
  reinforce: createBanditTraining,
  hnca: createBanditTraining,
  "f-hnca": createVaeTraining,
};

/** A training of its own backend: `{ call, bytes() }`, the memory being what its images do not take. */
async function trainingOf(rule, images, kernels, { batch, width, depth, classes }) {
  const backend = await createWasmBackend({ kernels });
  const data = { train: { ...images.train, classes }, test: { ...images.test, classes } };
  const training = rules[rule](backend, data, {
    estimator: findEstimator(rule),
    optimizer: adam({ learningRate: 1e-3 }),
    hidden: Array(depth).fill(width),
    batchSize: batch,
    limit: 2000,
  });
  const bytes = () => {
    const { data, ...rest } = backend.used;
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
  for (const [axis, sizes] of Object.entries(axes)) {
    const grown = Object.keys(rules)
      .filter((rule) => !(axis === "classes" && rule === "f-hnca"))
      .map((rule) => ({ axis, rule, sizes, milliseconds: [], megabytes: [] }));
    for (const size of sizes) {
      const samples = [];
      for (const { rule } of grown) {
        samples.push(await trainingOf(rule, images, kernels, { ...usual, [axis]: size }));
      }
      const times = takeTurns(samples, { rounds: quick ? 5 : 11, milliseconds: 2 });
      grown.forEach(({ milliseconds, megabytes }, i) => {
        milliseconds.push(spread(times[i].map((nanoseconds) => nanoseconds / 1e6)));
        megabytes.push(samples[i].bytes() / 1e6);
      });
    }
    curves.push(
      ...grown.map((curve) => ({
        ...curve,
        time: exponentOf(
          sizes,
          curve.milliseconds.map(({ median }) => median),
        ),
        memory: exponentOf(sizes, curve.megabytes),
      })),
    );
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
        [axis, ...curves.flatMap(({ rule }) => [`${rule}, ms`, "MB"])],
        ...axes[axis].map((size, i) => [
          `${size}`,
          ...curves.flatMap(({ milliseconds, megabytes }) => [
            number(milliseconds[i].median),
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
      ["", "rule", "over", "time", "memory"],
      ...curves.map(({ axis, rule, time, memory }) => [
        axis,
        rule,
        `${time.from} to ${time.to}`,
        withError(time),
        withError(memory),
      ]),
    ],
  ];
}
