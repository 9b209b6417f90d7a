/** Files of the user's that a setting names: `./mine.mjs`. Each is read once: the module that has been loaded is the one that is used. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { InputError } from "flipnet/internal/formats/errors";

/** Whether a name is a file's. */
export const isFile = (name: string): boolean => /[\\/]|\.[cm]?[jt]s$/.test(name);

/** What is looked for in a file. */
export interface Wanted {
  /** `estimator` */
  readonly what: string;
  /** `one that defineEstimator has made` */
  readonly made: string;
  fits(value: unknown): boolean;
}

const require = createRequire(import.meta.url);
const files = new Map<string, { value: unknown; digest: string }>();

/**
 * The default export of a file, or the only one that fits, with the file's SHA-256 in hex.
 *
 * @throws InputError for a file that cannot be loaded, or exports none
 */
export function loadModule(path: string, { what, made, fits }: Wanted): { value: unknown; digest: string } {
  const found = files.get(path);
  if (found !== undefined) return found;
  try {
    const digest = createHash("sha256").update(readFileSync(path)).digest("hex");
    const exported: Record<string, unknown> = require(path);
    const fitting = Object.entries(exported).filter(([, value]) => fits(value));
    const chosen =
      fitting.find(([name]) => name === "default") ?? (fitting.length === 1 ? fitting[0] : undefined);
    if (chosen === undefined) {
      const names = fitting.length === 0 ? "none" : fitting.map(([name]) => name).join(", ");
      throw new InputError(
        `the ${what} file ${path} exports ${names} of ${what}s; expected a default export, or ${made}`,
      );
    }
    const loaded = { value: chosen[1], digest };
    files.set(path, loaded);
    return loaded;
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    const [first] = code === "ENOENT" ? [code] : message.split("\n");
    const reason = /Cannot find package 'flipnet'/.test(first)
      ? `${first}: npm install flipnet there`
      : first;
    throw new InputError(`the ${what} file ${path} cannot be loaded (${reason})`, { cause });
  }
}

/** Whoever goes on with a run must have the file that it began with. @throws InputError where it is another */
export function checkDigest(what: string, path: string, digest: string | undefined, expected: unknown): void {
  if (digest === undefined || expected === undefined || digest === expected) return;
  throw new InputError(
    `the ${what} file of ${path} has changed: its SHA-256 is ${digest}; expected ${expected}, with which the run began`,
  );
}
