// What the examples share: MNIST as a table of 14 x 14 columns, so that each of them takes seconds.
import { loadLabelledImages } from "flipnet/node";

/** The first so many training and test images, every 2 x 2 pixels averaged into one; pixels are 0 to 255. */
export async function loadDigits(train, test) {
  const sets = await loadLabelledImages();
  return { train: shrink(sets.train, train), test: shrink(sets.test, test) };
}

function shrink({ images, labels, classes }, count) {
  const small = new Uint8Array(count * 196);
  for (let e = 0; e < small.length; e++) {
    const [n, y, x] = [Math.floor(e / 196), Math.floor((e % 196) / 14), e % 14];
    const at = 784 * n + 56 * y + 2 * x;
    small[e] = (images[at] + images[at + 1] + images[at + 28] + images[at + 29]) >> 2;
  }
  return { count, pixels: 196, shape: [14, 14], classes, images: small, labels: labels.subarray(0, count) };
}
