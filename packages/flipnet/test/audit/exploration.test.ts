// A floor under the actions and masks, enumerated: what is drawn that way is credited exactly.
import fc from "fast-check";
import { expect, test } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { exactBandit } from "../../src/audit/bandit-exact.ts";
import { type BanditSpec, parseBanditSpec } from "../../src/audit/bandit-spec.ts";
import { EnumeratedDraws } from "../../src/audit/enumeration.ts";
import { toBlock } from "../../src/audit/layout.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { defineEstimator } from "../../src/estimators/estimator.ts";
import { fHnca } from "../../src/estimators/f-hnca.ts";
import { reinforce } from "../../src/estimators/reinforce.ts";
import { InputError } from "../../src/formats/errors.ts";
import { Exploration } from "../../src/network/exploration.ts";
import { createNetwork } from "../../src/network/network.ts";
import { knownRewardObjective } from "../../src/objectives/reward.ts";
import { flat } from "./compare.ts";
import { banditSpecs } from "./random-spec.ts";

/** Random networks whose last layer is softmax, with floors and masks. */
const exploring: fc.Arbitrary<BanditSpec> = fc
  .record({
    spec: banditSpecs,
    floor: fc.constantFrom(0, 0.01, 0.05, 0.2, 0.5, 1),
    masked: fc.boolean(),
    seed: fc.nat(1000),
  })
  .filter(({ spec: { layers } }) => layers[layers.length - 1].kind === "softmax")
  .map(({ spec, floor, masked, seed }) => ({
    ...spec,
    floor,
    ...(masked && {
      allowed: spec.reward.map((row, c) => {
        const list = row.map((_, a) => a).filter((a) => (seed >> ((a + 2 * c) % 9)) % 2 === 1);
        return list.length === 0 ? [(seed + c) % row.length] : list;
      }),
    }),
  }));

test("REINFORCE and HNCA are unbiased under any floor and mask, and HNCA has no more variance", () => {
  fc.assert(
    fc.property(exploring, (spec) => {
      const { estimators, leftOut } = audit(spec);
      expect(Object.keys(estimators).sort()).toEqual(["hnca", "nvil", "reinforce"]);
      expect(leftOut["weight-max-reinforce"]).toContain("cannot learn under a floor or a mask");
      for (const name of ["hnca", "reinforce"]) expect(estimators[name].bias).toBeLessThan(1e-13);
      const [less, more] = [flat(estimators.hnca.variance), flat(estimators.reinforce.variance)];
      less.forEach((one, e) => {
        expect(one).toBeLessThanOrEqual(more[e] + 1e-13);
      });
    }),
    { seed: 3, numRuns: 60 },
  );
});

const small: BanditSpec = {
  units: "plus-minus",
  layers: [
    {
      weights: [
        [1, -2],
        [0.5, 1],
        [-1, 0.3],
      ],
      bias: [0.2, -0.3, 0.1],
    },
    {
      weights: [
        [1, -1, 2],
        [0.4, 2, -1],
        [-2, 0.1, 0.3],
      ],
      bias: [0, 0.5, -0.5],
    },
  ],
  contexts: [
    [1, 0],
    [0, 1],
  ],
  reward: [
    [1, 0, 0.3],
    [0, 0.2, 1],
  ],
  floor: 0.2,
  allowed: [
    [0, 1, 2],
    [1, 2],
  ],
};

test("f-HNCA is unbiased for a reward that is known of every action", () => {
  const { contexts, reward, floor = 0, allowed } = small;
  const backend = createReferenceBackend();
  contexts.forEach((context, c) => {
    const spec = { ...small, contexts: [context], reward: [reward[c]], allowed: [allowed![c]] };
    const bandit = parseBanditSpec(spec);
    const network = createNetwork(backend, bandit.network);
    network.layers.forEach((layer, l) => {
      backend.write(layer.block, toBlock(bandit.parameters[l]));
    });
    const draws = new EnumeratedDraws();
    const play = (rows: number) => {
      const [input, rewards] = [backend.matrix(rows, 2), backend.matrix(rows, 3)];
      const exploration = new Exploration(backend, rows, 3);
      for (let row = 0; row < rows; row++) {
        backend.write(input, context, 2 * row);
        backend.write(rewards, reward[c] as number[], 3 * row);
        exploration.set(row, floor, allowed![c]);
      }
      const objective = knownRewardObjective(rewards);
      const problem = { network, input, objective, baseline: "none", baselineDecay: 0 } as const;
      const prepared = fHnca.prepare({ ...problem, exploration });
      draws.start(0, rows);
      prepared.sample(draws);
      prepared.credit();
      return prepared.credits.map(({ g }) => backend.readNow(g));
    };
    play(1);
    const found = play(draws.states);
    const { weights } = draws;
    exactBandit(bandit).forEach(({ bias }, l) => {
      bias.forEach((exact, j) => {
        const mean = weights.reduce((sum, w, b) => sum + w * found[l][b * bias.length + j], 0);
        expect(mean).toBeCloseTo(exact, 13);
      });
    });
  });
});

test("float32 kernels agree with the reference", async () => {
  for (const kernels of ["portable", "relaxed"] as const) {
    const backend = await createWasmBackend({ kernels });
    const [exact, found] = [audit(small), audit(small, { backend })];
    for (const name of ["hnca", "reinforce"]) {
      expect(found.estimators[name].bias).toBeLessThan(1e-6);
      flat(found.estimators[name].variance).forEach((value, e) => {
        expect(value).toBeCloseTo(flat(exact.estimators[name].variance)[e], 6);
      });
    }
  }
});

test("the score of the softmax alone would be biased: the test above can fail", () => {
  const plain = defineEstimator({
    ...reinforce,
    options: {},
    variants: [],
    prepare(problem) {
      const { exploration, ...rest } = problem;
      // What draws is explored; what scores knows nothing of it.
      const prepared = reinforce.prepare(problem);
      const { layers } = prepared.pass;
      const { backend } = rest.network;
      return {
        ...prepared,
        credit() {
          prepared.credit();
          const { bits, p } = layers[layers.length - 1];
          const { g } = prepared.credits[layers.length - 1];
          backend.subtract(bits, p, g);
          backend.scaleRows(g, prepared.evaluation.components[0].value, g);
        },
      };
    },
  });
  expect(audit(small, { estimators: [plain] }).estimators.reinforce.bias).toBeGreaterThan(1e-3);
});

test.each<[Partial<BanditSpec>, string]>([
  [{ floor: 1.5 }, "floor is 1.5; expected a number from 0 to 1"],
  [{ allowed: [[0]] }, "allowed has 1"],
  [{ allowed: [[0], []] }, "allowed[1] is []; expected an array with at least one entry"],
  [{ allowed: [[0], [3]] }, "allowed has 3; expected numbers of actions, 0 to 2"],
])("%j makes no sense", (wrong, message) => {
  expect(() => audit({ ...small, ...wrong })).toThrow(message);
  expect(() => audit({ ...small, ...wrong })).toThrow(InputError);
});
