// The light kernels of both modules against the float64 reference. Every operand lies at an odd place inside a larger
// matrix, and what is around it must stay as it was.
//
// Tolerance. Both backends get the same float32 numbers. Whatever only moves, compares or rounds once must agree
// exactly. Elsewhere `u` = 2^-24 is the error of one rounding, and each test says how many there are.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AdamStep, ImmediateBackend, Matrix } from "../../src/backend/backend.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { deriveKey, newKey } from "../../src/random/threefry.ts";
import { numbers } from "../helpers.ts";
import { modules } from "./kinds.ts";

const reference = createReferenceBackend();

const u = 2 ** -24;
const size = fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 10, 31, 32, 33, 50, 65);
const seed = fc.nat(1e6);
/** Rows, columns and a seed: small ones of all kinds, and sizes of real layers. */
const shape = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(size, size, seed) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(1, 3), fc.constantFrom(200, 784), seed) },
);

const cases = <T>(arbitrary: fc.Arbitrary<T>, body: (value: T) => void, runs = 60): void =>
  fc.assert(fc.property(arbitrary, body), { seed: 20, numRuns: runs });

/** `count` float32 numbers of every kind in turn: zeros, ones, denormals, tiny, ordinary, large, both signs. */
function mixed(from: number, count: number, largest = 1e6): Float32Array {
  const kinds = [0, 1, 1e-40, 1e-30, 1e-3, 1, largest];
  const kind = numbers(from, count, 0, kinds.length);
  return Float32Array.from(numbers(from + 1, count), (x, i) => x * kinds[Math.floor(kind[i])]);
}

const uniform = (from: number, count: number): Float32Array => Float32Array.from(numbers(from, count, 0, 1));

/** Operands on one backend, each with strangers before and behind. */
class Bench {
  readonly backend: ImmediateBackend;
  readonly #guarded: { whole: Matrix; length: number }[] = [];

  constructor(backend: ImmediateBackend) {
    this.backend = backend;
  }

  matrix(rows: number, columns: number, values?: ArrayLike<number>): Matrix {
    const length = rows * columns;
    const whole = this.backend.matrix(1, length + 12);
    this.backend.fill(whole, 0.75);
    const m = this.backend.view(whole, 3, rows, columns);
    if (values) this.backend.write(m, values);
    this.#guarded.push({ whole, length });
    return m;
  }

  check(): void {
    for (const { whole, length } of this.#guarded) {
      const found = this.backend.readNow(whole);
      const around = [...found.subarray(0, 3), ...found.subarray(length + 3)];
      expect(around, "around an operand").toEqual(around.map(() => 0.75));
    }
  }
}

/** Runs `operation` everywhere and compares what it leaves in the matrices it returns, to `tolerance` or exactly. */
function agree(
  operation: (bench: Bench) => Matrix[],
  tolerance?: (expected: number, output: number, element: number) => number,
): void {
  const expected = operation(new Bench(reference)).map((m) => reference.readNow(m));
  for (const backend of modules) {
    const bench = new Bench(backend);
    const found = operation(bench).map((m) => backend.readNow(m));
    for (const [output, values] of expected.entries()) {
      for (const [e, value] of values.entries()) {
        const allowed = tolerance ? tolerance(value, output, e) : 0;
        const exact = tolerance ? value : Math.fround(value);
        if (!(Math.abs(found[output][e] - exact) <= allowed)) {
          const where = `${backend.features.arithmetic}, output ${output}, element ${e}`;
          throw new Error(`${where}: ${found[output][e]}, not ${exact} within ${allowed}`);
        }
      }
    }
    bench.check();
  }
}

