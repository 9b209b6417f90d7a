/** `flipnet encode`: the codes of rows or images, what a run's hidden units make of them. */
import { type Command, Option } from "commander";
import type { Codes } from "flipnet/internal/model/model";
import { wholeNumber } from "./numbers.ts";
import { checkOutput, formatOf, type OutputFlags, withOutput, writeOutput } from "./table-output.ts";

interface Flags extends OutputFlags {
  as: "bits" | "integers";
  sample?: string;
}

export function defineEncode(program: Command): void {
  const command = program
    .command("encode")
    .description("the binary codes of a table's rows or of images: what a run's hidden units do")
    .argument("<run>", "folder of a run on a table or on images")
    .argument("<file...>", "rows with the columns that the run learned from; or images, IDX or .npy")
    .addOption(
      new Option("--as <what>", "a column for each unit, or one whole number for each row")
        .choices(["bits", "integers"])
        .default("bits"),
    )
    .option("--sample <seed>", "flip the coins (default: what is most probable, layer by layer)");
  withOutput(command, ["npy"]).action(encode);
}

async function encode(folder: string, paths: string[], flags: Flags): Promise<void> {
  const seed = flags.sample === undefined ? undefined : wholeNumber("--sample", flags.sample, 0);
  await checkOutput(flags);
  const { encodeRows } = await import("../running/predict.ts");
  const codes = await encodeRows(folder, paths, seed === undefined ? {} : { seed });
  if (formatOf(flags, ["npy"]) === "npy") {
    const { encodeNpy } = await import("../data/npy.ts");
    const { rows, units, values } = codes;
    const data = units.every(({ choices }) => choices <= 256) ? Uint8Array.from(values) : values;
    return writeOutput(flags, encodeNpy([rows, units.length], data));
  }
  await writeOutput(flags, flags.as === "bits" ? columnsOf(codes) : [numbersOf(codes)]);
}

const each = <T>({ rows }: Codes, make: (row: number) => T): T[] =>
  Array.from({ length: rows }, (_, row) => make(row));

/** A column for each unit, by its layer. */
const columnsOf = (codes: Codes) =>
  codes.units.map(({ layer, unit }, k) => ({
    name: `layers.${layer}.${unit}`,
    cells: each(codes, (row) => codes.values[row * codes.units.length + k]),
  }));

/** The whole number whose digits are what the units do, the first unit's the most significant; a text where it is large. */
function numbersOf(codes: Codes) {
  const { units, values } = codes;
  const numbers = each(codes, (row) =>
    units.reduce((sum, { choices }, k) => sum * BigInt(choices) + BigInt(values[row * units.length + k]), 0n),
  );
  const small = units.reduce((product, { choices }) => product * choices, 1) <= Number.MAX_SAFE_INTEGER;
  return { name: "code", cells: numbers.map((one) => (small ? Number(one) : String(one))) };
}
