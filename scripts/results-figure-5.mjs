// Makes results/figure-5: HNCA and REINFORCE in a Bernoulli layer behind two convolutions, MNIST as a contextual bandit,
// three seeds, the first ten epochs of the HNCA paper's figure 5. Interrupt it whenever you like: it writes what there is,
// the next call goes on, and nothing is trained twice. The runs themselves stay in runs/.
//
//   npm run results:conv                        everything, both methods of a seed before the next seed
//   npm run results:conv -- --draw              trains nothing: writes what there is
//   npm run results:conv -- --workers 1         one run at a time
//   npm run results:conv -- --epochs 2 --limit 1000 --to /tmp/trial --out /tmp/trial/runs     a quick trial
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
  resultsOptions,
  storedRuns,
  train,
  writeFolder,
} from "./lib/results.mjs";

const options = resultsOptions("figure-5", "10");
const { epochs, limit, out } = options;

const names = ["hnca", "reinforce"];
const titleOf = (name) => findEstimator(name).title;
const plan = [0, 1, 2].flatMap((seed) => names.map((estimator) => ({ estimator, seed })));
const flags = ({ estimator, seed }) => flagsOf({ preset: "hnca-figure-5", estimator, seed, epochs, limit });

const jobs = plan.map((run) => ({
  label: `${titleOf(run.estimator)}, seed ${run.seed}`,
  args: [...flags(run), "--out", out, "--resume"],
}));
const { interrupted, failed } = options.draw ? {} : await train(jobs, options.workers);

const stored = await storedRuns(out).catch(() => []);
/** What there is of the plan. */
const runs = plan.flatMap(({ estimator, seed }) => {
  const run = stored.find(
    ({ config }) =>
      config.estimator === estimator && config.seed === seed && config.limit === (limit && Number(limit)),
  );
  if (run === undefined || run.records.length === 0) return [];
  return { estimator, seed, ...run, records: run.records.slice(0, Number(epochs)) };
});
if (runs.length === 0) {
  console.error("there is no epoch to write yet");
  process.exit(interrupted ? 130 : 1);
}
const done = runs.filter(({ records }) => records.length === Number(epochs)).length;
const partial = done < plan.length ? `Partial: ${done} of ${plan.length} runs are done.` : "";
/** All seeds of a method have come so far. */
const reached = (group) => Math.min(...group.map(({ records }) => records.length));

/** Parameters of each part of the network: nine inputs of one channel, nine of sixteen, and so on. */
const sizes = {
  "layers.0": (24 * 24 * 16 + 1) * 200,
  "layers.1": 201 * 10,
  "convolutions.0": (9 + 1) * 16,
  "convolutions.1": (9 * 16 + 1) * 16,
};
/** The convolutions' share of the sum of all parameters' variances. */
function convolutionsShare(record) {
  const sum = (part) => sizes[part] * record[`gradientVariance.${part}`];
  const [all, theirs] = [Object.keys(sizes), ["convolutions.0", "convolutions.1"]].map((parts) =>
    parts.map(sum).reduce((a, b) => a + b),
  );
  return theirs / all;
}

/** Means over seeds, of the last epoch that all of a method's seeds have reached. */
const table = names.flatMap((estimator) => {
  const group = runs.filter((run) => run.estimator === estimator);
  if (group.length === 0) return [];
  const records = group.map((run) => run.records[reached(group) - 1]);
  const mean = (metric) => estimateMean(records.map((record) => record[metric]));
  return {
    estimator,
    seeds: group.length,
    epochs: reached(group),
    onlineAccuracy: mean("onlineAccuracy"),
    testAccuracy: mean("testAccuracy"),
    logGradientVariance: mean("logGradientVariance"),
    convolutionsShare: estimateMean(records.map(convolutionsShare)),
    msPerStep: estimateMean(group.flatMap((run) => run.records.map((record) => record.msPerStep))),
  };
});

const command = "npm run results:conv";
const made = provenance(runs, options.workers);
const { estimator, seed, out: folder, data, ...shared } = runs[0].config;
const facts = {
  command,
  complete: partial === "",
  ...made,
  config: shared,
  confidence: "95 % intervals of the mean over seeds, Student's t: mean ± halfWidth",
  table,
  runs: runs.map((run) => describeRun(run, `flipnet train ${flags(run).join(" ")}`)),
};

const percent = (share) => `${formatEstimate(share, { scale: 100, digits: 1 })} %`;
const cells = table.map((row) => [
  titleOf(row.estimator),
  row.seeds,
  row.epochs,
  percent(row.onlineAccuracy),
  percent(row.testAccuracy),
  formatEstimate(row.logGradientVariance).replace("-", "−"),
  percent(row.convolutionsShare),
  row.msPerStep.mean.toFixed(1),
]);
const head = [
  "method",
  "seeds",
  "epochs",
  "online accuracy",
  "test accuracy",
  "ln gradient variance",
  "convolutions' share of it",
  "ms per step",
];
const title = "A Bernoulli layer behind two convolutions";
const readme = `# ${title}
${partial && `\n**${partial}**\n`}
![Learning curves](learning-curves.svg)

${markdownTable(head, cells)}

The HNCA paper's Figure 5 (its appendix F): MNIST as a contextual bandit, two 3 x 3 convolutions of 16 channels with
rectifiers, 200 Bernoulli units coded -1 and +1, a softmax output; batches of 50, Adam with learning rate 1e-4. The paper
trains for 100 epochs with 20 seeds; these are the first ${epochs} epochs with ${new Set(runs.map(({ seed }) => seed)).size}. Metrics are those of a method's last epoch here, means
over seeds with 95 % confidence intervals (Student's t).

The gradient variance is the mean over all ${Object.values(sizes)
  .reduce((a, b) => a + b)
  .toLocaleString("en")} parameters, the convolutions' included. Layers' share comes from every step; the
convolutions' from every 50th, 24 batches an epoch, each of whose examples goes through the convolutions by itself. The
estimator is the paper's, with the stop-gradient that the released code lacks; that code also divides the variance by
10,329 instead of the number of parameters, which makes its logarithm 5.19 larger: see [docs/front-ends.md](../../docs/front-ends.md).

${madeBy(command, made)}`;

const { svg } = await learningCurves(
  runs.map(({ estimator, records }) => ({ label: titleOf(estimator), records })),
  { title, subtitle: `Contextual bandit on MNIST: one reward an image. ${partial}`.trim() },
);
await writeFolder(options.to, {
  "learning-curves.svg": svg,
  "records.csv": csv(
    runs.flatMap(({ estimator, seed, records }) =>
      records.map(({ type, ...record }) => ({ estimator, seed, ...record })),
    ),
  ),
  "results.json": facts,
  "README.md": readme,
});
if (interrupted || failed) process.exitCode = interrupted ? 130 : 1;
