// Estimators with control variates, and samples that depend on each other: unbiased, and what they are in special cases.
import { describe, expect, it } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { type BanditSpec, parseBanditSpec } from "../../src/audit/bandit-spec.ts";
import { banditSubject } from "../../src/audit/bandit-subject.ts";
import { parseElboSpec } from "../../src/audit/elbo-spec.ts";
import { elboSubject } from "../../src/audit/elbo-subject.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import type { Estimator } from "../../src/estimators/estimator.ts";
import { parseEstimatorText } from "../../src/estimators/options.ts";
import { createEstimator } from "../../src/estimators/registry.ts";
import { rodeo } from "../../src/estimators/rodeo.ts";
import { GeneratedDraws } from "../../src/network/draws.ts";
import { repelling } from "../../src/network/laws.ts";
import { matrixOf, numbers } from "../helpers.ts";
import { smallElbo, smallFunction } from "./small.ts";

const backend = createReferenceBackend();
const estimatorOf = (text: string): Estimator => createEstimator(parseEstimatorText(text));

/** The network's credits on eight draws of a batch, the same for all estimators whose sites are alike. */
function credits(text: string, softmax = false): number[] {
  const subject = elboSubject(backend, parseElboSpec(smallElbo(softmax)));
  const draws = new GeneratedDraws(backend, 3);
  draws.startStep(1);
  const trial = subject.prepare(estimatorOf(text), { ...sameChoices, draw: draws.draw.bind(draws) }, 8);
  trial.run();
  return trial.prepared.credits.flatMap(({ g }) => [...backend.readNow(g)]);
}
const sameChoices = { choose: () => Int32Array.from({ length: 8 }, (_, b) => b % 2) };

function expectSame(one: string, other: string, softmax = false): void {
  const [a, b] = [credits(one, softmax), credits(other, softmax)];
  expect(a.some((g) => Math.abs(g) > 0.01)).toBe(true);
  a.forEach((g, e) => {
    expect(Math.abs(g - b[e]), `${one} ${e}`).toBeLessThan(1e-12);
  });
}

describe.each(["zero-one", "plus-minus"] as const)("units %s", (units) => {
  it.each(["arms", "double-cv:start=-0.8"])("%s is unbiased with 2, 3 and 4 samples", (name) => {
    const asked = [2, 3, 4].map((K) => `${name}:samples=${K}`);
    const { estimators } = audit(
      { ...smallFunction(units), contexts: [[1, 0, 1]] },
      { estimators: asked, maximumStates: 2 ** 20 },
    );
    asked.forEach((one, i) => {
      expect(estimators[one].bias, one).toBeLessThan(1e-12);
      if (i > 0) expect(estimators[one].meanVariance).toBeLessThan(estimators[asked[i - 1]].meanVariance);
    });
  });
});

