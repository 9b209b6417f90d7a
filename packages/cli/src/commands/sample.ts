/** `flipnet sample`: what the auto-encoder of a run draws, as a picture, or as a table. */
import { extname, join } from "node:path";
import { type Command, Option } from "commander";
import { InputError } from "flipnet/internal/formats/errors";
import { wholeNumber } from "./numbers.ts";
import { checkOutput, sixDigits, writeOutput } from "./table-output.ts";
import { colorsFor } from "./terminal.ts";

interface Flags {
  count: string;
  columns: string;
  seed: string;
  out?: string;
  svg?: boolean;
  format?: string;
  force?: boolean;
}

export function defineSample(program: Command): void {
  program
    .command("sample")
    .description(
      "draw with the auto-encoder of a run: images out of nothing, and test images again; or rows of a table",
    )
    .argument("<run>", "folder of a run of an auto-encoder")
    .option("--count <n>", "images or rows to generate", "20")
    .option("--columns <n>", "images in a row, and test images to draw again", "10")
    .option("--seed <n>", "another seed, other images", "0")
    .option(
      "-o, --out <file>",
      "where to write the PNG (default: samples.png in the run's folder); rows (default: standard output)",
    )
    .addOption(
      new Option("--format <name>", "of rows (default: as the file's name ends, or csv)").choices([
        "csv",
        "jsonl",
        "parquet",
      ]),
    )
    .option("--svg", "write an SVG beside it too")
    .option("--force", "replace files that are there, whoever made them")
    .action(async (folder: string, flags: Flags) => {
      const { readRun } = await import("../running/run-folder.ts");
      const { taskOf } = await import("../settings/config.ts");
      const { config } = await readRun(folder);
      return taskOf(config).data === "rows" ? sampleTable(folder, flags) : sampleImages(folder, flags);
    });
}

/** Rows, as a table. */
async function sampleTable(folder: string, flags: Flags): Promise<void> {
  if (flags.svg) throw new InputError("--svg is of images; the run draws rows of a table");
  const count = wholeNumber("--count", flags.count, 1, 1_000_000);
  const seed = wholeNumber("--seed", flags.seed, 0);
  await checkOutput(flags);
  const { withModel } = await import("../running/predict.ts");
  const columns = await withModel(folder, (model) => model.sample({ count, seed }));
  await writeOutput(
    flags,
    columns.map(({ name, cells }) => ({
      name,
      cells: cells.map((cell) => (typeof cell === "number" ? sixDigits(cell) : cell)),
    })),
  );
}

async function sampleImages(folder: string, flags: Flags): Promise<void> {
  if (flags.format !== undefined) {
    throw new InputError("--format is of rows; the run draws images, which are a PNG");
  }
  const options = {
    count: wholeNumber("--count", flags.count, 1, 1000),
    columns: wholeNumber("--columns", flags.columns, 1, 100),
    seed: wholeNumber("--seed", flags.seed, 0),
  };
  const { sheetMark, sheetPng, sheetSvg } = await import("../samples/contact-sheet.ts");
  const { sampleRun } = await import("../samples/samples.ts");
  const { checkPlace, writeOutputs } = await import("../running/places.ts");

  const path = flags.out ?? join(folder, "samples.png");
  if (extname(path).toLowerCase() !== ".png") {
    throw new InputError(`--out is ${path}; expected the name of a PNG, as in samples.png`);
  }
  const beside = `${path.slice(0, -extname(path).length)}.svg`;
  const paths = flags.svg ? [path, beside] : [path];
  const mark = flags.out === undefined ? sheetMark : undefined;
  for (const path of paths) await checkPlace({ path, mark }, flags.force);
  const svg = sheetSvg(await sampleRun(folder, options));
  const { png, hasFonts } = await sheetPng(svg);
  await writeOutputs(paths.map((path) => ({ path, content: path === beside ? svg : png })));
  for (const path of paths) process.stdout.write(`${path}\n`);
  if (!hasFonts) {
    const { yellow } = colorsFor(process.stderr);
    process.stderr.write(
      `${yellow("note:")} no font is installed here, so the PNG has no words; add --svg\n`,
    );
  }
}
