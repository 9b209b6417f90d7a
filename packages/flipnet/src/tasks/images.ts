/** Images on a backend, and batches of them. */
import type { Backend, Bytes, Indices, Matrix } from "../backend/backend.ts";
import { checkValues, count, optionalOneOf } from "../estimators/options.ts";
import { InputError } from "../formats/errors.ts";
import type { LabelledImages } from "../formats/labelled-images.ts";
import { isWhole } from "../formats/whole.ts";
import { deriveKey, newKey, permutation } from "../random/threefry.ts";

/** The setting of tasks on images. */
export const limitOption = count({
  least: 1,
  default: undefined,
  says: "use the first n training and test images only",
});

/**
 * Images that can be learned from, the first `limit` of them.
 *
 * @param what `"training images"` or `"test images"`, for messages
 * @throws InputError for numbers that are not whole or do not fit each other
 */
export function checkImages(
  { count, pixels, classes, images, labels, shape }: LabelledImages,
  what: string,
  limit?: number,
): void {
  for (const [name, value] of Object.entries({ count, pixels, classes })) {
    if (!isWhole(value, 1)) {
      throw new InputError(`the ${name} of the ${what} is ${value}; expected a whole number from 1 on`);
    }
  }
  if (limit !== undefined && !isWhole(limit, 1)) {
    throw new InputError(`the limit is ${limit} images; expected at least 1, a whole number`);
  }
  if (images.length !== count * pixels) {
    throw new InputError(
      `the ${what} are ${images.length} bytes; expected ${count * pixels}: ${count} of ${pixels} pixels`,
    );
  }
  if (labels.length !== count) {
    throw new InputError(`the ${what} have ${labels.length} labels; expected ${count}, one each`);
  }
  const inShape = shape?.reduce((product, length) => product * length, 1);
  if (inShape !== undefined && inShape !== pixels) {
    throw new InputError(`the ${what} have the shape [${shape}]; expected one of ${pixels} pixels`);
  }
  const wrong = labels.find((label) => label >= classes);
  if (wrong !== undefined) {
    throw new InputError(
      `the ${what} have the label ${wrong}; expected labels below ${classes}, the number of classes`,
    );
  }
}

/**
 * Checks both sets: they are of one size.
 *
 * @throws InputError for sets that cannot be used together
 */
export function checkImageData(
  { train, test }: { train: LabelledImages; test: LabelledImages },
  limit?: number,
): void {
  checkImages(train, "training images", limit);
  checkImages(test, "test images", limit);
  if (test.pixels !== train.pixels) {
    throw new InputError(
      `the test images have ${test.pixels} pixels; expected ${train.pixels}, as the training images`,
    );
  }
  if (test.classes > train.classes) {
    throw new InputError(
      `the test images have ${test.classes} classes; expected ${train.classes} at most, as the training images`,
    );
  }
}

/** Throws `InputError` for a batch that the images, or other examples, do not fill. */
export function checkBatchSize(batchSize: number, count: number, what = "images"): void {
  if (isWhole(batchSize, 1, count)) return;
  throw new InputError(
    `the batch size is ${batchSize}; expected a whole number from 1 to ${count}, the number of ${what}`,
  );
}

/** How pixels become bits, if not drawn anew each epoch: drawn once, the same with every seed; or on from 128 of 255 on. */
export type Binarisation = "fixed" | "threshold";

/** The setting. */
export const binariseOption = optionalOneOf(["fixed", "threshold"], {
  says: "pixels become bits once, drawn the same with every seed, or on from half the intensity on; else drawn anew each epoch",
});

/** How a set of images is gone through. */
export interface BatchesOptions {
  /** Training images are shuffled every epoch. */
  readonly part: "train" | "test";
  /** Only the first so many. */
  readonly limit?: number | undefined;
  /** Each image so many times in a row; default 1. */
  readonly copies?: number | undefined;
  /** Default: drawn anew each epoch, on with the pixel's intensity as probability. */
  readonly binarise?: Binarisation | undefined;
}

export class ImageBatches {
  /** Number of images. */
  readonly count: number;
  readonly #backend: Backend;
  readonly #images: Bytes;
  readonly #labels: Bytes;
  /** Image numbers in the order of the epoch, each `copies` times in a row. */
  readonly #order: Indices;
  readonly #permutation: Uint32Array;
  readonly #copies: number;
  readonly #isTest: boolean;
  readonly #binarise: Binarisation | undefined;
  /** Of the epoch's bits. */
  readonly #pixels = newKey();

  constructor(backend: Backend, data: LabelledImages, options: BatchesOptions) {
    const { part, limit = Infinity, copies = 1, binarise } = options;
    checkValues({ binarise: binariseOption }, { binarise });
    this.#backend = backend;
    this.count = Math.min(data.count, limit);
    const images = data.images.subarray(0, this.count * data.pixels);
    this.#images = backend.bytes(
      binarise === "threshold" ? images.map((pixel) => (isBright(pixel) ? 255 : 0)) : images,
    );
    this.#labels = backend.bytes(data.labels.subarray(0, this.count));
    this.#copies = copies;
    this.#isTest = part === "test";
    this.#binarise = binarise;
    this.#permutation = new Uint32Array(this.count).map((_, i) => i);
    this.#order = backend.indices(this.count * copies);
    this.#writeOrder();
  }

  /** Order and bits of an epoch, a function of seed and epoch. */
  startEpoch(seed: number, epoch: number): void {
    const set = this.#isTest ? 1 : 0;
    if (this.#binarise === "fixed") deriveKey(0, "binarise", set, this.#pixels);
    else deriveKey(seed, "binarise", 2 * epoch + set, this.#pixels);
    if (this.#isTest) return;
    permutation(deriveKey(seed, "shuffle", epoch, newKey()), this.#permutation);
    this.#writeOrder();
  }

  /** Binarised images from row `first` of the order on; `input` [B, pixels]. */
  load(first: number, input: Matrix): void {
    this.#backend.binarise(this.#images, this.#order, first, this.#pixels, input);
  }

  /** Labels of the same rows; [B, 1]. */
  loadLabels(first: number, labels: Matrix): void {
    this.#backend.gatherLabels(this.#labels, this.#order, first, labels);
  }

  #writeOrder(): void {
    const copies = this.#copies;
    const order = this.#permutation;
    const rows =
      copies === 1
        ? order
        : new Uint32Array(order.length * copies).map((_, i) => order[Math.floor(i / copies)]);
    this.#backend.writeIndices(this.#order, rows);
  }
}

/** Rows of a batch that goes through held-out data. */
const testRows = 100;

/** How to go through `count` examples: batches of `testRows`, by their first rows, and one of what is left over. */
export function testBatches(count: number): { rows: number; starts: number[] }[] {
  const full = Math.floor(count / testRows);
  const sizes = [
    { rows: testRows, starts: Array.from({ length: full }, (_, i) => i * testRows) },
    { rows: count % testRows, starts: [full * testRows] },
  ];
  return sizes.filter(({ rows, starts }) => rows > 0 && starts.length > 0);
}

const isBright = (pixel: number): boolean => pixel >= 128;

/** The first images as bits, on where a pixel is at least half as bright as can be. */
export const firstImages = ({ images, pixels, count }: LabelledImages, wanted: number): number[][] =>
  Array.from({ length: Math.min(wanted, count) }, (_, i) =>
    Array.from(images.subarray(i * pixels, (i + 1) * pixels), (pixel) => (isBright(pixel) ? 1 : 0)),
  );