describe("ARMS", () => {
  it("of two samples is DisARM, credit by credit", () => {
    expectSame("arms:samples=2", "disarm");
    expectSame("arms:samples=2:resample=fresh", "disarm:resample=fresh");
  });

  it("has no more variance than leave-one-out with as many samples", () => {
    const { estimators } = audit(smallElbo(), {
      estimators: ["arms:samples=3", "reinforce-loo:samples=3"],
    });
    expect(estimators["arms:samples=3"].meanVariance).toBeLessThan(
      estimators["reinforce-loo:samples=3"].meanVariance,
    );
  });

  it("draws each sample from its unit's law, and all of them as the enumeration has it", async () => {
    const rows = 10_000;
    const p = [0.03, 0.3, 0.5, 0.8, 0.995];
    for (const on of [backend, await createWasmBackend({ kernels: "portable" })]) {
      for (const K of [2, 3, 5]) {
        const matrix = (values: number[]) => matrixOf(on, rows, Array(rows).fill(values).flat());
        const outcome = {
          kind: "bernoulli" as const,
          choices: 1,
          logits: matrix(p),
          p: matrix(p),
          q: matrix(p.map((one) => 1 - one)),
          bits: matrix(p),
        };
        const others = Array.from({ length: K - 1 }, () => matrix(p));
        const law = repelling(on, outcome, others);
        const uniforms = on.matrix(law.rows, law.columns);
        on.write(uniforms, numbers(K, law.rows * law.columns, 0, 1));
        law.fromUniforms(uniforms);
        const samples = [outcome.bits, ...others].map((one) => on.readNow(one));
        p.forEach((chance, j) => {
          const rare = Math.min(chance, 1 - chance);
          const counts = Array(K + 1).fill(0);
          for (let b = 0; b < rows; b++) {
            const sum = samples.reduce((total, bits) => total + bits[b * p.length + j], 0);
            counts[chance < 0.5 ? sum : K - sum]++;
          }
          // How many of K are rare: moments by inclusion and exclusion.
          const s = rare ** (1 / (K - 1));
          const all = (m: number) => (m === 0 ? 1 : Math.max(0, 1 - m * (1 - s)) ** (K - 1));
          const chooseOf = (n: number, m: number) => {
            let product = 1;
            for (let i = 0; i < m; i++) product *= (n - i) / (i + 1);
            return product;
          };
          const chiSquare = counts.reduce((sum, count, m) => {
            let exactly = 0;
            for (let i = 0; m + i <= K; i++) exactly += (-1) ** i * chooseOf(K - m, i) * all(m + i);
            const expected = rows * chooseOf(K, m) * exactly;
            if (expected < 1e-9) {
              expect(count, `${m} of ${K} at ${chance}`).toBe(0);
              return sum;
            }
            return sum + (count - expected) ** 2 / expected;
          }, 0);
          // A chi-square of at most 5 degrees of freedom is above 30 once in 10^5 times.
          expect(chiSquare, `${K} samples at ${chance}`).toBeLessThan(30);
        });
      }
    }
  });
});

describe("Double CV", () => {
  it.each([2, 3])("of %d samples is leave-one-out where the coefficient is 0", (K) => {
    expectSame(`double-cv:samples=${K}`, `reinforce-loo:samples=${K}`);
    expectSame(`double-cv:samples=${K}:resample=fresh`, `reinforce-loo:samples=${K}:resample=fresh`);
    expectSame(`double-cv:samples=${K}`, `reinforce-loo:samples=${K}`, true);
  });

  it("serves softmax units", () => {
    const name = "double-cv:start=-0.8";
    const { estimators } = audit(smallElbo(true), { estimators: [name] });
    expect(estimators[name].bias).toBeLessThan(1e-12);
  });

  it("lowers the variance, and its coefficient goes the way that does", () => {
    const asked = ["double-cv:start=-0.8", "reinforce-loo"];
    const { estimators } = audit(smallElbo(), { estimators: asked });
    expect(estimators[asked[0]].meanVariance).toBeLessThan(0.8 * estimators["reinforce-loo"].meanVariance);
    for (const [start, sign] of [
      [0, -1],
      [-3, 1],
    ]) {
      const subject = elboSubject(backend, parseElboSpec(smallElbo()));
      const draws = new GeneratedDraws(backend, 5);
      draws.startStep(1);
      const choose = () => Int32Array.from({ length: 4000 }, (_, b) => b % 2);
      const trial = subject.prepare(
        estimatorOf(`double-cv:start=${start}`),
        { choose, draw: draws.draw.bind(draws) },
        4000,
      );
      trial.run();
      trial.prepared.adapt!();
      for (const gradient of trial.prepared.gradients!) {
        expect(Math.sign(backend.readNow(gradient)[0])).toBe(sign);
      }
    }
  });
});

