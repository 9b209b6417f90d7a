// Laws of draws: what uniforms become, and all that can happen with its probability, are the same law.
import { expect, test } from "vitest";
import type { Outcome } from "../../src/backend/backend.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { antithetic, independent, type Law, type Toss } from "../../src/network/laws.ts";
import { matrixOf, numbers } from "../helpers.ts";

const backend = createReferenceBackend();

/** One row of units with given probabilities: of a softmax unit `choices` each. */
function outcome(p: number[], choices = 1): Outcome {
  const [P, q] = [p, choices === 1 ? p.map((one) => 1 - one) : p].map((values) =>
    matrixOf(backend, 1, values),
  );
  const [logits, bits] = [0, 1].map(() => backend.matrix(1, p.length));
  return {
    kind: choices === 1 ? "bernoulli" : "softmax",
    choices,
    logits,
    p: P,
    q: choices === 1 ? q : P,
    bits,
  };
}

/** All that a law of one row can write, with its probability, in the order of the tosses' outcomes. */
function enumerate(law: Law, read: () => number[]): { probability: number; found: number[] }[] {
  const results: { probability: number; found: number[] }[] = [];
  const next: number[] = [];
  for (let done = false; !done; ) {
    const tosses: { toss: Toss; sides: number }[] = [];
    let place = 0;
    law.enumerate!((_, units, sides) => {
      const outcomes = Int32Array.from({ length: units }, () => {
        next[place] ??= 0;
        return next[place++];
      });
      const toss = { outcomes, probability: new Float64Array(1).fill(1) };
      tosses.push({ toss, sides });
      return toss;
    });
    results.push({
      // Nodes of a uniform are of equal weight.
      probability: tosses.reduce((product, { toss }) => product * toss.probability[0], 1),
      found: read(),
    });
    const sides = tosses.flatMap(({ toss, sides }) => [...toss.outcomes].map(() => sides));
    let at = sides.length - 1;
    for (; at >= 0 && ++next[at] === sides[at]; at--) next[at] = 0;
    done = at < 0;
  }
  return results;
}

/** Probability of each text of what was written. */
function shares(results: { probability: number; found: number[] }[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { probability, found: one } of results) found[`${one}`] = (found[`${one}`] ?? 0) + probability;
  return found;
}

test("independent units: Bernoulli and softmax", () => {
  const bernoulli = outcome([0.25, 1, 0.5]);
  const of = shares(enumerate(independent(backend, bernoulli), () => [...backend.readNow(bernoulli.bits)]));
  expect(of).toMatchObject({ "0,1,0": 0.375, "0,1,1": 0.375, "1,1,0": 0.125, "1,1,1": 0.125 });
  expect(Object.values(of).reduce((a, b) => a + b)).toBeCloseTo(1, 14);

  const softmax = outcome([0.5, 0.25, 0.25, 0.125, 0.875, 0], 3);
  const choices = enumerate(independent(backend, softmax), () => [...backend.readNow(softmax.bits)]);
  expect(choices.length).toBe(9);
  expect(shares(choices)).toMatchObject({ "1,0,0,1,0,0": 0.0625, "0,0,1,0,1,0": 0.21875, "0,1,0,0,0,1": 0 });
});

test("antithetic pairs are what their uniforms make of them", () => {
  for (const p of [0.25, 0.5, 0.875]) {
    const unit = outcome([p]);
    const second = backend.matrix(1, 1);
    const read = () => [backend.readNow(unit.bits)[0], backend.readNow(second)[0]];
    const law = antithetic(backend, unit, second);
    const drawn: Record<string, number> = {};
    const n = 1024;
    for (let i = 0; i < n; i++) {
      law.fromUniforms(matrixOf(backend, 1, [(i + 0.5) / n]));
      drawn[`${read()}`] = (drawn[`${read()}`] ?? 0) + 1 / n;
    }
    const found = shares(enumerate(law, read));
    for (const pair of ["0,0", "0,1", "1,0", "1,1"]) {
      expect(found[pair] ?? 0, `${p} ${pair}`).toBeCloseTo(drawn[pair] ?? 0, 12);
    }
  }
});

test("what is linear in an antithetic pair's uniform, and its square, are integrated exactly", () => {
  const p = [0.25, 0.75];
  const unit = outcome(p);
  const [second, kept] = [0, 1].map(() => backend.matrix(1, 2));
  const law = antithetic(backend, unit, second, kept);
  expect(law.uniforms).toBe(kept);
  const read = () => [unit.bits, second, kept].flatMap((m) => [...backend.readNow(m)]);
  const all = enumerate(law, read);
  const total = all.reduce((sum, { probability }) => sum + probability, 0);
  p.forEach((probability, j) => {
    const mean = (f: (b1: number, b2: number, u: number) => number) =>
      all.reduce(
        (sum, { probability, found }) => sum + probability * f(found[j], found[2 + j], found[4 + j]),
        0,
      ) / total;
    const integral = (f: (b1: number, b2: number, u: number) => number) => {
      const n = 4000;
      const values = Array.from({ length: n }, (_, i) => {
        const u = (i + 0.5) / n;
        return f(1 - u <= probability ? 1 : 0, u < probability ? 1 : 0, u);
      });
      return values.reduce((a, b) => a + b) / n;
    };
    for (const power of [0, 1, 2]) {
      for (const f of [
        (b1: number, _b2: number, u: number) => b1 * u ** power,
        (_b1: number, b2: number, u: number) => b2 * u ** power,
        (b1: number, b2: number, u: number) => b1 * b2 * u ** power,
      ]) {
        expect(mean(f)).toBeCloseTo(integral(f), 6);
      }
    }
  });
  // Uniforms that are given are kept.
  const uniforms = matrixOf(backend, 1, numbers(3, 2, 0, 1));
  law.fromUniforms(uniforms);
  expect(backend.readNow(kept)).toEqual(backend.readNow(uniforms));
});
