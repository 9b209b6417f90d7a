// A baseline is of the past: whatever it saw in one step, the next one is unbiased.
import { describe, expect, it } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import type { BanditSpec } from "../../src/audit/bandit-spec.ts";
import { formatAudit } from "../../src/audit/format.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import type { Baseline } from "../../src/estimators/baseline.ts";
import type { Estimator } from "../../src/estimators/estimator.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import { networkBaseline } from "../../src/estimators/network-baseline.ts";
import { reinforce } from "../../src/estimators/reinforce.ts";
import { InputError } from "../../src/formats/errors.ts";
import { goldenElbo, goldenSpec } from "./golden.ts";

const backend = createReferenceBackend();
const steps = 2;

const bandit: BanditSpec = {
  units: "plus-minus",
  layers: [
    {
      weights: [
        [0.8, -1.2],
        [1.5, 0.3],
      ],
      bias: [0.1, -0.2],
    },
    {
      weights: [
        [1.1, -0.7],
        [-0.4, 1.3],
      ],
      bias: [0, 0.1],
    },
  ],
  contexts: [
    [0, 1],
    [1, 1],
  ],
  reward: [
    [1, 0],
    [0, { values: [0, 2], probabilities: [0.5, 0.5] }],
  ],
};

/** The baseline moves before it is subtracted: it is of this step too. */
const early = (estimator: Estimator): Estimator => ({
  ...estimator,
  name: "early",
  prepare(problem) {
    const prepared = estimator.prepare(problem);
    return {
      ...prepared,
      credit() {
        prepared.credit();
        prepared.adapt!();
        prepared.credit();
      },
      adapt() {},
    };
  },
});

const baselines: [string, Baseline][] = [
  ["a running average", "running-average"],
  ["a network", networkBaseline({ hidden: [3] })],
  ["a linear map", networkBaseline({ hidden: [] })],
];

describe.each(baselines)("%s", (_, baseline) => {
  it("is unbiased in the step after", () => {
    const found = audit(bandit, { backend, estimators: ["reinforce", "hnca"], baseline, steps }).estimators;
    for (const name of ["reinforce", "hnca"]) {
      expect(found[name].bias, name).toBeLessThan(1e-13);
      expect(found[name].nextBias, name).toBeLessThan(1e-13);
    }
    const elbo = audit(goldenElbo("elbo-1-layer"), { backend, estimators: ["f-hnca"], baseline, steps });
    expect(elbo.estimators["f-hnca"].nextBias).toBeLessThan(1e-12);
  });
});

it("a baseline that is moved before it is subtracted is found out", () => {
  const asked = { backend, baseline: "running-average", steps } as const;
  const { nextBias, bias } = audit(bandit, { ...asked, estimators: [early(hnca)] }).estimators.early;
  expect(nextBias).toBeGreaterThan(1e-4);
  // All outcomes stand side by side in one batch there, and their mean is a constant.
  expect(bias).toBeLessThan(1e-13);
  const elbo = audit(goldenElbo("elbo-1-layer"), { ...asked, estimators: [early(reinforce)] });
  expect(elbo.estimators.early.nextBias).toBeGreaterThan(1e-3);
});

it("an audit leaves a baseline that learns where it was", () => {
  const baseline = networkBaseline({ hidden: [2] });
  const options = { backend, baseline, estimators: ["hnca"] };
  const [before] = [audit(bandit, options), audit(bandit, { ...options, steps })];
  expect(audit(bandit, options)).toEqual(before);
});

it("what remembers nothing does the same again, and the table says so", () => {
  const report = audit(bandit, { estimators: ["hnca"], steps });
  expect(report.estimators.hnca.nextBias).toBe(report.estimators.hnca.bias);
  expect(formatAudit(report)).toMatch(
    /^estimator +bias +mean variance +of reinforce +bias of step 2 +method\n/,
  );
});

it("two steps have the square of one's states", () => {
  expect(() =>
    audit(goldenSpec("zero-one-2-hidden"), {
      estimators: ["hnca"],
      baseline: "running-average",
      steps,
      maximumStates: 10_000,
    }),
  ).toThrow(/^the estimator hnca has [\d,]+ states to enumerate; expected at most 10,000$/);
  expect(() => audit(bandit, { steps: 3 as 2 })).toThrow(new InputError("the steps are 3; expected 1 or 2"));
});
