// Convolutions of both modules against the float64 reference, which another arrangement of the same sums checks.
//
// Tolerance: as in hot-kernels.test.ts, 2^-20 times the sum of the absolute values of a sum's terms.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ImmediateBackend, Matrix, Window } from "../../src/backend/backend.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { matrixOf, numbers } from "../helpers.ts";
import { modules } from "./kinds.ts";

const reference = createReferenceBackend();
const unit = 2 ** -20;

interface Case extends Window {
  B: number;
  J: number;
  seed: number;
}

const sizes = (c: Case) => {
  const places = (c.height - c.kernel + 1) * (c.width - c.kernel + 1);
  return {
    image: c.height * c.width * c.channels,
    window: c.kernel ** 2 * c.channels,
    places,
    out: places * c.J,
  };
};

const operations: Record<
  string,
  (backend: ImmediateBackend, c: Case, of: (seed: number, count: number) => number[]) => Matrix
> = {
  convolve(backend, c, of) {
    const { image, window, out } = sizes(c);
    const result = backend.matrix(c.B, out);
    const [x, w] = [
      matrixOf(backend, c.B, of(1, c.B * image)),
      matrixOf(backend, window, of(2, window * c.J)),
    ];
    backend.convolve(x, c, w, matrixOf(backend, 1, of(3, c.J)), result);
    return result;
  },
  convolveBack(backend, c, of) {
    const { image, window, out } = sizes(c);
    const result = backend.matrix(c.B, image);
    const [g, w] = [matrixOf(backend, c.B, of(1, c.B * out)), matrixOf(backend, window, of(2, window * c.J))];
    backend.convolveBack(g, c, w, result);
    return result;
  },
  convolutionGradient(backend, c, of) {
    const { image, window, out } = sizes(c);
    const result = backend.matrix(window, c.J);
    const [x, g] = [matrixOf(backend, c.B, of(1, c.B * image)), matrixOf(backend, c.B, of(2, c.B * out))];
    backend.convolutionGradient(x, c, g, result);
    return result;
  },
};

const anyCase = fc
  .record({
    B: fc.constantFrom(1, 2, 3),
    kernel: fc.constantFrom(1, 2, 3, 5),
    down: fc.nat(6),
    right: fc.nat(8),
    channels: fc.constantFrom(1, 3, 4, 16),
    J: fc.constantFrom(1, 2, 5, 8, 15, 16, 17, 32, 35),
    seed: fc.nat(1e6),
  })
  .map(
    ({ down, right, ...rest }): Case => ({ ...rest, height: rest.kernel + down, width: rest.kernel + right }),
  );

describe.each(Object.entries(operations))("%s", (name, operation) => {
  const check = (c: Case) => {
    const random = (seed: number, count: number) =>
      Array.from(Float32Array.from(numbers(c.seed + seed, count)));
    const absolute = (seed: number, count: number) => random(seed, count).map(Math.abs);
    const expected = reference.readNow(operation(reference, c, random));
    const tolerance = reference.readNow(operation(reference, c, absolute));
    for (const backend of modules) {
      const found = backend.readNow(operation(backend, c, random));
      const wrong = found.findIndex((value, e) => !(Math.abs(value - expected[e]) <= unit * tolerance[e]));
      expect(wrong, `${backend.features.arithmetic}: ${found[wrong]}, not ${expected[wrong]}`).toBe(-1);
    }
  };

  test("agrees at any size", () => {
    fc.assert(fc.property(anyCase, check), { seed: 3, numRuns: 60 });
  });

  test("agrees at the paper's", () => {
    check({ B: 3, height: 26, width: 26, channels: 16, kernel: 3, J: 16, seed: 1 });
    check({ B: 3, height: 28, width: 28, channels: 1, kernel: 3, J: 16, seed: 2 });
  });

  test("refuses what does not fit", () => {
    const c = { B: 2, height: 4, width: 4, channels: 2, kernel: 3, J: 3, seed: 1 };
    for (const backend of modules) {
      expect(() =>
        operation(backend, { ...c, kernel: 5 }, (_, n) => new Array(Math.abs(n) || 1).fill(0)),
      ).toThrow();
      const twice = (seed: number, n: number) => new Array(seed === 1 ? 2 * n : n).fill(0);
      expect(() => operation(backend, c, twice)).toThrow(new RegExp(`^${name}: .* do not fit`));
    }
  });

  test("gives an example the same bits in any company", () => {
    if (name === "convolutionGradient") return;
    const c = { B: 3, height: 9, width: 8, channels: 3, kernel: 3, J: 7, seed: 4 };
    for (const backend of modules) {
      const all = backend.readNow(operation(backend, c, (seed, n) => numbers(seed, n)));
      const first = backend.readNow(
        operation(backend, { ...c, B: 1 }, (seed, n) => numbers(seed, seed === 1 ? 3 * n : n).slice(0, n)),
      );
      expect(first).toEqual(all.subarray(0, first.length));
    }
  });
});

test("a rectifier's gradient passes where it gave something", () => {
  for (const backend of [reference, ...modules]) {
    const g = matrixOf(backend, 1, [1, 2, 3, 4, 5]);
    backend.rectifierGradient(matrixOf(backend, 1, [0, 0.5, 0, 1e-30, 2]), g);
    expect([...backend.readNow(g)]).toEqual([0, 2, 0, 4, 5]);
  }
});
