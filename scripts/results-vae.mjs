// Makes results/vae-20-epochs: f-HNCA and what the HNCA paper compares it with, as discrete auto-encoders of MNIST with
// one to three layers, two seeds, 20 epochs; and f-HNCA's ablations. Interrupt it whenever you like: it writes what there
// is, the next call goes on, and nothing is trained twice. The runs themselves stay in runs/.
//
//   npm run results:vae                        everything, the most informative runs first
//   npm run results:vae -- --draw              trains nothing: writes what there is
//   npm run results:vae -- --workers 1         one run at a time
//   npm run results:vae -- --epochs 2 --limit 500 --to /tmp/trial --out /tmp/trial/runs      a quick trial
import { learningCurves } from "../dist/node/figure.js";
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

const options = resultsOptions("vae-20-epochs", "20");
const { epochs, limit, out } = options;

const plain = { baseline: "none" };
const withBaseline = { baseline: "running-average" };
const fHnca = { estimator: "f-hnca", childPruning: true, fullReward: false };
const allDepths = [1, 2, 3];

/** By name. With one layer no unit has children: f-HNCA's baseline is never used, and there is nothing to prune. */
const methods = {
  "f-HNCA": { settings: { ...fHnca, ...plain }, depths: allDepths },
  "f-HNCA + baseline": { settings: { ...fHnca, ...withBaseline }, depths: [2, 3] },
  DisARM: { settings: { estimator: "disarm", ...plain }, depths: allDepths },
  "leave-one-out": { settings: { estimator: "reinforce-loo", ...plain }, depths: allDepths },
  "REINFORCE + baseline": { settings: { estimator: "reinforce", ...withBaseline }, depths: allDepths },
  REINFORCE: { settings: { estimator: "reinforce", ...plain }, depths: allDepths },
  "no child pruning": { settings: { ...fHnca, ...withBaseline, childPruning: false }, depths: [2, 3] },
  "full reward": {
    settings: { ...fHnca, ...withBaseline, childPruning: false, fullReward: true },
    depths: [2, 3],
  },
};
const names = Object.keys(methods);
const ablations = ["f-HNCA", "f-HNCA + baseline", "no child pruning", "full reward"];
const compared = names.slice(0, 6);

const groupOf = (layers) => `${layers} layer${layers === 1 ? "" : "s"}`;

/** One run each. Of the first seed all methods, the shallow networks first; then the ablations; then the next seed. */
const plan = [0, 1].flatMap((seed) =>
  [compared, names.slice(6)].flatMap((some) =>
    allDepths.flatMap((layers) =>
      some
        .filter((name) => methods[name].depths.includes(layers))
        .map((name) => ({ name, layers, seed, settings: methods[name].settings })),
    ),
  ),
);

/** The test set is gone through once, at the end. */
const flags = ({ settings, layers, seed }) => {
  const { childPruning, fullReward, ...rest } = settings;
  const own = { task: "vae", ...rest, layers, seed, epochs, limit, evaluateEvery: epochs };
  // Said only where they are not what holds anyway.
  if (fullReward) return flagsOf({ ...own, fullReward });
  return flagsOf({ ...own, childPruning: childPruning === false ? false : undefined });
};

const jobs = plan.map((run) => ({
  label: `${run.name}, ${groupOf(run.layers)}, seed ${run.seed}`,
  args: [...flags(run), "--out", out, "--resume"],
}));
const { interrupted, failed } = options.draw ? {} : await train(jobs, options.workers);

const stored = await storedRuns(out).catch(() => []);
const isOf = ({ config }, { settings, layers, seed }) =>
  Object.entries({ ...settings, seed, limit: limit && Number(limit) }).every(
    ([name, value]) => config[name] === value,
  ) &&
  config.hidden.length === layers &&
  config.evaluateEvery === Number(epochs);
/** What there is of the plan. */
const runs = plan.flatMap((planned) => {
  const run = stored.find((run) => isOf(run, planned));
  if (run === undefined || run.records.length === 0) return [];
  const records = run.records.slice(0, Number(epochs));
  return { ...planned, ...run, records, done: run.summary?.epochs === Number(epochs) };
});
if (runs.length === 0) {
  console.error("there is no epoch to write yet");
  process.exit(interrupted ? 130 : 1);
}

/** The seeds of a method at a depth that are done; where none is, those that are under way. */
function groupFor(name, layers) {
  const group = runs.filter((run) => run.name === name && run.layers === layers);
  const done = group.filter((run) => run.done);
  return done.length > 0 ? done : group;
}

/** Mean over seeds, the lowest and the highest: two seeds are too few for more. */
function over(values) {
  const known = values.filter((value) => typeof value === "number");
  if (known.length === 0) return null;
  const mean = known.reduce((a, b) => a + b, 0) / known.length;
  return { mean, lowest: Math.min(...known), highest: Math.max(...known) };
}

