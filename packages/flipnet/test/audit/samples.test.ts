// Any number of samples: unbiased, and better the more there are.
import { describe, expect, it } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { smallElbo } from "./small.ts";

const backend = createReferenceBackend();

const sampled = ["reinforce-loo", "reinforce-loo-fresh", "vargrad"];
const withSamples = (name: string, K: number) => {
  const [, base, form] = /^(.*?)(-fresh)?$/.exec(name)!;
  return `${base}:samples=${K}${form ? ":resample=fresh" : ""}`;
};

describe.each([false, true])("softmax units: %s", (softmax) => {
  it.each(sampled)("%s", (name) => {
    const asked = [2, 3, 4].map((K) => withSamples(name, K));
    const { estimators } = audit(smallElbo(softmax), { estimators: asked, backend, maximumStates: 2 ** 20 });
    const variances = asked.map((one) => {
      expect(estimators[one].bias, one).toBeLessThan(1e-13);
      return estimators[one].meanVariance;
    });
    expect(variances[1]).toBeLessThan(variances[0]);
    expect(variances[2]).toBeLessThan(variances[1]);
  });
});

it.each(["disarm", "arm"])("%s: of two pairs half the variance that is not the images'", (name) => {
  const asked = [2, 4].map((K) => `${name}:samples=${K}`);
  const one = audit({ ...smallElbo(), images: [[1, 0, 1]] }, { estimators: asked, maximumStates: 2 ** 21 });
  const [two, four] = asked.map((each) => one.estimators[each]);
  expect(four.bias).toBeLessThan(1e-13);
  const last = two.variance.length - 1;
  // The top layer's parents differ from state to state, and are the same for both pairs.
  two.variance[0].flat().forEach((variance, e) => {
    expect(four.variance[0].flat()[e]).toBeCloseTo(variance / 2, 12);
  });
  expect(four.variance[last].flat()[0]).toBeLessThan(two.variance[last].flat()[0]);
});
