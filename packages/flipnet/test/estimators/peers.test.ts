// Credits on given uniforms are those that automatic differentiation makes: test/peers/estimators.py, in JAX.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parseFunctionSpec } from "../../src/audit/function-spec.ts";
import { functionSubject } from "../../src/audit/function-subject.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { parseEstimatorText } from "../../src/estimators/options.ts";
import { createEstimator } from "../../src/estimators/registry.ts";
import type { Site } from "../../src/network/draws.ts";
import type { Law } from "../../src/network/laws.ts";
import { matrixOf } from "../helpers.ts";

interface Case {
  units: string;
  /** Whether it is of the network with softmax units. */
  softmax?: true;
  estimator: string;
  /** By layer and branch, in steps of 2^-24. */
  uniforms: Record<string, number[]>;
  credits: number[][];
  /** Of the estimator's own parameters: their values, and where they are to go. */
  learned?: Record<string, { value: number[]; climb: number[] }>;
}

const { spec, softmaxSpec, cases } = JSON.parse(
  readFileSync(new URL("../../../../test/peers/estimators.json", import.meta.url), "utf8"),
) as { spec: { contexts: number[][] }; softmaxSpec: object; cases: Case[] };
const backend = createReferenceBackend();
const rows = spec.contexts.length;

it.each(cases)(
  "$estimator, units $units",
  ({ units, softmax, estimator, uniforms, credits, learned = {} }) => {
    const subject = functionSubject(backend, parseFunctionSpec({ ...(softmax ? softmaxSpec : spec), units }));
    const draws = {
      choose: () => Int32Array.from(spec.contexts.keys()),
      draw({ layer, branch }: Site, law: Law) {
        const numbers = uniforms[`${layer.index},${branch}`].map((step) => step / 2 ** 24);
        law.fromUniforms(matrixOf(backend, law.rows, numbers));
      },
    };
    const trial = subject.prepare(createEstimator(parseEstimatorText(estimator)), draws, rows);
    const { parameters = [], gradients = [], adapt, credits: own } = trial.prepared;
    for (const [name, { value }] of Object.entries(learned)) {
      backend.write(parameters.find((one) => one.name === name)!.block, value);
    }
    trial.run();
    const found = own.map(({ g }) => [...backend.readNow(g)]);
    expect(found.length).toBe(credits.length);
    credits.forEach((expected, term) => {
      expectNear(found[term], expected, `term ${term}`);
    });
    if (Object.keys(learned).length === 0) return;
    expect(parameters.map(({ name }) => name)).toEqual(Object.keys(learned));
    adapt?.();
    parameters.forEach(({ name }, i) => {
      expectNear([...backend.readNow(gradients[i])], learned[name].climb, name);
    });
  },
);

function expectNear(found: readonly number[], expected: readonly number[], what: string): void {
  expect(found.length, what).toBe(expected.length);
  expected.forEach((g, e) => {
    expect(Math.abs(found[e] - g), `${what}, ${e}`).toBeLessThan(1e-9 * (1 + Math.abs(g)));
  });
}
