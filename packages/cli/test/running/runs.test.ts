import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { open, stat } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { kernelKinds } from "flipnet/internal/backend/kinds";
import { InputError } from "flipnet/internal/formats/errors";
import { writeIdx } from "flipnet/internal/formats/idx";
import { decode } from "flipnet/internal/formats/safetensors";
import { generator } from "flipnet/internal/random/threefry";
import { DivergedError, type EpochRecord } from "flipnet/internal/training/training";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { listRuns, type RunOptions, readRun, trainRun } from "../../src/index.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/running/checkpoint.ts";
import { packageVersion } from "../../src/running/environment.ts";
import { runFiles, runIdOf } from "../../src/running/run-folder.ts";
import { StorageError } from "../../src/running/storage.ts";
import { parseConfig } from "../../src/settings/config.ts";

const root = mkdtempSync(join(tmpdir(), "flipnet-runs-"));
afterAll(() => rmSync(root, { recursive: true }));

// 60 training and 20 test images of 16 pixels in three classes: a third of the image is lit.
const data = join(root, "data");
mkdirSync(data);
for (const [set, count] of [
  ["train", 60],
  ["t10k", 20],
] as const) {
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 3);
  const images = Uint8Array.from({ length: count * 16 }, (_, e) =>
    Math.floor((e % 16) / 5.4) === labels[e >> 4] ? 200 : 20,
  );
  writeFileSync(join(data, `${set}-images-idx3-ubyte`), writeIdx([count, 4, 4], images));
  writeFileSync(join(data, `${set}-labels-idx1-ubyte`), writeIdx([count], labels));
}

/** Where the test's runs go. */
let out = "";
beforeEach(() => {
  out = mkdtempSync(join(root, "out-"));
});

const settings = { hidden: [6], batchSize: 5, epochs: 4, learningRate: 0.01, data };
const train = (more: Record<string, unknown> = {}, options: RunOptions = {}) =>
  trainRun(parseConfig({ ...settings, out, ...more }), options);

/** Trains and stops after so many epochs. */
function trainUntil(epochs: number, more: Record<string, unknown> = {}) {
  const stop = new AbortController();
  return train(more, {
    signal: stop.signal,
    onEpoch: ({ epoch }) => {
      if (epoch === epochs) stop.abort();
    },
  });
}

const withoutTimes = (records: readonly EpochRecord[]) => records.map(({ msPerStep, ...record }) => record);

/** What has to be the same, however a run came about. */
async function outcome(folder: string) {
  const { records } = await readRun(folder);
  const { tensors } = (await readCheckpoint(runFiles(folder).checkpoint))!;
  return { records: withoutTimes(records), tensors };
}

/** Every file below a folder, with its bytes. */
function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [
      join(parentPath, name),
      readFileSync(join(parentPath, name), "latin1"),
    ]),
  );
}

const rejection = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => expect.fail("it succeeded"),
    (error) => error,
  );

