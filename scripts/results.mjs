// Makes results/bandit-20-epochs: HNCA and REINFORCE on MNIST, one to three hidden layers, three seeds, 20 epochs.
// Interrupt it whenever you like: the next call goes on, and trains nothing twice. The runs themselves stay in runs/.
//
//   npm run results                       everything
//   npm run results -- --workers 1        one run at a time
//   npm run results -- --epochs 2 --limit 1000 --to /tmp/trial --out /tmp/trial/runs     a quick trial
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { findEstimator } from "../dist/index.js";
import { learningCurves } from "../dist/node/figure.js";
import { estimateMean, formatEstimate } from "../dist/node/statistics.js";
import {
  csv,
  describeRun,
  flagsOf,
  madeBy,
  markdownTable,
  provenance,
  storedRuns,
  train,
  writeFolder,
} from "./lib/results.mjs";

const names = ["hnca", "reinforce"];
const depths = [1, 2, 3];
const seeds = [0, 1, 2];

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "20" },
    limit: { type: "string" },
    workers: { type: "string", default: String(availableParallelism()) },
    out: { type: "string", default: "runs/bandit-20-epochs" },
    to: { type: "string", default: "results/bandit-20-epochs" },
  },
});
const { epochs, limit, out } = options;

const titleOf = (name) => findEstimator(name).title;
const groupOf = (layers) => `${layers} hidden layer${layers === 1 ? "" : "s"}`;

// The longest first, so that the workers end at about the same time.
const jobs = depths.toReversed().flatMap((layers) =>
  seeds.flatMap((seed) =>
    names.map((estimator) => ({
      label: `${titleOf(estimator)}, ${groupOf(layers)}, seed ${seed}`,
      args: [...flagsOf({ estimator, layers, seed, epochs, limit, out }), "--resume"],
    })),
  ),
);
const { interrupted, failed } = await train(jobs, options.workers);
if (interrupted || failed) process.exit(interrupted ? 130 : 1);

/** The runs as they are on disk, in the order of the tables. */
const runs = (await storedRuns(out))
  .filter(({ config }) => config.limit === (limit && Number(limit)))
  .map((run) => ({ ...run, records: run.records.slice(0, Number(epochs)) }));
const rank = ({ config }) => [names.indexOf(config.estimator), config.hidden.length, config.seed];
runs.sort(
  (a, b) =>
    rank(a)
      .map((value, i) => value - rank(b)[i])
      .find(Boolean) ?? 0,
);

/** Means over seeds of the last epoch's metrics, for each method and depth. */
const table = names.flatMap((estimator) =>
  depths.map((layers) => {
    const group = runs.filter(
      ({ config }) => config.estimator === estimator && config.hidden.length === layers,
    );
    const mean = (metric) => estimateMean(group.map(({ summary }) => summary[metric]));
    return {
      estimator,
      layers,
      onlineAccuracy: mean("onlineAccuracy"),
      testAccuracy: mean("testAccuracy"),
      logGradientVariance: mean("logGradientVariance"),
      msPerStep: mean("msPerStep"),
    };
  }),
);

/** Every epoch of every run, a line each. */
const records = runs.flatMap(({ config: { estimator, hidden, seed }, records }) =>
  records.map(({ type, ...record }) => ({ estimator, layers: hidden.length, seed, ...record })),
);

const commandOf = ({ estimator, hidden, seed }) =>
  `flipnet train ${flagsOf({ estimator, layers: hidden.length, seed, epochs, limit }).join(" ")}`;

// Whoever makes it again has other folders.
const { estimator, hidden, seed, out: folder, data, ...shared } = runs[0].config;
const made = provenance(runs, options.workers);
const facts = {
  command: "npm run results",
  ...made,
  config: shared,
  confidence: "95 % intervals of the mean over seeds, Student's t: mean ± halfWidth",
  table,
  runs: runs.map((run) => describeRun(run, commandOf(run.config))),
};

const percent = (accuracy) => `${formatEstimate(accuracy, { scale: 100, digits: 1 })} %`;
const cells = table.map(
  ({ estimator, layers, onlineAccuracy, testAccuracy, logGradientVariance, msPerStep }) => [
    titleOf(estimator),
    layers,
    percent(onlineAccuracy),
    percent(testAccuracy),
    formatEstimate(logGradientVariance).replace("-", "−"),
    msPerStep.mean.toFixed(2),
  ],
);
const head = [
  "method",
  "hidden layers",
  "online accuracy",
  "test accuracy",
  "ln gradient variance",
  "ms per step",
];
const title = "HNCA and REINFORCE on MNIST, one to three hidden layers";
const readme = `# ${title}

![Learning curves](learning-curves.svg)

${markdownTable(head, cells)}

Metrics of epoch ${epochs}, means over ${seeds.length} seeds with 95 % confidence intervals (Student's t).

${madeBy("npm run results", made)}`;

const { svg } = await learningCurves(
  runs.map(({ config, records }) => ({
    label: titleOf(config.estimator),
    group: groupOf(config.hidden.length),
    records,
  })),
  { title, subtitle: "Contextual bandit: one reward an image. Hidden layers of 200 units." },
);
await writeFolder(options.to, {
  "learning-curves.svg": svg,
  "records.csv": csv(records),
  "results.json": facts,
  "README.md": readme,
});
