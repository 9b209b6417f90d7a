// Memory of a training on a large table, from its file to the end of an epoch, in a process of its own: node
// bench/table-memory.mjs [--rows 1000000] [--columns 100] [--format csv|parquet]. Prints a line on stderr and JSON on stdout;
// exit code 1 where it takes more than twice the table in float32 and 300 MB (10^6 bytes).
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fileWriter, ParquetWriter } from "hyparquet-writer";

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    columns: { type: "string", default: "100" },
    format: { type: "string", default: "csv" },
    train: { type: "string" },
  },
});
const [rows, columns] = [Number(values.rows), Number(values.columns)];
/** In the process that is measured: one pass through the rows, by the rule's batches and width. */
async function train(data) {
  const { parseConfig, trainRun } = await import("../packages/cli/dist/index.js");
  const began = process.cpuUsage();
  const config = parseConfig({ data, target: "y", epochs: 1, out: `${data}.runs` });
  const { summary } = await trainRun(config);
  const { user, system } = process.cpuUsage(began);
  const peak = process.resourceUsage().maxRSS * 1.024e-3;
  console.log(JSON.stringify({ peak, seconds: (user + system) / 1e6, testAccuracy: summary.testAccuracy }));
}

async function measure() {
  const folder = mkdtempSync(join(tmpdir(), "flipnet-table-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, `table.${values.format}`);
  await { csv: writeCsv, parquet: writeParquet }[values.format](path);
  const printed = execFileSync(process.execPath, [import.meta.filename, "--train", path], {
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1e8,
  });
  const result = JSON.parse(String(printed).trim().split("\n").at(-1));
  const limit = (2 * 4 * rows * columns) / 1e6 + 300;
  console.error(
    `${values.format}, ${rows} rows, ${columns} columns: peak ${result.peak.toFixed(0)} MB (target: under ${limit.toFixed(0)} MB), ` +
      `${result.seconds.toFixed(0)} s of a processor`,
  );
  console.log(JSON.stringify({ format: values.format, rows, columns, limit, ...result }));
  if (result.peak > limit) process.exitCode = 1;
}

/** A number of three digits, the same for the same place. */
const cellAt = (row, column) =>
  (((row * 7919 + column * 104_729 + ((row * column) % 1013)) % 2003) - 1001) / 1000;
const classAt = (row) => (cellAt(row, 1) + cellAt(row, 2) > 0 ? "high" : "low");
const names = Array.from({ length: columns - 1 }, (_, k) => `x${k + 1}`);

async function writeCsv(path) {
  const file = createWriteStream(path);
  file.write(`${[...names, "y"].join(",")}\n`);
  for (let first = 0; first < rows; first += 1000) {
    const lines = Array.from({ length: Math.min(1000, rows - first) }, (_, r) =>
      [...names.map((_, k) => cellAt(first + r, k + 1)), classAt(first + r)].join(","),
    );
    if (!file.write(`${lines.join("\n")}\n`)) await once(file, "drain");
  }
  file.end();
  await once(file, "finish");
}

async function writeParquet(path) {
  const schema = [
    { name: "root", num_children: columns },
    ...names.map((name) => ({ name, type: "DOUBLE", repetition_type: "REQUIRED" })),
    { name: "y", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
  ];
  const writer = new ParquetWriter({ writer: fileWriter(path), schema });
  for (let first = 0; first < rows; first += 100_000) {
    const numbers = Array.from({ length: Math.min(100_000, rows - first) }, (_, r) => first + r);
    await writer.write({
      columnData: [
        ...names.map((name, k) => ({
          name,
          data: Float64Array.from(numbers, (row) => cellAt(row, k + 1)),
          type: "DOUBLE",
        })),
        { name: "y", data: numbers.map(classAt), type: "STRING" },
      ],
      rowGroupSize: 100_000,
    });
  }
  await writer.finish();
}

if (values.train !== undefined) await train(values.train);
else await measure();
