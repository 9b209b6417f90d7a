/** `flipnet film`: an episode of what a run has learned to act in, as an animated SVG. */
import { join } from "node:path";
import type { Command } from "commander";
import { InputError } from "flipnet/internal/formats/errors";
import { wholeNumber } from "./numbers.ts";

interface Flags {
  seed: string;
  out?: string;
  force?: boolean;
}

export function defineFilm(program: Command): void {
  program
    .command("film")
    .description("an episode of a run of the task control, as an animated SVG")
    .argument("<run>", "folder of the run")
    .option("--seed <n>", "another seed, another episode", "0")
    .option("-o, --out <file>", "where to write it (default: film.svg in the run's folder)")
    .option("--force", "replace a file that is there, whoever made it")
    .action(film);
}

async function film(folder: string, flags: Flags): Promise<void> {
  const seed = wholeNumber("--seed", flags.seed, 0);
  const { findEnvironment } = await import("flipnet/internal/environments/registry");
  const { playEpisode } = await import("flipnet/internal/training/play");
  const { writeBlocks } = await import("flipnet/internal/training/parameters");
  const { readCheckpoint } = await import("../running/checkpoint.ts");
  const { learnedBy } = await import("../running/learned.ts");
  const { checkPlace, writeOutputs } = await import("../running/places.ts");
  const { readRun, runFiles } = await import("../running/run-folder.ts");
  const { filmed, filmMark, filmSvg } = await import("../samples/film.ts");

  const { config } = await readRun(folder);
  const environment = String(config.environment);
  if (config.task !== "control" || !filmed.includes(environment)) {
    const found = config.task === "control" ? environment : `the task "${config.task}"`;
    throw new InputError(`${folder} is a run of ${found}; expected one of ${filmed.join(", ")}`);
  }
  const path = flags.out ?? join(folder, "film.svg");
  await checkPlace({ path, mark: flags.out === undefined ? filmMark : undefined }, flags.force);
  const checkpoint = await readCheckpoint(runFiles(folder).checkpoint);
  if (checkpoint === undefined) {
    throw new InputError(`${folder} has no checkpoint yet; expected a run that was trained or stopped`);
  }
  const { network } = await learnedBy(config, checkpoint.tensors);
  const blocks = network.layers.map(({ block }) => block);
  writeBlocks(network.backend, network.layers, "", blocks, { ...checkpoint.tensors });
  const played = playEpisode(network, findEnvironment(environment), seed);
  await writeOutputs([{ path, content: filmSvg(environment, played) }]);
  process.stdout.write(`${path}\n`);
}
