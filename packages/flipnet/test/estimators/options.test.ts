// Options are data on the estimator: what is accepted, what is said of the rest, and one syntax for all.
import { expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { labelOf } from "../../src/estimators/estimator.ts";
import { networkBaseline } from "../../src/estimators/network-baseline.ts";
import {
  count,
  counts,
  estimatorText,
  number,
  type Option,
  parseEstimatorText,
  perLayer,
  positive,
} from "../../src/estimators/options.ts";
import { createEstimator, estimators } from "../../src/estimators/registry.ts";
import { reinforceLoo } from "../../src/estimators/reinforce-loo.ts";
import { weightMax } from "../../src/estimators/weight-max.ts";
import { InputError } from "../../src/formats/errors.ts";
import { mixedNetwork, randomProblem } from "../helpers.ts";

test("an estimator is itself one with its defaults, and called one with others", () => {
  expect(reinforceLoo.options).toEqual({ samples: 2, resample: "partial" });
  expect(reinforceLoo({ samples: 4 }).options).toEqual({ samples: 4, resample: "partial" });
  expect(reinforceLoo({ samples: undefined }).options).toEqual(reinforceLoo.options);
  expect(labelOf(reinforceLoo({ samples: 4 }))).toBe("reinforce-loo:samples=4");
  expect(labelOf(reinforceLoo)).toBe("reinforce-loo");
});

test.each([
  ["reinforce-loo:samples=1", "samples of reinforce-loo is 1; expected a whole number from 2 on"],
  ["reinforce-loo:samples=2.5", "samples of reinforce-loo is 2.5; expected a whole number from 2 on"],
  ["disarm:samples=3", "samples of disarm is 3; expected a whole number from 2 on, a multiple of 2"],
  ["reinforce-loo:sample=3", 'sample is no option of reinforce-loo; did you mean "samples"?'],
  ["reinforce:samples=3", "samples is no option of reinforce; which takes none"],
  [
    "weight-max:lambda=0.5",
    'lambda of weight-max is 0.5, and counts only where hiddenRule is reward-penalty; it is "reinforce"',
  ],
  [
    "weight-max:penalty=analogue",
    'penalty of weight-max is "analogue", and counts only where hiddenRule is reward-penalty; it is "reinforce"',
  ],
  [
    "weight-max:normRate=0.5",
    'normRate of weight-max is 0.5, and counts only where normChange is exact; it is "approximate"',
  ],
  ["hcna", '"hcna" is no estimator; did you mean "hnca"?'],
  ["hnca:stopGradient", '"stopGradient" in "hnca:stopGradient" sets no option; expected OPTION=VALUE'],
  [
    "hnca:stopGradient=true:stopGradient=false",
    '"hnca:stopGradient=true:stopGradient=false" sets stopGradient twice; expected each option once',
  ],
])("%s: %s", (text, message) => {
  expect(() => createEstimator(parseEstimatorText(text))).toThrow(new InputError(message));
});

test("text and options are the same thing", () => {
  for (const text of [
    "hnca",
    "weight-max:hiddenRule=reward-penalty:lambda=0.1",
    "./a:b/mine.mjs:samples=3",
  ]) {
    expect(estimatorText(parseEstimatorText(text))).toBe(text);
  }
  expect(parseEstimatorText("weight-max:normChange=exact:normRate=0.5/0.25")).toEqual({
    name: "weight-max",
    normChange: "exact",
    normRate: [0.5, 0.25],
  });
  for (const kind of estimators) {
    for (const { name, ...options } of kind.variants) {
      const estimator = kind(options);
      expect(createEstimator(parseEstimatorText(labelOf(estimator))).options, name).toEqual(
        estimator.options,
      );
    }
  }
  expect(labelOf(weightMax({ norm: 2 }))).toBe("weight-max");
});

test("a baseline is refused where nothing would be subtracted", () => {
  const problem = randomProblem(createReferenceBackend(), mixedNetwork, 4, 1);
  for (const baseline of ["running-average", 0.5, networkBaseline()] as const) {
    expect(() => createEstimator({ name: "vargrad" }).prepare({ ...problem, baseline })).toThrow(
      /^the baseline is .*; expected none, as vargrad has no use for one$/,
    );
  }
  expect(() =>
    createEstimator({ name: "hnca" }).prepare({ ...problem, baseline: "running_average" as never }),
  ).toThrow('the baseline is "running_average"; expected none, running-average, a number or a rule');
  for (const baseline of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => createEstimator({ name: "hnca" }).prepare({ ...problem, baseline })).toThrow(
      `the baseline is ${baseline}; expected a finite number`,
    );
  }
  expect(() =>
    createEstimator({ name: "hnca" }).prepare({ ...problem, baseline: "running-average", baselineDecay: 99 }),
  ).toThrow("the baseline's decay is 99; expected a number from 0 on, below 1");
});

test("what options accept, at the edges", () => {
  const accepted = (option: Option, values: unknown[]) => values.filter((value) => option.accepts(value));
  const says = "";
  const whole = count({ least: 2, most: 8, step: 2, default: 2, says });
  expect(accepted(whole, [0, 1, 2, 3, 8, 10, 2.5, "2", null])).toEqual([2, 8]);
  const widths = counts({ expected: "", says });
  expect(accepted(widths, [[], [1, 2], [0], [1, 0], 3, "3", [1.5]])).toEqual([[1, 2]]);
  const share = number({ from: 0, to: 1, default: 0, says });
  expect(accepted(share, [-0.1, 0, 1, 1.1, Number.NaN, "0"])).toEqual([0, 1]);
  const decay = number({ from: 0, below: 1, default: 0, says });
  expect(accepted(decay, [0, 0.9, 1])).toEqual([0, 0.9]);
  expect(accepted(positive({ default: 1, says }), [0, 1e-9, Number.POSITIVE_INFINITY, true])).toEqual([1e-9]);
  const rate = perLayer({ default: undefined, says });
  const lists = [0, 1, [1, 2], [1, 0], [0, 1], [], [1, "2"], [Number.NaN, 1]];
  expect(accepted(rate, lists)).toEqual([1, [1, 2]]);
  expect(accepted(perLayer({ zero: true, default: 0, says }), [...lists, -1])).toEqual([
    0,
    1,
    [1, 2],
    [1, 0],
    [0, 1],
  ]);
});
