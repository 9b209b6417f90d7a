/** Writing files so that a crash at any moment leaves the old one or the new one. */
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { InputError, RunError } from "flipnet/internal/formats/errors";

/** A write that failed on the disk's side: it is full, or broken. What was saved before is as it was. */
export class StorageError extends RunError {
  override name = "StorageError";
}

/** What is wrong with the place, not with the disk. */
const wrongPlace = [
  "EACCES",
  "EPERM",
  "EROFS",
  "ENOTDIR",
  "EISDIR",
  "EEXIST",
  "ENOENT",
  "ENAMETOOLONG",
  "ELOOP",
];

/**
 * Waits for a write to `path`.
 * @throws StorageError if the disk is full or fails
 * @throws InputError if nothing can be written there at all
 */
export async function writing<T>(path: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    if (wrongPlace.includes(code)) {
      throw new InputError(`${path} cannot be written (${code}); expected a place that can be`, {
        cause,
      });
    }
    const problem =
      code === "ENOSPC" || code === "EDQUOT"
        ? `the disk is full: ${path} cannot be written (${code})`
        : `${path} cannot be written (${message})`;
    throw new StorageError(`${problem}; what was saved before is as it was`, { cause });
  }
}

/** Makes a folder and those it is in. Node's own `recursive` never returns where a file system takes no folders. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path).catch((again: NodeJS.ErrnoException) => {
      if (again.code !== "EEXIST") throw again;
    });
  }
}

/** Whether an error says that a file is not there. */
export const isMissing = (error: unknown): boolean =>
  ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");

/** Replaces a file as a whole: it is written under another name, flushed, and renamed. */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, "w");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/** Makes a rename last. Not every system can: then the file system's own order has to do. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