const table = allDepths.flatMap((layers) =>
  names.flatMap((method) => {
    const group = groupFor(method, layers);
    if (group.length === 0) return [];
    const metric = (name) => over(group.map(({ summary, records }) => (summary ?? records.at(-1))[name]));
    return {
      method,
      layers,
      seeds: group.length,
      epochs: Math.min(...group.map(({ records }) => records.length)),
      elbo: metric("elbo"),
      testElbo: metric("testElbo"),
      testBound: metric("testBound"),
      logGradientVariance: metric("logGradientVariance"),
      msPerStep: metric("msPerStep"),
    };
  }),
);

const number = (value, digits = 2) => value.toFixed(digits).replace("-", "−");
const spread = (value, digits = 2) => {
  if (value === null) return "";
  const { mean, lowest, highest } = value;
  const apart = highest > lowest ? ` (${number(lowest, digits)} to ${number(highest, digits)})` : "";
  return number(mean, digits) + apart;
};
const isComplete = runs.length === plan.length && runs.every(({ done }) => done);
const complete = runs.filter(({ done }) => done).length;
const partial = isComplete ? "" : ` Partial: ${complete} of ${plan.length} runs are done.`;

const figure = (some, depths, title) => {
  const curves = some.flatMap((label) =>
    depths.flatMap((layers) =>
      groupFor(label, layers).map(({ records }) => ({ label, group: groupOf(layers), records })),
    ),
  );
  const subtitle = `Discrete auto-encoders of MNIST, layers of 200 units.${partial}`;
  const around = { title, subtitle, bands: "range", groups: depths.map(groupOf) };
  return curves.length === 0 ? undefined : learningCurves(curves, around);
};
const pictures = {
  "methods.svg": await figure(compared, allDepths, "f-HNCA and what it is compared with"),
  "ablations.svg": await figure(ablations, [2, 3], "What f-HNCA owes to its baseline and to pruning"),
};
const images = Object.fromEntries(
  Object.entries(pictures)
    .filter(([, picture]) => picture !== undefined)
    .map(([name, { svg }]) => [name, svg]),
);

/** Every epoch of every run, a line each. */
const records = runs.flatMap(({ name, layers, seed, records }) =>
  records.map(({ type, ...record }) => ({ method: name, layers, seed, ...record })),
);

const command = "npm run results:vae";
const made = provenance(runs, options.workers);
const { estimator, baseline, hidden, seed, childPruning, fullReward, ...settings } = runs[0].config;
const { baselineDecay, out: folder, data, ...shared } = settings;
const facts = {
  command,
  complete: isComplete,
  ...made,
  config: shared,
  table,
  runs: runs.map((run) => describeRun(run, `flipnet train ${flags(run).join(" ")}`)),
};

const cells = table.map((row) => [
  row.method,
  row.layers,
  row.epochs,
  spread(row.elbo),
  spread(row.testElbo),
  spread(row.testBound),
  spread(row.logGradientVariance),
  spread(row.msPerStep && { ...row.msPerStep, lowest: 0, highest: 0 }),
]);
const head = [
  "method",
  "layers",
  "epochs",
  "ELBO",
  "test ELBO",
  "test bound",
  "ln gradient variance",
  "ms per step",
];

/** Methods at a depth, the least variance first. */
const order = (layers) =>
  table
    .filter((row) => row.layers === layers && row.logGradientVariance !== null)
    .toSorted((a, b) => a.logGradientVariance.mean - b.logGradientVariance.mean)
    .map(({ method, logGradientVariance: { mean } }) => `${method} ${number(mean)}`)
    .join(", ");
const orders = allDepths.filter(order).map((layers) => `- ${groupOf(layers)}: ${order(layers)}`);

const readme = `# Discrete auto-encoders of MNIST, the first ${epochs} epochs
${partial && `\n**${partial.trim()}**\n`}
${Object.keys(images)
  .map((name) => `![${name.replace(".svg", "")}](${name})`)
  .join("\n\n")}

${markdownTable(head, cells)}

In nats an image. ELBO: online, the last epoch's mean; test ELBO and test bound: on the test set after it, the bound with
${shared.boundSamples} importance samples. Means over seeds 0 and 1, where both are done, and in brackets the two. With one layer f-HNCA's
baseline is never used.

By the logarithm of the encoder's gradient variance, smallest first:

${orders.join("\n")}

${madeBy(command, made)}`;

await writeFolder(options.to, {
  ...images,
  "records.csv": csv(records),
  "results.json": facts,
  "README.md": readme,
});
if (interrupted || failed) process.exitCode = interrupted ? 130 : 1;
