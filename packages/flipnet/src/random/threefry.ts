/**
 * Counter-based random numbers: a value is a function of (seed, stream, step, index), so nothing has to be
 * saved, replayed or handed over.
 *
 * The bijection is Threefry-2x32 with 13 rounds (Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy
 * as 1, 2, 3", SC 2011; 13 rounds pass BigCrush). It uses 32-bit additions, rotations and exclusive-ors only.
 */

/** Name and version of the generator and of the way keys are derived; part of the record of every run. */
export const generator = "threefry2x32-13/1";

/** A 64-bit key in two 32-bit words. */
export interface Key {
  k0: number;
  k1: number;
}

const rotations = [13, 15, 26, 6, 17, 29, 16, 24];

/** Rounds that flipnet uses; the published test vectors also cover 20. */
export const rounds = 13;

/**
 * Threefry-2x32 of the counter `(c0, c1)` under `key`, written into `out` (two unsigned 32-bit words).
 * `out` may be the key of a later call; it is read before it is written.
 */
export function threefry(key: Key, c0: number, c1: number, out: Key, count: number = rounds): Key {
  const k0 = key.k0 | 0;
  const k1 = key.k1 | 0;
  const k2 = 0x1bd11bda ^ k0 ^ k1;
  let x0 = (c0 + k0) | 0;
  let x1 = (c1 + k1) | 0;
  for (let round = 0; round < count; round++) {
    const r = rotations[round & 7];
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << r) | (x1 >>> (32 - r))) ^ x0;
    if ((round & 3) === 3) {
      const injection = (round >> 2) + 1;
      const m = injection % 3;
      x0 = (x0 + (m === 0 ? k0 : m === 1 ? k1 : k2)) | 0;
      x1 = (x1 + (m === 0 ? k1 : m === 1 ? k2 : k0) + injection) | 0;
    }
  }
  out.k0 = x0 >>> 0;
  out.k1 = x1 >>> 0;
  return out;
}

/** What a key is for. The numbers are part of the generator's version: append, never renumber. */
export const streams = {
  weights: 1,
  draws: 2,
  shuffle: 3,
  binarise: 4,
  test: 5,
  task: 6,
  images: 7,
} as const;
export type Stream = keyof typeof streams;

/** A new key. */
export const newKey = (): Key => ({ k0: 0, k1: 0 });

/**
 * The key of one stream at one step, written into `out`. Same arguments, same key; any other, an unrelated one.
 * @param seed whole number, 0 <= seed < 2^53
 * @param step whole number, 0 <= step < 2^53: an optimizer step, an epoch, a layer, as the stream has it
 */
export function deriveKey(seed: number, stream: Stream, step: number, out: Key): Key {
  out.k0 = seed >>> 0;
  out.k1 = Math.floor(seed / 0x100000000) >>> 0;
  threefry(out, streams[stream], 0, out);
  return threefry(out, step >>> 0, Math.floor(step / 0x100000000) >>> 0, out);
}

/** The key of a site (a pair of small whole numbers) under another key, written into `out`. */
export const siteKey = (key: Key, a: number, b: number, out: Key): Key => threefry(key, a, b, out);

/** The key of a time, a whole number from 1 on, under a site's key, written into `out`: no block of its uniforms. */
export const timeKey = (key: Key, time: number, out: Key): Key => threefry(key, time, 1, out);

const word = newKey();

/** 24-bit uniform of element `index` in the stream of `key`: a multiple of 2^-24 in [0, 1). */
export function uniformAt(key: Key, index: number): number {
  threefry(key, index >>> 1, 0, word);
  return (((index & 1) === 0 ? word.k0 : word.k1) >>> 8) * 2 ** -24;
}

/**
 * 16-bit uniform of pixel `index` of image `row` in the stream of `key`: a whole number below 2^16. It depends on
 * the image's own number and not on its place in a batch.
 */
export function halfWordAt(key: Key, row: number, index: number): number {
  threefry(key, index >>> 2, row, word);
  const w = (index & 2) === 0 ? word.k0 : word.k1;
  return (index & 1) === 0 ? w & 0xffff : w >>> 16;
}

/** Fair bit of element `index` in the stream of `key`: 0 or 1; 32 of them a word, the lowest first. */
export function bitAt(key: Key, index: number): number {
  threefry(key, index >>> 6, 0, word);
  return (((index & 32) === 0 ? word.k0 : word.k1) >>> (index & 31)) & 1;
}

/**
 * Writes a uniformly random order of 0..n-1 into `out` (Fisher-Yates, 32-bit words of the stream of `key`;
 * the bias of the multiply-shift is below n / 2^32).
 */
export function permutation(key: Key, out: Uint32Array): Uint32Array {
  for (let i = 0; i < out.length; i++) out[i] = i;
  for (let i = out.length - 1; i > 0; i--) {
    threefry(key, i, 0, word);
    const j = Math.floor((word.k0 * (i + 1)) / 0x100000000);
    const swapped = out[i];
    out[i] = out[j];
    out[j] = swapped;
  }
  return out;
}
