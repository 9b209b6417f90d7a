/**
 * The door of a run folder: what stands in its files may come from anywhere, and is checked here, once. What comes out
 * is trusted. The files that travel through Redis are these, too.
 */

import { InputError } from "flipnet/internal/formats/errors";
import { isWhole } from "flipnet/internal/formats/whole";
import type { EpochRecord } from "flipnet/internal/training/training";
import { z } from "zod";
import { type Config, parseStoredConfig } from "../settings/config.ts";

/** A run's id: it becomes part of the names of files. */
export const runIdSchema = z
  .string()
  .regex(/^[0-9a-f]{16}$/)
  .describe("16 hex digits");

/** A digest of data. */
export const digestSchema = z
  .string()
  .regex(/^([0-9a-f]{64}|none)$/)
  .describe("64 hex digits, or none");

/** A name or a version, on one line. */
export const wordSchema = z
  .string()
  .regex(/^\P{Cc}{1,200}$/u)
  .describe("a text of one line");

const count = z.int().min(0).describe("a whole number from 0 on");

const startSchema = z.looseObject({
  time: z.iso.datetime().describe("a time as in 2026-11-30T10:56:45.364Z"),
  step: count,
  version: wordSchema,
  revision: wordSchema.optional(),
  node: wordSchema,
  platform: wordSchema,
  cpu: wordSchema,
  threads: z.int().min(1).describe("a whole number from 1 on").optional(),
});

const environmentSchema = z.looseObject({
  runId: runIdSchema,
  dataDigest: digestSchema,
  generator: wordSchema,
  kernels: wordSchema,
  starts: z.array(startSchema).min(1).describe("a list of the times that it was begun or resumed"),
});

const summarySchema = z
  .looseObject({
    type: z.literal("summary").describe('"summary"'),
    runId: runIdSchema,
    epochs: z.int().min(1).describe("a whole number from 1 on"),
    msPerStep: z.number().describe("a number"),
  })
  .catchall(z.union([z.number(), z.string(), z.null()]).describe("a number, a text or null"));

const labelsSchema = z.looseObject({
  name: wordSchema.optional(),
  tags: z.array(wordSchema).describe("a list of words"),
  note: z.string().describe("a text").optional(),
});

/** What people call a run, as its `labels.json` says. */
export type RunLabels = Pick<z.output<typeof labelsSchema>, "tags" | "name" | "note">;

/** What `labels.json` holds. @throws InputError, which `path` begins */
export const parseLabels = (text: string, path: string): RunLabels =>
  check(labelsSchema, parseJson(text, path), path);

/** What a run was made with, as its `environment.json` says. */
export type RunEnvironment = z.output<typeof environmentSchema>;

/** What `environment.json` holds. @throws InputError, which `path` begins */
export const parseEnvironment = (text: string, path: string): RunEnvironment =>
  check(environmentSchema, parseJson(text, path), path);

/** What `summary.json` holds: all but the folder's name, which may change. @throws InputError */
export const parseSummaryFile = (text: string, path: string): z.output<typeof summarySchema> =>
  check(summarySchema, parseJson(text, path), path);

/** What `config.json` holds. @throws InputError */
export function parseConfigFile(text: string, path: string): Config {
  const settings = parseJson(text, path);
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) {
    throw new InputError(`${path} is corrupt: it holds ${shown(settings)}; expected settings by name`);
  }
  return parseStoredConfig(settings as Record<string, unknown>, (key) => `${path} is corrupt: ${key}`);
}

/** The records in the first bytes of a run's metrics, or in all of it, whole lines only: one an epoch, from the first on. */
export function parseRecords(text: string, path: string): EpochRecord[] {
  const lines = text.split("\n");
  // Nothing, or a line that is being written.
  lines.pop();
  let before = 0;
  return lines.map((line, i) => {
    const corrupt = (how: string, cause?: unknown) =>
      new InputError(`${path} is corrupt: line ${i + 1} is ${how}`, { cause });
    let record: EpochRecord;
    try {
      record = JSON.parse(line);
    } catch (cause) {
      throw corrupt("not JSON", cause);
    }
    if (typeof record !== "object" || record === null || Array.isArray(record)) throw corrupt("no record");
    const { epoch, step, msPerStep } = record;
    if (epoch !== i + 1 || !isWhole(step, before + 1) || !Number.isFinite(msPerStep)) {
      throw corrupt(`not the record of epoch ${i + 1}`);
    }
    before = step;
    for (const [name, value] of Object.entries(record)) {
      if (value === null || typeof value === "string" || Number.isFinite(value)) continue;
      throw corrupt(`not the record of epoch ${i + 1}: ${name} is ${shown(value)}; expected a number`);
    }
    return record;
  });
}

/**
 * A value as it is, once a schema has found nothing wrong with it.
 *
 * @param where the value stands: it begins the sentence
 * @throws InputError that says what was found and what was expected
 */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: string,
): z.output<Schema> {
  const { error } = schema.safeParse(value);
  if (error === undefined) return value as z.output<Schema>;
  const [{ path }] = error.issues;
  const name = path.join(".");
  const found = path.reduce<unknown>((part, key) => (part as Record<PropertyKey, unknown>)?.[key], value);
  const expected = described(schema, path);
  throw new InputError(
    name === ""
      ? `${where} is corrupt: it is ${shown(found)}; expected ${expected ?? "values by name"}`
      : `${where} is corrupt: ${name} is ${found === undefined ? "missing" : shown(found)}; expected ${expected ?? "another value"}`,
  );
}

/** The description of the part of a schema that a path leads to. */
function described(schema: z.ZodType, path: readonly PropertyKey[]): string | undefined {
  const [key, ...rest] = path;
  if (key === undefined || schema.description !== undefined) {
    const inner = schema instanceof z.ZodArray && key !== undefined ? schema.element : undefined;
    return inner === undefined ? schema.description : described(inner as z.ZodType, rest);
  }
  if (schema instanceof z.ZodObject) {
    const part = (schema.shape as Record<PropertyKey, z.ZodType>)[key] ?? schema.def.catchall;
    return part === undefined ? undefined : described(part, rest);
  }
  return undefined;
}

/** A value in few characters. */
function shown(value: unknown): string {
  const text = typeof value === "number" ? String(value) : JSON.stringify(value);
  return text === undefined ? "undefined" : text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${path} is corrupt: it is not JSON`, { cause });
  }
}