describe("random numbers", () => {
  test("uniforms are uniformAt, bit for bit", () => {
    cases(shape, ([rows, columns, from]) => {
      const key = deriveKey(from, "draws", 3, newKey());
      agree((bench) => {
        const out = bench.matrix(rows, columns);
        bench.backend.uniforms(key, out);
        return [out];
      });
    });
  });

  test("binarised pixels follow halfWordAt, bit for bit", () => {
    cases(shape, ([rows, columns, from]) => {
      const key = deriveKey(from, "binarise", 3, newKey());
      const images = Uint8Array.from(numbers(from, 9 * columns, -40, 296), (x) =>
        Math.min(255, Math.max(0, x)),
      );
      const order = Uint32Array.from(numbers(from, rows + 2, 0, 9));
      agree((bench) => {
        const out = bench.matrix(rows, columns);
        const indices = bench.backend.indices(rows + 2);
        bench.backend.writeIndices(indices, order);
        bench.backend.binarise(bench.backend.bytes(images), indices, 2, key, out);
        return [out];
      });
    });
  });

  test("black pixels stay off and white ones on for all of a large image", () => {
    const key = deriveKey(1, "binarise", 0, newKey());
    for (const backend of modules) {
      for (const pixel of [0, 255]) {
        const out = backend.matrix(1, 1 << 18); // each half word about four times
        backend.binarise(backend.bytes(new Uint8Array(1 << 18).fill(pixel)), backend.indices(1), 0, key, out);
        expect(backend.readNow(out).every((bit) => bit === pixel / 255)).toBe(true);
      }
    }
  });

  test("bernoulli", () => {
    cases(shape, ([rows, columns, from]) => {
      const p = uniform(from, rows * columns);
      const draws = uniform(from + 1, rows * columns);
      for (let e = 0; e < p.length; e += 5) p[e] = [0, 1, draws[e]][e % 3];
      agree((bench) => {
        const bits = bench.matrix(rows, columns);
        bench.backend.sampleBernoulli(
          bench.matrix(rows, columns, p),
          bench.matrix(rows, columns, draws),
          bits,
        );
        return [bits];
      });
    });
  });

  test("categorical", () => {
    cases(fc.tuple(size, size, size, seed), ([rows, units, choices, from]) => {
      const p = uniform(from, rows * units * choices).map((x) => (x < 0.3 ? 0 : x));
      for (let start = 0; start < p.length; start += choices) {
        const group = p.subarray(start, start + choices);
        group[from % choices] += 0.1;
        // A little short of 1 now and then, so that rounding leaves nothing for the largest draws.
        const total = group.reduce((sum, x) => sum + x) * (1 + (start % 3) * 1e-3);
        for (let k = 0; k < choices; k++) group[k] /= total;
      }
      const draws = uniform(from + 1, rows * units);
      draws[0] = 0;
      draws[draws.length - 1] = 1 - u;
      agree((bench) => {
        const bits = bench.matrix(rows, units * choices);
        bench.backend.sampleCategorical(
          bench.matrix(rows, units * choices, p),
          choices,
          bench.matrix(rows, units, draws),
          bits,
        );
        return [bits];
      });
    });
  });
});

