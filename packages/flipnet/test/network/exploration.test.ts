// What an agent explores by: masks, floors, and the law that actions are drawn from.
import { expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { GivenDraws } from "../../src/network/draws.ts";
import { Exploration } from "../../src/network/exploration.ts";
import { computeScore, createPass, explorePass, samplePass } from "../../src/network/pass.ts";
import { matrixOf, numbers, randomProblem } from "../helpers.ts";

const backend = createReferenceBackend();
const [B, N] = [4, 3];
const spec = { inputs: 2, units: "zero-one", layers: [{ kind: "softmax", units: 1, choices: N }] } as const;

function make() {
  const { network, input } = randomProblem(backend, spec, B, 5);
  const exploration = new Exploration(backend, B, N);
  const pass = explorePass(createPass(network, input), exploration);
  const sample = (seed: number) =>
    samplePass(pass, new GivenDraws(() => matrixOf(backend, B, numbers(seed, B, 0, 1))));
  return { network, exploration, pass, sample };
}

test("actions are drawn from the softmax over those that are allowed, and with the floor's share from all of them alike", () => {
  const { network, exploration, pass, sample } = make();
  const masks = [undefined, [0, 2], undefined, [2, 1]];
  // Masks go from row to row, and floors come and go: what was set before is gone.
  for (const [turn, floor] of [0, 0.3, 0.3, 0, 1].entries()) {
    const rows = masks.map((_, row) => masks[(row + turn) % B]);
    for (const [row, allowed] of rows.entries()) exploration.set(row, floor, allowed);
    sample(turn);
    const plain = createPass(network, pass.input);
    samplePass(plain, new GivenDraws(() => matrixOf(backend, B, new Array(B).fill(0.5))));
    const free = backend.readNow(plain.layers[0].p);
    const { p: policies, bits: did } = pass.layers[0];
    const [law, p, bits] = [exploration.law, policies, did].map((m) => backend.readNow(m));
    rows.forEach((allowed = [0, 1, 2], row) => {
      const total = allowed.reduce((sum, action) => sum + free[row * N + action], 0);
      for (let action = 0; action < N; action++) {
        const policy = allowed.includes(action) ? free[row * N + action] / total : 0;
        const drawn = allowed.includes(action) ? (1 - floor) * policy + floor / allowed.length : 0;
        expect(p[row * N + action]).toBeCloseTo(policy, 12);
        expect(law[row * N + action]).toBeCloseTo(drawn, 12);
      }
      const u = numbers(turn, B, 0, 1)[row];
      const chosen = bits.slice(row * N, row * N + N).indexOf(1);
      const before = law.slice(row * N, row * N + chosen).reduce((a, b) => a + b, 0);
      expect(u).toBeGreaterThanOrEqual(before);
      expect(u).toBeLessThan(before + law[row * N + chosen]);
    });
  }
});

test("the score is the derivative of the law's logarithm by the logits", () => {
  const { network, exploration, pass, sample } = make();
  for (let row = 0; row < B; row++) exploration.set(row, 0.4, row % 2 === 0 ? undefined : [0, 1]);
  sample(3);
  const outcome = pass.layers[0];
  const g = backend.matrix(B, N);
  computeScore(backend, outcome, g);
  exploration.score(g);
  const [score, did] = [g, outcome.bits].map((m) => backend.readNow(m));
  const { bias } = network.layers[0];
  const before = backend.readNow(bias);
  const logLaw = (row: number) => {
    sample(3);
    const law = backend.readNow(exploration.law);
    return Math.log(law.reduce((sum, one, e) => (Math.floor(e / N) === row ? sum + one * did[e] : sum), 0));
  };
  for (let row = 0; row < B; row++) {
    for (let k = 0; k < N; k++) {
      const [up, down] = [1e-5, -1e-5].map((by) => {
        backend.write(
          bias,
          before.map((c, j) => (j === k ? c + by : c)),
        );
        return logLaw(row);
      });
      backend.write(bias, before);
      expect(score[row * N + k]).toBeCloseTo((up - down) / 2e-5, 7);
    }
  }
});

test("what cannot be is refused", () => {
  const exploration = new Exploration(backend, B, N);
  expect(() => exploration.set(0, 1)).not.toThrow();
  for (const floor of [-0.1, 1.1, Number.NaN]) {
    expect(() => exploration.set(0, floor)).toThrow(`the floor is ${floor}; expected a number from 0 to 1`);
  }
  for (const allowed of [[3], [-1], [0.5]]) {
    expect(() => exploration.set(0, 0, allowed)).toThrow(
      `allowed has ${allowed[0]}; expected numbers of actions, 0 to 2`,
    );
  }
  expect(() => exploration.set(0, 0, [])).toThrow();
  expect(() => exploration.set(0, 0, [1, 1])).toThrow();
  const { network, input } = randomProblem(
    backend,
    { ...spec, layers: [{ kind: "bernoulli", units: 1 }] },
    B,
    5,
  );
  expect(() => explorePass(createPass(network, input), exploration)).toThrow(
    "layers.0 is no single softmax unit; expected one, whose choice is the action",
  );
});