describe("a run's identity", () => {
  const id = (more: Record<string, unknown> = {}, digest = "d") =>
    runIdOf(parseConfig({ kernels: "portable", ...more }), digest);

  it("has 16 hex digits", () => expect(id()).toMatch(/^[0-9a-f]{16}$/));

  it.each([
    ["its length", { epochs: 3 }],
    ["its folder", { out: "elsewhere" }],
    ["the path of the data", { data: "elsewhere" }],
    ["its threads", { threads: 2 }],
    ["a default that is written down", { learningRate: 1e-4, hidden: [200, 200] }],
    ["layers said at length", { hidden: [{ units: 200 }, 200] }],
    ["a setting without effect", { baseline: "none", baselineDecay: 0.5 }],
  ])("is not changed by %s", (_, more) => expect(id(more)).toBe(id()));

  it.each([
    ["the seed", { seed: 1 }],
    ["the kernels", { kernels: "relaxed" }],
    ["the estimator", { estimator: "reinforce" }],
    ["the layers", { hidden: [200] }],
    ["the number of images", { limit: 100 }],
  ])("is changed by %s", (_, more) => expect(id(more)).not.toBe(id()));

  it("is that of softmax layers however they are said", () => {
    const ids = ["softmax:20x10", { units: 20, choices: 10 }, 200].map((layer) => id({ hidden: [layer] }));
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).not.toBe(ids[2]);
  });

  it("is that of layers with other parents however they are said", () => {
    const layers = ["9@input+0", { units: 9, parents: ["input", 0] }, "9@0+input", "softmax:3x3@input+0", 9];
    const ids = layers.map((layer) => id({ hidden: [20, layer] }));
    expect(ids[0]).toBe(ids[1]);
    expect(new Set(ids.slice(1)).size).toBe(4);
  });

  it("is changed by the data", () => expect(id({}, "e")).not.toBe(id()));

  it("stays the same from version to version", () => {
    expect(generator).toBe("threefry2x32-13/1");
    expect(id({ scores: "rounded" })).toMatchInlineSnapshot(`"53836ada725bb59b"`);
    expect(id()).toMatchInlineSnapshot(`"9199348a757eb2d3"`);
  });
});

describe("a run's folder", () => {
  it("holds all of it", async () => {
    const { folder, runId, config, records, summary, status } = await train();
    expect(status).toBe("finished");
    expect(folder).toBe(join(out, `bandit-hnca-${runId}`));
    expect(readdirSync(folder).sort()).toEqual(
      ["checkpoints", "config.json", "environment.json", "metrics.jsonl", "summary.json"].sort(),
    );
    expect(readdirSync(join(folder, "checkpoints"))).toEqual(["latest.safetensors"]);

    expect(records.map(({ epoch, step }) => [epoch, step])).toEqual([
      [1, 12],
      [2, 24],
      [3, 36],
      [4, 48],
    ]);
    const lines = readFileSync(join(folder, "metrics.jsonl"), "utf8").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(records);

    const { epoch, step, type, msPerStep, ...last } = records[3];
    const sorted = records.map((record) => record.msPerStep).sort((a, b) => a - b);
    expect(summary).toEqual({
      type: "summary",
      runId,
      folder,
      onlineAccuracy: last.onlineAccuracy,
      testAccuracy: last.testAccuracy,
      gradientVariance: last.gradientVariance,
      logGradientVariance: last.logGradientVariance,
      msPerStep: (sorted[1] + sorted[2]) / 2,
      epochs: 4,
    });
    expect(await readRun(folder)).toMatchObject({ folder, runId, config, records, summary });
    expect(await listRuns(out)).toEqual([await readRun(folder)]);
  });

  it("holds a config that makes the same run, with the kernels chosen", async () => {
    const { folder, runId, config } = await train();
    const stored = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
    expect(parseConfig(stored)).toEqual(config);
    expect(kernelKinds).toContain(config.kernels);
    expect(await trainRun(parseConfig(stored))).toMatchObject({ runId, status: "reused" });
  });

  it("says what the run was made with", async () => {
    const { folder, runId } = await trainUntil(1);
    await train({}, { resume: true });
    const environment = JSON.parse(readFileSync(join(folder, "environment.json"), "utf8"));
    expect(environment).toMatchObject({ runId, generator, starts: [{ step: 0 }, { step: 12 }] });
    expect(environment.starts[0]).toMatchObject({ version: packageVersion(), node: process.version });
  });

  it("holds a checkpoint that other programs can read", async () => {
    const { folder, runId } = await train();
    const bytes = readFileSync(runFiles(folder).checkpoint);
    const { tensors, metadata } = decode(bytes, "the checkpoint");
    expect(tensors["layers.0.weights"]).toMatchObject({ dtype: "F32", shape: [6, 16] });
    expect(tensors["layers.1.bias"].shape).toEqual([3]);
    expect(metadata).toMatchObject({ runId, step: "48", generator, version: packageVersion() });
    const size = readFileSync(runFiles(folder).metrics).length;
    expect(metadata.metricsOffset).toBe(String(size));
  });

  it("is passed over in a list of runs if it is another thing's", async () => {
    mkdirSync(join(out, "notes"));
    expect(await listRuns(out)).toEqual([]);
  });
});

