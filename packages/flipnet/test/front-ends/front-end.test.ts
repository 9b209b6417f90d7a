import { describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { findEstimator } from "../../src/estimators/registry.ts";
import { reinforce } from "../../src/estimators/reinforce.ts";
import { type FrontEndFunctions, functionFrontEnd } from "../../src/front-ends/front-end.ts";
import { GeneratedDraws } from "../../src/network/draws.ts";
import { createNetwork, initialiseWeights, type NetworkSpec } from "../../src/network/network.ts";
import { knownRewardObjective } from "../../src/objectives/reward.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { Learner } from "../../src/training/learner.ts";
import { matrixOf, numbers } from "../helpers.ts";

const backend = createReferenceBackend();
const [B, I, F] = [4, 3, 5];

/** `tanh(x W) + c x[0]^2`, of which the second parameter is shared by all outputs. */
const functions: FrontEndFunctions = {
  inputs: I,
  outputs: F,
  parameters: { weights: numbers(1, I * F), shared: [0.3] },
  pass(examples) {
    let x: Float64Array;
    let y: Float64Array;
    return {
      forward(inputs, { weights, shared }) {
        x = inputs;
        y = new Float64Array(examples * F);
        for (let b = 0; b < examples; b++) {
          for (let f = 0; f < F; f++) {
            for (let i = 0; i < I; i++) y[b * F + f] += x[b * I + i] * weights[i * F + f];
            y[b * F + f] = Math.tanh(y[b * F + f]);
          }
        }
        return y.map((value, e) => value + shared[0] * x[Math.floor(e / F) * I] ** 2);
      },
      backward(credit) {
        const weights = new Float64Array(I * F);
        let shared = 0;
        for (let b = 0; b < examples; b++) {
          for (let f = 0; f < F; f++) {
            const g = credit[b * F + f];
            for (let i = 0; i < I; i++) weights[i * F + f] += g * (1 - y[b * F + f] ** 2) * x[b * I + i];
            shared += g * x[b * I] ** 2;
          }
        }
        return { weights, shared: [shared] };
      },
    };
  },
};

const specs: Record<string, NetworkSpec> = {
  features: {
    inputs: F,
    inputKind: "real",
    units: "plus-minus",
    layers: [
      { kind: "bernoulli", units: 4 },
      { kind: "bernoulli", units: 3, parents: [0, "input"] },
      { kind: "softmax", units: 1, choices: 3 },
    ],
  },
  logits: {
    inputs: F,
    inputKind: "logits",
    units: "zero-one",
    layers: [
      { kind: "bernoulli", units: F },
      { kind: "softmax", units: 1, choices: 3 },
    ],
  },
  "logits of one unit": {
    inputs: F,
    inputKind: "logits",
    units: "zero-one",
    layers: [{ kind: "softmax", units: 1, choices: F }],
  },
};

function learnerOf(spec: NetworkSpec, estimator = reinforce, learningRate = 0.1) {
  const front = functionFrontEnd(backend, functions);
  const network = createNetwork(backend, spec, front);
  initialiseWeights(backend, network.layers, 3);
  const input = matrixOf(backend, B, numbers(5, B * I));
  const actions = network.layers[network.layers.length - 1].choices;
  const objective = knownRewardObjective(matrixOf(backend, B, numbers(6, B * actions)));
  const problem = { network, input, objective, baseline: "none", baselineDecay: 0.99 } as const;
  return { front, network, input, learner: new Learner(estimator, problem, sgd({ learningRate })) };
}

/** All parameters as they are, and how to put them back. */
function snapshot({ parameters }: Learner) {
  const values = parameters.map(({ block }) => backend.readNow(block));
  return {
    values,
    restore: () => {
      for (const [i, { block }] of parameters.entries()) backend.write(block, values[i]);
    },
  };
}

describe.each(Object.entries(specs))("behind a front end that gives %s", (name, spec) => {
  // The others are rules for one unit, for known functions or for Bernoulli units only.
  const fitting = ["reinforce", "hnca", "reinforce-loo", "vargrad", "straight-through", "weight-max-unbiased"]
    .concat(name === "features" ? ["weight-max"] : [])
    .map((name) => findEstimator(name)!);

  // The credit is a constant: the gradient is that of sum_b sum_j g[b, j] l[b, j] / B by finite differences.
  test.each(fitting)("the gradient of $name is that of credit times logits", async (estimator) => {
    const { front, learner } = learnerOf(spec, estimator, 1);
    const draws = new GeneratedDraws(backend, 7);
    draws.startStep(1);
    learner.sample(draws);
    const { credits, pass } = learner.estimator;
    const before = snapshot(learner);
    learner.learn(1);
    const moved = snapshot(learner).values.map((values, i) => values.map((w, e) => w - before.values[i][e]));
    before.restore();

    const surrogate = () => {
      pass.front!.forward();
      const x = backend.readNow(pass.features);
      let sum = 0;
      for (const { linear, g } of credits) {
        const credit = backend.readNow(g);
        for (let b = 0; b < B; b++) {
          for (let j = 0; j < linear.width; j++) {
            let l = linear.addsInput ? x[b * F + j] : 0;
            for (const edge of linear.parents) {
              if (edge.from >= 0) continue; // What it adds to the logit is a constant.
              const W = backend.readNow(edge.weights);
              for (let f = 0; f < F; f++) l += x[b * F + f] * W[f * linear.width + j];
            }
            sum += (credit[b * linear.width + j] * l) / B;
          }
        }
      }
      return sum;
    };
    for (const { name, block } of front.parameters) {
      const place = learner.parameters.findIndex((part) => part.name === name);
      const values = before.values[place];
      for (let e = 0; e < values.length; e++) {
        const at = (change: number) => {
          backend.write(
            block,
            values.map((value, k) => (k === e ? value + change : value)),
          );
          return surrogate();
        };
        expect(moved[place][e]).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 8);
      }
      before.restore();
    }
  });

  test("the variance is that of the examples' own gradients", async () => {
    const { front, learner } = learnerOf(spec);
    const draws = new GeneratedDraws(backend, 7);
    draws.startStep(1);
    learner.sample(draws);
    const sums = backend.sums(2 * learner.parameters.length);
    const before = snapshot(learner);
    learner.learn(1, sums, true);
    before.restore();
    const { pass, credits } = learner.estimator;
    // One example at a time: all other examples' credits are 0, and the mean is over all of them.
    const each = Array.from({ length: B }, (_, b) => {
      const credit = backend.matrix(B, F);
      for (const { linear, g } of credits) {
        const own = backend.matrix(B, linear.width);
        const row = backend.readNow(g).subarray(b * linear.width, (b + 1) * linear.width);
        backend.write(own, row, b * linear.width);
        if (linear.addsInput) backend.addScaled(own, 1, credit);
        for (const { from, weights } of linear.parents) {
          if (from < 0) backend.transposedProduct(own, weights, credit, true);
        }
      }
      pass.front!.forward();
      pass.front!.backward(credit);
      return pass.front!.gradients.map((gradient) => backend.readNow(gradient).map((g) => g * B));
    });
    const found = await backend.readSums(sums);
    front.parameters.forEach(({ block }, i) => {
      let variance = 0;
      for (let e = 0; e < block.columns; e++) {
        const mean = each.reduce((sum, gradients) => sum + gradients[i][e], 0) / B;
        variance += each.reduce((sum, gradients) => sum + (gradients[i][e] - mean) ** 2, 0) / B;
      }
      const place = learner.parameters.length - front.parameters.length + i;
      expect(found[2 * place]).toBeCloseTo(variance, 10);
    });
  });
});

