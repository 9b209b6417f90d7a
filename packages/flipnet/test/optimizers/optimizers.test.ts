import { expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createNetwork, initialiseWeights } from "../../src/network/network.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { withL2 } from "../../src/optimizers/l2.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { matrixOf, mixedNetwork, numbers } from "../helpers.ts";

const backend = createReferenceBackend();

function prepared() {
  const network = createNetwork(backend, mixedNetwork);
  initialiseWeights(backend, network.layers, 1);
  const gradients = network.layers.map(({ block }, i) => {
    const gradient = backend.matrix(1, block.columns);
    backend.write(gradient, numbers(i, block.columns));
    return gradient;
  });
  const read = () => network.layers.map(({ block }) => backend.readNow(block));
  return { network, gradients, read };
}

test("sgd goes uphill, each layer at its own rate", () => {
  const { network, gradients, read } = prepared();
  const before = read();
  sgd({ learningRate: [0.1, 0.2, 0.3, 0.4] })(backend, network.layers).step(gradients, 1);
  read().forEach((block, layer) => {
    const g = backend.readNow(gradients[layer]);
    block.forEach((w, e) => {
      expect(w).toBeCloseTo(before[layer][e] + 0.1 * (layer + 1) * g[e], 14);
    });
  });
});

test.each([false, true])("adam follows the paper's algorithm, uphill (frozen: %s)", (frozen) => {
  const { network, gradients, read } = prepared();
  const optimizer = adam({ learningRate: 0.01, beta1: 0.8, beta2: 0.9, epsilon: 0.05, frozen })(
    backend,
    network.layers,
  );
  const start = read()[0][3];
  const g = backend.readNow(gradients[0])[3];
  let [m, v, w] = [0, 0, start];
  for (let t = 1; t <= 5; t++) {
    optimizer.step(gradients, t);
    m = 0.8 * m + 0.2 * g;
    v = 0.9 * v + 0.1 * g * g;
    const counted = frozen ? 1 : t;
    // Epsilon is outside the root.
    w += (0.01 * (m / (1 - 0.8 ** counted))) / (Math.sqrt(v / (1 - 0.9 ** counted)) + 0.05);
    expect(read()[0][3]).toBeCloseTo(w, 14);
  }
});

/** How far each of some parameters moves by SGD, for a gradient of ones: its rate. */
function rates(learningRate: Parameters<typeof sgd>[0]["learningRate"], own: Record<string, number> = {}) {
  const names = ["layers.0", "layers.1", "layers.10", "prior", "estimator.baseline.0"];
  const parameters = names.map((name) => ({
    name,
    width: 1,
    block: backend.matrix(1, 2),
    ...(name in own && { rate: own[name] }),
  }));
  const gradients = parameters.map(() => matrixOf(backend, 1, [1, 1]));
  sgd({ learningRate })(backend, parameters as never).step(gradients, 1);
  return parameters.map(({ block }) => backend.readNow(block)[0]);
}

test("rates by name: the longest name that a parameter begins with, part by part, or else the default", () => {
  expect(rates({ default: 1, "layers.1": 2, layers: 3, estimator: 5 })).toEqual([3, 2, 3, 1, 5]);
  // Parameters that come with a rate keep it, unless they are called by name; and are in no list.
  const own = { "estimator.baseline.0": 7 };
  expect(rates({ default: 1 }, own)).toEqual([1, 1, 1, 1, 7]);
  expect(rates({ default: 1, estimator: 2 }, own)).toEqual([1, 1, 1, 1, 2]);
  expect(rates(0.5, own)).toEqual([0.5, 0.5, 0.5, 0.5, 7]);
  expect(rates([1, 2, 3, 4], own)).toEqual([1, 2, 3, 4, 7]);
  expect(() => rates([1, 2, 3, 4])).toThrow("there are 4 learning rates for 5 layers; expected one");
});

test.each<[unknown, string]>([
  [
    { default: 1, layer: 2 },
    'there is a learning rate for "layer"; expected default, or of layers.0, layers.1',
  ],
  [{ default: 1, toString: 2 }, 'there is a learning rate for "toString"'],
  [{ layers: 1 }, "learningRate of sgd is {"],
  [{ default: 1, layers: "2" }, "learningRate of sgd is {"],
  [{ default: 1, layers: 0 }, "learningRate of sgd is {"],
  [{ default: 1, layers: [2] }, "learningRate of sgd is {"],
  [null, "learningRate of sgd is null"],
  [[1, 2, "3", 4, 5], "learningRate of sgd is ["],
  [undefined, "sgd has no learningRate; expected a positive number"],
])("a learning rate %o is refused", (learningRate, message) => {
  expect(() => rates(learningRate as never)).toThrow(message);
});

