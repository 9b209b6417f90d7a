/** The environment that a setting names: one of flipnet's, or one that a file of the user's exports, `./mine.mjs`. */
import { resolve } from "node:path";
import type { Environment } from "flipnet/internal/environments/environment";
import { isEnvironment } from "flipnet/internal/environments/steppable";
import { checkDigest, isFile, loadModule } from "./module.ts";

const wanted = {
  what: "environment",
  made: "one that has reset, step, ended and observe, as steppable makes them",
  fits: isEnvironment,
};

/**
 * The path of a file, from `folder` on, and its SHA-256 in hex; of a name, the name.
 *
 * @throws InputError for a file without an environment, or one that is not the `expected` one
 */
export function environmentIn(
  name: string,
  folder: string,
  expected: unknown,
): { environment: string; environmentDigest?: string } {
  if (!isFile(name)) return { environment: name };
  const path = resolve(folder, name);
  const { digest } = loadModule(path, wanted);
  checkDigest("environment", path, digest, expected);
  return { environment: path, environmentDigest: digest };
}

/** A config with the environment itself in the place of its file's name. @throws InputError as `environmentIn` does */
export function withEnvironment<C extends { environment?: unknown; environmentDigest?: string }>(
  config: C,
): C {
  const { environmentDigest, environment } = config;
  if (environmentDigest === undefined) return config;
  const path = environment as string;
  const { value, digest } = loadModule(path, wanted);
  checkDigest("environment", path, digest, environmentDigest);
  return { ...config, environment: value as Environment };
}
