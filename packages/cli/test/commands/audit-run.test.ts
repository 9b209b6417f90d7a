// A trained network is audited, cut to what can be enumerated.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { audit } from "flipnet/internal/audit/audit";
import type { BanditSpec } from "flipnet/internal/audit/bandit-spec";
import type { ElboSpec } from "flipnet/internal/audit/elbo-spec";
import { writeIdx } from "flipnet/internal/formats/idx";
import { afterAll, expect, it } from "vitest";
import { cutRun } from "../../src/commands/audit-run.ts";
import { readCheckpoint } from "../../src/running/checkpoint.ts";
import { runFiles } from "../../src/running/run-folder.ts";
import { trainRun } from "../../src/running/runs.ts";
import { parseConfig } from "../../src/settings/config.ts";
import { flipnet } from "./flipnet.ts";

const root = mkdtempSync(join(tmpdir(), "flipnet-audit-run-"));
afterAll(() => rmSync(root, { recursive: true }));
const data = join(root, "data");
mkdirSync(data);
for (const [set, count] of [
  ["train", 60],
  ["t10k", 12],
] as const) {
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 3);
  const images = Uint8Array.from({ length: count * 20 }, (_, e) =>
    e % 3 === labels[Math.floor(e / 20)] ? 200 : 20,
  );
  writeFileSync(join(data, `${set}-images-idx3-ubyte`), writeIdx([count, 5, 4], images));
  writeFileSync(join(data, `${set}-labels-idx1-ubyte`), writeIdx([count], labels));
}

const train = async (settings: object) => {
  const config = parseConfig({
    seed: 3,
    batchSize: 10,
    out: join(root, "runs"),
    kernels: "portable",
    ...settings,
  });
  const { folder } = await trainRun(config);
  const { tensors } = (await readCheckpoint(runFiles(folder).checkpoint))!;
  const row = (name: string, j: number) => {
    const { shape, data } = tensors[name];
    return Array.from(data as Float32Array).slice(j * shape[1], (j + 1) * shape[1]);
  };
  return { folder, row };
};

it("a bandit: the first units of each layer, all inputs and actions, the first test images", async () => {
  const { folder, row } = await train({ task: "bandit", data, epochs: 2, hidden: [6, 5] });
  const { spec, said } = (await cutRun(folder, { examples: 2, states: 2 * 3 * 2 ** 5 })) as {
    spec: BanditSpec;
    said: string;
  };
  expect(said).toBe(
    `${folder}: 2 examples, all 20 inputs, and of each layer's units the first 3 of 6, 2 of 5, 1 of 1; the others are left out, as though nobody read them`,
  );
  expect(spec.layers.map(({ bias }) => bias.length)).toEqual([3, 2, 3]);
  expect(spec.layers[0].weights[2]).toEqual(row("layers.0.weights", 2));
  expect(spec.layers[1].weights[1]).toEqual(row("layers.1.weights", 1).slice(0, 3));
  expect(spec.layers[2].weights[2]).toEqual(row("layers.2.weights", 2).slice(0, 2));
  expect(spec.contexts[1]).toEqual(Array.from({ length: 20 }, (_, e) => Number((20 + e) % 3 === 1)));
  expect(spec.reward).toEqual([
    [1, 0, 0],
    [0, 1, 0],
  ]);
  const { estimators } = audit(spec, { estimators: ["reinforce", "hnca"] });
  for (const { bias } of Object.values(estimators)) expect(bias).toBeLessThan(1e-12);
});

it("an auto-encoder, whose decoder is cut alike", async () => {
  const { folder, row } = await train({ task: "vae", data, epochs: 1, hidden: [6, 4] });
  const { spec } = (await cutRun(folder, { examples: 1, states: 2 ** 5 })) as { spec: ElboSpec };
  expect(spec.encoder.map(({ bias }) => bias.length)).toEqual([3, 2]);
  expect(spec.decoder.map(({ bias }) => bias.length)).toEqual([3, 20]);
  expect(spec.decoder[1].weights[7]).toEqual(row("decoder.0.weights", 7).slice(0, 3));
  expect(spec.decoder[0].weights[1]).toEqual(row("decoder.1.weights", 1).slice(0, 2));
  expect(spec.prior).toHaveLength(2);
  const { estimators } = audit(spec, { estimators: ["f-hnca"] });
  expect(estimators["f-hnca"].bias).toBeLessThan(1e-12);
  expect(estimators["f-hnca"].decoderBias).toBeLessThan(1e-12);
});

it("a multiplexer, whole where it is small enough, on the command line", async () => {
  const { folder } = await train({ task: "multiplexer", k: 1, steps: 20, recordEvery: 10, hidden: [2] });
  const { code, stdout, stderr } = await flipnet(["audit", folder, "--estimators", "reinforce,hnca"]);
  expect(code).toBe(0);
  expect(stderr).toBe(`${folder}: 2 examples, all 3 inputs, all units\n`);
  expect(stdout).toMatch(/^hnca +\d\.\de-1\d +/m);
});

it("an auto-encoder too large to enumerate, whole, by simulation", async () => {
  const { folder } = await train({ task: "vae", data, epochs: 1, hidden: [14, 8] });
  const { code, stdout, stderr } = await flipnet([
    "audit",
    folder,
    ...["--estimators", "f-hnca", "--simulate", "300"],
  ]);
  expect(code).toBe(0);
  expect(stderr).toContain(`${folder}: 2 examples, all 20 inputs, all units\n`);
  expect(stdout).toMatch(
    /^too many states for an exact gradient: distances are from the mean of 300 samples of/,
  );
  const [, z] = /^f-hnca .+ simulation of 300, largest \|z\| (\d\.\d)$/m.exec(stdout)!;
  expect(Number(z)).toBeLessThan(6); // the largest of 414 numbers
});

it("what no spec can say is one sentence", async () => {
  const grid = await train({
    task: "grid-world",
    steps: 2,
    recordEvery: 2,
    hidden: [2],
    size: 2,
    horizon: 2,
  });
  await expect(cutRun(grid.folder, { examples: 2, states: 100 })).rejects.toThrow(
    /is a run of the task "grid-world", of which no few examples can be audited$/,
  );
  const front = await train({
    task: "bandit",
    data,
    epochs: 1,
    hidden: [3],
    convolutions: [2],
    kernelSize: 2,
  });
  await expect(cutRun(front.folder, { examples: 2, states: 100 })).rejects.toThrow(
    /has a front end before its units; an audit has none$/,
  );
  await expect(cutRun(root, { examples: 2, states: 100 })).rejects.toThrow(/is no run/);
});
