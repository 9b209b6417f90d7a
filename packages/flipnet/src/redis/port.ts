/** What is needed of a client of Redis: that it sends a command. */
import { InputError } from "../formats/errors.ts";

/** A client that is connected: of the package `redis` (node-redis) or of `ioredis`. */
export type RedisClient =
  | { call(command: string, ...args: string[]): Promise<unknown> }
  | { sendCommand(args: string[]): Promise<unknown> };

/** Sends a command, and gives the answer. */
export type Send = (command: string, ...args: string[]) => Promise<unknown>;

/** How a client sends commands. ioredis has both methods, and its `sendCommand` takes something else. */
export function senderOf(client: RedisClient): Send {
  if ("call" in client) return (command, ...args) => client.call(command, ...args);
  return (command, ...args) => client.sendCommand([command, ...args]);
}

/** Throws `InputError` for what is no name of an agent. */
export function checkName(name: unknown): void {
  if (typeof name === "string" && name !== "") return;
  throw new InputError(`name is ${JSON.stringify(name)}; expected a text that is not empty`);
}

/** The keys of an agent of that name. The braces keep them together in a cluster. */
export const keysOf = (name: string) => ({
  /** A stream: decisions, rewards and cancellations. */
  events: `{${name}}:events`,
  /** A hash: the learner's `state` and its `position` in the stream; `weights` for actors, and their `version`. */
  snapshot: `{${name}}:snapshot`,
  /** Who learns. */
  lease: `{${name}}:lease`,
});

/** Bytes as text. */
export const toText = (bytes: Uint8Array): string => {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
};

/** Text that `toText` made as bytes. */
export const toBytes = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/** So many milliseconds, or until the signal. */
export const pause = (milliseconds: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
  });
