// The data of the net: the same bytes wherever it is made.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Whole numbers from 0 to 2^32 - 1 (mulberry32). */
export function numbersFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** An IDX file of bytes. */
function idx(shape, bytes) {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = 8;
  header[3] = shape.length;
  shape.forEach((size, i) => {
    header.writeUInt32BE(size, 4 + 4 * i);
  });
  return Buffer.concat([header, bytes]);
}

const side = 6;

/** Gray images, each class brighter in rows of its own: folders `two` and `three`, by the number of classes. */
export function writeData(folder) {
  for (const [name, classes] of [
    ["two", 2],
    ["three", 3],
  ]) {
    mkdirSync(join(folder, name), { recursive: true });
    for (const [set, count] of [
      ["train", 125],
      ["t10k", 12],
    ]) {
      const next = numbersFrom(count + classes);
      const labels = Buffer.from(Array.from({ length: count }, () => next() % classes));
      const pixels = Array.from({ length: count * side * side }, (_, e) => {
        const row = Math.floor(e / side) % side;
        const lit = row % classes === labels[Math.floor(e / side / side)];
        return (next() % 100) + (lit ? 150 : 10);
      });
      const path = (kind) => join(folder, name, `${set}-${kind}-ubyte`);
      writeFileSync(path("images-idx3"), idx([count, side, side], Buffer.from(pixels)));
      writeFileSync(path("labels-idx1"), idx([count], labels));
    }
  }
}