describe("RODEO", () => {
  it.each([2, 3])("of %d samples is leave-one-out where the coefficients are 0, as it begins", (K) => {
    expectSame(`rodeo:samples=${K}:hidden=3`, `reinforce-loo:samples=${K}`);
    expectSame(`rodeo:samples=${K}:resample=fresh:hidden=3`, `reinforce-loo:samples=${K}:resample=fresh`);
  });

  it.each([
    ["zero-one", 2],
    ["zero-one", 3],
    ["plus-minus", 2],
  ] as const)("is unbiased whatever its network is, units %s, %d samples", (units, samples) => {
    const plain = rodeo({ samples, hidden: 2 });
    const somewhere: Estimator = {
      ...plain,
      prepare(problem) {
        const prepared = plain.prepare(problem);
        prepared.parameters!.forEach(({ block }, i) => {
          problem.network.backend.write(block, numbers(i, block.columns));
        });
        return prepared;
      },
    };
    const spec = { ...smallFunction(units), contexts: [[1, 0, 1]] };
    const { estimators } = audit(spec, { estimators: [somewhere, "reinforce-loo"], maximumStates: 2 ** 20 });
    const [found, plainLoo] = Object.values(estimators);
    expect(found.bias).toBeLessThan(1e-12);
    expect(Math.abs(found.meanVariance - plainLoo.meanVariance)).toBeGreaterThan(1e-4);
  });
});

describe("NVIL", () => {
  const bandit: BanditSpec = {
    units: "plus-minus",
    layers: smallFunction("plus-minus", true).layers,
    contexts: [[1, 0, 1]],
    reward: [[30, { values: [0, 20], probabilities: [0.5, 0.5] }, -7]],
  };

  it("is unbiased on functions and rewards, in the step after as well", () => {
    const named = "nvil:hidden=2:normalise=false";
    const options = { estimators: [named], steps: 2 as const };
    for (const report of [
      audit(bandit, options),
      audit({ ...smallFunction("zero-one"), contexts: [[1, 0, 1]] }, options),
      audit({ ...smallElbo(), images: [[1, 0, 1]] }, options),
    ]) {
      expect(report.estimators[named].bias).toBeLessThan(1e-12);
      expect(report.estimators[named].nextBias).toBeLessThan(1e-11);
    }
  });

  it("divides all of a layer's credit by one number of the past", () => {
    const subject = elboSubject(backend, parseElboSpec({ ...smallElbo(), prior: [30] }));
    const creditsOf = (text: string) => {
      const draws = new GeneratedDraws(backend, 3);
      const trial = subject.prepare(estimatorOf(text), { ...sameChoices, draw: draws.draw.bind(draws) }, 8);
      for (let step = 1; step < 4; step++) {
        draws.startStep(step);
        trial.run();
        trial.prepared.adapt!();
      }
      return { trial, credits: trial.prepared.credits.map(({ g }) => backend.readNow(g)) };
    };
    const [one, other] = [
      creditsOf("nvil:hidden=0:decay=0"),
      creditsOf("nvil:hidden=0:decay=0:normalise=false"),
    ];
    one.credits.forEach((g, l) => {
      const ratio = g[0] / other.credits[l][0];
      expect(ratio).toBeLessThan(1);
      g.forEach((value, e) => {
        expect(value).toBeCloseTo(ratio * other.credits[l][e], 12);
      });
    });
    expect(Object.keys(one.trial.prepared.state)).toEqual(["baseline.0", "baseline.1"]);
  });

  it("learns what a context is worth: the signal shrinks", () => {
    const subject = banditSubject(
      backend,
      parseBanditSpec({
        ...bandit,
        contexts: [
          [1, 0, 1],
          [0, 1, 0],
        ],
        reward: [
          [5, 5, 5],
          [-5, -5, -5],
        ],
      }),
    );
    const draws = new GeneratedDraws(backend, 3);
    const trial = subject.prepare(
      estimatorOf("nvil:hidden=0"),
      { ...sameChoices, draw: draws.draw.bind(draws) },
      8,
    );
    const { parameters = [], gradients = [] } = trial.prepared;
    const largest = () => {
      trial.run();
      return Math.max(...trial.prepared.credits.flatMap(({ g }) => [...backend.readNow(g)].map(Math.abs)));
    };
    draws.startStep(0);
    const before = largest();
    for (let step = 1; step <= 300; step++) {
      draws.startStep(step);
      trial.run();
      trial.prepared.adapt!();
      parameters.forEach(({ block }, i) => {
        backend.addScaled(gradients[i], 0.3, block);
      });
    }
    draws.startStep(0);
    expect(largest()).toBeLessThan(0.01 * before);
  });
});
