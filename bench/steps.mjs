// What training steps cost: REINFORCE and HNCA on MNIST, one to three layers of 200 units, batches of 50. They take
// turns, a slice of some steps each, so that a busy machine slows both, and a ratio is one of neighbouring slices.
import { performance } from "node:perf_hooks";
import { adam, createBanditTraining, createWasmBackend, hnca, reinforce } from "../dist/index.js";
import { loadLabelledImages } from "../dist/node/index.js";
import { deriveKey, newKey } from "../dist/random/threefry.js";
import { drive } from "./drive.mjs";
import { spread } from "./spread.mjs";

const rules = { reinforce, hnca };
const stepsPerEpoch = 1200;
/** Steps of a slice, and slices of each training. */
const [slice, rounds] = [20, 40];

/** One training, driven step by step. `run` returns milliseconds a step. */
function driven(backend, data, rule, layers, limit) {
  const training = createBanditTraining(backend, data, {
    estimator: rules[rule],
    optimizer: adam({ learningRate: 1e-3 }),
    hidden: Array(layers).fill(200),
    limit,
  });
  const step = drive(backend, training);
  const run = (count) => {
    const start = performance.now();
    for (let i = 0; i < count; i++) step();
    return (performance.now() - start) / count;
  };
  return { rule, layers, learner: training.learner, run };
}

/**
 * Gives Adam the moments that it has after `steps` steps: of an input that is active in a share P of the batches, the
 * moments have decayed for a time with the mean 1 / P. This is what makes them denormal where nothing is done about it.
 */
async function age(learner, images, steps) {
  const tensors = await learner.tensors();
  const { pixels, count } = images;
  const decayed = Array.from({ length: pixels }, (_, i) => {
    let sum = 0;
    for (let n = 0; n < count; n++) sum += images.images[n * pixels + i];
    const active = 1 - (1 - sum / 255 / count) ** 50;
    // Between 0 and 1, as even as random numbers.
    const quantile = ((i * 619) % pixels) / pixels;
    return active === 0 ? Infinity : Math.min(steps, Math.log(1 - quantile) / Math.log(1 - active) || 0);
  });
  for (const [moment, beta] of [
    ["m", 0.9],
    ["v", 0.999],
  ]) {
    const { data } = tensors[`optimizer.${moment}.layers.0.weights`];
    const typical = data.reduce((sum, x) => sum + Math.abs(x), 0) / data.length;
    data.forEach((x, place) => {
      data[place] = (Math.sign(x) || 1) * typical * beta ** decayed[place % pixels];
    });
  }
  learner.restore(tensors);
}

/** Milliseconds a step of each training, slice by slice in turn, and of HNCA over REINFORCE by layers. */
function interleaved(trainings) {
  const times = trainings.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { run }] of trainings.entries()) times[i].push(run(slice));
  }
  const milliseconds = (rule, layers) =>
    times[trainings.findIndex((training) => training.rule === rule && training.layers === layers)];
  return [1, 2, 3].map((layers) => {
    const [base, ours] = [milliseconds("reinforce", layers), milliseconds("hnca", layers)];
    return {
      layers,
      reinforce: spread(base),
      hnca: spread(ours),
      ratio: spread(ours.map((time, round) => time / base[round])),
    };
  });
}

/** Share of a REINFORCE step, 3 x 200, that goes into random numbers: all draws of units, and the pixels' bits. */
function randomShare(backend, train, millisecondsPerStep) {
  const key = deriveKey(1, "draws", 7, newKey());
  const uniforms = [200, 200, 200, 1].map((units) => backend.matrix(50, units));
  const images = backend.bytes(train.images.subarray(0, 1000 * train.pixels));
  const order = backend.indices(1000);
  const pixels = backend.matrix(50, train.pixels);
  const share = (call) => {
    const times = Array.from({ length: rounds }, () => {
      const start = performance.now();
      for (let i = 0; i < 200; i++) call();
      return (performance.now() - start) / 200;
    });
    return spread(times).median / millisecondsPerStep;
  };
  return {
    draws: share(() => {
      for (const u of uniforms) backend.uniforms(key, u);
    }),
    // Reading the images and writing the bits included.
    pixels: share(() => backend.binarise(images, order, 0, key, pixels)),
  };
}

/**
 * `{ kernels, young, late, epochs, random }`: `young` and `late`, after as many steps as 50 epochs have, are
 * milliseconds a step `[{ layers, reinforce, hnca, ratio }]`; `epochs` are seconds of an epoch of HNCA, 3 x 200, as
 * each of its slices would have it, evaluation not included; `random` is shares of a REINFORCE step.
 */
export async function benchmarkSteps(kernels) {
  const data = await loadLabelledImages();
  const backend = await createWasmBackend(kernels && { kernels });
  const all = [1, 2, 3].flatMap((layers) =>
    Object.keys(rules).map((rule) => driven(backend, data, rule, layers, 12_000)),
  );
  for (const { run } of all) run(100);
  const young = interleaved(all);

  const [early, old] = [0, 1].map(() => driven(backend, data, "hnca", 3));
  for (const { run } of [early, old]) run(100);
  for (const { learner } of [...all, old]) await age(learner, data.train, 50 * stepsPerEpoch);
  const late = interleaved(all);
  const seconds = { young: [], late: [] };
  for (let done = 0; done < stepsPerEpoch; done += slice) {
    seconds.young.push((early.run(slice) * stepsPerEpoch) / 1000);
    seconds.late.push((old.run(slice) * stepsPerEpoch) / 1000);
  }
  return {
    kernels: backend.kernels,
    young,
    late,
    epochs: { young: spread(seconds.young), late: spread(seconds.late) },
    random: randomShare(backend, data.train, young[2].reinforce.median),
  };
}
