// Components `eta(w . x + b)`: those that have kernels are those that are called a logit at a time.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { GeneratedDraws } from "../../src/network/draws.ts";
import { createNetwork, initialiseWeights, type LayerSpec } from "../../src/network/network.ts";
import { createPass, samplePass } from "../../src/network/pass.ts";
import { type Activation, entropy, logLikelihood, surprisal } from "../../src/objectives/activations.ts";
import { componentsObjective, createReadout } from "../../src/objectives/components.ts";
import type { Objective } from "../../src/objectives/objective.ts";
import { bits, matrixOf, numbers } from "../helpers.ts";

const backend = createReferenceBackend();
const B = 6;

/** A pass of a network with random parameters, sampled. */
function sampled(layers: LayerSpec[], units: "zero-one" | "plus-minus", seed: number, inputs = 3) {
  const network = createNetwork(backend, { inputs, units, layers });
  initialiseWeights(backend, network.layers, seed);
  const pass = createPass(network, matrixOf(backend, B, bits(seed, B * inputs)));
  const draws = new GeneratedDraws(backend, seed);
  draws.startStep(1);
  samplePass(pass, draws);
  return pass;
}

type Pass = ReturnType<typeof sampled>;

/** All that an objective of one component says on a pass. */
function said(objective: Objective, pass: Pass): number[] {
  const { components, credits, addDirectGradient, differentiate } = objective.prepare(pass);
  for (const component of components) component.evaluate();
  differentiate();
  const numbers = [...components.map(({ value }) => value), ...credits.map(({ g }) => g)];
  for (const layer of pass.network.layers) {
    const [differences, direct] = [0, 1].map(() => backend.matrix(B, layer.width));
    for (const { reads, addDifferences } of components) {
      if (reads.includes(layer.index)) addDifferences!(layer, differences);
    }
    addDirectGradient(layer, direct);
    numbers.push(differences, direct);
  }
  return numbers.flatMap((m) => [...backend.readNow(m)]);
}

const scalar = ({ kernels: _, ...rest }: Activation): Activation => rest;

describe.each(["zero-one", "plus-minus"] as const)("units %s", (units) => {
  const bernoulli = (count: number, parents?: LayerSpec["parents"]): LayerSpec => ({
    kind: "bernoulli",
    units: count,
    ...(parents && { parents }),
  });

  test.each([
    ["logLikelihood", logLikelihood],
    ["entropy", entropy],
    ["surprisal", surprisal],
  ])("%s by kernels and by scalar functions", (name, activation) => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const pass = sampled([bernoulli(4), bernoulli(3, ["input", 0]), bernoulli(2)], units, seed);
        const { network } = pass;
        const readout = createReadout(network, "readout", ["input", 0, 2], 3);
        backend.write(readout.block, numbers(seed, readout.block.columns, -2, 2));
        const make = (eta: Activation) =>
          name === "logLikelihood"
            ? componentsObjective(network, readout, eta, { target: 1 })
            : componentsObjective(network, network.layers[1], eta, name === "surprisal" ? { target: 1 } : {});
        const [one, other] = [activation, scalar(activation)].map((eta) => said(make(eta), pass));
        expect(one.some((x) => x !== 0)).toBe(true);
        one.forEach((x, i) => {
          expect(x).toBeCloseTo(other[i], 11);
        });
      }),
      { numRuns: 30 },
    );
  });
});
