// What the net is made of: settings as users write them.

/** Fifty steps of each task. The data is what `writeData` wrote. */
const tasks = {
  bandit: { data: "data/three", batchSize: 5, epochs: 2 },
  multiplexer: { k: 2, batchSize: 8, steps: 50, recordEvery: 25 },
  vae: { data: "data/three", batchSize: 5, epochs: 2, boundSamples: 1 },
};
const common = { hidden: [6, 5], learningRate: 0.01, seed: 7, kernels: "portable" };

/** Estimators by task, without those for a single unit; what is not listed here fails the test. */
const estimatorsOf = {
  bandit: ["reinforce", "hnca", "local-expectation", "weight-max", "weight-max-unbiased", "straight-through"],
  multiplexer: [
    "reinforce",
    "hnca",
    "local-expectation",
    "weight-max",
    "weight-max-unbiased",
    "straight-through",
  ],
  vae: ["reinforce", "f-hnca", "local-expectation", "reinforce-loo", "disarm", "arm", "vargrad"],
};
const singleUnit = { classification: {}, "reward-penalty": { lambda: 0.1 } };
const bernoulliOnly = ["weight-max", "weight-max-unbiased", "disarm", "arm"];
/** They subtract what a second sample earned, whatever baseline they are given. */
const ownBaseline = ["reinforce-loo", "disarm", "arm", "vargrad"];

const averages = { baseline: "running-average" };
/** Every estimator on every kind of network: `[what, settings, those that do not take it]`. */
const everywhere = (task) => [
  ["plain", {}],
  ["other units", { units: task === "vae" ? "plus-minus" : "zero-one" }],
  ["running average", averages, ownBaseline],
  ["one layer", { hidden: [6] }],
  ["three layers", { hidden: [6, 5, 4] }],
  ["skip connection", { hidden: [6, "5@input+0", 4] }],
  ["softmax layer", { hidden: [6, "softmax:2x3"] }, bernoulliOnly],
  ["batch of 1", { batchSize: 1, ...(task === "multiplexer" ? {} : { limit: 25 }) }],
];

/** What only some tasks have, with every estimator of theirs. */
const ofTask = {
  bandit: [
    ["Bernoulli output", { output: "bernoulli", data: "data/two" }],
    ["convolutions", { convolutions: [2], kernelSize: 3 }],
  ],
  multiplexer: [],
  vae: [
    ["sampled entropy", { entropy: "sampled" }],
    ["three samples", { samples: 3 }],
    ["sampled entropy, other units", { entropy: "sampled", units: "plus-minus" }],
  ],
};

/** Options of estimators, in every task that they serve. */
const options = {
  hnca: [
    ["slopes through the posterior", { stopGradient: false }],
    ["slopes through the posterior, other units", { stopGradient: false, units: "zero-one" }],
  ],
  "f-hnca": [
    ["without child pruning", { childPruning: false }],
    ["full reward", { fullReward: true }],
    ["full reward, running average", { fullReward: true, ...averages }],
    ["full reward, sampled entropy", { fullReward: true, entropy: "sampled" }],
  ],
  "reinforce-loo": [
    ["fresh", { resample: "fresh" }],
    ["independent", { resample: "independent" }],
    ["fresh, softmax layer", { resample: "fresh", hidden: [6, "softmax:2x3"] }],
    ["independent, softmax layer", { resample: "independent", hidden: ["softmax:2x3", 5] }],
    ["fresh, skip connection", { resample: "fresh", hidden: [6, "5@input+0", 4] }],
    ["independent, three samples", { resample: "independent", samples: 3 }],
    ["independent, sampled entropy", { resample: "independent", entropy: "sampled" }],
  ],
  disarm: [
    ["fresh", { resample: "fresh" }],
    ["fresh, skip connection", { resample: "fresh", hidden: [6, "5@input+0", 4] }],
  ],
  arm: [
    ["fresh", { resample: "fresh" }],
    ["fresh, skip connection", { resample: "fresh", hidden: [6, "5@input+0", 4] }],
  ],
  "weight-max": [
    ...["plus-minus", "zero-one"].flatMap((units) =>
      [
        ["direct gradient", { hiddenRule: "direct-gradient" }],
        ["classification", { hiddenRule: "classification" }],
        ["reward-penalty", { hiddenRule: "reward-penalty", lambda: 0.1 }],
        ["analogue", { hiddenRule: "reward-penalty", lambda: 0.1, penalty: "analogue" }],
        ["norm 1", { norm: 1 }],
        ["norm 3", { norm: 3 }],
        ["exact change", { normChange: "exact" }],
      ].map(([what, settings]) => [`${what}, ${units}`, { ...settings, units }]),
    ),
    ["all penalty", { hiddenRule: "reward-penalty", lambda: 1 }],
    ["exact change of norm 1.5 at a rate", { normChange: "exact", norm: 1.5, normRate: 0.1 }],
    ["exact change at a rate a layer", { normChange: "exact", normRate: [0.3, 0.2, 0.1] }],
    ["paper's scale", { paperScale: true, optimizer: "sgd" }],
    ["paper's scale, L2", { paperScale: true, l2: [0, 1e-4, 1e-2] }],
    [
      "paper's scale, analogue",
      { paperScale: true, hiddenRule: "reward-penalty", lambda: 0.1, penalty: "analogue", optimizer: "sgd" },
    ],
  ],
  "weight-max-unbiased": [["paper's scale", { paperScale: true, optimizer: "sgd" }]],
};

