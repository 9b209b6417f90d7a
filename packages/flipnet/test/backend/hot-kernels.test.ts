// The hot kernels of both modules against the float64 reference.
//
// Tolerance. Both backends get the same float32 numbers, so what is left is rounding: 2^-24 an operation, of either
// sign. A sum of hundreds of terms is allowed 2^-20 times the sum of their absolute values, and each test says what
// that sum is. A flip multiplies J factors, each rounded twice: J / 8 is added to its sum. The errors seen stay
// below a third of what is allowed.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Coding, ImmediateBackend, Matrix, Outcome } from "../../src/backend/backend.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { bits, numbers } from "../helpers.ts";
import { modules } from "./kinds.ts";

const reference = createReferenceBackend();

const unit = 2 ** -20;
const size = fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 10, 13, 50);
const seed = fc.nat(1e6);
const bitCoding = fc.constantFrom<"zero-one" | "plus-minus">("zero-one", "plus-minus");
const coding = fc.constantFrom<Coding>("zero-one", "plus-minus", "real");

/** [examples, inputs, units] at full size, where blocks, tiles and segments are all in use. */
const full: [number, number, number][] = [
  [50, 784, 200],
  [50, 200, 784],
  [3, 200, 50],
];

const cases = <T>(arbitraries: fc.Arbitrary<T>, body: (value: T) => void, runs = 60): void =>
  fc.assert(fc.property(arbitraries, body), { seed: 20, numRuns: runs });

/** Random numbers of a kind, as float32 holds them. */
type Fill = "bits" | "zeros" | "ones" | "real" | "denormal";
const fill = fc.constantFrom<Fill>("bits", "zeros", "ones", "real", "denormal");
const bitFill = fc.constantFrom<Fill>("bits", "zeros", "ones");

function values(kind: Fill, from: number, count: number, spread = 1): Float32Array {
  switch (kind) {
    case "bits":
      return Float32Array.from(bits(from, count));
    case "zeros":
      return new Float32Array(count);
    case "ones":
      return new Float32Array(count).fill(1);
    case "real":
      return Float32Array.from(numbers(from, count, -spread, spread));
    case "denormal":
      return Float32Array.from(numbers(from, count, -1e-39, 1e-39));
  }
}

const load = (backend: ImmediateBackend, rows: number, source: Float32Array): Matrix => {
  const m = backend.matrix(rows, source.length / rows);
  backend.write(m, source);
  return m;
};

/** Runs `operation` on every backend and compares what it leaves in `out`. */
function agree(
  operation: (backend: ImmediateBackend) => Matrix,
  tolerance: (element: number) => number,
): void {
  const expected = reference.readNow(operation(reference));
  for (const backend of modules) {
    const found = backend.readNow(operation(backend));
    let worst = -1;
    let excess = 1;
    for (let e = 0; e < expected.length; e++) {
      const ratio = Math.abs(found[e] - expected[e]) / tolerance(e);
      if (!(ratio <= excess)) [worst, excess] = [e, ratio];
    }
    const report = `${backend.features.arithmetic}, element ${worst}: ${found[worst]}, not ${expected[worst]}`;
    expect(worst, report).toBe(-1);
  }
}

const absolute = (x: ArrayLike<number>, coding: Coding): Float64Array =>
  Float64Array.from(x, (v) => (coding === "plus-minus" ? 1 : Math.abs(v)));

/** `sum_k |a[m, k] b[k, n]|` for every element of the product, through the reference. */
function sizes(operation: (m: (rows: number, source: Float64Array) => Matrix) => Matrix): Float64Array {
  return reference.readNow(
    operation((rows, source) => {
      const m = reference.matrix(rows, source.length / rows);
      reference.write(m, source);
      return m;
    }),
  );
}

