// What the light operations cost at the sizes of a bandit step: 50 images of 784 pixels, layers of 200 units.
import { performance } from "node:perf_hooks";
import { createWasmBackend } from "../dist/backend/wasm.js";
import { deriveKey, newKey, uniformAt } from "../dist/random/threefry.js";

const [B, I, J, classes] = [50, 784, 200, 10];
const rounds = 40;

/** Median time of one call in microseconds, over rounds of a millisecond or more. */
function median(call) {
  const time = (count) => {
    const start = performance.now();
    for (let i = 0; i < count; i++) call();
    return (performance.now() - start) * 1000;
  };
  let count = 1;
  while (time(count) < 1000) count *= 2;
  const times = Array.from({ length: rounds }, () => time(count) / count);
  return times.sort((a, b) => a - b)[rounds / 2];
}

/** Numbers in [-1, 1) that do not repeat from call to call. */
function noise() {
  const key = deriveKey(1, "test", 0, newKey());
  let index = 0;
  return (length) => Array.from({ length }, () => 2 * uniformAt(key, index++) - 1);
}

/** Microseconds of every light operation: `[{ kernels, operation, shape, microseconds }]`. */
export async function benchmarkLight(kinds = ["portable", "relaxed"]) {
  const results = [];
  for (const kernels of kinds) {
    const backend = await createWasmBackend({ kernels });
    const random = noise();
    const filled = (rows, columns) => {
      const m = backend.matrix(rows, columns);
      backend.write(m, random(rows * columns));
      return m;
    };
    const measure = (operation, shape, call) =>
      results.push({ kernels, operation, shape, microseconds: median(call) });

    const key = deriveKey(1, "draws", 7, newKey());
    const images = backend.bytes(Uint8Array.from(random(1000 * I), (x) => 128 + 128 * x));
    const labels = backend.bytes(Uint8Array.from(random(1000), (x) => 5 + 5 * x));
    const order = backend.indices(1000);
    backend.writeIndices(
      order,
      Uint32Array.from({ length: 1000 }, (_, i) => (i * 617) % 1000),
    );
    const pixels = backend.matrix(B, I);
    measure("binarise", [B, I], () => backend.binarise(images, order, 100, key, pixels));
    const u = backend.matrix(B, 600);
    measure("uniforms", [B, 600], () => backend.uniforms(key, u));
    const label = backend.matrix(B, 1);
    measure("gatherLabels", [B, 1], () => backend.gatherLabels(labels, order, 100, label));
    const rows = filled(1000, I);
    measure("gatherRows", [B, I], () => backend.gatherRows(rows, order, 100, pixels));

    const bias = filled(1, J);
    const logits = filled(B, J);
    const [p, q, bits] = [backend.matrix(B, J), backend.matrix(B, J), backend.matrix(B, J)];
    const draws = backend.view(u, 0, B, J);
    measure("broadcast", [B, J], () => backend.broadcast(bias, bits));
    measure("sigmoid", [B, J], () => backend.sigmoid(logits, p, q));
    measure("sampleBernoulli", [B, J], () => backend.sampleBernoulli(p, draws, bits));
    const scores = filled(B, classes);
    const [law, action] = [backend.matrix(B, classes), backend.matrix(B, classes)];
    const choice = backend.view(u, 0, B, 1);
    measure("softmax", [B, classes], () => backend.softmax(scores, classes, law));
    measure("sampleCategorical", [B, classes], () => backend.sampleCategorical(law, classes, choice, action));

    const [reward, baseline] = [backend.matrix(B, 1), backend.matrix(1, 1)];
    measure("rewardByLabel", [B, classes], () => backend.rewardByLabel(action, label, reward));
    measure("subtractBaseline", [B, 1], () => backend.subtractBaseline(reward, baseline, choice));
    measure("trackMean", [B, 1], () => backend.trackMean(reward, 0.99, baseline));
    measure("fill", [B, J], () => backend.fill(q, 0.5));
    measure("subtract", [B, J], () => backend.subtract(bits, p, q));
    measure("scaleRows", [B, J], () => backend.scaleRows(bits, reward, q));
    measure("multiplyAdd", [B, J], () => backend.multiplyAdd(p, logits, q));
    measure("addScaled", [B, J], () => backend.addScaled(p, 1e-9, q));

    // 240,000 parameters: a step on young moments, and one where most inputs have long been silent.
    const shape = [1200, J];
    const [weights, gradient, m, v] = [
      filled(...shape),
      filled(...shape),
      filled(...shape),
      backend.matrix(...shape),
    ];
    const step = { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, correction1: 1, correction2: 1 };
    const adam = () => backend.adam(weights, gradient, m, v, step);
    measure("adam", shape, adam);
    backend.write(
      gradient,
      random(1200 * J).map((x) => (x > -0.8 ? 0 : 10 ** (-20 + 20 * x))),
    );
    for (let i = 0; i < 2000; i++) adam();
    measure("adam, old", shape, adam);
    const sums = backend.sums(2);
    measure("addMean", [B, 1], () => backend.addMean(reward, sums, 0));
    backend.write(gradient, random(1200 * J));
    measure("addVariance", shape, () => backend.addVariance(reward, gradient, sums, 0, 1));
  }
  return results;
}
