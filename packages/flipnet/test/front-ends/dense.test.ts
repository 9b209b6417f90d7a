// Fully connected layers in front of stochastic ones.
import { expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { type DenseOptions, denseFrontEnd } from "../../src/front-ends/dense.ts";
import { matrixOf, numbers } from "../helpers.ts";

const reference = createReferenceBackend();
const shape = { inputs: 3, hidden: [5, 4], outputs: 2 };
const B = 6;

/** A pass on random numbers, its credit, and the value that the credit is the gradient of: `mean_b g . output`. */
function random(backend: typeof reference, options: DenseOptions = shape) {
  const front = denseFrontEnd(backend, options);
  front.parameters.forEach(({ block }, i) => {
    backend.write(block, numbers(i, block.columns, -1.5, 1.5));
  });
  const pass = front.prepare(matrixOf(backend, B, numbers(20, B * options.inputs)));
  const g = numbers(21, B * options.outputs);
  const value = () => {
    pass.forward();
    return backend.readNow(pass.output).reduce((sum, y, e) => sum + y * g[e], 0) / B;
  };
  return { front, pass, value, credit: matrixOf(backend, B, g) };
}

test.each(["tanh", "softplus"] as const)(
  "its gradients are the slopes of what the credit climbs, %s",
  (activation) => {
    const { front, pass, value, credit } = random(reference, { ...shape, activation });
    value();
    pass.backward(credit);
    front.parameters.forEach(({ block }, i) => {
      const [now, gradient] = [block, pass.gradients[i]].map((m) => reference.readNow(m));
      now.forEach((w, e) => {
        const [up, down] = [1e-5, -1e-5].map((step) => {
          reference.write(block, [w + step], e);
          return value();
        });
        reference.write(block, [w], e);
        expect(gradient[e]).toBeCloseTo((up - down) / 2e-5, 8);
      });
    });
  },
);

test("the kernels do the same", async () => {
  const [exact, found] = [reference, await createWasmBackend()].map((backend) => {
    const { pass, value, credit } = random(backend);
    value();
    pass.backward(credit);
    return [pass.output, ...pass.gradients].flatMap((m) => [...backend.readNow(m)]);
  });
  found.forEach((x, i) => {
    expect(x).toBeCloseTo(exact[i], 5);
  });
});

test("a width that cannot be is refused", () => {
  expect(() => denseFrontEnd(reference, { ...shape, hidden: [2.5] })).toThrow(
    /a width of 2.5; expected whole/,
  );
});

test("softplus is ln(1 + e^l)", () => {
  const front = denseFrontEnd(reference, { inputs: 1, hidden: [1], outputs: 1, activation: "softplus" });
  for (const { block } of front.parameters) reference.write(block, [1, 0]);
  const pass = front.prepare(matrixOf(reference, 3, [-40, 0, 40]));
  pass.forward();
  const [low, middle, high] = reference.readNow(pass.output);
  expect(low).toBeCloseTo(Math.exp(-40), 30);
  expect(middle).toBeCloseTo(Math.LN2, 15);
  expect(high).toBe(40);
});
