/**
 * Double control variates (Titsias and Shi 2022): leave-one-out over K samples, each `f_k` with a correction that is
 * linear in the bits, and what that has for its mean,
 *
 *     g = 1/K sum_k [f_k + c_k - mean of the other (f_j + c_j)] (b_k - p) - alpha dE[b]/dl m,
 *     c_k = alpha m_k . (b_k - p),     m_k = mean of the other samples' df/db,     m = mean of all df/db,
 *
 * `f` over the components downstream of the layer, its slope over those that read the layer, what lies deeper being as it was
 * drawn. `alpha` is one number a layer that learns: downhill on the mean of `g^2`. With `alpha` = 0 it is leave-one-out.
 *
 * Unbiased, whatever `alpha` is, as no `m_k` depends on sample k. Cost: K - 1 partial passes from every layer on, as
 * leave-one-out, and the slopes of each.
 */
import type { Matrix } from "../backend/backend.ts";
import { computeScore } from "../network/pass.ts";
import { addOwnSlopes, throughLaw } from "./backpropagation.ts";
import { defineEstimator } from "./estimator.ts";
import { number, positive } from "./options.ts";
import { advantageOf, prepareLeaveOneOut, prepareResampling, resampleOptions } from "./resampling.ts";

/** Leave-one-out with control variates linear in the bits: Titsias and Shi 2022, equation 12. */
export const doubleCv = defineEstimator({
  name: "double-cv",
  title: "Double CV",
  paper: "Titsias and Shi 2022",
  unbiased: true,
  why: "each sample's corrections do not depend on it, and what they add on average is subtracted",
  needs: { knows: ["evaluations", "slopes"] },
  baseline: false,
  cost: "forward pass + partial passes from each layer on, with slopes",
  options: {
    ...resampleOptions,
    start: number({ from: -10, to: 10, default: 0, says: "the coefficient of the corrections at first" }),
    rate: positive({ default: 1e-3, says: "its learning rate" }),
  },
  variants: [{ name: "double-cv", start: -0.8 }],

  prepare(problem, { samples: K, resample, start, rate }) {
    const { network, input } = problem;
    const { backend, layers } = network;
    const leaveOneOut = prepareLeaveOneOut(problem, K);
    const parts = layers.map(({ index, width }) => {
      const matrix = (columns = width) => backend.matrix(input.rows, columns);
      const alpha = backend.matrix(1, 1);
      backend.fill(alpha, start);
      return {
        parameters: { name: `estimator.double-cv.${index}`, block: alpha, width: 0, rate },
        gradient: backend.matrix(1, 1),
        /** Of each sample: df/db, and its correction for a coefficient of 1. */
        slopes: Array.from({ length: K }, () => matrix()),
        corrections: Array.from({ length: K }, () => ({
          components: [{ value: matrix(1) }],
          advantage: matrix(1),
        })),
        mean: matrix(),
        others: matrix(),
        score: matrix(),
        /** The credit's derivative by the coefficient. */
        unit: matrix(),
        spread: matrix(1),
        dots: matrix(1),
      };
    });
    const prepared = prepareResampling(problem, { samples: K, resample }, (resampled) => {
      leaveOneOut(resampled);
      const { layer, branches, g } = resampled;
      const { slopes, corrections, mean, others, score, unit, spread, dots, parameters } = parts[layer.index];
      backend.fill(mean, 0);
      branches.forEach(({ components }, k) => {
        backend.fill(slopes[k], 0);
        addOwnSlopes(components, layer, slopes[k]);
        backend.addScaled(slopes[k], 1 / K, mean);
      });
      const scoreOf = (k: number): Matrix => {
        computeScore(backend, branches[k].pass.layers[layer.index], score);
        return score;
      };
      branches.forEach((_, k) => {
        backend.fill(others, 0);
        backend.addScaled(mean, K / (K - 1), others);
        backend.addScaled(slopes[k], -1 / (K - 1), others);
        backend.rowDots(others, scoreOf(k), "real", corrections[k].components[0].value, false);
      });
      throughLaw(branches[0].pass, layer, mean, unit);
      backend.fill(others, 0);
      backend.addScaled(unit, -1, others);
      backend.copy(others, unit);
      branches.forEach((_, k) => {
        backend.scaleRows(scoreOf(k), advantageOf(backend, corrections, k), others);
        backend.addScaled(others, 1, unit);
      });
      backend.broadcast(parameters.block, spread);
      backend.scaleRows(unit, spread, others);
      backend.addScaled(others, 1, g);
      backend.rowDots(g, unit, "real", dots, false);
    });
    return {
      ...prepared,
      parameters: parts.map(({ parameters }) => parameters),
      gradients: parts.map(({ gradient }) => gradient),
      adapt() {
        for (const { dots, gradient, mean } of parts) {
          backend.columnMeans(dots, gradient, false);
          backend.addScaled(gradient, -2 / mean.columns - 1, gradient); // uphill on -mean(g^2)
        }
      },
    };
  },
});
