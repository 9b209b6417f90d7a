// What a training step of every estimator costs on the papers' networks, in milliseconds and in REINFORCE steps of the
// same network, batches of 50 where nothing else is said, moments as old as 50 epochs. All trainings take turns; a
// multiple is one of neighbouring turns.

import { downstream } from "../packages/flipnet/dist/estimators/resampling.js";
import {
  adam,
  createBanditTraining,
  createMultiplexerTraining,
  createVaeTraining,
  createWasmBackend,
  estimators,
  findEstimator,
  GeneratedDraws,
  misfit,
} from "../packages/flipnet/dist/index.js";
import { forkPass, samplePass } from "../packages/flipnet/dist/network/pass.js";
import { loadLabelledImages } from "../packages/flipnet/dist/node/index.js";
import { deriveKey, newKey } from "../packages/flipnet/dist/random/threefry.js";
import { drive } from "./drive.mjs";
import { age } from "./lib/age.mjs";
import { spread, takeTurns } from "./lib/measure.mjs";
import { number, range } from "./lib/table.mjs";

const layersOf200 = [1, 2, 3].map((layers) => Array(layers).fill(200));
/** What is known of each task's objective. */
const offers = { bandit: ["reward"], multiplexer: ["reward"], vae: ["components", "evaluations", "slopes"] };
/** What an estimator may be told that changes what it does. */
const variants = [
  { estimator: "f-hnca", baseline: "running-average" },
  { estimator: "f-hnca", options: { childPruning: false } },
  { estimator: "f-hnca", options: { fullReward: true } },
  { estimator: "reinforce-loo", options: { resample: "fresh" } },
  { estimator: "reinforce-loo", options: { resample: "independent" } },
  { estimator: "disarm", options: { resample: "fresh" } },
  { estimator: "weight-max", options: { hiddenRule: "direct-gradient" } },
];

/** The registry's rules for a task and their variants: `[{ name, estimator, ...settings }]`, REINFORCE first. */
function rulesFor(task) {
  const rules = estimators.map(({ name }) => ({ estimator: name }));
  return [...rules, ...variants]
    .filter(
      ({ estimator }) =>
        misfit(findEstimator(estimator), offers[task]) === undefined &&
        !findEstimator(estimator).needs.singleUnit,
    )
    .map(({ estimator, options = {}, ...settings }) => ({
      name: [estimator, ...Object.entries({ ...options, ...settings }).map((pair) => pair.join(" "))].join(
        ", ",
      ),
      estimator: findEstimator(estimator)(options),
      ...settings,
    }));
}

/** The networks, each with its task and what makes a training of it. */
function networksOf(backend, data) {
  const optimizer = adam({ learningRate: 1e-3 });
  const images = { optimizer, limit: 2000 };
  return [
    ...layersOf200.map((hidden) => ({
      network: `bandit, ${hidden.length} x 200`,
      task: "bandit",
      create: (rule) => createBanditTraining(backend, data, { ...rule, ...images, hidden }),
    })),
    ...layersOf200.map((hidden) => ({
      network: `VAE, ${hidden.length} x 200`,
      task: "vae",
      create: (rule) => createVaeTraining(backend, data, { ...rule, ...images, hidden }),
    })),
    ...[
      ["multiplexer, 37-64-32-1, batch of 128", { k: 5, batchSize: 128 }],
      ["multiplexer, 20-64-32-1, batch of 1", { k: 4, batchSize: 1, units: "zero-one" }],
    ].map(([network, setting]) => ({
      network,
      task: "multiplexer",
      create: (rule) =>
        createMultiplexerTraining(backend, { ...rule, ...setting, optimizer, steps: 1e9, recordEvery: 1000 }),
    })),
  ];
}

/** The second samples of leave-one-out and DisARM, which neither can do without: from each layer on. */
function partialPasses(backend, { learner, task }) {
  const { network, estimator } = learner;
  const { pass: main } = estimator;
  const draws = new GeneratedDraws(backend, 1);
  const passes = network.layers.map((layer) => {
    const pass = forkPass(main, layer, 1 + layer.index);
    return { pass, layer, components: downstream(task.objective.prepare(pass).components, layer) };
  });
  return () => {
    for (const { pass, layer, components } of passes) {
      draws.draw(pass.sites[layer.index], pass.laws[layer.index]);
      samplePass(pass, draws);
      for (const component of components) component.evaluate();
    }
  };
}

