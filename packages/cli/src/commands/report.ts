/** `flipnet report`: one page of some runs. */
import type { Command } from "commander";
import { InputError } from "flipnet/internal/formats/errors";
import type { ReportedRun } from "../report/report.ts";
import { Damage, stopSignal } from "./exit.ts";
import { wholeNumber } from "./numbers.ts";

interface Flags {
  out: string;
  title?: string;
  bands: string;
  watch?: string | true;
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
    .option(
      "--watch [seconds]",
      "write it again whenever the runs have gone on, until all have ended or Ctrl-C; looks every 5 seconds, or as many",
    )
    .option("--force", "replace files there, whoever made them")
    .action(async (folders: readonly string[], flags: Flags) => {
      process.exitCode = await report(folders, flags);
    });
}

/** Returns the exit code. */
async function report(
  folders: readonly string[],
  { out, title, bands, watch, force }: Flags,
): Promise<number> {
  const kind = bandsKnown.find((known) => known === bands);
  if (kind === undefined) {
    throw new InputError(`--bands is ${bands}; expected one of ${bandsKnown.join(", ")}`);
  }
  const { nameRuns, taskTitle } = await import("../report/methods.ts");
  const { checkReportFolder, writeReport } = await import("../report/report.ts");
  const { findRuns } = await import("../running/run-folder.ts");
  const { shellWord } = await import("../report/train-command.ts");
  await checkReportFolder(out, force);
  const every = watch === undefined ? undefined : wholeNumber("--watch", watch === true ? "5" : watch, 1);
  const damage = new Damage();
  const command = ["flipnet", ...process.argv.slice(2).map(shellWord)].join(" ");
  const write = async (runs: readonly ReportedRun[], refresh?: number): Promise<string> => {
    const tasks = [...new Set(runs.map(({ config }) => taskTitle(config.task)))];
    const methods = [...new Set(runs.map(({ method }) => method))];
    const what = methods.length <= 3 ? methods.join(", ") : `${methods.length} methods`;
    const { page } = await writeReport(out, runs, {
      title: title ?? `${tasks.join(", ")}: ${what}`,
      commands: [command],
      bands: kind,
      ...(refresh !== undefined && { refresh }),
    });
    return page;
  };
  // Of what is looked at again and again, each thing is said once.
  const said = new Set<string>();
  const note = (error: InputError) => said.size < said.add(error.message).size && damage.note(error);
  const read = async () => nameRuns(await findRuns(folders, note));
  if (every === undefined) {
    process.stdout.write(`${await write(await read())}\n`);
    return damage.exitCode;
  }
  const { isComplete } = await import("../settings/config.ts");
  const { setTimeout: wait } = await import("node:timers/promises");
  const signal = stopSignal();
  let before = "";
  for (;;) {
    const runs = await read();
    const goesOn = !signal.aborted && !runs.every(({ config, records }) => isComplete(config, records));
    const now = JSON.stringify([
      goesOn,
      runs.map(({ runId, records, summary }) => [runId, records.length, summary]),
    ]);
    // Before the first record there is nothing to show.
    if (now !== before && runs.some(({ records }) => records.length > 0)) {
      const page = await write(runs, goesOn ? every : undefined);
      if (before === "") process.stdout.write(`${page}\n`);
      before = now;
    }
    if (!goesOn) return damage.exitCode;
    await wait(1000 * every, undefined, { signal }).catch(() => {});
  }
}