describe("units", () => {
  const logits = (from: number, count: number): Float32Array =>
    mixed(from, count, 80).map((l, i) => (i % 7 === 0 ? Math.sign(l) * 80 : l));

  test("sigmoid", () => {
    cases(shape, ([rows, columns, from]) => {
      const l = logits(from, rows * columns);
      agree(
        (bench) => {
          const [p, q] = [bench.matrix(rows, columns), bench.matrix(rows, columns)];
          bench.backend.sigmoid(bench.matrix(rows, columns, l), p, q);
          return [p, q];
        },
        // An exponential (4u), a sum, a quotient and a product; below 1e-30 it is 0.
        (expected) => (expected < 1.00001e-30 ? 1.00001e-30 : 8 * u * expected),
      );
    });
  });

  test("softmax", () => {
    cases(fc.tuple(size, size, size, seed), ([rows, units, choices, from]) => {
      const l = logits(from, rows * units * choices);
      agree(
        (bench) => {
          const p = bench.matrix(rows, units * choices);
          bench.backend.softmax(bench.matrix(rows, units * choices, l), choices, p);
          return [p];
        },
        // As above, and a difference of up to 160 before the exponential, a sum of `choices` behind it.
        (expected) => (expected < 1.0001e-30 ? 1.0001e-30 : (170 + choices) * u * expected),
      );
    });
  });

  test("probabilities are finite at any logit, and what is not a number stays none", () => {
    for (const backend of modules) {
      const values = [
        0,
        -0,
        1e-40,
        3e38,
        -3e38,
        88.8,
        -88.8,
        1000,
        -1000,
        Infinity,
        -Infinity,
        0,
        Number.NaN,
      ];
      const l = backend.matrix(1, values.length);
      backend.write(l, values);
      const [p, q] = [backend.matrix(1, values.length), backend.matrix(1, values.length)];
      backend.sigmoid(l, p, q);
      const expected = values.map((x) => (Math.abs(x) < 1 ? 0.5 : x > 0 ? 1 : x < 0 ? 0 : Number.NaN));
      expect([...backend.readNow(p)]).toEqual(expected);
      expect([...backend.readNow(q)]).toEqual(expected.map((x) => 1 - x));

      const scores = backend.matrix(3, 5);
      backend.write(scores, [3e38, -3e38, 3e38, 0, 1, 1000, 0, -1000, 1000, 999, 0, 0, Number.NaN, 0, 0]);
      backend.softmax(scores, 5, scores);
      const half = 1 / (2 + Math.exp(-1));
      const found = backend.readNow(scores);
      expect([...found.subarray(0, 5)]).toEqual([0.5, 0, 0.5, 0, 0]);
      for (const [k, x] of [half, 0, 0, half, half / Math.E].entries())
        expect(found[5 + k]).toBeCloseTo(x, 6);
      expect([...found.subarray(10)]).toEqual(Array(5).fill(Number.NaN));
    }
  });
});

describe("elementwise", () => {
  /** Sums and products of these are normal numbers or exactly 0, or below any tolerance here. */
  const operands = fc.tuple(size, size, seed);

  test("fill, broadcast, subtract, scaleRows: one rounding at most", () => {
    cases(operands, ([rows, columns, from]) => {
      const [a, b] = [mixed(from, rows * columns), mixed(from + 2, rows * columns)];
      agree((bench) => {
        const { backend } = bench;
        const out = Array.from({ length: 5 }, () => bench.matrix(rows, columns));
        const [left, right] = [bench.matrix(rows, columns, a), bench.matrix(rows, columns, b)];
        const column = bench.matrix(rows, 1, b.subarray(0, rows));
        backend.fill(out[0], 0.1);
        backend.broadcast(bench.matrix(1, columns, a.subarray(0, columns)), out[1]);
        backend.subtract(left, right, out[2]);
        backend.scaleRows(left, column, out[3]);
        backend.broadcast(bench.matrix(1, columns, b.subarray(0, columns)), out[4]);
        backend.scaleRows(out[4], column, out[4]);
        return out;
      });
    });
  });

  test("multiplyAdd, addScaled: a product and a sum", () => {
    cases(operands, ([rows, columns, from]) => {
      const [a, b, c] = [0, 2, 4].map((more) => mixed(from + more, rows * columns));
      const factor = Math.fround(a[0] + 0.3);
      agree(
        (bench) => {
          const [left, right] = [bench.matrix(rows, columns, a), bench.matrix(rows, columns, b)];
          const out = [bench.matrix(rows, columns, c), bench.matrix(rows, columns, c)];
          bench.backend.multiplyAdd(left, right, out[0]);
          bench.backend.addScaled(left, factor, out[1]);
          return out;
        },
        (_, output, e) => 2 * u * (Math.abs(a[e] * (output === 0 ? b[e] : factor)) + Math.abs(c[e])) + 1e-44,
      );
    });
  });
});

describe("data", () => {
  test("gathered rows and labels", () => {
    cases(shape, ([rows, columns, from]) => {
      const source = mixed(from, 9 * columns);
      const labels = Uint8Array.from(numbers(from, 9, 0, 256));
      const order = Uint32Array.from(numbers(from, rows + 2, 0, 9));
      agree((bench) => {
        const { backend } = bench;
        const [out, label] = [bench.matrix(rows, columns), bench.matrix(rows, 1)];
        const indices = backend.indices(rows + 2);
        backend.writeIndices(indices, order);
        backend.gatherRows(bench.matrix(9, columns, source), indices, 1, out);
        backend.gatherLabels(backend.bytes(labels), indices, 1, label);
        return [out, label];
      });
    });
  });
});

