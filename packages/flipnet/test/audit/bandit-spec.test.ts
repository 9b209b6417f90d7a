import { describe, expect, it } from "vitest";
import { parseBanditSpec } from "../../src/audit/bandit-spec.ts";
import { InputError } from "../../src/formats/errors.ts";

/** Two hidden units, two actions, two contexts. */
const good = () => ({
  units: "zero-one",
  layers: [
    {
      weights: [
        [1, 2],
        [3, 4],
      ],
      bias: [5, 6],
    },
    {
      weights: [
        [1, -1],
        [2, -2],
      ],
      bias: [0, 0],
    },
  ],
  contexts: [
    [0, 1],
    [1, 1],
  ],
  reward: [
    [1, 0],
    [0, { values: [1, -1], probabilities: [0.25, 0.75] }],
  ],
});

/** Replaces the value at a path in the good spec. */
function withValue(path: (string | number)[], value: unknown): unknown {
  const spec: unknown = good();
  let at = spec as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  at[path[path.length - 1]] = value;
  return spec;
}

function messageOf(spec: unknown): string {
  try {
    parseBanditSpec(spec);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as Error).message;
  }
  return expect.fail("the spec was accepted");
}

describe("a bandit spec", () => {
  it("gets its defaults", () => {
    const bandit = parseBanditSpec(good());
    expect(bandit.network).toEqual({
      inputs: 2,
      inputKind: "bits",
      units: "zero-one",
      layers: [
        { kind: "bernoulli", units: 2 },
        { kind: "softmax", units: 1, choices: 2 },
      ],
    });
    expect(bandit.baseline).toBeUndefined();
    expect(bandit.rewards[1]).toEqual([
      { values: [0], probabilities: [1] },
      { values: [1, -1], probabilities: [0.25, 0.75] },
    ]);
  });

  it("has real inputs where a context is not all bits", () => {
    expect(parseBanditSpec(withValue(["contexts", 1, 0], -1)).network.inputKind).toBe("real");
  });

  it.each<[(string | number)[], unknown, string]>([
    [["units"], "one", 'units is "one"; expected "zero-one" or "plus-minus"'],
    [["units"], undefined, 'units is missing; expected "zero-one" or "plus-minus"'],
    [["reward", 0, 1], "1", 'reward[0][1] is "1"; expected a finite number'],
    [["unit"], "zero-one", 'the spec has an unknown key "unit"; did you mean "units"?'],
    [["layers", 0, "wieghts"], [], 'layers[0] has an unknown key "wieghts"; did you mean "weights"?'],
    [
      ["xyz"],
      1,
      'the spec has an unknown key "xyz"; expected one of units, layers, contexts, reward, baseline, actions, floor, allowed',
    ],
    [["layers"], [], "layers is []; expected an array with at least one entry"],
    [["layers", 0], 7, "layers[0] is 7; expected an object with weights, bias, kind, choices, parents"],
    [["layers", 0, "weights", 1, 0], "3", 'layers[0].weights[1][0] is "3"; expected a finite number'],
    [
      ["layers", 0, "bias", 1],
      Number.POSITIVE_INFINITY,
      "layers[0].bias[1] is Infinity; expected a finite number",
    ],
    [["layers", 0, "bias"], [1], "layers[0].bias has 1 entries; expected 2, one for each row of weights"],
    [["layers", 1, "weights", 1], [1], "layers[1].weights[1] has 1 entries; expected 2, one for each input"],
    [
      ["layers", 1, "parents"],
      ["input", 0],
      "layers[1].weights[0] has 2 entries; expected 4, one for each input",
    ],
    [
      ["layers", 1, "parents"],
      [1],
      'layer 1 has the parent 1; expected "input" or an earlier layer\'s number, from 0 on',
    ],
    [["layers", 1, "parents"], ["input"], "layer 0 feeds no other layer; only the last layer may"],
    [["layers", 1, "kind"], "soft", 'layers[1].kind is "soft"; expected "bernoulli" or "softmax"'],
    [
      ["layers", 1, "kind"],
      "bernoulli",
      "the last layer has 2 units; expected one, whose choice is the action",
    ],
    [
      ["layers", 0, "kind"],
      "softmax",
      "layers[0].choices is missing; expected a whole number of at least 2, as the layer is softmax",
    ],
    [["layers", 1, "choices"], 3, "layers[1].weights has 2 rows; expected 3 for each softmax unit"],
    [
      ["layers", 0, "choices"],
      2,
      "layers[0] is bernoulli and has layers[0].choices; only softmax layers have choices",
    ],
    [["contexts", 1], [1], "contexts[1] has 1 entries; expected 2, as the first context has"],
    [["contexts", 1], null, "contexts[1] is null; expected an array with at least one entry"],
    [["reward"], [[1, 0]], "reward has 1 entries; expected 2, one for each context"],
    [["reward", 0], [1, 0, 1], "reward[0] has 3 entries; expected 2, one for each action"],
    [["reward", 0, 1], null, "reward[0][1] is null; expected an object with values, probabilities"],
    [
      ["reward", 1, 1, "probabilities"],
      [1],
      "reward[1][1].probabilities has 1 entries; expected 2, one for each value",
    ],
    [
      ["reward", 1, 1, "probabilities"],
      [0.5, 0.6],
      "reward[1][1].probabilities is [0.5,0.6]; expected numbers of at least 0 that sum to 1",
    ],
    [
      ["reward", 1, 1, "probabilities"],
      [-0.5, 1.5],
      "reward[1][1].probabilities is [-0.5,1.5]; expected numbers of at least 0 that sum to 1",
    ],
    [["baseline"], "running-average", 'baseline is "running-average"; expected a finite number'],
  ])("with %j = %j is refused", (path, value, message) => {
    expect(messageOf(withValue(path, value))).toBe(message);
  });

  it.each([undefined, null, 3, "spec", [good()]])("is not %j", (value) => {
    expect(messageOf(value)).toMatch(
      /^the spec is .*; expected an object with units, layers, contexts, reward/,
    );
  });
});
