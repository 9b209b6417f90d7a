// Makes run folders again from a report in results/, where the folders themselves are gone: their records, six digits a
// number, and what they came to. So a report can be drawn with further runs, and what is there is not trained again.
// Without checkpoints: a run that had not ended begins anew, so only those that had are restored.
//
//   node scripts/restore-runs.mjs hnca-figure-3 --out runs      after npm run build
//   npx flipnet reproduce hnca-figure-3 --seeds 1 --out runs    trains what is missing
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "csv-parse/sync";
import { expandExperiment, readExperiment } from "../packages/cli/dist/planning/experiments.js";
import { planRuns } from "../packages/cli/dist/planning/sweep.js";
import { summarise } from "../packages/cli/dist/running/run-folder.js";
import { ofLength } from "../packages/cli/dist/settings/config.js";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { report: { type: "string" }, out: { type: "string", default: "runs" } },
});
const [name] = positionals;
if (name === undefined) throw new Error("expected the name of an experiment");
const report = values.report ?? join(import.meta.dirname, "..", "results", name);

const made = JSON.parse(readFileSync(join(report, "results.json"), "utf8"));
const records = parse(readFileSync(join(report, "records.csv")), { columns: true });

const overrides = { out: values.out, kernels: made.kernels[0] };
const runs = await planRuns(expandExperiment(await readExperiment(name), { overrides }));
if (!runs.some(({ runId }) => made.runs.some((reported) => reported.runId === runId))) {
  throw new Error(
    `${report} has no run that ${name} would train now: its settings, or flipnet's, are others`,
  );
}
for (const run of runs) {
  const reported = made.runs.find(({ runId, finished }) => runId === run.runId && finished);
  if (reported === undefined || existsSync(run.folder)) continue;
  const own = records
    .filter((record) => record.run === run.runId)
    .map(({ task, panel, method, seed, run, ...numbers }) => ({
      type: "epoch",
      ...Object.fromEntries(
        Object.entries(numbers).flatMap(([name, text]) => (text === "" ? [] : [[name, Number(text)]])),
      ),
    }));
  const {
    task,
    panel,
    method,
    seed,
    runId,
    epochs,
    finished,
    starts,
    begun,
    cpus,
    trainingSeconds,
    command,
    ...metrics
  } = reported;
  const madeWith = made.madeWith.filter(({ cpu }) => cpus?.includes(cpu) ?? true);
  const environment = {
    ...{ runId, dataDigest: run.digest, generator: made.generators[0], kernels: run.config.kernels },
    starts: Array.from({ length: starts }, (_, i) => ({
      ...{
        time: begun ?? made.begun,
        step: 0,
        ...(madeWith[i] ?? madeWith.at(-1)),
        threads: made.threads[0],
      },
    })),
  };
  const { folder, ...summary } = { ...summarise(runId, run.folder, own), ...metrics };
  mkdirSync(run.folder, { recursive: true });
  for (const [file, text] of [
    ["config.json", JSON.stringify(ofLength(run.config, epochs), undefined, 2)],
    ["environment.json", JSON.stringify(environment, undefined, 2)],
    ["metrics.jsonl", own.map((record) => JSON.stringify(record)).join("\n")],
    ["summary.json", JSON.stringify(summary, undefined, 2)],
  ]) {
    const path = join(run.folder, file);
    writeFileSync(path, `${text}\n`);
    utimesSync(path, new Date(made.ended), new Date(made.ended));
  }
  process.stdout.write(`${run.folder}\n`);
}
