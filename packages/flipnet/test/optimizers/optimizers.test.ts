import { expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createNetwork, initialiseWeights } from "../../src/network/network.ts";
import { adam } from "../../src/optimizers/adam.ts";
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
  [Number.NaN, /the learning rate is NaN; expected a positive number/],
  [0, /the learning rate is 0/],
  [[0.1, 0.2], /2 learning rates for 4 layers/],
])("a learning rate of %s is refused", (learningRate, message) => {
  const { network } = prepared();
  for (const factory of [adam, sgd])
    expect(() => factory({ learningRate })(backend, network.layers)).toThrow(message);
});
