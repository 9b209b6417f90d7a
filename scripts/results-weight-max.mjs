// Makes results/weight-max: figure 1 of the Weight Maximization paper whole (five methods, five seeds, 312,500 steps),
// the setting of its sequel (ten seeds), and what decides the paper's other statements. Interrupt it whenever you like:
// the next call goes on, and trains nothing twice. The runs themselves stay in runs/.
//
//   node scripts/results-weight-max.mjs                        everything
//   node scripts/results-weight-max.mjs --only figure-1        one experiment: figure-1, online or support
//   node scripts/results-weight-max.mjs --workers 1            one run at a time
//   node scripts/results-weight-max.mjs --steps 5000 --to /tmp/trial --out /tmp/trial/runs       a quick trial
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as vega from "vega";
import { compile } from "vega-lite";
import { runOnBoard } from "../dist/cli/board.js";
import { readRun, runFiles } from "../dist/node/run-folder.js";

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    steps: { type: "string" },
    workers: { type: "string", default: String(availableParallelism()) },
    out: { type: "string", default: "runs/weight-max" },
    to: { type: "string", default: "results/weight-max" },
  },
});

const paperL2 = { reinforce: "0,1e-4,1e-2", "direct-gradient": "0,1e-5,1e-3" };
const titles = { reinforce: "REINFORCE", "direct-gradient": "direct gradient" };
const rules = Object.keys(titles);

/** Methods of one experiment: `flags` are what a method adds to the preset. */
const experiments = {
  "figure-1": {
    title: "Figure 1: 5-bit multiplexer, batch 128",
    preset: "weight-max-figure-1",
    seeds: 5,
    methods: [
      { name: "global REINFORCE", flags: ["--estimator", "reinforce"] },
      ...rules.flatMap((rule) => [
        { name: `WM, ${titles[rule]}`, flags: ["--hidden-rule", rule] },
        { name: `WM, ${titles[rule]}, L2`, flags: ["--hidden-rule", rule, "--l2", paperL2[rule]] },
      ]),
    ],
  },
  online: {
    title: "The sequel's setting: 4-bit multiplexer, batch 1, {0,1} units",
    preset: "weight-max-online",
    seeds: 10,
    methods: [{ name: "WM, REINFORCE", flags: [] }],
  },
  support: {
    title: "Figure 1's setting: the other statements",
    preset: "weight-max-figure-1",
    seeds: 3,
    recordEvery: 12_500,
    methods: [
      { name: "WM, classification", flags: ["--hidden-rule", "classification"] },
      // Equation 12 with the learning rate, and with the step 1 that equation 15 drops the square of.
      ...rules.flatMap((rule) =>
        ["0.01", "1"].map((rate) => ({
          name: `WM, ${titles[rule]}, exact change, rate ${rate}`,
          flags: ["--hidden-rule", rule, "--norm-change", "exact", "--norm-rate", rate],
        })),
      ),
      // The same weight for all layers: each of the layers' own, and what lies between.
      ...["1e-4", "1e-3", "1e-2"].map((l2) => sameEverywhere("reinforce", l2)),
      ...["1e-5", "1e-4", "1e-3"].map((l2) => sameEverywhere("direct-gradient", l2)),
    ],
  },
};

function sameEverywhere(rule, l2) {
  return { name: `WM, ${titles[rule]}, L2 ${l2} in all layers`, flags: ["--hidden-rule", rule, "--l2", l2] };
}

if (options.only !== undefined && !Object.hasOwn(experiments, options.only)) {
  console.error(`--only is ${options.only}; expected one of ${Object.keys(experiments).join(", ")}`);
  process.exit(2);
}

