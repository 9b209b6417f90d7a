/** Writing files so that a crash at any moment leaves the old one or the new one. */
import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
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

/**
 * Makes a folder and those it is in, so that they last. Node's own `recursive` never returns where a file system takes
 * no folders.
 */
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
  await syncFolder(dirname(path));
}

/** Whether an error says that a file is not there. */
export const isMissing = (error: unknown): boolean =>
  ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");

/**
 * Replaces a file as a whole: it is written under another name, flushed, and renamed. That name is new and cannot be
 * guessed: so two writers do not meet in it, and nobody can have put a link there that leads elsewhere.
 *
 * @param workshop the folder in which it is written, on the same file system; default: where the file is
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  workshop = dirname(path),
): Promise<void> {
  const temporary = join(workshop, `${leftover}${randomUUID()}`);
  try {
    const file = await open(temporary, "wx");
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

/** Opens a file to add to it; never one that a link of that name leads to. */
export function openToAppend(path: string): Promise<FileHandle> {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW = 0 } = constants;
  return open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o666);
}

/** Adds to a file as `openToAppend` opens it. */
export async function appendTo(path: string, text: string): Promise<void> {
  const file = await openToAppend(path);
  try {
    await file.appendFile(text);
  } finally {
    await file.close();
  }
}

/** How the names of files begin that are being written, or were when their process was killed. */
const leftover = ".flipnet-writing-";

/** Removes what killed processes left in a folder; only for who alone writes there. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.startsWith(leftover)) await rm(join(folder, name), { force: true }).catch(() => {});
  }
}

/** Says of a folder that it cannot be flushed, as some systems and file systems cannot: their own order has to do. */
const unflushable = ["EACCES", "EBADF", "EINVAL", "EISDIR", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EPERM"];

/** Makes names in a folder last: new files, renamed ones, folders. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    if (!unflushable.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
