/** The data of a run: images, a table made into numbers, or none. */
import { createHash } from "node:crypto";
import { InputError } from "flipnet/internal/formats/errors";
import { suggestion } from "flipnet/internal/formats/nearest";
import type { PlainRows, TableRows } from "flipnet/internal/formats/table-data";
import { deriveKey, newKey, permutation } from "flipnet/internal/random/threefry";
import {
  groupsOf,
  inputsIn,
  inputsOf,
  type Preparation,
  type PreparedWithTarget,
  type PrepareOptions,
  prepare,
  rowsOf,
  weightsIn,
} from "flipnet/internal/tables/prepare";
import type { Table } from "flipnet/internal/tables/table";
import type { TaskData } from "flipnet/internal/tasks/definition";
import { isOwnObjective, type OwnObjective } from "flipnet/internal/tasks/own-objective";
import { type ImageSets, loadLabelledImages } from "flipnet/node";
import { npzImages } from "../data/npz-images.ts";
import { pngFolder } from "../data/png-folder.ts";
import { pathsIn, readTable } from "../data/table.ts";
import { type Config, taskOf } from "../settings/config.ts";
import { tables } from "../settings/described.ts";
import { loadModule } from "../settings/module.ts";

/** What a task learns from. */
export interface LoadedData {
  /** Absent where the task makes its own. */
  readonly data?: TaskData;
  /** SHA-256 of it, in hex; `none` where a task makes its own. */
  readonly digest: string;
  /** How a table was prepared. */
  readonly preparation?: Preparation;
  /** What was left out of a table, and what is strange about images. */
  readonly notes?: readonly string[];
}

/** Loads a config's data. @throws InputError for data that cannot be used */
export async function loadData(config: Config): Promise<LoadedData> {
  switch (taskOf(config).data) {
    case "images": {
      const { data } = config;
      const found = data === undefined ? undefined : ((await npzImages(data)) ?? (await pngFolder(data)));
      const images = found ?? (await loadLabelledImages({ data }));
      return { data: images, digest: images.digest, notes: strangeness(images) };
    }
    case "table":
    case "rows":
      return loadTable(config, taskOf(config).data === "table");
    case "objective":
      return loadObjective(config);
    default:
      return { digest: "none" };
  }
}

/** What is hardly meant, though it can be learned from. */
function strangeness({ train: { labels, images, classes } }: ImageSets): string[] {
  const seen = new Set(labels);
  const missing = Array.from({ length: classes }, (_, label) => label).filter((label) => !seen.has(label));
  const listed = missing.length > 6 ? `${missing.slice(0, 6).join(", ")} and others` : missing.join(", ");
  return [
    ...(missing.length > 0
      ? [`no training image has the label ${listed}; there are ${classes} classes, as the highest label says`]
      : []),
    ...(images.some((byte) => byte > 1)
      ? []
      : ["no byte of the training images is above 1, which is all but black; white is 255"]),
  ];
}

function loadObjective({ objective }: Config): LoadedData {
  if (typeof objective !== "string") {
    throw new InputError("there is no objective; expected one, as in --objective ./mine.mjs");
  }
  const { value, digest } = loadModule(objective, {
    ...{ what: "objective", made: "one that defineObjective has made", fits: isOwnObjective },
  });
  return { data: value as OwnObjective, digest };
}

/** The settings of a table, as `settings/described.ts` has them. */
type TableSettings = PrepareOptions & {
  readonly data?: string;
  readonly test?: string;
  readonly testShare?: number;
  readonly rowWeights?: string;
  readonly seed: number;
};

/** What decides which data a config has, as a text: of tables more than where they are. */
export function dataKeyOf(config: Config): string {
  const kind = taskOf(config).data;
  const names =
    kind === "table" || kind === "rows" ? [...Object.keys(tables), "seed"] : ["data", "objective"];
  return JSON.stringify([config.task, ...names.map((name) => config[name])]);
}

