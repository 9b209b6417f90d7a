// The kernels of Weight Maximization and of the multiplexer, both modules against the float64 reference, on the same
// float32 numbers. Every operand has strangers before and behind it, which must stay as they were.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ImmediateBackend, Matrix } from "../../src/backend/backend.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { bitAt, deriveKey, newKey } from "../../src/random/threefry.ts";
import { bits, numbers } from "../helpers.ts";
import { modules } from "./kinds.ts";

const reference = createReferenceBackend();

const u = 2 ** -24;
const size = fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 13, 32, 37, 65);
const coding = fc.constantFrom("zero-one" as const, "plus-minus" as const);
const seed = fc.nat(1e6);
const cases = <T>(arbitrary: fc.Arbitrary<T>, body: (value: T) => void, numRuns = 60): void =>
  fc.assert(fc.property(arbitrary, body), { seed: 6, numRuns });

const floats = (from: number, count: number, low = -1, high = 1): Float32Array =>
  Float32Array.from(numbers(from, count, low, high));

/** Makes operands inside larger matrices. */
type Make = (rows: number, columns: number, values?: ArrayLike<number>) => Matrix;

/** Runs an operation everywhere; compares what it leaves in the matrix that it returns. */
function agree(
  operation: (backend: ImmediateBackend, make: Make) => Matrix,
  tolerance: (expected: number, element: number) => number,
): void {
  const [expected, ...found] = [reference, ...modules].map((backend) => {
    const guarded: { whole: Matrix; length: number }[] = [];
    const make: Make = (rows, columns, values) => {
      const length = rows * columns;
      const whole = backend.matrix(1, length + 12);
      backend.fill(whole, 0.75);
      guarded.push({ whole, length });
      const m = backend.view(whole, 3, rows, columns);
      if (values) backend.write(m, values);
      return m;
    };
    const out = backend.readNow(operation(backend, make));
    for (const { whole, length } of guarded) {
      const all = backend.readNow(whole);
      const around = [...all.subarray(0, 3), ...all.subarray(length + 3)];
      expect(around).toEqual(around.map(() => 0.75));
    }
    return out;
  });
  for (const values of found) {
    expected.forEach((value, e) => {
      const difference = Math.abs(values[e] - value);
      // Credits below 1e-30 become 0.
      if (!(difference <= Math.max(tolerance(value, e), 1e-30))) {
        expect.fail(`element ${e}: ${values[e]}, expected ${value}, off by ${difference}`);
      }
    });
  }
}

describe("hidden rules", () => {
  /** Probabilities of all sizes with their complements, bits, and what being on earns. */
  const units = (make: Make, B: number, J: number, from: number) => {
    const logits = floats(from, B * J, -20, 20);
    return {
      p: make(
        B,
        J,
        logits.map((l) => 1 / (1 + Math.exp(-l))),
      ),
      q: make(
        B,
        J,
        logits.map((l) => 1 / (1 + Math.exp(l))),
      ),
      bits: make(B, J, bits(from + 1, B * J)),
      // Zeros among them.
      a: make(
        B,
        J,
        floats(from + 2, B * J).map((x) => (Math.abs(x) < 0.1 ? 0 : x)),
      ),
    };
  };
  const relative = (factor: number) => (value: number) => factor * u * Math.abs(value);

  test("rewardedScore", () => {
    cases(fc.tuple(size, size, coding, seed), ([B, J, one, from]) => {
      agree((backend, make) => {
        const { a, p, q, bits } = units(make, B, J, from);
        backend.rewardedScore(a, one, p, q, bits, a);
        return a;
      }, relative(2));
    });
  });

  test("betterOutcome", () => {
    cases(fc.tuple(size, size, seed), ([B, J, from]) => {
      agree((backend, make) => {
        const { a, p, q, bits } = units(make, B, J, from);
        backend.betterOutcome(a, p, q, bits, 2, 0.3, a);
        return a;
      }, relative(8));
    });
  });

  test("meanSlope", () => {
    cases(fc.tuple(size, size, seed), ([B, J, from]) => {
      agree((backend, make) => {
        const { a, p, q } = units(make, B, J, from);
        const out = make(B, J);
        backend.meanSlope(a, p, q, 2, out);
        return out;
      }, relative(4));
    });
  });

  test("productFormScore", () => {
    cases(fc.tuple(size, size, seed), ([B, J, from]) => {
      agree((backend, make) => {
        const { p, q, bits } = units(make, B, J, from);
        const delta = p;
        backend.write(delta, floats(from + 5, B * J, -30, 30));
        backend.productFormScore(bits, q, delta, delta);
        return delta;
      }, relative(64));
    });
  });

  test("softmaxSlope", () => {
    cases(fc.tuple(size, fc.constantFrom(2, 3, 4, 10), size, seed), ([B, N, U, from]) => {
      agree(
        (backend, make) => {
          const logits = make(B, U * N, floats(from, B * U * N, -8, 8));
          backend.softmax(logits, N, logits);
          const a = make(B, U * N, floats(from + 1, B * U * N));
          backend.softmaxSlope(logits, N, a, a);
          return a;
        },
        () => (16 + N) * u,
      );
    });
  });

  test("betterAction", () => {
    cases(fc.tuple(size, fc.constantFrom(1, 2), seed), ([B, J, from]) => {
      agree(
        (backend, make) => {
          const { bits } = units(make, B, J, from);
          const reward = make(
            B,
            1,
            floats(from + 3, B).map((x) => (Math.abs(x) < 0.3 ? 0 : x)),
          );
          const [better, weight] = [make(B, J), make(B, 1)];
          backend.betterAction(bits, reward, 2, 0.25, better, weight);
          backend.scaleRows(better, weight, better);
          return better;
        },
        () => 0,
      );
    });
  });
});

