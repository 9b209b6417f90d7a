// Known answers, then statistics with fixed keys. Every statistical bound is 4.5 standard deviations or more: by
// chance a sound generator exceeds one with one key in ten thousand (chi-square) to a hundred thousand (means).
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  deriveKey,
  generator,
  halfWordAt,
  type Key,
  newKey,
  permutation,
  type Stream,
  siteKey,
  streams,
  threefry,
  uniformAt,
} from "../../src/random/threefry.ts";

const words = ({ k0, k1 }: Key): [number, number] => [k0, k1];

describe("known answers", () => {
  const F = 0xffffffff;
  // The vectors of threefry2x32 in `kat_vectors`, published with Random123.
  test.each([
    [13, [0, 0], [0, 0], [0x9d1c5ec6, 0x8bd50731]],
    [13, [F, F], [F, F], [0xfd36d048, 0x2d17272c]],
    [13, [0x243f6a88, 0x85a308d3], [0x13198a2e, 0x03707344], [0xba3e4725, 0xf27d669e]],
    [20, [0, 0], [0, 0], [0x6b200159, 0x99ba4efe]],
    [20, [F, F], [F, F], [0x1cb996fc, 0xbb002be7]],
    [20, [0x243f6a88, 0x85a308d3], [0x13198a2e, 0x03707344], [0xc4923a9c, 0x483df7a0]],
  ])("threefry, %i rounds of %j under %j", (rounds, counter, key, expected) => {
    const out = newKey();
    threefry({ k0: key[0], k1: key[1] }, counter[0], counter[1], out, rounds);
    expect(words(out)).toEqual(expected);
  });

  // From a second implementation, in whole numbers of any size. A change here is a new version of the generator.
  test("the generator has its name", () => expect(generator).toBe("threefry2x32-13/1"));

  test.each<[number, Stream, number, number, number]>([
    [0, "weights", 0, 0xdb300031, 0xb65b608a],
    [1, "draws", 0, 0x10f1535d, 0x3e303dc5],
    [1, "draws", 1, 0x50156f04, 0x2be186ef],
    [2 ** 32, "shuffle", 2 ** 32, 0x4f641639, 0x2dbe4728],
    [2 ** 53 - 1, "test", 2 ** 53 - 1, 0x684c8224, 0xb2d5bc24],
  ])("deriveKey(%i, %s, %i)", (seed, stream, step, k0, k1) => {
    expect(words(deriveKey(seed, stream, step, newKey()))).toEqual([k0, k1]);
  });

  const key = deriveKey(1, "draws", 1, newKey());

  test("uniformAt", () => {
    const numerators = [0, 1, 2, 3, 4, 39199].map((index) => uniformAt(key, index) * 2 ** 24);
    expect(numerators).toEqual([10256443, 6983799, 10535956, 8547683, 5927594, 14849651]);
  });

  test("halfWordAt", () => {
    const halves = [0, 1, 2, 3, 4].map((index) => halfWordAt(key, 59999, index));
    expect(halves).toEqual([33079, 36995, 61398, 19112, 57737]);
    expect(halfWordAt(key, 0, 783)).toBe(39743);
  });

  test("permutation", () => {
    expect([...permutation(key, new Uint32Array(10))]).toEqual([3, 7, 9, 0, 6, 1, 2, 8, 4, 5]);
  });

  test("siteKey", () => {
    expect(words(siteKey(key, 3, 7, newKey()))).toEqual([0xb529a78a, 0x2a242de0]);
  });
});

describe("keys", () => {
  test("a key may be written over itself", () => {
    const key = deriveKey(3, "draws", 4, newKey());
    const site = siteKey(key, 1, 2, newKey());
    expect(siteKey(key, 1, 2, key)).toEqual(site);
  });

  test("differ between neighbouring seeds, streams, steps and sites", () => {
    const seen = new Set<string>();
    const derived = newKey();
    const site = newKey();
    let count = 0;
    for (let seed = 0; seed < 8; seed++) {
      for (const stream of Object.keys(streams) as Stream[]) {
        for (let step = 0; step < 16; step++) {
          deriveKey(seed, stream, step, derived);
          seen.add(words(derived).join());
          for (let a = 0; a < 4; a++) seen.add(words(siteKey(derived, a, 1, site)).join());
          count += 5;
        }
      }
    }
    expect(seen.size).toBe(count);
  });
});

const count = 1 << 16;

/** How far chi-square over `cells` equally likely cells is from its mean, in standard deviations. */
function chiSquareDeviation(counts: ArrayLike<number>): number {
  const cells = counts.length;
  const total = Array.from(counts).reduce((sum, n) => sum + n, 0);
  const expected = total / cells;
  const chiSquare = Array.from(counts).reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  return (chiSquare - (cells - 1)) / Math.sqrt(2 * (cells - 1));
}

