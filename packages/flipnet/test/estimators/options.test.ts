// Options are data on the estimator: what is accepted, what is said of the rest, and one syntax for all.
import { expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { labelOf } from "../../src/estimators/estimator.ts";
import { networkBaseline } from "../../src/estimators/network-baseline.ts";
import { estimatorText, parseEstimatorText } from "../../src/estimators/options.ts";
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
  expect(() =>
    createEstimator({ name: "hnca" }).prepare({ ...problem, baseline: "running-average", baselineDecay: 99 }),
  ).toThrow("the baseline's decay is 99; expected a number from 0 on, below 1");
});
