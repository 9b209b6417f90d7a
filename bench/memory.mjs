// Memory of a long training on MNIST, three layers of 200 units: HNCA on the bandit, or f-HNCA in an auto-encoder. Prints
// a line on stderr and JSON on stdout.
//
//   node --expose-gc bench/memory.mjs [--task bandit|vae] [--steps 50000] [--max-peak 400] [--max-growth 5]
//
// Megabytes of 10^6 bytes; exit code 1 where one of the two limits, if given, is not kept.
import { parseArgs } from "node:util";
import {
  adam,
  createBanditTraining,
  createVaeTraining,
  createWasmBackend,
  fHnca,
  hnca,
} from "../packages/flipnet/dist/index.js";
import { loadLabelledImages } from "../packages/flipnet/dist/node/index.js";
import { residentMegabytes } from "./lib/host.mjs";

const { values } = parseArgs({
  options: {
    task: { type: "string", default: "bandit" },
    steps: { type: "string" },
    "max-peak": { type: "string", default: "Infinity" },
    "max-growth": { type: "string", default: "Infinity" },
  },
});
const common = { optimizer: adam({ learningRate: 1e-3 }), hidden: [200, 200, 200] };
const tasks = {
  bandit: {
    steps: 50_000,
    peak: 400,
    create: (backend, data) => createBanditTraining(backend, data, { ...common, estimator: hnca }),
  },
  vae: {
    steps: 20_000,
    peak: 450,
    // Samples of the bound take time and no memory.
    create: (backend, data) =>
      createVaeTraining(backend, data, { ...common, estimator: fHnca, evaluateEvery: 1, boundSamples: 1 }),
  },
};
const task = tasks[values.task];
if (task === undefined) throw new Error(`--task is ${values.task}; expected bandit or vae`);
const steps = Number(values.steps ?? task.steps);
/** Steps until code is compiled and the heap has its size: two epochs, as the second evaluation still adds some. */
const settled = 2500;
if (!(steps > settled)) throw new Error(`--steps is ${values.steps}; expected more than ${settled}`);

const backend = await createWasmBackend();
const training = task.create(backend, await loadLabelledImages());

// The files as they were read are garbage by now; when that goes is no matter of training.
for (let i = 0; i < 2; i++) {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 50));
}

let early;
const pause = ({ step, epoch, stepsPerEpoch }) => {
  const done = (epoch - 1) * stepsPerEpoch + step;
  if (done >= settled) early ??= residentMegabytes();
  return done < steps;
};
const epochs = Math.ceil(steps / training.task.stepsPerEpoch);
for await (const _ of training.run(epochs, { pause, pauseMilliseconds: 20 }));

const late = residentMegabytes();
const result = {
  task: values.task,
  kernels: backend.features.arithmetic,
  steps: training.step,
  peak: process.resourceUsage().maxRSS * 1.024e-3,
  early,
  late,
  growth: late - early,
};
const megabytes = (value) => `${value.toFixed(1)} MB`;
console.error(
  `peak ${megabytes(result.peak)} (target: under ${task.peak} MB); ` +
    `${megabytes(early)} after ${settled} steps, ${megabytes(late)} after ${training.step}: ` +
    `${result.growth >= 0 ? "+" : ""}${megabytes(result.growth)} (target: under 5 MB)`,
);
console.log(JSON.stringify(result));
if (result.peak > Number(values["max-peak"]) || result.growth > Number(values["max-growth"])) {
  process.exitCode = 1;
}
