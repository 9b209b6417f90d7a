// Nearest-neighbour search by short binary codes: an image becomes a few bits, and a search counts the bits that differ.
// The bits are an auto-encoder's coins; the alternatives are random hyperplanes and the signs of principal components.
import { adam, createVaeTraining, createWasmBackend, fHnca } from "flipnet";
import { loadDigits } from "./digits.mjs";

const [queries, neighbours, shortlist, epochs] = [200, 10, 100, 12];
const { train, test } = await loadDigits(10000, queries);
const D = train.pixels;

/** Numbers of the `count` training images with the smallest distance; of equal ones the first. */
function nearest(distance, count) {
  const keys = Float64Array.from({ length: train.count }, (_, n) => distance(n) * 65536 + n);
  return keys
    .sort()
    .subarray(0, count)
    .map((key) => key % 65536);
}

/** The true neighbours of every query, by all of the pixels. */
const exact = Array.from({ length: queries }, (_, q) =>
  nearest((n) => {
    let sum = 0;
    for (let i = 0; i < D; i++) {
      const difference = test.images[q * D + i] - train.images[n * D + i];
      sum += difference * difference;
    }
    return sum;
  }, neighbours),
);

const dot = (a, b, from = 0) => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[from + i];
  return sum;
};

/** Codes of images, one bit for each hyperplane `w . x > t`, in words of up to 32. */
const encode = ({ count, images }, planes) =>
  Array.from({ length: Math.ceil(planes.length / 32) }, (_, word) =>
    Int32Array.from({ length: count }, (_, n) =>
      planes
        .slice(32 * word, 32 * word + 32)
        .reduce((code, { w, t }, j) => code | (dot(w, images, n * D) > t ? 1 << j : 0), 0),
    ),
  );

/** Number of ones among 32 bits. */
function ones(word) {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** The share of true neighbours among the 100 nearest codes, and that of the ten nearest codes that are the query's digit. */
function measure(planes) {
  const [base, asked] = [train, test].map((set) => encode(set, planes));
  let [found, same] = [0, 0];
  for (let q = 0; q < queries; q++) {
    const list = nearest(
      (n) => base.reduce((sum, word, k) => sum + ones(word[n] ^ asked[k][q]), 0),
      shortlist,
    );
    found += exact[q].filter((n) => list.includes(n)).length;
    same += list.subarray(0, neighbours).filter((n) => train.labels[n] === test.labels[q]).length;
  }
  return [found, same].map((count) => `${((100 * count) / queries / neighbours).toFixed(1)} %`.padStart(12));
}

/** The coins of an auto-encoder that f-HNCA trains: each a hyperplane, on the side on which heads are likelier. */
async function coins(bits) {
  const backend = await createWasmBackend({ kernels: "portable" });
  const adamSlowly = adam({ learningRate: 0.01 });
  const options = { estimator: fHnca, optimizer: adamSlowly, hidden: [bits], batchSize: 100, seed: 1 };
  const training = createVaeTraining(backend, { train, test }, { ...options, evaluateEvery: 2 * epochs });
  for await (const _ of training.run(epochs));
  const [{ parents, bias }] = training.learner.network.layers;
  const weights = backend.readNow(parents[0].weights); // [D, bits]
  // Pixels are 0 to 1 there, 0 to 255 here.
  return [...backend.readNow(bias)].map((c, j) => ({
    w: Float64Array.from({ length: D }, (_, i) => weights[i * bits + j]),
    t: -255 * c,
  }));
}

let seed = 1;
/** About normal: the sum of twelve uniform numbers. */
function normal() {
  let sum = -6;
  for (let k = 0; k < 12; k++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    sum += seed / 2 ** 32;
  }
  return sum;
}
const random = (bits) => Array.from({ length: bits }, () => Float64Array.from({ length: D }, normal));

const mean = new Float64Array(D);
train.images.forEach((pixel, e) => {
  mean[e % D] += pixel / train.count;
});
const throughMean = (rows) => rows.map((w) => ({ w, t: dot(w, mean) }));

/** The first principal components of 2000 images, by subspace iteration. */
function components(count) {
  const covariance = Array.from({ length: D }, () => new Float64Array(D));
  for (let n = 0; n < 2000; n++) {
    const x = mean.map((m, i) => train.images[n * D + i] - m);
    for (let i = 0; i < D; i++) for (let j = 0; j < D; j++) covariance[i][j] += x[i] * x[j];
  }
  let rows = random(count);
  for (let round = 0; round < 30; round++) {
    rows = rows.map((row) => Float64Array.from(covariance, (line) => dot(line, row)));
    rows.forEach((row, k) => {
      for (const other of rows.slice(0, k)) {
        const along = dot(row, other);
        for (let i = 0; i < D; i++) row[i] -= along * other[i];
      }
      const length = Math.sqrt(dot(row, row));
      for (let i = 0; i < D; i++) row[i] /= length;
    });
  }
  return rows;
}

const principal = components(64);
console.log("bits  code                      recall  same digit");
for (const bits of [16, 32, 64]) {
  const codes = {
    "random hyperplanes": throughMean(random(bits)),
    "principal components": throughMean(principal.slice(0, bits)),
    "coins (f-HNCA)": await coins(bits),
  };
  for (const [name, planes] of Object.entries(codes)) {
    console.log(`${bits}    ${name.padEnd(20)}${measure(planes).join("")}`);
  }
}