describe("products", () => {
  function product(B: number, I: number, J: number, coding: Coding, kind: Fill, from: number): void {
    const x = values(
      coding === "real" ? kind : kind === "zeros" || kind === "ones" ? kind : "bits",
      from,
      B * I,
    );
    const w = values("real", from + 1, I * J, 2);
    const start = values("real", from + 2, B * J);
    const scale = sizes((m) => {
      const out = m(B, absolute(start, "real"));
      reference.product(m(B, absolute(x, coding)), "real", m(I, absolute(w, "real")), out);
      return out;
    });
    agree(
      (backend) => {
        const out = load(backend, B, start);
        backend.product(load(backend, B, x), coding, load(backend, I, w), out);
        return out;
      },
      // The correction of {-1,+1} units adds as much again, twice.
      (e) => unit * (coding === "plus-minus" ? 3 : 1) * (scale[e] + 1e-30),
    );
  }

  function transposed(B: number, I: number, J: number, kind: Fill, from: number, accumulate: boolean): void {
    const g = values(kind, from, B * J);
    const w = values("real", from + 1, I * J, 2);
    const start = values("real", from + 2, B * I);
    const scale = sizes((m) => {
      const out = m(B, absolute(start, "real"));
      reference.transposedProduct(m(B, absolute(g, "real")), m(I, absolute(w, "real")), out, true);
      return out;
    });
    agree(
      (backend) => {
        const out = load(backend, B, start);
        backend.transposedProduct(load(backend, B, g), load(backend, I, w), out, accumulate);
        return out;
      },
      (e) => unit * scale[e],
    );
  }

  function outer(
    B: number,
    I: number,
    J: number,
    coding: Coding,
    kind: Fill,
    from: number,
    accumulate: boolean,
  ): void {
    const x = values(
      coding === "real" ? kind : kind === "zeros" || kind === "ones" ? kind : "bits",
      from,
      B * I,
    );
    const g = values("real", from + 1, B * J, 2);
    const start = values("real", from + 2, I * J);
    const scale = sizes((m) => {
      const out = m(I, absolute(start, "real"));
      reference.outerProduct(m(B, absolute(x, coding)), "real", m(B, absolute(g, "real")), out, true);
      return out;
    });
    agree(
      (backend) => {
        const out = load(backend, I, start);
        backend.outerProduct(load(backend, B, x), coding, load(backend, B, g), out, accumulate);
        return out;
      },
      (e) => unit * (coding === "plus-minus" ? 3 : 1) * (scale[e] + 1e-30),
    );
  }

  test("of bits and of real numbers", () => {
    cases(fc.tuple(size, size, size, coding, fill, seed), (operands) => product(...operands), 150);
    for (const c of ["zero-one", "plus-minus", "real"] as const) {
      for (const shape of full) product(...shape, c, "real", 5);
    }
  });

  test("with the transposed weights", () => {
    cases(fc.tuple(size, size, size, fill, seed, fc.boolean()), (operands) => transposed(...operands), 100);
    for (const shape of full) transposed(...shape, "real", 6, false);
  });

  test("outer products, averaged", () => {
    cases(
      fc.tuple(size, size, size, coding, fill, seed, fc.boolean()),
      (operands) => outer(...operands),
      150,
    );
    for (const c of ["zero-one", "plus-minus", "real"] as const) {
      for (const shape of full) outer(...shape, c, "real", 7, false);
    }
  });

  test("column means", () => {
    cases(
      fc.tuple(size, fc.constantFrom(1, 3, 5, 16, 50, 200, 784), fill, seed, fc.boolean()),
      (operands) => {
        const [B, J, kind, from, accumulate] = operands;
        const g = values(kind, from, B * J);
        agree(
          (backend) => {
            const out = load(backend, 1, values("real", from + 1, J));
            backend.columnMeans(load(backend, B, g), out, accumulate);
            return out;
          },
          () => 2 * unit,
        );
      },
    );
  });

  test("dot products of rows", () => {
    cases(
      fc.tuple(size, fc.constantFrom(1, 3, 5, 50, 200, 784), coding, fill, seed, fc.boolean()),
      (operands) => {
        const [B, I, coding, kind, from, accumulate] = operands;
        const [a, b] = [
          values(kind, from, B * I),
          values(coding === "real" ? kind : "bits", from + 1, B * I),
        ];
        agree(
          (backend) => {
            const out = load(backend, B, values("real", from + 2, B));
            backend.rowDots(load(backend, B, a), load(backend, B, b), coding, out, accumulate);
            return out;
          },
          () => unit * (1 + I),
        );
      },
    );
  });
});

interface Flip {
  B: number;
  I: number;
  /** Children: units times choices. */
  units: number;
  choices: number;
  coding: "zero-one" | "plus-minus";
  kind: Fill;
  /** Weights go up to this, logits of the children up to that. */
  weight: number;
  logit: number;
  from: number;
  accumulate: boolean;
}

