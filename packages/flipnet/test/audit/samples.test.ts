// Any number of samples: unbiased, and better the more there are.
import { describe, expect, it } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { fHnca } from "../../src/estimators/f-hnca.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import { smallElbo, smallFunction } from "./small.ts";

const backend = createReferenceBackend();

const sampled = ["reinforce-loo", "reinforce-loo-fresh", "vargrad"];
const withSamples = (name: string, K: number) => {
  const [, base, form] = /^(.*?)(-fresh)?$/.exec(name)!;
  return `${base}:samples=${K}${form ? ":resample=fresh" : ""}`;
};

describe.each([false, true])("softmax units: %s", (softmax) => {
  it.each(sampled)("%s", (name) => {
    // Four of five softmax units or of passes from every layer on have a million states, and say no more than three.
    const most = name === "reinforce-loo" && !softmax ? [2, 3, 4] : [2, 3];
    const asked = most.map((K) => withSamples(name, K));
    const { estimators } = audit(smallElbo(softmax), { estimators: asked, backend, maximumStates: 2 ** 20 });
    const variances = asked.map((one) => {
      expect(estimators[one].bias, one).toBeLessThan(1e-13);
      return estimators[one].meanVariance;
    });
    variances.slice(1).forEach((variance, i) => {
      expect(variance).toBeLessThan(variances[i]);
    });
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

describe("f-HNCA of K samples", () => {
  it("is unbiased, each sample's baseline being the others'", () => {
    const asked = [1, 2, 3].map((K) => `f-hnca:samples=${K}`);
    const { estimators } = audit({ ...smallElbo(), images: [[1, 0, 1]] }, { estimators: asked });
    for (const one of asked) expect(estimators[one].bias, one).toBeLessThan(1e-13);
    // More than the mean of two: the baseline is the other sample's signal.
    const [one, two, three] = asked.map((each) => estimators[each].meanVariance);
    expect(three).toBeLessThan(two);
    expect(two).toBeLessThan(one / 2);
  });

  it.each(["zero-one", "plus-minus"] as const)("on a function of units %s, softmax units too", (units) => {
    for (const softmax of [false, true]) {
      const spec = { ...smallFunction(units, softmax), contexts: [[1, 0, 1]] };
      const { estimators } = audit(spec, { estimators: ["f-hnca:samples=2"] });
      expect(estimators["f-hnca:samples=2"].bias).toBeLessThan(1e-13);
    }
  });

  it("at one layer is the mean of K: no signal is left", () => {
    const { encoder, decoder } = smallElbo();
    const spec = { encoder: [encoder[0]], decoder: [decoder[1]], prior: [0.3, -1], images: [[1, 0, 1]] };
    const { estimators } = audit(spec, { estimators: ["f-hnca", "f-hnca:samples=3"] });
    estimators["f-hnca"].variance.flat(2).forEach((variance, e) => {
      expect(estimators["f-hnca:samples=3"].variance.flat(2)[e]).toBeCloseTo(variance / 3, 12);
    });
  });

  it("HNCA's, where the reward of every action is known", () => {
    const spec = {
      ...smallFunction("plus-minus", true),
      components: [
        {
          name: "reward",
          reads: [1],
          values: [
            [1, 0, 3],
            [0, 2, 1],
          ],
        },
      ],
    };
    // A task with rewards that are all known offers functions; HNCA asks for the last layer's.
    const [one, two] = [1, 2].map((samples) => ({
      ...hnca({ samples }),
      name: `hnca ${samples}`,
      needs: fHnca.needs,
    }));
    const { estimators } = audit(spec, { estimators: [one, two] });
    const [first, second] = Object.values(estimators);
    expect(second.bias).toBeLessThan(1e-13);
    expect(second.meanVariance).toBeLessThan(first.meanVariance);
  });

  it("says what does not fit", () => {
    const text = "f-hnca:samples=2";
    expect(() => audit({ ...smallElbo(), baseline: 1 }, { estimators: [text] })).toThrow(
      "a baseline was asked for, and the samples of f-hnca are 2; expected none, as they are each other's",
    );
    const { layers, contexts } = smallFunction("zero-one", true);
    const reward = contexts.map(() => [1, 0, 0]);
    const bandit = { units: "zero-one" as const, layers, contexts, reward };
    expect(() => audit(bandit, { estimators: ["hnca:samples=2"] })).toThrow(
      '"reward" was observed on one sample; hnca needs a function that can be evaluated on others',
    );
  });
});
