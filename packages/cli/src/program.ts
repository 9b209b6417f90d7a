// The command line. Every command is one file, which loads what it needs when it is called: so help stays quick.
import { Command } from "commander";
import { defineAudit } from "./commands/audit.ts";
import { defineCompare } from "./commands/compare.ts";
import { defineData } from "./commands/data.ts";
import { defineEncode } from "./commands/encode.ts";
import { defineEstimators } from "./commands/estimators.ts";
import { defineEvaluate } from "./commands/evaluate.ts";
import { exitCodeOf } from "./commands/exit.ts";
import { defineExport } from "./commands/export.ts";
import { defineFilm } from "./commands/film.ts";
import { defineInit } from "./commands/init.ts";
import { defineMeasure } from "./commands/measure.ts";
import { definePlayground } from "./commands/playground.ts";
import { definePredict } from "./commands/predict.ts";
import { defineReport } from "./commands/report.ts";
import { defineExperiment, defineReproduce } from "./commands/reproduce.ts";
import { defineRuns } from "./commands/runs.ts";
import { defineSample } from "./commands/sample.ts";
import { defineSweep } from "./commands/sweep.ts";
import { defineTrain } from "./commands/train.ts";
import { defineWorker } from "./commands/worker.ts";
import { packageVersion } from "./running/environment.ts";

/** What `process.argv` asks for; `process.exitCode` says how it ended. */
export async function run(): Promise<void> {
  const program = new Command("flipnet")
    .description("Train networks of discrete stochastic units: neurons that flip coins.")
    .version(packageVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help on a command")
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText(
      "after",
      `
Examples:
  $ flipnet train                                  HNCA on MNIST, two hidden layers of 200
  $ flipnet train --estimator reinforce --epochs 20
  $ flipnet train run.yaml --seed 1 --json         settings from a file; a flag overrides it
  $ flipnet sweep sweep.yaml                       many runs; a second call trains what is missing
  $ flipnet reproduce                              figures of the papers, and what they cost here
  $ flipnet reproduce hnca-figure-1 --epochs 20 --seeds 3
  $ flipnet init objective                         a file to begin with; then
  $ flipnet train --objective ./objective.mjs
  $ flipnet compare --layers 3 --seeds 5           HNCA and REINFORCE: a table and a figure
  $ flipnet runs --where task=bandit --sort testAccuracy
  $ flipnet report runs -o report                  a page of all runs there: curves, tables, settings
  $ flipnet train --task vae --layers 2 --epochs 20
  $ flipnet sample runs/vae-f-hnca-...             digits that this network draws, as a picture
  $ flipnet film runs/control-hnca-...             an episode, as an animated SVG
  $ flipnet export runs --format csv               the records of all runs, as one table
  $ flipnet audit network.json                     exact bias and variance of every estimator
  $ flipnet measure runs/vae-f-hnca-...            which estimator, at these parameters and this cost
  $ flipnet evaluate log.jsonl --policy agent.safetensors
  $ flipnet data table.csv                         its columns, and what would be made of them
  $ flipnet train --data table.csv --target income --ignore id
  $ flipnet predict runs/table-labels-... new.csv
  $ flipnet train --data table.csv --task table-vae
  $ flipnet encode runs/table-vae-... new.csv -o codes.npy
  $ flipnet playground                             coins and credit, in a browser

Exit status: 0 done, 1 the run failed, 2 bad usage or settings, 130 interrupted (a checkpoint is written).`,
    );
  defineTrain(program);
  defineSweep(program);
  defineWorker(program);
  defineReproduce(program);
  defineExperiment(program);
  defineInit(program);
  defineCompare(program);
  defineMeasure(program);
  defineReport(program);
  defineRuns(program);
  definePredict(program);
  defineEncode(program);
  defineSample(program);
  defineFilm(program);
  defineExport(program);
  defineAudit(program);
  defineEstimators(program);
  defineData(program);
  defineEvaluate(program);
  definePlayground(program);

  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}
