import { expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createNetwork, initialiseWeights } from "../../src/network/network.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { withL2 } from "../../src/optimizers/l2.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { mixedNetwork, numbers } from "../helpers.ts";

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
