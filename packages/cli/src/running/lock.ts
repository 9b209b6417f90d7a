/** A lock on a run folder: one process writes, and a process that is gone holds nothing. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import { writing } from "./storage.ts";

interface Holder {
  pid: number;
  host: string;
  /** Tells the process from a later one with the same number; where the system says it. */
  started?: string | undefined;
  id: string;
}

/**
 * Locks a folder and returns what unlocks it.
 * @throws InputError naming who holds it
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, "lock");
  const me: Holder = {
    pid: process.pid,
    host: hostname(),
    started: processState(process.pid)?.started,
    id: randomUUID(),
  };
  const text = JSON.stringify(me);
  // A hard link makes the lock and what it says in one step.
  const mine = `${path}.${me.id}`;
  try {
    await writing(mine, writeFile(mine, text));
    while (!(await linked(mine, path))) await takeOver(path, mine);
  } finally {
    await rm(mine, { force: true });
  }
  return async () => {
    if ((await contentOf(path)) === text) await rm(path, { force: true });
  };
}

/** Removes the lock of a process that is gone. */
async function takeOver(path: string, mine: string): Promise<void> {
  const text = await contentOf(path);
  if (text === undefined) return;
  const holder = parse(text);
  if (holder === undefined)
    throw new InputError(`${path} is no lock of flipnet's; delete it if nothing writes there`);
  if (holder.host !== hostname() || isAlive(holder)) {
    throw new InputError(
      `another process is writing this run (process ${holder.pid} on ${holder.host}); ` +
        `wait for it, or delete ${path} if it is gone`,
    );
  }
  // Two may find the same stale lock. The claim decides which of them removes it, and while one holds the claim
  // nobody else can: so what was just read again is what is removed.
  const claim = `${path}.stale-${holder.id}`;
  if (!(await linked(mine, claim))) {
    throw new InputError(`another process has just begun to write this run; delete ${claim} if it is gone`);
  }
  try {
    if ((await contentOf(path)) === text) await rm(path, { force: true });
  } finally {
    await rm(claim, { force: true });
  }
}

/** Whether `path` could be made; false where it exists. */
async function linked(from: string, path: string): Promise<boolean> {
  try {
    await link(from, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    return writing(path, Promise.reject(error));
  }
}

const contentOf = (path: string) =>
  readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });

function parse(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text);
    return Number.isInteger(holder.pid) && typeof holder.host === "string" ? holder : undefined;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const now = processState(pid);
  if (now === undefined || started === undefined) return true;
  return now.started === started && !"ZX".includes(now.state);
}

/** What Linux says of a process: its state (a letter; Z and X are dead) and when it started, in ticks. */
function processState(pid: number): { state: string; started: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is a name in parentheses, which may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0], started: fields[19] };
  } catch {
    return undefined;
  }
}
