// npm run bench [-- --only kernels,steps] [--quick] [--json FILE] [--compare OLD.json] [--kernels KIND]
// npm run bench -- --against REVISION [--only PATTERN] [--quick] [--json FILE] [--kernels KIND]
//
// The second form is against.mjs: the library's steps beside those of another revision. The first:
//
// What this host can do, what is made of it, and what training costs, on one thread where nothing else is said. Prints
// tables and writes everything as JSON. With --compare also what became slower or faster than in an earlier file; the
// exit code is then 1 where something became slower by a tenth or more, beyond the spread (lib/compare.mjs).
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { createWasmBackend } from "../packages/flipnet/dist/index.js";
import { compareWith } from "./against.mjs";
import { benchmarkAgents } from "./agents.mjs";
import { benchmarkControl } from "./control.mjs";
import { benchmarkConvolution } from "./convolution.mjs";
import { benchmarkGrowth } from "./growth.mjs";
import { benchmarkKernels } from "./kernels.mjs";
import { benchmarkKinds } from "./kinds.mjs";
import { compareTimings, comparisonTable } from "./lib/compare.mjs";
import { describeHost } from "./lib/host.mjs";
import { number, printTable } from "./lib/table.mjs";
import { benchmarkSoftmax } from "./softmax.mjs";
import { benchmarkStartUp } from "./startup.mjs";
import { benchmarkSteps } from "./steps.mjs";
import { benchmarkSweep } from "./sweep.mjs";
import { benchmarkThreads } from "./threads.mjs";

/**
 * Each gives `{ tables, timings, targets, data }`: tables of cells for people, timings for --compare, targets
 * `[{ what, measured, atLeast or atMost }]`, and the figures themselves.
 */
const parts = {
  kernels: benchmarkKernels,
  kinds: benchmarkKinds,
  steps: benchmarkSteps,
  convolution: benchmarkConvolution,
  agents: benchmarkAgents,
  control: benchmarkControl,
  growth: benchmarkGrowth,
  softmax: benchmarkSoftmax,
  sweep: benchmarkSweep,
  threads: benchmarkThreads,
  startup: benchmarkStartUp,
};
/** From which share on a change counts. */
const leastChange = 0.1;

const { values } = parseArgs({
  options: {
    against: { type: "string" },
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    compare: { type: "string" },
    kernels: { type: "string" },
  },
});
if (values.against !== undefined) {
  await compareWith(values.against, values).catch(({ message }) => {
    console.error(message);
    process.exitCode = 2;
  });
  process.exit();
}
const { only = Object.keys(parts).join(), json = "bench/results/latest.json" } = values;
const chosen = only.split(",");
const unknown = chosen.find((name) => !(name in parts));
if (unknown !== undefined) {
  console.error(`--only is "${unknown}"; expected some of ${Object.keys(parts).join(", ")}`);
  process.exit(2);
}
// Read first: it may be the file that is written.
const old = values.compare && JSON.parse(await readFile(values.compare, "utf8"));

const { arithmetic: kernels } = (await createWasmBackend(values.kernels && { kernels: values.kernels }))
  .features;
const describe = ({ cpu, cores, load, node }, kind) =>
  `${cpu}, ${cores} cores, load ${load}, Node ${node}, ${kind} kernels`;
const host = describeHost();
console.log(`${describe(host, kernels)}; medians in time of the processor`);

const results = { host, kernels, quick: values.quick, timings: [], targets: [], parts: {} };
for (const name of chosen) {
  const { tables, timings, targets, data } = await parts[name]({ kernels, quick: values.quick });
  tables.forEach(printTable);
  results.timings.push(...timings);
  results.targets.push(...targets);
  results.parts[name] = data;
}
host.loadAfter = describeHost().load;

if (results.targets.length > 0) {
  printTable([
    "Targets",
    [
      ["", "measured", "target", ""],
      ...results.targets.map(({ what, measured, atMost, atLeast }) => [
        what,
        number(measured),
        atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`,
        measured <= (atMost ?? Infinity) && measured >= (atLeast ?? 0) ? "met" : "missed",
      ]),
    ],
  ]);
}
if (old) {
  const changes = compareTimings(old.timings, results.timings, leastChange);
  console.log(`\nBefore: ${describe(old.host, old.kernels)}, ${old.host.date}`);
  printTable(comparisonTable(changes));
  if (changes.some(({ verdict }) => verdict === "slower")) process.exitCode = 1;
}
await mkdir(dirname(json), { recursive: true });
await writeFile(json, `${JSON.stringify(results, undefined, 2)}\n`);
console.log(`\nload ${host.load} before and ${host.loadAfter} after; ${json}`);
