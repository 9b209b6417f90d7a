// The kernels of known functions, both modules against the float64 reference, on the same float32 numbers.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ImmediateBackend, Matrix, Outcome } from "../../src/backend/backend.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { bits, matrixOf, numbers } from "../helpers.ts";
import { modules } from "./kinds.ts";

const reference = createReferenceBackend();

const size = fc.constantFrom(1, 2, 3, 5, 7, 8, 50);
const scale = fc.constantFrom(0.1, 2, 20, 80);
const seed = fc.nat(1e6);
const cases = <T>(arbitrary: fc.Arbitrary<T>, body: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, body), { seed: 4, numRuns: 80 });

const floats = (from: number, count: number, largest: number): Float32Array =>
  Float32Array.from(numbers(from, count, -largest, largest));

/** Both backends' results of one operation, which writes into a matrix that holds `before`. */
function results(
  module: ImmediateBackend,
  rows: number,
  before: ArrayLike<number>,
  run: (backend: ImmediateBackend, out: Matrix) => void,
): [Float64Array, Float64Array] {
  const [exact, found] = [reference, module].map((backend) => {
    const out = matrixOf(backend, rows, before);
    run(backend, out);
    return backend.readNow(out);
  });
  return [exact, found];
}

function expectClose([exact, found]: [Float64Array, Float64Array], tolerance: (e: number) => number): void {
  // One at a time, expectations take longer than what they are of.
  const wrong = [...exact.keys()].filter((e) => !(Math.abs(found[e] - exact[e]) <= tolerance(e)));
  expect(wrong.map((e) => `${found[e]} at element ${e}; expected ${exact[e]} +- ${tolerance(e)}`)).toEqual(
    [],
  );
}

function bernoulli(
  backend: ImmediateBackend,
  rows: number,
  logits: Float32Array,
  outcome: number[],
): Outcome {
  const [l, p, q] = [logits, logits, logits].map((values) => matrixOf(backend, rows, values));
  backend.sigmoid(l, p, q);
  return { kind: "bernoulli", choices: 1, logits: l, p, q, bits: matrixOf(backend, rows, outcome) };
}

/** A softmax layer of `rows` examples; chooses what `from` says. */
function softmax(
  backend: ImmediateBackend,
  rows: number,
  logits: Float32Array,
  N: number,
  from: number,
): Outcome {
  const l = matrixOf(backend, rows, logits);
  const p = backend.matrix(rows, l.columns);
  backend.softmax(l, N, p);
  return {
    kind: "softmax",
    choices: N,
    logits: l,
    p,
    q: p,
    bits: matrixOf(backend, rows, oneHot(from, logits.length, N)),
  };
}

function oneHot(from: number, count: number, N: number): number[] {
  const chosen = numbers(from, count / N, 0, N).map(Math.floor);
  return Array.from({ length: count }, (_, e) => (e % N === chosen[Math.floor(e / N)] ? 1 : 0));
}

