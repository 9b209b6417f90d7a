import { expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { fHnca } from "../../src/estimators/f-hnca.ts";
import { adam } from "../../src/optimizers/adam.ts";
import type { VariationalAutoEncoder } from "../../src/tasks/vae.ts";
import { reconstruct, sampleImages } from "../../src/tasks/vae-images.ts";
import { createVaeTraining, loadVae, type VaeTrainingOptions } from "../../src/training/vae.ts";
import { easyImages } from "../helpers.ts";

const data = { train: easyImages(200), test: easyImages(60) };

async function trained(
  backend = createReferenceBackend(),
  hidden = [6, 4],
  change: Partial<VaeTrainingOptions> = {},
) {
  const optimizer = adam({ learningRate: 0.02 });
  const settings = { estimator: fHnca, optimizer, hidden, batchSize: 10, ...change };
  const training = createVaeTraining(backend, data, settings);
  for await (const _ of training.run(9));
  return { vae: training.task as VariationalAutoEncoder, tensors: await training.tensors() };
}

const mean = (values: ArrayLike<number>) =>
  Array.from(values).reduce((a, b) => a + b, 0) / Math.max(1, values.length);

test("images out of nothing have the mean of those that were learned", async () => {
  const { vae } = await trained();
  const { probabilities, bits } = await sampleImages(vae, { count: 500 });
  expect(probabilities).toHaveLength(500 * 12);
  // A third of the pixels is bright.
  expect(mean(probabilities)).toBeCloseTo((230 + 2 * 25) / 3 / 255, 1);
  expect(mean(bits)).toBeCloseTo(mean(probabilities), 1);
  expect(new Set(bits)).toEqual(new Set([0, 1]));
});

test("they are a function of the seed, and fewer are the first of more", async () => {
  const { vae } = await trained();
  const { bits } = await sampleImages(vae, { count: 6, seed: 4 });
  expect((await sampleImages(vae, { count: 6, seed: 4 })).bits).toEqual(bits);
  expect((await sampleImages(vae, { count: 2, seed: 4 })).bits).toEqual(bits.subarray(0, 24));
  expect((await sampleImages(vae, { count: 6, seed: 5 })).bits).not.toEqual(bits);
});

test("the pixels and what comes back of them follow from the checkpoint alone", async () => {
  for (const backend of [createReferenceBackend(), await createWasmBackend({ kernels: "portable" })]) {
    const { vae, tensors } = await trained(backend);
    const loaded = loadVae(backend, tensors);
    expect(await sampleImages(loaded, { count: 3 })).toEqual(await sampleImages(vae, { count: 3 }));
    const images = data.test.images.subarray(0, 5 * 12);
    expect(await reconstruct(loaded, images)).toEqual(await reconstruct(vae, images));
  }
});

test("so they do behind rectifiers, from means on: what is drawn is what the network gives", async () => {
  const backend = createReferenceBackend();
  for (const change of [{ nonlinear: [7, 5], centred: true }, { nonlinear: [7] }, { centred: true }]) {
    const { vae, tensors } = await trained(backend, [6, 4], change);
    const loaded = loadVae(backend, tensors);
    expect(await sampleImages(loaded, { count: 3 })).toEqual(await sampleImages(vae, { count: 3 }));
    const images = data.test.images.subarray(0, 5 * 12);
    const again = await reconstruct(loaded, images);
    expect(again).toEqual(await reconstruct(vae, images));
    expect(new Set(again.probabilities).size).toBeGreaterThan(12);
  }
});

test("a reconstruction is nearer to its image than to the others", async () => {
  const { vae } = await trained();
  const images = data.test.images.subarray(0, 60 * 12);
  const { seen, probabilities } = await reconstruct(vae, images, { depth: 1 });
  const error = (shift: number) =>
    mean(probabilities.map((p, e) => Math.abs(p - images[(e + 12 * shift) % images.length] / 255)));
  expect(error(0)).toBeLessThan(0.8 * error(1));
  expect(mean(seen)).toBeCloseTo(mean(images) / 255, 1);
  // Whole pixels leave nothing to chance.
  const black = await reconstruct(vae, Uint8Array.of(0, 255, ...new Array(10).fill(0)), { depth: 2 });
  expect([...black.seen]).toEqual([0, 1, ...new Array(10).fill(0)]);
});

test.each([
  [{ count: 0 }, "the number of images is 0; expected a whole number from 1 on"],
  [{ count: 1.5 }, "the number of images is 1.5; expected a whole number from 1 on"],
])("%o is refused", async (options, message) => {
  const { vae } = await trained();
  await expect(sampleImages(vae, options)).rejects.toThrow(message);
});

test("images of another size and layers that are not there are refused", async () => {
  const { vae, tensors } = await trained();
  await expect(reconstruct(vae, new Uint8Array(13))).rejects.toThrow("13 bytes; expected a multiple of 12");
  await expect(reconstruct(vae, new Uint8Array(12), { depth: 3 })).rejects.toThrow(
    "the depth is 3; expected a whole number from 1 to 2",
  );
  const { prior, ...rest } = Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name === "prior.bias" ? "prior" : name, tensor]),
  );
  expect(prior).toBeDefined();
  expect(() => loadVae(createReferenceBackend(), rest)).toThrow("the checkpoint has no tensor prior.bias");
});
