// npm run bench [-- --json FILE] [--kernels portable|relaxed]
//
// One thread. Prints what operations and training steps cost beside what they should at most cost on a 2.5 GHz
// Skylake-class server core with relaxed SIMD; writes everything as JSON. Ratios hold on a busy machine, times do not.
import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { benchmarkHeavy } from "./kernels.mjs";
import { benchmarkLight } from "./light.mjs";
import { benchmarkSteps } from "./steps.mjs";
import { benchmarkVae, vaeTables, vaeTargets } from "./vae.mjs";

const { values } = parseArgs({
  options: { json: { type: "string", default: "bench/results/latest.json" }, kernels: { type: "string" } },
});

/** Prints rows of cells, the first column to the left, the others to the right. */
function table(title, rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ");
  console.log(`\n${title}\n\n${rows.map((row) => `  ${line(row).trimEnd()}`).join("\n")}`);
}

const number = (value) => value.toPrecision(3);
const range = ({ median, lower, upper }) => `${number(median)} (${number(lower)} to ${number(upper)})`;

const host = { cpu: cpus()[0].model.trim(), node: process.version, date: new Date().toISOString() };
const steps = await benchmarkSteps(values.kernels);
const { kernels, young, late, epochs, random } = steps;
console.log(`${host.cpu}, Node ${host.node}, ${kernels} kernels, one thread; medians, with quartiles`);

const operations = [...(await benchmarkHeavy([kernels])), ...(await benchmarkLight([kernels]))];
table("Operations", [
  ["operation", "B x I x J", "microseconds", "ns per edge and example", "GFLOP/s of a dense product"],
  ...operations.map(({ operation, shape, microseconds, perEdge, gflops }) => [
    operation,
    shape.join(" x "),
    number(microseconds),
    perEdge === undefined ? "" : number(perEdge),
    perEdge === undefined ? "" : number(gflops),
  ]),
]);

for (const [title, rows] of [
  ["Training steps in ms, batch of 50, new state", young],
  ["The same with moments as old as 50 epochs", late],
]) {
  table(title, [
    ["layers of 200", "REINFORCE", "HNCA", "HNCA / REINFORCE"],
    ...rows.map(({ layers, reinforce, hnca, ratio }) => [
      `${layers}`,
      range(reinforce),
      range(hnca),
      range(ratio),
    ]),
  ]);
}

const vae = await benchmarkVae(values.kernels);
for (const [title, rows] of vaeTables(vae)) table(title, rows);

const at = (name) =>
  operations.find(({ operation, shape }) => operation === name && shape.join() === "50,200,784");
const flip = at("flipLogLikelihood");
const dense = at("product, real");
const targets = [
  ["flip log-likelihood, 50 x 200 x 784, ns per edge and example", flip.perEdge, 0.22],
  ["flip log-likelihood / dense product", flip.microseconds / dense.microseconds, 3],
  ["dense product, 50 x 200 x 784, GFLOP/s", dense.gflops, 20, "at least"],
  ["HNCA step, 3 x 200, ms", young[2].hnca.median, 2.7],
  ["HNCA step, 3 x 200, ms, in the 50th epoch", late[2].hnca.median, 2.7],
  ["REINFORCE step, 3 x 200, ms", young[2].reinforce.median, 1.4],
  ["HNCA step / REINFORCE step, 3 x 200", young[2].ratio.median, 2],
  ["HNCA epoch on MNIST, 3 x 200, s", epochs.young.median, 3.2],
  ["HNCA epoch on MNIST, 3 x 200, s, the 50th", epochs.late.median, 3.2],
  ["random numbers / REINFORCE step, draws of units", random.draws, 0.1],
  ["random numbers / REINFORCE step, with binarised pixels", random.draws + random.pixels, 0.1],
  ...vaeTargets(vae),
].map(([what, measured, target, bound = "at most"]) => {
  const met = bound === "at most" ? measured <= target : measured >= target;
  return { what, measured, bound, target, met };
});
table("Targets", [
  ["", "measured", "target", ""],
  ...targets.map(({ what, measured, bound, target, met }) => [
    what,
    number(measured),
    `${bound} ${target}`,
    met ? "met" : "missed",
  ]),
]);

await mkdir(dirname(values.json), { recursive: true });
await writeFile(values.json, `${JSON.stringify({ host, targets, operations, steps, vae }, undefined, 2)}\n`);
console.log(`\n${values.json}`);
