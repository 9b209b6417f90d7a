import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import { decode, type Tensor } from "flipnet/internal/formats/safetensors";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { type ExportOptions, exportRuns } from "../../src/export/export.ts";
import { encodeEvents } from "../../src/formats/tensorboard.ts";
import { writeCheckpoint } from "../../src/running/checkpoint.ts";
import { packageVersion } from "../../src/running/environment.ts";
import { runFiles } from "../../src/running/run-folder.ts";
import { parseConfig } from "../../src/settings/config.ts";

const root = mkdtempSync(join(tmpdir(), "flipnet-export-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Where the test's runs are. */
let out = "";
beforeEach(() => {
  out = mkdtempSync(join(root, "out-"));
});

const machine = { version: "0.1.0", node: "v20.20.2", platform: "linux-x64", cpu: "a processor" };
const starts = [{ time: "2026-01-02T03:04:05.250Z", step: 0, ...machine }];
/** Seconds since 1970 of that. */
const began = Date.UTC(2026, 0, 2, 3, 4, 5, 250) / 1000;

const records = [
  { type: "epoch", epoch: 1, step: 10, elbo: -200.5, gradientVariance: null, msPerStep: 2 },
  { type: "epoch", epoch: 2, step: 20, elbo: -150.25, gradientVariance: 0.1, testBound: -160, msPerStep: 4 },
];

interface Fake {
  name?: string;
  settings?: Record<string, unknown>;
  records?: object[];
  starts?: object[];
  finished?: boolean;
}

/** An id for each name. */
const runIdNamed = (name: string) => Buffer.from(basename(name)).toString("hex").padStart(16, "0");

/** A run's folder as training leaves it, but for the checkpoint. */
function makeRun({ name = "run", settings = {}, finished = true, ...files }: Fake = {}): string {
  const folder = join(out, name);
  const paths = runFiles(folder);
  mkdirSync(folder);
  const lines = files.records ?? records;
  const config = parseConfig({ hidden: [4, 2], epochs: 2, kernels: "portable", ...settings });
  writeFileSync(paths.config, JSON.stringify(config));
  writeFileSync(
    paths.environment,
    JSON.stringify({
      ...{ runId: runIdNamed(name), dataDigest: "none", generator: "dice/0", kernels: "portable" },
      starts: files.starts ?? starts,
    }),
  );
  writeFileSync(paths.metrics, lines.map((record) => `${JSON.stringify(record)}\n`).join(""));
  const summary = { type: "summary", runId: runIdNamed(name), epochs: lines.length, msPerStep: 1 };
  if (finished) writeFileSync(paths.summary, JSON.stringify(summary));
  return folder;
}

const tensors: Record<string, Tensor> = {
  "layers.0.weights": { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
  "layers.0.bias": { dtype: "F64", shape: [2], data: Float64Array.of(0.1, -0.2) },
  "optimizer.m.layers.0.bias": { dtype: "F32", shape: [2], data: Float32Array.of(7, 8) },
  "estimator.baseline": { dtype: "F32", shape: [1], data: Float32Array.of(9) },
  "training.progress": { dtype: "F64", shape: [1], data: Float64Array.of(20) },
};

async function makeTrainedRun(): Promise<string> {
  const folder = makeRun();
  const { checkpoints, checkpoint } = runFiles(folder);
  mkdirSync(checkpoints);
  await writeCheckpoint(checkpoint, {
    tensors,
    metadata: { runId: runIdNamed("run"), step: "20", version: "0.0.9" },
  });
  return folder;
}

/** The one file that an export writes. */
async function exported(folders: string[], options: ExportOptions): Promise<Buffer> {
  const { files } = await exportRuns(folders, options);
  expect(files).toHaveLength(1);
  return readFileSync(files[0]);
}

const arrayBuffer = (bytes: Buffer) => new Uint8Array(bytes).buffer;

describe("csv", () => {
  it("has a row a record, and nothing where a record has no value", async () => {
    const text = `${await exported([makeRun()], { format: "csv" })}`;
    expect(text.split("\r\n")).toEqual([
      "runId,task,estimator,layers,seed,epoch,step,elbo,gradientVariance,msPerStep,testBound",
      "000000000072756e,bandit,hnca,2,0,1,10,-200.5,,2,",
      "000000000072756e,bandit,hnca,2,0,2,20,-150.25,0.1,4,-160",
      "",
    ]);
  });

  it("of several runs has a column for each setting in which they differ", async () => {
    makeRun({ name: "a", settings: { seed: 1, learningRate: 0.1 }, records: records.slice(0, 1) });
    makeRun({
      name: "b",
      settings: { learningRate: [0.1, 0.2, 0.3] },
      records: [{ epoch: 1, step: 9, msPerStep: 3, x: 1 }],
    });
    const text = `${await exported([out], { format: "csv" })}`;
    expect(text.split("\r\n")).toEqual([
      "runId,task,estimator,layers,seed,config.learningRate,epoch,step,elbo,gradientVariance,msPerStep,x",
      "0000000000000061,bandit,hnca,2,1,0.1,1,10,-200.5,,2,",
      '0000000000000062,bandit,hnca,2,0,"[0.1,0.2,0.3]",1,9,,,3,1',
      "",
    ]);
  });

  it("has a run once, however it is named", async () => {
    const folder = makeRun();
    const text = `${await exported([folder, out, `${out}/../${folder.slice(root.length + 1)}`], { format: "csv", out: join(out, "t.csv") })}`;
    expect(text.trim().split("\r\n")).toHaveLength(3);
  });

  it("of a run without records has the names of its columns", async () => {
    const text = `${await exported([makeRun({ records: [], finished: false })], { format: "csv" })}`;
    expect(text).toBe("runId,task,estimator,layers,seed,epoch,step\r\n");
  });
});

describe("parquet", () => {
  it("has types, nulls and the settings", async () => {
    const file = arrayBuffer(
      await exported([makeRun({ settings: { seed: 2 ** 53 - 1 } })], { format: "parquet" }),
    );
    const run = {
      runId: runIdNamed("run"),
      task: "bandit",
      estimator: "hnca",
      layers: 2n,
      seed: 2n ** 53n - 1n,
    };
    expect(await parquetReadObjects({ file })).toEqual([
      { ...run, epoch: 1n, step: 10n, elbo: -200.5, gradientVariance: null, msPerStep: 2, testBound: null },
      { ...run, epoch: 2n, step: 20n, elbo: -150.25, gradientVariance: 0.1, msPerStep: 4, testBound: -160 },
    ]);
    const { schema, key_value_metadata: [{ key, value }] = [] as never } = parquetMetadata(file);
    const types = Object.fromEntries(schema.slice(1).map(({ name, type }) => [name, type]));
    expect(types).toMatchObject({ runId: "BYTE_ARRAY", step: "INT64", elbo: "DOUBLE", testBound: "DOUBLE" });
    expect(key).toBe("flipnet");
    expect(JSON.parse(value!)).toMatchObject({
      version: packageVersion(),
      runs: [{ runId: runIdNamed("run"), finished: true, config: { task: "bandit", hidden: [4, 2] } }],
    });
  });

  it("keeps the types of settings that differ", async () => {
    makeRun({
      name: "a",
      settings: { fullReward: true, task: "vae", hidden: [2], l2: 0.5 },
      records: records.slice(0, 1),
    });
    makeRun({ name: "b", settings: { task: "vae" }, records: records.slice(0, 1) });
    const file = arrayBuffer(await exported([out], { format: "parquet" }));
    const rows = await parquetReadObjects({ file });
    expect(rows.map((row) => ["fullReward", "l2", "hidden"].map((name) => row[`config.${name}`]))).toEqual([
      [true, 0.5, "[2]"],
      [false, null, "[4,2]"],
    ]);
  });

  it("has a text where a record of somebody's own has one, and all of its column as text", async () => {
    const odd = [
      { type: "epoch", epoch: 1, step: 1, msPerStep: 1, note: 0.5 },
      { type: "epoch", epoch: 2, step: 2, msPerStep: 1, note: "=1+1" },
      { type: "epoch", epoch: 3, step: 3, msPerStep: 1 },
    ];
    const file = arrayBuffer(await exported([makeRun({ records: odd })], { format: "parquet" }));
    expect((await parquetReadObjects({ file })).map(({ note }) => note)).toEqual(["0.5", "=1+1", null]);
  });

  it.each([
    ["no records", []],
    ["a metric that is never there", [{ epoch: 1, step: 1, msPerStep: 1, gradientVariance: null }]],
  ])("of a run with %s can be read", async (_, records) => {
    const bytes = await exported([makeRun({ records, finished: false })], { format: "parquet" });
    expect(await parquetReadObjects({ file: arrayBuffer(bytes) })).toHaveLength(records.length);
  });
});

describe("tensorboard", () => {
  const settings = (folder: string) =>
    JSON.stringify(JSON.parse(readFileSync(runFiles(folder).config, "utf8")), undefined, 2).replaceAll(
      /^/gm,
      "    ",
    );

  it("is one file in the run's folder, with metrics by group and the time that the steps took", async () => {
    const folder = makeRun();
    const { files } = await exportRuns([folder], { format: "tensorboard" });
    expect(files).toEqual([join(folder, `events.out.tfevents.${Math.floor(began)}.${runIdNamed("run")}`)]);
    const expected = encodeEvents([
      { wallTime: began, step: 0, texts: { config: settings(folder) } },
      { wallTime: began + 0.02, step: 10, scalars: { epoch: 1, elbo: -200.5, msPerStep: 2 } },
      {
        wallTime: began + 0.02 + 0.04,
        step: 20,
        scalars: { epoch: 2, elbo: -150.25, gradientVariance: 0.1, testBound: -160, msPerStep: 4 },
      },
    ]);
    expect(readFileSync(files[0]).equals(expected)).toBe(true);
  });

  it("counts the time from the start that a record was made after", async () => {
    const at = (step: number, time: number) => ({
      ...starts[0],
      step,
      time: new Date(time * 1000).toISOString(),
    });
    const folder = makeRun({
      // Killed before the first checkpoint, at step 15, and when all was done.
      starts: [at(0, 1000), at(0, 2000), at(15, 3000), at(30, 4000)],
      records: [10, 20, 30].map((step, i) => ({ epoch: i + 1, step, msPerStep: 1000 })),
    });
    const { files } = await exportRuns([folder], { format: "tensorboard" });
    const scalars = (epoch: number) => ({ epoch, msPerStep: 1000 });
    const expected = encodeEvents([
      { wallTime: 1000, step: 0, texts: { config: settings(folder) } },
      { wallTime: 2010, step: 10, scalars: scalars(1) },
      { wallTime: 3005, step: 20, scalars: scalars(2) },
      { wallTime: 3015, step: 30, scalars: scalars(3) },
    ]);
    expect(readFileSync(files[0]).equals(expected)).toBe(true);
  });

  it("keeps runs apart, and a longer run replaces its file", async () => {
    makeRun({ name: "a", records: records.slice(0, 1) });
    makeRun({ name: "b" });
    const board = join(out, "board");
    const { files } = await exportRuns([out], { format: "tensorboard", out: board });
    const name = `events.out.tfevents.${Math.floor(began)}`;
    expect(files).toEqual([
      join(board, "a", `${name}.${runIdNamed("a")}`),
      join(board, "b", `${name}.${runIdNamed("b")}`),
    ]);

    writeFileSync(
      runFiles(join(out, "a")).metrics,
      records.map((record) => `${JSON.stringify(record)}\n`).join(""),
    );
    const before = readFileSync(files[0]).length;
    await exportRuns([join(out, "a")], { format: "tensorboard", out: board });
    expect(readdirSync(join(board, "a"))).toEqual([`${name}.${runIdNamed("a")}`]);
    expect(readFileSync(files[0]).length).toBeGreaterThan(before);
  });
});

describe("safetensors", () => {
  it("has the parameters alone, as float32, and what they come from", async () => {
    const folder = await makeTrainedRun();
    const { tensors, metadata } = decode(await exported([folder], { format: "safetensors" }), "it");
    expect({ ...tensors }).toEqual({
      "layers.0.weights": { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      "layers.0.bias": { dtype: "F32", shape: [2], data: Float32Array.of(0.1, -0.2) },
    });
    const { config, ...rest } = metadata;
    expect(rest).toEqual({ runId: runIdNamed("run"), step: "20", version: "0.0.9" });
    expect(JSON.parse(config)).toMatchObject({ task: "bandit", hidden: [4, 2] });
  });

  it("has the optimizer's state where it is wanted", async () => {
    const folder = await makeTrainedRun();
    const bytes = await exported([folder], { format: "safetensors", withOptimizer: true });
    expect(Object.keys(decode(bytes, "it").tensors).sort()).toEqual([
      "layers.0.bias",
      "layers.0.weights",
      "optimizer.m.layers.0.bias",
    ]);
  });

  it("says that a checkpoint names no step, and needs no version in it", async () => {
    const folder = await makeTrainedRun();
    const { checkpoint } = runFiles(folder);
    await writeCheckpoint(checkpoint, { tensors, metadata: { step: "20" } });
    const { metadata } = decode(await exported([folder], { format: "safetensors" }), "it");
    expect([metadata.step, metadata.version]).toEqual(["20", undefined]);
    await writeCheckpoint(checkpoint, { tensors, metadata: {} });
    await expect(exportRuns([folder], { format: "safetensors", force: true })).rejects.toThrow(
      "is corrupt: its step is missing; expected a whole number",
    );
  });

  it("says that there is no checkpoint, and whose is corrupt", async () => {
    const none = makeRun();
    await expect(exportRuns([none], { format: "safetensors" })).rejects.toThrow(/no checkpoint yet/);
    rmSync(none, { recursive: true });
    const corrupt = await makeTrainedRun();
    const { checkpoint } = runFiles(corrupt);
    const bytes = readFileSync(checkpoint);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(checkpoint, bytes);
    await expect(exportRuns([corrupt], { format: "safetensors" })).rejects.toThrow(/corrupt/);
  });
});

describe("bad input", () => {
  const refusal = async (folders: string[], options: ExportOptions) => {
    const error = await exportRuns(folders, options).then(
      () => undefined,
      (error) => error,
    );
    expect(error).toBeInstanceOf(InputError);
    return error.message;
  };

  it("is a format that there is not", async () => {
    expect(await refusal([makeRun()], { format: "parkett" })).toBe(
      'the format is "parkett"; did you mean "parquet"?',
    );
    expect(await refusal([join(out, "run")], { format: "toString" })).toMatch(/^the format is "toString"; /);
  });

  it("is a word of another kind", async () => {
    const folder = await makeTrainedRun();
    for (const option of [{ graph: [] }, { part: 3 }]) {
      await expect(exportRuns([folder], { format: "onnx", ...option } as never)).rejects.toThrow(
        /^--(graph|part) is (\[\]|3); expected one of /,
      );
    }
    await expect(exportRuns([folder], { format: 3 } as never)).rejects.toThrow("expected one of");
  });

  it("is an option of another format", async () => {
    const message = "--with-optimizer is of the format safetensors; the format is csv";
    expect(await refusal([makeRun()], { format: "csv", withOptimizer: true })).toBe(message);
  });

  it("is a folder without a run, or none at all", async () => {
    expect(await refusal([out], { format: "csv" })).toBe(`${out} is no run, and there is none in it`);
    expect(await refusal([join(out, "none")], { format: "csv" })).toMatch(/cannot be read \(ENOENT\)/);
  });

  it("is more than one run where a file holds one", async () => {
    makeRun({ name: "a" });
    makeRun({ name: "b" });
    expect(await refusal([out], { format: "safetensors" })).toBe("safetensors takes one run; 2 were given");
    expect(await refusal([join(out, "a"), join(out, "b")], { format: "csv" })).toMatch(
      /expected its name after --out/,
    );
  });

  it("is a run that does not say when it was begun", async () => {
    const message = /environment\.json is corrupt: starts is \[\]; expected a list of the times/;
    expect(await refusal([makeRun({ starts: [] })], { format: "tensorboard" })).toMatch(message);
  });

  it("is two runs of one name, which TensorBoard would take for one", async () => {
    mkdirSync(join(out, "more"));
    const runs = [makeRun(), makeRun({ name: "more/run" })];
    const message = /^two runs are called run; /;
    expect(await refusal(runs, { format: "tensorboard", out: join(out, "board") })).toMatch(message);
    expect((await exportRuns(runs, { format: "tensorboard" })).files).toHaveLength(2);
  });

  it("is a file that is there, unless it is to be replaced", async () => {
    const folder = makeRun();
    const path = join(out, "mine.txt");
    writeFileSync(path, "mine");
    expect(await refusal([folder], { format: "csv", out: path })).toMatch(
      /is there already; expected another name, or --force/,
    );
    expect(readFileSync(path, "utf8")).toBe("mine");
    await exportRuns([folder], { format: "csv", out: path, force: true });
    expect(readFileSync(path, "utf8")).toMatch(/^runId,/);
  });

  it("is a file of the run itself, always", async () => {
    const folder = makeRun();
    const { metrics } = runFiles(folder);
    const before = readFileSync(metrics);
    expect(await refusal([folder], { format: "csv", out: metrics, force: true })).toMatch(
      /is a file of the run itself/,
    );
    expect(readFileSync(metrics).equals(before)).toBe(true);
  });

  it("is a place where nothing can be written", async () => {
    const folder = makeRun();
    const file = join(out, "file");
    writeFileSync(file, "");
    expect(await refusal([folder], { format: "csv", out: join(file, "x.csv") })).toMatch(
      /cannot be written \(E/,
    );
    expect(await refusal([folder], { format: "tensorboard", out: file })).toMatch(/cannot be written \(E/);
    expect(await refusal([folder], { format: "csv", out: folder, force: true })).toBe(
      `${folder} is a folder; expected the name of a file`,
    );
    expect(existsSync(`${folder}.tmp`)).toBe(false);
  });
});