describe("a finished run", () => {
  it("is not run again", async () => {
    const first = await train();
    const before = contents(first.folder);
    let started = 0;
    const again = await train({}, { onStart: ({ records }) => (started = records.length) });
    expect(again).toEqual({ ...first, status: "reused" });
    expect(started).toBe(4);
    expect(contents(first.folder)).toEqual(before);
  });

  it("gets its summary if it ended before that was written", async () => {
    for (const more of [{}, { task: "vae", boundSamples: 4 }]) {
      const { folder, summary } = await train(more);
      rmSync(runFiles(folder).summary);
      const again = await train(more);
      expect(again).toMatchObject({ status: "finished", summary });
      expect((await readRun(folder)).summary).toEqual(summary);
    }
  });

  it("answers for fewer epochs too, as a run of that length would", async () => {
    const long = await train();
    const short = await train({ epochs: 2 });
    expect(short).toMatchObject({ status: "reused", summary: { epochs: 2 } });
    expect(short.records).toEqual(long.records.slice(0, 2));
  });

  it("goes on for more epochs when it is told to", async () => {
    const { folder } = await train({ epochs: 2 });
    const before = contents(folder);
    const error = await rejection(train());
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toBe(
      `${folder} holds this run with 2 of 4 epochs done (24 steps); add --resume to go on with it`,
    );
    expect(contents(folder)).toEqual(before);

    const longer = await train({}, { resume: true });
    expect(longer).toMatchObject({ folder, status: "finished", summary: { epochs: 4 } });
    const calm = await train({ out: join(out, "calm") });
    expect(await outcome(folder)).toEqual(await outcome(calm.folder));
  });
});

describe("a stopped run", () => {
  it.each([
    { backend: "wasm" },
    { backend: "reference", hidden: [], optimizer: "sgd" },
    { baseline: "running-average", units: "zero-one" },
    { hidden: [6, "softmax:4x3", { units: 5, parents: ["input", 0] }] },
    { task: "vae", hidden: ["softmax:3x2", 4], evaluateEvery: 3, boundSamples: 4 },
    {
      ...{ task: "vae", hidden: [6, 4], baseline: "running-average" },
      ...{ evaluateEvery: 3, boundSamples: 4, klWarmUp: 3 },
    },
  ])("goes on as if it had not been: %o", async (more) => {
    const calm = await train({ ...more, out: join(out, "calm") });
    const stopped = await trainUntil(1, more);
    expect(stopped).toMatchObject({ status: "stopped", summary: undefined });
    expect(existsSync(runFiles(stopped.folder).summary)).toBe(false);
    const resumed = await train(more, { resume: true });
    expect(withoutTimes(resumed.records)).toEqual(withoutTimes(calm.records));
    expect(await outcome(stopped.folder)).toEqual(await outcome(calm.folder));
  });

  it("goes on in the middle of an epoch", async () => {
    const more = { epochs: 2, batchSize: 1 };
    // Where every look at the clock is a second later a training pauses after every step.
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => (now += 1000));
    const calm = await train({ ...more, out: join(out, "calm") });
    const stop = new AbortController();
    let stopped = { step: 0, stepsPerEpoch: 1 };
    const options = {
      signal: stop.signal,
      onProgress: (progress: typeof stopped) => {
        stopped = progress;
        stop.abort();
      },
    };
    const first = await train(more, options);
    expect(stopped.step).toBeGreaterThan(0);
    expect(stopped.step).toBeLessThan(stopped.stepsPerEpoch);
    await train(more, { resume: true });
    expect(await outcome(first.folder)).toEqual(await outcome(calm.folder));
  });

  it("is not begun again by mistake", async () => {
    const { folder } = await trainUntil(1);
    const before = contents(folder);
    const { message } = await rejection(train());
    expect(message).toMatch(/1 of 4 epochs done \(12 steps\); add --resume/);
    expect(contents(folder)).toEqual(before);
  });

  it("loses what was written after the checkpoint, and writes it again", async () => {
    const { folder } = await trainUntil(2);
    const { metrics } = runFiles(folder);
    writeFileSync(metrics, `${readFileSync(metrics, "utf8")}{"type":"epoch","epoch":3}\n{"type":"ep`);
    await train({}, { resume: true });
    const calm = await train({ out: join(out, "calm") });
    expect(await outcome(folder)).toEqual(await outcome(calm.folder));
  });

  it("begins at the beginning if it never wrote a checkpoint", async () => {
    const { folder } = await train();
    const expected = await outcome(folder);
    rmSync(runFiles(folder).checkpoint);
    expect((await rejection(train())).message).toMatch(/0 of 4 epochs done .*add --resume/);
    await train({}, { resume: true });
    expect(await outcome(folder)).toEqual(expected);
  });
});

