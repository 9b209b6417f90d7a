/** Runs in the formats of other programs. A format is one exporter, and one line in `exporters`. */
import { InputError } from "flipnet/internal/formats/errors";
import { suggestion } from "flipnet/internal/formats/nearest";
import { checkPlace, writeOutputs } from "../running/places.ts";
import { findRuns, type StoredRun } from "../running/run-folder.ts";
import { flagOf } from "../settings/flag.ts";
import type { Exporter, ExporterOptions } from "./exporter.ts";
import { onnxExporter } from "./onnx.ts";
import { safetensorsExporter } from "./safetensors.ts";
import { csvExporter, parquetExporter } from "./table.ts";
import { tensorboardExporter } from "./tensorboard.ts";

const exporters: Record<string, Exporter> = {
  csv: csvExporter,
  parquet: parquetExporter,
  tensorboard: tensorboardExporter,
  safetensors: safetensorsExporter,
  onnx: onnxExporter,
};

/** What to make of runs, and where. */
export interface ExportOptions extends ExporterOptions {
  /** One of `csv`, `parquet`, `tensorboard`, `safetensors`, `onnx`. */
  format: string;
  /** The file to write, a folder for `tensorboard`; default: in the run's folder, by a name of the format's. */
  out?: string;
  /** Replace files that are there, whoever made them. */
  force?: boolean;
  /** Hears of runs that are corrupt, which are then left out; without it they are refused. */
  onDamage?: (error: InputError) => void;
}

/** What was written. */
export interface ExportResult {
  /** Paths of the files. */
  files: string[];
  runs: StoredRun[];
}

/**
 * Writes runs in another format. Each file is there whole or as it was before.
 *
 * @param folders of runs, or that runs are in
 * @throws InputError for a format that is unknown, a folder without a run, more runs or other options than the format
 * takes, a run without what the format needs, a file that is there already or a place where nothing can be written
 */
export async function exportRuns(
  folders: readonly string[],
  { format, out, force = false, onDamage, ...options }: ExportOptions,
): Promise<ExportResult> {
  const exporter = Object.hasOwn(exporters, format) ? exporters[format] : undefined;
  if (exporter === undefined) {
    throw new InputError(`the format is "${format}"; ${suggestion(format, Object.keys(exporters))}`);
  }
  for (const option of Object.keys(options) as (keyof ExporterOptions)[]) {
    if (options[option] !== undefined && !exporter.options.includes(option)) {
      const those = Object.keys(exporters).filter((name) => exporters[name].options.includes(option));
      throw new InputError(`${flagOf(option)} is of the format ${those.join(", ")}; the format is ${format}`);
    }
  }
  const runs = await findRuns(folders, onDamage);
  if (!exporter.several && runs.length > 1) {
    throw new InputError(`${format} takes one run; ${runs.length} were given`);
  }

  const source = folders.length === 1 ? folders[0] : undefined;
  const files = await exporter.files(runs, { ...options, source, out });
  for (const { path } of files) {
    await checkPlace({ path, mark: path === out ? undefined : exporter.mark }, force);
  }
  await writeOutputs(files);
  return { files: files.map(({ path }) => path), runs };
}