const jobs = Object.entries(experiments)
  .filter(([name]) => options.only === undefined || options.only === name)
  .flatMap(([experiment, { preset, methods, seeds, recordEvery }]) =>
    Array.from({ length: seeds }, (_, seed) => seed).flatMap((seed) =>
      methods.map(({ name, flags }) => {
        const own = [
          ...["--preset", preset, ...flags, "--seed", String(seed)],
          ...(recordEvery === undefined ? [] : ["--record-every", String(recordEvery)]),
          ...(options.steps === undefined ? [] : ["--steps", options.steps, "--record-every", "500"]),
        ];
        const args = [...own, "--out", options.out, "--resume"];
        const label = `${experiment}: ${name}, seed ${seed}`;
        return { label, args, experiment, method: name, seed, command: `flipnet train ${own.join(" ")}` };
      }),
    ),
  );

const results = await runOnBoard(jobs, Number(options.workers));
for (const { job, error } of results.filter(({ status }) => status === "failed")) {
  console.error(`${job.label} failed: ${error}`);
}
if (results.some(({ status }) => status === "interrupted")) {
  console.error("stopped; the same command goes on from the checkpoints");
  process.exit(130);
}

const runs = await Promise.all(
  results
    .filter(({ summary }) => summary !== undefined)
    .map(async ({ job, summary, records }) => {
      const { experiment, method, seed, command } = job;
      const { config, runId } = await readRun(summary.folder);
      const { starts } = JSON.parse(await readFile(runFiles(summary.folder).environment, "utf8"));
      return { experiment, method, seed, command, runId, config, records, starts };
    }),
);

/** Mean and standard deviation over seeds. */
function overSeeds(values) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: values.length > 1 ? Math.sqrt(square / (values.length - 1)) : 0 };
}

/** Mean reward over all examples of a run: its records are of so many steps each. */
const overRun = (records) =>
  records.reduce(
    (sum, { onlineReward, step }, i) => sum + onlineReward * (step - (records[i - 1]?.step ?? 0)),
    0,
  ) / records.at(-1).step;

/** The steps after which the last 100 batches earned so much, or none where they never did. */
const stepsTo = (records, reward) => records.find(({ last100 }) => last100 >= reward)?.step ?? null;

const table = Object.entries(experiments).flatMap(([experiment, { methods }]) =>
  methods.flatMap(({ name }) => {
    const group = runs.filter((run) => run.experiment === experiment && run.method === name);
    if (group.length === 0) return [];
    const reached = group
      .map(({ records }) => stepsTo(records, 0.5))
      .sort((a, b) => (a ?? Infinity) - (b ?? Infinity));
    return {
      experiment,
      method: name,
      seeds: group.length,
      last100: overSeeds(group.map(({ records }) => records.at(-1).last100)),
      meanReward: overSeeds(group.map(({ records }) => overRun(records))),
      medianStepsToHalf: reached[(group.length - 1) >> 1],
      msPerStep: overSeeds(
        group.map(({ records }) => overSeeds(records.map((record) => record.msPerStep)).mean),
      ).mean,
    };
  }),
);

/** Every record of every run: mean reward of the last 100 batches and of all since the record before. */
const csv = () =>
  [
    "experiment,method,seed,step,last100,onlineReward",
    ...runs.flatMap(({ experiment, method, seed, records }) =>
      records.map(
        ({ step, last100, onlineReward }) =>
          `${experiment},"${method}",${seed},${step},${last100.toFixed(5)},${onlineReward.toFixed(5)}`,
      ),
    ),
  ].join("\n");

const colours = ["#000000", "#56B4E9", "#0072B2", "#E69F00", "#D55E00"];

