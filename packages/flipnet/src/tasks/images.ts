/** Images on a backend, and batches of them. */
import type { Backend, Bytes, Indices, Matrix } from "../backend/backend.ts";
import type { LabelledImages } from "../formats/labelled-images.ts";
import { deriveKey, type Key, newKey, permutation } from "../random/threefry.ts";

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
