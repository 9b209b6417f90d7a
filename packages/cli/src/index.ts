/** `@flipnet/cli`: runs in their folders, pictures and reports of what they learned, and exports. */

export { type ExportOptions, type ExportResult, exportRuns } from "./export/export.ts";
export { nameRuns, type RunNames } from "./report/methods.ts";
export { type ReportedRun, type ReportOptions, writeReport } from "./report/report.ts";
export {
  findRuns,
  listRuns,
  type RunEnvironment,
  type RunSummary,
  readRun,
  type StoredRun,
} from "./running/run-folder.ts";
export { type RunOptions, type RunResult, type RunStart, trainRun } from "./running/runs.ts";
export { StorageError } from "./running/storage.ts";
export { type Row, type Section, type Sheet, sheetPng, sheetSvg } from "./samples/contact-sheet.ts";
export { type SampleOptions, sampleRun } from "./samples/samples.ts";
export { type Config, parseConfig, readConfigFile } from "./settings/config.ts";
