/** `flipnet data`: what stands in a table. */
import type { Command } from "commander";

export function defineData(program: Command): void {
  program
    .command("data")
    .description(
      "what stands in a table (CSV, TSV, Parquet, .npy, .npz; - is standard input), and what would be made of it",
    )
    .argument("<file...>", "the table, or several files with the same columns")
    .option("--json", "print it as JSON")
    .action(describe);
}

async function describe(paths: string[], { json }: { json?: boolean }): Promise<void> {
  const { readTable } = await import("../data/table.ts");
  const { describeTable } = await import("../data/describe.ts");
  const table = await readTable(paths);
  if (!json) {
    process.stdout.write(describeTable(table));
    return;
  }
  const columns = table.columns.map((column) => {
    const { name, kind, missing } = column;
    return {
      name,
      kind,
      missing,
      ...("levels" in column && { levels: column.levels }),
      ...("example" in column && { example: column.example }),
    };
  });
  const { path, format, rows } = table;
  process.stdout.write(`${JSON.stringify({ path, format, rows, columns })}\n`);
}
