/** A connection to Redis: its address, what may be wrong with it, in words without the password, and what it is set to. */

import { InputError, RunError } from "flipnet/internal/formats/errors";
import type { Redis, RedisOptions } from "ioredis";
import { oneLine } from "../running/plain-text.ts";

/** Where a Redis is. */
export interface RedisAddress {
  options: RedisOptions;
  /** For people: no user, no password. */
  name: string;
}

const expected =
  "expected redis://[[user]:password@]host[:port][/database], rediss:// for TLS, or unix:///path; " +
  "in a password, / is %2F, # is %23, ? is %3F, @ is %40 and % is %25";

/**
 * Reads an address such as `rediss://:password@host:6379/0`.
 *
 * @param what where it stands, for messages
 * @throws InputError that does not show the address, for it may hold a password
 */
export function parseRedisUrl(text: string, what: string): RedisAddress {
  const fail = (why: string): never => {
    throw new InputError(`${what} is no address of a Redis (${why}); ${expected}`);
  };
  if (!URL.canParse(text)) return fail("it cannot be read");
  const url = new URL(text);
  const protocols = ["redis:", "rediss:", "unix:"];
  if (!protocols.includes(url.protocol)) return fail("it does not begin with redis://, rediss:// or unix://");
  if (url.search !== "" || url.hash !== "") return fail("it goes on after the database");

  let [username, password, path] = ["", "", ""];
  try {
    [username, password, path] = [url.username, url.password, url.pathname].map(decodeURIComponent);
  } catch {
    return fail("a % in it is followed by no two hex digits");
  }
  if (url.protocol === "unix:") {
    if (url.hostname !== "" || path.length < 2) return fail("it has no path");
    return { options: { path }, name: `unix://${path}` };
  }
  const [, db] = /^\/?(\d*)$/.exec(path) ?? fail("the database is no number");
  // IPv6 stands in brackets.
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (host === "") return fail("it has no host");
  const port = url.port === "" ? 6379 : Number(url.port);
  return {
    options: {
      ...(username && { username }),
      ...(password && { password }),
      host,
      port,
      ...(db && { db: Number(db) }),
      ...(url.protocol === "rediss:" && { tls: {} }),
    },
    name: `${url.protocol}//${url.hostname}:${port}${db ? `/${db}` : ""}`,
  };
}

/** Milliseconds within which a Redis that is to be used has to answer. */
const patience = 10_000;

/** Imports one of the packages that only queues need. @throws InputError if it is not installed */
export async function importOptional<M>(load: () => Promise<M>): Promise<M> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new InputError(
      "sweeps beyond this machine need two packages that are not installed: run `npm install bullmq@6 ioredis@5`",
      { cause },
    );
  }
}

/**
 * Connects to a Redis that can be used. The connection comes back after every interruption, whatever time it takes, and
 * what was asked for meanwhile is done then; `onNote` hears of interruptions, and of settings with which jobs may be
 * lost.
 *
 * @throws InputError for a password or user that is wrong, and for a version that is too old
 * @throws RunError if nobody answers within seconds
 */
export async function connectRedis(
  { options, name }: RedisAddress,
  onNote: (note: string) => void,
): Promise<Redis> {
  const { Redis } = await importOptional(() => import("ioredis"));
  await inspect(new Redis({ ...options, ...once }), options, name, onNote);
  // BullMQ wants commands that wait for as long as it takes.
  const redis = new Redis({ ...options, maxRetriesPerRequest: null, retryStrategy: pause });
  let away = false;
  redis.on("error", (error) => {
    if (!away) onNote(`lost the connection to ${name} (${wordsOf(error, options)}); trying again`);
    away = true;
  });
  redis.on("close", () => {
    if (!away && redis.status !== "end") onNote(`lost the connection to ${name}; trying again`);
    away = true;
  });
  redis.on("ready", () => {
    if (away) onNote(`connected to ${name} again`);
    away = false;
  });
  return redis;
}

