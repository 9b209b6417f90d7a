// Runs the command line as it is built, in a process of its own.
import { type ChildProcess, fork, type SpawnOptions, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll } from "vitest";

export const main = resolve(import.meta.dirname, "../../dist/main.js");

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** What a child says and how it ends. */
export function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const outcome = { code: null as number | null, stdout: "", stderr: "" };
  child.stdout?.on("data", (text) => {
    outcome.stdout += text;
  });
  child.stderr?.on("data", (text) => {
    outcome.stderr += text;
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ ...outcome, code })));
}

export const start = (args: readonly string[], options: SpawnOptions = {}): ChildProcess =>
  spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"], ...options });

/** As the parent of a channel. */
export const startForked = (args: readonly string[]): ChildProcess => fork(main, args, { silent: true });

export const flipnet = (args: readonly string[], options: SpawnOptions = {}): Promise<Outcome> =>
  outcomeOf(start(args, options));

/** Lines of JSON. */
export const jsonLines = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** A new folder a call, gone after the file's tests. */
export function temporaryFolders(): (name: string) => string {
  const root = mkdtempSync(join(tmpdir(), "flipnet-cli-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  return (name) => mkdtempSync(join(root, `${name}-`));
}