describe("uniformity", () => {
  const key = deriveKey(11, "draws", 5, newKey());

  test("the mean and variance of uniforms", () => {
    let [sum, squares] = [0, 0];
    for (let i = 0; i < count; i++) {
      const u = uniformAt(key, i) - 0.5;
      sum += u;
      squares += u * u;
    }
    expect(Math.abs(sum / count)).toBeLessThan(4.5 * Math.sqrt(1 / 12 / count));
    expect(Math.abs(squares / count - 1 / 12)).toBeLessThan(4.5 * Math.sqrt(1 / 180 / count));
  });

  test("uniforms fill 256 cells evenly, by their high and by their low bits", () => {
    const [high, low] = [new Uint32Array(256), new Uint32Array(256)];
    for (let i = 0; i < count; i++) {
      const numerator = uniformAt(key, i) * 2 ** 24;
      high[numerator >>> 16]++;
      low[numerator & 255]++;
    }
    expect(Math.abs(chiSquareDeviation(high))).toBeLessThan(4.5);
    expect(Math.abs(chiSquareDeviation(low))).toBeLessThan(4.5);
  });

  test("half words fill 256 cells evenly, over pixels and over images", () => {
    const [pixels, images] = [new Uint32Array(256), new Uint32Array(256)];
    for (let i = 0; i < count; i++) {
      pixels[halfWordAt(key, 7, i) >>> 8]++;
      images[halfWordAt(key, i, 7) & 255]++;
    }
    expect(Math.abs(chiSquareDeviation(pixels))).toBeLessThan(4.5);
    expect(Math.abs(chiSquareDeviation(images))).toBeLessThan(4.5);
  });

  test("every bit of both words is fair", () => {
    const ones = new Uint32Array(64);
    const out = newKey();
    for (let i = 0; i < count; i++) {
      threefry(key, i, 0, out);
      for (let bit = 0; bit < 32; bit++) {
        ones[bit] += (out.k0 >>> bit) & 1;
        ones[32 + bit] += (out.k1 >>> bit) & 1;
      }
    }
    // A count of fair bits has the standard error sqrt(count) / 2; 64 of them are looked at.
    for (const n of ones) expect(Math.abs(n - count / 2)).toBeLessThan((5.5 * Math.sqrt(count)) / 2);
  });

  test("one changed bit of key or counter changes half of the output's bits", () => {
    let flipped = 0;
    const [before, after, changed] = [newKey(), newKey(), newKey()];
    const trials = 64 * 128;
    for (let i = 0; i < trials; i++) {
      const mask = 1 << (i & 31);
      const which = (i >>> 5) & 3;
      const counter = i >>> 7;
      threefry(key, counter, counter, before);
      changed.k0 = key.k0 ^ (which === 0 ? mask : 0);
      changed.k1 = key.k1 ^ (which === 1 ? mask : 0);
      threefry(changed, counter ^ (which === 2 ? mask : 0), counter ^ (which === 3 ? mask : 0), after);
      for (let d = before.k0 ^ after.k0; d; d &= d - 1) flipped++;
      for (let d = before.k1 ^ after.k1; d; d &= d - 1) flipped++;
    }
    expect(Math.abs(flipped - 32 * trials)).toBeLessThan(4.5 * Math.sqrt(16 * trials));
  });
});

describe("independence", () => {
  const at = (seed: number, stream: Stream, step: number) => {
    const key = deriveKey(seed, stream, step, newKey());
    return (index: number) => uniformAt(key, index);
  };
  const first = at(11, "draws", 5);
  const pixelKey = deriveKey(11, "binarise", 0, newKey());
  const pixel = (row: number) => (index: number) => (halfWordAt(pixelKey, row, index) + 0.5) / 65536;

  const pairs: [string, (index: number) => number, (index: number) => number][] = [
    ["the next index", first, (i) => first(i + 1)],
    ["the second next index", first, (i) => first(i + 2)],
    ["the other half of the indices", first, (i) => first(i + count)],
    ["the next step", first, at(11, "draws", 6)],
    ["the next seed", first, at(12, "draws", 5)],
    ["another stream", first, at(11, "test", 5)],
    ["seed and step swapped", first, at(5, "draws", 11)],
    ["the next pixel", pixel(3), (i) => pixel(3)(i + 1)],
    ["the same pixel of the next image", pixel(3), pixel(4)],
  ];

  test.each(pairs)("no correlation with %s", (_, a, b) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += (a(i) - 0.5) * (b(i) - 0.5);
    // The product of two centred uniforms has the variance 1 / 144.
    expect(Math.abs(sum / count)).toBeLessThan(4.5 / 12 / Math.sqrt(count));
  });

  test.each(pairs)("pairs with %s fill the square evenly", (_, a, b) => {
    const cells = new Uint32Array(256);
    for (let i = 0; i < count; i++) cells[(Math.floor(a(i) * 16) << 4) | Math.floor(b(i) * 16)]++;
    expect(Math.abs(chiSquareDeviation(cells))).toBeLessThan(4.5);
  });
});

describe("permutation", () => {
  test("is one, of any length", () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(1e6), (length, step) => {
        const order = permutation(deriveKey(1, "shuffle", step, newKey()), new Uint32Array(length));
        expect([...order].sort((a, b) => a - b)).toEqual([...order.keys()]);
      }),
      { seed: 20, numRuns: 200 },
    );
  });

  test("is uniform on four elements", () => {
    const key = newKey();
    const order = new Uint32Array(4);
    const found = new Map<string, number>();
    for (let step = 0; step < 24_000; step++) {
      permutation(deriveKey(2, "shuffle", step, key), order);
      found.set(order.join(), (found.get(order.join()) ?? 0) + 1);
    }
    expect(found.size).toBe(24);
    expect(Math.abs(chiSquareDeviation([...found.values()]))).toBeLessThan(4.5);
  });
});