describe("a checkpoint that cannot be used", () => {
  /** Spoils a run and expects a sentence, whether it is to be resumed or not, and nothing changed. */
  async function refused(spoil: (files: ReturnType<typeof runFiles>) => unknown, sentence: RegExp) {
    const { folder } = await trainUntil(2);
    await spoil(runFiles(folder));
    const before = contents(folder);
    for (const resume of [true, false]) {
      const error = await rejection(train({}, { resume }));
      expect(error).toBeInstanceOf(InputError);
      expect(error.message).toMatch(sentence);
    }
    expect(contents(folder)).toEqual(before);
  }

  it("is cut short", () =>
    refused(({ checkpoint }) => {
      writeFileSync(checkpoint, readFileSync(checkpoint).subarray(0, -100));
    }, /^the checkpoint .*latest\.safetensors cannot be read as safetensors: /));

  it("is empty", () =>
    refused(({ checkpoint }) => writeFileSync(checkpoint, ""), /it has 0 bytes, expected 8 or more/));

  it("has a wrong bit among its numbers", () =>
    refused(({ checkpoint }) => {
      const bytes = readFileSync(checkpoint);
      bytes[bytes.length - 40] ^= 1;
      writeFileSync(checkpoint, bytes);
    }, /^the checkpoint .* is corrupt: its content does not have the digest it names$/));

  it("is another config's", () =>
    refused(async ({ checkpoint }) => {
      const other = await trainUntil(2, { seed: 7 });
      cpSync(runFiles(other.folder).checkpoint, checkpoint);
    }, /belongs to another run: its runId is [0-9a-f]{16}, expected [0-9a-f]{16}$/));

  it.each([
    ["generator", "threefry2x32-12/1"],
    ["kernels", "float64"],
  ])("is of another %s", (name, value) =>
    refused(
      async ({ checkpoint }) => {
        const { tensors, metadata } = (await readCheckpoint(checkpoint))!;
        await writeCheckpoint(checkpoint, { tensors, metadata: { ...metadata, [name]: value } });
      },
      new RegExp(`belongs to another run: its ${name} is ${value}, expected `),
    ),
  );

  /** Changes what the checkpoint says, and seals it. */
  const sealed = (name: string, value: string | undefined) => async (files: ReturnType<typeof runFiles>) => {
    const { tensors, metadata } = (await readCheckpoint(files.checkpoint))!;
    const all = Object.entries({ ...metadata, [name]: value }).filter(([, text]) => text !== undefined);
    await writeCheckpoint(files.checkpoint, {
      tensors,
      metadata: Object.fromEntries(all) as typeof metadata,
    });
  };

  it.each([
    ["metricsOffset", "NaN", /its metricsOffset is "NaN"; expected a whole number$/],
    ["metricsOffset", undefined, /its metricsOffset is missing; expected a whole number$/],
    ["step", "-1", /its step is "-1"; expected a whole number$/],
  ])("has a %s of %s", (name, value, sentence) => refused(sealed(name, value), sentence));

  it.each([
    ["step", "3", /it stands at step \d+ after 2 epochs; expected step 3, as it says/],
    [
      "metricsOffset",
      "0",
      /after 2 epochs; expected step \d+, as it says, and 0 epochs, as .*metrics\.jsonl/,
    ],
  ])("says another %s than its training has", async (name, value, sentence) => {
    const { folder } = await trainUntil(2);
    await sealed(name, value)(runFiles(folder));
    const before = contents(folder);
    expect((await rejection(train({}, { resume: true }))).message).toMatch(sentence);
    expect(contents(folder)).toEqual(before);
  });

  it("is ahead of the metrics", () =>
    refused(
      ({ metrics }) => writeFileSync(metrics, ""),
      /metrics\.jsonl is cut short: 0 bytes, expected at least \d+, as the checkpoint says$/,
    ));
});

