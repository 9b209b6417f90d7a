// Which estimator: all that serve a discrete auto-encoder, side by side. Exact variances on a small one, early, in the middle
// and late in its training; variance and time of a step on one of the papers' size; and how far each gets in the same time of
// the processor. Each part is a file of results/which-estimator; from all of them docs/which-estimator.md has its tables.
//
//     node bench/which-estimator.mjs [--parts exact,toy,measured,memory,race] [--seconds 4] [--batches 30]

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { varianceAgainstTime } from "../packages/cli/dist/report/measure-figure.js";
import { describeNeeds } from "../packages/flipnet/dist/estimators/needs.js";
import {
  adam,
  audit,
  createReferenceBackend,
  createVaeTraining,
  createWasmBackend,
  estimators,
  misfit,
} from "../packages/flipnet/dist/index.js";
import { loadLabelledImages } from "../packages/flipnet/dist/node/index.js";
import { prepareMeasure } from "../packages/flipnet/dist/training/measure.js";
import { clock, equalTimes, trainingOf } from "./lib/equal-times.mjs";
import { describeHost } from "./lib/host.mjs";
import { putTables, tableOf } from "./lib/pages.mjs";

const { values: flags } = parseArgs({
  options: {
    /** Which to make anew; none: the tables from what there is. */
    parts: { type: "string", default: "exact,toy,measured,memory,race" },
    seconds: { type: "string", default: "4" },
    batches: { type: "string", default: "30" },
  },
});
const [seconds, batches] = [Number(flags.seconds), Number(flags.batches)];

const offers = ["components", "evaluations", "slopes"];
// VIMCO climbs another objective, the bound of several samples.
const serving = estimators.filter(
  (one) =>
    misfit(one, offers) === undefined &&
    !one.needs.singleUnit &&
    !["vimco", "local-disarm"].includes(one.name),
);
const named = (name) => estimators.find((one) => one.name === name);
const tell = (text) => process.stderr.write(`${text}\n`);

// ---- exact variances, on bars: every row, or every column, of six pixels is on or off ---------------------------------

const bars = [
  ...[1, 2].map((n) => [0, 0, 0, 1, 1, 1].map((row) => (n >> row) & 1)),
  ...[1, 2, 3, 4, 5, 6].map((n) => [0, 1, 2, 0, 1, 2].map((column) => (n >> column) & 1)),
];

/** The network's parameters as an audit has them, early, in the middle and late. */
async function* stages() {
  const set = {
    count: bars.length,
    pixels: 6,
    classes: 1,
    labels: new Uint8Array(bars.length),
    images: Uint8Array.from(bars.flat(), (bit) => 255 * bit),
  };
  const training = createVaeTraining(
    createReferenceBackend(),
    { train: set, test: set },
    {
      hidden: [3, 2],
      batchSize: bars.length,
      evaluateEvery: 1e9,
      seed: 1,
      estimator: named("f-hnca"),
      optimizer: adam({ learningRate: 0.02 }),
    },
  );
  const stops = { early: 0, middle: 200, late: 3000 };
  for (const [stage, epochs] of Object.entries(stops)) {
    for await (const _ of training.run(epochs));
    const tensors = await training.tensors();
    const table = (name) => {
      const { shape, data } = tensors[name];
      if (shape.length === 1) return [...data];
      const [rows, columns] = shape;
      return Array.from({ length: rows }, (_, r) => [...data.slice(r * columns, (r + 1) * columns)]);
    };
    const layer = (name) => ({ weights: table(`${name}.weights`), bias: table(`${name}.bias`) });
    yield {
      stage,
      spec: {
        encoder: [layer("layers.0"), layer("layers.1")],
        decoder: [layer("decoder.1"), layer("decoder.0")],
        prior: table("prior.bias"),
        images: bars,
      },
    };
  }
}

/** What draws from no end of outcomes. */
const simulated = ["rebar", "relax", "concrete", "gumbel-softmax", "gumbel-rao"];

/** Variance in shares of REINFORCE's at the same parameters, by estimator: enumerated, or simulated where that has no end. */
async function exactVariances() {
  const found = {};
  for await (const { stage, spec } of stages()) {
    for (const { name } of serving) {
      const isSimulated = simulated.includes(name);
      const options = isSimulated ? { simulate: { samples: 4000 } } : {};
      const { elbo, estimators: of } = audit(spec, { estimators: [name], ...options });
      const { meanVariance, bias } = of[name];
      found[name] = found[name] ?? { simulated: isSimulated };
      found[name][stage] = { variance: meanVariance, bias, elbo };
      tell(`${stage}, ELBO ${elbo.toFixed(3)}: ${name} ${meanVariance.toPrecision(4)}`);
    }
  }
  return found;
}

/** One coin with the probability `p`, and `(b - t)^2`: the variance of dJ/dl, enumerated. */
function toy() {
  const found = {};
  for (const t of [0.45, 0.499]) {
    for (const p of [0.1, 0.5, 0.9]) {
      const spec = {
        units: "zero-one",
        layers: [{ weights: [[0]], bias: [Math.log(p / (1 - p))], kind: "bernoulli" }],
        contexts: [[1]],
        components: [{ name: "square", reads: [0], weights: [[1]], bias: [-t], eta: "square" }],
      };
      for (const { name } of serving.filter(({ name }) => !simulated.includes(name))) {
        const { estimators: of } = audit(spec, { estimators: [name] });
        const { meanVariance: variance, bias } = of[name];
        found[name] = [...(found[name] ?? []), { t, p, variance, bias }];
      }
    }
  }
  return found;
}

