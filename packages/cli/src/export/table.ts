/**
 * The records of runs as one table: a row a record, the union of their metrics as columns, and before them which run it
 * is. A setting in which the runs differ is a column too.
 */
import { type Cell, encodeCsv } from "../formats/csv.ts";
import { packageVersion } from "../running/environment.ts";
import type { StoredRun } from "../running/run-folder.ts";
import { type Exporter, placeOf } from "./exporter.ts";

/** What a column holds. */
type ColumnType = "string" | "boolean" | "integer" | "number";

interface Column {
  name: string;
  type: ColumnType;
  /** One a row; null where a record or a run has none. */
  cells: Cell[];
}

export const csvExporter: Exporter = {
  several: true,
  options: [],
  mark: "runId,task,estimator,layers,seed",
  async files(runs, request) {
    const columns = columnsOf(runs);
    const rows = columns[0].cells.map((_, row) => columns.map(({ cells }) => cells[row]));
    const content = encodeCsv([columns.map(({ name }) => name), ...rows]);
    return [{ path: placeOf(request, "metrics.csv"), content }];
  },
};

/** Types of Parquet. Whole numbers are those of a count that has no bound. */
const parquetTypes = { string: "STRING", boolean: "BOOLEAN", integer: "INT64", number: "DOUBLE" } as const;

export const parquetExporter: Exporter = {
  several: true,
  options: [],
  mark: "flipnet version",
  async files(runs, request) {
    const { parquetWriteBuffer } = await import("hyparquet-writer");
    const about = runs.map(({ runId, config, summary }) => ({
      runId,
      finished: summary !== undefined,
      config,
    }));
    const content = parquetWriteBuffer({
      columnData: columnsOf(runs).map(({ name, type, cells }) => ({
        name,
        type: parquetTypes[type],
        data: type === "integer" ? cells.map((cell) => (cell === null ? null : BigInt(cell))) : cells,
      })),
      kvMetadata: [{ key: "flipnet", value: JSON.stringify({ version: packageVersion(), runs: about }) }],
      createdBy: `flipnet version ${packageVersion()}`,
    });
    return [{ path: placeOf(request, "metrics.parquet"), content: new Uint8Array(content) }];
  },
};

function columnsOf(runs: readonly StoredRun[]): Column[] {
  const rows = runs.flatMap((run) => run.records.map((record) => ({ run, record })));
  const ofRun = (name: string, type: ColumnType, value: (run: StoredRun) => Cell): Column => ({
    name,
    type,
    cells: rows.map(({ run }) => value(run)),
  });
  const ofRecord = (name: string, type: ColumnType): Column => ({
    name,
    type,
    cells: rows.map(({ record }) => record[name] ?? null),
  });

  const counts = ["epoch", "step"];
  const metrics = new Set(rows.flatMap(({ record }) => Object.keys(record)));
  for (const name of ["type", ...counts]) metrics.delete(name);
  return [
    ofRun("runId", "string", ({ runId }) => runId),
    ofRun("task", "string", ({ config }) => config.task),
    ofRun("estimator", "string", ({ config }) => config.estimator),
    ofRun("layers", "integer", ({ config }) => config.hidden.length),
    ofRun("seed", "integer", ({ config }) => config.seed),
    ...differingSettings(runs).map(([name, type]) =>
      ofRun(`config.${name}`, type, ({ config }) => settingCell(config, name, type)),
    ),
    ...counts.map((name) => ofRecord(name, "integer")),
    ...[...metrics].map((name) => {
      const column = ofRecord(name, "number");
      // Metrics are numbers; but a file may say other things, which a column of numbers cannot hold.
      if (!column.cells.some((cell) => typeof cell === "string")) return column;
      const texts = column.cells.map((cell) => (cell === null ? null : String(cell)));
      return { name, type: "string" as const, cells: texts };
    }),
  ];
}

/** Settings in which runs differ, but for those that have their columns anyway, and what holds all their values. */
function differingSettings(runs: readonly StoredRun[]): [string, ColumnType][] {
  const names = new Set(runs.flatMap(({ config }) => Object.keys(config)));
  for (const name of ["task", "estimator", "seed"]) names.delete(name);
  return [...names]
    .map((name) => [name, runs.map(({ config }) => (config as Record<string, unknown>)[name])] as const)
    .filter(([, values]) => new Set(values.map((value) => JSON.stringify(value))).size > 1)
    .map(([name, values]) => {
      const types = new Set(values.filter((value) => value !== undefined).map((value) => typeof value));
      const [type] = types;
      return [name, types.size === 1 && (type === "boolean" || type === "number") ? type : "string"];
    });
}

/** A setting's value; as JSON where it is a list. */
function settingCell(config: object, name: string, type: ColumnType): Cell {
  const value = (config as Record<string, unknown>)[name];
  if (value === undefined) return null;
  return type !== "string" || typeof value === "string" ? (value as Cell) : JSON.stringify(value);
}