describe("a locked folder", () => {
  const gone = () => spawnSync(process.execPath, ["-e", ""]).pid;
  const lock = (folder: string, holder: object) =>
    writeFileSync(join(folder, "lock"), JSON.stringify({ id: "1", host: hostname(), ...holder }));

  it("is left to the process that writes it", async () => {
    const { folder } = await trainUntil(1);
    lock(folder, { pid: process.ppid });
    const before = contents(folder);
    const error = await rejection(train({}, { resume: true }));
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toBe(
      `another process is writing this run (process ${process.ppid} on ${hostname()}); ` +
        `wait for it, or delete ${join(folder, "lock")} if it is gone`,
    );
    expect(contents(folder)).toEqual(before);
  });

  it("is left to a process elsewhere", async () => {
    const { folder } = await trainUntil(1);
    lock(folder, { pid: gone(), host: "elsewhere" });
    expect((await rejection(train({}, { resume: true }))).message).toMatch(/process \d+ on elsewhere/);
  });

  it("is taken over from a process that is gone", async () => {
    const { folder } = await trainUntil(1);
    lock(folder, { pid: gone() });
    expect(await train({}, { resume: true })).toMatchObject({ status: "finished" });
    expect(readdirSync(folder).filter((name) => name.startsWith("lock"))).toEqual([]);
  });

  it.runIf(existsSync("/proc/self/stat"))(
    "is taken over if the number is another process's now",
    async () => {
      const { folder } = await trainUntil(1);
      lock(folder, { pid: process.pid, started: "1" });
      expect(await train({}, { resume: true })).toMatchObject({ status: "finished" });
    },
  );

  it("is left alone if the lock says nothing", async () => {
    const { folder } = await trainUntil(1);
    writeFileSync(join(folder, "lock"), "{");
    expect((await rejection(train({}, { resume: true }))).message).toMatch(/lock is no lock of flipnet's/);
  });

  it("goes to one of many that want it", async () => {
    const { folder } = await trainUntil(1);
    lock(folder, { pid: gone() });
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => train({ epochs: 40 }, { resume: true })),
    );
    const finished = results.filter(({ status }) => status === "fulfilled");
    expect(finished).toHaveLength(1);
    const calm = await train({ epochs: 40, out: join(out, "calm") });
    expect(await outcome(folder)).toEqual(await outcome(calm.folder));
  });
});

