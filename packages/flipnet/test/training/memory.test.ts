// What a training is said to need is what it then takes, whatever the task and whichever the estimator.
import { describe, expect, it } from "vitest";
import type { Backend } from "../../src/backend/backend.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { findEstimator } from "../../src/estimators/registry.ts";
import { convolutions } from "../../src/front-ends/convolutions.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { gridWorld } from "../../src/tasks/grid-world.ts";
import { prepareBanditTraining } from "../../src/training/bandit.ts";
import { prepareTraining } from "../../src/training/create.ts";
import { planMemory } from "../../src/training/memory.ts";
import { prepareMultiplexerTraining } from "../../src/training/multiplexer.ts";
import type { Training } from "../../src/training/training.ts";
import { prepareVaeTraining } from "../../src/training/vae.ts";
import { easyImages } from "../helpers.ts";

const optimizer = adam({ learningRate: 1e-3 });
// Not a multiple of the rows of a pass that measures.
const data = { train: easyImages(120), test: easyImages(130) };
const hidden = [37, 70, 20];
const estimator = (name: string) => findEstimator(name)!;

const bandit =
  (name: string, options = {}) =>
  (backend: Backend) =>
    prepareBanditTraining(backend, data, {
      estimator: estimator(name)(options),
      optimizer,
      hidden,
      batchSize: 30,
    });
const convolutional = (backend: Backend) =>
  prepareBanditTraining(backend, data, {
    estimator: estimator("hnca"),
    optimizer,
    hidden,
    front: convolutions(backend, { shape: [3, 4], channels: [5, 2], kernel: 2 }),
  });
const vae =
  (name: string, boundSamples: number, options = {}) =>
  (backend: Backend) =>
    prepareVaeTraining(backend, data, {
      estimator: estimator(name)(options),
      optimizer,
      hidden,
      batchSize: 30,
      boundSamples,
      evaluateEvery: 1,
    });
const multiplexer = (k: number, layers: number[]) => (backend: Backend) =>
  prepareMultiplexerTraining(backend, {
    k,
    estimator: estimator("weight-max"),
    optimizer,
    hidden: layers,
    steps: 3,
    recordEvery: 3,
  });

const playing = (backend: Backend) => {
  const settings = { hidden: [12], units: "plus-minus" as const, batchSize: 7, seed: 0 };
  const world = { size: 3, horizon: 5, steps: 3, recordEvery: 3 };
  const { task, network } = gridWorld.create(backend, { ...settings, ...world }, undefined as never);
  return prepareTraining(task, network, { estimator: estimator("hnca"), optimizer });
};

describe("a plan of memory", () => {
  const cases: [string, (backend: Backend) => Training, ((backend: Backend) => Training)?][] = [
    ["bandit, hnca", bandit("hnca")],
    ["bandit, weight-max", bandit("weight-max", { normChange: "exact", normRate: 0.1 })],
    ["bandit behind convolutions", convolutional],
    // Where the plan draws fewer samples of the bound than the run.
    ["vae, f-hnca", vae("f-hnca", 3), vae("f-hnca", 1)],
    ["vae, f-hnca, full reward", vae("f-hnca", 1, { fullReward: true })],
    ["vae, disarm", vae("disarm", 1)],
    ["vae, relax", vae("relax", 1)],
    ["vae, nvil", vae("nvil", 1)],
    ["vae, f-hnca of three samples", vae("f-hnca", 1, { samples: 3 })],
    ["vae, reinforce-loo", vae("reinforce-loo", 1, { resample: "independent" })],
    ["multiplexer, goes through everything", multiplexer(1, [4, 2])],
    ["multiplexer, samples", multiplexer(3, [64, 32])],
    ["grid world, which is played on zeros first", playing],
  ];

  it.each(cases)("%s: is what a run takes", async (_, prepare, prepareShort = prepare) => {
    const backend = await createWasmBackend({ kernels: "portable" });
    const plan = await planMemory(prepareShort, backend.features.memory);
    const training = prepare(backend).initialise();
    for await (const _record of training.run(1));

    const { matrices, tables, data, scratch } = backend.features.memory.used;
    expect(plan).toMatchObject({ tables, data, scratch, total: matrices + tables + data + scratch });
    expect(plan.parameters + plan.activities + plan.evaluation).toBe(matrices);
    expect(plan.parameters).toBe(
      4 * 4 * training.learner.parameters.reduce((sum, { block }) => sum + block.columns, 0),
    );
  });

  it("takes nothing, however large it is", async () => {
    const before = process.memoryUsage.rss();
    const huge = (backend: Backend) =>
      prepareVaeTraining(backend, data, {
        estimator: estimator("f-hnca"),
        optimizer,
        hidden: [100_000, 100_000],
      });
    const { features } = await createWasmBackend({ kernels: "portable" });
    const plan = await planMemory(huge, features.memory);
    expect(plan.evaluation).toBe(0);
    // Two layers of weights between hidden units, with gradients and two moments.
    expect(plan.parameters).toBeGreaterThan(2 * 4 * 4 * 1e10);
    // A table of e^kW and one of the weights turned, for encoder and decoder.
    expect(plan.tables).toBeGreaterThan(2 * 2 * 4 * 1e10);
    expect(process.memoryUsage.rss() - before).toBeLessThan(5e8);
  });
});
