/** `flipnet export`: runs in the formats of other programs. */
import type { Command } from "commander";
import type { StoredRun } from "../running/run-folder.ts";
import { Damage } from "./exit.ts";
import { wholeNumber } from "./numbers.ts";
import { colorsFor } from "./terminal.ts";

interface Flags {
  format: string;
  out?: string;
  force?: boolean;
  withOptimizer?: boolean;
  graph?: string;
  part?: string;
  seed?: string;
  bernoulliOp?: boolean;
}

export function defineExport(program: Command): void {
  program
    .command("export")
    .description("write what runs recorded or learned in the format of another program")
    .argument("<runs...>", "folders of runs, or folders that runs are in")
    .requiredOption(
      "--format <format>",
      "csv, parquet: all records; tensorboard; safetensors: the parameters; onnx: the network",
    )
    .option("-o, --out <file>", "file to write, or folder for tensorboard (default: in the run's folder)")
    .option("--force", "replace files that are there, whoever made them")
    .option("--with-optimizer", "safetensors: the optimizer's state too")
    .option("--graph <kind>", "onnx: sample, noise (as an input) or mean-field (default: sample)")
    .option(
      "--part <part>",
      "onnx, of an auto-encoder: autoencoder, encoder, decoder or generator (default: autoencoder)",
    )
    .option(
      "--seed <n>",
      "onnx: sessions of a graph that samples draw the same (default: as the runtime has it)",
    )
    .option("--bernoulli-op", "onnx: sample with the Bernoulli operation, which ONNX Runtime gets wrong")
    .action(async (folders: string[], flags: Flags) => {
      process.exitCode = await exportCommand(folders, flags);
    });
}

/** Returns the exit code. */
async function exportCommand(folders: string[], flags: Flags): Promise<number> {
  const { exportRuns } = await import("../export/export.ts");
  const { seed, ...options } = flags;
  const damage = new Damage();
  const { files, runs } = await exportRuns(folders, {
    ...options,
    onDamage: damage.note,
    ...(seed !== undefined && { seed: wholeNumber("--seed", seed, 0) }),
  });
  const { yellow } = colorsFor(process.stderr);
  if (flags.bernoulliOp) process.stderr.write(`${yellow("warning:")} ${complement}\n`);
  const { isComplete } = await import("../settings/config.ts");
  for (const run of runs.filter(({ summary }) => summary === undefined)) {
    const complete = isComplete(run.config, run.records);
    process.stderr.write(`${yellow("note:")} ${unfinished(run, complete)}\n`);
  }
  for (const file of files) process.stdout.write(`${file}\n`);
  return damage.exitCode;
}

const unfinished = ({ folder, records, config }: StoredRun, complete: boolean) =>
  complete
    ? `${folder} is not finished: all records are there, its summary is not`
    : `${folder} is not finished: ${records.length} of ${config.epochs} records are there`;

const complement =
  "ONNX Runtime (1.30) draws the complement of its Bernoulli operation, 1 with probability 1 - p; leave out --bernoulli-op for it";
