// What the scripts that fill results/ share: they train what is not there yet, and write what there is.
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runOnBoard } from "../../dist/cli/board.js";
import { listRuns, runFiles } from "../../dist/node/run-folder.js";

/** The flags that such a script takes; `folder` is where its runs and results are by default. */
export function resultsOptions(folder, epochs) {
  const { values } = parseArgs({
    options: {
      epochs: { type: "string", default: epochs },
      limit: { type: "string" },
      workers: { type: "string", default: String(availableParallelism()) },
      draw: { type: "boolean", default: false },
      out: { type: "string", default: `runs/${folder}` },
      to: { type: "string", default: `results/${folder}` },
    },
  });
  return values;
}

/** Trains in the order of the jobs and says what failed. */
export async function train(jobs, workers) {
  const results = await runOnBoard(jobs, Number(workers));
  const failed = results.filter(({ status }) => status === "failed");
  for (const { job, error } of failed) console.error(`${job.label} failed: ${error}`);
  const interrupted = results.some(({ status }) => status === "interrupted");
  if (interrupted) console.error("stopped; the same command goes on from the checkpoints");
  return { interrupted, failed: failed.length > 0 };
}

/** Settings as flags of `flipnet train`. */
export function flagsOf(settings) {
  return Object.entries(settings).flatMap(([name, value]) => {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (value === undefined) return [];
    if (typeof value === "boolean") return [value ? `--${flag}` : `--no-${flag}`];
    return [`--${flag}`, String(value)];
  });
}

/** The runs in a folder, unfinished ones too, with when and on what they were made. */
export async function storedRuns(folder) {
  const runs = await listRuns(folder);
  return Promise.all(
    runs.map(async (run) => {
      const files = runFiles(run.folder);
      const { starts } = JSON.parse(await readFile(files.environment, "utf8"));
      const ended = (await stat(run.summary === undefined ? files.environment : files.summary)).mtime;
      return { ...run, starts, ended: ended.toISOString() };
    }),
  );
}

/** With what, when and for how long: of all runs together. */
export function provenance(runs, workers) {
  const starts = runs.flatMap((run) => run.starts);
  const madeWith = new Set(starts.map(({ time, step, ...environment }) => JSON.stringify(environment)));
  const [begun] = starts.map(({ time }) => time).sort();
  const ended = runs
    .map((run) => run.ended)
    .sort()
    .at(-1);
  return {
    madeWith: [...madeWith].map((environment) => JSON.parse(environment)),
    begun,
    ended,
    // Pauses between two calls included.
    wallSeconds: Math.round((Date.parse(ended) - Date.parse(begun)) / 1000),
    workers: Number(workers),
  };
}

/** A run without what stands elsewhere: its records, and its folder, which others do not have. */
export const describeRun = ({ runId, records, summary, starts }, command) => ({
  command,
  runId,
  starts: starts.length,
  trainingSeconds: Math.round(
    records.reduce((sum, { msPerStep, step, epoch }) => sum + (msPerStep * step) / epoch, 0) / 1000,
  ),
  epochs: records.length,
  ...summary,
  folder: undefined,
});

/** Objects as lines of a CSV file; the columns are those of any of them, in the order in which they come up. */
export function csv(rows) {
  const columns = [...new Set(rows.toSorted(byKeys).flatMap(Object.keys))];
  return [columns, ...rows.map((row) => columns.map((column) => quoted(row[column] ?? "")))]
    .map((cells) => `${cells}\n`)
    .join("");
}
/** Those with the most columns first: they have them in their order. */
const byKeys = (a, b) => Object.keys(b).length - Object.keys(a).length;
const quoted = (cell) => (/[,"]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell);

/** A table in Markdown, all columns but the first flush right. */
export function markdownTable(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [head, head.map((_, i) => (i === 0 ? "---" : "--:")), ...rows].map(line).join("\n");
}

/** What made the runs, as the end of a README. */
export function madeBy(command, { madeWith, begun, ended, workers }) {
  const environments = madeWith.map(
    ({ version, revision = "unknown", node, platform, cpu }) =>
      `- flipnet ${version}, revision ${revision}, Node ${node}, ${platform}, ${cpu}, ${workers} runs at a time`,
  );
  return `Made by \`${command}\` from ${begun} to ${ended} (it may have paused between):

${[...new Set(environments)].join("\n")}

\`records.csv\` has every epoch of every run, \`results.json\` the settings, the versions, the command of every run and these numbers in full.
`;
}

/** Writes files into a folder; objects become JSON. */
export async function writeFolder(folder, files) {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === "string" ? content : `${JSON.stringify(content, undefined, 2)}\n`;
    await writeFile(join(folder, name), text);
  }
  console.log(`written: ${folder}`);
}
