/**
 * Antithetic pairs: what DisARM and ARM share. A layer's samples come in pairs, each from one uniform a unit; the credit
 * is the mean over the pairs.
 */
import type { Backend, Matrix, Outcome } from "../backend/backend.ts";
import { antithetic, type Law } from "../network/laws.ts";
import type { PreparedEstimator, Problem } from "./estimator.ts";
import { count, type ValuesOf } from "./options.ts";
import {
  advantageOf,
  type Branch,
  prepareResampling,
  type Resampled,
  resampleOptions,
} from "./resampling.ts";

/** The options of estimators that resample each layer in pairs. */
export const pairOptions = {
  ...resampleOptions,
  samples: count({
    least: 2,
    step: 2,
    default: 2,
    says: "samples of each layer, half as many pairs, the main pass among them",
  }),
};

/** One pair of a layer. */
export interface Pair {
  readonly layer: Resampled["layer"];
  readonly first: Branch;
  readonly second: Branch;
  /** [B, width] the uniforms of the pair; only where they are kept. */
  readonly uniforms: Matrix | undefined;
}

/** What makes the law of a pair of outcomes, the second's bits being `second`; the uniforms go into `kept`, where that is given. */
export type PairLaw = (backend: Backend, outcome: Outcome, second: Matrix, kept?: Matrix) => Law;

/**
 * An estimator that credits each layer by antithetic pairs.
 *
 * @param factor writes what half the difference of the objective, `(f1 - f2) / 2`, is to be multiplied with
 * @param options.keepUniforms whether `factor` looks at the uniforms
 * @param options.law of Bernoulli units by default
 */
export function prepareAntitheticPairs(
  problem: Problem,
  options: ValuesOf<typeof pairOptions>,
  factor: (pair: Pair, out: Matrix) => void,
  { keepUniforms = false, law = antithetic }: { keepUniforms?: boolean; law?: PairLaw } = {},
): PreparedEstimator {
  const { backend, layers } = problem.network;
  const matrices = () => layers.map(({ width }) => backend.matrix(problem.input.rows, width));
  const count = options.samples / 2;
  const room = count > 1 ? matrices() : [];
  const kept = keepUniforms ? Array.from({ length: count }, matrices) : [];
  const pairsOf = ({ layer, branches }: Resampled): Pair[] =>
    Array.from({ length: count }, (_, i) => ({
      layer,
      first: branches[2 * i],
      second: branches[2 * i + 1],
      uniforms: kept[i]?.[layer.index],
    }));
  const pairs: Pair[][] = [];

  return prepareResampling(
    problem,
    options,
    ({ layer: { index }, g }) => {
      pairs[index].forEach((pair, i) => {
        const term = i === 0 ? g : room[index];
        factor(pair, term);
        backend.scaleRows(term, advantageOf(backend, [pair.first, pair.second], 0), term);
        if (i > 0) backend.addScaled(term, 1, g);
      });
      if (count > 1) backend.addScaled(g, 1 / count - 1, g);
    },
    (resampled) => {
      const { index } = resampled.layer;
      pairs[index] = pairsOf(resampled);
      const draws = pairs[index].map(({ first: { pass }, second, uniforms }) => ({
        site: pass.sites[index],
        law: law(backend, pass.layers[index], second.pass.layers[index].bits, uniforms),
      }));
      return (given) => {
        for (const { site, law } of draws) given.draw(site, law);
      };
    },
  );
}

/** What DisARM multiplies half the difference with, of Bernoulli units: `(b1 - b2) max(p, 1 - p)`. */
export function prepareDisarmFactor({ network, input }: Problem): (pair: Pair, out: Matrix) => void {
  const { backend, layers } = network;
  const larger = layers.map(({ kind, width }) =>
    kind === "bernoulli" ? backend.matrix(input.rows, width) : undefined,
  );
  return ({ layer: { index }, first, second }, out) => {
    const { p, q, bits } = first.pass.layers[index];
    backend.maximum(p, q, larger[index]!);
    backend.subtract(bits, second.pass.layers[index].bits, out);
    backend.multiply(out, larger[index]!, out);
  };
}
