/** `flipnet runs`: which runs there are, by settings and metrics; what people call them; and their removal. */
import type { Command } from "commander";
import type { LabelChanges } from "../running/labels.ts";
import { oneLine } from "../running/plain-text.ts";
import { Damage } from "./exit.ts";
import { formatTable } from "./terminal.ts";

interface Flags extends LabelChanges {
  where: string[];
  sort?: string;
  remove?: boolean;
  json?: boolean;
}

export function defineRuns(program: Command): void {
  program
    .command("runs")
    .description("which runs there are: what they are of, what they came to, what they take on the disk")
    .argument("[folders...]", 'folders of runs, or folders that runs are in (default: "runs")')
    .option(
      "--where <setting=value>",
      "only runs with that setting, or with tag=TAG or name=NAME; may be given several times",
      several,
      [],
    )
    .option("--sort <metric>", "by what they came to, the largest first")
    .option("--name <text>", "call those that are listed so; an empty text takes the name away")
    .option("--tag <word>", "give those that are listed a tag; may be given several times", several, [])
    .option("--untag <word>", "take a tag from them; may be given several times", several, [])
    .option("--note <text>", "write a note to them; an empty text takes it away")
    .option("--remove", "remove those that are listed")
    .option("--json", "print JSON: a line a run")
    .action(async (folders: string[], flags: Flags) => {
      process.exitCode = await listRuns(folders.length === 0 ? ["runs"] : folders, flags);
    });
}

const several = (text: string, before: string[]): string[] => [...before, text];

/** Returns the exit code. */
async function listRuns(folders: readonly string[], flags: Flags): Promise<number> {
  const { eachOf } = await import("../running/each.ts");
  const { metricOf, parseCondition, removeRun, runsWhere, sizeOf, sortedBy } = await import(
    "../running/find.ts"
  );
  const { findRuns } = await import("../running/run-folder.ts");
  const { findTask } = await import("flipnet/internal/tasks/registry");
  const { lengthOf } = await import("../settings/config.ts");
  const { checkChanges, labelRun } = await import("../running/labels.ts");
  const conditions = flags.where.map(parseCondition);
  checkChanges(flags);
  const { name, note, tag, untag } = flags;
  const isChanged = name !== undefined || note !== undefined || tag.length + untag.length > 0;
  const damage = new Damage();
  const found = runsWhere(await findRuns(folders, damage.note), conditions);
  const runs = flags.sort === undefined ? found : sortedBy(found, flags.sort);
  if (isChanged) for (const run of runs) run.labels = await labelRun(run, flags);
  const sizes = await eachOf(runs, ({ folder }) => sizeOf(folder));
  const rows = runs.map((run, i) => {
    const { config, records, folder, runId, summary, labels } = run;
    const metric = flags.sort ?? findTask(config.task)?.metrics[0]?.name ?? "";
    return {
      folder,
      runId,
      task: config.task,
      estimator: config.estimator,
      seed: config.seed,
      records: records.length,
      length: lengthOf(config),
      finished: summary !== undefined,
      metric,
      value: metricOf(run, metric) ?? null,
      bytes: sizes[i],
      ...labels,
    };
  });
  if (flags.json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
  else if (rows.length > 0) {
    const isLabelled = rows.some(({ name, tags, note }) => name || note || tags.length > 0);
    const of = (row: (typeof rows)[number]) =>
      isLabelled ? [row.name ?? "", row.tags.join(" "), oneLine(row.note ?? "")] : [];
    process.stdout.write(
      formatTable([
        [
          ...["folder", "estimator", "seed", "records", "state", "metric", "value", "size"],
          ...(isLabelled ? ["name", "tags", "note"] : []),
        ],
        ...rows.map((row) => {
          const { folder, estimator, seed, records, finished, metric, value, bytes } = row;
          return [
            folder,
            estimator,
            String(seed),
            String(records),
            finished ? "finished" : "not finished",
            metric,
            value === null ? "" : String(Number(value.toPrecision(5))),
            `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`,
            ...of(row),
          ];
        }),
      ]),
    );
  }
  const total = sizes.reduce((sum, size) => sum + size, 0);
  process.stderr.write(
    `${runs.length} ${runs.length === 1 ? "run" : "runs"}, ${(total / 1e6).toFixed(1)} MB\n`,
  );
  if (!flags.remove) return damage.exitCode;
  for (const run of runs) await removeRun(run);
  process.stderr.write(`removed\n`);
  return damage.exitCode;
}
