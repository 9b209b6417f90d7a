// `node flipnet.mjs THREADS DATA.json KERNELS`: flipnet's own steps, told to as serve.py's.
import { readFile } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import {
  adam,
  createBanditTraining,
  createEstimator,
  createMultiplexerTraining,
  createVaeTraining,
  createWasmBackend,
  GeneratedDraws,
} from "../../packages/flipnet/dist/index.js";

const [threads, path, kernels] = process.argv.slice(2);
const backend = await createWasmBackend({ kernels, threads: Number(threads) });

// Pixels are full or empty, so that binarisation leaves them as they are: the peers' batch.
const { images, labels } = JSON.parse(await readFile(path, "utf8"));
const batch = {
  count: labels.length,
  pixels: images.length / labels.length,
  classes: 10,
  images: Uint8Array.from(images, (bit) => 255 * bit),
  labels: Uint8Array.from(labels),
};
const data = { train: batch, test: batch };
const slow = adam({ learningRate: 1e-4 });
const bandit = (estimator) =>
  createBanditTraining(backend, data, { estimator, optimizer: slow, hidden: [200, 200, 200] });
const vae = (layers) =>
  createVaeTraining(backend, data, {
    estimator: createEstimator({ name: "f-hnca" }),
    optimizer: slow,
    hidden: Array(layers).fill(200),
  });
const rows = {
  "HNCA bandit": () => bandit(createEstimator({ name: "hnca" })),
  "f-HNCA VAE, 1 layer": () => vae(1),
  "f-HNCA VAE, 3 layers": () => vae(3),
  "Weight Maximization multiplexer": () =>
    createMultiplexerTraining(backend, {
      k: 5,
      estimator: createEstimator({ name: "weight-max" }),
      optimizer: adam({ learningRate: 0.01 }),
      paperScale: true,
      steps: 1,
    }),
  "REINFORCE bandit": () => bandit(createEstimator({ name: "reinforce" })),
};

/** Steps on one batch that is loaded beforehand, without measuring anything: what the peers do. */
function stepper({ task, learner }) {
  const draws = new GeneratedDraws(backend, 0);
  task.startEpoch(0);
  task.load(0);
  let step = 0;
  return (count) => {
    for (let i = 0; i < count; i++) {
      draws.startStep(++step);
      learner.sample(draws);
      task.score?.(learner.estimator.pass);
      learner.learn(step);
    }
  };
}

console.log(`ready ${kernels.startsWith("native") ? kernels.slice("native-".length) : 128}`);
const steppers = {};
for await (const line of createInterface({ input: process.stdin })) {
  const { row, steps } = JSON.parse(line);
  const [start, used] = [performance.now(), process.cpuUsage()];
  steppers[row] ??= stepper(rows[row]());
  steppers[row](steps);
  const { user, system } = process.cpuUsage(used);
  console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 }));
}
// Threads that wait for work would keep it alive.
process.exit();