describe("trouble while a run is written", () => {
  it("on a full disk keeps the last checkpoint", async () => {
    const { folder } = await trainUntil(2);
    const { checkpoint, checkpoints } = runFiles(folder);
    const before = readFileSync(checkpoint);
    const file = await open(checkpoint);
    const full = vi.spyOn(Object.getPrototypeOf(file), "writeFile").mockImplementation(async () => {
      throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
    });
    await file.close();
    const error = await rejection(train({}, { resume: true })).finally(() => full.mockRestore());
    expect(error).toBeInstanceOf(StorageError);
    expect(error.message).toMatch(
      /^the disk is full: .* cannot be written \(ENOSPC\); what was saved before is as it was$/,
    );
    expect(readFileSync(checkpoint)).toEqual(before);
    expect(readdirSync(checkpoints)).toEqual(["latest.safetensors"]);

    await train({}, { resume: true });
    const calm = await train({ out: join(out, "calm") });
    expect(await outcome(folder)).toEqual(await outcome(calm.folder));
  });

  it.each([
    ["the metrics", "metrics.jsonl"],
    ["the checkpoints", "checkpoints"],
  ])("does not follow a link to elsewhere: %s", async (_, name) => {
    const { folder } = await trainUntil(2);
    const [place, elsewhere] = [join(folder, name), join(out, "elsewhere")];
    renameSync(place, elsewhere);
    symlinkSync(elsewhere, place);
    const before = await stat(elsewhere);
    await expect(train({}, { resume: true })).rejects.toThrow(
      /is a link; expected|cannot be written \(ELOOP\)/,
    );
    expect((await stat(elsewhere)).mtimeMs).toBe(before.mtimeMs);
  });

  it("takes away what killed processes were writing", async () => {
    const { folder } = await trainUntil(2);
    const { checkpoints } = runFiles(folder);
    writeFileSync(join(checkpoints, ".flipnet-writing-1"), "half");
    await train({}, { resume: true });
    expect(readdirSync(checkpoints)).toEqual(["latest.safetensors"]);
  });

  it("with numbers that are not finite keeps the last checkpoint", async () => {
    const { folder } = await trainUntil(2);
    const { checkpoint } = runFiles(folder);
    const { tensors, metadata } = (await readCheckpoint(checkpoint))!;
    tensors["layers.1.weights"].data.fill(3e38);
    await writeCheckpoint(checkpoint, { tensors, metadata });
    const before = readFileSync(checkpoint);
    const error = await rejection(train({}, { resume: true }));
    expect(error).toBeInstanceOf(DivergedError);
    expect(error.message).toMatch(/layer.*not finite at step \d+/);
    expect(readFileSync(checkpoint)).toEqual(before);
  });

  it("writes nothing where a run cannot begin", async () => {
    await expect(train({ batchSize: 61 })).rejects.toThrow(InputError);
    await expect(train({ learningRate: [1, 1, 1] })).rejects.toThrow(InputError);
    await expect(train({ hidden: [2 ** 31] })).rejects.toThrow(/needs at least .* of memory/);
    expect(readdirSync(out)).toEqual([]);
  });

  it("names a folder that cannot be made", async () => {
    writeFileSync(join(out, "file"), "");
    const error = await rejection(train({ out: join(out, "file", "runs") }));
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toMatch(/cannot be written \(ENOTDIR\)/);
  });
});

describe("several threads", () => {
  it.each([
    { task: "bandit", estimator: "hnca" },
    { task: "vae", estimator: "f-hnca", boundSamples: 4 },
  ])("give a $task run the bits of one, also where their number changes on the way", async (more) => {
    const large = { ...more, hidden: [90, 70], batchSize: 20, epochs: 3 };
    const on = (threads: number) => ({ ...large, threads, out: join(out, `${threads}`) });
    const expected = await outcome((await train(large)).folder);
    expect(await outcome((await train(on(2))).folder)).toEqual(expected);

    const { folder } = await trainUntil(1, on(3));
    await train({ ...on(2), out: join(out, "3") }, { resume: true });
    expect(await outcome(folder)).toEqual(expected);
    const { starts } = JSON.parse(readFileSync(runFiles(folder).environment, "utf8"));
    expect(starts.map(({ threads }: { threads: number }) => threads)).toEqual([3, 2]);
  });
});