describe("norms of weights", () => {
  test("signedPower", () => {
    cases(fc.tuple(size, size, fc.constantFrom(0, 0.5, 1, 2, 3.7), seed), ([B, J, exponent, from]) => {
      agree(
        (backend, make) => {
          const a = make(
            B,
            J,
            floats(from, B * J, -3, 3).map((x) => (Math.abs(x) < 0.2 ? 0 : x)),
          );
          const out = make(B, J);
          backend.signedPower(a, exponent, 0.75, out);
          return out;
        },
        (value) => 64 * u * Math.abs(value),
      );
    });
  });

  test("normChange", () => {
    const norms = fc.constantFrom(1, 1.5, 2, 3);
    cases(
      fc.tuple(size, size, size, coding, norms, fc.boolean(), seed),
      ([B, I, J, one, norm, sum, from]) => {
        agree(
          (backend, make) => {
            const x = make(B, I, bits(from, B * I));
            const g = make(B, J, floats(from + 1, B * J));
            const W = make(I, J, floats(from + 2, I * J));
            const out = make(B, I, floats(from + 3, B * I));
            backend.normChange(x, one, g, W, norm, 0.3, out, sum);
            return out;
          },
          () => 8 * (J + 4) * u,
        );
      },
    );
  });
});

describe("the multiplexer's inputs", () => {
  test("fair bits are those of the generator, and fair", () => {
    const key = deriveKey(5, "task", 9, newKey());
    cases(fc.tuple(size, size), ([B, I]) => {
      agree(
        (backend, make) => {
          const out = make(B, I);
          backend.fairBits(key, out);
          return out;
        },
        () => 0,
      );
    });
    const count = 200_000;
    let [ones, same] = [0, 0];
    for (let e = 0; e < count; e++) {
      ones += bitAt(key, e);
      same += bitAt(key, e) === bitAt(key, e + 1) ? 1 : 0;
    }
    // Five standard deviations.
    const allowed = (5 * Math.sqrt(count)) / 2;
    expect(Math.abs(ones - count / 2)).toBeLessThan(allowed);
    expect(Math.abs(same - count / 2)).toBeLessThan(allowed);
  });

  test("addressedBit", () => {
    cases(fc.tuple(size, fc.constantFrom(1, 2, 3, 5), seed), ([B, k, from]) => {
      agree(
        (backend, make) => {
          const I = k + 2 ** k;
          const out = make(B, 1);
          backend.addressedBit(make(B, I, bits(from, B * I)), k, out);
          return out;
        },
        () => 0,
      );
    });
    const out = reference.matrix(1, 1);
    const row = reference.matrix(1, 6);
    // Address 10 is 2: the third of the data.
    reference.write(row, [1, 0, 0, 0, 1, 0]);
    reference.addressedBit(row, 2, out);
    expect(reference.readNow(out)).toEqual(Float64Array.of(1));
  });

  test("rewardByLabel with a reward for the wrong action", () => {
    cases(fc.tuple(size, fc.constantFrom(1, 2, 3), seed), ([B, A, from]) => {
      agree(
        (backend, make) => {
          const choices = Math.max(2, A);
          const chosen = numbers(from, B, 0, choices).map(Math.floor);
          const actions =
            A === 1 ? chosen : chosen.flatMap((c) => [...Array(A).keys()].map((k) => Number(k === c)));
          const labels = numbers(from + 1, B, 0, choices).map(Math.floor);
          const out = make(B, 1);
          backend.rewardByLabel(make(B, A, actions), make(B, 1, labels), out, -1);
          return out;
        },
        () => 0,
      );
    });
  });

  test("operands that do not fit are refused", () => {
    for (const backend of modules) {
      const [a, b] = [backend.matrix(2, 3), backend.matrix(3, 2)];
      expect(() => backend.meanSlope(a, a, a, 1, b)).toThrow(
        /meanSlope: first \[2, 3\], other \[3, 2\] do not fit/,
      );
      expect(() => backend.addressedBit(a, 2, a)).toThrow(/addressedBit/);
      expect(() => backend.normChange(a, "zero-one", a, a, 2, 1, a, false)).toThrow(/do not fit/);
    }
  });
});
