/** Random small variational auto-encoders. */
import fc from "fast-check";
import type { AuditLayer } from "../../src/audit/bandit-spec.ts";
import type { ElboSpec } from "../../src/audit/elbo-spec.ts";
import { newKey, uniformAt } from "../../src/random/threefry.ts";

/**
 * 1 to `depth` layers of 1 or 2 units, 1 to 3 pixels, 1 or 2 images; both entropies; some with a baseline. A chain, or with
 * more parents than that; Bernoulli units, or some of them softmax.
 */
export const elboSpecs = (
  depth: number,
  graph: "chain" | "skips" = "chain",
  units: "bernoulli" | "mixed" = "bernoulli",
): fc.Arbitrary<ElboSpec> =>
  fc
    .record({
      widths: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: depth }),
      pixels: fc.integer({ min: 1, max: 3 }),
      images: fc.integer({ min: 1, max: 2 }),
      scale: fc.constantFrom(0.3, 2, 6),
      entropy: fc.constantFrom("analytic" as const, "sampled" as const),
      baseline: fc.option(fc.double({ min: -5, max: 5, noNaN: true }), { nil: undefined }),
      /** For the image and each earlier layer in turn: is it a parent beside the layer before? */
      choices: fc.array(fc.constantFrom(1, 2, 3), { minLength: depth, maxLength: depth }),
      skips: fc.array(fc.array(fc.boolean(), { minLength: depth, maxLength: depth }), {
        minLength: depth,
        maxLength: depth,
      }),
      seed: fc.nat(),
    })
    .map(({ widths: counts, pixels, images, scale, entropy, baseline, choices, skips, seed }) => {
      const key = { ...newKey(), k0: seed };
      let index = 0;
      const number = () => scale * (2 * uniformAt(key, index++) - 1);
      const numbers = (count: number, of = number) => Array.from({ length: count }, of);
      const layer = (inputs: number, units: number): AuditLayer => ({
        weights: numbers(units).map(() => numbers(inputs)),
        bias: numbers(units),
      });
      const isMixed = units === "mixed";
      const widths = counts.map((count, l) =>
        isMixed ? choices[l] * Math.min(count, 4 - choices[l]) : count,
      );
      const sizes = [pixels, ...widths];
      const kindOf = (l: number) =>
        isMixed && choices[l] > 1 ? { kind: "softmax" as const, choices: choices[l] } : {};
      return {
        encoder: widths.map((units, l) => {
          if (graph === "chain") return { ...layer(sizes[l], units), ...kindOf(l) };
          const sources = [...Array(l + 1).keys()].filter((from) => from === l || skips[l][from]);
          const inputs = sources.reduce((sum, from) => sum + sizes[from], 0);
          return {
            ...layer(inputs, units),
            parents: sources.map((from) => (from === 0 ? "input" : from - 1)),
          };
        }),
        decoder: widths.map((units, l) => layer(units, sizes[l])).reverse(),
        prior: numbers(widths[widths.length - 1]),
        images: numbers(images).map(() => numbers(pixels, () => (number() > 0 ? 1 : 0))),
        entropy,
        ...(baseline === undefined ? {} : { baseline }),
      };
    });