/** A layer of children that did something. */
function children(backend: ImmediateBackend, { B, units, choices, logit, from }: Flip): Outcome {
  const J = units * choices;
  const logits = load(backend, B, values("real", from, B * J, logit));
  const [p, q, outcome] = [backend.matrix(B, J), backend.matrix(B, J), backend.matrix(B, J)];
  const uniforms = load(backend, B, Float32Array.from(numbers(from + 1, B * units, 0, 1)));
  if (choices === 1) {
    backend.sigmoid(logits, p, q);
    backend.write(outcome, bits(from + 2, B * J));
    return { kind: "bernoulli", choices, logits, p, q, bits: outcome };
  }
  backend.softmax(logits, choices, p);
  backend.write(outcome, oneHot(B * units, choices, backend.readNow(uniforms)));
  return { kind: "softmax", choices, logits, p, q: p, bits: outcome };
}

function oneHot(units: number, choices: number, uniforms: ArrayLike<number>): Float32Array {
  const out = new Float32Array(units * choices);
  for (let u = 0; u < units; u++) out[u * choices + Math.floor(uniforms[u] * choices)] = 1;
  return out;
}

/**
 * What roundings are relative to: the moves `|k W|` of a parent's children, 1 a factor, and for the plain sums, which
 * take over at large weights, the logits.
 */
function flipTolerance(w: Float32Array, J: number, k: number, logit: number): (i: number) => number {
  const plain = w.some((x) => Math.abs(k * x) > 26);
  return (i) => {
    let sum = 0;
    for (let j = 0; j < J; j++) sum += Math.abs(k * w[i * J + j]);
    return unit * (sum + J / 8 + 1 + (plain ? J * logit : 0));
  };
}

const flip = fc.record({
  B: fc.constantFrom(1, 2, 5, 8),
  I: size,
  units: size,
  choices: fc.constantFrom(1, 2, 3, 4, 10),
  coding: bitCoding,
  kind: bitFill,
  weight: fc.constantFrom(1e-39, 0.01, 0.3, 2, 10, 20, 60),
  logit: fc.constantFrom(0, 1, 10, 80),
  from: seed,
  accumulate: fc.boolean(),
});

