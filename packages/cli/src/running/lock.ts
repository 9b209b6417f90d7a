/**
 * A lock on a folder: one process writes, and a process that is gone holds nothing.
 *
 * Whether a process on this machine is gone, the system says. Of any other, such as one in another container or on
 * another machine, only its beats are known: while it holds a lock it writes it anew every few seconds.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { link, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { InputError, RunError } from "flipnet/internal/formats/errors";
import { isWhole } from "flipnet/internal/formats/whole";
import { isMissing, writing } from "./storage.ts";

interface Holder {
  pid: number;
  host: string;
  /** Tells the process from a later one with the same number; where the system says it. */
  started?: string | undefined;
  /** Where process numbers mean the same: since this boot, in this namespace of processes; where the system says it. */
  world?: string | undefined;
  /** Whether it beats: locks of flipnet 0.1 do not. */
  beats?: boolean;
  id: string;
}

/** A lock that is held. */
export interface Lock {
  /** @throws RunError if somebody else took it over: this process stood still for too long */
  check(): Promise<void>;
  release(): Promise<void>;
}

/** Milliseconds between two beats, and after how many without one a holder is gone. */
const beat = 5000;
const gone = 60_000;

/**
 * Locks a folder.
 *
 * @param what is written there, for messages
 * @throws InputError naming who holds it
 */
export async function lockFolder(folder: string, what = "this run"): Promise<Lock> {
  const path = join(folder, "lock");
  const me: Holder = {
    pid: process.pid,
    host: hostname(),
    started: processState(process.pid)?.started,
    world: processWorld(),
    beats: true,
    id: randomUUID(),
  };
  const text = JSON.stringify(me);
  // A hard link makes the lock and what it says in one step.
  const mine = `${path}.${me.id}`;
  try {
    await writing(mine, writeFile(mine, text, { flag: "wx" }));
    while (!(await made(path, mine, text))) await takeOver(path, mine, text, what);
  } finally {
    await rm(mine, { force: true });
  }
  const isMine = async () => (await contentOf(path)) === text;
  const beating = setInterval(async () => {
    if (await isMine().catch(() => false)) await touch(path, text).catch(() => {});
  }, beat).unref();
  return {
    async check() {
      if (await isMine()) return;
      throw new RunError(`another process has taken over ${folder}, as this one stood still for too long`);
    },
    async release() {
      clearInterval(beating);
      if (await isMine()) await rm(path, { force: true });
    },
  };
}

/** Writes a lock anew as it is. Its time is then the file system's, whatever the clock of this machine says. */
async function touch(path: string, text: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.write(text, 0);
  } finally {
    await file.close();
  }
}

/** Removes the lock of a process that is gone. */
async function takeOver(path: string, mine: string, text: string, what: string): Promise<void> {
  const found = await contentOf(path);
  if (found === undefined) return;
  if (!(await isGone(path, found, mine))) {
    const { pid, host } = parse(found) ?? { pid: "unknown", host: "an unknown host" };
    throw new InputError(
      `another process is writing ${what} (process ${pid} on ${host}); ` +
        `wait for it, or delete ${path} if it is gone`,
    );
  }
  // Several may find the same lock of one that is gone. The claim decides which of them removes it, and while one holds
  // the claim nobody else can: so what was just read again is what is removed.
  const claim = `${path}.stale-${parse(found)?.id ?? "unknown"}`;
  if (!(await made(claim, mine, text))) {
    const claimed = await contentOf(claim);
    if (claimed !== undefined && (await isGone(claim, claimed, mine))) {
      await rm(claim, { force: true });
      return;
    }
    if (claimed === undefined) return;
    throw new InputError(`another process has just begun to write ${what}; delete ${claim} if it is gone`);
  }
  try {
    if ((await contentOf(path)) === found) await rm(path, { force: true });
  } finally {
    await rm(claim, { force: true });
  }
}

/** Makes a file that says who made it, in one step where the file system has hard links; false where it exists. */
async function made(path: string, mine: string, text: string): Promise<boolean> {
  const isNew = (error: NodeJS.ErrnoException) => {
    if (error.code === "EEXIST") return false;
    throw error;
  };
  const withoutLinks = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL", "EMLINK", "EXDEV"];
  return writing(
    path,
    link(mine, path)
      .then(() => true)
      .catch((error: NodeJS.ErrnoException) => {
        if (!withoutLinks.includes(error.code ?? "")) return isNew(error);
        return writeFile(path, text, { flag: "wx" }).then(() => true, isNew);
      }),
  );
}

/** Whether who made a file is gone. @throws InputError for a file that no lock of flipnet's is */
async function isGone(path: string, text: string, mine: string): Promise<boolean> {
  const holder = parse(text);
  // One without content is just being made, or was when its process was killed.
  if (holder === undefined && text !== "") {
    throw new InputError(`${path} is no lock of flipnet's; delete it if nothing writes there`);
  }
  const isHere = holder?.host === hostname() && (holder.world ?? processWorld()) === processWorld();
  if (holder !== undefined && isHere) return !isAlive(holder);
  if (holder !== undefined && !holder.beats) return false;
  try {
    // Both times are of one clock.
    await touch(mine, await readFile(mine, "utf8"));
    return (await stat(mine)).mtimeMs - (await stat(path)).mtimeMs > gone;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
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
    return isWhole(holder.pid, 0) && typeof holder.host === "string" && /^[\w-]{1,64}$/.test(holder.id)
      ? holder
      : undefined;
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

/** Where process numbers mean what they mean here, as Linux says it: containers on one host may share its name. */
function processWorld(): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined;
  }
}
