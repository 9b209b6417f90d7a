// Objectives of one's own: black boxes, networks behind the units, sums, and whether they are what they say.
import { describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import type { Estimator, Problem } from "../../src/estimators/estimator.ts";
import { findEstimator } from "../../src/estimators/registry.ts";
import { denseFrontEnd } from "../../src/front-ends/dense.ts";
import { GeneratedDraws } from "../../src/network/draws.ts";
import { createNetwork, initialiseWeights } from "../../src/network/network.ts";
import { createPass } from "../../src/network/pass.ts";
import { type Activation, entropy, logLikelihood } from "../../src/objectives/activations.ts";
import { blackBoxObjective } from "../../src/objectives/black-box.ts";
import { checkObjective } from "../../src/objectives/check.ts";
import { choiceEntropy, choiceSurprisal } from "../../src/objectives/choices.ts";
import { componentsObjective, createReadout } from "../../src/objectives/components.ts";
import { createDecoder, elboObjective } from "../../src/objectives/elbo.ts";
import { nonlinearObjective } from "../../src/objectives/nonlinear.ts";
import { type Objective, placeOf, sumOf } from "../../src/objectives/objective.ts";
import { knownRewardObjective, rewardObjective } from "../../src/objectives/reward.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { Learner } from "../../src/training/learner.ts";
import { bits, matrixOf, mixedNetwork, numbers, randomProblem } from "../helpers.ts";

const backend = createReferenceBackend();
const B = 8;

/** The mixed network's problem with another objective. */
function problemOf(make: (problem: Problem) => Objective): Problem {
  const problem = randomProblem(backend, mixedNetwork, B, 7);
  return { ...problem, objective: make(problem) };
}

function creditsOf(name: string, problem: Problem): number[] {
  const draws = new GeneratedDraws(backend, 3);
  draws.startStep(1);
  const prepared = (findEstimator(name) as Estimator).prepare(problem);
  prepared.sample(draws);
  prepared.credit();
  return prepared.credits.flatMap(({ g }) => [...backend.readNow(g)]);
}

function expectClose(one: number[], other: number[]): void {
  expect(one.some((x) => Math.abs(x) > 1e-3)).toBe(true);
  one.forEach((x, i) => {
    expect(x).toBeCloseTo(other[i], 10);
  });
}

const square: Activation = { value: (l) => l * l, slope: (l) => 2 * l };

/** How many of the units of the first two layers agree in parity with the input's first bit, in an odd way. */
const odd = blackBoxObjective(
  ({ input, layers: [first, second], batchSize }, values) => {
    for (let b = 0; b < batchSize; b++) {
      const ones = first.subarray(b * 7, b * 7 + 7).reduce((sum, bit) => sum + bit, 0);
      const choice = second.subarray(b * 6 + 3, b * 6 + 6).indexOf(1);
      values[b] = Math.cos(ones * (1 + choice)) + input[b * 5] * choice;
    }
  },
  { name: "odd", reads: [0, 1], differences: true },
);

describe("f-HNCA is the naive local expectation", () => {
  test("for a black box that may be asked about every unit", () => {
    const problem = problemOf(() => odd);
    expectClose(creditsOf("f-hnca", problem), creditsOf("local-expectation", problem));
  });

  test("for a known reward: the output takes the exact expectation over its actions", () => {
    const problem = problemOf(() => knownRewardObjective(matrixOf(backend, B, numbers(5, B * 4))));
    expectClose(creditsOf("f-hnca", problem), creditsOf("local-expectation", problem));
  });

  test.each([1, 3])("for a network behind layer 0, hidden units %d, and one predicted from it", (units) => {
    const problem = problemOf(({ network }) => {
      const behind = (name: string, outputs: number) => {
        const front = denseFrontEnd(backend, { inputs: 7, hidden: [units], outputs, name });
        initialiseWeights(backend, front.parameters, 4);
        return front;
      };
      const common = { reads: 0, differences: true };
      return sumOf(
        nonlinearObjective(network, behind("a", 5), logLikelihood, { ...common, target: "input" }),
        nonlinearObjective(network, behind("b", 3), logLikelihood, { ...common, target: 2 }),
      );
    });
    expectClose(creditsOf("f-hnca", problem), creditsOf("local-expectation", problem));
  });
});

describe("a component whose differences are not known is one number", () => {
  test("to f-HNCA a reward is what it is to HNCA", () => {
    const problem = randomProblem(backend, mixedNetwork, B, 7);
    expectClose(creditsOf("f-hnca", problem), creditsOf("hnca", problem));
  });

  test("a layer that it reads is credited by REINFORCE, one that only children lead to it from by HNCA", () => {
    const unknown = problemOf(() =>
      blackBoxObjective(
        ({ layers: [, second] }, values) => {
          for (let b = 0; b < B; b++) values[b] = 1 + second[6 * b] - 2 * second[6 * b + 4];
        },
        { name: "one number", reads: [1] },
      ),
    );
    const [all, score] = ["f-hnca", "reinforce"].map((name) => creditsOf(name, unknown));
    // Layer 0 has 7 units, then come the 6 columns of layer 1; nothing downstream of those is credited.
    const [below, read, rest] = [all.slice(0, 7 * B), all.slice(7 * B, 13 * B), all.slice(13 * B)];
    expectClose(read, score.slice(7 * B, 13 * B));
    expect(rest.every((g) => g === 0)).toBe(true);
    expect(below).not.toEqual(score.slice(0, 7 * B));
    // Through layer 1 alone: of the other children nothing is said.
    expectClose(below, creditsOf("local-expectation", unknown).slice(0, 7 * B));
  });
});

test("a network behind the units without hidden layers is a linear map", () => {
  const problem = randomProblem(backend, mixedNetwork, B, 7);
  const { network } = problem;
  const readout = createReadout(network, "readout", [1], 2);
  const front = denseFrontEnd(backend, { inputs: 6, hidden: [], outputs: 2 });
  for (const { block } of [readout, front.parameters[0]]) {
    backend.write(block, numbers(8, block.columns));
  }
  const linear = componentsObjective(network, readout, square);
  const nonlinear = nonlinearObjective(network, front, square, { reads: 1, differences: true });
  const [one, other] = [linear, nonlinear].map((objective) => creditsOf("f-hnca", { ...problem, objective }));
  expectClose(one, other);
  // And so do they learn.
  const steps = [linear, nonlinear].map((objective) => {
    const before = backend.readNow(objective === linear ? readout.block : front.parameters[0].block);
    const draws = new GeneratedDraws(backend, 3);
    draws.startStep(1);
    const learner = new Learner(
      findEstimator("reinforce")!,
      { ...problem, objective },
      sgd({ learningRate: 0.1 }),
    );
    const layers = network.layers.map(({ block }) => backend.readNow(block));
    learner.sample(draws);
    learner.learn(1);
    network.layers.forEach(({ block }, l) => {
      backend.write(block, layers[l]);
    });
    const after = backend.readNow(objective === linear ? readout.block : front.parameters[0].block);
    return [...after].map((w, e) => w - before[e]);
  });
  expectClose(steps[0], steps[1]);
});

test("where a component stands, seen from a layer", () => {
  const { layers } = randomProblem(backend, mixedNetwork, B, 7).network;
  // Layer 3 reads 0 and 2, layer 2 reads 0 and 1, layer 1 reads 0.
  expect(layers.map((layer) => placeOf({ reads: [1] }, layer))).toEqual([
    "mediated",
    "direct",
    "upstream",
    "upstream",
  ]);
  expect(placeOf({ reads: [0, 3] }, layers[0])).toBe("both");
  expect(placeOf({ reads: [] }, layers[0])).toBe("upstream");
});

test("a black box may be asked about every unit only where it says so", () => {
  const box = (differences?: boolean) =>
    blackBoxObjective((_, values) => values.fill(1), { ...(differences !== undefined && { differences }) });
  const pass = createPass(randomProblem(backend, mixedNetwork, B, 7).network, backend.matrix(B, 5));
  const told = [undefined, false, true].map(
    (one) => "addDifferences" in box(one).prepare(pass).components[0],
  );
  expect(told).toEqual([false, false, true]);
});

test("a decoder predicts bits: an encoder of other inputs has none, but behind a front end, whose image is bits", () => {
  const layers = [{ kind: "bernoulli", units: 3 }] as const;
  const spec = { inputs: 4, inputKind: "real", units: "zero-one", layers } as const;
  expect(() => createDecoder(createNetwork(backend, spec))).toThrow(
    "the encoder has real inputs; expected bits, which the decoder can predict",
  );
  const front = denseFrontEnd(backend, { inputs: 6, hidden: [], outputs: 4 });
  expect(createDecoder(createNetwork(backend, spec, front)).layers[0].width).toBe(6);
});

describe("an objective is looked at for what it says", () => {
  const problem = randomProblem(backend, mixedNetwork, B, 7);
  const { network, input } = problem;
  const check = (objective: Objective) => () => checkObjective(network, objective, input);

  test("one that says what is", async () => {
    expect(check(sumOf(odd, problem.objective))).not.toThrow();
    for (const other of [backend, await createWasmBackend()]) {
      const encoder = createNetwork(other, {
        inputs: 4,
        units: "zero-one",
        layers: [3, 2].map((units) => ({ kind: "bernoulli" as const, units })),
      });
      const decoder = createDecoder(encoder);
      initialiseWeights(other, [...encoder.layers, ...decoder.layers], 1);
      const examples = matrixOf(other, 4, bits(3, 16));
      for (const entropy of ["analytic", "sampled"] as const) {
        expect(() =>
          checkObjective(encoder, elboObjective(encoder, { entropy, decoder }), examples),
        ).not.toThrow();
      }
    }
  });

  test.each<[string, () => Objective]>([
    ["what every action would earn", () => knownRewardObjective(matrixOf(backend, B, numbers(5, B * 4)))],
    [
      "an eta of one's own, with softmax units to predict",
      () => {
        const eta: Activation = {
          value: (l, t) => Math.sin(l) + t * (l + 1) ** 2,
          slope: (l, t) => Math.cos(l) + 2 * t * (l + 1),
        };
        const one = createReadout(network, "one", [0], 6);
        return sumOf(
          componentsObjective(network, one, eta, { target: 1 }),
          componentsObjective(network, createReadout(network, "other", [1, 0], 4), eta, { target: 3 }),
        );
      },
    ],
    [
      "entropies and surprisals of softmax units",
      () =>
        sumOf(
          componentsObjective(network, network.layers[1], choiceEntropy, { name: "entropy" }),
          componentsObjective(network, network.layers[3], choiceEntropy, { name: "of two parents" }),
          componentsObjective(network, network.layers[1], choiceSurprisal, { name: "surprisal", target: 1 }),
        ),
    ],
  ])("%s", (_, make) => {
    expect(check(make())).not.toThrow();
  });

  test("slopes that are all off by one", () => {
    const readout = createReadout(network, "readout", [0], 1);
    const shifted: Objective = {
      linears: [readout],
      prepare(pass) {
        const evaluation = componentsObjective(network, readout, square).prepare(pass);
        const [component] = evaluation.components;
        const addSlopes: typeof component.addSlopes = (layer, out) => {
          component.addSlopes!(layer, out);
          const one = backend.matrix(out.rows, out.columns);
          backend.fill(one, 1);
          backend.addScaled(one, 1, out);
        };
        return { ...evaluation, components: [{ ...component, addSlopes }] };
      },
    };
    expect(check(shifted)).toThrow(/the component "readout" says that its slope at unit 0 of layer 0 is/);
  });

  test("a unit that it says it does not read", () => {
    const sly = blackBoxObjective(
      ({ layers }, values) => {
        for (let b = 0; b < B; b++) values[b] = layers[2][b * 3 + 1];
      },
      { name: "sly" },
    );
    const lying: Objective = {
      linears: [],
      prepare(pass) {
        const evaluation = sly.prepare(pass);
        return { ...evaluation, components: [{ ...evaluation.components[0], reads: [3] }] };
      },
    };
    expect(check(lying)).toThrow(
      'the component "sly" depends on unit 1 of layer 2, and says that it reads layer 3',
    );
  });

  test.each<[string, (layer: Float64Array) => number, string]>([
    [
      "unit",
      (layer) => layer[5],
      'the component "sly" looks at unit 1 of layer 1, and says that it reads layer 3',
    ],
    ["layer", (layer) => layer.reduce((a, b) => a + b), 'the component "sly" looks at layer 1, and says'],
    [
      "number that is none",
      () => Number.NaN,
      'the component "sly" is NaN on example 0; expected a finite number',
    ],
  ])("at every step, a %s that a black box may not look at or give", (_, look, message) => {
    const sly = blackBoxObjective(({ layers: [, one] }, values) => void values.fill(look(one)), {
      name: "sly",
      reads: [3],
    });
    expect(() =>
      creditsOf(
        "reinforce",
        problemOf(() => sly),
      ),
    ).toThrow(message);
  });

  test("at every step, a number that an eta may not give", () => {
    const root = (reads: number) =>
      problemOf(({ network }) =>
        componentsObjective(network, createReadout(network, "r", [reads], 1), { value: () => Number.NaN }),
      );
    expect(() => creditsOf("f-hnca", root(1))).toThrow(
      "eta is NaN at the logit 0, target 0; expected a finite",
    );
    const lying: Objective = {
      linears: [],
      prepare(pass) {
        const evaluation = odd.prepare(pass);
        const [component] = evaluation.components;
        const evaluate = () => backend.fill(component.value, Number.POSITIVE_INFINITY);
        return { ...evaluation, components: [{ ...component, evaluate }] };
      },
    };
    expect(check(lying)).toThrow('the component "odd" is Infinity on example 0; expected a finite number');
  });

  test("a layer that it cannot depend on", () => {
    const deaf = blackBoxObjective((_, values) => values.fill(1), { name: "deaf", reads: [1] });
    expect(check(deaf)).toThrow(
      'the component "deaf" says that it reads layer 1, and none of its units, unit 0 of layer 1 the first, changed it',
    );
  });

  test("what a unit is worth", () => {
    const readout = createReadout(network, "readout", [0], 1);
    backend.write(readout.block, numbers(3, 8));
    const wrong: Objective = {
      linears: [],
      prepare(pass) {
        const evaluation = componentsObjective(network, readout, square).prepare(pass);
        const [component] = evaluation.components;
        const half = componentsObjective(network, readout, { value: (l) => l * l * 0.5 }).prepare(pass);
        half.components[0].evaluate();
        const { addDifferences } = half.components[0];
        return { ...evaluation, components: [{ ...component, addDifferences: addDifferences! }] };
      },
    };
    expect(check(wrong)).toThrow(/"readout" says that unit \d of layer 0 is worth .*; it is worth/);
  });
});

describe("what cannot be", () => {
  const { network, input } = randomProblem(backend, mixedNetwork, B, 7);
  const prepared = (objective: Objective) => () =>
    findEstimator("reinforce")!.prepare({ ...problemOf(() => objective), network, input });

  test.each<[string, () => unknown, string]>([
    ["two of one name", prepared(sumOf(odd, odd)), 'two components of the objective are called "odd"'],
    [
      "a layer that is not there",
      prepared(blackBoxObjective(() => {}, { reads: [4] })),
      'the component "black box" says that it reads layer 4; expected a number from 0 to 3',
    ],
    [
      "a readout of one",
      () => createReadout(network, "r", [4], 1),
      "r reads layer 4; expected a layer's number, 0 to 3",
    ],
    [
      "a target that is read",
      () => componentsObjective(network, createReadout(network, "r", [2], 3), logLikelihood, { target: 2 }),
      '"r" reads layer 2, which is its target too; expected another',
    ],
    [
      "a target of another width",
      prepared(
        componentsObjective(network, createReadout(network, "r", [2], 2), logLikelihood, { target: 0 }),
      ),
      'the target of "r" is [8, 7]; expected [8, 2], one number a component',
    ],
    [
      "a network of another width",
      () =>
        nonlinearObjective(network, denseFrontEnd(backend, { inputs: 3, hidden: [], outputs: 1 }), entropy, {
          reads: 0,
        }),
      '"dense.0" takes 3 numbers; expected 7, as layer 0 shows',
    ],
  ])("%s", (_, act, message) => {
    expect(act).toThrow(message);
  });

  test("HNCA on more than what the last layer earns", () => {
    expect(() => findEstimator("hnca")!.prepare(problemOf(() => odd))).toThrow(
      `hnca learns from what the last layer earns, and the component "odd" reads layer 0, layer 1; f-hnca takes any`,
    );
  });

  test("straight-through on a function without slopes", () => {
    expect(() => findEstimator("straight-through")!.prepare(problemOf(() => odd))).toThrow(
      '"odd" does not say its slopes, which straight-through needs',
    );
  });

  test.each(["reinforce-loo", "vargrad"])("%s on a reward that was observed once", (name) => {
    const problem = randomProblem(backend, mixedNetwork, B, 7);
    expect(() => findEstimator(name)!.prepare(problem)).toThrow(/"reward" was observed on one sample/);
  });

  test("a rule for one unit on two rewards", () => {
    const unit = { inputs: 3, units: "zero-one", layers: [{ kind: "bernoulli", units: 1 }] } as const;
    const problem = randomProblem(backend, unit, B, 7);
    const rewards = ["clicks", "sales"].map((name) => rewardObjective(backend.matrix(B, 1), { name }));
    expect(() =>
      findEstimator("classification")!.prepare({ ...problem, objective: sumOf(...rewards) }),
    ).toThrow(
      'classification learns from one reward, and the objective has the components "clicks", "sales"',
    );
  });

  test.each(["disarm", "arm"])("%s where the last layer's unit is softmax", (name) => {
    const spec = {
      inputs: 5,
      units: "zero-one",
      layers: [
        { kind: "bernoulli", units: 3 },
        { kind: "softmax", units: 1, choices: 4 },
      ],
    } as const;
    const problem = randomProblem(backend, spec, B, 7);
    const objective = knownRewardObjective(matrixOf(backend, B, numbers(5, B * 4)));
    expect(() => findEstimator(name)!.prepare({ ...problem, objective })).toThrow(
      `${name} needs Bernoulli units, and layers.1 is softmax`,
    );
  });

  test("two rewards of one name", () => {
    const same = sumOf(rewardObjective(backend.matrix(B, 1)), rewardObjective(backend.matrix(B, 1)));
    expect(() => findEstimator("reinforce")!.prepare(problemOf(() => same))).toThrow(
      'two components of the objective are called "reward"',
    );
  });

  test("two sets of parameters of one name", () => {
    const front = () => denseFrontEnd(backend, { inputs: 7, hidden: [], outputs: 1 });
    const objective = sumOf(
      ...["a", "b"].map((name) => nonlinearObjective(network, front(), square, { reads: 0, name })),
    );
    const problem = problemOf(() => objective);
    expect(() => new Learner(findEstimator("reinforce")!, problem, sgd({ learningRate: 1 }))).toThrow(
      'two sets of parameters are called "dense.0"',
    );
  });
});
