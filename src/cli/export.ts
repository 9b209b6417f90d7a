/** `flipnet export`: runs in the formats of other programs. */
import type { Command } from "commander";
import type { StoredRun } from "../node/run-folder.ts";
import { colorsFor } from "./terminal.ts";

interface Flags {
  format: string;
  out?: string;
  force?: boolean;
  withOptimizer?: boolean;
}

export function defineExport(program: Command): void {
  program
    .command("export")
    .description("write what runs recorded or learned in the format of another program")
    .argument("<runs...>", "folders of runs, or folders that runs are in")
    .requiredOption(
      "--format <format>",
      "csv, parquet: all records; tensorboard; safetensors: the parameters",
    )
    .option("-o, --out <file>", "file to write, or folder for tensorboard (default: in the run's folder)")
    .option("--force", "replace the file that --out names")
    .option("--with-optimizer", "safetensors: the optimizer's state too")
    .action(exportCommand);
}

async function exportCommand(folders: string[], flags: Flags): Promise<void> {
  const { exportRuns } = await import("../node/export.ts");
  const { files, runs } = await exportRuns(folders, { ...flags });
  const { yellow } = colorsFor(process.stderr);
  for (const run of runs.filter(({ summary }) => summary === undefined)) {
    process.stderr.write(`${yellow("note:")} ${unfinished(run)}\n`);
  }
  for (const file of files) process.stdout.write(`${file}\n`);
}

const unfinished = ({ folder, records, config }: StoredRun) =>
  `${folder} is not finished: ${records.length} of ${config.epochs} records are there`;
