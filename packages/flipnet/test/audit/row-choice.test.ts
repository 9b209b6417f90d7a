// Actions that are told by features, enumerated: one network scores them all, and its gradient is exact all the same.
import fc from "fast-check";
import { expect, test } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { sideBySide } from "../../src/audit/bandit-exact.ts";
import { type BanditSpec, parseBanditSpec } from "../../src/audit/bandit-spec.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { fHnca } from "../../src/estimators/f-hnca.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import { createNetwork } from "../../src/network/network.ts";
import { createPass, explorePass, flipLogLikelihood, samplePass } from "../../src/network/pass.ts";
import { RowChoice } from "../../src/network/row-choice.ts";
import { rewardObjective } from "../../src/objectives/reward.ts";
import { matrixOf, numbers } from "../helpers.ts";
import { flat } from "./compare.ts";

interface Shape {
  rows: number;
  /** Widths of the hidden layers; a layer of softmax units has three choices. */
  hidden: readonly (number | { units: number; choices: number })[];
  /** Whether the scores read what is seen as well as the coins. */
  skips?: boolean;
  floor?: number | undefined;
  scale: number;
  seed: number;
}

/** A bandit with one number in a context and two of an action. */
function bandit({ rows, hidden, skips = false, floor, scale, seed }: Shape): BanditSpec {
  const all = numbers(seed, 1000, -scale, scale);
  let next = 0;
  const some = (count: number) => Array.from({ length: count }, () => all[next++]);
  const widths = [3, ...hidden.map((one) => (typeof one === "number" ? one : one.units * one.choices))];
  const layers = hidden.map((one, l) => ({
    weights: Array.from({ length: widths[l + 1] }, () => some(widths[l])),
    bias: some(widths[l + 1]),
    ...(typeof one === "object" && { kind: "softmax" as const, choices: one.choices }),
  }));
  const last = hidden.length - 1;
  const reads = skips ? { parents: ["input" as const, last] } : {};
  const output = { weights: [some(widths[last + 1] + (skips ? 3 : 0))], bias: some(1), ...reads };
  const contexts = [[all[900]], [all[901]]];
  return {
    units: seed % 2 ? "plus-minus" : "zero-one",
    layers: [...layers, output],
    contexts,
    actions: contexts.map(() => Array.from({ length: rows }, () => some(2))),
    reward: contexts.map(() => numbers(seed + next++, rows)),
    ...(floor !== undefined && { floor }),
  };
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  rows: fc.constantFrom(2, 3),
  hidden: fc.constantFrom([], [1], [2], [3], [1, 1], [1, 2], [{ units: 1, choices: 3 }]),
  floor: fc.constantFrom(undefined, 0, 0.1, 0.5, 1),
  scale: fc.constantFrom(0.5, 1.5, 4),
  seed: fc.nat(1000),
});

test("REINFORCE and HNCA are unbiased, and HNCA has no more variance in any parameter", () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const { estimators, leftOut } = audit(bandit(shape));
      expect(Object.keys(estimators).sort()).toEqual(["hnca", "nvil", "reinforce"]);
      expect(leftOut["weight-max-reinforce"]).toContain("cannot choose among rows");
      for (const name of ["hnca", "reinforce"]) expect(estimators[name].bias).toBeLessThan(1e-13);
      const [less, more] = [flat(estimators.hnca.variance), flat(estimators.reinforce.variance)];
      less.forEach((one, e) => {
        expect(one).toBeLessThanOrEqual(more[e] + 1e-13);
      });
    }),
    { seed: 5, numRuns: 40 },
  );
});

test("coins make a difference: HNCA's variance is less by far where there are more rows", () => {
  const { estimators } = audit(bandit({ rows: 3, hidden: [2], scale: 1.5, seed: 4 }));
  expect(estimators.hnca.meanVariance).toBeLessThan(0.5 * estimators.reinforce.meanVariance);
});

test("scores may read what is seen beside the coins", () => {
  for (const seed of [1, 2]) {
    const { estimators } = audit(bandit({ rows: 3, hidden: [2], skips: true, floor: 0.1, scale: 1, seed }));
    for (const { bias } of Object.values(estimators)) expect(bias).toBeLessThan(1e-13);
  }
});