async function loadTable(config: Config, hasTarget: boolean): Promise<LoadedData> {
  const settings = config as unknown as TableSettings;
  const { data, target, test, testShare, rowWeights, seed } = settings;
  for (const [name, value] of Object.entries({ data, ...(hasTarget && { target }) })) {
    if (value !== undefined) continue;
    throw new InputError(`there is no ${name}; expected one, as in --data table.csv --target income`);
  }
  if (test !== undefined && testShare !== undefined) {
    throw new InputError(`test and testShare are both given; expected one`);
  }
  const options = { ...settings, weight: rowWeights };
  const isWanted = wantedBy(options);
  const names = new Set<string>();
  const wanted = (column: string) => names.add(column) && isWanted(column);
  const table = await readTable(pathsIn(data!), wanted);
  const stranger = options.ignore?.find((name) => !names.has(name));
  if (stranger !== undefined) {
    throw new InputError(
      `${table.path} has no column "${stranger}" to ignore; ${suggestion(stranger, [...names])}`,
    );
  }
  const own = test === undefined ? undefined : await readTable(pathsIn(test), wanted);
  const { train, held } = split(table.rows, own === undefined ? (testShare ?? 0.2) : 0, seed);
  const { preparation, notes } = prepare(table, train, options);
  const width = inputsOf(preparation);
  const measured: [Table, Uint32Array] = own === undefined ? [table, held] : [own, all(own.rows)];
  const loaded = hasTarget
    ? labelled(preparation as PreparedWithTarget, rowWeights)
    : { ...plain(preparation, rowWeights), width, groups: groupsOf(preparation) };
  const { train: learned, test: seen } = loaded;
  return {
    data: loaded,
    digest: digestOf(preparation, [learned, seen]),
    preparation,
    notes: [sizesOf(table, learned, seen, preparation), ...notes],
  };

  function labelled(prepared: PreparedWithTarget, weight: string | undefined) {
    return {
      train: rowsOf(table, prepared, train, weight),
      test: rowsOf(measured[0], prepared, measured[1]),
      width,
      classes: prepared.target.classes.length,
    };
  }

  function plain(prepared: Preparation, weight: string | undefined): { train: PlainRows; test: PlainRows } {
    const rows = (from: Table, which: Uint32Array) => ({
      count: which.length,
      inputs: inputsIn(from, prepared, which),
    });
    const weights = weight === undefined ? {} : { weights: weightsIn(table, weight, train) };
    return { train: { ...rows(table, train), ...weights }, test: rows(...measured) };
  }
}

function sizesOf({ path }: Table, train: PlainRows, test: PlainRows, preparation: Preparation): string {
  const [learned, measured, inputs] = [train.count, test.count, inputsOf(preparation)].map((n) =>
    n.toLocaleString("en"),
  );
  const sizes = `${path}: ${learned} rows to learn from, ${measured} to measure on; ${inputs} inputs`;
  if (preparation.target === undefined) return sizes;
  const { name, classes } = preparation.target;
  const listed = classes.length <= 6 ? `: ${classes.join(", ")}` : "";
  return `${sizes}; ${name} has ${classes.length} classes${listed}`;
}

/** Columns that have to be read: `--ignore` leaves others out, before anything is found wrong with them. */
function wantedBy({ target, features, ignore = [], weight }: PrepareOptions): (column: string) => boolean {
  if (features === undefined) return (column) => !ignore.includes(column);
  const all = new Set([target, weight, ...features]);
  return (column) => all.has(column);
}

const all = (rows: number): Uint32Array => Uint32Array.from({ length: rows }, (_, row) => row);

/** Rows to learn from and rows that are held out, each in the order of the table. */
function split(rows: number, share: number, seed: number): { train: Uint32Array; held: Uint32Array } {
  const order = permutation(deriveKey(seed, "task", 0, newKey()), all(rows));
  const count = share === 0 ? 0 : Math.max(1, Math.round(share * rows));
  return { held: order.slice(0, count).sort(), train: order.slice(count).sort() };
}

/** Over what the network sees: the same table in another format is the same data. */
function digestOf(preparation: Preparation, sets: readonly (PlainRows & Partial<TableRows>)[]): string {
  const hash = createHash("sha256").update(JSON.stringify(preparation));
  for (const { inputs, labels, weights } of sets) {
    for (const numbers of [inputs, labels, weights]) {
      if (numbers === undefined) continue;
      hash.update(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
    }
  }
  return hash.digest("hex");
}
