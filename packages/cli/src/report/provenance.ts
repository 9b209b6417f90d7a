/** With what, when and for how long runs were made. */
import { stat } from "node:fs/promises";
import type { Environment } from "../running/environment.ts";
import { runFiles, type StoredRun } from "../running/run-folder.ts";
import { distinct } from "./lists.ts";
import { formatSeconds, trainingSeconds } from "./metrics.ts";

/** All runs together. */
export interface Provenance {
  madeWith: Environment[];
  kernels: string[];
  /** Threads a run. */
  threads: number[];
  generators: string[];
  data: { name: string; digest: string }[];
  /** When the first run was begun, and when the last one was written. */
  begun: string;
  ended: string;
  trainingSeconds: number;
}

/** Reads when the runs were written last. */
export async function provenanceOf(runs: readonly StoredRun[]): Promise<Provenance> {
  const starts = runs.flatMap(({ environment }) => environment.starts ?? []);
  const environments = starts.map(({ version, revision, node, platform, cpu }) => ({
    version,
    ...(revision !== undefined && { revision }),
    ...{ node, platform, cpu },
  }));
  const data = runs.flatMap(({ config, environment: { dataDigest: digest } }) =>
    digest === "none" ? [] : { name: ("data" in config && config.data) || "MNIST", digest },
  );
  const ends = await Promise.all(runs.map(lastWritten));
  return {
    madeWith: unlike(environments),
    kernels: distinct(runs.map(({ environment }) => environment.kernels)),
    threads: distinct(starts.map(({ threads = 1 }) => threads)),
    generators: distinct(runs.map(({ environment }) => environment.generator)),
    data: unlike(data),
    begun: starts.map(({ time }) => time).sort()[0] ?? "",
    ended: ends.sort().at(-1) ?? "",
    trainingSeconds: Math.round(runs.reduce((sum, run) => sum + trainingSeconds(run), 0)),
  };
}

/** The processors that runs were made on. */
export const cpusOf = (runs: readonly StoredRun[]): string[] =>
  distinct(runs.flatMap(({ environment }) => environment.starts.map(({ cpu }) => cpu)));

async function lastWritten({ folder, summary }: StoredRun): Promise<string> {
  const files = runFiles(folder);
  try {
    return (await stat(summary === undefined ? files.metrics : files.summary)).mtime.toISOString();
  } catch {
    return "";
  }
}

const unlike = <T>(values: readonly T[]): T[] =>
  distinct(values.map((value) => JSON.stringify(value))).map((text) => JSON.parse(text));

/** The same in sentences. */
export function describeProvenance(made: Provenance): string[] {
  const { kernels, threads, generators, begun, ended } = made;
  const a = threads.join() === "1" ? "one thread" : `${threads.join(" or ")} threads`;
  return [
    ...made.madeWith.map(
      ({ version, revision = "unknown", node, platform, cpu }) =>
        `flipnet ${version}, revision \`${revision}\`, Node ${node}, ${platform}, ${cpu}`,
    ),
    `${kernels.join(" and ")} kernels, ${a} a run, random generator ${generators.join(" and ")}`,
    ...made.data.map(({ name, digest }) => `data: ${name}, SHA-256 \`${digest}\``),
    `from ${minutes(begun)} to ${minutes(ended)}, pauses included; ${formatSeconds(made.trainingSeconds)} of training over all runs`,
  ];
}

/** `2026-11-22 10:55 UTC`. */
const minutes = (time: string) =>
  time === "" ? "an unknown time" : `${time.slice(0, 16).replace("T", " ")} UTC`;
