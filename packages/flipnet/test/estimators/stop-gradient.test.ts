// The released code's loss for convolutions: -R sum_j rho_j(p_j) p_j with rho_j = (q1 - q0) / (p q1 + (1 - p) q0), which
// automatic differentiation goes through, where the paper holds rho fixed (D-31).
import { expect, test } from "vitest";
import type { ImmediateBackend } from "../../src/backend/backend.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import { GivenDraws } from "../../src/network/draws.ts";
import { matrixOf, numbers, randomProblem } from "../helpers.ts";

const spec = {
  inputs: 3,
  units: "plus-minus",
  layers: [
    { kind: "bernoulli", units: 5 },
    { kind: "softmax", units: 1, choices: 3 },
  ],
} as const;
const B = 4;

function creditsOf(backend: ImmediateBackend, stopGradient: boolean) {
  const problem = randomProblem(backend, spec, B, 2);
  const prepared = hnca({ stopGradient }).prepare(problem);
  const uniforms = problem.network.layers.map(({ units }) =>
    matrixOf(backend, B, numbers(units, B * units, 0, 1)),
  );
  prepared.sample(new GivenDraws(({ layer }) => uniforms[layer.index]));
  prepared.credit();
  const read = (m: Parameters<ImmediateBackend["readNow"]>[0]) => backend.readNow(m);
  const [first] = problem.network.layers;
  return {
    credit: read(prepared.credits[0].g),
    logits: read(prepared.pass.layers[0].logits),
    bits: read(prepared.pass.layers[0].bits),
    action: read(prepared.pass.layers[1].bits),
    output: read(prepared.pass.layers[1].logits),
    weights: read(first.children[0].edge.weights),
    rewards: read(prepared.evaluation.components[0].value),
  };
}

/** dL/dl of one unit on one example, by finite differences. */
function slope(found: ReturnType<typeof creditsOf>, b: number, j: number, stops: boolean): number {
  const { logits, bits, action, output, weights, rewards } = found;
  const l = logits[b * 5 + j];
  const chance = (on: 0 | 1) => {
    const shift = (a: number) => output[b * 3 + a] + 2 * (on - bits[b * 5 + j]) * weights[j * 3 + a];
    const odds = [0, 1, 2].map((a) => Math.exp(shift(a)));
    return odds[action.subarray(b * 3, b * 3 + 3).indexOf(1)] / odds.reduce((sum, x) => sum + x);
  };
  const p = (l: number) => 1 / (1 + Math.exp(-l));
  const rho = (p: number) => (chance(1) - chance(0)) / (p * chance(1) + (1 - p) * chance(0));
  const loss = (at: number) => rewards[b] * rho(p(stops ? l : at)) * p(at);
  return (loss(l + 1e-6) - loss(l - 1e-6)) / 2e-6;
}

test.each([true, false])("credit is the slope of the loss (stop-gradient: %s)", async (stopGradient) => {
  const exact = creditsOf(createReferenceBackend(), stopGradient);
  for (let b = 0; b < B; b++) {
    for (let j = 0; j < 5; j++) {
      expect(exact.credit[b * 5 + j]).toBeCloseTo(slope(exact, b, j, stopGradient), 8);
    }
  }
  const fast = creditsOf(await createWasmBackend({ kernels: "portable" }), stopGradient);
  fast.credit.forEach((value, e) => {
    expect(value).toBeCloseTo(exact.credit[e], 5);
  });
});

test("a unit that is certain has no credit, and no NaN", async () => {
  for (const backend of [createReferenceBackend(), await createWasmBackend({ kernels: "portable" })]) {
    const out = backend.matrix(1, 2);
    backend.unstoppedGradient(matrixOf(backend, 1, [0, 0.25]), matrixOf(backend, 1, [0, 0.5]), out);
    expect([...backend.readNow(out)]).toEqual([0, 0.125]);
  }
});