test("L2 is subtracted from the gradient of the weights, 2 beta W, layer by layer, whatever gradients are given", () => {
  const { network, gradients, read } = prepared();
  for (const { bias } of network.layers) backend.fill(bias, 0.75);
  const own = { name: "estimator.baseline.0", width: 1, block: matrixOf(backend, 1, [5, 5]), rate: 1 };
  const betas = [0.25, 0, 0.5, 1];
  const parameters = [network.layers[0], own, ...network.layers.slice(1)];
  const optimizer = withL2(sgd({ learningRate: 1 }), betas)(backend, parameters as never);
  const others = gradients.map((_, i) =>
    matrixOf(backend, 1, numbers(20 + i, network.layers[i].block.columns)),
  );
  for (const given of [gradients, others]) {
    const before = read();
    const slopes = given.map((m) => backend.readNow(m));
    const ofOwn = matrixOf(backend, 1, [0, 0]);
    optimizer.step([given[0], ofOwn, ...given.slice(1)], 1);
    read().forEach((block, l) => {
      const weights = block.length - network.layers[l].width;
      block.forEach((w, e) => {
        const penalty = e < weights ? 2 * betas[l] * before[l][e] : 0;
        expect(w).toBeCloseTo(before[l][e] + slopes[l][e] - penalty, 13);
      });
    });
    expect([...backend.readNow(own.block)]).toEqual([5, 5]);
  }
});

test.each<[number | number[], string]>([
  [[0, 1], "there are 2 L2 weights for 4 layers; expected one, or one a layer"],
  [-1, "the L2 weight is -1; expected a number from 0 on"],
  [[0, 0, Number.POSITIVE_INFINITY, 0], "the L2 weight is Infinity"],
])("an L2 weight of %s is refused", (l2, message) => {
  const { network } = prepared();
  expect(() => withL2(sgd({ learningRate: 1 }), l2)(backend, network.layers)).toThrow(message);
});

test.each([
  [Number.NaN, /learningRate of (adam|sgd) is NaN; expected a positive number, or a list/],
  [0, /learningRate of (adam|sgd) is 0/],
  [[0.1, 0.2], /2 learning rates for 4 layers/],
])("a learning rate of %s is refused", (learningRate, message) => {
  const { network } = prepared();
  for (const factory of [adam, sgd])
    expect(() => factory({ learningRate })(backend, network.layers)).toThrow(message);
});

test.each([
  [{ beta2: 1.5 }, "beta2 of adam is 1.5; expected a number from 0 on, below 1"],
  [{ beta1: 1 }, "beta1 of adam is 1; expected a number from 0 on, below 1"],
  [{ epsilon: 0 }, "epsilon of adam is 0; expected a positive number"],
  [{ beta: 0.9 }, 'beta is no option of adam; did you mean "beta1"?'],
])("Adam refuses %o", (settings, message) => {
  expect(() => adam({ learningRate: 0.1, ...settings })).toThrow(message);
});

test("an optimizer says which it is, with all of its settings", () => {
  const { network } = prepared();
  expect(withL2(adam({ learningRate: 0.1 }), [0, 0, 0, 1])(backend, network.layers).description).toEqual({
    name: "adam",
    learningRate: [0.1, 0.1, 0.1, 0.1],
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    frozen: false,
    l2: [0, 0, 0, 1],
  });
});

test("rates move to their ends in so many steps, and stay there; those of parameters of their own go along", () => {
  const { network, gradients, read } = prepared();
  const before = read();
  const parts = network.layers.map((layer, i) => (i === 3 ? { ...layer, rate: 0.5, rateEnd: 0.1 } : layer));
  const optimizer = sgd({ learningRate: 0.1, learningRateEnd: [0.2, 0.3, 0.1], learningRateSteps: 4 })(
    backend,
    parts,
  );
  for (let step = 1; step <= 6; step++) optimizer.step(gradients, step);
  // A quarter of the way after the first step, all of it from the fourth on.
  const ways = 0.25 + 0.5 + 0.75 + 3;
  const sums = [0.1, 0.2, 0, -0.4].map((change, i) => 6 * (i === 3 ? 0.5 : 0.1) + ways * change);
  read().forEach((block, layer) => {
    const g = backend.readNow(gradients[layer]);
    block.forEach((w, e) => {
      expect(w).toBeCloseTo(before[layer][e] + sums[layer] * g[e], 13);
    });
  });
  expect(() => adam({ learningRate: 0.1, learningRateEnd: 0.01 })).toThrow(
    "adam has a learningRateEnd and no learningRateSteps; expected a whole number from 1 on",
  );
});

test("some parameters can move before others", () => {
  for (const make of [sgd({ learningRate: 0.1 }), withL2(adam({ learningRate: 0.1 }), 0.01)]) {
    const [whole, parted] = [prepared(), prepared()];
    make(backend, whole.network.layers).step(whole.gradients, 1);
    const optimizer = make(backend, parted.network.layers);
    for (const [from, to] of [
      [3, 4],
      [0, 3],
    ]) {
      optimizer.step(parted.gradients, 1, from, to);
    }
    expect(parted.read()).toEqual(whole.read());
  }
});