describe("reward and baseline", () => {
  test("a label that is no action is never right", () => {
    agree((bench) => {
      const reward = bench.matrix(4, 1);
      // Behind the second example's three actions stands the choice of the third, where a label of 3 would look.
      const actions = bench.matrix(4, 3, [0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 0]);
      bench.backend.rewardByLabel(actions, bench.matrix(4, 1, [2, 3, -1, 4]), reward);
      expect([...bench.backend.readNow(reward)]).toEqual([1, 0, 0, 0]);
      return [reward];
    });
  });

  test("rewardByLabel, subtractBaseline, trackMean", () => {
    cases(fc.tuple(size, size, seed), ([rows, actions, from]) => {
      const labels = numbers(from, rows, 0, Math.max(2, actions)).map(Math.floor);
      const taken = numbers(from + 1, rows, 0, Math.max(2, actions)).map(Math.floor);
      const chosen = new Float32Array(rows * actions);
      for (let b = 0; b < rows; b++) {
        if (actions === 1) chosen[b] = taken[b];
        else chosen[b * actions + taken[b]] = 1;
      }
      agree((bench) => {
        const { backend } = bench;
        const [reward, advantage] = [bench.matrix(rows, 1), bench.matrix(rows, 1)];
        const baseline = bench.matrix(1, 1, [Math.fround(0.1)]);
        backend.rewardByLabel(bench.matrix(rows, actions, chosen), bench.matrix(rows, 1, labels), reward);
        backend.subtractBaseline(reward, baseline, advantage);
        backend.trackMean(reward, 0.99, baseline);
        return [reward, advantage, baseline];
      });
    });
  });
});

describe("metrics", () => {
  test("means and variances are formed in float64", async () => {
    const B = 50;
    for (const [from, n] of [1, 2, 3, 5, 31, 784, 10_001].entries()) {
      const [moments, gradient] = [mixed(from, B, 1).map(Math.abs), mixed(from + 9, n, 0.01)];
      const results = [];
      for (const backend of [reference, ...modules]) {
        const bench = new Bench(backend);
        const sums = backend.sums(4);
        backend.writeSums(sums, [1, 2, 0, 0]);
        backend.addMean(bench.matrix(1, n, gradient), sums, 1);
        backend.addVariance(bench.matrix(B, 1, moments), bench.matrix(1, n, gradient), sums, 2, 9);
        results.push(await backend.readSums(sums));
      }
      const [expected, ...found] = results;
      // Sums in another order.
      for (const sums of found) {
        for (const i of [0, 1, 2, 3]) expect(Math.abs(sums[i] - expected[i])).toBeLessThanOrEqual(1e-14);
      }
    }
  });

  test("a variance that is not finite is noted with the first step at which it was not", async () => {
    for (const backend of [reference, ...modules]) {
      const [moments, gradient] = [backend.matrix(2, 1), backend.matrix(3, 3)];
      const sums = backend.sums(2);
      const at = (moment: number, g: number, step: number) => {
        backend.fill(moments, moment);
        backend.fill(gradient, g);
        backend.addVariance(moments, gradient, sums, 0, step);
      };
      at(1, 0.1, 1);
      at(0.01, 0.1, 2); // below 0 by rounding or not: counts as 0
      expect((await backend.readSums(sums))[0]).toBeCloseTo(0.91, 6);
      at(1e38, 1e18, 3);
      expect((await backend.readSums(sums))[1]).toBe(0);
      at(1, Number.NaN, 2 ** 40);
      at(Infinity, 0, 5);
      expect((await backend.readSums(sums))[1]).toBe(2 ** 40);
    }
    for (const [moment, g] of [
      [Infinity, 0],
      [Number.NaN, 0],
      [1, Infinity],
      [1, -Infinity],
    ]) {
      for (const backend of [reference, ...modules]) {
        const [moments, gradient] = [backend.matrix(1, 1), backend.matrix(1, 7)];
        const sums = backend.sums(2);
        backend.write(moments, [moment]);
        backend.write(gradient, [g], 5);
        backend.addVariance(moments, gradient, sums, 0, 7);
        expect((await backend.readSums(sums))[1]).toBe(7);
      }
    }
  });

  test("a number that is not finite is found wherever it is, and nothing beside it", async () => {
    for (const backend of [reference, ...modules]) {
      for (let n = 1; n <= 9; n++) {
        const room = backend.matrix(1, n + 8);
        backend.fill(room, Number.NaN);
        const m = backend.view(room, 4, 1, n);
        const sums = backend.sums(1);
        const found = async () => (await backend.readSums(sums))[0];
        backend.fill(m, 3e38);
        backend.checkFinite(m, sums, 0, 1);
        expect(await found()).toBe(0);
        for (const value of [Infinity, -Infinity, Number.NaN]) {
          for (let place = 0; place < n; place++) {
            backend.writeSums(sums, [0]);
            backend.fill(m, -3e38);
            backend.write(m, [value], place);
            backend.checkFinite(m, sums, 0, 5);
            backend.checkFinite(m, sums, 0, 6);
            expect(await found()).toBe(5);
          }
        }
      }
    }
  });
});

