/** `flipnet predict`: the classes of new rows, by a run on a table. */
import type { Command } from "commander";
import { wholeNumber } from "./numbers.ts";
import { checkOutput, type OutputFlags, sixDigits, withOutput, writeOutput } from "./table-output.ts";

interface Flags extends OutputFlags {
  samples: string;
  seed: string;
}

export function definePredict(program: Command): void {
  const command = program
    .command("predict")
    .description("the classes of a table's rows, by a run that learned them from another table")
    .argument("<run>", "folder of a run of a task on a table, or on images")
    .argument("<file...>", "the rows, with the columns that the run learned from; - is standard input")
    .option("--samples <n>", "passes behind each probability", "100")
    .option("--seed <n>", "another seed, other passes", "0");
  withOutput(command).action(predict);
}

async function predict(folder: string, paths: string[], flags: Flags): Promise<void> {
  const samples = wholeNumber("--samples", flags.samples, 2, 1_000_000);
  const seed = wholeNumber("--seed", flags.seed, 0);
  await checkOutput(flags);
  const { predictRows } = await import("../running/predict.ts");
  const { classes, mean, standardError, best } = await predictRows(folder, paths, { samples, seed });
  const of = (numbers: Float64Array, row: number, k: number) => sixDigits(numbers[row * classes.length + k]);
  await writeOutput(flags, [
    { name: "prediction", cells: best.map((chosen) => classes[chosen]) },
    ...classes.map((name, k) => ({
      name: `probability.${name}`,
      cells: best.map((_, row) => of(mean, row, k)),
    })),
    { name: "standardError", cells: best.map((chosen, row) => of(standardError, row, chosen)) },
  ]);
}
