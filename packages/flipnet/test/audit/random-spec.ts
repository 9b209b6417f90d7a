/** Random small bandits. */
import fc from "fast-check";
import type { AuditLayer, BanditSpec } from "../../src/audit/bandit-spec.ts";
import { newKey, uniformAt } from "../../src/random/threefry.ts";

const layerShape = fc.record({
  kind: fc.constantFrom("bernoulli" as const, "softmax" as const),
  units: fc.integer({ min: 1, max: 3 }),
  choices: fc.integer({ min: 2, max: 3 }),
  /** For the input and each earlier layer in turn: is it a parent beside the layer before? */
  skips: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
});

/**
 * 1 to 3 layers of 1 to 3 Bernoulli units or 1 to 2 softmax units of 2 to 3 choices, parents as they come; an output
 * of either kind; 1 to 3 contexts of 1 to 3 bits or real numbers; some rewards random.
 */
export const banditSpecs: fc.Arbitrary<BanditSpec> = fc
  .record({
    units: fc.constantFrom("zero-one" as const, "plus-minus" as const),
    shapes: fc.array(layerShape, { minLength: 1, maxLength: 3 }),
    inputs: fc.integer({ min: 1, max: 3 }),
    contextCount: fc.integer({ min: 1, max: 3 }),
    real: fc.boolean(),
    scale: fc.constantFrom(0.3, 2, 6),
    seed: fc.nat(),
  })
  .map(({ units, shapes, inputs, contextCount, real, scale, seed }) => {
    const key = { ...newKey(), k0: seed };
    let index = 0;
    const number = () => 2 * uniformAt(key, index++) - 1;
    const numbers = (count: number, of = number) => Array.from({ length: count }, of);

    const widths: number[] = [];
    const layers = shapes.map((shape, l): AuditLayer => {
      const last = l === shapes.length - 1;
      const unitCount = last ? 1 : shape.kind === "softmax" ? Math.min(2, shape.units) : shape.units;
      const choices = shape.kind === "softmax" ? shape.choices : 1;
      const all = ["input" as const, ...shapes.slice(0, l).keys()];
      const parents = all.filter((_, i) => i === l || shape.skips[i]);
      const width = parents.reduce<number>(
        (sum, from) => sum + (from === "input" ? inputs : widths[from]),
        0,
      );
      widths.push(unitCount * choices);
      return {
        kind: shape.kind,
        ...(shape.kind === "softmax" ? { choices } : {}),
        parents: parents.reverse(),
        weights: numbers(widths[l]).map(() => numbers(width, () => scale * number())),
        bias: numbers(widths[l], () => scale * number()),
      };
    });
    const actions = Math.max(2, widths[shapes.length - 1]);
    const reward = () => {
      const p = (1 + number()) / 2;
      return p < 0.7 ? number() : { values: numbers(2), probabilities: [p, 1 - p] };
    };
    return {
      units,
      layers,
      contexts: numbers(contextCount).map(() =>
        numbers(inputs, () => (real ? 2 * number() : number() > 0 ? 1 : 0)),
      ),
      reward: numbers(contextCount).map(() => Array.from({ length: actions }, reward)),
      ...(seed % 2 === 0 ? { baseline: number() } : {}),
    };
  });