describe("counterfactuals", () => {
  function flips(o: Flip): void {
    const { B, I, units, choices, coding, kind, weight, logit, from, accumulate } = o;
    const J = units * choices;
    const w = values("real", from + 3, I * J, weight);
    const x = values(kind, from + 4, B * I);
    const start = values("real", from + 5, B * I);
    const tolerance = flipTolerance(w, J, coding === "plus-minus" ? 2 : 1, logit);
    agree(
      (backend) => {
        const weights = backend.matrix(I, J);
        const tables = backend.flipTables(weights, coding);
        const out = load(backend, B, start);
        backend.write(weights, w);
        backend.refreshFlipTables(tables);
        backend.flipLogLikelihood(load(backend, B, x), tables, children(backend, o), out, accumulate);
        return out;
      },
      (e) => tolerance(e % I),
    );
  }

  test("flips of Bernoulli parents", () => {
    cases(flip, flips, 300);
    const shape = { choices: 1, kind: "bits", logit: 3, from: 8, accumulate: false } as const;
    flips({ ...shape, B: 10, I: 200, units: 784, coding: "zero-one", weight: 0.2 });
    flips({ ...shape, B: 10, I: 200, units: 200, coding: "plus-minus", weight: 1 });
    flips({ ...shape, B: 50, I: 200, units: 1, choices: 10, coding: "plus-minus", weight: 1 });
  });

  test("one large weight among small ones", () => {
    cases(
      fc.tuple(fc.constantFrom(20, 42.9, 43.1, 60), fc.constantFrom(1, 3), seed),
      ([large, choices, from]) => {
        const [B, I, J] = [3, 9, 30];
        const w = values("real", from, I * J, 0.5);
        w[4 * J + 7] = large;
        w[4 * J + 23] = -large;
        const o: Flip = { B, I, units: J / choices, choices, coding: "zero-one", kind: "bits" } as Flip;
        Object.assign(o, { logit: 80, from, weight: 0, accumulate: false });
        const tolerance = flipTolerance(w, J, 1, 80);
        agree(
          (backend) => {
            const tables = backend.flipTables(load(backend, I, w), "zero-one");
            const out = backend.matrix(B, I);
            backend.refreshFlipTables(tables);
            const x = load(backend, B, values("bits", from + 4, B * I));
            backend.flipLogLikelihood(x, tables, children(backend, o), out, false);
            return out;
          },
          (e) => tolerance(e % I),
        );
      },
    );
  });

  function switches(o: Flip, N: number): void {
    const { B, I: parents, units, choices, weight, logit, from, accumulate } = o;
    const [I, J] = [parents * N, units * choices];
    const w = values("real", from + 3, I * J, weight);
    // One parent has large weights where the others have small ones.
    if (weight === 0.3) for (let i = 0; i < N; i++) w[i * J] = from % 2 === 0 ? 8 : 30;
    const x = oneHot(B * parents, N, numbers(from + 4, B * parents, 0, 1));
    const start = values("real", from + 5, B * I);
    const own = flipTolerance(w, J, 1, logit);
    const plain = w.some((value) => Math.abs(value) > 13);
    // Rows are compared to that of the choice made.
    const most = Array.from({ length: parents }, (_, u) =>
      Math.max(...Array.from({ length: N }, (_, n) => own(u * N + n))),
    );
    agree(
      (backend) => {
        const out = load(backend, B, start);
        const tables = backend.flipTables(load(backend, I, w), "zero-one");
        backend.refreshFlipTables(tables);
        backend.switchLogLikelihood(load(backend, B, x), N, tables, children(backend, o), out, accumulate);
        return out;
      },
      (e) => 2 * most[Math.floor((e % I) / N)] + (plain ? unit * J * logit : 0),
    );
  }

  test("switches of softmax parents", () => {
    cases(fc.tuple(flip, fc.constantFrom(2, 3, 5, 10)), (operands) => switches(...operands), 200);
    const shape = { coding: "zero-one", kind: "bits", logit: 3, from: 8, accumulate: false } as const;
    switches({ ...shape, B: 10, I: 20, units: 200, choices: 1, weight: 1 }, 10);
    switches({ ...shape, B: 10, I: 40, units: 20, choices: 10, weight: 0.2 }, 5);
  });

  test("posterior minus prior", () => {
    const spread = fc.constantFrom(1e-39, 1e-6, 0.1, 3, 60, 120);
    cases(
      fc.tuple(size, size, spread, fc.constantFrom(0.1, 5, 60, 80), seed),
      ([B, J, spread, logit, from]) => {
        // The float32 p and q are the input: the reference gets the same.
        const [p, q] = [modules[0].matrix(B, J), modules[0].matrix(B, J)];
        modules[0].sigmoid(load(modules[0], B, values("real", from, B * J, logit)), p, q);
        const [P, Q] = [p, q].map((m) => Float32Array.from(modules[0].readNow(m)));
        const delta = values("real", from + 1, B * J, spread);
        const run = (backend: ImmediateBackend): Matrix => {
          const out = backend.matrix(B, J);
          const operands = [P, Q, delta].map((source) => load(backend, B, source));
          backend.posteriorMinusPrior(operands[0], operands[1], operands[2], out);
          return out;
        };
        // Relative to the result itself: it neither cancels nor loses small delta. Below 1e-30 it is 0.
        const exact = reference.readNow(run(reference));
        agree(run, (e) => 4 * unit * Math.abs(exact[e]) + 1e-29);
      },
    );
  });

  test("likelihoods of a mixture", () => {
    const spread = fc.constantFrom(1e-6, 0.1, 1, 3, 60);
    cases(
      fc.tuple(size, size, spread, fc.constantFrom(0.1, 5, 60), fc.boolean(), seed),
      ([B, I, spread, odd, softmax, from]) => {
        const [delta, odds] = [values("real", from, B * I, spread), values("real", from + 1, B, odd)];
        const what = values("bits", from + 2, B * I);
        const run = (backend: ImmediateBackend): Matrix => {
          const out = backend.matrix(B, I);
          const did = softmax ? undefined : load(backend, B, what);
          backend.mixtureLikelihood(load(backend, B, delta), load(backend, B, odds), did, out);
          return out;
        };
        const exact = reference.readNow(run(reference));
        // Relative to itself where it is small; beyond that to the terms of the difference.
        agree(
          run,
          (e) => unit * (Math.abs(delta[e]) <= 1 ? 8 * Math.abs(exact[e]) : 2 + odd + spread) + 1e-29,
        );
      },
    );
  });

  test("choices' posterior minus prior", () => {
    const spread = fc.constantFrom(1e-39, 1e-6, 0.1, 3, 60, 120);
    const choices = fc.constantFrom(2, 3, 4, 5, 10);
    cases(
      fc.tuple(size, choices, spread, fc.constantFrom(0.1, 5, 60), seed),
      ([B, N, spread, logit, from]) => {
        const units = 3;
        const m = modules[0].matrix(B, units * N);
        modules[0].softmax(load(modules[0], B, values("real", from, B * units * N, logit)), N, m);
        const p = Float32Array.from(modules[0].readNow(m));
        const delta = values("real", from + 1, B * units * N, spread);
        agree(
          (backend) => {
            const out = backend.matrix(B, units * N);
            backend.choicePosteriorMinusPrior(load(backend, B, p), N, load(backend, B, delta), out);
            return out;
          },
          // The logarithm of the sum is as good as delta and 1 are.
          () => 2 * unit * (1 + spread),
        );
      },
    );
  });
});

