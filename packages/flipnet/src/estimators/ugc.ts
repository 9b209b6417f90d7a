/**
 * Unbiased gradient clipping (Kunes, Yin, Land, Haviv, Pe'er and Tavaré 2023): DisARM, whose variance relative to the gradient has no
 * bound as a unit saturates, for units that are undecided, and BitFlip-1 for the others, those with `min(p, q)` below a threshold,
 *
 *     undecided:  (f1 - f2) / 2 (b1 - b2) max(p, q),         b1, b2 an antithetic pair,
 *     saturated:  n p q (f(on) - f(off))  for one of the n of them, drawn anew for every example; 0 for the others,
 *
 * `f` over the components downstream of the layer, the second at the first sample with that unit flipped. With a threshold of 0 it is
 * DisARM; above 1/2, BitFlip-1 of all units.
 *
 * Unbiased. Cost: two partial passes from every layer on (three with `resample: "fresh"`), quadratic in depth; which unit is
 * flipped is found on the host.
 */

import { type FlipLaw, flipOne } from "../network/flip-law.ts";
import { antithetic } from "../network/laws.ts";
import { defineEstimator } from "./estimator.ts";
import { number } from "./options.ts";
import { advantageOf, prepareResampling, resampleOptions } from "./resampling.ts";

/** DisARM, and `n p q (f(on) - f(off))` of one in n saturated units: Kunes et al. 2023. */
export const ugc = defineEstimator({
  name: "ugc",
  title: "UGC",
  paper: "Kunes, Yin, Land, Haviv, Pe'er and Tavaré 2023, BitFlip-1 and DisARM",
  unbiased: true,
  why: "each unit is credited by one of two unbiased rules, and its law alone says which",
  needs: { knows: ["evaluations"], bernoulli: "all" },
  baseline: false,
  cost: "forward pass + two partial passes from each layer on",
  options: {
    threshold: number({
      from: 0,
      to: 1,
      default: undefined,
      says: "units with a rarer outcome are credited by flips; default 1 / (2 D), D the units of the layer",
    }),
    resample: resampleOptions.resample,
  },
  variants: [{ name: "bit-flip", threshold: 1 }],

  prepare(problem, { threshold, resample }) {
    const { network, input } = problem;
    const { backend, layers } = network;
    const flips: FlipLaw[] = [];
    const rooms = layers.map(({ width }) => [0, 1].map(() => backend.matrix(input.rows, width)));
    return prepareResampling(
      problem,
      { samples: 3, resample },
      ({ layer: { index }, branches, g }) => {
        const [first, second, flipped] = branches;
        const { p, q, bits } = first.pass.layers[index];
        const [undecided, room] = rooms[index];
        const { among, count } = flips[index];
        backend.maximum(p, q, room);
        backend.subtract(bits, second.pass.layers[index].bits, g);
        backend.multiply(g, room, g);
        backend.scaleRows(g, advantageOf(backend, [first, second], 0), g);
        backend.fill(undecided, 1);
        backend.addScaled(among, -1, undecided);
        backend.multiply(g, undecided, g);
        // f(on) - f(off) is twice the advantage, by whether it was on.
        backend.subtract(bits, flipped.pass.layers[index].bits, room);
        backend.meanSlope(room, p, q, 2, room);
        backend.scaleRows(room, count, room);
        backend.scaleRows(room, advantageOf(backend, [first, flipped], 0), room);
        backend.addScaled(room, 1, g);
      },
      ({ layer: { index, width }, branches }) => {
        const [{ pass }, second, flipped] = branches;
        const pair = antithetic(backend, pass.layers[index], second.pass.layers[index].bits);
        const other = flipped.pass.layers[index].bits;
        flips[index] = flipOne(backend, pass.layers[index], other, threshold ?? 1 / (2 * width));
        return (draws) => {
          draws.draw(pass.sites[index], pair);
          draws.draw(flipped.pass.sites[index], flips[index]);
        };
      },
    );
  },
});
