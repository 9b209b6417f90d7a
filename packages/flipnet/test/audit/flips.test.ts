// Estimators that flip one unit, or move one to its next choice: unbiased, and what they are in special cases.
import { describe, expect, it } from "vitest";
import { audit, type FunctionReport } from "../../src/audit/audit.ts";
import { type FunctionSpec, parseFunctionSpec } from "../../src/audit/function-spec.ts";
import { functionSubject } from "../../src/audit/function-subject.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { parseEstimatorText } from "../../src/estimators/options.ts";
import { createEstimator } from "../../src/estimators/registry.ts";
import { GeneratedDraws } from "../../src/network/draws.ts";
import { numbers } from "../helpers.ts";
import { flat } from "./compare.ts";
import { smallFunction } from "./small.ts";

const backend = createReferenceBackend();
const codings = ["zero-one", "plus-minus"] as const;

/** Credits on eight draws, the same for all estimators whose sites are alike; [unit] of each row in turn. */
function credits(spec: FunctionSpec, text: string): number[][] {
  const subject = functionSubject(backend, parseFunctionSpec(spec));
  const draws = new GeneratedDraws(backend, 3);
  draws.startStep(1);
  const choose = () => Int32Array.from({ length: 8 }, () => 0);
  const estimator = createEstimator(parseEstimatorText(text));
  const trial = subject.prepare(estimator, { choose, draw: draws.draw.bind(draws) }, 8);
  trial.run();
  return trial.prepared.credits.map(({ g }) => [...backend.readNow(g)].map((one) => one + 0)); // -0 is 0
}

/** Four coins, the last two of which are all but decided. */
const fourCoins: FunctionSpec = {
  units: "zero-one",
  layers: [{ weights: [1, 2, 3, 4].map((seed) => numbers(seed, 2)), bias: [0.2, -0.4, 6, -7] }],
  contexts: [[1, 1]],
  components: [
    { name: "f", reads: [0], weights: [5, 6].map((seed) => numbers(seed, 4)), bias: [0.3, 1], eta: "square" },
  ],
};

describe("UGC", () => {
  it.each(codings)("is unbiased whatever the threshold, units %s", (units) => {
    const asked = ["ugc:threshold=0.4", "bit-flip"];
    const { estimators } = audit({ ...smallFunction(units), contexts: [[1, 0, 1]] }, { estimators: asked });
    for (const one of asked) expect(estimators[one].bias, one).toBeLessThan(1e-12);
  });

  it("is DisARM where the threshold is 0, credit by credit", () => {
    for (const units of codings) {
      const spec = smallFunction(units);
      expect(credits(spec, "ugc:threshold=0")).toEqual(credits(spec, "disarm"));
    }
  });

  it("where all are flipped credits one of D units by D times its local expectation: so its variance follows", () => {
    const { estimators } = audit(fourCoins, {
      estimators: ["bit-flip", "local-expectation"],
    }) as FunctionReport;
    const of = (name: string, what: "mean" | "variance") => flat(estimators[name][what]);
    of("bit-flip", "variance").forEach((variance, e) => {
      const mean = of("local-expectation", "mean")[e];
      const square = of("local-expectation", "variance")[e] + mean ** 2;
      expect(variance).toBeCloseTo(4 * square - mean ** 2, 12);
    });
    const [found] = credits(fourCoins, "ugc:threshold=1");
    for (let row = 0; row < 8; row++) {
      expect(found.slice(4 * row, 4 * row + 4).filter((g) => g !== 0).length).toBeLessThanOrEqual(1);
    }
  });

  it("has far less variance than DisARM in units that are all but decided, and DisARM's in the others", () => {
    const { estimators } = audit(fourCoins, { estimators: ["ugc", "disarm"] }) as FunctionReport;
    const [ugc, disarm] = ["ugc", "disarm"].map((name) => flat(estimators[name].variance).slice(-4));
    for (const j of [2, 3]) expect(ugc[j]).toBeLessThan(disarm[j] / 50);
    for (const j of [0, 1]) expect(ugc[j]).toBeCloseTo(disarm[j], 12);
  });
});

describe("GO", () => {
  it.each(codings)(
    "is unbiased, and f-HNCA is its expectation: no less variance anywhere, units %s",
    (units) => {
      for (const softmax of [false, true]) {
        const { estimators } = audit(smallFunction(units, softmax), { estimators: ["go", "f-hnca"] });
        expect(estimators.go.bias).toBeLessThan(1e-12);
        const lower = flat(estimators["f-hnca"].variance);
        flat(estimators.go.variance).forEach((variance, e) => {
          expect(variance).toBeGreaterThanOrEqual(lower[e] * (1 - 1e-9) - 1e-12);
        });
      }
    },
  );

  it("credits nothing where a unit is on or made its last choice", () => {
    const spec = smallFunction("zero-one", true);
    const [bernoulli, softmax] = credits({ ...spec, components: spec.components.slice(2) }, "go");
    expect(bernoulli.some((g) => g === 0) && bernoulli.some((g) => g !== 0)).toBe(true);
    for (let row = 0; row < 8; row++) {
      const three = softmax.slice(3 * row, 3 * row + 3);
      expect(three.reduce((a, b) => a + b)).toBeCloseTo(0, 12);
    }
  });
});
