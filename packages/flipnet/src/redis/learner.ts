/**
 * The process that learns: it reads the stream in its order. Its agent and its position in the stream are published
 * together, in one command: whoever goes on from there, after whatever kill, counts every event once. There may be several
 * such processes; one of them learns, as long as it renews its lease.
 */
import { type Agent, createAgent } from "../agent/agent.ts";
import { loadAgent } from "../agent/load.ts";
import type { AgentOptions } from "../agent/settings.ts";
import type { ImmediateBackend } from "../backend/backend.ts";
import { InputError, RunError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { decode } from "../formats/safetensors.ts";
import { applyEntry, type Entry } from "./events.ts";
import { checkName, keysOf, pause, type RedisClient, senderOf, toBytes, toText } from "./port.ts";
import { withoutDecisions } from "./snapshot.ts";

/** How to learn. */
export interface LearnerOptions {
  /** Of the agent: actors are given the same. */
  name: string;
  /** The agent; its rewards are `"first"`. */
  agent: AgentOptions;
  /** Weights are published after so many rewards; default 100. */
  publishEvery?: number;
  /** And when there is nothing to do, at most every so many milliseconds; default 1000. */
  publishAfter?: number;
  /** Milliseconds after which another process may learn in the place of one that was killed; default 10,000. */
  lease?: number;
  /** Milliseconds between two looks into a stream that is empty; default 20. */
  pollEvery?: number;
  /** Whether what was learned from stays in the stream; default: no. */
  keepEvents?: boolean;
  /** Default the wasm backend. */
  backend?: ImmediateBackend;
  /** Ends it, after a last publication. */
  signal?: AbortSignal;
  /** Hears of every publication. */
  onPublish?: (published: Published) => void;
  /** Hears of errors of the client: after a pause it is tried again. */
  onError?: (error: unknown) => void;
}

const optionNames: Names<LearnerOptions> = {
  name: 1,
  agent: 1,
  publishEvery: 1,
  publishAfter: 1,
  lease: 1,
  pollEvery: 1,
  keepEvents: 1,
  backend: 1,
  signal: 1,
  onPublish: 1,
  onError: 1,
};

/** What was published. */
export interface Published {
  /** Rewards that the weights have learned from. */
  readonly version: number;
  /** Decisions that wait. */
  readonly pending: number;
  /** The id of the last entry of the stream that was read. */
  readonly position: string;
  /** Entries since this process began to learn in which nothing happened: they were there twice, came too late, or are no events. */
  readonly ignored: number;
}

const batch = 500;

// Only who has the lease publishes.
const publishScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[2], 'state', ARGV[3], 'weights', ARGV[4], 'version', ARGV[5], 'position', ARGV[6])
if ARGV[7] == 'trim' then redis.call('XTRIM', KEYS[3], 'MINID', ARGV[6]) end
return 1`;
const takeScript = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;
const renewScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;
const releaseScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/**
 * Learns from what actors decided and what it earned, until the signal. Errors of the client are no end: it begins again from
 * what was published last.
 *
 * @throws InputError for options that cannot be, or an agent under this name that has others
 * @throws RunError where the agent cannot go on: its weights are not finite
 */
export async function runLearner(client: RedisClient, options: LearnerOptions): Promise<void> {
  refuseUnknown("runLearner", optionNames, options);
  const { name, agent: described, publishEvery = 100, publishAfter = 1000, lease = 10_000 } = options;
  const { pollEvery = 20, keepEvents = false, signal, onPublish, onError } = options;
  checkName(name);
  for (const [key, value] of Object.entries({ publishEvery, publishAfter, lease, pollEvery })) {
    if (!(value > 0)) throw new InputError(`${key} is ${value}; expected a number above 0`);
  }
  if (described.rewards === "sum") {
    throw new InputError('rewards is "sum"; expected "first": an entry may be in the stream twice');
  }
  const send = senderOf(client);
  const keys = keysOf(name);
  const token = crypto.randomUUID();
  const fresh = await createAgent(described, options.backend);
  const first = await fresh.save();

  /** What was published last, or the beginning. */
  async function load(): Promise<{ agent: Agent; position: string | undefined }> {
    const [state, position] = (await send("HMGET", keys.snapshot, "state", "position")) as (string | null)[];
    const bytes = typeof state === "string" ? toBytes(state) : first;
    const [found, expected] = [bytes, first].map((one) => decode(one, "the agent").metadata.agent);
    if (found !== expected) {
      throw new InputError(`the agent "${name}" has the settings ${found}; expected ${expected}`);
    }
    const agent = await loadAgent(bytes, described.optimizer, options.backend);
    return { agent, position: position ?? undefined };
  }

  /** Learns, until the signal or until somebody else has the lease. */
  async function learn(): Promise<void> {
    const { agent, position: last } = await load();
    let position = last ?? "0-0";
    let published = { position: last, version: agent.version, time: 0 };
    let renewed = Date.now();
    let ignored = 0;

    async function publish(): Promise<boolean> {
      const bytes = await agent.save();
      const weights = toText(withoutDecisions(bytes));
      const values = [toText(bytes), weights, `${agent.version}`, position, keepEvents ? "keep" : "trim"];
      const all = ["3", keys.lease, keys.snapshot, keys.events, token, `${lease}`, ...values];
      if ((await send("EVAL", publishScript, ...all)) !== 1) return false;
      const now = Date.now();
      published = { position, version: agent.version, time: now };
      renewed = now;
      onPublish?.({ version: agent.version, pending: agent.pending, position, ignored });
      return true;
    }

    if (last === undefined && !(await publish())) return;
    while (!signal?.aborted) {
      const entries = await send("XRANGE", keys.events, `(${position}`, "+", "COUNT", `${batch}`);
      for (const entry of entries as Entry[]) {
        if (!applyEntry(agent, entry)) ignored++;
        [position] = entry;
        if (agent.version - published.version >= publishEvery && !(await publish())) return;
      }
      const idle = (entries as Entry[]).length === 0;
      const now = Date.now();
      if (position !== published.position && (idle || now - published.time > lease / 3)) {
        if (now - published.time >= Math.min(publishAfter, lease / 3) && !(await publish())) return;
      } else if (now - renewed > lease / 3) {
        if ((await send("EVAL", renewScript, "1", keys.lease, token, `${lease}`)) !== 1) return;
        renewed = now;
      }
      if (idle) await pause(pollEvery, signal);
    }
    if (position !== published.position) await publish();
    await send("EVAL", releaseScript, "1", keys.lease, token);
  }

  while (!signal?.aborted) {
    try {
      if ((await send("EVAL", takeScript, "1", keys.lease, token, `${lease}`)) === 1) await learn();
      else await pause(lease / 4, signal);
    } catch (error) {
      if (error instanceof InputError || error instanceof RunError) throw error;
      onError?.(error);
      await pause(Math.min(1000, lease / 4), signal);
    }
  }
}
