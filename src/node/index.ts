/**
 * `flipnet/node`: what touches the disk. Data files, runs in their folders, pictures and reports of what they learned,
 * and exports.
 */

export { type Config, parseConfig, readConfigFile } from "./config.ts";
export { type Row, type Section, type Sheet, sheetPng, sheetSvg } from "./contact-sheet.ts";
export { type ImageSets, loadLabelledImages } from "./data.ts";
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
} from "./run-folder.ts";
export { type RunOptions, type RunResult, type RunStart, trainRun } from "./runs.ts";
export { type SampleOptions, sampleRun } from "./samples.ts";
export { StorageError } from "./storage.ts";