test("is the gradient of copies side by side, whose last layer is a softmax unit as any other, summed up", () => {
  const rows = 3;
  const spec = bandit({ rows, hidden: [2], scale: 2, seed: 7 });
  const parsed = parseBanditSpec(spec);
  const wide = sideBySide(parsed, rows);
  const { estimators } = audit(
    {
      units: spec.units,
      layers: wide.network.layers.map(({ kind, choices }, l) => ({
        ...wide.parameters[l],
        kind,
        ...(choices !== undefined && { choices }),
      })),
      contexts: wide.contexts,
      reward: spec.reward,
    },
    { estimators: ["hnca"] },
  );
  const apart = estimators.hnca.mean[0] as number[][];
  const { estimators: shared } = audit(spec, { estimators: ["hnca"] });
  (shared.hnca.mean[0] as number[][]).forEach((row, unit) => {
    row.forEach((mean, i) => {
      let sum = 0;
      for (let copy = 0; copy < rows; copy++) sum += apart[copy * 2 + unit][copy * 3 + i];
      expect(mean).toBeCloseTo(sum, 13);
    });
  });
});

test("float32 kernels agree with the reference", async () => {
  for (const kernels of ["portable", "relaxed"] as const) {
    const backend = await createWasmBackend({ kernels });
    const spec = bandit({ rows: 3, hidden: [2], floor: 0.1, scale: 1.5, seed: 11 });
    const [exact, found] = [audit(spec), audit(spec, { backend })];
    for (const name of ["hnca", "reinforce"]) {
      expect(found.estimators[name].bias).toBeLessThan(1e-6);
      flat(found.estimators[name].variance).forEach((value, e) => {
        expect(value).toBeCloseTo(flat(exact.estimators[name].variance)[e], 6);
      });
    }
  }
});

test("messages of both signs hold in float32, however certain the choice, with a floor and without", async () => {
  const wasm = await createWasmBackend({ kernels: "portable" });
  for (const floor of [0, 0.1]) {
    const [exact, found] = [createReferenceBackend(), wasm].map((backend) => {
      // One coin a row, worth 60: rows whose coin is on are as good as chosen against those whose coin is off.
      const network = createNetwork(backend, {
        inputs: 1,
        inputKind: "real",
        units: "zero-one",
        layers: [
          { kind: "bernoulli", units: 2 },
          { kind: "bernoulli", units: 1 },
        ],
      });
      backend.write(network.layers[0].block, [40, -40, 0, 0]);
      backend.write(network.layers[1].block, [60, -25, 3]);
      const pass = createPass(network, matrixOf(backend, 6, [1, -1, 1, 1, -1, -1]));
      const choice = new RowChoice(backend, 2, 3);
      for (const decision of [0, 1]) choice.set(decision, floor);
      const exploring = explorePass(pass, choice);
      samplePass(exploring, {
        draw: ({ layer }, law) => {
          // In the first decision the best row is chosen, in the second one that hardly ever is.
          if (layer.index === 1) return backend.write(pass.layers[1].bits, [1, 0, 0, 0, 1, 0]);
          law.fromUniforms(matrixOf(backend, 2, Array(12).fill(0.5)));
        },
      });
      return [...backend.readNow(flipLogLikelihood(exploring, network.layers[1].parents[0], 1))];
    });
    expect(Math.max(...exact.map(Math.abs))).toBeGreaterThan(floor > 0 ? 2 : 50);
    exact.forEach((delta, e) => {
      expect(Math.abs(found[e] - delta)).toBeLessThan(2e-5 * Math.max(1, Math.abs(delta)));
    });
  }
});

test("what cannot be is refused with one sentence", () => {
  const spec = bandit({ rows: 2, hidden: [1], scale: 1, seed: 1 });
  const wrong: [Partial<BanditSpec>, string][] = [
    [{ actions: [[[1, 2]], [[1, 2]]] }, "actions[0] has 1 action; expected at least 2"],
    [{ actions: spec.actions!.slice(1) }, "actions has 1"],
    [{ actions: [spec.actions![0], spec.actions![1].slice(1)] }, "actions[1] has 1"],
    [{ allowed: [[0], [1]] }, "the spec has actions and allowed"],
    [
      { layers: spec.layers.map((layer) => ({ ...layer, kind: "softmax" as const, choices: 2 })) },
      "layers[0]",
    ],
  ];
  for (const [change, message] of wrong) expect(() => audit({ ...spec, ...change })).toThrow(message);
  expect(() => audit(spec, { estimators: ["local-expectation"] })).toThrow("cannot choose among rows");

  const backend = createReferenceBackend();
  const layers = [{ kind: "softmax" as const, units: 1, choices: 3 }];
  const network = createNetwork(backend, { inputs: 1, units: "zero-one", layers });
  const input = backend.matrix(2, 1);
  const objective = rewardObjective(backend.matrix(2, 1));
  const exploration = new RowChoice(backend, 1, 2);
  const problem = { network, input, objective, baseline: "none", baselineDecay: 0, exploration } as const;
  expect(() => hnca.prepare(problem)).toThrow("layers.0 is no single Bernoulli unit");
  expect(() => fHnca.prepare(problem)).toThrow("f-hnca cannot choose among rows");
});
