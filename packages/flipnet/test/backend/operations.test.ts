// Every operation of the table on every backend: against the float64 reference, on one, two and three threads, behind an
// electric fence, and with operands that do not fit. A read too far traps in WebAssembly; native kernels end the process
// that this file has for itself.
import { afterAll, describe, expect, test } from "vitest";
import type { ImmediateBackend, Matrix, Outcome } from "../../src/backend/backend.ts";
import { checked } from "../../src/backend/checked.ts";
import { cuts } from "../../src/backend/cuts.ts";
import { signatures } from "../../src/backend/generated/kernels.ts";
import { kernelsHere, partsOf } from "../../src/backend/kinds.ts";
import { type Operation, operandRules } from "../../src/backend/operations.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createKernelBackend } from "../../src/backend/wasm.ts";
import { numbers } from "../helpers.ts";
import { type Case, FencedHeap, operandsOf, perform, shapeOf, tried, variantsOf } from "./walk.ts";

const reference = createReferenceBackend();
const names = Object.keys(operandRules) as Operation[];
const threads = [1, 2, 3];
const MiB = 2 ** 20;

const backends = await Promise.all(
  kernelsHere().flatMap((kernels) =>
    threads.map(async (threads) => {
      const heap = new FencedHeap(16 * MiB, threads > 1);
      const { module, addon } = partsOf(kernels);
      return {
        name: `${kernels}, ${threads}`,
        threads,
        heap,
        backend: await createKernelBackend(heap, module, { addon, threads }),
      };
    }),
  ),
);
afterAll(() => {
  for (const { backend } of backends) backend.close();
});

/** Odd sizes: around vectors, tiles and the blocks of sums; the large ones are cut. */
const sizes = [1, 2, 3, 5, 7, 13, 16, 17, 21, 22, 23, 31, 33, 40, 61, 62];

function sizesOf(seed: number, large: "large" | "tables" | "small"): Case["sizes"] {
  const pick = (place: number) => sizes[Math.floor(numbers(seed, 20, 0, sizes.length)[place])];
  const k = 1 + (seed % 3);
  const weight = [0.5, 8, 30, 60][seed % 4];
  const small = {
    B: Math.min(pick(0), 17),
    I: pick(1),
    J: pick(2),
    U: Math.min(pick(3), 13),
    R: pick(4),
    C: pick(5),
    A: pick(6),
  };
  const work = { small: {}, large: { B: 131, I: 95, J: 95, U: 21 }, tables: { B: 5, I: 95, J: 91, U: 19 } };
  return { ...small, ...work[large], k, weight };
}

/** Columns of children in whole groups; and as many bits as are addressed, of so many examples that they are worth a cut. */
function fitted(operation: Operation, { sizes, ...rest }: Case): Case {
  const { J, k } = sizes;
  if (operation !== "addressedBit") return { ...rest, sizes: { ...sizes, J: J * rest.childChoices } };
  return { ...rest, sizes: { ...sizes, B: 31 * sizes.B, I: k + 2 ** k } };
}

/** Every variant, and so often at other sizes that there are so many cases at least. */
function casesOf(operation: Operation, large: boolean, least: number): Case[] {
  const variants = variantsOf(operation);
  return variants.flatMap((variant, v) =>
    Array.from({ length: Math.ceil(least / variants.length) }, (_, s) => {
      const products = operandRules[operation].some(({ name }) => name === "tables" || name === "weights");
      const size = !large ? "small" : products ? "tables" : "large";
      const seed = 1 + 7 * v + 31 * s;
      return fitted(operation, { ...variant, sizes: sizesOf(seed, size), seed });
    }),
  );
}

/** How far results may be apart: some roundings of the largest number that is formed on the way. */
function difference(
  expected: readonly Float64Array[],
  found: readonly Float64Array[],
  one: Case,
): string | undefined {
  for (const [output, values] of expected.entries()) {
    const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
    for (const [e, value] of values.entries()) {
      if (!(Math.abs(found[output][e] - value) <= 2e-5 * largest)) {
        return `${JSON.stringify(one)}: result ${output} has ${found[output][e]} at element ${e}, expected ${value}`;
      }
    }
  }
}

const same = (a: readonly Float64Array[], b: readonly Float64Array[]) =>
  a.every((values, i) => Buffer.compare(Buffer.from(values.buffer), Buffer.from(b[i].buffer)) === 0);

