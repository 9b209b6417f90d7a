// npm run bench [-- --only kernels,steps] [--quick] [--json FILE] [--kernels portable|relaxed]
//
// What this host can do, what is made of it, and what training costs, on one thread. Prints tables and writes everything
// as JSON.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { createWasmBackend } from "../dist/index.js";
import { benchmarkKernels } from "./kernels.mjs";
import { describeHost } from "./lib/host.mjs";
import { number, printTable } from "./lib/table.mjs";
import { benchmarkSteps } from "./steps.mjs";

/** Each gives `{ tables, timings, targets, data }`; see lib/table.mjs for the tables. */
const parts = {
  kernels: benchmarkKernels,
  steps: benchmarkSteps,
};

const { values } = parseArgs({
  options: {
    only: { type: "string", default: Object.keys(parts).join() },
    quick: { type: "boolean", default: false },
    json: { type: "string", default: "bench/results/latest.json" },
    kernels: { type: "string" },
  },
});
const chosen = values.only.split(",");
const unknown = chosen.find((name) => !(name in parts));
if (unknown !== undefined) {
  console.error(`--only is "${unknown}"; expected some of ${Object.keys(parts).join(", ")}`);
  process.exit(2);
}

const { kernels } = await createWasmBackend(values.kernels && { kernels: values.kernels });
const host = describeHost();
console.log(`${host.cpu}, ${host.cores} cores, load ${host.load}, Node ${host.node}, ${kernels} kernels`);

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
await mkdir(dirname(values.json), { recursive: true });
await writeFile(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
console.log(`\nload ${host.load} before and ${host.loadAfter} after; ${values.json}`);
