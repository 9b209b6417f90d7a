// What components say of their slopes, against central differences on passes of means.
import { describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { muprop } from "../../src/estimators/muprop.ts";
import { denseFrontEnd } from "../../src/front-ends/dense.ts";
import { functionFrontEnd } from "../../src/front-ends/front-end.ts";
import { GeneratedDraws } from "../../src/network/draws.ts";
import { createNetwork, initialiseWeights, type LayerSpec } from "../../src/network/network.ts";
import { createMeanPass, createPass, flipTables, runMeans, samplePass } from "../../src/network/pass.ts";
import { entropy, logLikelihood } from "../../src/objectives/activations.ts";
import { blackBoxObjective } from "../../src/objectives/black-box.ts";
import { checkObjective } from "../../src/objectives/check.ts";
import { componentsObjective, createReadout } from "../../src/objectives/components.ts";
import { elboObjective } from "../../src/objectives/elbo.ts";
import { nonlinearObjective } from "../../src/objectives/nonlinear.ts";
import { type Objective, sumOf } from "../../src/objectives/objective.ts";
import { bits, matrixOf, numbers } from "../helpers.ts";

const reference = createReferenceBackend();
const B = 4;
const bernoulli = (units: number, parents?: LayerSpec["parents"]): LayerSpec => ({
  kind: "bernoulli",
  units,
  ...(parents && { parents }),
});
const softmax = (units: number, choices: number): LayerSpec => ({ kind: "softmax", units, choices });

function networkOf(units: "zero-one" | "plus-minus", layers: LayerSpec[], backend = reference) {
  const network = createNetwork(backend, { inputs: 5, units, layers });
  initialiseWeights(backend, network.layers, 3);
  return { network, input: matrixOf(backend, B, bits(4, 5 * B)) };
}

const stacks = {
  "Bernoulli units": [bernoulli(4), bernoulli(3)],
  "softmax units": [softmax(2, 3), softmax(1, 4)],
  "both, with a skip connection": [bernoulli(4), softmax(2, 3), bernoulli(2, [0, 1])],
};

describe.each(Object.entries(stacks))("%s", (_, layers) => {
  test.each(["zero-one", "plus-minus"] as const)("an ELBO, units %s", (units) => {
    for (const form of ["analytic", "sampled"] as const) {
      const { network, input } = networkOf(units, layers);
      checkObjective(network, elboObjective(network, { entropy: form }), input);
      checkObjective(network, elboObjective(network, { entropy: form, klWeight: { value: 0.3 } }), input);
    }
  });

  test("in float32", async () => {
    const backend = await createWasmBackend({ kernels: "portable" });
    const { network, input } = networkOf("zero-one", layers, backend as never);
    checkObjective(network, elboObjective(network), input);
  });
});

test("behind a network, whose own parameters are random while it is looked at", () => {
  const { network, input } = networkOf("plus-minus", [bernoulli(4), bernoulli(3)]);
  const front = denseFrontEnd(reference, { inputs: 3, hidden: [4], outputs: 4 });
  const asked = { reads: 1, target: 0, differences: true };
  for (const weight of [undefined, { value: 0.3 }]) {
    const objective = nonlinearObjective(network, front, logLikelihood, { ...asked, weight });
    checkObjective(network, objective, input);
  }
  // They are put back.
  expect(reference.readNow(front.parameters[0].block).every((value) => value === 0)).toBe(true);
  const silent = functionFrontEnd(reference, {
    inputs: 3,
    outputs: 1,
    parameters: {},
    pass: (examples) => ({
      forward: (x) => x.filter((_, e) => e % 3 === 0).slice(0, examples),
      backward: () => ({}),
    }),
  });
  const noSlopes = nonlinearObjective(network, silent, entropy, { reads: 1 });
  const [{ addSlopes, evaluate }] = noSlopes.prepare(createPass(network, input)).components;
  evaluate();
  expect(() => addSlopes!(network.layers[1], reference.matrix(B, 3))).toThrow(/expected backwardToInputs/);
});

test("a wrong slope is found", () => {
  const { network, input } = networkOf("zero-one", [bernoulli(3), bernoulli(2)]);
  const right = componentsObjective(network, createReadout(network, "readout", [0], 2), entropy);
  const wrong: Objective = {
    ...right,
    prepare(pass) {
      const prepared = right.prepare(pass);
      const [component] = prepared.components;
      const addSlopes: typeof component.addSlopes = (layer, out) => {
        component.addSlopes!(layer, out);
        reference.addScaled(out, 1, out);
      };
      return { ...prepared, components: [{ ...component, addSlopes }] };
    },
  };
  checkObjective(network, right, input);
  expect(() => checkObjective(network, wrong, input)).toThrow(
    /^the component "readout" says that its slope at unit 0 of layer 0 is .*; it is /,
  );
});

test("a pass of means has no flips, and shows fractions in their coding", () => {
  const { network, input } = networkOf("plus-minus", [bernoulli(3), bernoulli(2)]);
  const pass = createPass(network, input);
  samplePass(pass, new GeneratedDraws(reference, 1));
  const means = createMeanPass(pass);
  runMeans(means);
  const [child] = network.layers[0].children;
  expect(() => flipTables(means, child.edge)).toThrow(/only bits can flip/);
  const p = reference.readNow(means.layers[0].p);
  const shown = reference.readNow(means.means![0]);
  p.forEach((value, e) => {
    expect(shown[e]).toBeCloseTo(2 * value - 1, 14);
  });
});

test("MuProp refuses a function without slopes", () => {
  const { network, input } = networkOf("zero-one", [bernoulli(3), bernoulli(2)]);
  const problem = { network, input, baseline: "none", baselineDecay: 0.99 } as const;
  const linear = componentsObjective(network, createReadout(network, "readout", [1], 2), entropy);
  const objective = sumOf(
    linear,
    blackBoxObjective((_, values) => values.fill(1), { name: "mine" }),
  );
  expect(() => muprop.prepare({ ...problem, objective })).toThrow(
    '"mine" does not say its slopes, which muprop needs',
  );
  expect(muprop.prepare({ ...problem, objective: linear }).credits).toHaveLength(2);
});

test("on a function that is linear in each unit MuProp has no variance beyond the pass's", () => {
  const { network, input } = networkOf("plus-minus", [bernoulli(3)]);
  const readout = createReadout(network, "readout", [0], 1);
  reference.write(readout.block, numbers(8, readout.block.columns));
  const objective = componentsObjective(network, readout, { value: (l) => 2 * l, slope: () => 2 });
  const prepared = muprop.prepare({ network, input, objective, baseline: "none", baselineDecay: 0.99 });
  const draws = new GeneratedDraws(reference, 2);
  const creditsAt = (step: number) => {
    draws.startStep(step);
    prepared.sample(draws);
    prepared.credit();
    return [...reference.readNow(prepared.credits[0].g)];
  };
  const first = creditsAt(1);
  const bitsThen = [...reference.readNow(prepared.pass.layers[0].bits)];
  const second = creditsAt(2);
  expect([...reference.readNow(prepared.pass.layers[0].bits)]).not.toEqual(bitsThen);
  second.forEach((g, e) => {
    expect(g).toBeCloseTo(first[e], 13);
  });
});
