// Ten articles, visitors one after the other, and for each the question which article to show. All that comes back is a click
// or none. Visitors are replayed from data that says what each would click: an image wants the article of its digit.
import { createAgent, createWasmBackend } from "flipnet";
import { loadDigits } from "./digits.mjs";

const [articles, visits, part] = [10, 30000, 6000];
const { train } = await loadDigits(visits, 1);
const D = train.pixels;
const visitors = Array.from({ length: visits }, (_, n) =>
  train.images.subarray(n * D, (n + 1) * D).map((pixel) => (pixel > 100 ? 1 : 0)),
);

let state = 1;
/** From 0 to 1. */
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

/** Shows every visitor an article. The right one is clicked 8 times out of 10, another one once. */
function play(name, { act, learn }) {
  state = 1;
  const chances = Float64Array.from({ length: visits }, random); // the same visitors' moods for everyone
  let row = name.padEnd(32);
  let clicks = 0;
  for (let n = 0; n < visits; n++) {
    const click = chances[n] < (act(visitors[n]) === train.labels[n] ? 0.8 : 0.1) ? 1 : 0;
    learn(click);
    clicks += click;
    if ((n + 1) % part === 0) {
      row += `${((100 * clicks) / part).toFixed(1)} %`.padStart(9);
      clicks = 0;
    }
  }
  console.log(row);
}

/** Groups of like visitors, by k-means on the first 2000 of them; gives the number of a visitor's group. */
function segments(count) {
  const sample = visitors.slice(0, 2000);
  let centres = sample.slice(0, count).map((x) => Float64Array.from(x));
  const nearest = (x) => {
    let [best, least] = [0, Infinity];
    centres.forEach((centre, k) => {
      let sum = 0;
      for (let i = 0; i < D && sum < least; i++) sum += (x[i] - centre[i]) * (x[i] - centre[i]);
      if (sum < least) [best, least] = [k, sum];
    });
    return best;
  };
  for (let round = 0; count > 1 && round < 8; round++) {
    const groups = sample.map(nearest);
    centres = centres.map((centre, k) => {
      const members = sample.filter((_, n) => groups[n] === k);
      return centre.map((old, i) =>
        members.length === 0 ? old : members.reduce((sum, x) => sum + x[i], 0) / members.length,
      );
    });
  }
  return nearest;
}

/** Shows the article with the best average in the visitor's segment, and one time in ten any. */
function averages(count) {
  const segmentOf = segments(count);
  const shown = Array.from({ length: count }, () => new Float64Array(articles).fill(1));
  const rate = Array.from({ length: count }, () => new Float64Array(articles).fill(1)); // untried: promising
  let [segment, article] = [0, 0];
  return {
    act(visitor) {
      segment = segmentOf(visitor);
      const best = rate[segment].indexOf(Math.max(...rate[segment]));
      article = random() < 0.1 ? Math.floor(articles * random()) : best;
      return article;
    },
    learn(click) {
      rate[segment][article] += (click - rate[segment][article]) / ++shown[segment][article];
    },
  };
}

/** An agent that learns by HNCA: the choice is a softmax unit, and hidden units, if any, are coins. */
async function agent(hidden) {
  const backend = await createWasmBackend({ kernels: "portable" });
  const learner = await createAgent(
    { inputs: D, inputKind: "bits", actions: articles, hidden, seed: 1 },
    backend,
  );
  return { act: (visitor) => learner.act(visitor), learn: (click) => learner.learn(click) };
}

const parts = Array.from({ length: visits / part }, (_, k) => `to ${(k + 1) * part}`.padStart(9));
console.log("visits that end in a click".padEnd(32) + parts.join(""));
play("averages", averages(1));
play("averages in 20 segments", averages(20));
play("averages in 100 segments", averages(100));
play("agent, 64 coins", await agent([64]));
play("agent, no hidden layer", await agent([]));