describe.each(names)("%s", (operation) => {
  test("is the reference's, with the same bits on any number of threads", async () => {
    const wrong: string[] = [];
    const [small, large] = [casesOf(operation, false, 6), casesOf(operation, true, 1)];
    for (const one of [...small, ...large]) {
      const expected = await tried(reference, operation, one);
      const bits = new Map<string, Float64Array[]>();
      for (const { name, threads, backend } of backends) {
        // What is small is not divided, among two as little as among three.
        if (threads === 2 && small.includes(one)) continue;
        const found = await tried(backend, operation, one);
        const where = difference(expected, found, one);
        if (where !== undefined) wrong.push(`${name}: ${where}`);
        const kind = name.split(",")[0];
        if (!same(bits.get(kind) ?? found, found)) wrong.push(`${name}: other bits than on one thread`);
        bits.set(kind, found);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("reads and writes nothing beyond its operands", async () => {
    const wrong: string[] = [];
    for (const { name, threads, heap, backend } of backends) {
      // Among three there are parts with two neighbours as well.
      if (threads === 2) continue;
      for (const one of casesOf(operation, threads > 1, threads > 1 ? 1 : 6)) {
        heap.fenced = -1;
        await tried(backend, operation, one); // now there is scratch
        heap.count = 0;
        const expected = await tried(backend, operation, one);
        const blocks = heap.count;
        for (let block = 0; block < blocks; block++) {
          heap.count = 0;
          heap.fenced = block;
          const where = `${name}, operand ${block} of ${JSON.stringify(one)}`;
          try {
            const found = await tried(backend, operation, one);
            if (!same(expected, found)) wrong.push(`${where}: other numbers than in the middle of memory`);
            if (!heap.intact) wrong.push(`${where}: something is written beside it`);
          } catch (failure) {
            wrong.push(`${where}: ${failure}`);
          }
        }
        heap.fenced = -1;
      }
    }
    expect(wrong).toEqual([]);
  });

  test("refuses shapes that do not fit, on every backend", () => {
    const wrong: string[] = [];
    for (const one of variantsOf(operation).map((variant) =>
      fitted(operation, {
        ...variant,
        sizes: { ...sizesOf(1, "small"), B: 3, I: 4, J: 5, U: 2, R: 6, A: 7, k: 1 },
        seed: 1,
      }),
    )) {
      const shaped = operandRules[operation].filter(
        ({ shape, optional }) => shape && (one.optional || !optional),
      );
      const letters = shaped.flatMap(({ shape }) => shape!.map((factors) => factors.join("*")));
      for (const { name, shape } of shaped) {
        for (const [axis, factors] of shape!.entries()) {
          const letter = factors.join("*");
          const free = letters.indexOf(letter) === letters.lastIndexOf(letter) && /^[A-Z]$/.test(letter);
          if (free && !(operation === "addressedBit" && letter === "I")) continue;
          for (const backend of [reference, ...backends.map(({ backend }) => backend)]) {
            const scope = backend.scope();
            const { operands } = scope.run(() =>
              operandsOf(backend, operation, one, (other, rows, columns) =>
                other !== name
                  ? [rows, columns]
                  : axis === 0
                    ? [rows + 1, columns]
                    : [rows, columns + one.childChoices],
              ),
            );
            const act = () => perform(backend, operation, operands);
            try {
              expect(act).toThrow(new RegExp(`^${operation}: .* do not fit$`));
              expect(act).toThrow(RangeError);
            } catch (failure) {
              wrong.push(
                `${backend.features.arithmetic}, ${name}, axis ${axis}: ${(failure as Error).message}`,
              );
            }
            scope.release();
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});

const ofBits = names.filter((operation) => operandRules[operation].some(({ holds }) => holds !== "numbers"));

test.each(ofBits)("%s: numbers in the place of bits are refused", (operation) => {
  for (const backend of [reference, checked(backends[0].backend)]) {
    for (const variant of variantsOf(operation).filter(({ coding }) => coding !== "real")) {
      const one = fitted(operation, { ...variant, sizes: { ...sizesOf(1, "small"), A: 3 }, seed: 1 });
      for (const [place, { name, holds }] of operandRules[operation].entries()) {
        if (holds === "numbers") continue;
        const { operands } = operandsOf(backend, operation, one);
        const operand = operands[place] as Matrix | Outcome | undefined;
        if (operand === undefined) continue;
        const bits = "bits" in operand ? operand.bits : operand;
        const what = "bits" in operand ? `${name}.bits` : name;
        const last = bits.rows * bits.columns - 1;
        for (const value of [0.5, -1, 2, Number.NaN]) {
          backend.write(bits, [value], last);
          expect(() => perform(backend, operation, operands)).toThrow(
            new RangeError(`${operation}: ${what} holds ${value} at element ${last}; expected bits, 0 or 1`),
          );
        }
        const choices = "bits" in operand ? operand.choices : name === "actions" ? bits.columns : one.choices;
        if (choices === 1) continue;
        backend.fill(bits, 0);
        expect(() => perform(backend, operation, operands)).toThrow(
          new RangeError(
            `${operation}: ${what} has 0 choices made from element 0 on; expected 1 of ${choices}`,
          ),
        );
      }
    }
  }
});

test("numbers stand for bits nowhere else", () => {
  expect(ofBits).toEqual([
    ...[
      "addressedBit",
      "product",
      "outerProduct",
      "flipLogLikelihood",
      "switchLogLikelihood",
      "mixtureLikelihood",
      "score",
      "choiceScore",
    ],
    ...["rewardedScore", "betterOutcome", "productFormScore", "normChange", "betterAction", "logLikelihood"],
    ...[
      "flipEntropy",
      "entropyDifferences",
      "flipMeans",
      "addChoiceDifferences",
      "addHindsight",
      "rewardByLabel",
    ],
  ]);
});

describe("a child whose logits are no numbers", () => {
  const outputs: [Operation, number][] = [
    ["flipLogLikelihood", 1],
    ["flipLogLikelihood", 3],
    ["switchLogLikelihood", 1],
    ["switchLogLikelihood", 3],
    ["flipEntropy", 1],
    ["flipMeans", 1],
    ["entropyDifferences", 1],
    ["entropyDifferences", 3],
  ];
  test.each(outputs)(
    "%s, children of %i choices: nothing is said of its parents, and all of the others",
    (operation, childChoices) => {
      const all: ImmediateBackend[] = [reference, ...backends.map(({ backend }) => backend)];
      for (const backend of all) {
        for (const variant of variantsOf(operation).filter(
          (variant) => variant.childChoices === childChoices,
        )) {
          for (const weight of [0.5, 20, 60]) {
            const sizes = { ...sizesOf(1, "small"), B: 3, I: 6, J: 19, U: 3, weight };
            const one = fitted(operation, { ...variant, sizes, seed: 5 });
            const { operands, written } = operandsOf(backend, operation, one);
            const child = operands[
              operandRules[operation].findIndex(({ name }) => name === "child")
            ] as Outcome;
            backend.write(child.logits, [Number.NaN], shapeOf(child).columns + childChoices);
            if (childChoices === 1) backend.sigmoid(child.logits, child.p, child.q);
            else backend.softmax(child.logits, childChoices, child.p);
            perform(backend, operation, operands);
            for (const m of written) {
              const found = Array.from(backend.readNow(m), Number.isNaN);
              expect(found).toEqual(found.map((_, e) => Math.floor(e / m.columns) === 1));
            }
          }
        }
      }
    },
  );
});

describe("the score of units that are nearly certain", () => {
  const logits = Array.from({ length: 161 }, (_, n) => n - 80);
  const backends_ = [reference, ...backends.map(({ backend }) => backend)];

  test("is exact to the last digits, on or off", () => {
    for (const backend of backends_) {
      const matrix = (values: readonly number[]) => {
        const m = backend.matrix(1, values.length);
        backend.write(m, values);
        return m;
      };
      for (const on of [0, 1]) {
        const l = matrix(logits);
        const [p, q, out] = [0, 1, 2].map(() => backend.matrix(1, logits.length));
        backend.sigmoid(l, p, q);
        backend.score(matrix(logits.map(() => on)), p, q, out);
        // Of a unit with logit l what is not expected has the probability 1 / (1 + e^l) where it is on.
        for (const [e, score] of backend.readNow(out).entries()) {
          const exact = on === 1 ? 1 / (1 + Math.exp(logits[e])) : -1 / (1 + Math.exp(-logits[e]));
          expect(Math.abs(score - exact)).toBeLessThan(
            Math.abs(exact) < 1e-30 ? 1.1e-30 : 1e-6 * Math.abs(exact),
          );
        }
      }
    }
  });

  test("of softmax units too", () => {
    for (const backend of backends_) {
      for (const made of [0, 1, 2]) {
        const count = 3 * logits.length;
        const l = backend.matrix(1, count);
        backend.write(
          l,
          logits.flatMap((x) => [x, 0, -1]),
        );
        const [p, bits, out] = [0, 1, 2].map(() => backend.matrix(1, count));
        backend.write(
          bits,
          logits.flatMap(() => [0, 1, 2].map((k) => (k === made ? 1 : 0))),
        );
        backend.softmax(l, 3, p);
        backend.choiceScore(bits, 3, p, out);
        const found = backend.readNow(out);
        for (const [unit, x] of logits.entries()) {
          const weights = [x, 0, -1].map((y) => Math.exp(y - Math.max(x, 0)));
          const total = weights.reduce((a, b) => a + b);
          const others = weights.reduce((sum, w, k) => (k === made ? sum : sum + w), 0);
          for (const k of [0, 1, 2]) {
            const exact = (k === made ? others : -weights[k]) / total;
            // Each of two others is stored as 0 below 1e-30.
            const allowed = 2e-5 * Math.abs(exact) + 2e-30;
            expect(Math.abs(found[3 * unit + k] - exact)).toBeLessThan(allowed);
          }
        }
      }
    }
  });
});

describe("kernels", () => {
  test("take addresses, then whole numbers, then other numbers and flags, then scratch", () => {
    const wrong = Object.entries(signatures).filter(
      ([, list]) => !/^(\w+:usize ?)*(\w+:i32 ?)*(\w+:(f32|f64|bool) ?)*(scratch:usize)?$/.test(list),
    );
    expect(wrong).toEqual([]);
  });

  test("that are cut have all of what moves in the table", () => {
    // What is not cut adds up, or does little.
    const whole =
      "subtractBaseline trackMean gatherLabels heapBase setOwn addChoiceHindsight addMean addVariance checkFinite rewardByLabel columnMeans";
    const uncut = Object.keys(signatures).filter(
      (name) => !name.endsWith("Floats") && !cuts.some(({ kernel }) => kernel === name),
    );
    expect(uncut.toSorted()).toEqual(whole.split(" ").toSorted());
  });
});
