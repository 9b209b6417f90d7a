/** Runs by what they are: those that a user means, in an order, with what they take on the disk; and their removal. */
import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import { suggestion } from "flipnet/internal/formats/nearest";
import { lockFolder } from "./lock.ts";
import type { StoredRun } from "./run-folder.ts";
import { writing } from "./storage.ts";

/** `seed=3`: a setting, or the name or a tag that people gave, and the value that it has to have, as it is written. */
export interface Condition {
  readonly name: string;
  readonly value: string;
}

/** @throws InputError for what is no condition */
export function parseCondition(text: string): Condition {
  const at = text.indexOf("=");
  if (at < 1) throw new InputError(`--where is ${text}; expected a setting and its value, as in seed=3`);
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}

/**
 * The runs that have the values of all conditions.
 *
 * @throws InputError for a setting that none of the runs has
 */
export function runsWhere(runs: readonly StoredRun[], conditions: readonly Condition[]): StoredRun[] {
  const settings = new Set([...runs.flatMap(({ config }) => Object.keys(config)), "name", "tag"]);
  const stranger = conditions.find(({ name }) => !settings.has(name));
  if (runs.length > 0 && stranger !== undefined) {
    throw new InputError(
      `${stranger.name} is no setting of these runs; ${suggestion(stranger.name, [...settings])}`,
    );
  }
  const textOf = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  return runs.filter(({ config, labels }) =>
    conditions.every(({ name, value }) => {
      if (name === "tag") return labels.tags.includes(value);
      if (name === "name") return labels.name === value;
      const text = textOf(config[name]);
      return text === value || text === `[${value}]`;
    }),
  );
}

/** What a run ended with, or has come to. */
export function metricOf({ summary, records }: StoredRun, name: string): number | undefined {
  const value = summary?.[name as keyof typeof summary] ?? records.at(-1)?.[name];
  return typeof value === "number" ? value : undefined;
}

/**
 * Runs by a metric, the largest first; those that have none last.
 *
 * @throws InputError for a metric that none of them has
 */
export function sortedBy(runs: readonly StoredRun[], name: string): StoredRun[] {
  const known = new Set(
    runs.flatMap(({ summary, records }) =>
      Object.entries({ ...records.at(-1), ...summary }).flatMap(([key, value]) =>
        typeof value === "number" ? [key] : [],
      ),
    ),
  );
  if (runs.length > 0 && !known.has(name)) {
    throw new InputError(`${name} is no metric of these runs; ${suggestion(name, [...known])}`);
  }
  const rank = (run: StoredRun) => metricOf(run, name) ?? -Infinity;
  return runs.toSorted((a, b) => rank(b) - rank(a) || 0);
}

/** Bytes of all files in a folder. */
export async function sizeOf(folder: string): Promise<number> {
  const found = await lstat(folder);
  if (!found.isDirectory()) return found.size;
  const sizes = await Promise.all((await readdir(folder)).map((name) => sizeOf(join(folder, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/**
 * Removes a run's folder, also what else stands in it.
 *
 * @throws InputError for a run that somebody is writing, and for a link to one
 */
export async function removeRun({ folder }: StoredRun): Promise<void> {
  if ((await lstat(folder)).isSymbolicLink()) {
    throw new InputError(`${folder} is a link to a run; expected the run's own folder, to remove it`);
  }
  const lock = await lockFolder(folder);
  try {
    await writing(folder, rm(folder, { recursive: true }));
  } finally {
    await lock.release();
  }
}
