/**
 * ARMS (Dimitriev and Zhou 2021): K samples that repel each other, each with the mean of the others for its baseline, and
 * what their dependence takes away put back,
 *
 *     g = p q / (p - rho) * 1/K sum_k (f_k - mean of the other f) (b_k - p),     rho = P(b_j = b_k = 1),
 *
 * `f` over the components downstream of the layer. With `a = min(p, q)`, `p - rho` is `a - max(0, 2 s - 1)^(K-1)`,
 * `s = a^(1/(K-1))`, whichever outcome is the rarer, and so the factor is `max(p, q) / (1 - max(0, 2 - 1/s)^(K-1))`. Two samples are
 * DisARM. Independent ones would be leave-one-out: `rho = p^2`.
 *
 * Unbiased. Cost: K - 1 partial passes from every layer on (K with `resample: "fresh"`), quadratic in depth.
 */
import type { Draws } from "../network/draws.ts";
import { repelling } from "../network/laws.ts";
import { defineEstimator, type Problem } from "./estimator.ts";
import { prepareLeaveOneOut, prepareResampling, type Resampled, resampleOptions } from "./resampling.ts";

/** `g = p q / (p - rho) * 1/K sum_k (f_k - mean of the other f) (b_k - p)`: Dimitriev and Zhou 2021, Dirichlet copula. */
export const arms = defineEstimator({
  name: "arms",
  title: "ARMS",
  paper: "Dimitriev and Zhou 2021, Dirichlet copula",
  unbiased: true,
  why: "what the samples' dependence takes from leave-one-out is one known factor a unit",
  needs: { knows: ["evaluations"], bernoulli: "all" },
  baseline: false,
  cost: "forward pass + partial passes from each layer on",
  options: { ...resampleOptions, samples: { ...resampleOptions.samples, default: 4 } },
  variants: [{ name: "arms", samples: 3 }],

  prepare(problem, options) {
    const { credit, prepareDraw } = prepareRepelling(problem, options.samples);
    return prepareResampling(problem, options, credit, prepareDraw);
  },
});

/** How ARMS credits and draws a layer of Bernoulli units. */
export function prepareRepelling({ network, input, ...problem }: Problem, K: number) {
  const { backend, layers } = network;
  const matrices = () =>
    layers.map(({ kind, width }) => backend.matrix(input.rows, kind === "bernoulli" ? width : 0));
  const [factors, rooms] = [matrices(), matrices()];
  const leaveOneOut = prepareLeaveOneOut({ network, input, ...problem }, K);
  return {
    credit(resampled: Resampled): void {
      leaveOneOut(resampled);
      const { index } = resampled.layer;
      const { p, q } = resampled.branches[0].pass.layers[index];
      const [factor, room] = [factors[index], rooms[index]];
      // -max(-p, -q) loses nothing.
      backend.fill(factor, 0);
      backend.addScaled(p, -1, factor);
      backend.fill(room, 0);
      backend.addScaled(q, -1, room);
      backend.maximum(factor, room, factor);
      backend.signedPower(factor, -1 / (K - 1), 1, factor); // -1/s
      backend.fill(room, 2);
      backend.addScaled(factor, 1, room);
      backend.fill(factor, 0);
      backend.maximum(room, factor, room);
      backend.signedPower(room, K - 1, -1, room);
      backend.fill(factor, 1);
      backend.addScaled(room, 1, factor);
      backend.signedPower(factor, -1, 1, factor);
      backend.multiply(resampled.g, factor, resampled.g);
      backend.maximum(p, q, factor);
      backend.multiply(resampled.g, factor, resampled.g);
    },
    prepareDraw({ layer: { index }, branches }: Resampled): (draws: Draws) => void {
      const { pass } = branches[0];
      const others = branches.slice(1).map((branch) => branch.pass.layers[index].bits);
      const law = repelling(backend, pass.layers[index], others);
      return (draws) => draws.draw(pass.sites[index], law);
    },
  };
}
