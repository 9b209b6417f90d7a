// What is measured from batches against what the audit enumerates.
import { describe, expect, test } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { parseElboSpec } from "../../src/audit/elbo-spec.ts";
import { toBlock } from "../../src/audit/layout.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import type { Estimator } from "../../src/estimators/estimator.ts";
import { createEstimator } from "../../src/estimators/registry.ts";
import { createNetwork } from "../../src/network/network.ts";
import { elboObjective } from "../../src/objectives/elbo.ts";
import { newKey, uniformAt } from "../../src/random/threefry.ts";
import type { Task } from "../../src/tasks/task.ts";
import { type Measurable, prepareMeasure } from "../../src/training/measure.ts";
import { flat } from "../audit/compare.ts";
import { goldenElbo } from "../audit/golden.ts";

const backend = createReferenceBackend();
const B = 20;

/** The auto-encoder of an audit as a task: images at random. */
function measurable(): Measurable {
  const vae = parseElboSpec(goldenElbo("elbo-2-layer"));
  const network = createNetwork(backend, vae.network);
  const objective = elboObjective(network, { entropy: vae.entropy });
  const linears = [...network.layers, ...objective.linears];
  [...vae.encoder, ...vae.decoder, vae.prior].forEach((values, i) => {
    backend.write(linears[i].block, toBlock(values));
  });
  const input = backend.matrix(B, network.inputs);
  const key = newKey();
  const task: Task = {
    backend,
    batchSize: B,
    input,
    objective,
    stepsPerEpoch: 1,
    metrics: [],
    startEpoch(epoch) {
      key.k0 = epoch;
    },
    load() {
      const images = Array.from(
        { length: B },
        (_, b) => vae.images[Math.floor(uniformAt(key, b) * vae.images.length)],
      );
      backend.write(input, images.flat());
    },
    addMetrics() {},
    evaluate: async () => ({}),
  };
  return { task, network, offers: ["components", "evaluations", "slopes"] };
}

/** Its credits, and half as much again: off by half of the gradient, exactly. */
const tooLarge = (estimator: Estimator): Estimator => ({
  ...estimator,
  unbiased: false,
  prepare(problem) {
    const prepared = estimator.prepare(problem);
    return {
      ...prepared,
      credit() {
        prepared.credit();
        for (const { g } of prepared.credits) backend.addScaled(g, 0.5, g);
      },
    };
  },
});

describe("an auto-encoder that can be enumerated", async () => {
  const names = ["f-hnca-linear", "f-hnca", "reinforce-loo"];
  const { estimators: exact, exactEncoder } = audit(goldenElbo("elbo-2-layer"), { estimators: names });
  const parameters = flat(exactEncoder).length;
  const square = flat(exactEncoder).reduce((sum, one) => sum + one ** 2, 0);
  const list = [
    ...names.map((label) => ({ label, estimator: createEstimator({ name: label }) })),
    { label: "too large", estimator: tooLarge(createEstimator({ name: "f-hnca" })) },
  ];
  const options = { batches: 400, warmUp: 0, seed: 1, reference: createEstimator({ name: "f-hnca-linear" }) };
  const { estimators: found, squaredGradient } = await prepareMeasure(measurable(), list, options)(0);
  const expectNear = ({ value, error }: { value: number; error: number }, expected: number) => {
    expect(Math.abs(value - expected)).toBeLessThan(4 * error);
    // An error that is as large as the number says nothing.
    expect(error).toBeLessThan(0.2 * Math.max(1, Math.abs(expected)));
  };

  test("the true gradient's length", () => expectNear(squaredGradient, square / parameters));

  test.each(names)("%s: both variances, no distance, the cosine", (name) => {
    const one = found.find(({ label }) => label === name)!;
    const variance = exact[name].meanVariance;
    expectNear(one.exampleVariance, (variance * (B - 1)) / B);
    expectNear(one.batchVariance, variance / B);
    expectNear(one.squaredDistance, 0);
    expectNear(one.cosine, Math.sqrt(square / (square + (variance * parameters) / B)));
  });

  test("a biased one: its distance is found, and put last", () => {
    const last = found[found.length - 1];
    expect(last.label).toBe("too large");
    expectNear(last.squaredDistance, 0.25);
    expect(last.hour).toBeGreaterThan(0.4);
  });
});

test("what cannot be measured is refused", () => {
  const on = measurable();
  const one = { label: "hnca", estimator: createEstimator({ name: "hnca" }) };
  expect(() => prepareMeasure(on, [one])).toThrow("hnca needs the last layer's reward");
  expect(() => prepareMeasure(on, [])).toThrow("there is no estimator");
  const fHnca = { label: "f-hnca", estimator: createEstimator({ name: "f-hnca" }) };
  expect(() => prepareMeasure(on, [fHnca], { batches: 10 })).toThrow("the batches are 10");
  expect(() => prepareMeasure(on, [fHnca], { reference: tooLarge(fHnca.estimator) })).toThrow("is biased");
  const episodes = { ...on, task: { ...on.task, play: () => {} } };
  expect(() => prepareMeasure(episodes, [fHnca])).toThrow("the task is one of episodes");
});