/** As in the paper: mean of the last 100 batch means over seeds, the band their standard deviation. */
async function figure(experiment) {
  const { title, methods } = experiments[experiment];
  const points = methods.flatMap(({ name }) => {
    const group = runs.filter((run) => run.experiment === experiment && run.method === name);
    return (group[0]?.records ?? []).map(({ step }, i) => {
      const { mean, std } = overSeeds(group.map(({ records }) => records[i].last100));
      return { method: name, step, mean, low: mean - std, high: mean + std };
    });
  });
  const names = methods.map(({ name }) => name);
  const x = {
    field: "step",
    type: "quantitative",
    title: "steps",
    scale: { nice: false },
    axis: { format: "~s", grid: false },
  };
  const color = {
    field: "method",
    type: "nominal",
    title: null,
    scale: { domain: names, range: colours },
    legend: names.length > 1 ? { orient: "right", labelLimit: 260, symbolOpacity: 1 } : null,
  };
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: { text: title, anchor: "start", fontSize: 15 },
    width: 480,
    height: 320,
    background: "white",
    padding: 12,
    config: { font: "system-ui, sans-serif", view: { stroke: null } },
    data: { values: points },
    layer: [
      {
        mark: { type: "area", opacity: 0.18 },
        encoding: {
          x,
          y: { field: "low", type: "quantitative", title: "reward, last 100 batches" },
          y2: { field: "high" },
          color,
        },
      },
      {
        mark: { type: "line", strokeWidth: 1.8 },
        encoding: { x, y: { field: "mean", type: "quantitative" }, color },
      },
    ],
  };
  return new vega.View(vega.parse(compile(spec).spec), { renderer: "none" }).toSVG();
}

const number = ({ mean, std }) => `${mean.toFixed(3)} (${std.toFixed(3)})`.replaceAll("-", "−");

function section(experiment) {
  const rows = table.filter((row) => row.experiment === experiment);
  if (rows.length === 0) return "";
  const { title, seeds } = experiments[experiment];
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const head = [
    "method",
    "reward, last 100 batches",
    "reward, whole run",
    "steps to 0.5 (median)",
    "ms per step",
  ];
  const picture = experiment === "support" ? "" : `![Rewards](${experiment}.svg)\n\n`;
  const body = rows.map(({ method, last100, meanReward, medianStepsToHalf, msPerStep }) => [
    method,
    number(last100),
    number(meanReward),
    medianStepsToHalf?.toLocaleString("en") ?? "not reached",
    msPerStep.toFixed(4),
  ]);
  return `## ${title}

${picture}${[head, head.map((_, i) => (i === 0 ? "---" : "--:")), ...body].map(line).join("\n")}

Means over ${seeds} seeds, standard deviations in brackets.
`;
}

const madeWith = [
  ...new Set(
    runs.flatMap(({ starts }) => starts.map(({ time, step, ...environment }) => JSON.stringify(environment))),
  ),
].map((environment) => JSON.parse(environment));

const readme = `# Weight Maximization on the multiplexer

Made by \`node scripts/results-weight-max.mjs\`, which goes on where it was interrupted; see
[the page on Weight Maximization](../../docs/weight-maximization.md). The sequel's authors report a mean reward over all
episodes of 0.81, standard deviation 0.01 over 10 runs: compare "reward, whole run".

${Object.keys(experiments).map(section).filter(Boolean).join("\n")}
\`records.csv\` has every record of every run; \`results.json\` the versions, the command of every run and these numbers
in full.
`;

const facts = {
  command: "node scripts/results-weight-max.mjs",
  madeWith,
  workers: Number(options.workers),
  table,
  runs: runs.map(({ experiment, method, seed, command, runId, records }) => {
    const { step, last100, onlineReward } = records.at(-1);
    return {
      experiment,
      method,
      seed,
      command,
      runId,
      step,
      last100,
      onlineReward,
      meanReward: overRun(records),
    };
  }),
};
await mkdir(options.to, { recursive: true });
const files = {
  "records.csv": `${csv()}\n`,
  "results.json": `${JSON.stringify(facts, undefined, 2)}\n`,
  "README.md": readme,
};
for (const experiment of ["figure-1", "online"]) {
  if (runs.some((run) => run.experiment === experiment))
    files[`${experiment}.svg`] = await figure(experiment);
}
for (const [name, content] of Object.entries(files)) await writeFile(join(options.to, name), content);
console.log(`written: ${options.to}`);
if (results.some(({ status }) => status === "failed")) process.exitCode = 1;
