// Makes results/bandit-20-epochs: HNCA and REINFORCE on MNIST, one to three hidden layers, three seeds, 20 epochs.
// Interrupt it whenever you like: the next call goes on, and trains nothing twice. The runs themselves stay in runs/.
//
//   npm run results                       everything
//   npm run results -- --workers 1        one run at a time
//   npm run results -- --epochs 2 --limit 1000 --to /tmp/trial --out /tmp/trial/runs     a quick trial
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runOnBoard } from "../dist/cli/board.js";
import { estimators } from "../dist/index.js";
import { learningCurves } from "../dist/node/figure.js";
import { readRun, runFiles } from "../dist/node/run-folder.js";
import { estimateMean, formatEstimate } from "../dist/node/statistics.js";

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

const titleOf = (name) => estimators.find((estimator) => estimator.name === name).title;
const groupOf = (layers) => `${layers} hidden layer${layers === 1 ? "" : "s"}`;

// The longest first, so that the workers end at about the same time.
const jobs = depths.toReversed().flatMap((layers) =>
  seeds.flatMap((seed) =>
    names.map((estimator) => {
      const settings = {
        estimator,
        layers,
        seed,
        epochs: options.epochs,
        limit: options.limit,
        out: options.out,
      };
      const given = Object.entries(settings).filter(([, value]) => value !== undefined);
      return {
        label: `${titleOf(estimator)}, ${groupOf(layers)}, seed ${seed}`,
        args: [...given.flatMap(([name, value]) => [`--${name}`, String(value)]), "--resume"],
      };
    }),
  ),
);

const results = await runOnBoard(jobs, Number(options.workers));
const failed = results.filter(({ status }) => status === "failed");
for (const { job, error } of failed) console.error(`${job.label} failed: ${error}`);
if (results.some(({ status }) => status === "interrupted")) {
  console.error("stopped; the same command goes on from the checkpoints");
  process.exit(130);
}
if (failed.length > 0) process.exit(1);

/** The runs as they are on disk, in the order of the tables. */
const runs = await Promise.all(
  results.map(async ({ summary, records }) => {
    const { config, runId } = await readRun(summary.folder);
    const files = runFiles(summary.folder);
    const { starts } = JSON.parse(await readFile(files.environment, "utf8"));
    const ended = (await stat(files.summary)).mtime.toISOString();
    return { config, runId, records, summary, starts, ended };
  }),
);
const rank = ({ config }) => [names.indexOf(config.estimator), config.hidden.length, config.seed];
runs.sort(
  (a, b) =>
    rank(a)
      .map((value, i) => value - rank(b)[i])
      .find(Boolean) ?? 0,
);

/** Every epoch of every run, a line each. */
function csv() {
  const rows = runs.flatMap(({ config: { estimator, hidden, seed }, records }) =>
    records.map(({ type, ...record }) => ({ estimator, layers: hidden.length, seed, ...record })),
  );
  // The deepest networks have all columns.
  const columns = rows.map(Object.keys).reduce((a, b) => (b.length > a.length ? b : a));
  return [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ""))]
    .map((cells) => `${cells}\n`)
    .join("");
}

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

const commandOf = ({ estimator, hidden, seed, epochs, limit }) =>
  `flipnet train --estimator ${estimator} --layers ${hidden.length} --seed ${seed} --epochs ${epochs}` +
  (limit === undefined ? "" : ` --limit ${limit}`);

/** What was run, with what, when and for how long. */
function provenance() {
  // Whoever makes it again has other folders.
  const { estimator, hidden, seed, out, data, ...shared } = runs[0].config;
  const starts = runs.flatMap((run) => run.starts);
  const madeWith = new Set(starts.map(({ time, step, ...environment }) => JSON.stringify(environment)));
  const begun = starts.map(({ time }) => time).sort()[0];
  const ended = runs
    .map((run) => run.ended)
    .sort()
    .at(-1);
  return {
    command: "npm run results",
    madeWith: [...madeWith].map((environment) => JSON.parse(environment)),
    begun,
    ended,
    // Pauses between two calls included.
    wallSeconds: Math.round((Date.parse(ended) - Date.parse(begun)) / 1000),
    workers: Number(options.workers),
    config: shared,
    confidence: "95 % intervals of the mean over seeds, Student's t: mean ± halfWidth",
    table,
    runs: runs.map(({ config, runId, records, summary, starts }) => ({
      command: commandOf(config),
      runId,
      starts: starts.length,
      trainingSeconds: Math.round(
        records.reduce((sum, { msPerStep, step, epoch }) => sum + (msPerStep * step) / epoch, 0) / 1000,
      ),
      ...summary,
      folder: undefined,
    })),
  };
}

function readme({ madeWith, begun, ended, workers }) {
  const percent = (accuracy) => `${formatEstimate(accuracy, { scale: 100, digits: 1 })} %`;
  const rows = table.map(
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
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const environments = madeWith.map(
    ({ version, revision = "unknown", node, platform, cpu }) =>
      `- flipnet ${version}, revision ${revision}, Node ${node}, ${platform}, ${cpu}, ${workers} runs at a time`,
  );
  return `# ${title}

![Learning curves](learning-curves.svg)

${[head, head.map((_, i) => (i === 0 ? "---" : "--:")), ...rows].map(line).join("\n")}

Metrics of epoch ${options.epochs}, means over ${seeds.length} seeds with 95 % confidence intervals (Student's t).

Made by \`npm run results\` from ${begun} to ${ended} (it may have paused between):

${environments.join("\n")}

\`records.csv\` has every epoch of every run, \`results.json\` the settings, the versions, the command of every run and these numbers in full.
`;
}

const title = "HNCA and REINFORCE on MNIST, one to three hidden layers";
const { svg } = await learningCurves(
  runs.map(({ config, records }) => ({
    label: titleOf(config.estimator),
    group: groupOf(config.hidden.length),
    records,
  })),
  { title, subtitle: "Contextual bandit: one reward an image. Hidden layers of 200 units." },
);
const facts = provenance();
await mkdir(options.to, { recursive: true });
for (const [name, content] of Object.entries({
  "learning-curves.svg": svg,
  "records.csv": csv(),
  "results.json": `${JSON.stringify(facts, undefined, 2)}\n`,
  "README.md": readme(facts),
})) {
  await writeFile(join(options.to, name), content);
}
console.log(`written: ${options.to}`);
