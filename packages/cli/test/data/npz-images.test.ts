import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zipSync } from "fflate";
import { writeIdx } from "flipnet/internal/formats/idx";
import { loadLabelledImages } from "flipnet/node";
import { expect, it } from "vitest";
import { encodeNpy } from "../../src/data/npy.ts";
import { npzImages } from "../../src/data/npz-images.ts";
import { loadData } from "../../src/running/data.ts";
import { parseConfig } from "../../src/settings/config.ts";
import { temporaryFolders } from "../commands/flipnet.ts";

const temporary = temporaryFolders();
const bytes = (count: number, times: number, below: number) =>
  Uint8Array.from({ length: count }, (_, i) => (i * times) % below);

/** Five images of 2 x 3 pixels and two to measure on, of four classes. */
const sets = {
  trainImages: { shape: [5, 2, 3], data: bytes(30, 37, 256) },
  trainLabels: { shape: [5], data: bytes(5, 3, 4) },
  testImages: { shape: [2, 2, 3], data: bytes(12, 91, 256) },
  testLabels: { shape: [2], data: bytes(2, 1, 4) },
};
const npy = ({ shape, data }: { shape: number[]; data: Uint8Array }) => encodeNpy(shape, data);
const arrays = Object.values(sets).map(npy);

/** An archive of arrays, by their names. */
function npz(path: string, files: Record<string, Uint8Array>): string {
  writeFileSync(path, zipSync(Object.fromEntries(Object.entries(files).map(([n, b]) => [`${n}.npy`, b]))));
  return path;
}
const named = (names: string, all = arrays) =>
  Object.fromEntries(names.split(" ").map((name, i) => [name, all[i]]));

/** The same as IDX files. */
async function asIdx() {
  const folder = temporary("idx");
  mkdirSync(folder, { recursive: true });
  const names = "train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1".split(" ");
  Object.values(sets).forEach(({ shape, data }, i) => {
    writeFileSync(join(folder, `${names[i]}-ubyte`), writeIdx(shape, data));
  });
  return loadLabelledImages({ data: folder });
}

/** An array with another header than `encodeNpy` writes. */
function withHeader(descr: string, fortran: boolean, shape: string, data: Uint8Array): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': (${shape}), }\n`;
  const start = [0x93, ..."NUMPY".split("").map((c) => c.charCodeAt(0)), 1, 0, header.length, 0];
  return Uint8Array.from([...start, ...[...header].map((c) => c.charCodeAt(0)), ...data]);
}

it("four arrays in one archive are what the same IDX files are", async () => {
  const folder = temporary("one");
  mkdirSync(folder, { recursive: true });
  const expected = await asIdx();
  const keras = npz(join(folder, "mnist.npz"), named("x_train y_train x_test y_test"));
  expect(await npzImages(keras)).toEqual(expected);
  const { data, digest } = await loadData(parseConfig({ data: keras, hidden: [2], batchSize: 2 }));
  expect([data, digest]).toEqual([expected, expected.digest]);

  // Labels [n, 1], and arrays that are not asked for.
  const column = npy({ shape: [5, 1], data: sets.trainLabels.data });
  const names = "train_images train_labels test_images test_labels val_images";
  const med = npz(join(folder, "med.npz"), named(names, [arrays[0], column, ...arrays.slice(2), arrays[2]]));
  expect(await npzImages(med)).toEqual(expected);
});

it("so are four archives with one array each", async () => {
  const folder = temporary("four");
  mkdirSync(folder, { recursive: true });
  "train-imgs train-labels test-imgs test-labels".split(" ").forEach((name, i) => {
    npz(join(folder, `k49-${name}.npz`), { arr_0: arrays[i] });
  });
  const expected = await asIdx();
  expect(await npzImages(folder)).toEqual(expected);
  expect((await loadData(parseConfig({ data: folder, hidden: [2], batchSize: 2 }))).data).toEqual(expected);
  npz(join(folder, "other-train-imgs.npz"), { arr_0: arrays[0] });
  await expect(npzImages(folder)).rejects.toThrow("has several data sets: k49-train-imgs.npz, other");
  expect(await npzImages(temporary("none"))).toBeUndefined();
});

it("numbers may be of another type and in another order", async () => {
  const folder = temporary("types");
  mkdirSync(folder, { recursive: true });
  const names = "x_train y_train x_test y_test";
  const { data, shape } = sets.trainImages;
  const shares = Float32Array.from(data, (pixel) => pixel / 255);
  const floats = withHeader("<f4", false, shape.join(", "), new Uint8Array(shares.buffer));
  const [n, height, width] = shape;
  const turned = Uint8Array.from(data, (_, e) => {
    const [i, y, x] = [e % n, Math.floor(e / n) % height, Math.floor(e / (n * height))];
    return data[(i * height + y) * width + x];
  });
  const fortran = withHeader("|u1", true, shape.join(", "), turned);
  const expected = await asIdx();
  for (const one of [floats, fortran]) {
    const path = npz(join(folder, "one.npz"), named(names, [one, ...arrays.slice(1)]));
    expect(await npzImages(path)).toEqual(expected);
  }
});

it.each([
  [
    "other arrays",
    { a: arrays[0] },
    /has the arrays a; expected x_train, y_train, x_test, y_test, or train_/,
  ],
  [
    "images that are text",
    named("x_train y_train x_test y_test", [
      withHeader("<U1", false, "1, 1", bytes(4, 0, 2)),
      ...arrays.slice(1),
    ]),
    /x_train holds text; expected numbers/,
  ],
  [
    "fewer labels than images",
    named("x_train y_train x_test y_test", [arrays[0], arrays[3], arrays[2], arrays[3]]),
    /y_train has 2 labels, expected 5, one for each image/,
  ],
])("refuses %s", async (_, files, message) => {
  const folder = temporary("wrong");
  mkdirSync(folder, { recursive: true });
  await expect(npzImages(npz(join(folder, "wrong.npz"), files))).rejects.toThrow(message);
});

it("refuses what is no archive, or not there", async () => {
  const folder = temporary("none");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "page.npz"), "<html>");
  await expect(npzImages(join(folder, "page.npz"))).rejects.toThrow("cannot be read as a zip archive");
  await expect(npzImages(join(folder, "away.npz"))).rejects.toThrow(
    /away.npz in .* cannot be read \(ENOENT\)/,
  );
});
