/**
 * Images in NumPy's archives, as others give them away: one with four arrays, such as Keras's `mnist.npz` and MedMNIST's, or four
 * with one each, such as KMNIST's `kmnist-train-imgs.npz`.
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import { imageSets, type NamedNumbers } from "flipnet/internal/node/data";
import type { ImageSets } from "flipnet/node";
import { arraysIn, numbersIn, parseNpy } from "./npy.ts";

/** Names of training images, their labels, test images and theirs, in one archive. */
const inOne = [
  ["x_train", "y_train", "x_test", "y_test"],
  ["train_images", "train_labels", "test_images", "test_labels"],
];

/** How files with one array each end. */
const inFour = ["train-imgs.npz", "train-labels.npz", "test-imgs.npz", "test-labels.npz"];

/**
 * The images in an archive, or in a folder of four. Undefined where there are none.
 *
 * @throws InputError for an archive that is damaged, or has other arrays
 */
export async function npzImages(data: string): Promise<ImageSets | undefined> {
  if (/\.npz$/i.test(data)) return fromOne(data);
  const files = await readdir(data).catch(() => []);
  const first = files.filter((name) => name.endsWith(inFour[0])).sort();
  if (first.length === 0) return undefined;
  if (first.length > 1) {
    throw new InputError(
      `the data folder ${data} has several data sets: ${first.join(", ")}; expected the files of one`,
    );
  }
  const prefix = first[0].slice(0, -inFour[0].length);
  return imageSets(...(await Promise.all(inFour.map((end) => fromFile(join(data, `${prefix}${end}`))))));
}

async function fromOne(path: string): Promise<ImageSets> {
  const arrays = await archive(path);
  const names = inOne.find((four) => four.every((name) => arrays.has(name)));
  if (names === undefined) {
    throw new InputError(
      `${path} has the arrays ${[...arrays.keys()].join(", ")}; expected ${inOne.map((four) => four.join(", ")).join(", or ")}`,
    );
  }
  return imageSets(...names.map((name) => arrayOf(arrays.get(name)!, `${path}, ${name}`)));
}

async function fromFile(path: string): Promise<NamedNumbers> {
  const arrays = await archive(path);
  if (arrays.size > 1) {
    throw new InputError(`${path} has the arrays ${[...arrays.keys()].join(", ")}; expected one`);
  }
  const [bytes] = arrays.values();
  return arrayOf(bytes, path);
}

const arrayOf = (bytes: Uint8Array, path: string): NamedNumbers => ({
  path,
  ...numbersIn(parseNpy(bytes, path), path),
});

async function archive(path: string): Promise<Map<string, Uint8Array>> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const where = `${basename(path)} in ${dirname(path)}`;
    throw new InputError(`${where} cannot be read (${cause.code})`, { cause });
  });
  return arraysIn(bytes, path);
}