/** How what was credited is learned from, with one estimator a task; `maps` linear maps learn. */
const learning = (maps) => {
  const each = (...values) => Array.from({ length: maps }, (_, i) => values[i % values.length]);
  return [
    ["baseline that forgets", { ...averages, baselineDecay: 0.8 }],
    ["SGD", { optimizer: "sgd", learningRate: 0.1 }],
    ["L2", { l2: 0.01 }],
    [
      "SGD, a rate and an L2 a map",
      { optimizer: "sgd", learningRate: each(0.1, 0.2, 0.3), l2: each(0.01, 0, 0.02) },
    ],
    ["Adam, a rate a map", { learningRate: each(0.01, 0.02, 0.03) }],
    ["Adam's settings", { beta1: 0.5, beta2: 0.9, epsilon: 1e-3 }],
    ["another seed", { seed: 12345 }],
  ];
};
const others = [
  ...learning(3).map(([what, settings]) => ["bandit", "hnca", what, settings]),
  ...learning(3).map(([what, settings]) => ["multiplexer", "weight-max", what, settings]),
  // An encoder's two layers, a decoder's two and the prior.
  ...learning(5).map(([what, settings]) => ["vae", "f-hnca", what, settings]),
  ["bandit", "hnca", "frozen Adam", { frozenAdam: true }],
  ["bandit", "hnca", "first images", { limit: 25, epochs: 10 }],
  ["bandit", "hnca", "no hidden layer", { hidden: [] }],
  ["bandit", "hnca", "two convolutions", { convolutions: [2, 3], kernelSize: 2 }],
  ["bandit", "hnca", "convolutions, frozen Adam", { convolutions: [2], frozenAdam: true }],
  ["bandit", "reinforce", "convolutions, running average", { convolutions: [2], ...averages }],
  ["multiplexer", "reinforce", "paper's scale", { paperScale: true, optimizer: "sgd" }],
  ["vae", "f-hnca", "softmax layers", { hidden: ["softmax:2x3", "softmax:3x2"] }],
  ["vae", "f-hnca", "first images", { limit: 25, epochs: 10 }],
  ...["bandit", "multiplexer"].flatMap((task) =>
    Object.entries(singleUnit).flatMap(([estimator, needed]) =>
      [
        ["plain", {}],
        ["other share", { lambda: 0.5 }],
        ["paper's scale", { paperScale: true, optimizer: "sgd" }],
        ...(task === "bandit" ? [["Bernoulli output", { output: "bernoulli" }]] : []),
      ]
        .filter(([, { lambda }]) => lambda === undefined || "lambda" in needed)
        .map(([what, settings]) => [
          task,
          estimator,
          what,
          { hidden: [], ...(task === "bandit" && { data: "data/two" }), ...needed, ...settings },
        ]),
    ),
  ),
];

/** All that is trained: settings by name. */
export const trainings = Object.fromEntries(
  [
    ...Object.keys(tasks).flatMap((task) =>
      estimatorsOf[task].flatMap((estimator) =>
        [...everywhere(task), ...ofTask[task], ...(options[estimator] ?? [])]
          .filter(([, , without = []]) => !without.includes(estimator))
          .map(([what, settings]) => [task, estimator, what, settings]),
      ),
    ),
    ...others,
  ].map(([task, estimator, what, settings]) => [
    `${task} ${estimator}, ${what}`,
    { task, estimator, ...common, ...tasks[task], ...settings },
  ]),
);