// ---- the papers' size: one layer of 200, MNIST, batches of 50, Adam at 0.001 ------------------------------------------

const data = await loadLabelledImages();
const sized = { rate: 1e-3, hidden: [200], seed: 0 };

/** Memory of a training by estimator, in 2^20 bytes, without the images. */
async function memory() {
  const found = {};
  for (const estimator of serving) {
    const backend = await createWasmBackend();
    trainingOf(backend, data, estimator, { ...sized, limit: 100 });
    const { data: _, ...used } = backend.features.memory.used;
    found[estimator.name] = Object.values(used).reduce((sum, bytes) => sum + bytes, 0) / 2 ** 20;
    backend.close();
  }
  return found;
}

/** Variance and time of a step at the parameters of f-HNCA's training, after some of it. */
async function measured() {
  const backend = await createWasmBackend();
  const training = trainingOf(backend, data, named("f-hnca"), sized);
  const { task, learner } = training;
  const on = { task, network: learner.network, offers };
  const labelled = serving
    .filter(({ name }) => name !== "local-expectation")
    .map((estimator) => ({ label: estimator.name, estimator }));
  const found = [];
  for (const epochs of [1, 4]) {
    for await (const _ of training.run(epochs));
    const scope = backend.scope();
    const measureAt = scope.run(() =>
      prepareMeasure(on, labelled, { batches, warmUp: 100, baseline: "running-average", clock }),
    );
    found.push({ epoch: epochs, measurement: await measureAt(epochs) });
    scope.release();
    tell(`measured after ${epochs} epochs`);
  }
  backend.close();
  return found;
}

/** How far each gets from the same weights in the same time. */
async function race() {
  const some = serving.map((estimator) => ({ name: estimator.name, estimator }));
  const found = await equalTimes(some, data, { ...sized, seconds, turns: 8 });
  return Object.fromEntries(found.map(({ name, turns }) => [name, turns[turns.length - 1]]));
}

// ---- files and tables -------------------------------------------------------------------------------------------------

const parts = { exact: exactVariances, toy, measured, memory, race };
const out = "results/which-estimator";
await mkdir(out, { recursive: true });
const fileOf = (part) => `${out}/${part}.json`;
for (const part of flags.parts.split(",").filter((part) => part !== "")) {
  const settings = { seconds, batches, rate: sized.rate, host: describeHost() };
  const found = await parts[part]();
  await writeFile(fileOf(part), `${JSON.stringify({ settings, found }, null, 1)}\n`);
}
const results = {};
for (const part of Object.keys(parts)) results[part] = JSON.parse(await readFile(fileOf(part), "utf8"));

const percent = (share) =>
  share >= 0.1 ? `${(100 * share).toFixed(0)} %` : `${Number((100 * share).toPrecision(2))} %`;
const stagesOf = ["early", "middle", "late"];
const { found: exact } = results.exact;
const { found: raced } = results.race;
const looks = results.measured.found;
const last = looks[looks.length - 1];
const rows = serving
  .map((estimator) => ({ estimator, exact: exact[estimator.name], race: raced[estimator.name] }))
  .sort((a, b) => b.race.testElbo - a.race.testElbo)
  .map(({ estimator: { name, needs, unbiased }, exact: of, race: { steps, testElbo } }) => {
    const look = last.measurement.estimators.find(({ label }) => label === name);
    return [
      `\`${name}\``,
      describeNeeds(needs),
      unbiased ? "none" : Math.max(...stagesOf.map((stage) => of[stage].bias)).toPrecision(1),
      ...stagesOf.map((stage) => {
        const share = percent(of[stage].variance / exact.reinforce[stage].variance);
        return of.simulated ? `${share}*` : share;
      }),
      look?.msPerStep.toFixed(1) ?? "-",
      look === undefined ? "-" : Math.log(look.batchVariance.value).toFixed(1),
      results.memory.found[name].toFixed(1),
      String(steps),
      testElbo.toFixed(1),
    ];
  });
const main = tableOf(
  ["estimator", "needs", "bias", "early", "middle", "late", "ms", "ln variance", "MB", "steps", "test ELBO"],
  rows,
);
const exponential = (value) =>
  value === 0 ? "0" : value.toExponential(1).replace("e", "·10^").replace("+", "");
const toys = tableOf(
  ["estimator", ...results.toy.found.reinforce.map(({ t, p }) => `t ${t}, p ${p}`)],
  Object.entries(results.toy.found).map(([name, at]) => [
    `\`${name}\``,
    // What enumeration leaves of a variance that is none.
    ...at.map(({ variance }) => exponential(variance < 1e-25 ? 0 : variance)),
  ]),
);

await writeFile(`${out}/figure.svg`, await varianceAgainstTime([last], "Variance against time"));
await putTables("docs/which-estimator.md", { main, toys });
process.stdout.write(`${main}\n`);
