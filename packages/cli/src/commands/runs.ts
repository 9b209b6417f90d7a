/** `flipnet runs`: which runs there are, by settings and metrics; and their removal. */
import type { Command } from "commander";
import { Damage } from "./exit.ts";
import { formatTable } from "./terminal.ts";

interface Flags {
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
      "only runs with that setting; may be given several times",
      (text: string, before: string[]) => [...before, text],
      [] as string[],
    )
    .option("--sort <metric>", "by what they came to, the largest first")
    .option("--remove", "remove those that are listed")
    .option("--json", "print JSON: a line a run")
    .action(async (folders: string[], flags: Flags) => {
      process.exitCode = await listRuns(folders.length === 0 ? ["runs"] : folders, flags);
    });
}

/** Returns the exit code. */
async function listRuns(folders: readonly string[], flags: Flags): Promise<number> {
  const { eachOf } = await import("../running/each.ts");
  const { metricOf, parseCondition, removeRun, runsWhere, sizeOf, sortedBy } = await import(
    "../running/find.ts"
  );
  const { findRuns } = await import("../running/run-folder.ts");
  const { findTask } = await import("flipnet/internal/tasks/registry");
  const { lengthOf } = await import("../settings/config.ts");
  const conditions = flags.where.map(parseCondition);
  const damage = new Damage();
  const found = runsWhere(await findRuns(folders, damage.note), conditions);
  const runs = flags.sort === undefined ? found : sortedBy(found, flags.sort);
  const sizes = await eachOf(runs, ({ folder }) => sizeOf(folder));
  const rows = runs.map((run, i) => {
    const { config, records, folder, runId, summary } = run;
    const name = flags.sort ?? findTask(config.task)?.metrics[0]?.name ?? "";
    return {
      folder,
      runId,
      task: config.task,
      estimator: config.estimator,
      seed: config.seed,
      records: records.length,
      length: lengthOf(config),
      finished: summary !== undefined,
      metric: name,
      value: metricOf(run, name) ?? null,
      bytes: sizes[i],
    };
  });
  if (flags.json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
  else if (rows.length > 0) {
    process.stdout.write(
      formatTable([
        ["folder", "estimator", "seed", "records", "state", "metric", "value", "size"],
        ...rows.map(({ folder, estimator, seed, records, finished, metric, value, bytes }) => [
          folder,
          estimator,
          String(seed),
          String(records),
          finished ? "finished" : "not finished",
          metric,
          value === null ? "" : String(Number(value.toPrecision(5))),
          `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`,
        ]),
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
