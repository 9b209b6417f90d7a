/** Images on a backend, and batches of them. */
import type { Backend, Bytes, Indices, Matrix } from "../backend/backend.ts";
import { count } from "../estimators/options.ts";
import { InputError } from "../formats/errors.ts";
import type { LabelledImages } from "../formats/labelled-images.ts";
import { isWhole } from "../formats/whole.ts";
import { deriveKey, type Key, newKey, permutation } from "../random/threefry.ts";

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

  /** The first `limit` images; a batch holds each of its images `copies` times. */
  constructor(backend: Backend, data: LabelledImages, limit = Infinity, copies = 1) {
    this.#backend = backend;
    this.count = Math.min(data.count, limit);
    this.#images = backend.bytes(data.images.subarray(0, this.count * data.pixels));
    this.#labels = backend.bytes(data.labels.subarray(0, this.count));
    this.#copies = copies;
    this.#permutation = new Uint32Array(this.count).map((_, i) => i);
    this.#order = backend.indices(this.count * copies);
    this.#writeOrder();
  }

  /** Puts the images into the order of an epoch, a function of seed and epoch. */
  shuffle(seed: number, epoch: number): void {
    permutation(deriveKey(seed, "shuffle", epoch, newKey()), this.#permutation);
    this.#writeOrder();
  }

  /** Binarised images from row `first` of the order on; `input` [B, pixels]. */
  load(first: number, key: Key, input: Matrix): void {
    this.#backend.binarise(this.#images, this.#order, first, key, input);
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

/** The first images as bits, on where a pixel is at least half as bright as can be. */
export const firstImages = ({ images, pixels, count }: LabelledImages, wanted: number): number[][] =>
  Array.from({ length: Math.min(wanted, count) }, (_, i) =>
    Array.from(images.subarray(i * pixels, (i + 1) * pixels), (pixel) => (pixel >= 128 ? 1 : 0)),
  );
