/** Where the Redis is that the command line is to use. */
import { InputError } from "flipnet/internal/formats/errors";
import type { RedisAddress } from "../queue/redis.ts";

/** The variable that names it: command lines can be seen by others, and the address may hold a password. */
const variable = "FLIPNET_REDIS";

export const redisHelp = `redis://[[user]:password@]host[:port], rediss:// for TLS (or the variable ${variable})`;

/** The Redis that a flag names, or the variable; after this, neither shows it any more. @throws InputError without one */
export async function redisAddress(flag: string | true | undefined): Promise<RedisAddress> {
  const { parseRedisUrl } = await import("../queue/redis.ts");
  const url = typeof flag === "string" ? flag : process.env[variable];
  delete process.env[variable];
  // What `ps` shows is this, and no longer the flags.
  process.title = "flipnet";
  if (url === undefined || url === "") {
    throw new InputError(
      `there is no Redis: expected --redis URL, or the address in the variable ${variable}`,
    );
  }
  return parseRedisUrl(url, typeof flag === "string" ? "--redis" : variable);
}
