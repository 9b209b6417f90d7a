// Hidden layers as people say them.
import { expect, test } from "vitest";
import { type HiddenLayer, hiddenName, parseHidden, withOutput } from "../../src/network/hidden.ts";

test.each<[string, HiddenLayer | undefined]>([
  ["200", { units: 200 }],
  ["softmax:20x10", { units: 20, choices: 10 }],
  ["softmax:1x2", { units: 1, choices: 2 }],
  ["100@input+0", { units: 100, parents: ["input", 0] }],
  ["softmax:3x4@12", { units: 3, choices: 4, parents: [12] }],
  ["softmax:20x1", undefined],
  ["softmax:20x0", undefined],
  ["0", undefined],
  ["020", undefined],
  ["softmax:20", undefined],
  ["20x10", undefined],
  ["100@", undefined],
  ["100@imput", undefined],
  ["100@0+x", undefined],
  ["100@-1", undefined],
  ["", undefined],
])("%j", (text, layer) => {
  expect(parseHidden(text)).toEqual(layer);
});

test("the name of a layer says all of it", () => {
  expect(hiddenName(200)).toBe("200");
  expect(hiddenName({ units: 20, choices: 10 })).toBe("20x10");
  expect(hiddenName({ units: 20, choices: 10, parents: ["input", 0] })).toBe("20x10@input+0");
});

test("the output reads every layer that feeds no other, and the last one alone where that is all", () => {
  const output = { kind: "softmax", units: 1, choices: 3 } as const;
  expect(withOutput([4, 5], output)).toEqual([
    { kind: "bernoulli", units: 4 },
    { kind: "bernoulli", units: 5 },
    output,
  ]);
  expect(withOutput([4, { units: 5, parents: ["input"] }], output)[2]).toEqual({
    ...output,
    parents: [0, 1],
  });
  expect(withOutput([4, { units: 5, parents: ["input", 0] }], output)[2]).toEqual(output);
  expect(withOutput([], output)).toEqual([output]);
  expect(withOutput([], output, true)).toEqual([output]);
  expect(withOutput([4, 5], output, true)[2]).toEqual({ ...output, parents: ["input", 1] });
});