/** Options of a connection that fails where it fails. */
const once: RedisOptions = {
  lazyConnect: true,
  retryStrategy: () => null,
  connectTimeout: patience,
  maxRetriesPerRequest: 0,
};

/** Milliseconds before the next attempt. */
const pause = (attempts: number) => Math.min(attempts * 100, 2000);

/** Looks whether a Redis can be used, and what it is set to. */
async function inspect(
  redis: Redis,
  options: RedisOptions,
  name: string,
  onNote: (note: string) => void,
): Promise<void> {
  // What `connect` rejects with says less.
  let reason: Error | undefined;
  redis.on("error", (error) => {
    reason ??= error;
  });
  const timer = setTimeout(() => {
    reason ??= new Error("no answer");
    redis.disconnect();
  }, patience);
  try {
    await redis.connect();
    const about = await redis.info();
    const fieldOf = (key: string) => new RegExp(`^${key}:(.*?)\\r?$`, "m").exec(about)?.[1] ?? "";
    const version = fieldOf("redis_version");
    const [major, minor] = version.split(".").map(Number);
    if (major < 6 || (major === 6 && minor < 2)) {
      throw new InputError(`the Redis at ${name} has version ${version}; expected 6.2 or later`);
    }
    const policy = fieldOf("maxmemory_policy");
    if (policy !== "" && policy !== "noeviction") {
      onNote(
        `warning: the Redis at ${name} may throw runs away when its memory is full: ` +
          `its maxmemory-policy is ${policy}, expected noeviction`,
      );
    }
    // Not everybody may ask for that.
    const saves = await redis.config("GET", "save").catch(() => undefined);
    if (fieldOf("aof_enabled") === "0" && Array.isArray(saves) && saves[1] === "") {
      onNote(
        `warning: the Redis at ${name} keeps nothing on disk, and a restart of it loses all that it has of runs: ` +
          "set appendonly to yes",
      );
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw cannotBeUsed(reason ?? (error as Error), options, name);
  } finally {
    clearTimeout(timer);
    // It would hold up the process where there is nothing to disconnect from.
    if (redis.status !== "end") redis.disconnect();
  }
}

/** No `cause`: errors of ioredis hold the commands that they come from, and so the password. */
function cannotBeUsed(error: Error, options: RedisOptions, name: string): Error {
  const { message } = error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (/^NOAUTH/.test(message))
    return new InputError(`the Redis at ${name} wants a password, and there is none`);
  if (/^WRONGPASS|invalid password/.test(message)) {
    return new InputError(`the Redis at ${name} does not take this user and password`);
  }
  if (/^NOPERM/.test(message)) {
    return new InputError(`the user may not do at ${name} what runs need: ${wordsOf(error, options)}`);
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO|ISSUER|^ERR_(TLS|SSL)/.test(code)) {
    return new InputError(
      `the Redis at ${name} has no certificate to trust (${code}); NODE_EXTRA_CA_CERTS names a file with that of its authority`,
    );
  }
  return new RunError(`the Redis at ${name} cannot be reached (${wordsOf(error, options)})`);
}

/** What Redis refuses, in words; any other error as it is. */
export function refusalOf(error: unknown, name: string): unknown {
  const { name: kind, message, previousErrors } = error as Error & { previousErrors?: Error[] };
  if (kind !== "ReplyError") return error;
  // Of a transaction that was refused, what was refused in it.
  const reason = previousErrors?.[0]?.message ?? message;
  const hint = /^(CROSSSLOT|MOVED|ASK)\b/.test(reason) ? "; expected one Redis, not a cluster" : "";
  return new RunError(`the Redis at ${name} refuses: ${oneLine(reason)}${hint}`);
}

/** What an error says, without the password. */
export function wordsOf(error: Error, { password }: RedisOptions): string {
  const code = (error as NodeJS.ErrnoException).code;
  const words = code ?? error.message;
  return password ? words.replaceAll(password, "***") : words;
}
