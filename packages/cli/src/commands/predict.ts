/** `flipnet predict`: the classes of new rows, by a run on a table. */
import { type Command, Option } from "commander";
import { wholeNumber } from "./numbers.ts";

interface Flags {
  samples: string;
  seed: string;
  out?: string;
  format: "csv" | "jsonl";
  force?: boolean;
}

export function definePredict(program: Command): void {
  program
    .command("predict")
    .description("the classes of a table's rows, by a run that learned them from another table")
    .argument("<run>", "folder of a run of a task on a table")
    .argument("<file...>", "the rows, with the columns that the run learned from; - is standard input")
    .option("--samples <n>", "passes behind each probability", "100")
    .option("--seed <n>", "another seed, other passes", "0")
    .addOption(new Option("--format <name>", "what is written").choices(["csv", "jsonl"]).default("csv"))
    .option("-o, --out <file>", "where to write (default: standard output)")
    .option("--force", "replace a file that is there")
    .action(predict);
}

async function predict(folder: string, paths: string[], flags: Flags): Promise<void> {
  const samples = wholeNumber("--samples", flags.samples, 2, 1_000_000);
  const seed = wholeNumber("--seed", flags.seed, 0);
  const { checkPlace, writeOutputs } = await import("../running/places.ts");
  if (flags.out !== undefined) await checkPlace({ path: flags.out, mark: undefined }, flags.force);
  const { predictRows } = await import("../running/predict.ts");
  const { encodeCsv } = await import("../formats/csv.ts");
  const { classes, mean, standardError, best } = await predictRows(folder, paths, { samples, seed });
  const rows = best.map((chosen, row) => {
    const at = row * classes.length;
    return {
      prediction: classes[chosen],
      ...Object.fromEntries(classes.map((name, k) => [`probability.${name}`, round(mean[at + k])])),
      standardError: round(standardError[at + chosen]),
    };
  });
  const text =
    flags.format === "csv"
      ? encodeCsv([Object.keys(rows[0]), ...rows.map((row) => Object.values(row))])
      : rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  if (flags.out === undefined) process.stdout.write(text);
  else {
    await writeOutputs([{ path: flags.out, content: text }]);
    process.stdout.write(`${flags.out}\n`);
  }
}

/** Six digits say more than the passes do. */
const round = (x: number): number => Number(x.toPrecision(6));
