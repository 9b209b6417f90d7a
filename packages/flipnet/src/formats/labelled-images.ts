import { InputError } from "./errors.ts";
import type { IdxArray, IdxNumbers } from "./idx.ts";

/** Images and what they show. A pixel is a byte, 0 to 255; a label is a class, 0 to `classes - 1`. */
export type LabelledImages = {
  count: number;
  /** Pixels of one image. */
  pixels: number;
  /** The image's size, `[height, width]` say: what is needed to draw it. Its product is `pixels`. */
  shape?: readonly number[];
  classes: number;
  /** `[count, pixels]` */
  images: Uint8Array;
  /** `[count]` */
  labels: Uint8Array;
};

/**
 * Joins a file of images, `[count, ...size]`, and a file of labels, `[count]`. There are as many classes as the highest
 * label says. The arrays are those given, not copies.
 *
 * @param names what to call the two files in messages
 * @throws InputError if the shapes are not those of images and their labels
 */
export function labelledImages(
  images: IdxArray,
  labels: IdxArray,
  names = { images: "the images file", labels: "the labels file" },
): LabelledImages {
  const [count, ...size] = images.shape;
  if (size.length === 0) {
    throw new InputError(
      `${names.images} has shape [${images.shape}], expected images: two dimensions or more`,
    );
  }
  if (labels.shape.length !== 1) {
    throw new InputError(`${names.labels} has shape [${labels.shape}], expected labels: one dimension`);
  }
  if (labels.shape[0] !== count) {
    throw new InputError(
      `${names.labels} has ${labels.shape[0]} labels, expected ${count}, one for each image of ${names.images}`,
    );
  }
  return {
    count,
    pixels: size.reduce((pixels, length) => pixels * length, 1),
    shape: size,
    classes: labels.data.reduce((highest, label) => Math.max(highest, label), 0) + 1,
    images: images.data,
    labels: labels.data,
  };
}

/**
 * Images as bytes: whole numbers from 0 to 255 as they are, other numbers from 0 to 1 as shares of white.
 *
 * @param name what to call the file in messages
 * @throws InputError for numbers that are neither
 */
export function pixelsIn({ shape, data }: IdxNumbers, name: string): IdxArray {
  if (data instanceof Uint8Array) return { shape, data };
  const values = Array.from(data);
  const isWhole = values.every(Number.isInteger);
  const [most, scale] = isWhole && values.some((value) => value > 1) ? [255, 1] : [1, 255];
  const wrong = values.find((value) => !(value >= 0 && value <= most));
  if (wrong !== undefined) {
    throw new InputError(
      `${name} has a pixel of ${wrong}; expected whole numbers from 0 to 255, or numbers from 0 to 1`,
    );
  }
  return { shape, data: Uint8Array.from(values, (value) => Math.round(scale * value)) };
}

/**
 * Labels as bytes; of several numbers for each image the place of the only 1 where all are one-hot, else the first, which is
 * the class in QMNIST's.
 *
 * @param name what to call the file in messages
 * @throws InputError for what is no class from 0 to 255
 */
export function labelsIn({ shape, data }: IdxNumbers, name: string): IdxArray {
  const [count, width = 1] = shape;
  if (data instanceof Uint8Array && shape.length === 1) return { shape, data };
  if (shape.length > 2) {
    throw new InputError(`${name} has shape [${shape}], expected labels: one dimension, or two`);
  }
  const rows = Array.from({ length: count }, (_, i) =>
    Array.from({ length: width }, (_, k) => data[i * width + k]),
  );
  const isOneHot =
    width > 1 &&
    rows.every(
      (row) =>
        row.filter((value) => value === 1).length === 1 && row.every((value) => value <= 1 && value >= 0),
    );
  const labels = rows.map((row) => (isOneHot ? row.indexOf(1) : row[0]));
  const wrong = labels.findIndex((label) => !(Number.isInteger(label) && label >= 0 && label <= 255));
  if (wrong >= 0) {
    throw new InputError(
      `${name}: label ${wrong + 1} is ${labels[wrong]}; expected whole numbers from 0 to 255`,
    );
  }
  return { shape: [count], data: Uint8Array.from(labels) };
}
