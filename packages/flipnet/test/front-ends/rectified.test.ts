// Layers of leaky rectifiers in front of stochastic ones, and what reads them linearly.
import { expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import type { FrontEnd } from "../../src/front-ends/front-end.ts";
import { isCentre, readOut, rectifiedFrontEnd } from "../../src/front-ends/rectified.ts";
import { matrixOf, numbers } from "../helpers.ts";

const backend = createReferenceBackend();
const B = 6;

/** A pass on random numbers, its credit, and the value that the credit is the gradient of: `mean_b g . output`. */
function random(front: FrontEnd) {
  front.parameters.forEach(({ block }, i) => {
    backend.write(block, numbers(i, block.columns, -1.5, 1.5));
  });
  const input = matrixOf(backend, B, numbers(20, B * front.inputs));
  const pass = front.prepare(input);
  const g = numbers(21, B * front.outputs);
  const value = () => {
    pass.forward();
    return backend.readNow(pass.output).reduce((sum, y, e) => sum + y * g[e], 0) / B;
  };
  return { input, pass, value, credit: matrixOf(backend, B, g) };
}

const withOutputs = (front: FrontEnd, width: number): FrontEnd =>
  readOut(backend, front, {
    name: "out",
    block: backend.matrix(1, (front.outputs + 1) * width),
    width,
  });

test.each([
  ["two layers", rectifiedFrontEnd(backend, { inputs: 3, widths: [5, 4] })],
  [
    "centred, another slope",
    rectifiedFrontEnd(backend, { inputs: 3, widths: [4], centred: true, slope: 0.1 }),
  ],
  ["centred alone", rectifiedFrontEnd(backend, { inputs: 3, widths: [], centred: true })],
  ["with outputs", withOutputs(rectifiedFrontEnd(backend, { inputs: 3, widths: [5, 4] }), 2)],
])("%s: gradients are the slopes of what the credit climbs, by parameters and inputs", (_, front) => {
  const { input, pass, value, credit } = random(front);
  const inputCredit = backend.matrix(B, front.inputs);
  value();
  pass.backward(credit, inputCredit);
  const slopes = [
    ...front.parameters.map((one, i) => ({ at: one.block, found: pass.gradients[i], still: isCentre(one) })),
    { at: input, found: inputCredit, still: false },
  ];
  for (const { at, found, still } of slopes) {
    const [now, gradient] = [at, found].map((m) => backend.readNow(m));
    const each = at === input ? 1 / B : 1;
    now.forEach((w, e) => {
      const [up, down] = [1e-5, -1e-5].map((step) => {
        backend.write(at, [w + step], e);
        return value();
      });
      backend.write(at, [w], e);
      if (still) expect(gradient[e]).toBe(0);
      else expect(each * gradient[e]).toBeCloseTo((up - down) / 2e-5, 8);
    });
  }
});

test("its units are max(l, 0.3 l) of what is left after centring", () => {
  const front = rectifiedFrontEnd(backend, { inputs: 1, widths: [1], centred: true, name: "front" });
  expect(front.parameters.map(({ name, rate }) => [name, rate])).toEqual([
    ["front.centre", 0],
    ["front.0", undefined],
  ]);
  backend.write(front.parameters[0].block, [2]);
  backend.write(front.parameters[1].block, [3, 1]);
  const pass = front.prepare(matrixOf(backend, 2, [4, 1]));
  pass.forward();
  const [on, off] = backend.readNow(pass.output);
  expect(on).toBe(7);
  expect(off).toBeCloseTo(-0.6, 15);
});

test("shapes that cannot be are refused in one sentence", () => {
  const make = (options: object) => () => rectifiedFrontEnd(backend, { inputs: 3, widths: [4], ...options });
  expect(make({ widths: [4, 0] })).toThrow(
    "the front end has a width of 0; expected whole numbers of at least 1",
  );
  expect(make({ widths: [] })).toThrow(
    "the front end has no layers and does not centre; expected one or the other",
  );
  expect(make({ slope: 1 })).toThrow("the rectifiers' slope is 1; expected a number from 0 on, below 1");
  expect(make({ width: 3 })).toThrow(/width/);
});
