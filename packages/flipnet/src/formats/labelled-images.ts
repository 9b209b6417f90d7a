import { InputError } from "./errors.ts";
import type { IdxArray } from "./idx.ts";

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
