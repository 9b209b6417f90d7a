// The bound of K samples: the means of those that climb it are its gradient, of all parameters.
import { expect, it } from "vitest";
import { logSigmoid } from "../../src/audit/arithmetic.ts";
import { audit } from "../../src/audit/audit.ts";
import { type ElboSpec, parseElboSpec } from "../../src/audit/elbo-spec.ts";
import { elboSubject } from "../../src/audit/elbo-subject.ts";
import { enumerate, prepareRun } from "../../src/audit/run.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { localDisarm } from "../../src/estimators/local-disarm.ts";
import { vimco } from "../../src/estimators/vimco.ts";
import { InputError } from "../../src/formats/errors.ts";
import { smallElbo } from "./small.ts";

const backend = createReferenceBackend();
const spec: ElboSpec = { ...smallElbo(), images: [[1, 0, 1]], entropy: "sampled" };

/** `E[log mean_k w_k]` of two layers, of two units and one, over all that K passes can do. */
function boundOf({ encoder, decoder, prior, images }: ElboSpec, K: number): number {
  const logit = (w: readonly number[], x: readonly number[], c: number) =>
    w.reduce((sum, one, i) => sum + one * x[i], c);
  const logP = (
    l: { weights: readonly (readonly number[])[]; bias: readonly number[] },
    x: readonly number[],
    t: readonly number[],
  ) => t.reduce((sum, bit, j) => sum + logSigmoid((2 * bit - 1) * logit(l.weights[j], x, l.bias[j])), 0);
  let total = 0;
  for (const image of images) {
    const outcomes = Array.from({ length: 8 }, (_, n) => {
      const [h, top] = [[n & 1, (n >> 1) & 1], [(n >> 2) & 1]];
      const q = logP(encoder[0], image, h) + logP(encoder[1], h, top);
      const p =
        logP(decoder[1], h, image) + logP(decoder[0], top, h) + logSigmoid((2 * top[0] - 1) * prior[0]);
      return { chance: Math.exp(q), weight: Math.exp(p - q) };
    });
    for (let state = 0; state < 8 ** K; state++) {
      let [chance, sum] = [1, 0];
      for (let k = 0; k < K; k++) {
        const one = outcomes[Math.floor(state / 8 ** k) % 8];
        chance *= one.chance;
        sum += one.weight;
      }
      total += chance * Math.log(sum / K);
    }
  }
  return total / images.length;
}

it.each([
  ["vimco", 2, vimco],
  ["vimco", 3, vimco],
  ["local-disarm", 2, localDisarm],
] as const)(
  "%s of %d samples: the mean is the gradient, encoder, decoder and prior",
  (kind, K, estimator) => {
    const step = 1e-5;
    const slopeAt = (pick: (copy: ElboSpec) => number[], i: number) => {
      const moved = (by: number) => {
        const copy = structuredClone(spec);
        pick(copy)[i] += by;
        return boundOf(copy, K);
      };
      return (moved(step) - moved(-step)) / (2 * step);
    };
    const slopesOf = (pick: (copy: ElboSpec) => { weights: number[][]; bias: number[] }) => {
      const { weights, bias } = pick(spec);
      return {
        weights: weights.map((row, j) => row.map((_, i) => slopeAt((copy) => pick(copy).weights[j], i))),
        bias: bias.map((_, j) => slopeAt((copy) => pick(copy).bias, j)),
      };
    };
    const map = (of: "encoder" | "decoder", l: number) => slopesOf((copy) => copy[of][l] as never);
    const exact = [
      map("encoder", 0),
      map("encoder", 1),
      map("decoder", 1),
      map("decoder", 0),
      { weights: [[]], bias: [slopeAt((copy) => copy.prior as number[], 0)] },
    ];
    const subject = elboSubject(backend, parseElboSpec(spec));
    const found = enumerate(prepareRun(subject, estimator({ samples: K })), exact);
    for (const { bias } of found) expect(bias).toBeLessThan(1e-8);
    // It is not the bound of one sample.
    const name = `${kind}:samples=${K}`;
    expect(audit(spec, { estimators: [name] }).estimators[name].bias).toBeGreaterThan(0.01);
  },
);

it("needs weights of what was drawn", () => {
  expect(() => audit(smallElbo(), { estimators: ["vimco"] })).toThrow(
    new InputError(
      '"entropy.0" is a function of a law, and vimco weighs what was drawn; expected sampled entropies',
    ),
  );
});
