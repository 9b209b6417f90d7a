// Eight cameras, each with its pixels wired in an order of its own, and nobody says which of them took an image. For one
// camera a linear model will do; so there are eight, the experts, and a router that picks one of them for each image. Only
// the expert that was picked runs, in training too. A pick is discrete: no gradient goes through it, but it can be rewarded.
import { adam, createAgent, createWasmBackend } from "flipnet";
import { loadDigits } from "./digits.mjs";

const [cameras, classes, epochs, batch] = [8, 10, 5, 50];
const digits = await loadDigits(10000, 4000);
const D = digits.train.pixels;

let state = 1;
/** From 0 to 1. */
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

const wirings = Array.from({ length: cameras }, () => {
  const order = Array.from({ length: D }, (_, i) => i);
  for (let i = D - 1; i > 0; i--) {
    const j = Math.floor((i + 1) * random());
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
});
const photograph = ({ count, images, labels }) =>
  Array.from({ length: count }, (_, n) => {
    const wiring = wirings[Math.floor(cameras * random())];
    return { x: Float64Array.from(wiring, (i) => images[n * D + i] / 255), y: labels[n] };
  });
const [train, test] = [photograph(digits.train), photograph(digits.test)];

/** A linear map. `learn` moves it uphill, `g` being the gradient by its outputs. */
function linear(inputs, outputs, rate, size) {
  const weights = Float64Array.from({ length: inputs * outputs }, () => size * (2 * random() - 1));
  const bias = new Float64Array(outputs);
  return {
    weights,
    outputs(x) {
      const y = bias.slice();
      for (let i = 0, e = 0; i < inputs; i++, e += outputs) {
        if (x[i] !== 0) for (let j = 0; j < outputs; j++) y[j] += x[i] * weights[e + j];
      }
      return y;
    },
    learn(x, g) {
      for (let i = 0, e = 0; i < inputs; i++, e += outputs) {
        if (x[i] !== 0) for (let j = 0; j < outputs; j++) weights[e + j] += rate * x[i] * g[j];
      }
      for (let j = 0; j < outputs; j++) bias[j] += rate * g[j];
    },
  };
}
const expertsOf = (count, rate) => Array.from({ length: count }, () => linear(D, classes, rate, 0.01));
const sum = (values) => values.reduce((a, b) => a + b);
const best = (values) => values.indexOf(Math.max(...values));
function softmax(logits) {
  const most = Math.max(...logits);
  const powers = logits.map((l) => Math.exp(l - most));
  const total = sum(powers);
  return powers.map((e) => e / total);
}
/** The gradient of `log p[y]` by the logits. */
const towards = (p, y) => p.map((one, k) => (k === y ? 1 : 0) - one);

/** What an expert asks for: the busier it was in the latest thousand picks or so, the more. */
function wages(count, price) {
  const shares = new Float64Array(count).fill(1 / count);
  return {
    of: (k) => price * Math.log(count * shares[k]),
    count(picks) {
      for (let k = 0; k < count; k++) shares[k] += (picks[k] - shares[k]) / 500;
    },
  };
}

/** The router is an agent. Its action is the expert, its reward the probability which that gives to the right label. */
async function hardRouting(price) {
  const backend = await createWasmBackend({ kernels: "portable" });
  const shape = { inputs: D, hidden: [], actions: cameras, seed: 1 };
  const router = await createAgent({ ...shape, optimizer: adam({ learningRate: 0.01 }) }, backend);
  const experts = expertsOf(cameras, 0.05);
  const wage = wages(cameras, price);
  for (let step = 0; step < (epochs * train.length) / batch; step++) {
    const first = (step * batch) % train.length;
    const images = train.slice(first, first + batch);
    const picks = router.actBatch(images.map(({ x }) => x));
    const earned = images.map(({ x, y }, b) => {
      const p = softmax(experts[picks[b]].outputs(x));
      experts[picks[b]].learn(x, towards(p, y));
      wage.count(experts.map((_, k) => (k === picks[b] ? 1 : 0)));
      return p[y] - wage.of(picks[b]);
    });
    router.learnBatch(earned);
  }
  return (x) => best(experts[router.act(x)].outputs(x));
}

/** For the alternatives: one image after the other. */
function study(learn) {
  for (let epoch = 0; epoch < epochs; epoch++) for (const { x, y } of train) learn(x, y);
}

/** All experts run, and the router weighs them: `p = sum_k r[k] p_k`, by backpropagation. */
function softMixture(count, rate, price) {
  const router = linear(D, count, rate, 0);
  const experts = expertsOf(count, rate);
  const wage = wages(count, price);
  study((x, y) => {
    const r = softmax(router.outputs(x));
    const laws = experts.map((expert) => softmax(expert.outputs(x)));
    const total = sum(r.map((share, k) => share * laws[k][y]));
    const posterior = r.map((share, k) => (share * laws[k][y]) / total);
    for (let k = 0; k < count; k++) {
      const g = towards(laws[k], y).map((one) => posterior[k] * one);
      experts[k].learn(x, g);
    }
    wage.count(r);
    const mean = sum(r.map((share, k) => share * wage.of(k)));
    const g = r.map((share, k) => posterior[k] - share + share * (mean - wage.of(k)));
    router.learn(x, g);
  });
  return (x) => {
    const r = softmax(router.outputs(x));
    const laws = experts.map((expert) => softmax(expert.outputs(x)));
    return best(laws[0].map((_, y) => sum(r.map((share, k) => share * laws[k][y]))));
  };
}

/** One network with rectified hidden units. */
function dense(hidden, rate) {
  const [first, second] = [linear(D, hidden, rate, 0.1), linear(hidden, classes, rate, 0.1)];
  const shown = (x) => first.outputs(x).map((l) => Math.max(0, l));
  study((x, y) => {
    const h = shown(x);
    const g = towards(softmax(second.outputs(h)), y);
    const back = h.map((one, j) =>
      one === 0 ? 0 : sum(g.map((gk, k) => gk * second.weights[j * classes + k])),
    );
    second.learn(h, g);
    first.learn(x, back);
  });
  return (x) => best(second.outputs(shown(x)));
}

function report(name, multiplyAdds, guess) {
  const right = test.filter(({ x, y }) => guess(x) === y).length / test.length;
  console.log(
    name.padEnd(26) + `${multiplyAdds}`.padStart(13) + `${(100 * right).toFixed(1)} %`.padStart(10),
  );
}
console.log("".padEnd(26) + "multiply-adds".padStart(13) + "right".padStart(10));
report("hard routing", D * (cameras + classes), await hardRouting(0.3));
report("hard routing, one wage", D * (cameras + classes), await hardRouting(0));
report("one linear model", D * classes, softMixture(1, 0.02, 0));
report("dense, 18 hidden units", (D + classes) * 18, dense(18, 0.02));
report("dense, 84 hidden units", (D + classes) * 84, dense(84, 0.02));
report("soft mixture", D * cameras * (1 + classes), softMixture(cameras, 0.05, 1));
