/** How the command line ends: exit codes, and one sentence for what went wrong. */
import { CommanderError } from "commander";
import { InputError, RunError } from "flipnet/internal/formats/errors";
import { oneLine, plainLines } from "../running/plain-text.ts";
import { colorsFor } from "./terminal.ts";

/** Exit code of a run that was interrupted and can be resumed: that of a process ended by SIGINT. */
export const interrupted = 130;

/** Prints an error on stderr; returns the exit code. */
export function exitCodeOf(error: unknown): number {
  // Commander has printed its own.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const { red } = colorsFor(process.stderr);
  // Any other error is a fault of the program's and shows its stack.
  const known = error instanceof InputError || error instanceof RunError;
  // The engine's own words for a host that gives no more.
  const noMemory = error instanceof RangeError && /\ballocat/.test(message);
  const said = noMemory
    ? `there is not enough memory: ${message}`
    : known
      ? oneLine(message)
      : plainLines(stack ?? message);
  process.stderr.write(`${red("error:")} ${said}\n`);
  return error instanceof InputError ? 2 : 1;
}

const closed = new AbortController();

/** Aborted when nobody reads stdout any more (`| head`). */
export const outputClosed: AbortSignal = closed.signal;

/** Makes a closed pipe a quiet end, and a stdout that cannot be written otherwise a failure. */
export function guardOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && !closed.signal.aborted) {
      process.stderr.write(`error: stdout cannot be written (${error.code ?? error.message})\n`);
      process.on("exit", () => {
        process.exitCode = 1;
      });
    }
    closed.abort();
  });
  // With stderr gone there is nobody left to tell.
  process.stderr.on("error", () => {});
}

/**
 * Aborted by SIGINT, SIGTERM, a closed terminal, a reader that is gone, a message of the parent, or its end. A second
 * signal ends at once.
 */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const abort = () => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, abort);
  if (process.send !== undefined) {
    process.once("disconnect", abort);
    process.once("message", abort);
    // The listeners alone would keep this process from ending.
    process.channel?.unref();
  }
  return AbortSignal.any([stop.signal, closed.signal]);
}

/** Runs that cannot be read, where others can: each is one sentence on stderr, and the end is that of a failure. */
export class Damage {
  exitCode = 0;

  /** Says that one is left out. */
  readonly note = (error: InputError): void => {
    this.exitCode = 1;
    const { yellow } = colorsFor(process.stderr);
    process.stderr.write(`${yellow("left out:")} ${oneLine(error.message)}\n`);
  };
}