/** Settings by name, and where each is stopped: after so many steps of that epoch. */
export const runs = {
  "bandit, stopped": {
    settings: {
      task: "bandit",
      estimator: "hnca",
      ...common,
      ...tasks.bandit,
      ...averages,
      hidden: [6, "softmax:2x3", "5@input+0+1"],
      epochs: 4,
    },
    stop: { epoch: 2, step: 7 },
  },
  "bandit with convolutions, stopped": {
    settings: {
      task: "bandit",
      estimator: "weight-max",
      ...common,
      ...tasks.bandit,
      convolutions: [2, 2],
      hiddenRule: "reward-penalty",
      lambda: 0.1,
      epochs: 4,
    },
    stop: { epoch: 2, step: 7 },
  },
  // Its last record is of fewer steps than the others.
  "multiplexer, stopped": {
    settings: {
      task: "multiplexer",
      estimator: "weight-max",
      ...common,
      ...tasks.multiplexer,
      ...averages,
      steps: 70,
      learningRate: [0.01, 0.02, 0.03],
    },
    stop: { epoch: 2, step: 7 },
  },
  "auto-encoder, stopped": {
    settings: {
      task: "vae",
      estimator: "f-hnca",
      ...common,
      ...tasks.vae,
      ...averages,
      units: "zero-one",
      samples: 2,
      boundSamples: 3,
      evaluateEvery: 1,
      l2: 0.001,
      epochs: 4,
    },
    stop: { epoch: 2, step: 7 },
  },
  "bandit, finished": {
    settings: {
      task: "bandit",
      estimator: "reinforce",
      ...common,
      ...tasks.bandit,
      ...averages,
      units: "zero-one",
      optimizer: "sgd",
      learningRate: 0.1,
    },
  },
};

/** Numbers in a context of every agent. */
export const contextLength = 4;
export const actions = 3;

/** Options by name: `estimator` and `optimizer` are said as in settings. */
export const agents = {
  "reals, plus-minus, HNCA, running average, Adam": { hidden: [6, 5] },
  "bits, zero-one, REINFORCE, no baseline, SGD": {
    inputKind: "bits",
    units: "zero-one",
    estimator: "reinforce",
    baseline: "none",
    optimizer: { name: "sgd", learningRate: 0.1 },
  },
  "reals, zero-one, Weight Maximization, constant baseline, Adam": {
    hidden: [6, 5],
    units: "zero-one",
    estimator: "weight-max",
    baseline: 0.25,
    optimizer: { name: "adam", learningRate: 0.02 },
  },
  "bits, plus-minus, HNCA on a graph, running average, SGD": {
    inputKind: "bits",
    hidden: [6, { units: 2, choices: 3, parents: ["input", 0] }],
    baselineDecay: 0.9,
    optimizer: { name: "sgd", learningRate: 0.1 },
    seed: 5,
  },
};

/** Settings that make a run, each of which has kept its id. */
export const identities = {
  "bandit as it comes": {},
  "multiplexer as it comes": { task: "multiplexer" },
  "auto-encoder as it comes": { task: "vae" },
  ...Object.fromEntries(
    Object.entries({ ...estimatorsOf, bandit: [...estimatorsOf.bandit, "classification"] }).flatMap(
      ([task, estimators]) =>
        estimators.map((estimator) => [`${task} ${estimator}`, { task, estimator, seed: 1 }]),
    ),
  ),
  "relaxed kernels": { kernels: "relaxed" },
  "reference backend": { backend: "reference", kernels: "float64" },
  "figure 5 of the HNCA paper": { convolutions: [16, 16], hidden: [200] },
  "figure 1 of the Weight Maximization paper": { task: "multiplexer", paperScale: true, l2: [0, 1e-4, 1e-2] },
  "online Weight Maximization": {
    task: "multiplexer",
    k: 4,
    units: "zero-one",
    batchSize: 1,
    steps: 800_000,
    recordEvery: 8000,
    learningRate: [0.01, 0.001, 0.0001],
  },
  "steps that end within a record": { task: "multiplexer", steps: 10_000, recordEvery: 3000 },
  "reward-penalty": { estimator: "reward-penalty", hidden: [], lambda: 0.1, output: "bernoulli" },
  "hidden rule": { estimator: "weight-max", hiddenRule: "direct-gradient" },
  "hidden rule and lambda": { estimator: "weight-max", hiddenRule: "reward-penalty", lambda: 0.1 },
  analogue: { estimator: "weight-max", hiddenRule: "reward-penalty", lambda: 0.1, penalty: "analogue" },
  norm: { estimator: "weight-max", norm: 1.5 },
  "exact change": { estimator: "weight-max", normChange: "exact", normRate: [0.1, 0.2, 0.3] },
  "slopes through the posterior": { stopGradient: false },
  "frozen Adam": { frozenAdam: true, varianceCount: 10_329 },
  SGD: { optimizer: "sgd", learningRate: 0.1, l2: 1e-4 },
  "Adam's settings": { beta1: 0.5, beta2: 0.9, epsilon: 1e-6 },
  baseline: { baseline: "running-average", baselineDecay: 0.9 },
  "softmax layers and a graph": {
    hidden: [20, "softmax:20x10@input+0", { units: 9, parents: ["input", 1] }],
  },
  "first images": { limit: 1000, batchSize: 10 },
  "sampled entropy": { task: "vae", entropy: "sampled", samples: 5, boundSamples: 1000, evaluateEvery: 5 },
  "without child pruning": { task: "vae", childPruning: false },
  "full reward": { task: "vae", fullReward: true },
  "fresh pair": { task: "vae", estimator: "disarm", resample: "fresh" },
  "independent passes": { task: "vae", estimator: "reinforce-loo", resample: "independent" },
};
