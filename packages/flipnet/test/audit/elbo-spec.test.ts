import { describe, expect, it } from "vitest";
import { audit } from "../../src/audit/audit.ts";
import { type ElboSpec, parseElboSpec } from "../../src/audit/elbo-spec.ts";
import { InputError } from "../../src/formats/errors.ts";

const table = (rows: number, columns: number) => Array.from({ length: rows }, () => Array(columns).fill(0.5));
const layer = (units: number, inputs: number) => ({
  weights: table(units, inputs),
  bias: Array(units).fill(0.1),
});

/** Four pixels, three units, two on top. */
const good = (): ElboSpec => ({
  encoder: [layer(3, 4), layer(2, 3)],
  decoder: [layer(3, 2), layer(4, 3)],
  prior: [0, 1],
  images: [
    [0, 1, 1, 0],
    [1, 1, 0, 0],
  ],
});

/** The good spec with the value at a path replaced. */
function withValue(path: (string | number)[], value: unknown): unknown {
  const spec: unknown = good();
  let at = spec as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  at[path[path.length - 1]] = value;
  return spec;
}

describe("a spec of an ELBO", () => {
  it("gets its defaults, and its decoder from the image on", () => {
    const { decoder, prior, entropy, baseline } = parseElboSpec(good());
    expect(decoder.map(({ bias }) => bias.length)).toEqual([4, 3]);
    expect(prior).toEqual({ weights: [[], []], bias: [0, 1] });
    expect(entropy).toBe("analytic");
    expect(baseline).toBeUndefined();
  });

  it.each<[(string | number)[], unknown, string]>([
    [["encoder", 0], layer(3, 5), "encoder[0].weights[0] has 5 entries; expected 4, one for each pixel"],
    [
      ["encoder", 1],
      layer(2, 4),
      "encoder[1].weights[0] has 4 entries; expected 3, one for each unit of encoder[0]",
    ],
    [
      ["decoder", 0],
      layer(3, 3),
      "decoder[0].weights[0] has 3 entries; expected 2, one for each unit of encoder[1]",
    ],
    [["decoder", 0], layer(4, 2), "decoder[0] has 4 units; expected 3, one for each unit of encoder[0]"],
    [["decoder", 1], layer(3, 3), "decoder[1] has 3 units; expected 4, one for each pixel"],
    [["decoder"], [layer(4, 3)], "decoder has 1 entries; expected 2, one layer for each of the encoder's"],
    [["decoder"], undefined, "decoder is missing; expected an array with at least one entry"],
    [
      ["encoder", 1, "parents"],
      ["input", 0],
      "encoder[1].weights[0] has 3 entries; expected 7, one for each column of its parents",
    ],
    [
      ["encoder", 1, "parents"],
      [1],
      'layer 1 has the parent 1; expected "input" or an earlier layer\'s number, from 0 on',
    ],
    [["prior"], [0], "prior has 1 entries; expected 2, one for each unit of encoder[1]"],
    [["prior", 1], "1", 'prior[1] is "1"; expected a finite number'],
    [["images", 1, 2], 0.5, "images[1][2] is 0.5; expected a bit, 0 or 1"],
    [["images", 1], [0, 1], "images[1] has 2 entries; expected 4, as the first image has"],
    [["entropy"], "sample", 'entropy is "sample"; expected "analytic" or "sampled"'],
    [["baseline"], "running-average", 'baseline is "running-average"; expected a finite number'],
    [["encoder", 0, "bias"], [0], "encoder[0].bias has 1 entries; expected 3, one for each row of weights"],
    [
      ["encoder", 0, "kind"],
      "softmax",
      "encoder[0].choices is missing; expected a whole number of at least 2, as the layer is softmax",
    ],
    [
      ["units"],
      "plus-minus",
      'the spec has an unknown key "units"; expected one of encoder, decoder, prior, images, entropy, klWeight, baseline',
    ],
  ])("with %j = %j is refused", (path, value, message) => {
    expect(() => audit(withValue(path, value) as ElboSpec)).toThrow(new InputError(message));
  });

  it("has estimators of its own", () => {
    expect(() => audit(good(), { estimators: ["hnca"] })).toThrow(
      new InputError(
        'hnca needs the last layer\'s reward, which is not to be had here; did you mean "f-hnca"?',
      ),
    );
    expect(() => audit(good(), { estimators: ["disarm-freshly"] })).toThrow(
      new InputError('"disarm-freshly" is no estimator; did you mean "disarm-fresh"?'),
    );
  });

  it("is refused where the encoder has too many states", () => {
    const spec: ElboSpec = {
      ...good(),
      encoder: [layer(30, 4)],
      decoder: [layer(4, 30)],
      prior: Array(30).fill(0),
    };
    expect(() => audit(spec)).toThrow(
      new InputError(
        "the network has 2,147,483,648 states to enumerate; expected at most 16,777,216, or to simulate",
      ),
    );
  });
});