test("what a front end gives is checked", () => {
  const network = (front: Partial<FrontEndFunctions>, spec: Partial<NetworkSpec> = {}) =>
    createNetwork(
      backend,
      { ...specs.features, ...spec },
      functionFrontEnd(backend, { ...functions, ...front }),
    );
  expect(() => network({ outputs: 7 })).toThrow(/takes 5 inputs; expected 7, which its front end gives/);
  expect(() => network({ outputs: 0 })).toThrow(/has 0 outputs; expected a whole number of at least 1/);
  expect(() => network({}, { inputKind: "bits" })).toThrow(/are bits; expected real or logits/);
  expect(() => network({}, { inputKind: "logits" })).toThrow(/layer 0 takes 5 logits as its input; expected/);

  const run = (forward: ArrayLike<number>, gradients: Record<string, ArrayLike<number>>) => {
    const front = functionFrontEnd(backend, {
      ...functions,
      pass: () => ({ forward: () => forward, backward: () => gradients }),
    });
    const pass = front.prepare(backend.matrix(B, I));
    pass.forward();
    pass.backward(backend.matrix(B, F));
  };
  expect(() => run([1], {})).toThrow(/gave 1 numbers for its outputs; expected 20/);
  expect(() => run(new Float64Array(B * F), {})).toThrow(/nothing for the gradient of weights; expected 15/);
});

test("a learner comes back from its tensors, the front end's among them", async () => {
  const run = async (learner: Learner, from: number, to: number) => {
    const draws = new GeneratedDraws(backend, 9);
    for (let step = from; step <= to; step++) {
      draws.startStep(step);
      learner.sample(draws);
      learner.learn(step);
    }
    return learner.tensors();
  };
  const half = await run(learnerOf(specs.features).learner, 1, 3);
  expect(Object.keys(half)).toEqual(
    expect.arrayContaining(["layers.0.weights", "front.weights", "front.shared"]),
  );
  const whole = await run(learnerOf(specs.features).learner, 1, 6);
  const { learner } = learnerOf(specs.features);
  learner.restore(half);
  expect(await run(learner, 4, 6)).toEqual(whole);
});
