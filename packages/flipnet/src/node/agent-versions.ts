/** Versions of an agent in a folder: a file each, whole or not there at all, named by how many rewards it had learned from. */
import { mkdir, open, readdir, readFile, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Agent } from "../agent/agent.ts";
import { loadAgent } from "../agent/load.ts";
import type { ImmediateBackend } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { isWhole } from "../formats/whole.ts";
import type { OptimizerFactory } from "../optimizers/optimizer.ts";

const fileOf = (version: number): string => `agent-${String(version).padStart(12, "0")}.safetensors`;

/** How to keep versions. */
export interface VersionOptions {
  /** So many of the last ones stay; default 10. */
  keep?: number;
}

const optionNames: Names<VersionOptions> = { keep: 1 };

/**
 * Saves what an agent is as its newest version, and deletes all but the last `keep`.
 *
 * @returns the file's path
 * @throws InputError where nothing would be kept
 */
export async function saveVersion(
  folder: string,
  agent: Agent,
  options: VersionOptions = {},
): Promise<string> {
  refuseUnknown("saveVersion", optionNames, options);
  const { keep = 10 } = options;
  if (!isWhole(keep, 1)) {
    throw new InputError(`keep is ${keep}; expected a whole number from 1 on`);
  }
  const bytes = await agent.save();
  await mkdir(folder, { recursive: true });
  const path = join(folder, fileOf(agent.version));
  const fresh = `${path}.${process.pid}.new`;
  const file = await open(fresh, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
  const versions = await versionsOf(folder);
  for (const old of versions.slice(0, -keep)) await unlink(join(folder, fileOf(old)));
  return path;
}

/** The versions in a folder, oldest first; none where there is no folder. */
export async function versionsOf(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .flatMap((name) => {
      const found = /^agent-(\d{12})\.safetensors$/.exec(name);
      return found ? [Number(found[1])] : [];
    })
    .sort((a, b) => a - b);
}

/** A version of an agent, the newest unless it is said which; see `loadAgent`. Throws `InputError` where there is none. */
export async function loadVersion(
  folder: string,
  version?: number,
  optimizer?: OptimizerFactory,
  backend?: ImmediateBackend,
): Promise<Agent> {
  const found = await find(folder, version);
  return loadAgent(await readFile(join(folder, fileOf(found))), optimizer, backend);
}

/**
 * Goes back to a version: those after it are put aside, as `*.undone`. What the agent logged since belongs to those too, and
 * has to be put aside as well: replayed, it would do again what is to be undone.
 *
 * @throws InputError where there is no such version
 */
export async function rollBack(folder: string, version: number): Promise<void> {
  await find(folder, version);
  // The newest first: whenever this stops, the newest that is left is one that there was.
  for (const later of (await versionsOf(folder)).filter((one) => one > version).reverse()) {
    await rename(join(folder, fileOf(later)), join(folder, `${fileOf(later)}.undone`));
  }
}

async function find(folder: string, version: number | undefined): Promise<number> {
  const versions = await versionsOf(folder);
  const found = version ?? versions.at(-1);
  if (found !== undefined && versions.includes(found)) return found;
  const expected = versions.length === 0 ? "one that saveVersion made" : `one of ${versions.join(", ")}`;
  throw new InputError(`${folder} has no version ${version ?? "of an agent"}; expected ${expected}`);
}