describe("adam", () => {
  const options = (t: number, rate = 1e-3): AdamStep => ({
    rate,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    correction1: 1 - 0.9 ** t,
    correction2: 1 - 0.999 ** t,
  });

  test("one step from any state", () => {
    cases(fc.tuple(shape, fc.constantFrom(1, 2, 100, 1e5)), ([[rows, columns, from], t]) => {
      const n = rows * columns;
      const w = mixed(from, n, 10);
      const g = mixed(from + 2, n, 1e15);
      const m = mixed(from + 4, n, 1e15);
      const v = mixed(from + 6, n, 1e30).map(Math.abs);
      const step = options(t);
      agree(
        (bench) => {
          const [W, G, M, V] = [w, g, m, v].map((values) => bench.matrix(rows, columns, values));
          bench.backend.adam(W, G, M, V, step);
          return [W, M, V];
        },
        (expected, output, e) => {
          // m and v: a constant, a difference, a product and a sum, and what is flushed.
          const ofM = 4 * u * (Math.abs(m[e]) + Math.abs(g[e])) + 1.0001e-30;
          if (output === 1) return ofM;
          if (output === 2) return 6 * u * expected + 1.0001e-36;
          // The step: the error of m, and eight roundings more. Where v was flushed the root is below epsilon anyway.
          const v1 = 0.999 * v[e] + 0.001 * g[e] ** 2;
          const m1 = 0.9 * m[e] + 0.1 * g[e];
          const scale = step.rate / step.correction1 / (Math.sqrt(v1 / step.correction2) + step.epsilon);
          return 1.01 * scale * (ofM + 8 * u * Math.abs(m1)) + u * Math.abs(expected);
        },
      );
    });
  });

  test("moments a little above their bounds are as accurate as others", () => {
    const n = 4001;
    const powers = (from: number, low: number, high: number): Float32Array =>
      Float32Array.from(numbers(from, n, low, high), (x) => 10 ** x);
    for (const [m, v, g] of [
      [powers(1, -29, -28), powers(2, -35.9, -34), powers(3, -40, -32)], // g matters in m, if at all
      [powers(4, -20, -15), powers(5, -35.9, -34), powers(6, -22, -16)], // in both
      [new Float32Array(n), new Float32Array(n), powers(7, -16, -13)],
    ]) {
      agree(
        (bench) => {
          const [W, G, M, V] = [[], g, m, v].map((values) => bench.matrix(1, n, values));
          bench.backend.adam(W, G, M, V, options(10));
          return [M, V];
        },
        (expected) => 1e-6 * expected,
      );
    }
  });

  test("a thousand steps stay beside the reference, also where most inputs fall silent", () => {
    const n = 203;
    const steps = 1000;
    const start = Float32Array.from(numbers(1, n));
    // One in eight gradients goes on for good, the others stop after ten steps.
    const gradient = (step: number): Float32Array =>
      Float32Array.from(numbers(step, n), (x, e) => (e % 8 === 0 || step <= 10 ? x + 0.3 : 0));
    const [expected, ...found] = [reference, ...modules].map((backend) => {
      const [w, g, m, v] = Array.from({ length: 4 }, () => backend.matrix(1, n));
      backend.write(w, start);
      for (let t = 1; t <= steps; t++) {
        backend.write(g, gradient(t));
        backend.adam(w, g, m, v, options(t));
      }
      return [w, m, v].map((x) => backend.readNow(x));
    });
    for (const [w, m, v] of found) {
      for (let e = 0; e < n; e++) {
        // Each step rounds w; the moments keep a relative error of a few u over ten or a thousand steps.
        const way = Math.abs(expected[0][e] - start[e]);
        expect(Math.abs(w[e] - expected[0][e])).toBeLessThan(2e-6 * way + Math.sqrt(steps) * 4 * u);
        expect(Math.abs(m[e] - expected[1][e])).toBeLessThan(1e-6 * (Math.abs(expected[1][e]) + 1e-3));
        expect(Math.abs(v[e] - expected[2][e])).toBeLessThan(1e-5 * expected[2][e]);
        expect(m[e] === 0 || Math.abs(m[e]) >= 0.999e-30).toBe(true);
        expect(m[e] === 0).toBe(e % 8 !== 0);
      }
    }
  });

  test("moments below their bounds become 0, and no denormal is left from any state", () => {
    for (const backend of modules) {
      const n = 4000;
      const exponents = numbers(3, n, -45, -25);
      const [w, g, m, v] = Array.from({ length: 4 }, () => backend.matrix(1, n));
      backend.write(
        g,
        Float32Array.from(exponents, (x, e) => (e % 3 === 0 ? 10 ** x : 0)),
      );
      backend.write(
        m,
        Float32Array.from(exponents, (x, e) => (e % 2 ? -1 : 1) * 10 ** x),
      );
      backend.write(
        v,
        Float32Array.from(exponents, (x) => 10 ** (x - 5)),
      );
      for (let t = 1; t <= 3; t++) {
        backend.adam(w, g, m, v, options(t));
        for (const x of backend.readNow(m)) expect(x === 0 || Math.abs(x) >= 0.999e-30).toBe(true);
        for (const x of backend.readNow(v)) expect(x === 0 || x >= 0.999e-36).toBe(true);
        for (const x of backend.readNow(w)) expect(Number.isFinite(x)).toBe(true);
      }
    }
  });

  test("gradients beyond float32's squares keep the step bounded and do not stop later ones", () => {
    for (const backend of modules) {
      const values = [1e17, -1e25, 3e38, -3e38, 1e-20];
      const [w, g, m, v] = Array.from({ length: 4 }, () => backend.matrix(1, values.length));
      for (let t = 1; t <= 50; t++) {
        backend.write(g, values);
        backend.adam(w, g, m, v, options(t));
      }
      // The gradient never changes: m / sqrt(v) is its sign.
      const far = backend.readNow(w);
      for (const e of [0, 1, 2, 3]) expect(far[e]).toBeCloseTo(Math.sign(values[e]) * 50 * 1e-3, 5);
      for (const moment of [m, v]) expect(backend.readNow(moment).every(Number.isFinite)).toBe(true);
    }
  });

  test("a gradient that is not finite shows in the parameters", () => {
    for (const backend of modules) {
      const [w, g, m, v] = Array.from({ length: 4 }, () => backend.matrix(1, 5));
      backend.write(g, [1, Number.NaN, Infinity, -Infinity, 1]);
      backend.adam(w, g, m, v, options(1));
      expect([...backend.readNow(w)].map(Number.isFinite)).toEqual([true, false, false, false, true]);
    }
  });
});
