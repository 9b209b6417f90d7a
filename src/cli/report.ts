/** `flipnet report`: one page of some runs. */
import type { Command } from "commander";
import { InputError } from "../formats/errors.ts";

interface Flags {
  out: string;
  title?: string;
  bands: string;
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
    .action(report);
}

async function report(folders: readonly string[], { out, title, bands }: Flags): Promise<void> {
  const kind = bandsKnown.find((known) => known === bands);
  if (kind === undefined) {
    throw new InputError(`--bands is ${bands}; expected one of ${bandsKnown.join(", ")}`);
  }
  const { nameRuns } = await import("../node/methods.ts");
  const { checkReportFolder, writeReport } = await import("../node/report.ts");
  const { findRuns } = await import("../node/run-folder.ts");
  await checkReportFolder(out);
  const runs = nameRuns(await findRuns(folders));
  const { page } = await writeReport(out, runs, {
    title: title ?? titleOf(runs),
    commands: [`flipnet report ${folders.join(" ")} --out ${out}`],
    bands: kind,
  });
  process.stdout.write(`${page}\n`);
}

/** The methods, where there are few. */
function titleOf(runs: readonly { method: string; config: { task: string } }[]): string {
  const names = [...new Set(runs.map(({ method }) => method))];
  const tasks = [...new Set(runs.map(({ config }) => config.task))];
  const what = names.length <= 3 ? names.join(", ") : `${names.length} methods`;
  return `${what}: ${tasks.join(", ")}`;
}
