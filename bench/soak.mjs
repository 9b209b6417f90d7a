// npm run bench:soak [-- --minutes 30] [--max-growth 10] [--max-slowdown 5] [--json FILE]
//
// Trains HNCA on the bandit and f-HNCA in an auto-encoder, three layers of 200 units, in turns of some seconds for a long
// time, as a user would: with evaluations, in one process. Prints steps a second and resident memory every minute, and
// at the end how memory grows and speed drifts an hour, by lines through the minutes. Exit code 1 where memory grows by
// more than --max-growth, in 10^6 bytes, or steps take more time by --max-slowdown percent, beyond two standard errors.
// Steps are timed in time of the processor, by the fastest tenth of each minute's stretches: others on the machine slow
// the rest.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import {
  adam,
  createBanditTraining,
  createVaeTraining,
  createWasmBackend,
  fHnca,
  hnca,
} from "../packages/flipnet/dist/index.js";
import { loadLabelledImages } from "../packages/flipnet/dist/node/index.js";
import { line } from "./lib/fit.mjs";
import { describeHost, residentMegabytes } from "./lib/host.mjs";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    "max-growth": { type: "string", default: "10" },
    "max-slowdown": { type: "string", default: "5" },
    json: { type: "string", default: "bench/results/soak.json" },
  },
});
const minutes = Number(values.minutes);
if (!(Number.isInteger(minutes) && minutes >= 4)) {
  console.error(
    `--minutes is ${values.minutes}; expected a whole number from 4 on: a line needs three after the first`,
  );
  process.exit(2);
}
/** Seconds of a training until the other one has its turn. */
const turn = 3;

const backend = await createWasmBackend();
const data = await loadLabelledImages();
const common = { optimizer: adam({ learningRate: 1e-4 }), hidden: [200, 200, 200] };
const trainings = {
  HNCA: createBanditTraining(backend, data, { ...common, estimator: hnca }),
  "f-HNCA": createVaeTraining(backend, data, { ...common, estimator: fHnca, boundSamples: 10 }),
};
const names = Object.keys(trainings);

/**
 * Trains for a turn, until `end`, and lists stretches of some steps: how many, and what they took, in seconds by the
 * clock and of the processor. Stretches in which an epoch ended, and so something was evaluated, are left out.
 */
async function takeTurn(training, end, stretches) {
  let last;
  const pause = ({ epoch, evaluating }) => {
    const { user, system } = process.cpuUsage();
    const now = {
      epoch,
      step: training.step,
      clock: performance.now() / 1e3,
      processor: (user + system) / 1e6,
    };
    if (last?.epoch === epoch && !evaluating) {
      stretches.push({
        steps: now.step - last.step,
        clock: now.clock - last.clock,
        processor: now.processor - last.processor,
      });
    }
    last = evaluating ? undefined : now;
    return evaluating || now.clock < end;
  };
  for await (const _ of training.run(Infinity, { pause, pauseMilliseconds: 20 }));
}

/** Steps a second by the clock, and milliseconds a step in the fastest tenth of the stretches. */
function speedOf(stretches) {
  const total = (what) => stretches.reduce((sum, stretch) => sum + stretch[what], 0);
  const costs = stretches.map(({ steps, processor }) => (1e3 * processor) / steps).sort((a, b) => a - b);
  return { perSecond: total("steps") / total("clock"), milliseconds: costs[Math.floor(costs.length / 10)] };
}

const host = describeHost();
console.log(`${host.cpu}, ${host.cores} cores, Node ${host.node}, ${backend.features.arithmetic} kernels`);
console.log(
  `minute  ${names.map((name) => `${name}: steps/s, ms`.padStart(22)).join("  ")}  resident MB  load`,
);
const records = [];
for (let minute = 1; minute <= minutes; minute++) {
  const stretches = names.map(() => []);
  const end = performance.now() / 1e3 + 60;
  while (performance.now() / 1e3 < end) {
    for (const [i, name] of names.entries()) {
      await takeTurn(trainings[name], performance.now() / 1e3 + turn, stretches[i]);
    }
  }
  const record = {
    minute,
    rules: Object.fromEntries(names.map((name, i) => [name, speedOf(stretches[i])])),
    megabytes: residentMegabytes(),
    load: describeHost().load,
  };
  records.push(record);
  const speeds = Object.values(record.rules).map(({ perSecond, milliseconds }) =>
    `${perSecond.toFixed(0)}, ${milliseconds.toFixed(3)}`.padStart(22),
  );
  const memory = record.megabytes.toFixed(1).padStart(11);
  console.log([`${minute}`.padStart(6), ...speeds, memory, record.load.padStart(4)].join("  "));
}

// In the beginning code is compiled and buffers are allocated.
const settled = records.slice(Math.ceil(minutes / 10));
const hours = settled.map(({ minute }) => minute / 60);
const growth = line(
  hours,
  settled.map(({ megabytes }) => megabytes),
);
const slowdowns = names.map((name) => {
  const costs = settled.map(({ rules }) => rules[name].milliseconds);
  const mean = costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
  const { slope, error } = line(hours, costs);
  return { name, percent: (100 * slope) / mean, error: (100 * error) / mean };
});
const steps = Object.fromEntries(names.map((name) => [name, trainings[name].step]));
const peak = process.resourceUsage().maxRSS * 1.024e-3;
const verdicts = [
  {
    what: "memory",
    text: `${growth.slope.toFixed(1)} ± ${growth.error.toFixed(1)} MB an hour (at most ${values["max-growth"]}), peak ${peak.toFixed(1)} MB`,
    kept: growth.slope - 2 * growth.error <= Number(values["max-growth"]),
  },
  ...slowdowns.map(({ name, percent, error }) => ({
    what: name,
    text: `a step takes ${percent.toFixed(2)} ± ${error.toFixed(2)} % more an hour (at most ${values["max-slowdown"]}), ${steps[name]} steps`,
    kept: percent - 2 * error <= Number(values["max-slowdown"]),
  })),
];
for (const { what, text, kept } of verdicts) console.log(`${what}: ${text}: ${kept ? "kept" : "NOT KEPT"}`);
await mkdir(dirname(values.json), { recursive: true });
const result = { host, kernels: backend.features.arithmetic, steps, peak, growth, slowdowns, records };
await writeFile(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
console.log(values.json);
if (verdicts.some(({ kept }) => !kept)) process.exitCode = 1;
