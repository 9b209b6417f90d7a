/**
 * The one rule for what may be overwritten, for everything that is written where a user says: nothing of a user's is
 * replaced unasked. A file that is there is replaced if it was made by flipnet and its name is flipnet's own choice, or
 * with `--force`; a file of a run never is.
 */
import { open, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import { runFiles, textOf } from "./run-folder.ts";
import { isMissing, makeFolder, replaceFile, writing } from "./storage.ts";

/** A file to write. */
export interface Output {
  path: string;
  content: string | Uint8Array;
}

/** What is known of a file that is to be written. */
export interface Place {
  path: string;
  /** What stands near the beginning or the end of such a file of flipnet's; undefined where the user chose the name. */
  mark?: string | undefined;
}

/** Looks whether a file may be written. @throws InputError where that would replace what is not to be replaced */
export async function checkPlace({ path, mark }: Place, force = false): Promise<void> {
  if (path === "-")
    throw new InputError("the output is -; expected the name of a file, ./- for one of that name");
  if (await isOfRun(path)) {
    throw new InputError(`${path} is a file of the run itself; expected another name`);
  }
  const there = await stat(path).catch(() => undefined);
  if (there === undefined) return;
  if (there.isDirectory()) throw new InputError(`${path} is a folder; expected the name of a file`);
  if (force || (mark !== undefined && (await endsOf(path)).includes(mark))) return;
  const whose = mark === undefined ? "" : ", and not by flipnet";
  throw new InputError(`${path} is there already${whose}; expected another name, or --force to replace it`);
}

/** Writes files, for all of which `checkPlace` was asked; each is there whole, or as it was before. */
export async function writeOutputs(outputs: readonly Output[]): Promise<void> {
  for (const { path, content } of outputs) {
    await writing(path, makeFolder(dirname(path)));
    await writing(path, replaceFile(path, content));
  }
}

/** Whether a path is that of a file in a run folder that belongs to the run. */
async function isOfRun(path: string): Promise<boolean> {
  const parent = await realpath(dirname(path)).catch(() => resolve(dirname(path)));
  const full = join(parent, basename(path));
  for (const folder of [parent, dirname(parent)]) {
    const { checkpoints, ...files } = runFiles(folder);
    const own = [...Object.values(files), join(folder, "lock"), join(folder, "log.txt")];
    if (own.includes(full) && (await textOf(files.environment)) !== undefined) return true;
  }
  return false;
}

/** The first and the last bytes of a file, one character each. */
async function endsOf(path: string): Promise<string> {
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    if (isMissing(cause)) return undefined;
    throw new InputError(`${path} cannot be read (${cause.code})`, { cause });
  });
  if (file === undefined) return "";
  try {
    const { size } = await file.stat();
    const part = (from: number) => file.read(Buffer.alloc(4096), 0, 4096, Math.max(0, from));
    const parts = [await part(0), await part(size - 4096)];
    return parts.map(({ buffer, bytesRead }) => buffer.toString("latin1", 0, bytesRead)).join("\n");
  } finally {
    await file.close();
  }
}