describe.each(modules.map((module) => [module.features.arithmetic, module] as const))("%s", (_, module) => {
  test("sums over units: log-likelihood and entropy", () => {
    cases(fc.tuple(size, fc.oneof(size, fc.constantFrom(200, 784)), scale, seed), ([B, J, largest, from]) => {
      const logits = floats(from, B * J, largest);
      const target = bits(from + 1, B * J);
      // A few roundings of each term, whose size is at most 1 + |l|, and of the running sum.
      const tolerance = 4e-7 * J * (1 + largest);
      const before = new Float64Array(B);
      expectClose(
        results(module, B, before, (backend, out) =>
          backend.logLikelihood(bernoulli(backend, B, logits, target), out),
        ),
        () => tolerance,
      );
      expectClose(
        results(module, B, before, (backend, out) =>
          backend.entropy(bernoulli(backend, B, logits, target), out),
        ),
        () => 1e-6 * J,
      );
    });
  });

  test("the change of entropy when a parent flips", () => {
    const codings = fc.constantFrom("zero-one" as const, "plus-minus" as const);
    const shape = fc.tuple(
      size,
      size,
      fc.oneof(size, fc.constantFrom(200)),
      scale,
      fc.constantFrom(0.1, 3, 60),
      seed,
    );
    cases(
      fc.tuple(shape, codings, fc.boolean()),
      ([[B, I, J, largest, heaviest, from], coding, accumulate]) => {
        const logits = floats(from, B * J, largest);
        const weights = floats(from + 1, I * J, heaviest);
        const parents = bits(from + 2, B * I);
        const before = floats(from + 3, B * I, 1);
        // Entropies are at most log 2, but are found from logits that are rounded: |l| + |d| roundings of the slope.
        const tolerance = 1e-6 * J * (1 + largest + 2 * heaviest);
        expectClose(
          results(module, B, before, (backend, out) => {
            const tables = backend.flipTables(matrixOf(backend, I, weights), coding);
            backend.refreshFlipTables(tables);
            const child = bernoulli(backend, B, logits, bits(from, B * J));
            backend.flipEntropy(matrixOf(backend, B, parents), tables, child, out, accumulate);
          }),
          () => tolerance,
        );
        // The log-likelihood that comes along is the one that comes alone.
        const x = matrixOf(module, B, parents);
        const tables = module.flipTables(matrixOf(module, I, weights), coding);
        module.refreshFlipTables(tables);
        const child = bernoulli(module, B, logits, bits(from, B * J));
        const [alone, along] = [module.matrix(B, I), matrixOf(module, B, before)];
        module.flipLogLikelihood(x, tables, child, alone, false);
        module.flipEntropy(x, tables, child, module.matrix(B, I), accumulate, along);
        expect(module.readNow(along)).toEqual(module.readNow(alone));
      },
    );
  });

  test("credits: local expectation, hindsight, entropy gradient", () => {
    cases(fc.tuple(size, size, scale, seed, fc.boolean()), ([B, J, largest, from, mediated]) => {
      const logits = floats(from, B * J, largest);
      const [s, d, before] = [1, 2, 3].map((i) => floats(from + i, B * J, i === 2 ? 100 : 1));
      const f = floats(from + 4, B, 200);
      const outcome = bits(from + 5, B * J);
      expectClose(
        results(module, B, before, (backend, out) => {
          const { p, q } = bernoulli(backend, B, logits, outcome);
          backend.localExpectation(p, q, matrixOf(backend, B, d), out);
        }),
        (e) => 1e-6 * Math.abs(d[e]) + 1e-30,
      );
      expectClose(
        results(module, B, before, (backend, out) => {
          const child = bernoulli(backend, B, logits, outcome);
          const difference = mediated ? matrixOf(backend, B, d) : undefined;
          backend.addHindsight(
            matrixOf(backend, B, s),
            matrixOf(backend, B, f),
            child.q,
            child.bits,
            difference,
            out,
          );
        }),
        (e) => 1e-6 * (1 + Math.abs(f[Math.floor(e / J)]) + Math.abs(d[e])),
      );
      expectClose(
        results(module, B, before, (backend, out) => {
          const { logits: l, p, q } = bernoulli(backend, B, logits, outcome);
          backend.addEntropyGradient(l, p, q, out);
        }),
        () => 2e-6,
      );
    });
  });

  test("credits of softmax units in hindsight", () => {
    cases(
      fc.tuple(size, size, fc.constantFrom(2, 3, 5, 10), seed, fc.boolean()),
      ([B, U, N, from, known]) => {
        const [s, d, before] = [1, 2, 3].map((i) => floats(from + i, B * U * N, 1));
        const f = floats(from + 4, B, 200);
        expectClose(
          results(module, B, before, (backend, out) => {
            const p = matrixOf(backend, B, floats(from + 5, B * U * N, 4));
            backend.softmax(p, N, p);
            const difference = known ? matrixOf(backend, B, d) : undefined;
            const [shift, worth] = [matrixOf(backend, B, s), matrixOf(backend, B, f)];
            backend.addChoiceHindsight(shift, worth, p, N, difference, out);
          }),
          (e) => 1e-6 * (N + Math.abs(f[Math.floor(e / (U * N))])),
        );
      },
    );
  });

  test("softmax units: log-likelihood, entropy, what choices are worth", () => {
    cases(fc.tuple(size, size, fc.constantFrom(2, 3, 4, 5, 10), scale, seed), ([B, U, N, largest, from]) => {
      const J = U * N;
      const logits = floats(from, B * J, largest);
      const zeros = new Float64Array(B);
      const layer = (backend: ImmediateBackend) => softmax(backend, B, logits, N, from + 1);
      expectClose(
        results(module, B, zeros, (backend, out) => backend.logLikelihood(layer(backend), out)),
        () => 5e-7 * U * (1 + largest),
      );
      expectClose(
        results(module, B, zeros, (backend, out) => backend.entropy(layer(backend), out)),
        () => 1e-6 * U * (1 + Math.log(N)),
      );
      expectClose(
        results(module, B, floats(from + 2, B * J, 1), (backend, out) => {
          const { logits: a, bits } = layer(backend);
          backend.addChoiceDifferences(a, N, bits, out);
        }),
        () => 1e-6 * (1 + largest),
      );
    });
  });

  test("the change of entropy under other outcomes, softmax parents or children", () => {
    const kind = fc.constantFrom(1, 2, 3, 5);
    cases(
      fc.tuple(
        fc.tuple(size, size, size, scale, fc.constantFrom(0.1, 3, 60), seed),
        kind,
        kind,
        fc.boolean(),
        fc.boolean(),
      ),
      ([[B, parents, units, largest, heaviest, from], N, K, accumulate, signs]) => {
        const coding = signs && N === 1 ? "plus-minus" : "zero-one";
        const [I, J] = [parents * N, units * K];
        const logits = floats(from, B * J, largest);
        const weights = floats(from + 1, I * J, heaviest);
        const did = N === 1 ? bits(from + 2, B * I) : oneHot(from + 2, B * I, N);
        expectClose(
          results(module, B, floats(from + 3, B * I, 1), (backend, out) => {
            const tables = backend.flipTables(matrixOf(backend, I, weights), coding);
            backend.refreshFlipTables(tables);
            const child =
              K === 1
                ? bernoulli(backend, B, logits, bits(from, B * J))
                : softmax(backend, B, logits, K, from + 4);
            backend.entropyDifferences(matrixOf(backend, B, did), N, tables, child, out, accumulate);
          }),
          () => 1e-6 * (1 + J * (1 + largest + 2 * heaviest)),
        );
      },
    );
  });

  test("antithetic pairs follow their uniforms exactly; copies, maxima and products", () => {
    cases(fc.tuple(size, size, seed), ([B, J, from]) => {
      const p = Float32Array.from(numbers(from, B * J, 0, 1));
      const u = numbers(from + 1, B * J, 0, 1);
      const pairs = [reference, module].map((backend) => {
        const [first, second] = [backend.matrix(B, J), backend.matrix(B, J)];
        backend.sampleAntithetic(matrixOf(backend, B, p), matrixOf(backend, B, u), first, second);
        return [...backend.readNow(first), ...backend.readNow(second)];
      });
      expect(pairs[1]).toEqual(pairs[0]);
      const other = floats(from + 2, B * J, 5);
      for (const operation of ["maximum", "multiply"] as const) {
        const [exact, found] = results(module, B, p, (backend, out) =>
          backend[operation](matrixOf(backend, B, p), matrixOf(backend, B, other), out),
        );
        expect(found).toEqual(exact.map(Math.fround));
      }
      const [exact, found] = results(module, B, p, (backend, out) =>
        backend.copy(matrixOf(backend, B, other), out),
      );
      expect(found).toEqual(exact);
    });
  });
});
