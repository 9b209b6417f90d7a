// Runs the command line as it is built.
import { type ChildProcess, fork, type SpawnOptions, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
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

/** In a process of its own, where that is what is tested: its end, its environment, what it has loaded. */
export const flipnetAlone = (args: readonly string[], options: SpawnOptions = {}): Promise<Outcome> =>
  outcomeOf(start(args, options));

/**
 * Called in a process that commands share, one after another: a start takes longer than most of them. It ends with this
 * one, whose pipe it reads.
 */
export function flipnet(args: readonly string[], { cwd }: { cwd?: string } = {}): Promise<Outcome> {
  host ??= startHost();
  return host({ args, cwd });
}

type Host = (call: { args: readonly string[]; cwd: string | undefined }) => Promise<Outcome>;
let host: Host | undefined;

function startHost(): Host {
  const script = resolve(import.meta.dirname, "host.mjs");
  const child = spawn(process.execPath, [script], { stdio: ["ignore", "ignore", "pipe", "pipe"] });
  const pipe = child.stdio[3] as Socket;
  const [stderr, answers] = [child.stderr as Socket, createInterface({ input: pipe })];
  for (const open of [child, pipe, stderr]) open.unref();
  let said = "";
  stderr.on("data", (text) => {
    said += text;
  });
  let waiting: { answer: (outcome: Outcome) => void; fail: (error: Error) => void }[] = [];
  answers.on("line", (line) => waiting.shift()?.answer(JSON.parse(line)));
  child.on("exit", (code) => {
    host = undefined;
    for (const { fail } of waiting) fail(new Error(`a command ended its process with ${code}: ${said}`));
    waiting = [];
  });
  return (call) =>
    new Promise((answer, fail) => {
      waiting.push({ answer, fail });
      pipe.write(`${JSON.stringify(call)}\n`);
    });
}

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