/** Only the random numbers of a step: what its units draw, and its pixels' bits. */
function randomNumbers(backend, { learner, task }, { images, pixels }) {
  const key = deriveKey(1, "draws", 7, newKey());
  const draws = learner.network.layers.map(({ units }) => backend.matrix(task.batchSize, units));
  const bits = backend.matrix(task.batchSize, pixels);
  const [bytes, order] = [backend.bytes(images.subarray(0, 1000 * pixels)), backend.indices(1000)];
  const draw = () => {
    for (const u of draws) backend.uniforms(key, u);
  };
  return [
    { name: "its draws alone", call: draw },
    { name: "its pixels' bits alone", call: () => backend.binarise(bytes, order, 0, key, bits) },
  ];
}

/** `data`: `[{ network, rule, milliseconds, multiple }]`, the last two with quartiles. */
export async function benchmarkSteps({ kernels, quick }) {
  const data = await loadLabelledImages();
  const backend = await createWasmBackend({ kernels });
  const samples = [];
  for (const { network, task, create } of networksOf(backend, data)) {
    for (const { name, ...rule } of rulesFor(task)) {
      const training = create(rule);
      const call = drive(backend, training);
      samples.push({ network, name, call });
      for (let i = 0; i < 20; i++) call();
      if (task !== "multiplexer") await age(training.learner, data.train);
      if (name !== "reinforce") continue;
      if (task === "vae") {
        const [plain, passes] = [call, partialPasses(backend, training)];
        const both = () => {
          plain();
          passes();
        };
        samples.push({ network, name: "reinforce and partial passes", call: both });
      }
      if (task === "bandit") {
        samples.push(
          ...randomNumbers(backend, training, data.train).map((sample) => ({ network, ...sample })),
        );
      }
    }
  }
  const times = takeTurns(samples, { rounds: quick ? 9 : 31, milliseconds: 2 });
  const steps = samples.map(({ network, name }, i) => {
    const base =
      times[samples.findIndex((sample) => sample.network === network && sample.name === "reinforce")];
    return {
      network,
      rule: name,
      milliseconds: spread(times[i].map((nanoseconds) => nanoseconds / 1e6)),
      multiple: spread(times[i].map((nanoseconds, round) => nanoseconds / base[round])),
    };
  });
  return {
    data: steps,
    timings: steps.map(({ network, rule, milliseconds }) => ({
      what: `step: ${network}, ${rule}`,
      unit: "ms",
      ...milliseconds,
    })),
    tables: [...new Set(steps.map(({ network }) => network))].map((name) => [
      `Steps: ${name}`,
      [
        ["rule", "ms (quartiles)", "of REINFORCE"],
        ...steps
          .filter(({ network }) => network === name)
          .map(({ rule, milliseconds, multiple }) => [rule, range(milliseconds), number(multiple.median)]),
      ],
    ]),
    targets: targets(steps),
  };
}

function targets(steps) {
  const multiple = (network, rule) =>
    steps.find((step) => step.network === network && step.rule === rule).multiple.median;
  const passes = multiple("VAE, 3 x 200", "reinforce and partial passes");
  return [
    ["HNCA / REINFORCE, bandit, 3 x 200", multiple("bandit, 3 x 200", "hnca"), 2],
    ["random numbers / REINFORCE, bandit, 3 x 200", multiple("bandit, 3 x 200", "its draws alone"), 0.1],
    ...[1.9, 2.2, 2.4].map((most, i) => [
      `f-HNCA / REINFORCE, VAE, ${i + 1} x 200`,
      multiple(`VAE, ${i + 1} x 200`, "f-hnca"),
      most,
    ]),
    ...["reinforce-loo", "disarm"].map((rule) => [
      `${rule} / REINFORCE and partial passes, VAE, 3 x 200`,
      multiple("VAE, 3 x 200", rule) / passes,
      1.05,
    ]),
  ].map(([what, measured, atMost]) => ({ what, measured, atMost }));
}
