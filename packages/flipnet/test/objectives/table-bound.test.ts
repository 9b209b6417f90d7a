// The likelihoods of a table's columns: what components say of themselves, and that estimators are unbiased with them.
import { expect, test } from "vitest";
import { dot, logSigmoid, sigmoid, softmax } from "../../src/audit/arithmetic.ts";
import { addSlope, exactGradient, zeros } from "../../src/audit/exact.ts";
import { type LayerValues, toBlock } from "../../src/audit/layout.ts";
import { enumerate, prepareRun } from "../../src/audit/run.ts";
import type { Subject } from "../../src/audit/subject.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { findEstimator } from "../../src/estimators/registry.ts";
import type { ColumnGroup } from "../../src/formats/table-data.ts";
import { createNetwork, type NetworkSpec } from "../../src/network/network.ts";
import { checkObjective } from "../../src/objectives/check.ts";
import {
  createTableDecoder,
  linearsOf,
  rowLikelihood,
  tableBound,
} from "../../src/objectives/table-bound.ts";
import { matrixOf, numbers } from "../helpers.ts";

/** A category of three, two numbers of which the second may be missing, that indicator, and a bit. */
const groups: ColumnGroup[] = [
  { kind: "choice", columns: [2, 3, 4] },
  { kind: "numbers", columns: [0, 5], missing: [-1, 1] },
  { kind: "bits", columns: [1, 6] },
];
const rows = [
  [0.7, 0, 1, 0, 0, -1.2, 1],
  [-1.1, 1, 0, 0, 1, 0, 0],
];

const network: NetworkSpec = {
  inputs: 7,
  inputKind: "real",
  units: "plus-minus",
  layers: [
    { kind: "bernoulli", units: 2 },
    { kind: "bernoulli", units: 2 },
  ],
};
const dice: NetworkSpec = {
  ...network,
  units: "zero-one",
  layers: [{ kind: "softmax", units: 2, choices: 3 }],
};

const values = (seed: number, height: number, width: number): LayerValues => ({
  weights: Array.from({ length: height }, (_, r) => numbers(seed + r, width)),
  bias: numbers(seed + 50, height),
});

/** The likelihood of a random decoder as something to audit, and its gradient by another way. */
function likelihoodSubject(spec: NetworkSpec): Subject {
  const backend = createReferenceBackend();
  const encoder = createNetwork(backend, spec);
  const decoder = createTableDecoder(encoder, groups);
  const objectiveOf = () => rowLikelihood(encoder, decoder);
  const linears = [...encoder.layers, ...linearsOf(decoder).slice(0, 4)];
  const parameters = linears.map(({ width, block }, k) =>
    values(7 * k + 1, width, block.columns / width - 1),
  );
  linears.forEach(({ block }, k) => {
    backend.write(block, toBlock(parameters[k]));
  });
  const [choice, mean, spread, flags] = parameters.slice(encoder.layers.length);
  return {
    offers: ["components", "evaluations", "slopes"],
    backend,
    network: encoder,
    linears,
    states: 1000,
    exact() {
      const own = [choice, mean, spread, flags].map(zeros);
      const setting = {
        network: spec,
        parameters: parameters.slice(0, encoder.layers.length),
        contexts: rows,
      };
      const { gradient } = exactGradient(setting, (context, shown, reach) => {
        const x = rows[context];
        const at = (map: LayerValues, r: number) => map.bias[r] + dot(map.weights[r], shown[0]);
        const p = softmax([0, 1, 2].map((k) => at(choice, k)));
        const chosen = [2, 3, 4].findIndex((column) => x[column] === 1);
        let f = Math.log(p[chosen]);
        for (const k of [0, 1, 2]) addSlope(own[0], k, shown[0], reach * ((k === chosen ? 1 : 0) - p[k]));
        for (const [j, column] of [0, 5].entries()) {
          if (j === 1 && x[1] === 1) continue;
          const part = sigmoid(spread.bias[j]);
          const v = 0.001 + 0.999 * part;
          const r = x[column] - at(mean, j);
          f += (-r * r) / (2 * v) - Math.log(2 * Math.PI * v) / 2;
          addSlope(own[1], j, shown[0], (reach * r) / v);
          own[2].bias[j] += reach * ((r * r) / (2 * v * v) - 1 / (2 * v)) * 0.999 * part * (1 - part);
        }
        for (const [j, column] of [1, 6].entries()) {
          const l = at(flags, j);
          f += logSigmoid(x[column] === 1 ? l : -l);
          addSlope(own[3], j, shown[0], reach * (x[column] - sigmoid(l)));
        }
        return f;
      });
      return { gradient: [...gradient, ...own], answers: undefined };
    },
    prepare(estimator, draws, count) {
      const input = backend.matrix(count, encoder.inputs);
      const prepared = estimator.prepare({
        ...{ network: encoder, input, objective: objectiveOf(), baseline: "none", baselineDecay: 0.99 },
      });
      return {
        prepared,
        credits: [...prepared.credits, ...prepared.evaluation.credits],
        run() {
          const seen = draws.choose("row", rows.length);
          backend.write(
            input,
            Array.from(seen).flatMap((i) => rows[i]),
          );
          prepared.sample(draws);
          prepared.credit();
          prepared.evaluation.differentiate();
        },
      };
    },
  };
}

test.each([
  ["coins", network],
  ["dice", dice],
])("estimators are unbiased, and the decoder's gradient is right, with %s", (_, spec) => {
  for (const name of ["f-hnca", "reinforce", "reinforce-loo", "local-expectation", "disarm"]) {
    const subject = likelihoodSubject(spec);
    if (name === "disarm" && spec === dice) continue;
    const { gradient } = subject.exact(() => {});
    const moments = enumerate(prepareRun(subject, findEstimator(name)!({})), gradient);
    for (const { bias } of moments) expect(bias, name).toBeLessThan(1e-12);
  }
});

test.each([
  ["coins", network],
  ["dice", dice],
])("components are what they say, on the kernels too, with %s", async (_, spec) => {
  for (const backend of [createReferenceBackend(), await createWasmBackend()]) {
    const encoder = createNetwork(backend, spec);
    const objective = tableBound(encoder, createTableDecoder(encoder, groups));
    checkObjective(encoder, objective, matrixOf(backend, 2, rows.flat()));
  }
});
