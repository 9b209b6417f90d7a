// Which columns of a table does a model need? Every column stands behind a coin, which decides whether the model sees it.
// Seeing has a price: coins that are not worth it learn to land on tails, and in the end none is left in doubt.
import {
  adam,
  componentsObjective,
  createNetwork,
  createReadout,
  createWasmBackend,
  fHnca,
  GeneratedDraws,
  Learner,
  logLikelihood,
  sumOf,
} from "flipnet";
import { loadDigits } from "./digits.mjs";

// MNIST as a table: 196 columns that are 0 or 1, and a class.
const [B, columns, classes, steps] = [100, 196, 10, 1000];
const { train, test } = await loadDigits(10000, 5000);
const [seen, held] = [train, test].map(({ images }) => images.map((pixel) => (pixel > 100 ? 1 : 0)));

// A coin shows a 1 where the column is 1 and the coin lands on heads: its logit is what it learned, or that and -60.
const never = -60;
const always = 30;
const sigmoid = (l) => 1 / (1 + Math.exp(-l));

/** Logistic regression (one against the rest) on the columns in `open`. With a price they have coins; without, it is plain. */
async function fit(open, price = 0) {
  const backend = await createWasmBackend({ kernels: "portable" });
  const layers = [{ kind: "bernoulli", units: columns }];
  const network = createNetwork(backend, { inputs: columns, inputKind: "logits", units: "zero-one", layers });
  const [layer] = network.layers;
  backend.write(layer.bias, new Array(columns).fill(price > 0 ? 3 : always));
  const input = backend.matrix(B, columns);
  const labels = backend.matrix(B, classes);
  const model = createReadout(network, "model", [0], classes);
  const evidence = componentsObjective(network, model, logLikelihood, { target: labels });
  // The price times the probability of heads, whatever stands in the column.
  const heads = (l) => sigmoid(l < never / 2 ? l - never : l);
  const toll = { value: (l) => -price * heads(l), slope: (l) => -price * heads(l) * (1 - heads(l)) };
  const objective = price > 0 ? sumOf(evidence, componentsObjective(network, layer, toll)) : evidence;

  const problem = { network, input, objective, baseline: "none", baselineDecay: 0 };
  const learner = new Learner(fHnca, problem, adam({ learningRate: [0.03, price > 0 ? 0.02 : 0.01] }));
  const draws = new GeneratedDraws(backend, 1);
  const [logits, targets] = [new Float64Array(B * columns), new Float64Array(B * classes)];
  for (let step = 1; step <= steps; step++) {
    const first = (step * B) % train.count;
    for (let e = 0; e < logits.length; e++) {
      logits[e] = open[e % columns] && seen[first * columns + e] === 1 ? 0 : never;
    }
    targets.fill(0);
    for (let b = 0; b < B; b++) targets[b * classes + train.labels[first + b]] = 1;
    backend.write(input, logits);
    backend.write(labels, targets);
    draws.startStep(step);
    learner.sample(draws);
    learner.learn(step);
  }
  return { gates: [...backend.readNow(layer.bias)], weights: backend.readNow(model.block) };
}

/** The share of test rows whose class a regression on the columns in `open` finds. */
function accuracy(open, { weights }) {
  let right = 0;
  for (let n = 0; n < test.count; n++) {
    const logits = weights.slice(columns * classes);
    for (let i = 0; i < columns; i++) {
      if (!open[i] || held[n * columns + i] === 0) continue;
      for (let c = 0; c < classes; c++) logits[c] += weights[i * classes + c];
    }
    if (logits.indexOf(Math.max(...logits)) === test.labels[n]) right++;
  }
  return `${((100 * right) / test.count).toFixed(1)} %`;
}

const every = new Array(columns).fill(true);
const share = new Float64Array(columns);
seen.forEach((x, e) => {
  share[e % columns] += x / train.count;
});
const full = await fit(every);
/** The squared weights of a column. */
const weight = every.map((_, i) =>
  full.weights.slice(i * classes, (i + 1) * classes).reduce((s, w) => s + w * w, 0),
);
const standardised = weight.map((w, i) => w * share[i] * (1 - share[i]));
const highest = (score, count) => {
  const limit = score.toSorted((a, b) => b - a)[count - 1];
  return score.map((s) => s >= limit);
};

const row = (...cells) => console.log(cells.map((cell) => `${cell}`.padStart(13)).join(""));
row("columns", "in doubt", "coins", "weights", "standardised");
row(columns, "", accuracy(every, full));
let chosen;
for (const price of [0.015, 0.03]) {
  const { gates } = await fit(every, price);
  const heads = gates.map(sigmoid);
  chosen = heads.map((p) => p > 0.5);
  const count = chosen.filter(Boolean).length;
  const doubt = heads.filter((p) => p > 0.05 && p < 0.95).length;
  const choices = [chosen, highest(weight, count), highest(standardised, count)];
  const results = [];
  for (const open of choices) results.push(accuracy(open, await fit(open)));
  row(count, doubt, ...results);
}
console.log(`\nThe last of the coins' choices, in the image:`);
for (let y = 0; y < 14; y++)
  console.log(
    chosen
      .slice(14 * y, 14 * y + 14)
      .map((is) => (is ? "#" : "."))
      .join(" "),
  );
