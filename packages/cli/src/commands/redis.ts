/** Where the Redis is that the command line is to use. */
import { Option } from "commander";
import { InputError } from "flipnet/internal/formats/errors";
import type { RedisAddress } from "../queue/redis.ts";

/** The variable that names it: command lines can be seen by others, and the address may hold a password. */
const variable = "FLIPNET_REDIS";

const help = `redis://[[user]:password@]host[:port], rediss:// for TLS (or the variable ${variable})`;

/** `--redis [url]`. @param what it does, where that has to be said */
export const redisOption = (what = ""): Option =>
  new Option("--redis [url]", `${what}${help}`).argParser((word: string) => {
    if (word.includes("://")) return word;
    // Not shown: it may hold a password.
    throw new InputError(
      "--redis takes the word behind it for its address, and that is none; expected redis://..., or --redis as the last word" +
        ` where the address is in the variable ${variable}`,
    );
  });

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
