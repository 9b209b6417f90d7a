/** Where commands that make a table put it: standard output or a file, in one of a few formats. */
import { type Command, Option } from "commander";
import type { OutColumn, TableFormat } from "../data/write.ts";

/** What says where. */
export interface OutputFlags {
  out?: string;
  format?: string;
  force?: boolean;
}

/** Formats of tables; the first one holds where neither the flag nor the file's name says one. */
const tables = ["csv", "jsonl", "parquet"];

/** Adds the flags. @param more formats beside those of tables */
export const withOutput = (command: Command, more: readonly string[] = []): Command =>
  command
    .addOption(
      new Option("--format <name>", "what is written (default: as the file's name ends, or csv)").choices([
        ...tables,
        ...more,
      ]),
    )
    .option("-o, --out <file>", "where to write (default: standard output)")
    .option("--force", "replace a file that is there");

/** The format that is asked for. */
export function formatOf({ format, out = "" }: OutputFlags, more: readonly string[] = []): string {
  const ending = /\.(\w+)$/.exec(out)?.[1] ?? "";
  return format ?? [...tables, ...more].find((one) => one === ending) ?? tables[0];
}

/** Looks whether the file may be written, before anything is computed. @throws InputError where it may not */
export async function checkOutput({ out, force }: OutputFlags): Promise<void> {
  if (out === undefined) return;
  const { checkPlace } = await import("../running/places.ts");
  await checkPlace({ path: out, mark: undefined }, force);
}

/** Writes a table, or what a format of the command's own has made of it. */
export async function writeOutput(
  flags: OutputFlags,
  table: readonly OutColumn[] | Uint8Array,
): Promise<void> {
  const { encodeTable } = await import("../data/write.ts");
  const content =
    table instanceof Uint8Array ? table : await encodeTable(table, formatOf(flags) as TableFormat);
  if (flags.out === undefined) {
    process.stdout.write(content);
    return;
  }
  const { writeOutputs } = await import("../running/places.ts");
  await writeOutputs([{ path: flags.out, content }]);
  process.stdout.write(`${flags.out}\n`);
}

/** Six digits say more than passes do. */
export const sixDigits = (x: number): number => Number(x.toPrecision(6));
