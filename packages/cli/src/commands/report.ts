/** `flipnet report`: one page of some runs. */
import type { Command } from "commander";
import { InputError } from "flipnet/internal/formats/errors";
import { Damage } from "./exit.ts";

interface Flags {
  out: string;
  title?: string;
  bands: string;
  force?: boolean;
}

const bandsKnown = ["interval", "deviation", "range"] as const;

export function defineReport(program: Command): void {
  program
    .command("report")
    .description("a page of some runs: learning curves, a table, settings, commands; opens without a network")
    .argument("<runs...>", "folders of runs, and folders with such folders in them")
    .option("-o, --out <folder>", "where to write it", "report")
    .option("--title <text>", "what it is called")
    .option(
      "--bands <kind>",
      "around the means over seeds: their 95 % interval, the standard deviation, the range",
      "interval",
    )
    .option("--force", "replace files there, whoever made them")
    .action(async (folders: readonly string[], flags: Flags) => {
      process.exitCode = await report(folders, flags);
    });
}

/** Returns the exit code. */
async function report(folders: readonly string[], { out, title, bands, force }: Flags): Promise<number> {
  const kind = bandsKnown.find((known) => known === bands);
  if (kind === undefined) {
    throw new InputError(`--bands is ${bands}; expected one of ${bandsKnown.join(", ")}`);
  }
  const { nameRuns, taskTitle } = await import("../report/methods.ts");
  const { checkReportFolder, writeReport } = await import("../report/report.ts");
  const { findRuns } = await import("../running/run-folder.ts");
  const { shellWord } = await import("../report/train-command.ts");
  await checkReportFolder(out, force);
  const damage = new Damage();
  const runs = nameRuns(await findRuns(folders, damage.note));
  const tasks = [...new Set(runs.map(({ config }) => taskTitle(config.task)))];
  const methods = [...new Set(runs.map(({ method }) => method))];
  const what = methods.length <= 3 ? methods.join(", ") : `${methods.length} methods`;
  const { page } = await writeReport(out, runs, {
    title: title ?? `${tasks.join(", ")}: ${what}`,
    commands: [["flipnet", ...process.argv.slice(2).map(shellWord)].join(" ")],
    bands: kind,
  });
  process.stdout.write(`${page}\n`);
  return damage.exitCode;
}
