/**
 * `flipnet/node`: what touches the disk. Data files, and runs in their folders.
 */
export { type Config, parseConfig, readConfigFile } from "./config.ts";
export { type ImageSets, loadLabelledImages } from "./data.ts";
export { listRuns, type RunSummary, readRun, type StoredRun } from "./run-folder.ts";
export { type RunOptions, type RunResult, type RunStart, trainRun } from "./runs.ts";
export { StorageError } from "./storage.ts";
