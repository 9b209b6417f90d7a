// npm run bench:equal-time [-- --layers 1,2,3] [--rates 0.0001,0.001] [--seeds 3] [--seconds 30,50,70] [--draw]
//
// Is there an unbiased estimator that beats f-HNCA with a running average at equal time? Some of them, from the same weights,
// given the same seconds of the processor (by layers; 30, 50 and 70 are some 20 epochs of f-HNCA's), with one to three layers of
// 200 units. At the papers' rate also what might keep encoders from settling too early: a KL divergence that warms up, and an
// encoder that learns at half the rate. Each contest is a file of results/which-estimator, so that several can be run side by side;
// of all that are there, docs/which-estimator.md has its table, and a figure for each rate. --draw runs none.

import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { learningCurves } from "../packages/cli/dist/report/figure.js";
import { estimateMean, formatEstimate } from "../packages/cli/dist/report/statistics.js";
import { adam, findEstimator } from "../packages/flipnet/dist/index.js";
import { loadLabelledImages } from "../packages/flipnet/dist/node/index.js";
import { equalTimes } from "./lib/equal-times.mjs";
import { describeHost } from "./lib/host.mjs";
import { putTables, tableOf } from "./lib/pages.mjs";

const { values: flags } = parseArgs({
  options: {
    layers: { type: "string", default: "1,2,3" },
    rates: { type: "string", default: "0.0001,0.001" },
    seeds: { type: "string", default: "3" },
    seconds: { type: "string", default: "30,50,70" },
    draw: { type: "boolean", default: false },
  },
});
const numbersOf = (list) => list.split(",").map(Number);
const seconds = numbersOf(flags.seconds);
const turns = 10;
const warmUp = 5;

/** Who takes part: with several layers at the papers' rate also what is tried against settling early. */
function contenders(layers, rate) {
  const of = (name, own = {}, says = "") => ({ name: name + says, estimator: findEstimator(name), ...own });
  const plain = ["f-hnca", "disarm", "muprop-quadratic", "f-hnca-linear"].map((name) => of(name));
  if (layers === 1 || rate > 1e-4) return plain;
  const half = Object.fromEntries(Array.from({ length: layers }, (_, l) => [`layers.${l}`, rate / 2]));
  const slower = { optimizer: adam({ learningRate: { default: rate, ...half } }) };
  return [
    ...plain,
    of("f-hnca", { klWarmUp: warmUp }, ", KL warm-up"),
    of("f-hnca-linear", { klWarmUp: warmUp }, ", KL warm-up"),
    of("f-hnca-linear", slower, ", encoder at half the rate"),
  ];
}

const out = "results/which-estimator";
await mkdir(out, { recursive: true });
if (!flags.draw) {
  const data = await loadLabelledImages();
  for (const layers of numbersOf(flags.layers)) {
    for (const rate of numbersOf(flags.rates)) {
      const settings = { hidden: Array(layers).fill(200), rate, seconds: seconds[layers - 1], turns };
      const found = [];
      for (let seed = 0; seed < Number(flags.seeds); seed++) {
        process.stderr.write(`${layers} layers, rate ${rate}, seed ${seed}\n`);
        const some = await equalTimes(contenders(layers, rate), data, { ...settings, seed });
        for (const { name, turns } of some) found.push({ name, seed, turns });
        const contest = { layers, rate, seconds: settings.seconds, host: describeHost(), found };
        await writeFile(
          `${out}/equal-time-${layers}-${rate}.json`,
          `${JSON.stringify(contest, undefined, 1)}\n`,
        );
      }
    }
  }
}

const files = (await readdir(out)).filter((file) => /^equal-time-.*\.json$/.test(file)).sort();
const contests = await Promise.all(
  files.map(async (file) => JSON.parse(await readFile(`${out}/${file}`, "utf8"))),
);

const layersOf = ({ layers }) => (layers === 1 ? "1 layer" : `${layers} layers`);
for (const rate of new Set(contests.map(({ rate }) => rate))) {
  const curves = contests
    .filter((contest) => contest.rate === rate)
    .flatMap((contest) =>
      contest.found.map(({ name, turns }) => ({
        label: name,
        group: layersOf(contest),
        records: turns.map(({ steps, testElbo }, turn) => ({
          epoch: turn + 1,
          step: steps,
          elbo: testElbo,
          "seconds of the processor": (contest.seconds * (turn + 1)) / turns.length,
        })),
      })),
    );
  const { svg } = await learningCurves(curves, {
    title: `Equal time, Adam at ${rate}`,
    subtitle: "The bound of test images, while training with one to three layers of 200 units.",
    along: "seconds of the processor",
  });
  await writeFile(`${out}/equal-time-${rate}.svg`, svg);
}

/** The bound of a training after so many steps, between its turns; undefined before the first and after the last. */
function elboAt(turns, steps) {
  const next = turns.findIndex((turn) => turn.steps >= steps);
  if (next < 1) return undefined;
  const [from, to] = [turns[next - 1], turns[next]];
  const share = (steps - from.steps) / (to.steps - from.steps);
  return from.testElbo + share * (to.testElbo - from.testElbo);
}

/** How much further a run is than f-HNCA with its seed after as many steps; undefined where that has not come so far. */
function stepForStep({ found }, { seed, turns }) {
  const { steps, testElbo } = turns[turns.length - 1];
  const reference = found.find((run) => run.name === "f-hnca" && run.seed === seed);
  const elbo = elboAt(reference.turns, steps);
  return elbo === undefined ? undefined : testElbo - elbo;
}

const rows = contests.flatMap((contest) => {
  const names = [...new Set(contest.found.map(({ name }) => name))];
  return names
    .map((name) => {
      const runs = contest.found.filter((run) => run.name === name);
      const last = runs.map(({ turns }) => turns[turns.length - 1]);
      const elbo = estimateMean(last.map(({ testElbo }) => testElbo));
      const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
      // From the first layer on, after so many turns: who settles early has little left.
      const nats = (turn) =>
        Array.from({ length: contest.layers }, (_, l) =>
          mean(runs.map(({ turns }) => turns[turn].entropies[l])).toFixed(0),
        ).join(", ");
      const further = runs.map((run) => stepForStep(contest, run)).filter((one) => one !== undefined);
      const gain = estimateMean(further);
      const [estimator, ...says] = name.split(", ");
      return {
        elbo: elbo.mean,
        row: [
          String(contest.layers),
          String(contest.rate),
          [`\`${estimator}\``, ...says].join(", "),
          mean(last.map(({ steps }) => steps)).toFixed(0),
          formatEstimate(elbo, { digits: 1 }),
          name === "f-hnca" || further.length < runs.length
            ? "-"
            : `${gain.mean > 0 ? "+" : ""}${formatEstimate(gain, { digits: 1 })}`,
          nats(1),
          nats(contest.found[0].turns.length - 1),
        ],
      };
    })
    .sort((a, b) => b.elbo - a.elbo)
    .map(({ row }) => row);
});
const table = tableOf(
  ["layers", "rate", "estimator", "steps", "test ELBO", "step for step", "nats early", "nats at the end"],
  rows,
);
await putTables("docs/which-estimator.md", { "equal time": table });
process.stdout.write(`${table}\n`);