test("an example's switches are the same bits alone as in a batch, and so are a parent's among others", () => {
  const [B, parents, N, J] = [4, 7, 3, 20];
  const I = parents * N;
  for (const backend of modules) {
    for (const choices of [1, 10]) {
      const o = { B, I, units: J / choices, choices, logit: 4, from: 3 } as Flip;
      const weights = load(backend, I, values("real", 1, I * J, 3));
      const x = load(backend, B, oneHot(B * parents, N, numbers(2, B * parents, 0, 1)));
      const child = children(backend, o);
      const switches = (bits: Matrix, of: Outcome, weights: Matrix): Float64Array => {
        const tables = backend.flipTables(weights, "zero-one");
        const out = backend.matrix(bits.rows, bits.columns);
        backend.refreshFlipTables(tables);
        backend.switchLogLikelihood(bits, N, tables, of, out, false);
        return backend.readNow(out);
      };
      const all = switches(x, child, weights);
      for (let b = 0; b < B; b++) {
        const one = Object.fromEntries(
          (["logits", "p", "q", "bits"] as const).map((name) => [
            name,
            backend.view(child[name], b * J, 1, J),
          ]),
        );
        const alone = switches(backend.view(x, b * I, 1, I), { ...child, ...one }, weights);
        expect(alone).toEqual(all.slice(b * I, b * I + I));
        const only = backend.view(weights, 2 * N * J, N, J);
        const its = switches(backend.view(x, b * I + 2 * N, 1, N), { ...child, ...one }, only);
        expect(its).toEqual(alone.slice(2 * N, 3 * N));
      }
    }
  }
});

test("an example gives the same bits alone as in a batch, and so does a parent among others", () => {
  const [B, I, J] = [5, 37, 50];
  const o = { B, I, units: J, choices: 1, logit: 4, from: 3 } as Flip;
  for (const backend of modules) {
    const weights = load(backend, I, values("real", 1, I * J, 3));
    const x = load(backend, B, values("bits", 2, B * I));
    const child = children(backend, o);
    const row = (m: Matrix, b: number) => backend.view(m, b * m.columns, 1, m.columns);
    const tables = backend.flipTables(weights, "zero-one");
    backend.refreshFlipTables(tables);
    const flips = (bits: Matrix, of: Outcome, t = tables): Float64Array => {
      const out = backend.matrix(bits.rows, bits.columns);
      backend.flipLogLikelihood(bits, t, of, out, false);
      return backend.readNow(out);
    };
    const products = (bits: Matrix): Float64Array => {
      const out = backend.matrix(bits.rows, J);
      backend.product(bits, "plus-minus", weights, out);
      backend.product(bits, "real", weights, out);
      return backend.readNow(out);
    };
    const [allFlips, allProducts] = [flips(x, child), products(x)];
    for (let b = 0; b < B; b++) {
      const one = Object.fromEntries(
        (["logits", "p", "q", "bits"] as const).map((name) => [name, row(child[name], b)]),
      );
      const alone = flips(row(x, b), { ...child, ...one });
      expect(alone).toEqual(allFlips.slice(b * I, b * I + I));
      expect(products(row(x, b))).toEqual(allProducts.slice(b * J, b * J + J));
      for (const i of [0, 17, 36]) {
        const only = backend.flipTables(row(weights, i), "zero-one");
        backend.refreshFlipTables(only);
        const bit = backend.view(x, b * I + i, 1, 1);
        expect(flips(bit, { ...child, ...one }, only)[0]).toBe(alone[i]);
      }
    }
  }
});
