// Learning signals: what is subtracted is of the past, and moves afterwards.
import { describe, expect, test } from "vitest";
import type { ImmediateBackend, Matrix } from "../../src/backend/backend.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import type { Baseline } from "../../src/estimators/baseline.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import { networkBaseline } from "../../src/estimators/network-baseline.ts";
import { prepareSignals } from "../../src/estimators/signals.ts";
import { GeneratedDraws } from "../../src/network/draws.ts";
import type { NetworkSpec } from "../../src/network/network.ts";
import { initialiseWeights } from "../../src/network/network.ts";
import { createPass } from "../../src/network/pass.ts";
import type { Component } from "../../src/objectives/objective.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { Learner } from "../../src/training/learner.ts";
import { matrixOf, numbers, randomProblem } from "../helpers.ts";

const backend: ImmediateBackend = createReferenceBackend();
const B = 4;
const spec: NetworkSpec = {
  inputs: 3,
  units: "zero-one",
  layers: [
    { kind: "bernoulli", units: 2 },
    { kind: "bernoulli", units: 2 },
  ],
};

const component = (name: string, reads: number[], value: Matrix): Component => ({
  name,
  reads,
  value,
  evaluate() {},
});

function prepare(baseline: Baseline, baselineDecay = 0.75) {
  const problem = { ...randomProblem(backend, spec, B, 7), baseline, baselineDecay };
  const values = [1, 2].map((seed) => matrixOf(backend, B, numbers(seed, B)));
  // Names that a list joined by commas would confuse.
  const components = [component("a,b", [0], values[0]), component("a", [1], values[1])];
  const pass = createPass(problem.network, problem.input);
  const signals = prepareSignals(
    problem,
    pass,
    components,
    (one, layer) => Math.max(...one.reads) >= layer.index,
  );
  return { problem, values, signals, layers: problem.network.layers };
}

const read = (m: Matrix | undefined) => [...backend.readNow(m!)];
const mean = (list: number[]) => list.reduce((a, b) => a + b, 0) / list.length;

describe("a running average", () => {
  test("is subtracted as it was before the step, and then moved by the batch's mean", () => {
    const { values, signals, layers } = prepare("running-average");
    const expected = [0, 0];
    for (let step = 0; step < 3; step++) {
      for (const [i, value] of values.entries()) backend.write(value, numbers(10 * step + i, B));
      const [one, other] = values.map(read);
      const sums = [one.map((value, b) => value + other[b]), other];
      signals.compute();
      sums.forEach((sum, l) => {
        const found = read(signals.of(layers[l]));
        for (const [b, value] of sum.entries()) expect(found[b]).toBeCloseTo(value - expected[l], 14);
      });
      // Asked again it says the same: nothing has moved yet.
      signals.compute();
      expect(read(signals.of(layers[1]))[0]).toBeCloseTo(sums[1][0] - expected[1], 14);
      signals.adapt();
      sums.forEach((sum, l) => {
        expected[l] = 0.75 * expected[l] + 0.25 * mean(sum);
        expect(read(signals.state[`baseline.${l}`])[0]).toBeCloseTo(expected[l], 14);
      });
    }
  });

  test("is one where the components are the same", () => {
    const { problem, values } = prepare("none");
    const pass = createPass(problem.network, problem.input);
    const only = [component("a", [1], values[1])];
    const signals = prepareSignals({ ...problem, baseline: "running-average" }, pass, only, () => true);
    expect(Object.keys(signals.state)).toEqual(["baseline.0"]);
    expect(signals.of(problem.network.layers[0])).toBe(signals.of(problem.network.layers[1]));
  });
});

test("a number stays, and is not saved", () => {
  const { values, signals, layers } = prepare(0.5);
  for (let step = 0; step < 2; step++) {
    signals.compute();
    signals.adapt();
  }
  const expected = read(values[1]).map((value) => value - 0.5);
  for (const [b, value] of read(signals.of(layers[1])).entries()) expect(value).toBeCloseTo(expected[b], 14);
  expect(signals.state).toEqual({});
});

test("a network learns what reward is to be expected where, with a rate of its own", () => {
  const baseline = networkBaseline({ hidden: [6], learningRate: 0.02 });
  const problem = { ...randomProblem(backend, spec, B, 3), baseline };
  // What is earned is a function of what is seen.
  const [reward] = problem.objective.prepare(createPass(problem.network, problem.input)).components;
  backend.write(reward.value, [3, -1, 0.5, 2]);
  backend.write(problem.input, [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0]);
  const outputReward: NetworkSpec = {
    ...spec,
    layers: [spec.layers[0], { kind: "softmax", units: 1, choices: 2 }],
  };
  const learner = new Learner(
    hnca,
    { ...problem, ...networkFor(outputReward, problem) },
    adam({ learningRate: 1e-9 }),
  );
  const names = learner.parameters.map(({ name }) => name);
  expect(names).toEqual(["layers.0", "layers.1", "estimator.baseline.0.0", "estimator.baseline.0.1"]);
  initialiseWeights(backend, learner.parameters, 5);
  const draws = new GeneratedDraws(backend, 1);
  const signal = () =>
    Math.hypot(
      ...read(learner.estimator.evaluation.components[0].value).map((r, b) => r - (expected()[b] ?? 0)),
    );
  const expected = () => {
    const front = baseline.prepare(learner.estimator.pass, "baseline.0", reward.value);
    const out = backend.matrix(B, 1);
    front.subtract(reward.value, out);
    return read(reward.value).map((r, b) => r - read(out)[b]);
  };
  const before = signal();
  for (let step = 1; step <= 400; step++) {
    draws.startStep(step);
    learner.sample(draws);
    learner.learn(step);
  }
  expect(signal()).toBeLessThan(0.05 * before);
});

function networkFor(other: NetworkSpec, { objective, input }: ReturnType<typeof randomProblem>) {
  const { network } = randomProblem(backend, other, B, 3);
  return { network, objective, input };
}
