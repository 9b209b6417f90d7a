import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImmediateBackend } from "flipnet/internal/backend/backend";
import { writeIdx } from "flipnet/internal/formats/idx";
import { GivenDraws } from "flipnet/internal/network/draws";
import { createPass, samplePass } from "flipnet/internal/network/pass";
import { PbfReader } from "pbf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { matrixOf, numbers } from "../../../flipnet/test/helpers.ts";
import { type ExportOptions, exportRuns } from "../../src/export/export.ts";
import { readCheckpoint } from "../../src/running/checkpoint.ts";
import { readRun, runFiles } from "../../src/running/run-folder.ts";
import { trainRun } from "../../src/running/runs.ts";
import { createBackend, loadWorkload } from "../../src/running/workload.ts";
import { parseConfig } from "../../src/settings/config.ts";
import { differences, load } from "../onnx/session.ts";

const root = mkdtempSync(join(tmpdir(), "flipnet-onnx-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Images of 5 x 4 pixels in classes, each of which lights a part of its own. */
function makeData(classes: number): string {
  const data = join(root, `data-${classes}`);
  mkdirSync(data);
  for (const [set, count] of [
    ["train", 60],
    ["t10k", 12],
  ] as const) {
    const labels = Uint8Array.from({ length: count }, (_, i) => i % classes);
    const images = Uint8Array.from({ length: count * 20 }, (_, e) =>
      e % classes === labels[Math.floor(e / 20)] ? 200 : 20,
    );
    writeFileSync(join(data, `${set}-images-idx3-ubyte`), writeIdx([count, 5, 4], images));
    writeFileSync(join(data, `${set}-labels-idx1-ubyte`), writeIdx([count], labels));
  }
  return data;
}
const three = makeData(3);
const two = makeData(2);

const small = { epochs: 2, batchSize: 6, learningRate: 0.05, out: join(root, "runs") };
const train = async (settings: Record<string, unknown>) =>
  (await trainRun(parseConfig({ ...small, ...settings }))).folder;

const exported = async (folder: string, options: Partial<ExportOptions> = {}) => {
  const { files } = await exportRuns([folder], { format: "onnx", ...options });
  return readFileSync(files[0]);
};

const runs: Record<string, Record<string, unknown>> = {
  "a bandit with a softmax layer and a skip connection": {
    data: three,
    hidden: [7, "softmax:4x3", { units: 5, parents: ["input", 0, 1] }],
  },
  "a bandit of {0,1} units with a Bernoulli output": {
    data: two,
    hidden: [6],
    units: "zero-one",
    output: "bernoulli",
  },
  "a bandit with convolutions": { data: three, hidden: [6], convolutions: [3, 2], kernelSize: 2 },
  "a multiplexer": {
    task: "multiplexer",
    k: 2,
    hidden: [8, 6],
    steps: 20,
    recordEvery: 10,
    epochs: undefined,
  },
  "an auto-encoder on the reference backend": {
    task: "vae",
    data: three,
    hidden: [8, 4],
    boundSamples: 1,
    backend: "reference",
  },
};

describe("the exported graph with noise does what the trained network does:", () => {
  const rows = 100;
  it.each(Object.keys(runs))("%s", async (name) => {
    const folder = await train(runs[name]);
    const { config } = await readRun(folder);
    const backend = (await createBackend(config)) as ImmediateBackend;
    const { training } = await (await loadWorkload(config)).prepare(backend);
    training.restore((await readCheckpoint(runFiles(folder).checkpoint))!.tensors);
    const { network } = training.learner;

    const bits = numbers(1, rows * network.inputs, 0, 1).map((u) => (u < 0.4 ? 1 : 0));
    const pass = createPass(network, matrixOf(backend, rows, bits));
    const uniforms = network.layers.map(({ units }, l) => numbers(l, rows * units, 0, 1));
    const given = uniforms.map((u) => matrixOf(backend, rows, u));
    samplePass(pass, new GivenDraws(({ layer }) => given[layer.index]));

    const top = network.layers.length - 1;
    const run = await load(
      await exported(folder, { graph: "noise", ...(config.task === "vae" && { part: "encoder" }) }),
    );
    const acts = config.task !== "vae";
    const found = await run(
      {
        input: bits,
        ...(config.task !== "multiplexer" && { "noise.input": numbers(9, bits.length, 0, 1) }),
        ...Object.fromEntries(
          uniforms.map((u, l) => [acts && l === top ? "noise.action" : `noise.hidden.${l}`, u]),
        ),
      },
      rows,
    );
    for (const { index, width, kind } of network.layers) {
      const did = backend.readNow(pass.layers[index].bits);
      if (acts && index === top) {
        const action = (b: number) =>
          kind === "softmax" ? did.subarray(b * width, (b + 1) * width).indexOf(1) : did[b];
        expect([...found.action]).toEqual(Array.from({ length: rows }, (_, b) => action(b)));
      } else {
        const bits = found[`hidden.${index}`].map((x) => (x > 0 ? 1 : 0));
        expect(differences(bits, did)).toEqual([]);
      }
    }
    backend.close();
  });
});

describe("export --format onnx", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await train({ data: three, hidden: [4] });
  });

  it("says in the file where it comes from", async () => {
    const metadata: Record<string, string> = {};
    new PbfReader(await exported(folder)).readFields((tag, _, model) => {
      if (tag !== 14) return;
      const entry: string[] = [];
      model.readMessage((place, texts, pair) => {
        texts[place - 1] = pair.readString();
      }, entry);
      metadata[entry[0]] = entry[1];
    }, undefined);
    const { config, runId } = await readRun(folder);
    expect(metadata).toEqual({
      graph: "sample",
      runId,
      step: "20",
      version: expect.stringMatching(/^\d/),
      config: JSON.stringify(config),
    });
  });

  it("is the same bytes every time", async () => {
    expect(await exported(folder, { seed: 1 })).toEqual(await exported(folder, { seed: 1 }));
  });

  it.each([
    [
      { graph: "samples" },
      '--graph is "samples"; expected one of sample, noise, mean-field: did you mean "sample"?',
    ],
    [{ part: "encoder" }, /--part is of auto-encoders; .* is a run of the task "bandit"/],
    [{ graph: "noise", seed: 1 }, '--seed is of the graph "sample", which draws; --graph is "noise"'],
    [{ graph: "mean-field", bernoulliOp: true }, '--bernoulli-op is of the graph "sample", which draws'],
  ] as const)("refuses %o in one sentence", async (options, message) => {
    await expect(exported(folder, options)).rejects.toThrow(message);
  });

  it("runs as docs/export.md has it", async () => {
    await exported(folder);
    const [, program] = /```js\n(import .*?onnxruntime.*?)```/s.exec(readFileSync("docs/export.md", "utf8"))!;
    const own = program.replaceAll("784", "20").replace(/runs.*(?=\/model\.onnx)/, folder);
    const printed = execFileSync(process.execPath, ["--input-type=module", "-e", own], { encoding: "utf8" });
    expect(printed).toMatch(/^BigInt64Array\(2\) \[ [012]n, [012]n \] \[ 2, 3 \]\n$/);
  });

  it("needs the data for convolutions alone, and says so where it is gone", async () => {
    const data = makeData(4);
    const [plain, convolved] = [
      await train({ data, hidden: [4] }),
      await train({ data, hidden: [4], convolutions: [2] }),
    ];
    rmSync(data, { recursive: true });
    expect((await exported(plain)).length).toBeGreaterThan(0);
    await expect(exported(convolved)).rejects.toThrow(data);
  });
});
