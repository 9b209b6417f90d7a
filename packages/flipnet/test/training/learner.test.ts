// How a learner uses credits: scales, weights of rows, and what is not finite; and rows that act one after the other.
import { describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { fHnca } from "../../src/estimators/f-hnca.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import { networkBaseline } from "../../src/estimators/network-baseline.ts";
import { reinforce } from "../../src/estimators/reinforce.ts";
import { vargrad } from "../../src/estimators/vargrad.ts";
import { weightMax } from "../../src/estimators/weight-max.ts";
import { denseFrontEnd } from "../../src/front-ends/dense.ts";
import { GeneratedDraws } from "../../src/network/draws.ts";
import { createNetwork, initialiseWeights, type NetworkSpec } from "../../src/network/network.ts";
import { logLikelihood } from "../../src/objectives/activations.ts";
import { blackBoxObjective } from "../../src/objectives/black-box.ts";
import { nonlinearObjective } from "../../src/objectives/nonlinear.ts";
import { rewardObjective } from "../../src/objectives/reward.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { withL2 } from "../../src/optimizers/l2.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { Acting } from "../../src/training/acting.ts";
import { createBanditTraining, prepareBanditTraining } from "../../src/training/bandit.ts";
import { Learner, optimizerIn } from "../../src/training/learner.ts";
import { createMultiplexerTraining } from "../../src/training/multiplexer.ts";
import { createVaeTraining } from "../../src/training/vae.ts";
import { easyImages, matrixOf, mixedNetwork, numbers, randomProblem } from "../helpers.ts";

const backend = createReferenceBackend();
const optimizer = sgd({ learningRate: 1 });

/** How far a learner's parameters move in one step. */
function moves(learner: Learner): number[][] {
  const draws = new GeneratedDraws(backend, 3);
  draws.startStep(1);
  const before = learner.parameters.map(({ block }) => backend.readNow(block));
  learner.sample(draws);
  learner.learn(1);
  return learner.parameters.map(({ block }, i) =>
    [...backend.readNow(block)].map((w, e) => w - before[i][e]),
  );
}

const closeTo = (found: number[][], expected: number[][]) => {
  expect(found.length).toBe(expected.length);
  found.forEach((block, i) => {
    expect(block.length).toBe(expected[i].length);
    block.forEach((move, e) => {
      expect(move).toBeCloseTo(expected[i][e], 12);
    });
  });
};

describe("a paper's updates", () => {
  const spec: NetworkSpec = {
    inputs: 3,
    inputKind: "real",
    units: "plus-minus",
    layers: [
      { kind: "bernoulli", units: 4 },
      { kind: "bernoulli", units: 2 },
      { kind: "bernoulli", units: 1 },
    ],
  };

  test("are so many times the gradient in every layer, and in the front end what its layer's are", () => {
    const make = (paperScale: boolean) => {
      const front = denseFrontEnd(backend, { inputs: 5, hidden: [], outputs: 3 });
      const network = createNetwork(backend, spec, front);
      initialiseWeights(backend, [...network.layers, ...front.parameters], 5);
      const reward = matrixOf(backend, 6, numbers(1, 6));
      const input = matrixOf(backend, 6, numbers(2, 30));
      const problem = { network, input, objective: rewardObjective(reward), baselineDecay: 0.9 } as const;
      return new Learner(weightMax, { ...problem, baseline: "none" }, optimizer, { paperScale });
    };
    const plain = moves(make(false));
    closeTo(
      moves(make(true)),
      plain.map((block, i) => block.map((move) => [32, 8, 2, 32][i] * move)),
    );
  });

  test("are the gradient where a rule has no scale, and of what an objective learns by itself", () => {
    const make = (paperScale: boolean) => {
      const problem = randomProblem(backend, mixedNetwork, 6, 4);
      const front = denseFrontEnd(backend, { inputs: 7, hidden: [2], outputs: 5 });
      initialiseWeights(backend, front.parameters, 9);
      const objective = nonlinearObjective(problem.network, front, logLikelihood, {
        reads: 0,
        target: "input",
      });
      return new Learner(reinforce, { ...problem, objective }, optimizer, { paperScale });
    };
    const plain = moves(make(false));
    expect(plain.at(-1)!.some((move) => move !== 0)).toBe(true);
    closeTo(moves(make(true)), plain);
  });
});

test("rows count by their weights", () => {
  const make = (weights?: number[]) => {
    const problem = randomProblem(backend, mixedNetwork, 4, 4);
    return new Learner(hnca, problem, optimizer, weights && { weights: matrixOf(backend, 4, weights) });
  };
  const each = [0, 1, 2, 3].map((row) => moves(make([0, 1, 2, 3].map((b) => (b === row ? 1 : 0)))));
  const weighed = moves(make([0.5, 2, 0, 1]));
  closeTo(
    weighed,
    weighed.map((block, i) => block.map((_, e) => 0.5 * each[0][i][e] + 2 * each[1][i][e] + each[3][i][e])),
  );
});

test("a gradient that is not finite is noted with its step, that of an estimator's own parameters as well", async () => {
  const images = { train: easyImages(20), test: easyImages(5) };
  const training = createBanditTraining(backend, images, {
    estimator: reinforce,
    optimizer,
    hidden: [3],
    batchSize: 5,
    baseline: networkBaseline({ hidden: [] }),
  });
  const { parameters } = training.learner;
  const own = parameters.findIndex(({ name }) => name === "estimator.baseline.0.0");
  expect(own).toBe(parameters.length - 1);
  const sums = backend.sums(2 * parameters.length);
  const draws = new GeneratedDraws(backend, 3);
  draws.startStep(1);
  backend.fill(training.task.input, 1);
  training.learner.sample(draws);
  backend.write(parameters[own].block, [Number.NaN]);
  training.learner.learn(7, sums);
  const found = await backend.readSums(sums);
  // The baseline's gradient, and the credits that it was subtracted in.
  expect(parameters.map((_, i) => found[2 * i + 1])).toEqual(parameters.map(() => 7));
});

test.each([true, false])(
  "so is each part's of a front end, whether its variance is measured or not (%s)",
  async (measured) => {
    const front = denseFrontEnd(backend, { inputs: 5, hidden: [4], outputs: 3 });
    const layers = [{ kind: "bernoulli", units: 2 }] as const;
    const network = createNetwork(
      backend,
      { inputs: 3, inputKind: "real", units: "zero-one", layers },
      front,
    );
    initialiseWeights(backend, [...network.layers, ...front.parameters], 5);
    const reward = backend.matrix(6, 1);
    const input = matrixOf(backend, 6, numbers(2, 30));
    const problem = { network, input, objective: rewardObjective(reward), baselineDecay: 0.9 } as const;
    const learner = new Learner(reinforce, { ...problem, baseline: "none" }, optimizer);
    const draws = new GeneratedDraws(backend, 3);
    draws.startStep(1);
    const sums = backend.sums(2 * learner.parameters.length);
    learner.sample(draws);
    learner.learn(1, sums, measured);
    const fine = await backend.readSums(sums);
    expect(learner.parameters.map((_, i) => fine[2 * i + 1])).toEqual([0, 0, 0]);
    backend.fill(reward, Number.NaN);
    learner.learn(7, sums, measured);
    const found = await backend.readSums(sums);
    expect(learner.parameters.map((_, i) => found[2 * i + 1])).toEqual([7, 7, 7]);
  },
);

test("the optimizer that a checkpoint names is made again, where it is Adam or SGD and nothing more", async () => {
  const tensorsOf = (factory: Parameters<typeof withL2>[0]) =>
    new Learner(hnca, randomProblem(backend, mixedNetwork, 4, 4), factory).tensors();
  const described = async (factory: Parameters<typeof withL2>[0]) => {
    const made = optimizerIn(await tensorsOf(factory), 4);
    return made?.(backend, randomProblem(backend, mixedNetwork, 4, 4).network.layers).description;
  };
  expect(await described(sgd({ learningRate: [1, 2, 3, 4] }))).toEqual({
    name: "sgd",
    learningRate: [1, 2, 3, 4],
  });
  expect(await described(adam({ learningRate: 0.5, beta1: 0.25 }))).toMatchObject({
    name: "adam",
    beta1: 0.25,
  });
  expect(await described(withL2(optimizer, 1))).toBeUndefined();
  expect(
    await described(() => ({ description: { name: "mine", learningRate: [1] }, state: {}, step() {} })),
  ).toBeUndefined();
  expect(optimizerIn({}, 4)).toBeUndefined();
});

test("what is not said is as in the papers", () => {
  const images = { train: easyImages(200), test: easyImages(5) };
  const learning = { estimator: fHnca, optimizer };
  const vae = createVaeTraining(backend, images, { ...learning, hidden: [3] });
  expect([vae.task.batchSize, vae.learner.network.spec.units, vae.task.evaluateEvery]).toEqual([
    50,
    "zero-one",
    10,
  ]);
  const bandit = prepareBanditTraining(backend, images, { ...learning, estimator: hnca, hidden: [3] });
  expect([bandit.task.batchSize, bandit.learner.network.spec.units]).toEqual([50, "plus-minus"]);
  const multiplexer = createMultiplexerTraining(backend, {
    ...learning,
    estimator: weightMax,
    k: 2,
    steps: 2500,
  });
  expect([multiplexer.task.batchSize, multiplexer.task.stepsPerEpoch]).toEqual([128, 1000]);
  expect(multiplexer.learner.network.spec).toMatchObject({ inputs: 6, units: "plus-minus" });
  expect(multiplexer.learner.network.layers.map(({ width }) => width)).toEqual([64, 32, 1]);
});

describe("rows that act one after the other", () => {
  const B = 6;
  function acting() {
    const learner = new Learner(hnca, randomProblem(backend, mixedNetwork, B, 4), optimizer);
    const draws = new GeneratedDraws(backend, 3);
    draws.startStep(1);
    const one = new Acting(learner, draws);
    one.start();
    return {
      one,
      learner,
      bits: () => learner.estimator.pass.layers.map(({ bits }) => [...backend.readNow(bits)]),
    };
  }

  test("do so once, in order, and all of them", () => {
    const { one } = acting();
    expect(() => one.act(1, 2)).toThrow(
      "rows 1 to 2 are to act, and 0 of 6 have; expected every row once, in order",
    );
    one.act(0, 2);
    expect(() => one.act(0, 2)).toThrow("rows 0 to 1 are to act, and 2 of 6 have");
    expect(() => one.act(2, 0)).toThrow("rows 2 to 1 are to act, and 2 of 6 have");
    expect(() => one.act(2, 5)).toThrow("rows 2 to 6 are to act, and 2 of 6 have");
    expect(() => one.end()).toThrow("2 of 6 rows have acted; expected every row once a step");
    one.act(2, 4);
    expect(() => one.end()).not.toThrow();
    one.start();
    expect(() => one.act(0, 2)).not.toThrow();
  });

  test("other passes of the estimator are drawn once all rows have acted", () => {
    const objective = blackBoxObjective(({ layers: [first] }, values) => void values.fill(first[0]));
    const problem = { ...randomProblem(backend, mixedNetwork, B, 4), objective };
    const learner = new Learner(vargrad, problem, optimizer);
    const draws = new GeneratedDraws(backend, 3);
    draws.startStep(1);
    const one = new Acting(learner, draws);
    one.start();
    one.act(0, 3);
    one.act(3, 3);
    const passes = [...new Set(learner.estimator.credits.map(({ pass }) => pass))];
    const choices = passes.map(({ layers }) => [...backend.readNow(layers[3].bits)]);
    expect(choices.map((bits) => bits.reduce((a, b) => a + b))).toEqual([B, B]);
    expect(choices[0]).not.toEqual(choices[1]);
  });

  test("act as the whole batch does where they act at once, and each at a time of its own otherwise", () => {
    const [whole, direct] = [acting(), acting()];
    const actions = whole.one.act();
    expect(actions).toBe(whole.learner.estimator.pass.layers[3].bits);
    const draws = new GeneratedDraws(backend, 3);
    draws.startStep(1);
    direct.learner.sample(draws);
    expect(whole.bits()).toEqual(direct.bits());
    // Two parts draw at times of their own: the second is not what the first did.
    const parts = acting();
    const acted = [
      [0, 3],
      [3, 3],
    ].map(([first, rows]) => [...backend.readNow(parts.one.act(first, rows))]);
    expect(acted.map(({ length }) => length)).toEqual([12, 12]);
    expect(parts.bits()[3]).toEqual(acted.flat());
    const before = parts.bits();
    const again = acting();
    again.one.act(0, 3);
    again.one.act(3, 3);
    expect(again.bits()).toEqual(before);
  });
});
