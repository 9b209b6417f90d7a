/**
 * An agent's log: a line of JSON for every decision and every reward. Lines are written by the side, whole or, when the
 * process dies in the middle, cut off: what is cut off is taken away when the log is opened again, and never read.
 */
import { createHash } from "node:crypto";
import { type FileHandle, open, readFile, rename, stat, unlink, writeFile } from "node:fs/promises";
import type { Agent, TimeOptions } from "../agent/agent.ts";
import type { Among, Decision } from "../agent/decisions.ts";
import type { LoggedDecision } from "../agent/off-policy.ts";
import { type AgentEvent, replayEvents } from "../agent/replay.ts";
import { InputError, RunError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";

/** How to log. */
export interface AgentLogOptions {
  /** A log that has grown beyond so many bytes is put aside as `log.jsonl.1`, `.2`, and so on; default 64 MiB. */
  maximumBytes?: number;
  /** What becomes of contexts: `"keep"` (default), `"hash"` (their SHA-256, so that like ones are known as such), `"omit"`. */
  contexts?: "keep" | "hash" | "omit";
}

/** What else was told of a decision, and when it was made. */
type LoggedOptions = Among & TimeOptions;

const optionNames: Names<AgentLogOptions> = { maximumBytes: 1, contexts: 1 };
const decisionNames: Names<LoggedOptions> = { allowed: 1, actions: 1, now: 1 };
const rewardNames: Names<TimeOptions> = { now: 1 };

/** A log that is open. */
export interface AgentLog {
  /** Writes down a decision. Does not wait. */
  decision(context: ArrayLike<number>, decision: Decision, options?: LoggedOptions): void;
  /** Writes down a reward. Does not wait. */
  reward(id: string, value: number, options?: TimeOptions): void;
  /** Once all that was written down is in the file. @throws RunError where it could not be written */
  flush(): Promise<void>;
  /** Flushes, and closes the file. */
  close(): Promise<void>;
}

/** Opens a log, at its end where there is one. Throws `InputError` for options that cannot be. */
export async function openAgentLog(path: string, options: AgentLogOptions = {}): Promise<AgentLog> {
  refuseUnknown("openAgentLog", optionNames, options);
  const { maximumBytes = 2 ** 26, contexts = "keep" } = options;
  if (!["keep", "hash", "omit"].includes(contexts)) {
    throw new InputError(`contexts is ${JSON.stringify(contexts)}; expected one of keep, hash, omit`);
  }
  if (!(maximumBytes > 0))
    throw new InputError(`maximumBytes is ${maximumBytes}; expected a positive number`);
  let file = await openWhole(path);
  let size = (await file.stat()).size;
  let lines = "";
  /** What went wrong: from then on nothing is written. */
  let failed: unknown;
  let writing: Promise<void> | undefined;

  /** Writes what has gathered, until nothing has. */
  async function drain(): Promise<void> {
    while (lines !== "") {
      const bytes = Buffer.from(lines);
      lines = "";
      if (size > 0 && size + bytes.length > maximumBytes) await rotate();
      await file.appendFile(bytes);
      size += bytes.length;
    }
  }

  async function rotate(): Promise<void> {
    await file.close();
    let number = 1;
    while (await exists(`${path}.${number}`)) number++;
    await rename(path, `${path}.${number}`);
    file = await open(path, "a");
    size = 0;
  }

  function add(record: AgentEvent): void {
    if (failed !== undefined) return;
    lines += `${JSON.stringify(record)}\n`;
    start();
  }

  /** Lines that come together are written together. */
  function start(): void {
    writing ??= Promise.resolve()
      .then(drain)
      .catch((error: unknown) => {
        failed = error;
        lines = "";
      })
      .then(() => {
        writing = undefined;
        if (lines !== "") start();
      });
  }

  async function flush(): Promise<void> {
    while (writing !== undefined) await writing;
    if (failed !== undefined) {
      throw new RunError(`${path} cannot be written (${(failed as Error).message})`);
    }
    await file.datasync();
  }

  return {
    decision(context, { id, action, probability, floor, version, step }, options = {}) {
      refuseUnknown("the log's decision", decisionNames, options);
      const { allowed, actions, now = Date.now() } = options;
      const seen = Array.from(context);
      const features = actions?.map((one) => Array.from(one));
      add({
        event: "decision",
        id,
        time: now,
        ...(contexts === "keep" && { context: seen, ...(features && { actions: features }) }),
        ...(contexts === "hash" && { contextHash: createHash("sha256").update(seen.join()).digest("hex") }),
        ...(allowed && { allowed }),
        action,
        probability,
        floor,
        version,
        step,
      });
    },
    reward(id, value, options = {}) {
      refuseUnknown("the log's reward", rewardNames, options);
      const { now = Date.now() } = options;
      add({ event: "reward", id, time: now, value });
    },
    flush,
    async close() {
      await flush();
      await file.close();
    },
  };
}

/** Opens a file to append to it, without a last line that is no whole one. */
async function openWhole(path: string): Promise<FileHandle> {
  const file = await open(path, "a+");
  const text = await file.readFile();
  const end = text.lastIndexOf(10) + 1;
  if (end < text.length) await file.truncate(end);
  return file;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** A decision that was logged, and what it earned: the sum of its rewards; undefined where none has come. */
export interface LogEntry extends Omit<LoggedDecision, "reward"> {
  readonly id: string;
  readonly time: number;
  readonly floor: number;
  readonly version: number;
  readonly step: number;
  readonly reward: number | undefined;
}

/**
 * The decisions of a log's files, oldest first, with their rewards; a line that was cut off at an end is left out. Rewards of
 * decisions that are in none of the files are left out too.
 *
 * @throws InputError for a line that is no event
 */
export async function readAgentLog(paths: string | readonly string[]): Promise<LogEntry[]> {
  const entries = new Map<string, { -readonly [K in keyof LogEntry]: LogEntry[K] }>();
  for (const path of [paths].flat()) {
    for (const [n, line] of (await linesOf(path)).entries()) {
      const event = parse(line, `${path}:${n + 1}`);
      if (event.event === "decision") {
        const { event: _, ...entry } = event;
        entries.set(entry.id, { ...entry, reward: undefined } as LogEntry);
      } else {
        const entry = entries.get(event.id);
        if (entry !== undefined) entry.reward = (entry.reward ?? 0) + event.value;
      }
    }
  }
  return [...entries.values()];
}

/**
 * `replayEvents` of a log's files, oldest first.
 *
 * @returns how many decisions and rewards were made good
 * @throws InputError for a log that is not this agent's
 */
export async function replayAgentLog(
  agent: Agent,
  paths: string | readonly string[],
): Promise<{ decisions: number; rewards: number }> {
  const made = { decisions: 0, rewards: 0 };
  for (const path of [paths].flat()) {
    const events = (await linesOf(path)).map((line, n) => parse(line, `${path}:${n + 1}`));
    const { decisions, rewards } = replayEvents(agent, events);
    made.decisions += decisions;
    made.rewards += rewards;
  }
  return made;
}

/** Takes events out of a log's files, by their ids. Not while it is open. Gives how many lines went. */
export async function deleteEvents(
  paths: string | readonly string[],
  ids: Iterable<string>,
): Promise<number> {
  const gone = new Set(ids);
  let count = 0;
  for (const path of [paths].flat()) {
    const lines = await linesOf(path);
    const left = lines.filter((line, n) => !gone.has(parse(line, `${path}:${n + 1}`).id));
    if (left.length === lines.length) continue;
    count += lines.length - left.length;
    const fresh = `${path}.${process.pid}.new`;
    try {
      await writeFile(fresh, left.map((line) => `${line}\n`).join(""), { flag: "wx" });
      await rename(fresh, path);
    } catch (error) {
      await unlink(fresh).catch(() => {});
      throw error;
    }
  }
  return count;
}

async function linesOf(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new InputError(`${path} cannot be read (${error.code}); expected the log of an agent`);
  });
  return text.split("\n").slice(0, -1);
}

function parse(line: string, where: string): AgentEvent {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    event = undefined;
  }
  const { event: kind, id, value, action, probability } = (event ?? {}) as Record<string, unknown>;
  const isDecision = kind === "decision" && typeof action === "number" && typeof probability === "number";
  if (typeof id !== "string" || !(isDecision || (kind === "reward" && typeof value === "number"))) {
    throw new InputError(`${where} is no event of an agent's log; expected a decision or a reward in JSON`);
  }
  return event as AgentEvent;
}
